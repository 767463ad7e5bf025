"""From an answer's bytes to strict structs, or a refusal.

What came from outside may be cut off, nested to exhaust a parser, of another shape, or carry a state
that this version does not know. A value that is not in a closed enumeration refuses the whole answer:
it could be a lock that we would show as no lock.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import TypeVar

import msgspec

from workstation.services.errors import SourceGarbled
from workstation.services.text import clean

T = TypeVar("T")

#: Levels of nesting that an answer may have. Ours need six; identity systems' users about eight.
DEPTH = 64
#: From this size on, decoding would hold the loop for more than a few milliseconds (2.5 MB take about 10 ms).
THREAD_FROM = 256 * 1024

#: The same for pages of events, which are read in processes without a screen (loader, reader): some 20 ms. In a thread
#: they take a quarter longer, because it and the loop that reads the next pages wait for each other.
PAGE_THREAD_FROM = 4 * 1024 * 1024

_BRACKETS = bytes.maketrans(b"[]", b"{}")
_OTHERS = bytes(set(range(256)) - set(b'{}[]"'))


def too_deep(body: bytes, depth: int = DEPTH) -> bool:
    """Return whether JSON `body` is nested deeper than `depth`, or its brackets do not match.

    Works on whole strings in C, without a parser: escapes and string contents go first, then one level
    of empty brackets a turn. Text that is no JSON gets either answer; the decoder has the last word.
    """
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_BRACKETS, _OTHERS)
    # Removing '""' leaves what is inside and outside of strings as it was, and most strings hold no bracket.
    bare = bare.replace(b'""', b"")
    if b'"' in bare:
        bare = b"".join(bare.split(b'"')[::2])
    for _ in range(depth):
        if not bare:
            return False
        bare = bare.replace(b"{}", b"")
    return bool(bare)


async def decode(body: bytes, into: type[T], system: str) -> T:
    """Decode `body` into `into`, in a thread where it is large.

    Args:
        body: UTF-8 JSON.
        into: a msgspec Struct (or anything that msgspec can decode into); naive times are refused.
        system: how the person knows the system, for the sentence.

    Raises:
        SourceGarbled: the body is nested too deep, is no JSON, or is of another shape.
    """
    if len(body) < THREAD_FROM:
        return decode_now(body, into, system)
    return await asyncio.to_thread(decode_now, body, into, system)


async def page_work(work: Callable[[], T], size: int) -> T:
    """Do what a page of events needs: here where it is short, in a thread where it holds `size` bytes or more."""
    return work() if size < PAGE_THREAD_FROM else await asyncio.to_thread(work)


def decode_now(body: bytes, into: type[T], system: str) -> T:
    """Decode on this thread; see :func:`decode`."""
    if too_deep(body):
        raise SourceGarbled(
            f"{system} answered with JSON that is cut off or nested deeper than {DEPTH} levels.",
            "Nothing of it was used. Tell who runs that system.",
        )
    try:
        value = msgspec.json.decode(body, type=into)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise SourceGarbled(
            f"{system} answered with something of another shape: {clean(error, 200)}.",
            "Nothing of it was used. Its version may have changed: tell who runs this installation.",
        ) from error
    if _has_naive_time(value):
        raise SourceGarbled(
            f"{system} answered with a time that has no zone.", "Nothing of it was used. Tell who runs that system."
        )
    return value


def _has_naive_time(value: object) -> bool:
    """A time without a zone would be read as whatever zone the reader happens to sit in."""
    if isinstance(value, datetime):
        return value.tzinfo is None
    if isinstance(value, msgspec.Struct):
        return any(_has_naive_time(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, str | bytes | int | float | Enum | msgspec.Raw | None):
        return False
    if isinstance(value, dict):
        return any(_has_naive_time(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_has_naive_time(item) for item in value)
    return False


class Inflater:
    """Undoes gzip piece by piece without ever holding more than it was allowed to.

    Args:
        limit: bytes that may come out; a small body can otherwise grow a thousandfold.
    """

    def __init__(self, limit: int) -> None:
        self._gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._left = limit

    def feed(self, piece: bytes) -> bytes | None:
        """Return what `piece` unpacks to, None when the limit is passed.

        Raises:
            zlib.error: this is not gzip.
        """
        out = self._gzip.decompress(piece, self._left + 1)
        self._left -= len(out)
        return out if self._left >= 0 else None

    @property
    def complete(self) -> bool:
        """Whether the stream has come to its own end, neither cut off nor followed by something."""
        return self._gzip.eof
