"""The journal of what is being typed: encrypted, on the local disk, there again after a crash.

A draft is a file of its own: a magic word, a nonce (NIST SP 800-38D, 8.2.2: 96 random bits) and AES-256-GCM. Whose
it is, of which case and of which kind are bound to it as associated data, so a file that was put in another's place
does not open. Written beside, flushed to the disk and renamed: a crash leaves the old text or the new one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from workstation.services.clock import Clock, from_micros, to_micros
from workstation.services.errors import Invalid, Refused, WorkstationError
from workstation.services.text import clean

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MAGIC = b"WSDRAFT1"
_NONCE = 12
_TAG = 16
KEY = 32
#: The largest draft in bytes; a mail of a thousand pages.
LARGEST = 16 * 1024 * 1024
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FILE = re.compile(r"(\d{1,18})-([a-z][a-z0-9_]{0,31})\.draft")


class Draft(msgspec.Struct, frozen=True):
    """A draft as it was last saved."""

    case: int
    kind: str
    text: str
    saved_at: datetime


class _Kept(msgspec.Struct, array_like=True):
    saved_us: int
    text: bytes


class Drafts:
    """The drafts of one person on this machine. Calls may come from several threads and processes.

    Args:
        directory: made with mode 0700 where it is missing; its last name is whose drafts they are.
        key: 32 bytes, from the keyring.
        clock: for when a draft was saved.
        random: returns that many random bytes.

    Raises:
        Invalid: the key is not 32 bytes.
        Refused: the directory is a link or somebody else's.
        WorkstationError: it cannot be made.
    """

    def __init__(self, directory: Path, key: bytes, clock: Clock, random: Callable[[int], bytes] = os.urandom) -> None:
        if len(key) != KEY:
            raise Invalid("The key of the drafts is damaged.", "Make a new one with `workstation login`.")
        self._directory = directory
        self._key = key
        self._clock = clock
        self._random = random
        with _disk("The drafts' directory cannot be used"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _ours_alone(directory)

    def save(self, case: int, kind: str, text: str) -> None:
        """Keep `text` in the place of what was kept; when this returns it is on the disk.

        Raises:
            Invalid: the kind or the case is no name for a draft, or the text is too long.
            WorkstationError: the disk is full or fails; what was kept before is still there.
        """
        path = self._path(case, kind)
        # A half of a surrogate pair can be typed, and must not lose the rest.
        body = msgspec.msgpack.encode(_Kept(to_micros(self._clock.now()), text.encode("utf-8", "surrogatepass")))
        if len(body) > LARGEST:
            raise Invalid("The text is too long to be kept as a draft.", "Shorten it; what was kept before is there.")
        nonce = self._random(_NONCE)
        sealed = _MAGIC + nonce + self._cipher().encrypt(nonce, body, self._bound_to(case, kind))
        with _disk("The draft could not be saved"), self._locked():
            _replace(path, sealed)

    def load(self, case: int, kind: str) -> str:
        """Return the kept text, ``""`` where there is none.

        A file that does not open is set aside (see :meth:`broken`).

        Raises:
            Invalid: the kind or the case is no name for a draft.
            WorkstationError: the disk fails.
        """
        found = self._open(self._path(case, kind), case, kind)
        return found.text if found else ""

    def discard(self, case: int, kind: str) -> None:
        """Forget the draft; one that is not there is no error.

        Raises:
            Invalid, WorkstationError: as :meth:`load`.
        """
        path = self._path(case, kind)
        with _disk("The draft could not be removed"), self._locked():
            path.unlink(missing_ok=True)
            _flush_directory(self._directory)

    def all(self) -> tuple[Draft, ...]:
        """Return every draft, the newest first. Files that do not open are set aside.

        Raises:
            WorkstationError: the disk fails.
        """
        with _disk("The drafts cannot be read"):
            names = sorted(entry.name for entry in os.scandir(self._directory))
        matches = [match for name in names if (match := _FILE.fullmatch(name))]
        found = (self._open(self._directory / match[0], int(match[1]), match[2]) for match in matches)
        return tuple(sorted((draft for draft in found if draft), key=lambda draft: draft.saved_at, reverse=True))

    def broken(self) -> tuple[str, ...]:
        """Return the names of files that did not open and were set aside; nothing ever deletes them.

        Raises:
            WorkstationError: the disk fails.
        """
        with _disk("The drafts cannot be read"):
            return tuple(sorted(entry.name for entry in os.scandir(self._directory) if ".broken" in entry.name))

    def _path(self, case: int, kind: str) -> Path:
        if case < 0 or case >= 10**18 or not _KIND.fullmatch(kind):
            raise Invalid(f"“{clean(kind, 40)}” of case {case} is no name for a draft.")
        return self._directory / f"{case}-{kind}.draft"

    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)

    def _bound_to(self, case: int, kind: str) -> bytes:
        return b"\x00".join((_MAGIC, os.fsencode(self._directory.name), str(case).encode(), kind.encode()))

    def _open(self, path: Path, case: int, kind: str) -> Draft | None:
        with _disk("The draft cannot be read"), self._locked():
            sealed = _content(path)
            if sealed is None:
                return None
            kept = self._unsealed(sealed, case, kind)
            if kept is None:
                _set_aside(path)
                return None
        return Draft(case, kind, kept.text.decode("utf-8", "surrogatepass"), from_micros(kept.saved_us))

    def _unsealed(self, sealed: bytes, case: int, kind: str) -> _Kept | None:
        from cryptography.exceptions import InvalidTag

        start = len(_MAGIC) + _NONCE
        if not sealed.startswith(_MAGIC) or len(sealed) < start + _TAG:
            return None
        try:
            body = self._cipher().decrypt(sealed[len(_MAGIC) : start], sealed[start:], self._bound_to(case, kind))
            return msgspec.msgpack.decode(body, type=_Kept)
        except (InvalidTag, msgspec.MsgspecError):
            return None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the directory's lock: two terminals of one person do not write into each other's files."""
        descriptor = os.open(self._directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _ours_alone(directory: Path) -> None:
    info = os.lstat(directory)
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        raise Refused("drafts.directory", f"{clean(directory)} is a link or belongs to somebody else.", "Remove it.")
    if info.st_mode & 0o077:
        directory.chmod(0o700)


def _replace(path: Path, sealed: bytes) -> None:
    # One name for what is being written, under the lock: what a crash leaves there is written over, never piled up.
    beside = path.with_suffix(".writing")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(beside, flags, 0o600), "wb") as stream:
            stream.write(sealed)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    _flush_directory(path.parent)


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _content(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return b""  # a link in a draft's place is foreign
        raise
    with os.fdopen(descriptor, "rb") as stream:
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return stream.read(LARGEST + 4096) if plain else b""


def _set_aside(path: Path) -> None:
    aside, number = path.with_name(path.name + ".broken"), 1
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(f"{path.name}.broken-{number}")
    path.rename(aside)


@contextlib.contextmanager
def _disk(what: str) -> Iterator[None]:
    """Say in a sentence what the disk refused."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        hint = "Free some space" if full else "Check the disk and the rights on the directory"
        raise WorkstationError(
            f"{what} ({clean(error.strerror or type(error).__name__)}).",
            f"{hint}; the last text that was saved is still there, and yours is still on the screen.",
        ) from error
