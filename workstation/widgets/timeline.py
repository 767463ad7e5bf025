"""The rows of a timeline: events of every source in one order, folds, gaps, marks, pins and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from workstation.services.timeline.event import Event
from workstation.services.timeline.source import Gap
from workstation.services.timeline.working.rows import EventRow, FoldRow, GapRow, Key, Row
from workstation.services.views import Mark
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.event_columns import SETS, cells_of
from workstation.widgets.labels import LabelMap, whose
from workstation.widgets.ledger import Ledger
from workstation.widgets.times import ZULU, Zone

if TYPE_CHECKING:
    from workstation.services.timeline.working.shown import Shown

#: Actions that the line of a fold names.
_NAMED = 3


class Places(Sequence[Key]):
    """The keys of what is shown, found one at a time: a million of them are never listed.

    Args:
        shown: the rows.
    """

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        #: The key that was looked for last, and its place: a look goes through all rows.
        self._last: tuple[Key | None, int | None] = (None, None)

    def __len__(self) -> int:
        return len(self.shown)

    def __getitem__(self, place: int | slice) -> Key | list[Key]:  # type: ignore[override]
        if isinstance(place, slice):
            return [self.shown.key_at(at) for at in range(*place.indices(len(self.shown)))]
        return self.shown.key_at(place if place >= 0 else len(self.shown) + place)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, int | str) and self._place(key) is not None

    def __iter__(self) -> Iterator[Key]:
        return (self.shown.key_at(at) for at in range(len(self.shown)))

    def index(self, key: Key, start: int = 0, stop: int | None = None) -> int:
        """Return where `key` is now; that of a fold for an event in it. Raises ValueError."""
        place = self._place(key)
        if place is None:
            raise ValueError(key)
        return place

    def _place(self, key: Key) -> int | None:
        if self._last[0] != key:
            self._last = (key, self.shown.place_of(key))
        return self._last[1]


class TimelineLedger(Ledger[Key, Row]):
    """The rows of a timeline. Unlike a queue it asks nobody: every row is here, by place."""

    HELP: ClassVar[str] = (
        "The timeline, newest first. ◆ is a mark of a rule, pin is evidence, whose says what the labels say of "
        "its device, network or session. ▸ stands before events that are folded into one row: Enter opens them. "
        "A line of dashes is a gap: a source had no data there."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(SETS["overview"], empty.loading("the timeline"), id=id)
        self.zone: Zone = ZULU
        #: The present year: times of another one are written with theirs.
        self.year = 0
        self.labels: LabelMap = {}
        self.pinned: frozenset[tuple[str, str]] = frozenset()
        self.noted: frozenset[tuple[str, str]] = frozenset()
        self._marks: Mapping[int, Sequence[Mark]] = {}
        self._of: Shown | None = None
        #: What was seen before another order of the same events.
        self._before: tuple[object, ...] | None = None

    def show_rows(self, shown: Shown, cursor: int | None = None) -> None:
        """Show other rows. The cursor stays on its event; until it was first moved, it stays on the newest.

        Args:
            shown: the rows.
            cursor: the event that the cursor goes to, after rows were numbered anew.
        """
        if cursor is not None:
            self._cursor = cursor
        elif not self.touched or (self._of is not None and self._of.frame.working is not shown.frame.working):
            self.forget_cursor()
        before = self._look() if self._of is not None and self._of.frame.working is shown.frame.working else None
        self._of = shown
        self._before = before
        self.show(Places(shown))
        self._before = None

    @property
    def marks(self) -> Mapping[int, Sequence[Mark]]:
        """What the rules found, by the number of an event."""
        return self._marks

    @marks.setter
    def marks(self, marks: Mapping[int, Sequence[Mark]]) -> None:
        self._marks = marks
        self.redraw()

    def lay(self, columns: tuple[Column, ...]) -> None:
        """Show other columns of the same rows."""
        self.columns, self._placed = columns, (0, ())
        self.redraw()

    def say(self, blank: empty.Blank) -> None:
        """Show why there are no rows."""
        self._of = None
        super().say(blank)

    @property
    def shown(self) -> Shown | None:
        """What is shown; None where there are no rows."""
        return self._of

    def row_at(self, at: int) -> Row | None:
        """Return the row at a place of the order."""
        return self._of.row_at(at) if self._of is not None else None

    def row(self, key: Key | None = None) -> Row | None:
        """Return the row of `key`, or of the cursor."""
        if self._of is None or not len(self._of):
            return None
        place = self.place if key is None else self._of.place_of(key)
        return None if place is None else self._of.row_at(place)

    @property
    def event(self) -> Event | None:
        """The event under the cursor, without its raw record; None on a fold or a gap."""
        row = self.row()
        return row.event if isinstance(row, EventRow) else None

    @property
    def event_row(self) -> int | None:
        """The number of the event under the cursor; None on a fold or a gap."""
        row = self.row()
        return row.key if isinstance(row, EventRow) else None

    def go_to(self, rows: Sequence[int], step: int) -> bool:
        """Put the cursor on the next of some events; False where there is none on that side."""
        place = self._of.next_of(rows, self.place, step) if self._of is not None else None
        if place is not None:
            self._go(place)
        return place is not None

    def across(self, row: Row) -> Cell | None:
        """Return the words of a gap or a fold: each is a row of its own, with no columns."""
        if isinstance(row, GapRow):
            return Cell(self._gap(row.gap), "strong")
        if isinstance(row, FoldRow):
            return Cell(self._fold(row), whose(row.last, self.labels).tone)
        return None

    def _gap(self, gap: Gap) -> str:
        since, until = (self.zone.at_us(us, "%Y-%m-%d %H:%M") for us in (gap.since_us, gap.until_us))
        rest = until[11:] if since[:10] == until[:10] else self._short(until)
        return f"── gap {self._short(since)}–{rest}: {gap.source} had no data, {gap.why} ──"

    def _short(self, written: str) -> str:
        """Return a time without the year where it is this one."""
        return written[5:] if written[:4] == str(self.year) else written

    def when(self, us: int) -> str:
        """Return a time in the width of its column: with seconds this year, else with its year in their place."""
        written = self.zone.at_us(us, "%Y-%m-%d %H:%M:%S")
        return written[5:] if written[:4] == str(self.year) else written[2:-3]

    def _fold(self, row: FoldRow) -> str:
        named = ", ".join(f"{action} {count:,}" if count > 1 else action for action, count in row.actions[:_NAMED])
        more = f", {len(row.actions) - _NAMED} more" if len(row.actions) > _NAMED else ""
        kind = "session" if row.session else "burst"
        last, where = row.last, f"{row.last.country} {row.last.asn or row.last.ip}".strip()
        until = self.zone.at_us(row.first.time_us, "%H:%M:%S")
        sign, who = "▾" if row.opened else "▸", whose(last, self.labels).text
        parts = (f"{kind} {row.count:,} events since {until}", named + more, where, last.device, who)
        return f"{self.when(last.time_us)} {sign} " + " · ".join(part for part in parts if part)

    def cells(self, row: Row) -> Sequence[Cell]:
        """Return the cells of an event."""
        if not isinstance(row, EventRow):
            return ()
        return cells_of(self.columns, row, self)

    def flags(self, row: EventRow) -> Cell:
        """Return the signs of an event: a mark, a pin or a note."""
        marks, name = self.marks.get(row.key, ()), (row.event.source, row.event.id)
        pin = " pin" if name in self.pinned else " ✎" if name in self.noted else ""
        hostile = any(mark.severity == "high" for mark in marks)
        return Cell(("◆" if marks else " ") + pin, "hostile" if hostile else "accent")

    def _settle(self, was: Sequence[Key], at: int) -> None:
        """Find the cursor's event in the new order; where it is not shown any more, what was next to it in time."""
        shown, before = self._of, self._cursor
        if shown is not None and before is not None and was and before not in self._keys and isinstance(was, Places):
            at = min(at, len(was) - 1)
            time_us = _time_of(was.shown.row_at(at))
            self._cursor = shown.key_at(shown.place_at(time_us))
        super()._settle(was, at)

    def _repaint(self) -> None:
        """Draw only if other rows are seen than before: most of what comes in comes in elsewhere."""
        if self._before is None:
            super()._repaint()
        elif self._look() != self._before:
            # Events stay what they are; a fold grows and a gap ends elsewhere under the same key.
            for token in list(self._drawn.keys()):
                if isinstance(token[0], str):
                    self._drawn.discard(token)
            self.refresh()

    def _look(self) -> tuple[object, ...]:
        """Return what is seen: the rows, and which of them the cursor is on."""
        shown, top = self._of, self.scroll_offset.y
        rows = shown and [shown.row_at(at) for at in range(top, min(top + self._shown, len(shown)))]
        return rows, self._at - top

    def _ask(self) -> None:
        """Ask for nothing: every row is here."""


def _time_of(row: Row) -> int:
    if isinstance(row, GapRow):
        return row.gap.until_us
    return row.event.time_us if isinstance(row, EventRow) else row.last.time_us
