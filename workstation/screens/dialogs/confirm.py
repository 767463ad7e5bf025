"""Yes or no, with the safe answer under the fingers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Button

from workstation.screens.dialogs.base import Dialog, buttons
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose


class ConfirmDialog(Dialog[bool]):
    """Asks whether to go on."""

    AUTO_FOCUS = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", show=False, id="confirm.left", tooltip="The other answer"),
        Binding("right", "app.focus_next", show=False, id="confirm.right", tooltip="The other answer"),
    ]
    KEYS = (("Tab", "other answer"), ("Enter", "take it"))

    def __init__(self, title: str, lines: Iterable[str], *, yes: str, no: str = "Leave it") -> None:
        super().__init__(title)
        self.lines, self.yes, self.no = tuple(lines), yes, no

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the sentences and the two answers."""
        prose = Prose()
        for line in self.lines:
            prose.line(line)
        pane = Pane(prose.content())
        pane.can_focus = False
        yield pane
        yield buttons(("no", self.no), ("yes", self.yes))

    @on(Button.Pressed)
    def answered(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")
