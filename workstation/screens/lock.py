"""The locked terminal: who left it, since when, and how to come back. Nothing of the work is told here."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from workstation.services.views import Person
from workstation.widgets.key_line import KeyLine
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose

if TYPE_CHECKING:
    from workstation.app import WorkstationApp


class LockScreen(ModalScreen[None]):
    """Opaque and on top of everything. Only its own keys are heard."""

    CSS_PATH = "lock.tcss"
    AUTO_FOCUS = "Pane"
    HELP = "This terminal is locked. Enter signs in again."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,u", "unlock", "Unlock", id="lock.unlock", tooltip="Sign in again and prove that it is you"),
        Binding("q", "quit_now", "Quit", id="lock.quit", tooltip="Quit; drafts are kept"),
    ]

    def __init__(self, person: Person, why: str, since: datetime) -> None:
        super().__init__()
        self.person, self.why, self.since = person, why, since
        self._said = ("", "")

    def compose(self) -> ComposeResult:
        """Say it."""
        yield Pane(id="locked")
        yield KeyLine()

    def on_mount(self) -> None:
        """Write what is known."""
        self._write()

    def say(self, text: str, tone: str = "strong") -> None:
        """Say how the unlocking goes."""
        self._said = (text, tone)
        if self.is_mounted:
            self._write()

    def _write(self) -> None:
        prose = Prose().line(("■  LOCKED", "strong"), f"   {self.person.login} · since {self.since:%H:%MZ}").gap()
        prose.line(self.why)
        prose.line(("Elevated mode and the session are ended. What you typed is kept.", "quiet")).gap()
        prose.line((f"{'Enter':<8}", "accent"), "unlocks: sign in again, with a step-up of your own")
        prose.line((f"{'q':<8}", "accent"), "quits; somebody else starts the workstation as themselves")
        prose.gap().line(self._said)
        self.query_one("#locked", Pane).write(prose.content())

    def action_unlock(self) -> None:
        """Sign in again."""
        cast("WorkstationApp", self.app).guard.unlock()

    def action_quit_now(self) -> None:
        """Quit; nothing is asked, for the question would tell what was being worked on."""
        self.app.exit()
