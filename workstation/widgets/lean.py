"""Makes Textual paint with less work: strips without empty caches, and fewer looks for garbage.

A frame of 100×30 cells is cut into about 800 strips, and Textual 8.2.8 gives each of them seven caches of its own, of
which most are never asked. Made when they are first asked, a frame costs about half (measured: the tests of the face
took 19 s of processor time instead of 35 s). The objects of an app live as long as the app does, so a look through them
for garbage finds nothing and takes its time between two frames.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Any

from rich.segment import Segment
from textual.cache import FIFOCache
from textual.strip import Strip

#: Textual's own caches of a strip, with their sizes.
CACHES = {
    "_divide_cache": 4,
    "_crop_cache": 16,
    "_style_cache": 16,
    "_filter_cache": 4,
    "_line_length_cache": 4,
    "_crop_extend_cache": 4,
    "_offsets_cache": 4,
}
#: Objects made before a look for garbage among the youngest, and how many such looks before the older are looked at.
THRESHOLDS = (50_000, 20, 50)


class _Late:
    """A slot whose cache is made when it is first asked for."""

    __slots__ = ("_get", "_set", "_size")

    def __init__(self, slot: Any, size: int) -> None:
        self._get, self._set, self._size = slot.__get__, slot.__set__, size

    def __get__(self, strip: Strip, kind: type | None = None) -> Any:
        try:
            return self._get(strip)
        except AttributeError:
            made: FIFOCache[Any, Any] = FIFOCache(self._size)
            self._set(strip, made)
            return made

    def __set__(self, strip: Strip, value: Any) -> None:
        self._set(strip, value)


def _init(self: Any, segments: Iterable[Segment], cell_length: int | None = None) -> None:
    self._segments = list(segments)
    self._cell_length = cell_length
    self._render_cache = None
    self._link_ids = None
    self._cell_count = None


def lean_strips() -> bool:
    """Make the caches of every strip late; False where Textual's strips are of another kind, and are left alone."""
    slots = set(vars(Strip)["__slots__"])
    if slots != {*CACHES, "_segments", "_cell_length", "_render_cache", "_link_ids", "_cell_count"}:
        return False
    if not isinstance(vars(Strip)["_divide_cache"], _Late):
        for name, size in CACHES.items():
            setattr(Strip, name, _Late(vars(Strip)[name], size))
        Strip.__init__ = _init  # type: ignore[method-assign]
    return True


def lean_garbage() -> None:
    """Leave what was loaded so far out of every look for garbage, and look less often."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
