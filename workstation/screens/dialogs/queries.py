"""Queries to ask again: those kept under a name, mine and the procedure's, and those of this sitting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec
from textual import on, work
from textual.binding import Binding, BindingType
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Input, Static

from workstation.screens.dialogs.base import Dialog
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.errors import QueryError
from workstation.services.timeline.query.language import parse
from workstation.services.views import KeptQuery
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger
from workstation.widgets.prose import plain
from workstation.widgets.typing import Line

#: Characters of a name (the store's rule).
LONGEST_NAME = 60


class QueryRow(msgspec.Struct, frozen=True):
    """A query that can be asked: kept by somebody, or asked in this sitting."""

    text: str
    kept: KeptQuery | None = None


class QueryList(Ledger[str, QueryRow]):
    """Kept queries, then the ones of this sitting, the newest first."""

    HELP = "Queries. Enter asks one, s saves the query in force, d forgets a saved one, u takes that back."
    COLUMNS = (
        Column(key="name", title="name", width=16, most=30, keep=9, flex=True),
        Column(key="of", title="whose", width=12, keep=8),
        Column(key="query", title="query", width=20, keep=7, flex=True),
    )

    def __init__(self) -> None:
        super().__init__(self.COLUMNS, empty.loading("the kept queries"), id="queries")

    def cells(self, row: QueryRow) -> Sequence[Cell]:
        """Return the cells of a query."""
        if row.kept is None:
            return (Cell("(this sitting)", "quiet"), Cell("mine", "quiet"), Cell(row.text or "(everything)"))
        whose = f"{row.kept.kind}" if row.kept.kind else "mine"
        return (Cell(row.kept.name, "strong"), Cell(whose, "quiet"), Cell(row.text))


class QueriesDialog(Dialog[Query]):
    """Lists queries; answers with the one to ask.

    Args:
        force: the query in force, which can be kept.
        asked: those of this sitting, the oldest first.
        kind: of the case: its procedure's queries are seen by everybody who works such cases; empty: no case is open.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "queries.tcss"]
    AUTO_FOCUS = "QueryList"
    KEYS = (("Enter", "ask"), ("s", "save mine"), ("S", "for all"), ("d", "forget"), ("u", "undo"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "name('')", "Keep", show=False, id="queries.keep", tooltip="Keep the query in force for me"),
        Binding(
            "S",
            "name('kind')",
            "Keep for all",
            show=False,
            id="queries.keep-kind",
            tooltip="Keep the query in force for everybody who works such cases",
        ),
        Binding("d,delete", "forget", "Forget", show=False, id="queries.forget", tooltip="Forget a kept query"),
        Binding("u", "undo", "Undo", show=False, id="queries.undo", tooltip="Keep again what was forgotten last"),
    ]

    def __init__(self, force: Query, asked: Sequence[Query], kind: str) -> None:
        super().__init__("Queries")
        self.force, self.kind = force, kind
        self.asked = [query for query in dict.fromkeys(reversed(asked)) if query]
        self._for_kind = False
        self._forgotten: KeptQuery | None = None

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the list, and the line for a name."""
        yield QueryList()
        yield Static(id="naming")
        yield Line(id="name", max_length=LONGEST_NAME)

    def on_mount(self) -> None:
        """Read what is kept."""
        super().on_mount()
        self._read()

    @property
    def list(self) -> QueryList:
        """The list of queries."""
        return self.query_one(QueryList)

    @work(group="read", name="read the kept queries", exclusive=True, exit_on_error=False)
    async def _read(self, word: str = "") -> None:
        self._show(await self.desk.kept_queries(self.kind))
        if word:
            self.word(word, "quiet")

    def _show(self, kept: Sequence[KeptQuery]) -> None:
        rows = {f"kept {one.id}": QueryRow(one.query, one) for one in kept}
        rows |= {f"asked {n}": QueryRow(str(query)) for n, query in enumerate(self.asked)}
        self.list.show(tuple(rows), rows)
        if not rows:
            self.list.say(empty.empty("No query was asked or kept yet.", "/ types one; s here keeps the one in force."))

    def failed(self, group: str, error: BaseException) -> None:
        """Say what went wrong; what was asked in this sitting can be asked again all the same."""
        super().failed(group, error)
        if group == "read":
            self._show(())

    @on(Ledger.Moved)
    def moved(self) -> None:
        """Say the whole query under the cursor."""
        row = self.list.row()
        if row is not None:
            self.word(row.text, "quiet")

    @on(Ledger.Opened)
    def ask_it(self) -> None:
        """Answer with the query under the cursor."""
        row = self.list.row()
        if row is None:
            return
        try:
            self.dismiss(parse(row.text))
        except QueryError as error:
            self.word(f"✗ It was kept by another version: {error.sentence()}")

    # -- keeping -------------------------------------------------------------------------------------

    def action_name(self, whose: str) -> None:
        """Ask for the name under which the query in force is kept."""
        if not self.force:
            self.word("✗ The query in force asks for everything; there is nothing to keep.")
            return
        if whose and not self.kind:
            self.word("✗ No case is open, so there is no procedure to keep it for; s keeps it for you.")
            return
        self._for_kind = bool(whose)
        who = f"everybody who works {self.kind} cases" if whose else "you alone"
        self.query_one("#naming", Static).update(
            plain(("name, seen by ", "quiet"), who, (f"; keeps {self.force}", "quiet"))
        )
        self.add_class("-naming")
        self.query_one("#name", Line).focus()

    @on(Input.Submitted, "#name")
    def named(self, event: Input.Submitted) -> None:
        """Keep the query in force."""
        name = event.value.strip()
        if not name:
            self.word("✗ Type a name, or Esc.")
            return
        self._keep(name, str(self.force), self.kind if self._for_kind else "")
        self._stop_naming()

    @work(group="keep", name="keep the query", exit_on_error=False)
    async def _keep(self, name: str, query: str, kind: str) -> None:
        kept = await self.desk.keep_query(name, query, kind)
        self._read(f"Kept as {kept.name}.")

    def action_forget(self) -> None:
        """Forget the kept query under the cursor."""
        row = self.list.row()
        if row is not None and row.kept is not None:
            self._forget(row.kept.id)
        else:
            self.word("✗ Only a kept query can be forgotten.")

    @work(group="keep", name="forget the query", exit_on_error=False)
    async def _forget(self, kept: int) -> None:
        self._forgotten = await self.desk.drop_query(kept)
        self._read(f"{self._forgotten.name} is forgotten. u keeps it again.")

    def action_undo(self) -> None:
        """Keep again what was forgotten last."""
        gone = self._forgotten
        if gone is None:
            self.word("✗ Nothing was forgotten here.")
            return
        self._forgotten = None
        self._keep(gone.name, gone.query, gone.kind)

    def action_leave(self) -> None:
        """Leave the name first, then the dialog."""
        if self.has_class("-naming"):
            self._stop_naming()
        else:
            self.dismiss(None)

    def _stop_naming(self) -> None:
        self.query_one("#name", Line).value = ""
        self.remove_class("-naming")
        self.list.focus()
