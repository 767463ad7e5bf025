"""A short list to choose from; what may not be chosen says why."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be chosen. `why_not` keeps it from being chosen and is shown instead of `detail`."""

    key: str
    label: str
    detail: str = ""
    why_not: str = ""
    tone: str = ""


class ChoiceList(Ledger[str, Choice]):
    """Choices under one cursor. :class:`Ledger.Opened` says what was chosen."""

    HELP = "Choices. Enter takes the one under the cursor; one that is not allowed says why."

    DEFAULT_CSS = """
    ChoiceList { height: auto; max-height: 12; }
    """

    def __init__(
        self,
        choices: Sequence[Choice],
        *,
        first: str = "choose",
        second: str = "",
        id: str | None = None,  # noqa: A002
    ) -> None:
        width = max((len(choice.label) for choice in choices), default=8)
        columns = (
            Column(key="label", title=first, width=min(max(width, 8), 34), keep=20, flex=not second),
            Column(key="detail", title=second, width=8, keep=10, flex=True),
        )
        super().__init__(
            columns if second else columns[:1], empty.empty("There is nothing to choose.", "Esc leaves."), id=id
        )
        self._choices = {choice.key: choice for choice in choices}

    def on_mount(self) -> None:
        """Show the choices."""
        self.styles.height = len(self._choices) + 1
        self.show(tuple(self._choices), self._choices)

    def cells(self, row: Choice) -> Sequence[Cell]:
        """Return the cells of a choice."""
        if row.why_not:
            return (Cell(row.label, "quiet"), Cell(f"✗ {row.why_not}", "quiet"))
        return (Cell(row.label, row.tone or "strong"), Cell(row.detail))

    def chosen(self) -> Choice | None:
        """Return the choice under the cursor."""
        return self.row()
