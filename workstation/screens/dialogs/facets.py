"""How often each value of a field occurs among the events shown; one is chosen to see only it, or all but it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.types import CSSPathType
from textual.widget import Widget

from workstation.screens.dialogs.base import Dialog
from workstation.services.timeline.event import FIELDS
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger

if TYPE_CHECKING:
    from workstation.services.timeline.working.columns import Snapshot
    from workstation.services.timeline.working.frame import Mask
    from workstation.services.timeline.working.summary import Facets

#: Values counted out; fields of more (ids, mostly) are shown by their most frequent ones.
MOST = 20_000
#: The field to begin with.
FIRST_FIELD = "event.action"
#: Seconds that the dialog waits to open with the values of that: a count that takes longer is seen to go on in it.
OPENING_S = 0.03
_BAR = 10


class Taken(msgspec.Struct, frozen=True):
    """A value of a field: to show only it, or to hide it."""

    field: str
    value: str
    hide: bool


class FieldList(Ledger[str, tuple[str, int]]):
    """The fields that have values, each with how many different ones."""

    HELP = "Fields, and how many different values each has. Right or Enter goes to the values of one."
    COLUMNS = (
        Column(key="field", title="field", width=12, keep=9, flex=True),
        Column(key="values", title="values", width=9, keep=8, right=True),
    )

    def __init__(self, frame: Snapshot) -> None:
        super().__init__(self.COLUMNS, empty.empty("No event has any value.", "Esc leaves."), id="fields")
        counts = {field: len(frame.values(field)) - 1 for field in sorted(FIELDS, key=lambda name: name == "event.id")}
        self._found = {field: (field, count) for field, count in counts.items() if count}

    def on_mount(self) -> None:
        """Show the fields."""
        self.show(tuple(self._found), self._found)

    def cells(self, row: tuple[str, int]) -> Sequence[Cell]:
        """Return a field and how many values it has."""
        return (Cell(row[0], "strong"), Cell(f"{row[1]:,}", "quiet"))


class Counted(msgspec.Struct, frozen=True):
    """A value, in how many events it is, and their share of all: 0 to 1."""

    value: str
    count: int
    share: float


class ValueList(Ledger[str, Counted]):
    """Values of one field with their counts."""

    HELP = "Values with how many of the events shown have them. Enter shows only one, x hides it, o turns the order."
    COLUMNS = (
        Column(key="value", title="value", width=12, keep=9, flex=True),
        Column(key="count", title="events", width=9, keep=8, right=True),
        Column(key="share", title="share", width=5, keep=6, right=True),
        Column(key="bar", title="", width=_BAR, keep=4),
    )

    def __init__(self) -> None:
        super().__init__(self.COLUMNS, empty.loading("values"), id="values")

    def cells(self, row: Counted) -> Sequence[Cell]:
        """Return the cells of a value."""
        eighths = round(row.share * _BAR * 8)
        bar = "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")
        share = f"{row.share:.0%}" if row.share >= 0.01 else "<1%"
        value = Cell(row.value) if row.value else Cell("(none)", "quiet")
        return (value, Cell(f"{row.count:,}"), Cell(share, "quiet"), Cell(bar or "▏", "accent"))


async def counted_at_once(frame: Snapshot, mask: Mask | None, field: str = FIRST_FIELD) -> Facets | None:
    """Return the values of a field; None where counting them takes longer than a dialog may take to open.

    A dialog that opens empty is laid out and painted three times until its values are there.

    Args:
        frame: the events.
        mask: which of them; None: all.
        field: an ECS name.
    """
    from workstation.services.timeline.working.frame import Cancelled
    from workstation.services.timeline.working.summary import facets

    late = False

    def check() -> None:
        if late:
            raise Cancelled

    counting = asyncio.create_task(asyncio.to_thread(facets, frame, mask, field, MOST, check=check), name="count")
    done, _ = await asyncio.wait({counting}, timeout=OPENING_S)
    if done:
        return counting.result()
    late = True
    counting.add_done_callback(lambda task: task.cancelled() or task.exception())
    return None


class FacetsDialog(Dialog[Taken]):
    """Counts the values of one field after the other among the events that the query keeps.

    Args:
        frame: the events as they were when this was opened.
        mask: which of them are shown; None: all.
        counted: the values of the first field, so that it opens with them; None: they are counted then.
        field: the field to begin with.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "facets.tcss"]
    AUTO_FOCUS = "#fields"
    KEYS = (("←→", "fields, values"), ("Enter", "only"), ("x", "hide"), ("o", "rare first"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "to('values')", "Values", show=False, id="facets.values", tooltip="To the values"),
        Binding("left", "to('fields')", "Fields", show=False, id="facets.fields", tooltip="To the fields"),
        Binding("x", "hide", "Hide", show=False, id="facets.hide", tooltip="Hide events with this value"),
        Binding("o", "turn", "Order", show=False, id="facets.order", tooltip="Rare values first, or frequent ones"),
    ]

    def __init__(
        self, frame: Snapshot, mask: Mask | None, counted: Facets | None = None, field: str = FIRST_FIELD
    ) -> None:
        super().__init__("How often values occur")
        self.frame, self.mask, self.field = frame, mask, field
        self.rare_first = False
        self._counted = counted
        self._number = 0

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the fields and the values beside each other."""
        with Horizontal(id="lists"):
            yield FieldList(self.frame)
            yield ValueList()

    def on_mount(self) -> None:
        """Begin with the field that was asked for."""
        super().on_mount()
        self.fields.move_to(self.field)
        if self._counted is not None:
            self._show(self._counted)
        else:
            self._count()

    @property
    def fields(self) -> FieldList:
        """The list of fields."""
        return self.query_one(FieldList)

    @property
    def values(self) -> ValueList:
        """The list of values."""
        return self.query_one(ValueList)

    @on(Ledger.Moved, "#fields")
    def field_chosen(self) -> None:
        """Count the values of another field."""
        field = self.fields.cursor
        if field is not None and field != self.field:
            self.field = field
            self._count()

    @work(group="count", name="count values", exclusive=True, exit_on_error=False)
    async def _count(self) -> None:
        from workstation.services.timeline.working.frame import Cancelled
        from workstation.services.timeline.working.summary import facets

        self._number += 1
        number, field = self._number, self.field

        def check() -> None:
            if number != self._number:
                raise Cancelled

        self.word(f"Counting {field}", "quiet")
        try:
            counted = await asyncio.to_thread(facets, self.frame, self.mask, field, MOST, check=check)
        except Cancelled:
            return
        if number == self._number:
            self._show(counted)

    def _show(self, counted: Facets) -> None:
        total = max(1, counted.rest + counted.absent + sum(count for _, count in counted.top))
        found = counted.top[::-1] if self.rare_first else counted.top
        every = [*found, *((("", counted.absent),) if counted.absent else ())]
        rows = {value: Counted(value, count, count / total) for value, count in every}
        self.values.forget_cursor()
        self.values.show(tuple(rows), rows)
        if not rows:
            self.values.say(empty.empty("No event shown has a value here.", "Esc leaves."))
        count = len(counted.top) + counted.others
        said = f"{count:,} value{'s' * (count != 1)} of {self.field} in {total:,} event{'s' * (total != 1)}"
        if counted.others:
            said += f"; the {len(counted.top):,} most frequent are listed, the rest are {counted.rest:,} events"
        self.word(f"{said}, the {'rarest' if self.rare_first else 'most frequent'} first.", "quiet")

    def action_to(self, part: str) -> None:
        """Go to the fields or to the values."""
        (self.fields if part == "fields" else self.values).focus()

    def action_turn(self) -> None:
        """Put the rare values first, or the frequent ones."""
        self.rare_first = not self.rare_first
        self._count()

    @on(Ledger.Opened, "#fields")
    def to_values(self) -> None:
        """Go on to the values."""
        self.values.focus()

    @on(Ledger.Opened, "#values")
    def only(self) -> None:
        """Answer with the value: only it."""
        self._take(hide=False)

    def action_hide(self) -> None:
        """Answer with the value: all but it."""
        self._take(hide=True)

    def _take(self, hide: bool) -> None:
        row = self.values.row()
        if row is not None:
            self.dismiss(Taken(self.field, row.value, hide))
