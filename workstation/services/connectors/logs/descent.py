"""Pages that come one below the other: nothing twice, nothing that belongs further up."""

from __future__ import annotations

from collections.abc import Iterable

from workstation.services.errors import SourceGarbled
from workstation.services.timeline.event import Event


class Descent:
    """Holds what comes against what came, without keeping it.

    Args:
        name: of the source, for sentences.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._oldest_us: int | None = None
        self._there: frozenset[str] = frozenset()

    def page(self, events: Iterable[Event]) -> tuple[Event, ...]:
        """Return the events of a page newest first, without what an instant shared with the page before has given.

        Raises:
            SourceGarbled: an event is newer than the oldest that came before: the same page again, or one that
                belongs elsewhere.
        """
        new = [event for event in events if event.time_us != self._oldest_us or event.id not in self._there]
        new = sorted({event.id: event for event in new}.values(), key=_newest_first)
        if not new:
            return ()
        if self._oldest_us is not None and new[0].time_us > self._oldest_us:
            raise SourceGarbled(
                f"{self._name} does not answer newest first; older events are missing.",
                "What came before is right. Try again; if it stays, tell who runs that system.",
            )
        oldest = new[-1].time_us
        there = frozenset(event.id for event in new if event.time_us == oldest)
        self._there = there | self._there if oldest == self._oldest_us else there
        self._oldest_us = oldest
        return tuple(new)


def _newest_first(event: Event) -> int:
    return -event.time_us
