"""The timeline of the paper desk: everything is there at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from workstation.services.timeline.event import Event
from workstation.services.timeline.loading.timeline import Timeline
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.source import Gap, SourceState, Span
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Encoder
from workstation.services.views import Mark, SourceLine


class PaperControl:
    """Does what a loader is asked for, at once."""

    def __init__(self, timeline: Timeline, encoder: Encoder) -> None:
        self.timeline = timeline
        self.encoder = encoder
        self.asked: list[str] = []
        self.closed = False

    def come(self, events: Iterable[Event]) -> None:
        """Let more events come."""
        self.timeline.working.append(self.encoder.encode(list(events)))
        self.timeline.told()

    def again(self, source: str) -> None:
        self.asked.append(f"again {source}")

    def stop(self) -> None:
        self.asked.append("stop")
        stopped = (
            msgspec.structs.replace(line, state=SourceState.PARTIAL, why="reading was stopped")
            if line.state is SourceState.LOADING
            else line
            for line in self.timeline.lines
        )
        self.timeline.lines = tuple(stopped)
        self.timeline.told()

    async def aclose(self) -> None:
        self.closed = True


def paper_timeline(
    events: tuple[Event, ...],
    gaps: tuple[Gap, ...],
    lines: Callable[[int], tuple[SourceLine, ...]],
    marks: tuple[Mark, ...],
    asked: Query,
) -> Timeline:
    """Return a timeline that holds `events`; marks are tied to their rows by the ids that they name."""
    timeline = Timeline(WorkingSet(), (), Span(0, 10**16), asked)
    encoder = Encoder()
    timeline.control = PaperControl(timeline, encoder)
    timeline.working.append(encoder.encode(events))
    rows = {event.id: row for row, event in enumerate(events)}
    timeline.lines, timeline.gaps = lines(len(events)), gaps
    timeline.marks = tuple(
        msgspec.structs.replace(mark, rows=tuple(rows[name] for name in mark.events if name in rows)) for mark in marks
    )
    timeline.told()
    return timeline
