"""Makes Textual paint with less work: strips without empty caches, and fewer looks for garbage.

A frame of 100×30 cells is cut into about 800 strips, and Textual 8.2.8 gives each of them seven caches of its own, of
which most are never asked. Made when they are first asked, a frame costs about half (measured: the tests of the face
took 19 s of processor time instead of 35 s). The objects of an app live as long as the app does, so a look through them
for garbage finds nothing and takes its time between two frames.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from rich.segment import Segment
from textual import events, screen
from textual.cache import FIFOCache
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workstation.services.garbage import look_less

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
#: Seconds that a change waits for the next frame, at most. Textual's sixtieth of a second is longer than a frame takes
#: to paint: a key that follows a paint would wait for it alone longer than a key may take.
FRAME_S = 1 / 250
#: Seconds for which a thread that works may hold up the one that paints; Python's own 5 ms are half of a key.
SWITCH_S = 0.0001


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


def quick_frames() -> bool:
    """Paint soon after a change; False where Textual keeps its frame elsewhere, and is left alone."""
    if not isinstance(vars(screen).get("UPDATE_PERIOD"), float):
        return False
    vars(screen)["UPDATE_PERIOD"] = FRAME_S
    return True


def first_of_keys(driver: Driver, tell: Callable[[], None]) -> None:
    """Call `tell` in the thread that reads the terminal, as soon as it has read a key.

    Textual's app hears of it three rounds of its loop later.
    """
    deliver = driver.process_message

    def process_message(message: Message) -> None:
        if isinstance(message, events.Key):
            tell()
        deliver(message)

    driver.process_message = process_message  # type: ignore[method-assign]


def measured(view: ScrollView, size: Size) -> None:
    """Give `view` another virtual size.

    Textual lays the whole screen out for it. Only the scrollbar looks at it here: there is another room for what is
    in the view only where the bar comes or goes.
    """
    if view.size and (size.height > view.container_size.height) == view.show_vertical_scrollbar:
        view.set_reactive(ScrollView.virtual_size, size)
        if view.show_vertical_scrollbar:
            view.vertical_scrollbar.window_virtual_size = size.height
        view.scroll_y = view.scroll_y  # not beyond the last line
    else:
        view.virtual_size = size


def lean_garbage() -> None:
    """Leave what was loaded so far out of every look for garbage, and look less often.

    Threads that work, such as one that sifts, give way to the one that paints sooner.
    """
    look_less()
    sys.setswitchinterval(SWITCH_S)
