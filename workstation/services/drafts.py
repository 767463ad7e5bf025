"""The journal of what is being typed: encrypted, on this machine's own disk, before anything else.

The link to the store may be down, the process may be killed, the lease may be lost: the text is here. A draft
is a file of AES-256-GCM (NIST SP 800-38D) under a key from the keyring; the case and kind are authenticated with it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from pathlib import Path

import msgspec

from workstation.services.clock import Clock
from workstation.services.errors import WorkstationError

_NAME = re.compile(r"(\d{1,18})\.([a-z_]{1,30})\.draft\Z")
NONCE = 12


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A journalled text; `at` is an ISO 8601 instant."""

    case: int
    kind: str
    text: str
    at: str


class Drafts:
    """One person's drafts on this machine.

    Args:
        directory: made 0700 where it is missing.
        key: 32 bytes.
        clock: when a draft was saved.

    Raises:
        WorkstationError: the directory cannot be made.
    """

    def __init__(self, directory: Path, key: bytes, clock: Clock) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._directory = directory
        self._aead = AESGCM(key)
        self._clock = clock
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _disk(error) from error

    def save(self, case: int, kind: str, text: str) -> None:
        """Keep `text`, replacing the draft of this case and kind, whole or not at all.

        Raises:
            WorkstationError: the disk is full or read-only; the draft before is untouched.
        """
        draft = Draft(case=case, kind=kind, text=text, at=self._clock.now().isoformat())
        nonce = secrets.token_bytes(NONCE)
        sealed = nonce + self._aead.encrypt(nonce, msgspec.json.encode(draft), _about(case, kind))
        path = self._path(case, kind)
        beside = path.with_suffix(f".{secrets.token_hex(4)}.new")
        try:
            _write(beside, sealed)
            beside.replace(path)
            _sync(self._directory)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise _disk(error) from error

    def load(self, case: int, kind: str) -> str:
        """Return the draft, or an empty text. One that cannot be read is put aside and kept."""
        found = self._read(self._path(case, kind), case, kind)
        return found.text if found else ""

    def discard(self, case: int, kind: str) -> None:
        """Forget a draft that was sent or emptied."""
        self._path(case, kind).unlink(missing_ok=True)

    def all(self) -> tuple[Draft, ...]:
        """Return every draft that can be read, by case and kind."""
        found = []
        for path in sorted(self._directory.iterdir()):
            if named := _NAME.match(path.name):
                draft = self._read(path, int(named[1]), named[2])
                if draft:
                    found.append(draft)
        return tuple(found)

    def broken(self) -> tuple[Path, ...]:
        """Return the files that were put aside: torn, foreign, or under another key."""
        return tuple(sorted(self._directory.glob("*.broken")))

    def _read(self, path: Path, case: int, kind: str) -> Draft | None:
        from cryptography.exceptions import InvalidTag

        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            plain = self._aead.decrypt(sealed[:NONCE], sealed[NONCE:], _about(case, kind))
            return msgspec.json.decode(plain, type=Draft)
        except (InvalidTag, ValueError):
            path.replace(path.with_suffix(f".{secrets.token_hex(4)}.broken"))
            return None

    def _path(self, case: int, kind: str) -> Path:
        if not _NAME.match(f"{case}.{kind}.draft"):
            raise WorkstationError(f"“{kind!a}” is not a kind of draft.")
        return self._directory / f"{case}.{kind}.draft"


def _about(case: int, kind: str) -> bytes:
    return f"workstation-draft-v1:{case}:{kind}".encode()


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk(error: OSError) -> WorkstationError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkstationError(
            "The disk is full: the draft was not saved.", "Make room; the text is still on the screen."
        )
    return WorkstationError(
        f"The draft could not be saved: {error.strerror}.",
        "Keep the screen open, and mend the rights of the directory.",
    )
