"""A loader in this very process, for tests and small tools: the same gathering, without a pipe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from workstation.services.clock import Clock
from workstation.services.timeline.batch import Batch
from workstation.services.timeline.loading.gathering import Gathering, Maker
from workstation.services.timeline.loading.timeline import Timeline
from workstation.services.timeline.source import ALL, Only, Span
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Encoder


class LocalTimelines:
    """Opens timelines that are filled on this loop.

    Args:
        makers: returns the sources by name.
        clock: now.
        pause: waits until it is time to look for what is new; None: nothing is read after the end.
    """

    def __init__(
        self,
        makers: Callable[[], Mapping[str, Maker]],
        clock: Clock,
        pause: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._makers = makers
        self._clock = clock
        self._pause = pause

    def prepare(self) -> None:
        """Nothing needs to be started."""

    async def open(self, account: str, span: Span, only: Only = ALL) -> Timeline:
        """Return a timeline that fills; whoever opened it closes it."""
        makers = self._makers()
        timeline = Timeline(WorkingSet(), makers, span, only.query)
        timeline.marked = True  # no rules are asked here
        timeline.control = _Here(makers, account, self._clock, timeline, self._pause, only)
        return timeline

    async def aclose(self) -> None:
        """Nothing is kept."""


class _Here:
    def __init__(
        self,
        makers: Mapping[str, Maker],
        account: str,
        clock: Clock,
        timeline: Timeline,
        pause: Callable[[], Awaitable[None]] | None,
        only: Only,
    ) -> None:
        self._timeline = timeline
        self._encoder = Encoder()
        self._gathering = Gathering(makers, account, timeline.span, clock, self._take, pause=pause, only=only)
        self._gathering.start()
        self._telling = asyncio.create_task(self._tell(), name="tell how sources stand")

    def again(self, source: str) -> None:
        self._gathering.again(source)

    def stop(self) -> None:
        self._gathering.stop()

    async def aclose(self) -> None:
        self._telling.cancel()
        await self._gathering.aclose()
        await asyncio.gather(self._telling, return_exceptions=True)

    async def _take(self, feed: int, events: Batch) -> int | None:
        working = self._timeline.working
        fitting = events[: working.room]
        if fitting:
            working.append(self._encoder.encode(fitting, feed))
        return len(fitting) if working.full or len(fitting) < len(events) else None

    async def _tell(self) -> None:
        gathering, timeline = self._gathering, self._timeline
        while True:
            timeline.lines, timeline.gaps = gathering.lines, gathering.gaps
            timeline.told()
            await gathering.changed.wait()
            gathering.changed.clear()
