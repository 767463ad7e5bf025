"""Two maildirs on this machine: what the demo sends with and receives from (cr.yp.to/proto/maildir.html).

A file appears in ``new`` whole or not at all: it is written and synced in ``tmp`` first. The name of a
mail that we send follows from its Message-ID, so that the same mail twice is one file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from itertools import islice
from pathlib import Path

from workstation.services.errors import Invalid, SourceBusy, SourceDenied, SourceDown
from workstation.services.mail import headers
from workstation.services.mail.address import recipient as one_recipient
from workstation.services.mail.inbound import RAW_MAX
from workstation.services.mail.message import is_message_id
from workstation.services.mail.ports import SendUnknown

#: Mails that one call of `fetch` returns at most.
BATCH = 50
_HINT = "Look whether the directory exists, may be written and has room."


class MaildirMailbox:
    """``root/inbox`` is read, ``root/outgoing`` is written; both are made where they are missing.

    The cursor is a file name. A delivery may appear late under an earlier name, so a name alone proves
    nothing: every file stays in ``inbox/new`` and is returned again until a call of `fetch` with a cursor
    shows that the batch it came with was filed; then it moves to ``cur``.
    """

    def __init__(self, root: Path) -> None:
        self._inbox = root / "inbox"
        self._outgoing = root / "outgoing"
        self._returned: list[str] = []
        for box in (self._inbox, self._outgoing):
            for part in ("tmp", "new", "cur"):
                (box / part).mkdir(mode=0o700, parents=True, exist_ok=True)

    async def fetch(self, after: str | None) -> list[tuple[str, bytes]]:
        """Return up to :data:`BATCH` mails of ``inbox/new``, by name. See the port."""
        return await asyncio.to_thread(self._fetch, after)

    async def sent(self, message_id: str) -> bool:
        """Return whether the mail lies in ``outgoing``, read or unread. See the port."""
        return is_message_id(message_id) and await asyncio.to_thread(self._is_there, _name(message_id))

    async def send(self, message: bytes, recipient: str) -> None:
        """Put the mail into ``outgoing/new``, once. See the port."""
        await asyncio.to_thread(self._send, message, recipient)

    async def aclose(self) -> None:
        """Nothing to release."""

    def _fetch(self, after: str | None) -> list[tuple[str, bytes]]:
        try:
            self._put_away(after)
            names = sorted(e.name for e in os.scandir(self._inbox / "new") if e.is_file(follow_symlinks=False))
            batch = [(name, self._read(name)) for name in islice((n for n in names if n[0] != "."), BATCH)]
        except OSError as error:
            raise SourceDown(f"The inbox cannot be read ({error.strerror}).", _HINT) from error
        self._returned = [name for name, _ in batch]
        return batch

    def _put_away(self, after: str | None) -> None:
        """Move what was filed to ``cur``: of the last batch, in its order, everything up to the cursor."""
        if after in self._returned:
            for name in self._returned[: self._returned.index(after) + 1]:
                (self._inbox / "new" / name).rename(self._inbox / "cur" / f"{name}:2,S")
        self._returned = []

    def _read(self, name: str) -> bytes:
        with (self._inbox / "new" / name).open("rb") as file:
            return file.read(RAW_MAX + 1)

    def _is_there(self, name: str) -> bool:
        try:
            if (self._outgoing / "new" / name).exists():
                return True
            return any(entry.name.partition(":")[0] == name for entry in os.scandir(self._outgoing / "cur"))
        except OSError as error:
            raise SourceDown(f"The sent mails cannot be looked at ({error.strerror}).", _HINT) from error

    def _send(self, message: bytes, recipient: str) -> None:
        name = _name(headers.first(headers.split(memoryview(message))[0], "message-id"))
        try:
            recipient = one_recipient(recipient)
        except Invalid as error:
            raise SourceDenied(error.what, error.hint) from error
        temporary = self._outgoing / "tmp" / name
        final = self._outgoing / "new" / name
        try:
            if self._is_there(name):
                return
            _write(temporary, b"Delivered-To: " + recipient.encode("ascii") + b"\r\n" + message)
        except (OSError, SourceDown) as error:
            raise SourceBusy("The mail could not be written to the outgoing directory.", _HINT) from error
        try:
            _publish(temporary, final)
        except OSError as error:
            raise SendUnknown("The outgoing directory failed while the mail was put into it.", _HINT) from error


def _name(message_id: str) -> str:
    """Return the file name of the mail with this Message-ID.

    Raises:
        SourceDenied: it is not a Message-ID; such a mail is not sent.
    """
    if not is_message_id(message_id):
        raise SourceDenied("The mail has no Message-ID.", "This is a fault of the program; report it.")
    return hashlib.sha256(message_id.encode()).hexdigest()[:40]


def _write(path: Path, data: bytes) -> None:
    """Write and sync a file that may be left over from a killed courier."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _publish(temporary: Path, final: Path) -> None:
    """Move the file in one step and sync the directory, so that a power cut does not take it back."""
    temporary.rename(final)
    directory = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
