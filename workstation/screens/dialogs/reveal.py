"""Read one masked field for a minute, for a reason that is kept."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from textual import on
from textual.widget import Widget
from textual.widgets import Input, Static

from workstation.screens.dialogs.base import Dialog
from workstation.screens.dialogs.reason import SHORTEST
from workstation.widgets.choices import Choice, ChoiceList
from workstation.widgets.ledger import Ledger
from workstation.widgets.prose import plain
from workstation.widgets.typing import Line

#: The fields that the desk reveals.
FIELDS = {"email": "e-mail address", "phone": "phone number", "name": "name"}


class Reveal(msgspec.Struct, frozen=True):
    """Which field, and why."""

    field: str
    reason: str


class RevealDialog(Dialog[Reveal]):
    """Asks which field, and why."""

    AUTO_FOCUS = "ChoiceList"
    KEYS = (("Enter", "on to the reason, then read it"),)

    def __init__(self) -> None:
        super().__init__("Reveal one field for a minute")

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the fields and the reason."""
        yield ChoiceList([Choice(key=key, label=word) for key, word in FIELDS.items()], first="field")
        yield Static(
            plain((f"reason, at least {SHORTEST} characters; it is kept in the audit", "quiet")), classes="label"
        )
        yield Line(id="reason", max_length=2_000)

    @on(Ledger.Opened)
    def chosen(self) -> None:
        """Go on to the reason."""
        self.query_one("#reason", Line).focus()

    @on(Input.Submitted, "#reason")
    def done(self, event: Input.Submitted) -> None:
        """Answer when there is a reason."""
        field = self.query_one(ChoiceList).chosen()
        short = SHORTEST - len(event.value.strip())
        if short > 0:
            self.word(f"✗ {short} more characters.")
        elif field is not None:
            self.dismiss(Reveal(field.key, event.value.strip()))
