"""The loader's rules: asked once everything is here, and again when something new came."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workstation.services.clock import Clock, to_micros
from workstation.services.timeline.loading.wire import Marked
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.frame import Cancelled

if TYPE_CHECKING:
    from workstation.services.timeline.marks.rulebook import Rulebook


class Records:
    """How rules were judged, as the store told it when the account was opened.

    Args:
        known: rule → how often it was right and wrong.
    """

    def __init__(self, known: Mapping[str, tuple[int, int]]) -> None:
        self._known = known

    def of(self, rule: str) -> tuple[int, int]:
        """Return how often a rule was judged right and wrong."""
        return self._known.get(rule, (0, 0))


class Marking:
    """Asks the rules of a working set, off the loop.

    Args:
        working: the events; raw records are not needed.
        records: how the rules were judged.
        rules: a directory of the team's own rules, or ``""``.
        clock: now.
    """

    def __init__(self, working: WorkingSet, records: Records, rules: str, clock: Clock) -> None:
        self._working = working
        self._records = records
        self._rules = rules
        self._clock = clock
        self._stopped = threading.Event()

    async def look(self) -> Marked:
        """Return what the rules find now. Raises Cancelled after :meth:`stop`."""
        return await asyncio.to_thread(self._look)

    def stop(self) -> None:
        """End a look that is going on."""
        self._stopped.set()

    def _look(self) -> Marked:
        from workstation.services.timeline.marks.finder import find, mark_of
        from workstation.services.timeline.marks.record import weighed

        book = rulebook(self._rules)
        frame = self._working.snapshot()
        found = find(frame, to_micros(self._clock.now()), book.rules, self._check)
        marks = tuple(mark_of(frame, finding) for finding in weighed(found.findings, self._records))
        problems = (problem.sentence() for problem in book.problems)
        failed = (f"The rule {one.rule} failed: {one.why}" for one in found.failed)
        return Marked(marks=marks, failed=(*problems, *failed), rulebook=book.digest)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise Cancelled


_books: dict[str, Rulebook] = {}
_reading = threading.Lock()


def rulebook(own: str) -> Rulebook:
    """Return the shipped rules and those below the directory `own`; read once a process, which takes half a second."""
    from workstation.services.timeline.marks.rulebook import load

    with _reading:
        if own not in _books:
            _books[own] = load(Path(own) if own else None)
        return _books[own]
