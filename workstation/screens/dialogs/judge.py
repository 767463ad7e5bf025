"""Judging broken glass: somebody else says whether it was right, and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from textual import on
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from workstation.screens.dialogs.base import Dialog, buttons
from workstation.screens.dialogs.reason import LONGEST, SHORTEST
from workstation.services.views import Review
from workstation.widgets.oversight import review_whole
from workstation.widgets.pane import Pane
from workstation.widgets.prose import plain
from workstation.widgets.typing import Line


class Judgement(msgspec.Struct, frozen=True):
    """Whether it was justified, and why."""

    justified: bool
    text: str


class JudgeDialog(Dialog[Judgement]):
    """Shows what was done, and asks for a judgement in words. Neither answer is the default."""

    AUTO_FOCUS = "#text"
    STAYS = True
    KEYS = (("Tab", "on"), ("Enter", "take the button"))

    def __init__(self, review: Review, now: datetime) -> None:
        super().__init__(f"Judge: {review.name} broke the glass")
        self.review, self.now = review, now

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield what happened, the words, and the two judgements."""
        whole = Pane(review_whole(self.review, self.now))
        whole.can_focus = False
        yield whole
        yield Static(plain((f"your judgement in words, at least {SHORTEST} characters", "quiet")), classes="label")
        yield Line(id="text", max_length=LONGEST)
        yield buttons(("no", "Leave it"), ("wrong", "Not justified"), ("right", "Justified"))

    @on(Input.Submitted)
    def entered(self) -> None:
        """Go on to the answers."""
        self.focus_next()

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Answer, where it is said why."""
        text = self.query_one("#text", Line).value.strip()
        if event.button.id == "no":
            self.dismiss(None)
        elif len(text) < SHORTEST:
            self.word(f"✗ {SHORTEST - len(text)} more characters: whoever broke it will read why.")
        else:
            self.dismiss(Judgement(event.button.id == "right", text))
