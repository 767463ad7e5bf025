"""Several sources into one timeline, as it grows.

All sources are asked at once. What has come is kept in one order (newest first); no row is there twice;
a source that failed, or has no data for a span, is a gap row with its reason; nothing else stops.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from workstation.services.clock import Clock, to_micros
from workstation.services.errors import SourceError
from workstation.services.timeline.event import Event
from workstation.services.timeline.source import EventSource, Gap, Page, SourceState, Span
from workstation.services.views import SourceLine, TimelineView

#: A source that has not ended by then is shown as failed; what it gave stays.
DEADLINE_S = 30.0
#: Pages that come within this time are shown together: a screen is not painted for each.
COALESCE_S = 0.1
#: Pages of one source; 200 of 1,000 events are more than an analyst reads, and an endless cursor ends here.
PAGES = 1_000


class _Feed:
    """What one source has given so far."""

    def __init__(self, source: EventSource, span: Span, clock: Clock) -> None:
        self.name = source.name
        self.state = SourceState.LOADING
        self.why = ""
        self.hint = ""
        self.events: dict[str, Event] = {}
        self.noticed_us = 0
        self.before: int | None = None
        self._source = source
        self._span = span
        self._clock = clock

    def take(self, page: Page) -> None:
        """Keep a page; an id that came before stays as it was."""
        for event in page.events:
            self.events.setdefault(event.id, event)
        if page.partial:
            self.state, self.why = SourceState.PARTIAL, page.why or "the source did not see all of its data"
            self.noticed_us = to_micros(self._clock.now())
        if page.covers is not None and page.covers.since_us > self._span.since_us:
            self.before = page.covers.since_us

    def fail(self, why: str, hint: str) -> None:
        """Mark the source as failed."""
        self.state, self.why, self.hint = SourceState.FAILED, why, hint
        self.noticed_us = to_micros(self._clock.now())

    def end(self) -> None:
        """Mark the source as whole, unless it said otherwise."""
        if self.state is SourceState.LOADING:
            self.state = SourceState.LIVE

    def gaps(self) -> list[Gap]:
        """Return the spans for which this source gave nothing."""
        found = []
        if self.state is SourceState.FAILED:
            oldest = min((e.time_us for e in self.events.values()), default=self._span.until_us)
            found.append(self._gap(self._span.since_us, oldest, self.why, self.hint))
        elif self.state is SourceState.PARTIAL:
            found.append(self._gap(self._span.since_us, self._span.until_us, f"partial: {self.why}", ""))
        if self.before is not None and self.state is not SourceState.FAILED:
            found.append(self._gap(self._span.since_us, self.before, "no data before this time", ""))
        return found

    def line(self) -> SourceLine:
        """Return the state for the line under the timeline."""
        return SourceLine(name=self.name, state=self.state, events=len(self.events), why=self.why)

    def _gap(self, since_us: int, until_us: int, why: str, hint: str) -> Gap:
        return Gap(
            source=self.name, since_us=since_us, until_us=until_us, why=why, hint=hint, noticed_us=self.noticed_us
        )


async def gather(
    sources: Sequence[EventSource],
    account: str,
    span: Span,
    clock: Clock,
    *,
    deadline_s: float = DEADLINE_S,
    coalesce_s: float = COALESCE_S,
) -> AsyncIterator[TimelineView]:
    """Yield the timeline whenever something was added, and once at the end.

    Args:
        sources: asked at once; closed at the end, also when the caller stops early.
        account: whose events.
        span: which events.
        clock: when a gap was noticed.
        deadline_s: seconds that a source may take in all.
        coalesce_s: seconds in which arrivals are put into one view.
    """
    feeds = [_Feed(source, span, clock) for source in sources]
    moved = asyncio.Event()
    tasks = [
        asyncio.ensure_future(_fill(feed, source, account, span, moved, deadline_s))
        for feed, source in zip(feeds, sources, strict=True)
    ]
    try:
        while pending := [task for task in tasks if not task.done()]:
            waiting = asyncio.ensure_future(moved.wait())
            await asyncio.wait([waiting, *pending], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if any(not task.done() for task in tasks):
                await asyncio.wait(pending, timeout=coalesce_s)
                moved.clear()
                yield _view(feeds)
        yield _view(feeds)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for source in sources:
            with contextlib.suppress(SourceError):
                await source.aclose()


async def _fill(
    feed: _Feed, source: EventSource, account: str, span: Span, moved: asyncio.Event, deadline_s: float
) -> None:
    try:
        async with asyncio.timeout(deadline_s):
            pages = 0
            async for page in source.pages(account, span):
                feed.take(page)
                moved.set()
                pages += 1
                if pages >= PAGES:
                    feed.fail(f"more than {PAGES} pages", "Narrow the span.")
                    return
            feed.end()
    except TimeoutError:
        feed.fail(f"no end within {deadline_s:g} s", "Press r to try again.")
    except SourceError as error:
        feed.fail(error.what, error.hint)
    finally:
        moved.set()


def _view(feeds: list[_Feed]) -> TimelineView:
    events = [event for feed in feeds for event in feed.events.values()]
    events.sort(key=lambda e: (-e.time_us, e.source, e.id))
    gaps = sorted((gap for feed in feeds for gap in feed.gaps()), key=lambda g: -g.until_us)
    return TimelineView(events=tuple(events), gaps=tuple(gaps), sources=tuple(feed.line() for feed in feeds))
