"""A refusal, whole: every rule that says no, when it ends by itself, and what can be done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from textual.binding import Binding
from textual.widget import Widget

from workstation.screens.dialogs.base import Dialog
from workstation.services.errors import Refused
from workstation.services.views import WhyNot
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose
from workstation.widgets.standing import write_reasons


class RefusedDialog(Dialog[bool]):
    """Says why not. There is nothing to decide; Enter and Esc leave."""

    AUTO_FOCUS = "Pane"
    BINDINGS = [Binding("enter", "leave", "Leave", show=False, id="refused.leave", tooltip="Back to the work")]  # noqa: RUF012
    KEYS = (("↑↓", "scroll"),)

    def __init__(self, what: str, reasons: Sequence[WhyNot], now: datetime) -> None:
        super().__init__("Not now")
        self.what, self.reasons, self.now = what, tuple(reasons), now

    @classmethod
    def of(cls, what: str, error: Refused, reasons: Sequence[WhyNot], now: datetime) -> RefusedDialog:
        """Return the dialog for a refusal; `reasons` are what the store says of the same act now, where it says it."""
        told = tuple(reasons) or (WhyNot(code=error.rule, what=str(error), do=error.hint),)
        return cls(what, told, now)

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the reasons."""
        prose = Prose().line((self.what, "strong"), " was not asked for; nothing was done.").gap()
        write_reasons(prose, self.reasons, self.now)
        yield Pane(prose.content())
