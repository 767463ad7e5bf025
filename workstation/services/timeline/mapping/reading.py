"""Cutting a file or a pipe into raw records, whatever its size, without touching their bytes."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import BinaryIO, cast

from workstation.services.errors import Invalid, WorkstationError
from workstation.services.timeline.batch import Lines

#: The longest record in bytes. A longer one comes in pieces, each of which is shown as not readable.
LONGEST = 64 * 1024 * 1024
_CHUNK = 1024 * 1024
#: Elements of an array, or rows of a table, that are given together.
_TOGETHER = 500
#: Bytes that are looked at to tell an array from lines.
_HEAD = 4096
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
#: A JSON array: ``[`` and the start of a value. ``[2024-01-01 …`` at the head of a text log is none.
_ARRAY = re.compile(rb"\s*+\[\s*(?:[{\[\"\]]|(?:null|true|false|-?[0-9]+(?:\.[0-9]+)?)\s*,)")
#: What CloudTrail delivers: an object that holds nothing but the array.
_WRAPPED = re.compile(rb'\s*+\{\s*"Records"\s*:\s*\[')
#: A first line after which the next one must be seen to tell.
_UNDECIDED = re.compile(rb'\[|\{\s*(?:"Records"\s*:?)?')
_CLOSED = re.compile(rb"\s*+\}")
#: A string (group 1 is its closing quote, where that has come), or what opens, closes and parts values.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|[{}\[\],]', re.DOTALL)


def read_pieces(stream: BinaryIO) -> Iterator[Sequence[bytes]]:
    """Yield the raw bytes of records, as many at a time as came at once: of a pipe, lines come as they are written.

    A stream is one record a line (JSON object or text), or JSON arrays, or CloudTrail's ``{"Records": […]}``;
    gzip (RFC 1952) is recognised by its first bytes. Blank lines are no records. A byte-order mark and the line
    end belong to the file, not to a record; nothing else is changed. After the first line that is no array all
    others are lines: no text within a log can make the rest of it disappear into a bracket.

    Raises:
        Invalid: the compressed data end early or are damaged; everything before that was yielded.
    """
    for kind, some in groupby(_parts(stream), type):
        if kind is Lines:
            yield from cast(Iterator[Lines], some)
        else:
            yield from together(cast(Iterator[bytes], some))


def together(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield records some hundred at a time; where they end in an error, those before it first."""
    some: list[bytes] = []
    try:
        for record in records:
            some.append(record)
            if len(some) == _TOGETHER:
                yield some
                some = []
    except WorkstationError:
        if some:
            yield some
        raise
    if some:
        yield some


def _parts(stream: BinaryIO) -> Iterator[bytes | Lines]:
    """Yield elements of arrays one by one, lines as many as were read at once."""
    source = _Input(stream)
    source.fill(2)
    if source.buffer.startswith(_GZIP):
        source = _Input(cast(BinaryIO, gzip.GzipFile(fileobj=cast(BinaryIO, _Rest(source)))))
    source.fill(len(_BOM))
    if source.buffer.startswith(_BOM):
        del source.buffer[: len(_BOM)]
    while source.has_more():
        wrapped = source.enter_array()
        if wrapped is None:
            yield from _lines(source)
        else:
            yield from _elements(source, wrapped)
    if source.damage is not None:
        raise Invalid("The compressed data end early or are damaged.", "Get the file again.") from source.damage


class _Input:
    """A stream with what was read of it and not used yet."""

    def __init__(self, stream: BinaryIO) -> None:
        self.buffer = bytearray()
        self.damage: Exception | None = None
        # A pipe is read as it comes; waiting for a full chunk would hold records back.
        self._read = getattr(stream, "read1", stream.read)

    def more(self) -> bool:
        """Read on; False at the end."""
        try:
            chunk = self._read(_CHUNK)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.damage = error
            return False
        self.buffer += chunk or b""
        return bool(chunk)

    def fill(self, size: int) -> bool:
        """Read until `size` bytes are there, or the end; False when nothing came."""
        before = len(self.buffer)
        while len(self.buffer) < size and self.more():
            pass
        return len(self.buffer) > before

    def has_more(self) -> bool:
        """Return whether anything but white space is left; drop it where not."""
        while not self.buffer or self.buffer.isspace():
            self.buffer.clear()
            if not self.more():
                return False
        return True

    def enter_array(self) -> bool | None:
        """Drop the opening of an array and say whether it is a wrapped one; None where none begins here."""
        while True:
            plain, wrapped = _ARRAY.match(self.buffer), _WRAPPED.match(self.buffer)
            if plain or wrapped:
                del self.buffer[: self.buffer.index(b"[") + 1]
                return bool(wrapped)
            line, newline, _ = bytes(self.buffer[:_HEAD]).lstrip().partition(b"\n")
            decided = len(line) > 64 or (newline and not _UNDECIDED.fullmatch(line.rstrip()))
            if decided or len(self.buffer) > _HEAD or not self.more():
                return None


class _Rest:
    """What is left of an input, as a file for GzipFile."""

    def __init__(self, source: _Input) -> None:
        self._source = source

    def read(self, size: int) -> bytes:
        if not self._source.buffer:
            self._source.more()
        taken = bytes(self._source.buffer[:size])
        del self._source.buffer[:size]
        return taken


def _lines(source: _Input) -> Iterator[Lines]:
    buffer, seen = source.buffer, 0
    while True:
        end = buffer.rfind(b"\n", seen)
        if end < 0 and len(buffer) < LONGEST:
            seen = len(buffer)
            if source.more():
                continue
        end = len(buffer) if end < 0 else end
        if end > LONGEST and (end := buffer.rfind(b"\n", 0, LONGEST)) < 0:
            end = LONGEST
        with memoryview(buffer) as all_of_it:
            piece = bytes(all_of_it[:end])
        if lines := Lines.of(piece):
            yield lines
        del buffer[: end + buffer.startswith(b"\n", end)]
        seen = 0
        if not buffer and not source.more():
            return


def _elements(source: _Input, wrapped: bool) -> Iterator[bytes]:
    """Yield the elements of the array that was entered, each as its own bytes; a broken one too."""
    buffer, depth, seen = source.buffer, 0, 0
    while True:
        token = _TOKEN.search(buffer, seen)
        if token is None or token[1] == b"":
            # A string of many megabytes is looked at again only when twice as much has come.
            seen, wanted = (token.start(), 2 * len(buffer)) if token else (len(buffer), len(buffer) + 1)
            if len(buffer) < LONGEST and source.fill(wanted):
                continue
            rest = bytes(buffer).strip()
            buffer.clear()
            if rest:
                yield rest
            return
        seen, kind = token.end(), token[0]
        if kind in (b"{", b"["):
            depth += 1
        elif kind in (b"}", b"]") and depth:
            depth -= 1
        elif kind in (b",", b"]") and not depth:
            record = bytes(buffer[: token.start()]).strip()
            del buffer[: token.end()]
            seen = 0
            if record:
                yield record
            if kind == b"]":
                break
    if wrapped and source.has_more() and (end := _CLOSED.match(buffer)):
        del buffer[: end.end()]
