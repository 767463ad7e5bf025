"""An account's timeline while it fills: the events that came, how the sources stand, what the rules found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from workstation.services.pace import Pace
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.source import ALL, Gap, SourceState, Span
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.views import Mark, SourceLine


class Control(Protocol):
    """What is asked of whoever fills a timeline."""

    def again(self, source: str) -> None:
        """Read a source on from where it stopped."""
        ...

    def stop(self) -> None:
        """Stop what is being read; what came stays."""
        ...

    async def aclose(self) -> None:
        """Stop reading and let go of everything."""
        ...


class Timeline:
    """The events of one account, filled by a loader.

    Args:
        working: the working set that is filled.
        sources: the names of what is read, in order.
        span: what is read.
        asked: what the stores were asked for: everything, or what a query keeps.
    """

    def __init__(self, working: WorkingSet, sources: Iterable[str], span: Span, asked: Query = ALL.query) -> None:
        self.working = working
        self.span = span
        self.asked = asked
        self.lines = tuple(SourceLine(name=name, state=SourceState.LOADING) for name in sources)
        self.gaps: tuple[Gap, ...] = ()
        self.marks: tuple[Mark, ...] = ()
        #: Whether the rules were asked of all that came when no source was loading any more.
        self.marked = False
        #: Which rules could not be asked, and why.
        self.failed_rules: tuple[str, ...] = ()
        #: SHA-256 of the rules; empty until they were asked.
        self.rulebook = b""
        self.control: Control | None = None
        #: What somebody does who looks at it, which goes before what comes; None: nobody looks.
        self.pace: Pace | None = None
        self._news = asyncio.Event()

    @property
    def loading(self) -> bool:
        """Whether any source is still read for the first time."""
        return any(line.state is SourceState.LOADING for line in self.lines)

    async def news(self) -> None:
        """Wait until something changed since this was last waited for."""
        await self._news.wait()
        self._news.clear()

    async def turn(self) -> None:
        """Wait until what came may be taken in."""
        if self.pace is not None:
            await self.pace.turn()

    async def loaded(self) -> None:
        """Wait until no source is read for the first time any more."""
        while self.loading:
            await self.news()

    async def judged(self) -> None:
        """Wait until the rules were asked of everything that could be loaded."""
        while self.loading or not self.marked:
            await self.news()

    def told(self) -> None:
        """Wake whoever waits for news."""
        self._news.set()

    def again(self, source: str = "") -> tuple[str, ...]:
        """Read a source on from where it stopped; without a name, all that did not come to their end. Return which."""
        bad = (SourceState.FAILED, SourceState.PARTIAL)
        names = (source,) if source else tuple(line.name for line in self.lines if line.state in bad)
        for name in names:
            if self.control is not None:
                self.control.again(name)
        return names

    def stop(self) -> None:
        """Stop what is being read; what came stays, and the rest is a gap that can be read again."""
        if self.control is not None:
            self.control.stop()

    async def aclose(self) -> None:
        """Stop reading, and forget the events."""
        if self.control is not None:
            await self.control.aclose()
        await asyncio.to_thread(self.working.close)
