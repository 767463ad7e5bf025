"""The records of evidence files: lines, JSON arrays or CSV, plain or packed by gzip or zstd, whatever their size."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import msgspec
import zstandard

from workstation.services.errors import Invalid
from workstation.services.timeline.mapping.reading import read_pieces, together

_ZSTD = b"\x28\xb5\x2f\xfd"
_PACKED = (".gz", ".zst")
_TABLES = {".csv": ",", ".tsv": "\t"}
#: How much larger than packed a file may become. Logs shrink to a tenth or a fiftieth; a bomb is a thousandfold.
_GROWTH = 250
#: Below this many bytes nothing is taken for a bomb.
_HARMLESS = 256 * 1024 * 1024
#: Bytes that are unpacked at once: a block of a zstd frame has 4 bytes at least and becomes 128 KiB at most (RFC 8878).
_PIECE = 1024
#: The most memory that a zstd frame may ask for (RFC 8878, 3.1.1.1.2: decoders should take 8 MiB, and may refuse more).
_WINDOW = 128 * 1024 * 1024


def files(path: Path, pattern: str) -> list[Path]:
    """Return `path`, or the files in it that `pattern` finds, by name; links out of the directory are left out.

    Raises:
        OSError: it is not there or cannot be read.
    """
    if not path.is_dir():
        path.stat()
        return [path]
    home = path.resolve()
    found = (each for each in path.glob(pattern) if each.is_file() and each.resolve().is_relative_to(home))
    return sorted(found)


def records(path: Path) -> Iterator[Sequence[bytes]]:
    """Yield the raw records of a file, many at a time.

    A row of a table is a JSON object of texts by the names of its columns.

    Raises:
        Invalid: the file is damaged, or unpacks to more than a log would; everything before that was yielded.
        OSError: it cannot be read.
    """
    delimiter = _TABLES.get(_kind(path))
    with path.open("rb") as file, _unpacked(file, path.stat().st_size) as stream:
        if delimiter is None:
            yield from read_pieces(cast(BinaryIO, stream))
        else:
            yield from together(_rows(stream, delimiter))


def _kind(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextmanager
def _unpacked(file: IO[bytes], size: int) -> Iterator[IO[bytes]]:
    head = file.read(4)
    file.seek(0)
    most = max(size * _GROWTH, _HARMLESS)
    if head == _ZSTD:
        yield cast(IO[bytes], _Bounded(_Zstd(file), most))
    elif head[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=file) as stream:
            yield cast(IO[bytes], _Bounded(stream, most))
    else:
        yield file


class _Zstd:
    """What zstd frames unpack to. The library's own reader takes a cut-off frame for the end of the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        self._frame: Any = None
        self._packed = b""
        self._ready = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end. Raises Invalid, ZstdError where the file is damaged."""
        while not self._ready:
            self._packed = self._packed or self._file.read(_PIECE)
            if not self._packed:
                if self._frame is not None:
                    raise Invalid("The compressed data end early or are damaged.", "Get the file again.")
                return b""
            self._frame = self._frame or self._unpacker.decompressobj()
            self._ready = memoryview(self._frame.decompress(self._packed))
            self._packed = b""
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
        taken, self._ready = bytes(self._ready[:size]), self._ready[size:]
        return taken


class _Bounded(io.RawIOBase):
    """What comes out of a packed file, up to a size, with one kind of error for damage."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream = stream
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read1(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise Invalid(
                "The file unpacks to far more than a log would; the rest was not read.", "Look at it by hand."
            )
        return data


def _rows(stream: IO[bytes], delimiter: str) -> Iterator[bytes]:
    buffered = io.BufferedReader(cast(io.RawIOBase, stream)) if isinstance(stream, _Bounded) else stream
    text = io.TextIOWrapper(cast(BinaryIO, buffered), encoding="utf-8-sig", errors="replace", newline="")
    rows = csv.DictReader(text, delimiter=delimiter, restkey="", restval="")
    try:
        for row in rows:
            yield msgspec.json.encode({name: value for name, value in row.items() if name})
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Invalid("The compressed data end early or are damaged.", "Get the file again.") from error
    except csv.Error as error:
        raise Invalid("The table has a row that is none; the rest was not read.", "Look at it by hand.") from error
