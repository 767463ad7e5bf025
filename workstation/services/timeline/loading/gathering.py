"""Several sources read at once: what comes is passed on at once, what fails is a gap, what is new is read on.

No source can hold up, empty or disorder the others: each has its own task, its own deadline and its own line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import numpy as np

from workstation.services.clock import Clock, to_micros
from workstation.services.errors import WorkstationError
from workstation.services.timeline.batch import Batch
from workstation.services.timeline.loading.feed import AHEAD_US, OVERLAP_US, Feed
from workstation.services.timeline.query.one import matches
from workstation.services.timeline.source import ALL, EventSource, Gap, Only, Page, SourceState, Span
from workstation.services.views import SourceLine

#: Seconds to wait for one page.
DEADLINE_S = 30.0
#: Pages read of one source: at a thousand events a page, ten million events.
PAGE_CAP = 10_000
#: Seconds between two looks for what is new.
LIVE_S = 15.0

#: Why nothing more is read, and what to do.
FULL = (
    "the working set is full; older events are not loaded",
    "Ask the stores for what you look for (a query, then A), or give it more room in the settings.",
)

#: Takes the events of one source (its number, newest first) in. None: there is room for more; a number: there is none,
#: and of these so many, the newest, were taken.
Take = Callable[[int, Batch], Awaitable[int | None]]
#: Makes a source; a source is used for one reading and then closed.
Maker = Callable[[], EventSource]


class Gathering:
    """Reads the sources of one account.

    Args:
        makers: the sources by name, in the order in which they are shown.
        account: the account's id.
        span: what to read.
        clock: for when a gap was noticed.
        take: is given every page's events.
        deadline_s: seconds to wait for one page of one source.
        page_cap: pages read of one source; the rest becomes a gap.
        pause: waits until it is time to look for what is new; None: nothing is read after the end.
        only: what is wanted of the events; sources leave out what they can, the rest is left out here.
    """

    def __init__(
        self,
        makers: Mapping[str, Maker],
        account: str,
        span: Span,
        clock: Clock,
        take: Take,
        *,
        deadline_s: float = DEADLINE_S,
        page_cap: int = PAGE_CAP,
        pause: Callable[[], Awaitable[None]] | None = None,
        only: Only = ALL,
    ) -> None:
        self.changed = asyncio.Event()
        self._makers = dict(makers)
        self._account = account
        self._span = span
        self._clock = clock
        self._take = take
        self._deadline_s = deadline_s
        self._page_cap = page_cap
        self._pause = pause
        self._only = only
        self._feeds = {name: Feed(number, name, span, clock) for number, name in enumerate(makers)}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._full = False

    def start(self) -> None:
        """Read all sources."""
        for name in self._makers:
            self._begin(name)

    def again(self, name: str) -> None:
        """Read a source on from where it stopped; one that is being read is left alone. Unknown names are ignored."""
        feed = self._feeds.get(name)
        if feed is not None and feed.state is not SourceState.LOADING:
            self._end(name)
            feed.begin()
            self._begin(name)

    def stop(self) -> None:
        """Stop what is being read; what came stays, the rest is a gap."""
        for name, feed in self._feeds.items():
            if feed.state is SourceState.LOADING:
                self._end(name)
                feed.stop(SourceState.PARTIAL, "reading was stopped", "Read it again.")
        self.changed.set()

    @property
    def lines(self) -> tuple[SourceLine, ...]:
        """The state of each source."""
        return tuple(feed.line for feed in self._feeds.values())

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Where sources gave nothing, the latest first."""
        gaps = (gap for feed in self._feeds.values() for gap in feed.gaps())
        return tuple(sorted(gaps, key=lambda gap: -gap.until_us))

    @property
    def loading(self) -> bool:
        """Whether any source is still read for the first time."""
        return any(feed.state is SourceState.LOADING for feed in self._feeds.values())

    async def aclose(self) -> None:
        """Stop reading and let go of every source."""
        tasks = list(self._tasks.values())
        for name in list(self._tasks):
            self._end(name)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, name: str) -> None:
        self._tasks[name] = asyncio.create_task(self._read(self._feeds[name]), name=f"read {name}")
        self.changed.set()

    def _end(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    async def _read(self, feed: Feed) -> None:
        """Read one source to its end or failure, then what is new."""
        if not await self._through(feed, self._span, feed.take, partial(feed.stop, SourceState.FAILED)):
            return
        feed.end()
        self.changed.set()
        while self._pause is not None:
            await self._pause()
            since = max(self._span.since_us, feed.live_us - OVERLAP_US)
            fresh = Span(since, to_micros(self._clock.now()) + AHEAD_US)
            if await self._through(feed, fresh, feed.take_new, feed.lose):
                feed.recover()
            elif self._full:
                return
            self.changed.set()

    async def _through(
        self, feed: Feed, span: Span, note: Callable[[Page], Batch], fail: Callable[[str, str], None]
    ) -> bool:
        """Read pages until the end; return whether it was reached, and say otherwise why not."""
        try:
            source = self._makers[feed.name]()
        except WorkstationError as error:
            fail(error.what, error.hint)
            self.changed.set()
            return False
        pages = source.pages(self._account, span, feed.cursor, self._only)
        try:
            for _ in range(self._page_cap):
                async with asyncio.timeout(self._deadline_s):
                    page = await anext(pages, None)
                if page is None:
                    return True
                events = await self._wanted(note(page))
                taken = await self._take(feed.number, events)
                self.changed.set()
                if taken is not None:
                    self._full = True
                    feed.cut(events[taken:])
                    feed.stop(SourceState.PARTIAL, *FULL)
                    return False
            feed.stop(SourceState.PARTIAL, f"more than {self._page_cap:,} pages", "Choose a shorter span.")
        except TimeoutError:
            fail(f"no answer for {self._deadline_s:g} s", "Read it again in a while.")
        except WorkstationError as error:
            fail(error.what, error.hint)
        except Exception as error:  # noqa: BLE001 - a fault in one connector must not take the others' events away
            why = f"a fault of this program: {type(error).__name__}"
            fail(why, "Report it; the other sources are not touched by it.")
        finally:
            await self._close(source, pages)
            self.changed.set()
        return False

    async def _wanted(self, events: Batch) -> Batch:
        """Return the events that the query keeps. Where nothing is asked, that is all of them."""
        only = self._only
        if not only.query or not events:
            return events

        def kept() -> Batch:
            return events.taken(np.array([matches(only.query, event, only.now_us) for event in events], np.bool_))

        return await asyncio.to_thread(kept)

    async def _close(self, source: EventSource, pages: object) -> None:
        """Let go of a source. One that cannot be closed in time, or complains, has no bearing on what was read."""
        close = getattr(pages, "aclose", None)
        tasks = [asyncio.ensure_future(call()) for call in (close, source.aclose) if call is not None]
        _, late = await asyncio.wait(tasks, timeout=self._deadline_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
