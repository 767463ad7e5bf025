"""Texts end to end in one piece of memory: a million of them are looked through without a million objects.

Each text is UTF-8 and ends with a byte that UTF-8 never uses, so nothing that is looked for can lie across two texts,
whatever is in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workstation.services.timeline.working.growing import Growing

#: Ends a text. Not a byte of UTF-8 (RFC 3629, 1).
END = b"\xff"


def utf8(text: str) -> bytes:
    """Return a text as bytes. A lone surrogate, which no store sends but a mapper could make, is written out."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def joined(texts: Sequence[str]) -> bytes:
    """Return texts as bytes, each with its end."""
    if not texts:
        return b""
    text = "\n".join(texts)
    if text.isascii() and text.count("\n") == len(texts) - 1:
        return text.encode("ascii").replace(b"\n", END) + END
    return END.join(map(utf8, texts)) + END


def ends_of(data: bytes) -> npt.NDArray[np.int64]:
    """Return where in `data` each text ends: the places of :data:`END`."""
    found: npt.NDArray[np.int64] = np.flatnonzero(np.frombuffer(data, np.uint8) == END[0])
    return found


class Arena:
    """Texts by number, from 0. The number 0 is ``""``."""

    def __init__(self) -> None:
        self.data = bytearray(END)
        # Where each text starts; the last one is where the next will.
        self._starts = Growing(np.uint32)
        self._starts.extend(np.array([0, 1]), 1)
        self._letters = END

    def __len__(self) -> int:
        return len(self._starts) - 1

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return len(self.data) + self._starts.nbytes

    def bytes_of(self, number: int) -> bytes:
        """Return a text as bytes. Raises IndexError."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        return bytes(self.data[self._starts.item(number) : self._starts.item(number + 1) - 1])

    def __getitem__(self, number: int) -> str:
        return self.bytes_of(number).decode()

    def extend(self, data: bytes, ends: npt.NDArray[Any] | None = None) -> None:
        """Add texts as :func:`joined` made them, with their ends where the caller knows them."""
        if not data:
            return
        if rest := data.translate(None, self._letters):
            self._letters += bytes(set(rest))
        ends = (ends_of(data) if ends is None else ends) + (len(self.data) + 1)
        self.data += data
        # Last: whoever reads meanwhile finds every text that is counted.
        self._starts.extend(ends, int(ends[-1]))

    def starts(self) -> npt.NDArray[Any]:
        """Return where each text starts in ``data``, and where the next one will."""
        return self._starts.view()

    def may_hold(self, needle: bytes) -> bool:
        """Return whether every byte of `needle` occurs anywhere at all, which is known without looking."""
        return not needle.translate(None, self._letters)
