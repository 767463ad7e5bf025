"""Several sources into one timeline: all are read at once, what came is shown at once, what failed is a gap.

No source can hold up, empty or disorder the others: each has its own task, its own deadline and its own line.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from workstation.services.clock import Clock, from_micros, to_micros
from workstation.services.errors import WorkstationError
from workstation.services.timeline.event import Event
from workstation.services.timeline.source import EventSource, Gap, Page, SourceState, Span
from workstation.services.views import SourceLine, TimelineView

#: Seconds to wait for one page.
DEADLINE_S = 30.0
#: Pages read of one source; at a thousand events a page this is twice the largest account that is promised.
PAGE_CAP = 2_000
#: Seconds between two views while pages come fast; a person sees ten changes a second as flowing.
BREATH_S = 0.1
#: A source whose data end this long before now lags; less is the ordinary delay of a log store.
LAG_US = 5 * 60 * 1_000_000
#: From here on events are put in order off the loop: a hundred thousand take about 30 ms.
_LARGE = 20_000

#: The place in the order (newest first, then source and id) and the event. No two are equal.
_Entry = tuple[int, str, str, Event]


async def _breath() -> None:
    await asyncio.sleep(BREATH_S)


async def gather(
    sources: Sequence[EventSource],
    account: str,
    span: Span,
    clock: Clock,
    *,
    deadline_s: float = DEADLINE_S,
    page_cap: int = PAGE_CAP,
    breath: Callable[[], Awaitable[None]] = _breath,
) -> AsyncIterator[TimelineView]:
    """Yield the timeline as it grows; every view holds all that came so far, newest first, no event twice.

    The first view has no events and shows every source as loading; the last comes when no source loads any
    more. An event is known by its source and id: the first one that comes counts. Events outside `span` are not
    shown. The sources are closed at the end, also when whoever reads stops early.

    Args:
        sources: what to read, closed by this.
        account: the account's id.
        span: what to read.
        clock: for when a gap was noticed.
        deadline_s: seconds to wait for one page of one source.
        page_cap: pages read of one source; the rest becomes a gap.
        breath: waits between two views, so that pages which come fast are shown together.
    """
    board = _Board(sources, span, clock)
    readers = [
        asyncio.create_task(board.read(feed, source, account, deadline_s, page_cap), name=f"read {source.name}")
        for feed, source in zip(board.feeds, sources, strict=True)
    ]
    for reader in readers:
        reader.add_done_callback(lambda _: board.changed.set())
    try:
        yield await board.view()
        while not all(reader.done() for reader in readers) or board.changed.is_set():
            await board.changed.wait()
            board.changed.clear()
            yield await board.view()
            await _pause(breath, readers)
    finally:
        await _end(readers, sources, deadline_s)


async def _pause(breath: Callable[[], Awaitable[None]], readers: list[asyncio.Task[None]]) -> None:
    """Take a breath, but no longer than there is anything to wait for."""
    if all(reader.done() for reader in readers):
        return
    rest = asyncio.ensure_future(breath())
    over = asyncio.ensure_future(asyncio.wait(readers))
    try:
        await asyncio.wait({rest, over}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        rest.cancel()
        over.cancel()


async def _end(readers: list[asyncio.Task[None]], sources: Sequence[EventSource], deadline_s: float) -> None:
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    closing = [asyncio.ensure_future(source.aclose()) for source in sources]
    if closing:
        # A connection that cannot be closed in time, or complains, has no bearing on what was read.
        _, late = await asyncio.wait(closing, timeout=deadline_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*closing, return_exceptions=True)


class _Feed:
    """What is known of one source."""

    def __init__(self, name: str, bit: int, span: Span) -> None:
        self.name = name
        self.bit = bit
        self.state = SourceState.LOADING
        self.events = 0
        self.oldest_us = span.until_us
        self.covers: Span | None = None
        self.whys: dict[str, None] = {}
        self.gap: Gap | None = None

    @property
    def line(self) -> SourceLine:
        return SourceLine(name=self.name, state=self.state, events=self.events, why="; ".join(self.whys))

    def cover(self, span: Span | None) -> None:
        if span is not None:
            had = self.covers or span
            self.covers = Span(min(had.since_us, span.since_us), max(had.until_us, span.until_us))


class _Board:
    """Everything that came so far, in order."""

    def __init__(self, sources: Sequence[EventSource], span: Span, clock: Clock) -> None:
        self.feeds = [_Feed(source.name, 1 << place, span) for place, source in enumerate(sources)]
        self.changed = asyncio.Event()
        self._span = span
        self._clock = clock
        self._seen: dict[tuple[str, str], int] = {}
        self._order: list[_Entry] = []
        self._fresh: list[_Entry] = []
        self._shown: tuple[Event, ...] = ()

    async def read(self, feed: _Feed, source: EventSource, account: str, deadline_s: float, page_cap: int) -> None:
        """Read one source to its end, its failure, its deadline or the cap."""
        pages = source.pages(account, self._span)
        try:
            for _ in range(page_cap):
                async with asyncio.timeout(deadline_s):
                    page = await anext(pages, None)
                if page is None:
                    feed.state = SourceState.PARTIAL if feed.whys else SourceState.LIVE
                    return
                self._take(feed, page)
            self._stop(feed, SourceState.PARTIAL, f"more than {page_cap:,} pages", "Choose a shorter span.")
        except TimeoutError:
            self._stop(feed, SourceState.FAILED, f"no answer for {deadline_s:g} s", "Read it again in a while.")
        except WorkstationError as error:
            self._stop(feed, SourceState.FAILED, error.what, error.hint)
        except Exception as error:  # noqa: BLE001 - a fault in one connector must not take the others' events away
            why = f"a fault of this program: {type(error).__name__}"
            self._stop(feed, SourceState.FAILED, why, "Report it; the other sources are not touched by it.")
        finally:
            close = getattr(pages, "aclose", None)
            if close is not None:
                await close()

    async def view(self) -> TimelineView:
        """Return all that came so far."""
        if self._fresh:
            fresh, self._fresh = self._fresh, []
            if len(self._order) + len(fresh) < _LARGE:
                self._shown = self._merged(fresh)
            else:
                self._shown = await asyncio.to_thread(self._merged, fresh)
        gaps = sorted((gap for feed in self.feeds for gap in self._gaps(feed)), key=lambda gap: -gap.until_us)
        return TimelineView(events=self._shown, gaps=tuple(gaps), sources=tuple(feed.line for feed in self.feeds))

    def _merged(self, fresh: list[_Entry]) -> tuple[Event, ...]:
        # Nearly in order already, which is what the sort is quick at.
        self._order += fresh
        self._order.sort()
        return tuple(entry[3] for entry in self._order)

    def _take(self, feed: _Feed, page: Page) -> None:
        for event in page.events:
            if not self._span.since_us <= event.time_us < self._span.until_us:
                continue
            key = (event.source, event.id)
            by = self._seen.get(key, 0)
            if not by & feed.bit:
                self._seen[key] = by | feed.bit
                feed.events += 1
                feed.oldest_us = min(feed.oldest_us, event.time_us)
            if not by:
                self._fresh.append((-event.time_us, event.source, event.id, event))
        feed.cover(page.covers)
        if page.partial:
            feed.whys[page.why or "it did not see all of its data"] = None
        self.changed.set()

    def _stop(self, feed: _Feed, state: SourceState, why: str, hint: str) -> None:
        feed.state = state
        feed.whys[why] = None
        since = max(self._span.since_us, feed.covers.since_us) if feed.covers else self._span.since_us
        if since < feed.oldest_us:
            feed.gap = self._gap(feed, Span(since, feed.oldest_us), why, hint)

    def _gaps(self, feed: _Feed) -> list[Gap]:
        gaps = [feed.gap] if feed.gap else []
        if feed.covers is None:
            return gaps
        span, covers = self._span, feed.covers
        if covers.since_us > span.since_us:
            missing = Span(span.since_us, min(covers.since_us, span.until_us))
            gaps.append(self._gap(feed, missing, f"no data before {_written(covers.since_us)}"))
        now = min(to_micros(self._clock.now()), span.until_us)
        if covers.until_us < now - LAG_US:
            missing = Span(max(covers.until_us, span.since_us), now)
            gaps.append(self._gap(feed, missing, f"no data after {_written(covers.until_us)}", "Read it again later."))
        return gaps

    def _gap(self, feed: _Feed, span: Span, why: str, hint: str = "") -> Gap:
        return Gap(
            source=feed.name,
            since_us=span.since_us,
            until_us=span.until_us,
            why=why,
            hint=hint,
            noticed_us=to_micros(self._clock.now()),
        )


def _written(us: int) -> str:
    return f"{from_micros(us):%Y-%m-%d %H:%MZ}"
