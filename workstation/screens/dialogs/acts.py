"""The acts: each with whether it may be asked for now, and why not. Nothing runs from this list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.types import CSSPathType
from textual.widget import Widget

from workstation.screens.dialogs.base import Dialog
from workstation.services.text import group4
from workstation.services.views import Option
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose
from workstation.widgets.standing import NEVER_TIER, standing, terms, write_option

COLUMNS = (
    Column(key="act", title="act", width=24, keep=20, most=34),
    Column(key="now", title="may I", width=9, keep=19),
    Column(key="terms", title="terms", width=20, keep=10, flex=True),
)


class ActLedger(Ledger[str, Option]):
    """Acts, those that may be asked for first within their tier."""

    HELP = (
        "Acts. Enter opens what has to be armed; the text below says why one cannot be asked for, and when that ends."
    )

    def cells(self, row: Option) -> Sequence[Cell]:
        """Return the cells of an act."""
        return (Cell(row.title, "strong" if row.allowed else "quiet"), standing(row), Cell(terms(row), "quiet"))


class ActsDialog(Dialog[str]):
    """Asks which act, and answers with its name. One that is not allowed now only says why."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "acts.tcss"]
    AUTO_FOCUS = "ActLedger"
    KEYS = (("↑↓", "move"), ("Enter", "open what has to be armed"))

    def __init__(self, account: str, options: Sequence[Option], now: datetime) -> None:
        super().__init__(f"Acts on {group4(account)}")
        self.options = {option.act: option for option in options}
        self.now = now

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the list, and the whole of what stands under the cursor."""
        yield ActLedger(COLUMNS, empty.empty("The policy knows no act.", "Esc leaves."))
        yield Pane(id="why")

    def on_mount(self) -> None:
        """Show the acts."""
        super().on_mount()
        ledger = self.query_one(ActLedger)
        ledger.styles.height = len(self.options) + 1
        ledger.show(tuple(self.options), self.options)
        now = sum(option.allowed for option in self.options.values())
        never = sum(option.tier >= NEVER_TIER for option in self.options.values())
        counts = (f"{now} now", f"{len(self.options) - now - never} not now", f"{never} never")
        self.word(f"{' · '.join(counts)}. Nothing runs from this list.", "quiet")

    @on(Ledger.Moved)
    def moved(self) -> None:
        """Say in full what the act under the cursor does, or why not."""
        option = self.query_one(ActLedger).row()
        if option is not None:
            prose = Prose()
            write_option(prose, option, self.now)
            self.query_one("#why", Pane).write(prose.content(), top=True)

    @on(Ledger.Opened)
    def opened(self, event: Ledger.Opened) -> None:
        """Answer, where it is allowed; else let the keys scroll the reasons."""
        option = self.options.get(str(event.key))
        if option is not None and option.allowed:
            self.dismiss(option.act)
        else:
            self.query_one("#why", Pane).focus()
