"""Choose one of a few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.widget import Widget
from textual.widgets import Static

from workstation.screens.dialogs.base import Dialog
from workstation.widgets.choices import Choice, ChoiceList
from workstation.widgets.ledger import Ledger
from workstation.widgets.prose import plain


class ChooseDialog(Dialog[str]):
    """Asks for one of the choices and answers with its key."""

    AUTO_FOCUS = "ChoiceList"
    KEYS = (("↑↓", "move"), ("Enter", "take it"))

    def __init__(
        self, title: str, choices: Sequence[Choice], *, ask: str = "", first: str = "choose", second: str = ""
    ) -> None:
        super().__init__(title)
        self.choices, self.ask, self.first, self.second = tuple(choices), ask, first, second

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the question and the list."""
        if self.ask:
            yield Static(plain((self.ask, "quiet")))
        yield ChoiceList(self.choices, first=self.first, second=self.second)

    @on(Ledger.Moved)
    def moved(self) -> None:
        """Say in full why the choice under the cursor is not allowed, or what it does."""
        choice = self.query_one(ChoiceList).chosen()
        if choice is not None:
            self.word(
                f"✗ {choice.why_not}" if choice.why_not else choice.detail, "strong" if choice.why_not else "quiet"
            )

    @on(Ledger.Opened)
    def taken(self, event: Ledger.Opened) -> None:
        """Answer, unless it is not allowed."""
        choice = self.query_one(ChoiceList).chosen()
        if choice is not None and choice.key == event.key and not choice.why_not:
            self.dismiss(choice.key)
