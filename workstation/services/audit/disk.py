"""Files that survive ``kill -9`` and a power cut: whole or not there; what is written once stays as it is."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from workstation.services.errors import Invalid


def write_once(path: Path, data: bytes) -> bool:
    """Make a file that nobody changes any more (0444), on the disk when this returns.

    Returns False where it was there with the same content: writing it again after a crash is no error.

    Raises:
        FileExistsError: it is there with another content.
        OSError: the disk says no.
    """
    if path.exists():
        return _same(path, data)
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        sync(path.parent.parent)
    beside = _beside(path, data, 0o444)
    try:
        os.link(beside, path)  # unlike rename(2), never over another file
    except FileExistsError:
        return _same(path, data)
    finally:
        beside.unlink()
    sync(path.parent)
    return True


def replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file's content, at once and on the disk when this returns. Raises OSError."""
    _beside(path, data, 0o600).rename(path)
    sync(path.parent)


def lock(path: Path, what: str) -> IO[bytes]:
    """Return a file on which this process holds the one lock, until it is closed or the process ends.

    Raises:
        Invalid: somebody else holds it.
    """
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise Invalid(f"Another {what} works with {path.parent}.", "Two of them could say two things.") from error
    return file


def private(directory: Path) -> Path:
    """Make a directory that is ours alone, where it is missing; return it. Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def _same(path: Path, data: bytes) -> bool:
    if path.read_bytes() != data:
        raise FileExistsError(f"{path} is there with another content")
    return False


def _beside(path: Path, data: bytes, mode: int) -> Path:
    """Write a file of a fixed name beside `path`: what a crash left of it is written over."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return beside


def sync(directory: Path) -> None:
    """Have a directory's entries on the disk when this returns. Raises OSError."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
