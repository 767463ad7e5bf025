"""Put a case aside until a time, with the reason with which it comes back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from textual import on
from textual.widget import Widget
from textual.widgets import Input, Static

from workstation.screens.dialogs.base import Dialog
from workstation.widgets.choices import Choice, ChoiceList
from workstation.widgets.ledger import Ledger
from workstation.widgets.prose import plain
from workstation.widgets.typing import Line

SPANS: dict[str, tuple[str, timedelta]] = {
    "1h": ("in an hour", timedelta(hours=1)),
    "4h": ("in four hours", timedelta(hours=4)),
    "8h": ("next shift, in eight hours", timedelta(hours=8)),
    "1d": ("tomorrow at this time", timedelta(days=1)),
    "3d": ("in three days", timedelta(days=3)),
}
SHORTEST = 5


class Snooze(msgspec.Struct, frozen=True):
    """Until when, and why."""

    until: datetime
    reason: str


class SnoozeDialog(Dialog[Snooze]):
    """Asks for a time and a reason."""

    AUTO_FOCUS = "ChoiceList"
    KEYS = (("Enter", "on to the reason, then done"),)

    def __init__(self, ref: str, now: datetime) -> None:
        super().__init__(f"Snooze {ref}")
        self.now = now

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the times and the reason."""
        yield ChoiceList(
            [
                Choice(key=key, label=word, detail=f"{self.now + span:%Y-%m-%d %H:%MZ}")
                for key, (word, span) in SPANS.items()
            ],
            first="comes back",
            second="at",
        )
        yield Static(plain(("reason, shown when it comes back", "quiet")), classes="label")
        yield Line(id="reason", max_length=200)

    @on(Ledger.Opened)
    def timed(self) -> None:
        """Go on to the reason."""
        self.query_one("#reason", Line).focus()

    @on(Input.Submitted, "#reason")
    def done(self, event: Input.Submitted) -> None:
        """Answer when there is a reason."""
        chosen = self.query_one(ChoiceList).chosen()
        reason = event.value.strip()
        if len(reason) < SHORTEST:
            self.word("✗ A few words more: whoever sees it come back will want to know why.")
        elif chosen is not None:
            self.dismiss(Snooze(self.now + SPANS[chosen.key][1], reason))
