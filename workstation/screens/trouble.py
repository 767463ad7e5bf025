"""The screen for when there is no desk: what happened, what to do, and the key that tries again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from workstation.widgets.key_line import KeyLine
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose

if TYPE_CHECKING:
    from workstation.app import WorkstationApp


class TroubleScreen(ModalScreen[None]):
    """Full-screen: nothing can be worked without the store, so nothing else is shown."""

    CSS_PATH = "trouble.tcss"
    AUTO_FOCUS = "Pane"
    HELP = "There is no connection. r tries again."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r,enter", "retry", "Try again", id="trouble.retry", tooltip="Connect again"),
        Binding("q", "app.leave", "Quit", id="trouble.quit", tooltip="Quit; drafts are kept"),
    ]

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why

    def compose(self) -> ComposeResult:
        """Say it."""
        prose = Prose().line(("✗  There is no connection", "strong")).gap().block(self.why).gap()
        prose.line(("r", "accent"), " tries again.   ", ("q", "accent"), " quits.")
        prose.line(("Nothing that you typed is lost; drafts open again where they were.", "quiet"))
        prose.line(
            ("workstation doctor", "accent"), (" says what is reachable and what to do about what is not.", "quiet")
        )
        yield Pane(prose.content())
        yield KeyLine()

    def action_retry(self) -> None:
        """Connect again."""
        self.dismiss()
        cast("WorkstationApp", self.app).sign_in()
