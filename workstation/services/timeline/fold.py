"""Folding: consecutive events of one session become one row, so that a long session costs one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from workstation.services.timeline.event import Event
from workstation.services.timeline.source import Gap

#: Fewer events than this are no gain as a fold.
LEAST = 3


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """An event by itself. `inside` is the id of the opened fold that it belongs to, or ``""``."""

    id: str
    event: Event
    inside: str = ""


class FoldRow(msgspec.Struct, frozen=True):
    """Events of one session that follow each other.

    ``first`` and ``last`` are the oldest and the newest of them; ``actions`` are their actions with how often each
    occurred, most often first, then as they came; ``opened`` says that the events follow as rows.
    """

    id: str
    session: str
    count: int
    first: Event
    last: Event
    actions: tuple[tuple[str, int], ...]
    opened: bool = False


class GapRow(msgspec.Struct, frozen=True):
    """A span for which a source gave nothing."""

    id: str
    gap: Gap


Row = EventRow | FoldRow | GapRow


def event_id(event: Event) -> str:
    """Return what names an event's row: its source and id."""
    return f"{event.source}\x1f{event.id}"


def gap_id(gap: Gap) -> str:
    """Return what names a gap's row. Its end moves while events come in, its start does not."""
    return f"gap\x1f{gap.source}\x1f{gap.since_us}"


def fold(
    events: Sequence[Event],
    gaps: Sequence[Gap] = (),
    *,
    opened: frozenset[str] = frozenset(),
    apart: frozenset[str] = frozenset(),
    least: int = LEAST,
) -> list[Row]:
    """Return the rows of a timeline, newest first.

    A gap stands above the first event that is older than the gap's end, and ends a fold there. The id of a fold is
    made of its session and its oldest event: new events that join it do not change it.

    Args:
        events: newest first.
        gaps: in any order.
        opened: ids of folds whose events are shown below them.
        apart: ids of events that stay rows of their own (pins, marks).
        least: the smallest number of events that is folded.
    """
    rows: list[Row] = []
    waiting = sorted(gaps, key=lambda gap: gap.until_us)
    run: list[Event] = []
    for event in events:
        while waiting and waiting[-1].until_us > event.time_us:
            _close(rows, run, opened, least)
            rows.append(_gap_row(waiting.pop()))
        joins = bool(event.session) and event_id(event) not in apart
        if run and not (joins and run[0].session == event.session):
            _close(rows, run, opened, least)
        if joins:
            run.append(event)
        else:
            rows.append(EventRow(event_id(event), event))
    _close(rows, run, opened, least)
    rows.extend(_gap_row(gap) for gap in reversed(waiting))
    return rows


def _close(rows: list[Row], run: list[Event], opened: frozenset[str], least: int) -> None:
    if len(run) < least:
        rows.extend(EventRow(event_id(event), event) for event in run)
    elif run:
        row = _fold_row(run, opened)
        rows.append(row)
        if row.opened:
            rows.extend(EventRow(event_id(event), event, row.id) for event in run)
    run.clear()


def _fold_row(run: list[Event], opened: frozenset[str]) -> FoldRow:
    newest, oldest = run[0], run[-1]
    name = f"fold\x1f{oldest.session}\x1f{event_id(oldest)}"
    actions = Counter(event.action for event in reversed(run)).most_common()
    return FoldRow(name, oldest.session, len(run), oldest, newest, tuple(actions), name in opened)


def _gap_row(gap: Gap) -> GapRow:
    return GapRow(gap_id(gap), gap)
