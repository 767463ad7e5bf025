"""A reason, or another sentence that will be read by others."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from workstation.screens.dialogs.base import Dialog, buttons
from workstation.widgets.prose import plain
from workstation.widgets.typing import Line

#: Characters of a reason (SECURITY.md: 20 to 2,000).
SHORTEST = 20
LONGEST = 2_000


class ReasonDialog(Dialog[str]):
    """Asks for a sentence of at least `shortest` characters."""

    AUTO_FOCUS = "#reason"
    KEYS = (("Enter", "go on"),)
    STAYS = True

    def __init__(
        self, title: str, ask: str, *, yes: str = "Go on", shortest: int = SHORTEST, label: str = "reason"
    ) -> None:
        super().__init__(title)
        self.ask, self.yes, self.shortest, self.label = ask, yes, shortest, label

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the question, the field and the answers."""
        yield Static(plain(self.ask))
        yield Static(plain((f"{self.label}, at least {self.shortest} characters", "quiet")), classes="label")
        yield Line(id="reason", max_length=LONGEST)
        yield buttons(("no", "Leave it"), ("yes", self.yes))

    @on(Input.Changed, "#reason")
    def counted(self, event: Input.Changed) -> None:
        """Say how much is missing."""
        short = self.shortest - len(event.value.strip())
        self.word(f"{short} more characters" if short > 0 else "", "quiet")

    @on(Input.Submitted, "#reason")
    def submitted(self) -> None:
        """Take the sentence."""
        self._take()

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Take the sentence, or leave."""
        if event.button.id == "yes":
            self._take()
        else:
            self.dismiss(None)

    def _take(self) -> None:
        text = self.query_one("#reason", Line).value.strip()
        if len(text) >= self.shortest:
            self.dismiss(text)
        else:
            self.word(f"✗ {self.shortest - len(text)} more characters: others will read why.")
