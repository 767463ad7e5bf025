"""Every filter in force as a chip: chosen, dropped, turned over and edited by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from workstation.services.text import clean
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.edit import Chip, chips
from workstation.widgets.prose import Part, plain

_HEAD = "filter "
#: Cells of one chip: a term of a thousand values is read whole in the query line.
_LONGEST = 48


class ChipLine(Widget, can_focus=True):
    """The terms of the query in force, oldest first. What a key asks here is told to whoever holds the query."""

    HELP: ClassVar[str] = (
        "The filters in force. Left and right choose one; x drops it, - turns it into its opposite, Enter edits the "
        "whole query; Esc leaves. Every change can be taken back with <."
    )
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Before", show=False, id="chips.left", tooltip="The filter before"),
        Binding("right", "step(1)", "Next", show=False, id="chips.right", tooltip="The next filter"),
        Binding("x,delete,backspace", "drop", "Drop", show=False, id="chips.drop", tooltip="Drop this filter"),
        Binding("minus", "turn", "Turn", show=False, key_display="-", id="chips.turn", tooltip="Into its opposite"),
        Binding("enter", "edit", "Edit", show=False, id="chips.edit", tooltip="Edit the whole query"),
        Binding("escape", "leave", "Leave", show=False, id="chips.leave", tooltip="Leave the filters as they are"),
    ]
    DEFAULT_CSS = """
    ChipLine { height: 1; padding: 0 1; display: none; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    @dataclass
    class Drop(Message):
        """Drop the term at this place."""

        place: int

    @dataclass
    class Turn(Message):
        """Turn the term at this place into its opposite."""

        place: int

    class Edit(Message):
        """Edit the whole query."""

    class Left(Message):
        """Nothing more is done here."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.chips: tuple[Chip, ...] = ()
        self.chosen = 0
        self._hidden = False

    @property
    def hidden(self) -> bool:
        """Whether there is no line although there are chips: another one is in its place."""
        return self._hidden

    @hidden.setter
    def hidden(self, hidden: bool) -> None:
        self._hidden = hidden
        self.display = bool(self.chips) and not hidden

    def show(self, query: Query) -> None:
        """Show the terms of a query; without any there is no line."""
        self.chips = chips(query)
        self.chosen = max(0, min(self.chosen, len(self.chips) - 1))
        self.display = bool(self.chips) and not self._hidden
        if not self.chips and self.has_focus:
            self.post_message(self.Left())
        self.refresh()

    def begin(self) -> None:
        """Take the keys, on the newest filter."""
        self.chosen = len(self.chips) - 1
        self.focus()

    def action_step(self, by: int) -> None:
        """Choose the filter before or after."""
        self.chosen = max(0, min(self.chosen + by, len(self.chips) - 1))
        self.refresh()

    def action_drop(self) -> None:
        """Drop the chosen filter."""
        if self.chips:
            self.post_message(self.Drop(self.chips[self.chosen].place))

    def action_turn(self) -> None:
        """Turn the chosen filter into its opposite."""
        if self.chips:
            self.post_message(self.Turn(self.chips[self.chosen].place))

    def action_edit(self) -> None:
        """Edit the whole query."""
        self.post_message(self.Edit())

    def action_leave(self) -> None:
        """Leave the filters as they are."""
        self.post_message(self.Left())

    def on_focus(self) -> None:
        """Show which one is chosen."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that keys go elsewhere."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Choose the filter under the mouse."""
        at = event.x - 1 - cell_len(_HEAD)
        for number in range(self._first(), len(self.chips)):
            width = cell_len(self._text(number)) + 3
            if 0 <= at < width:
                self.chosen = number
                self.refresh()
            at -= width

    def _text(self, number: int) -> str:
        chip = self.chips[number]
        text = clean(f"{'not ' if chip.hides else ''}{chip.text}")
        return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

    def _first(self) -> int:
        """Return the first chip that is drawn, so that the chosen one has room."""
        room, first = self.size.width - cell_len(_HEAD), self.chosen
        room -= cell_len(self._text(first)) + 3 if self.chips else 0
        while first > 0 and room >= cell_len(self._text(first - 1)) + 3:
            first -= 1
            room -= cell_len(self._text(first)) + 3
        return first

    def render(self) -> Content:
        """Return the chips, the chosen one signed while keys come here."""
        if not self.chips:
            return plain("")
        first = self._first() if self.has_focus else 0
        parts: list[Part] = [(_HEAD if not first else "‹ ".rjust(len(_HEAD)), "quiet")]
        for number in range(first, len(self.chips)):
            here = self.has_focus and number == self.chosen
            parts += [("▶" if here else " ", "accent"), (self._text(number), "strong"), "  "]
        keys = "x drops  - turns  Enter edits  Esc leaves" if self.has_focus else "esc drops the last, F each"
        return plain(*parts, (keys, "quiet"))
