"""What is known of one source while it is read: how far it came, what it covers, where it gave nothing."""

from __future__ import annotations

import numpy as np

from workstation.services.clock import Clock, from_micros, to_micros
from workstation.services.timeline.batch import Batch
from workstation.services.timeline.source import Gap, Page, SourceState, Span
from workstation.services.views import SourceLine

#: A source whose data end this long before now lags; less is the ordinary delay of a log store.
LAG_US = 5 * 60 * 1_000_000
#: How far back a look for what is new goes, in microseconds: log stores take events in late and out of order.
OVERLAP_US = 2 * 60 * 1_000_000
#: How far a look goes beyond now: a source whose clock is ahead writes events of the future.
AHEAD_US = 5 * 60 * 1_000_000


class Feed:
    """One source's place in the timeline.

    Args:
        number: its place among the sources, which decides between events of the same microsecond.
        name: what rows and gaps call it.
        span: what is read.
        clock: for when something was noticed.
    """

    def __init__(self, number: int, name: str, span: Span, clock: Clock) -> None:
        self.number = number
        self.name = name
        self.state = SourceState.LOADING
        self.events = 0
        #: Where reading goes on after a failure.
        self.cursor: str | None = None
        #: Up to when it was read to its end, for what comes in live; 0 before.
        self.live_us = 0
        self._span = span
        self._clock = clock
        self._oldest_us = span.until_us
        self._covers: Span | None = None
        self._whys: dict[str, None] = {}
        self._gap: Gap | None = None
        self._failed_us = 0
        self._lost = ""
        #: Source and id → time of the latest events: each look for what is new finds them again.
        self._recent: dict[tuple[str, str], int] = {}

    def begin(self) -> None:
        """Read on, or again from the start where the source itself left something out."""
        if self.state is SourceState.PARTIAL:
            self.cursor = None
        self.state, self._gap, self._failed_us, self._lost = SourceState.LOADING, None, 0, ""
        self._whys.clear()

    def take(self, page: Page) -> Batch:
        """Note a page of the first reading; return its events of the span."""
        events = self._fresh(page, self._span.until_us)
        self._oldest_us = min(self._oldest_us, int(events.times.min())) if events else self._oldest_us
        if page.partial:
            self._whys[page.why or "it did not see all of its data"] = None
        self.cursor = page.cursor
        return events

    def cut(self, events: Batch) -> None:
        """Note that these, the oldest that came, were not taken: there was no room."""
        if events:
            self.events -= len(events)
            self._oldest_us = int(events.times.max()) + 1

    def take_new(self, page: Page) -> Batch:
        """Note a page of what is new; return what did not come before."""
        return self._fresh(page, self._now() + AHEAD_US)

    def end(self) -> None:
        """Note that it was read to its end, up to now."""
        self.state = SourceState.PARTIAL if self._whys else SourceState.LIVE
        self.live_us, self.cursor = self._now(), None
        horizon = self.live_us - 2 * OVERLAP_US
        self._recent = {name: at for name, at in self._recent.items() if at >= horizon}

    def stop(self, state: SourceState, why: str, hint: str) -> None:
        """Note why it was not read to its end: what is older than its oldest event is a gap."""
        self.state, self._failed_us = state, self._now()
        self._whys[why] = None
        since = max(self._span.since_us, self._covers.since_us) if self._covers else self._span.since_us
        if since < self._oldest_us:
            self._gap = self._missing(Span(since, self._oldest_us), why, hint)

    def lose(self, why: str, hint: str) -> None:
        """Note that nothing new can be read since it was read to its end."""
        self.state, self._failed_us, self._lost = SourceState.FAILED, self._failed_us or self._now(), why
        self._gap = self._missing(Span(self.live_us, max(self._now(), self.live_us + 1)), why, hint)

    def recover(self) -> None:
        """Note that what is new was read; what it had missed before is there now."""
        if self._lost:
            self._gap, self._failed_us, self._lost = None, 0, ""
        self.end()

    def _fresh(self, page: Page, until_us: int) -> Batch:
        events = Batch.of(page.events).within(self._span.since_us, until_us)
        if self._recent:
            # What came before has the same time now: older events than all of those are not among them.
            known = np.flatnonzero(events.times >= min(self._recent.values())).tolist()
            there = [place for place in known if self._named(events, place) in self._recent]
            events = events.taken(np.delete(np.arange(len(events)), there))
        for place in np.flatnonzero(events.times >= self._now() - 2 * OVERLAP_US).tolist():
            self._recent[self._named(events, place)] = int(events.times[place])
        self.events += len(events)
        if page.covers is not None:
            had = self._covers or page.covers
            self._covers = Span(min(had.since_us, page.covers.since_us), max(had.until_us, page.covers.until_us))
        return events

    @staticmethod
    def _named(events: Batch, place: int) -> tuple[str, str]:
        source = events.column("source")
        return source.values[source.codes[place]], events.ids[place]

    @property
    def line(self) -> SourceLine:
        """Its state in words and numbers."""
        return SourceLine(
            name=self.name,
            state=self.state,
            events=self.events,
            why=self._lost or "; ".join(self._whys),
            percent=self._percent(),
            failed_at=from_micros(self._failed_us) if self._failed_us else None,
        )

    def gaps(self) -> list[Gap]:
        """Return the spans for which it gave nothing."""
        gaps = [self._gap] if self._gap else []
        if self._covers is None:
            return gaps
        span, covers = self._span, self._covers
        if covers.since_us > span.since_us:
            missing = Span(span.since_us, min(covers.since_us, span.until_us))
            gaps.append(self._missing(missing, f"no data before {_written(covers.since_us)}"))
        now = min(self._now(), span.until_us)
        if covers.until_us < now - LAG_US and not self._failed_us:
            missing = Span(max(covers.until_us, span.since_us), now)
            gaps.append(self._missing(missing, f"no data after {_written(covers.until_us)}", "Read it again later."))
        return gaps

    def _percent(self) -> int | None:
        """Return how much of the time was read, of what it says to have; None where nobody can say."""
        if self.state is not SourceState.LOADING or self._covers is None:
            return None
        since = max(self._span.since_us, self._covers.since_us)
        until = min(self._span.until_us, self._covers.until_us)
        return min(99, max(0, 100 * (until - self._oldest_us) // (until - since))) if until > since else None

    def _missing(self, span: Span, why: str, hint: str = "") -> Gap:
        return Gap(
            source=self.name,
            since_us=span.since_us,
            until_us=span.until_us,
            why=why,
            hint=hint,
            noticed_us=self._failed_us or self._now(),
        )

    def _now(self) -> int:
        return to_micros(self._clock.now())


def _written(us: int) -> str:
    return f"{from_micros(us):%Y-%m-%d %H:%MZ}"
