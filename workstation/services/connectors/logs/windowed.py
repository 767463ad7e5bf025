"""One account's events in one span, for stores that keep no state for whoever reads: window by window, from the newest.

A page ends between two instants of the store, never within one, so that the place after it is a time alone, good for
going on today or tomorrow. Several windows are read at once, each as long as holds about a page by what was seen so
far; nothing is counted beforehand (``docs/decisions/0023-windows-by-what-was-seen.md``).
"""

from __future__ import annotations

import asyncio
import functools
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from types import MappingProxyType
from typing import NamedTuple

import msgspec
import numpy as np

from workstation.services.connectors.decoding import page_work
from workstation.services.connectors.logs.in_order import in_order
from workstation.services.connectors.logs.window import Window, are_within, ticks_of
from workstation.services.errors import Invalid, SourceError, SourceGarbled
from workstation.services.timeline.mapping.columns import Mapped
from workstation.services.timeline.source import Page, Span

#: Events of the first page: a screenful or two.
FIRST = 200
#: Windows that are read at the same time. At 50 ms round trip, four pages of some thousand events hide the way.
WIDTH = 4
#: Digits of a place: nanoseconds of the year 9999 have 21.
_DIGITS = 21
#: How full a window is meant to be: one that holds a little more than a page takes two requests.
_FILLING = 0.8
#: How much longer a window may be than the one before, which held little; none is shorter than a second. After a burst
#: a quiet year is six windows away.
_LONGER = 16
#: A window that holds more than so many such windows is cut anew, this often within each other: a burst within a burst.
_FEW, _DEPTH = 2, 8


class Row(NamedTuple):
    """What a store has for an event: its time in ticks, its id there, the record, and what stands beside that."""

    tick: int
    id: str
    raw: bytes
    beside: Mapping[str, str] = MappingProxyType({})


class Rows(NamedTuple):
    """Rows newest first, and what the store did not see, ``""`` where it saw all."""

    rows: list[Row]
    problem: str = ""


class Reading(ABC):
    """Pages of one account. A subclass asks the store.

    Args:
        name: of the source.
        span: what to read.
        size: events of a page.
        per_s: ticks of a second in which the store keeps time.
        longest: ticks that one question may span, where the store has such a limit.
        begin: ticks that the first question spans, where the store works through all of them, newest first or not.
    """

    def __init__(
        self, name: str, span: Span, size: int, per_s: int, longest: int | None = None, begin: int | None = None
    ) -> None:
        self._name = name
        self._span = span
        self._size = size
        self._per_s = per_s
        self._longest = longest
        self._begin = begin
        self._step = float(per_s)
        self._at_once = asyncio.Semaphore(WIDTH)
        low, high = span.since_us * per_s // 1_000_000, -(-span.until_us * per_s // 1_000_000)
        self.window = Window(low, high)

    async def pages(self, cursor: str | None) -> AsyncGenerator[Page, None]:
        """Yield pages newest first; the first one is small and comes at once.

        Args:
            cursor: of an earlier page.

        Raises:
            Invalid: the cursor is none.
            SourceGarbled: the store answers with what was not asked for, or not in the order that was.
            SourceError, Invalid: after the pages that could be had.
        """
        high = self.window.high if cursor is None else min(_place(cursor), self.window.high)
        first = min(FIRST, self._size) if cursor is None else self._size
        async with aclosing(self._pages(Window(self.window.low, high), first)) as pages:
            async for page, rest in pages:
                yield msgspec.structs.replace(page, cursor=None if rest is None else str(rest.high))

    @abstractmethod
    async def _newest(self, window: Window, size: int) -> Rows:
        """Return the newest rows of a window, `size` at most. Raises SourceError, Invalid."""

    @abstractmethod
    async def _instant(self, tick: int, found: Rows) -> Rows:
        """Return all rows of an instant of which `found` fills a page; where that cannot be, what there is and why."""

    @abstractmethod
    def _mapped(self, rows: Sequence[Row], around_us: Sequence[int]) -> Mapped:
        """Return the events of rows, each of which happened at `around_us`."""

    @abstractmethod
    async def _coverage(self) -> Span | None:
        """Return from the oldest to the newest event of anybody, None where that cannot be known. Raises SourceError.

        An empty store covers the empty span at the end of what is read.
        """

    async def _pages(self, window: Window, first: int) -> AsyncGenerator[tuple[Page, Window | None], None]:
        coverage = asyncio.ensure_future(self._covered())
        try:
            newest = self._cut(window, self._begin or window.high - window.low)
            page, rest = await self._page(newest, first)
            rest = _left(rest, newest, window.low)
            readings = (functools.partial(self._window, each, window.low) for each in self._ahead(rest))
            said = rest is None or coverage.done()
            yield msgspec.structs.replace(page, covers=await coverage if said else None), rest
            async with aclosing(in_order(readings, WIDTH)) as pages:
                async for page, rest in pages:
                    # What the store holds is waited for only where nothing else is left to wait for.
                    said = rest is None or coverage.done()
                    yield msgspec.structs.replace(page, covers=await coverage if said else None), rest
        finally:
            coverage.cancel()
            await asyncio.gather(coverage, return_exceptions=True)

    def _ahead(self, rest: Window | None) -> Iterator[Window]:
        """Yield the windows of what is left, each as long as the latest pages advise when it is begun."""
        high = rest.high if rest else 0
        while rest and high > rest.low:
            window = self._cut(Window(rest.low, high), int(self._step))
            yield window
            high = window.low

    def _cut(self, window: Window, length: int) -> Window:
        length = min(length, self._longest or length)
        return Window(max(window.low, window.high - length), window.high)

    async def _window(
        self, window: Window, low: int, depth: int = 0
    ) -> AsyncGenerator[tuple[Page, Window | None], None]:
        """Yield the pages of one window: one, where its length was right. `low` is where the reading ends."""
        rest: Window | None = window
        while rest is not None and (depth == _DEPTH or rest is window or rest.high - rest.low < _FEW * self._step):
            page, rest = await self._page(rest, self._size)
            yield page, _left(rest, window, low)
        if rest is not None:
            # Far more than was thought: it is cut anew.
            deeper = functools.partial(self._window, low=window.low, depth=depth + 1)
            readings = (functools.partial(deeper, each) for each in self._ahead(rest))
            async with aclosing(in_order(readings, WIDTH)) as pages:
                async for page, left in pages:
                    yield page, _left(left, window, low)

    async def _page(self, window: Window, size: int) -> tuple[Page, Window | None]:
        """Return the newest page of a window, and what is left of that."""
        if window.low >= window.high:
            return Page(events=()), None
        async with self._at_once:
            found = await self._newest(window, size)
        self._check(found.rows, window)
        rest = None
        if len(found.rows) >= size:
            # More of the last instant may be in the store: it is read again, whole, with the next page.
            last = found.rows[-1].tick
            kept = next(place for place, row in enumerate(found.rows) if row.tick == last)
            rest = Window(window.low, last + (1 if kept else 0))
            if kept:
                found = Rows(found.rows[:kept], found.problem)
            else:
                found = await self._instant(last, found)
                self._check(found.rows, Window(last, last + 1))
        self._learn(window, rest, found.rows)
        page = await page_work(lambda: self._made(found), sum([len(row.raw) for row in found.rows]))
        return page, rest if rest and rest.low < rest.high else None

    def _check(self, rows: list[Row], window: Window) -> None:
        if not are_within([row.tick for row in rows], window):
            raise SourceGarbled(
                f"{self._name} answers with events that were not asked for, or in another order.",
                "What came before is right. Try again; if it stays, tell who runs that system.",
            )

    def _learn(self, window: Window, rest: Window | None, rows: list[Row]) -> None:
        """Note how long a window holds about a page, by the latest one.

        Of a window that is not at its end only what lies between its rows says how dense they are: a quiet month before
        them says nothing of what follows.
        """
        seen = rows[0].tick + 1 - rest.high if rest and rows else window.high - window.low
        wanted = self._size * _FILLING
        self._step = max(seen * wanted / max(len(rows), wanted / _LONGER), float(self._per_s))

    def _made(self, found: Rows) -> Page:
        """Return the page of rows. An event stands where the store's time puts it; the record may be more exact."""
        ticks = [row.tick for row in found.rows]
        around = [tick * 1_000_000 // self._per_s for tick in ticks]
        batch, unreadable = self._mapped(found.rows, around)
        stored = np.delete(np.array(around, np.int64), unreadable)
        same = ticks_of(batch.times, self._per_s) == np.delete(np.array(ticks, np.int64), unreadable)
        batch = batch.at_times(np.where(same, batch.times, stored))
        batch = batch.within(self._span.since_us, self._span.until_us).once()
        wrong = f"{len(unreadable):,} records could not be read" if unreadable else ""
        said = "; ".join(filter(None, (found.problem, wrong)))
        return Page(events=batch.newest_first(), partial=bool(said), why=said)

    async def _covered(self) -> Span | None:
        try:
            span = await self._coverage()
        except (SourceError, Invalid, TimeoutError):
            return None
        if span is None:
            return None
        since, until = self._span.since_us, self._span.until_us
        return Span(min(max(span.since_us, since), until), max(min(span.until_us, until), since))


def _left(rest: Window | None, window: Window, low: int) -> Window | None:
    """Return what is left of everything down to `low`, where `rest` is left of the window."""
    if rest is not None:
        return Window(low, rest.high)
    return Window(low, window.low) if window.low > low else None


def _place(cursor: str) -> int:
    """Return the tick below which to go on."""
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > _DIGITS:
        raise Invalid("That place in the log cannot be read.", "Load the timeline again.")
    return int(cursor)
