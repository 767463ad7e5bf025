"""When a timeline is sifted: what is asked for at once, what flows in a few times a second and after keys."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from textual import work
from textual.containers import Vertical

from workstation.services.clock import Clock, to_micros
from workstation.services.errors import Invalid
from workstation.services.pace import Pace
from workstation.widgets.together import Together

if TYPE_CHECKING:
    from workstation.services.timeline.loading.timeline import Timeline
    from workstation.services.timeline.sifting import Sieve, Sifted

#: Up to this many events are sifted on the spot (a few milliseconds); more go to a thread.
AT_ONCE = 5_000
#: Seconds between two sifts of what flows in where they take a thread: four changes a second are seen as flowing, and
#: nine keys of ten meet none.
BREATH_S = 0.25


class Sifting(Vertical):
    """Sifts a timeline, one sift at a time; an answer that nobody wants any more is dropped.

    A subclass says what is asked for, and shows what came of it.

    Args:
        clock: says what ``now`` is in a query.
        pace: says when a key is being answered.
    """

    def __init__(self, clock: Clock, pace: Pace, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock, self._pace = clock, pace
        self.timeline: Timeline | None = None
        self._dirty = False
        self._sifting = False
        self._wanted = 0
        self._asked = asyncio.Event()
        self._together = Together(self)

    # -- what a subclass says ----------------------------------------------------------------------

    def _sieve(self) -> Sieve:
        raise NotImplementedError

    def _show(self, sifted: Sifted) -> None:
        raise NotImplementedError

    def _refuse(self, why: Invalid) -> None:
        raise NotImplementedError

    # -- sifting -----------------------------------------------------------------------------------

    def drop(self) -> None:
        """Want no answer any more."""
        self._wanted += 1

    def sift_soon(self, asked: bool = True) -> None:
        """Sift again, once, as soon as it is possible; for what flows in not more often than is seen."""
        self._dirty = True
        if asked:
            self._wanted += 1
            self._asked.set()
            if self.timeline is not None:
                self._together.asked()
        if not self._sifting and self.timeline is not None and self.is_mounted:
            self._sifting = True
            self._sift()

    @work(group="sift", name="sift the timeline", exit_on_error=False)
    async def _sift(self) -> None:
        """Sift until nothing newer has come; one at a time, so that a stream of pages cannot starve it."""
        try:
            while self._dirty and self.timeline is not None:
                self._dirty = False
                self._asked.clear()
                timeline, wanted = self.timeline, self._wanted
                sifted = await self._sift_once(timeline)
                if len(timeline.working) > AT_ONCE and not self._together.holding:
                    await self._pace.turn(unless=self._asked)
                if sifted is not None and timeline is self.timeline and wanted == self._wanted:
                    self._show(sifted)
                elif not self._asked.is_set():
                    self.answered()
                if len(timeline.working) > AT_ONCE:
                    await self._breathe()
        finally:
            self._sifting = False

    async def _breathe(self) -> None:
        """Let keys through between two sifts of what flows in; what somebody asked for is sifted at once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BREATH_S):
                await self._asked.wait()
        await self._pace.turn(unless=self._asked)

    async def _sift_once(self, timeline: Timeline) -> Sifted | None:
        from workstation.services.timeline.sifting import sift
        from workstation.services.timeline.working.frame import Cancelled

        sieve, wanted, now = self._sieve(), self._wanted, to_micros(self._clock.now())

        def check() -> None:
            if wanted != self._wanted or timeline is not self.timeline:
                raise Cancelled

        try:
            if len(timeline.working) <= AT_ONCE:
                return sift(timeline.working, timeline.gaps, sieve, now, check)
            return await asyncio.to_thread(sift, timeline.working, timeline.gaps, sieve, now, check)
        except Cancelled:
            return None
        except Invalid as error:
            self._refuse(error)
            return None

    def answered(self) -> None:
        """Paint what was asked for with all that is said of it."""
        if not self._asked.is_set():
            self._together.answered()
