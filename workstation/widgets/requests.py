"""Acts that were asked for: how far each has come, and what was read back after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from workstation.services.text import group4
from workstation.services.views import Request
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger
from workstation.widgets.packet import act_words
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose
from workstation.widgets.times import ZULU, Zone, countdown

COLUMNS = (
    Column(key="act", title="act", width=20, keep=20, flex=True),
    Column(key="account", title="account", width=9, keep=10),
    Column(key="state", title="state", width=9, keep=19),
    Column(key="eyes", title="eyes", width=4, keep=14),
    Column(key="wait", title="cool-down", width=9, keep=16),
    Column(key="by", title="asked by", width=12, keep=12),
)
_SIGN = {
    "pending": "◷",
    "executing": "…",
    "executed": "✓",
    "failed": "✗",
    "unknown": "?",
    "refused": "⊘",
    "vetoed": "⊘",
    "expired": "–",
}


class RequestLedger(Ledger[str, Request]):
    """Requests, newest first."""

    HELP: ClassVar[str] = "Acts that were asked for. Nothing here runs by a key: y opens an approval, V a veto."

    now: datetime | None = None

    def cells(self, row: Request) -> Sequence[Cell]:
        """Return the cells of a request."""
        return (
            Cell(act_words(row.act, row.params), "strong"),
            Cell(group4(row.account)),
            Cell(f"{_SIGN.get(row.state, '?')} {row.state}", "strong" if row.state == "pending" else ""),
            Cell(f"{len(row.approvers)}/{row.approvals_needed}"),
            Cell(waits(row, self.now), "time"),
            Cell(row.requester_name),
        )


class RequestsPane(Vertical):
    """The list, and the whole of the one under the cursor."""

    DEFAULT_CSS = """
    RequestsPane {
        RequestLedger { height: 1fr; min-height: 2; max-height: 50%; }
        Pane { height: 1fr; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._zone = ZULU

    def compose(self) -> ComposeResult:
        """Lay the list over the text."""
        blank = empty.empty("No act was asked for in this case.", "a lists what may be asked for.")
        yield RequestLedger(COLUMNS, blank)
        yield Pane()

    @property
    def ledger(self) -> RequestLedger:
        """The list."""
        return self.query_one(RequestLedger)

    def show(self, requests: Sequence[Request], zone: Zone, now: datetime) -> None:
        """Show the requests of a case."""
        self._zone = zone
        self.ledger.now = now
        rows = {request.id: request for request in requests}
        self.ledger.show(tuple(rows), rows)
        self._write(self.ledger.row(), now)

    def tick(self, now: datetime) -> None:
        """Count down."""
        if any(waits(row, now) for row in self.ledger.loaded.values()):
            self.ledger.now = now
            self.ledger.redraw()
            self._write(self.ledger.row(), now)

    def on_ledger_moved(self, event: Ledger.Moved) -> None:
        """Write the request under the cursor."""
        event.stop()
        self._write(self.ledger.row(), self.ledger.now)

    def _write(self, request: Request | None, now: datetime | None) -> None:
        prose = Prose()
        if request is not None:
            write_request(prose, request, self._zone, now)
        self.query_one(Pane).write(prose.content())


def waits(request: Request, now: datetime | None) -> str:
    """Return the countdown of the cool-down of a pending request, ``""`` where nothing is waited for."""
    if now is None or request.state != "pending" or request.not_before <= now:
        return ""
    return countdown((request.not_before - now).total_seconds())


def write_request(prose: Prose, request: Request, zone: Zone, now: datetime | None) -> None:
    """Add the stage, the reason, who agreed, and what was read back."""
    prose.line((act_words(request.act, request.params), "strong"), f" on {group4(request.account)}  ", request.stage)
    if wait := waits(request, now):
        prose.line(("cool-down ", "quiet"), (f"◷ {wait}", "time"), (f" until {zone.at(request.not_before)}", "quiet"))
    agreed = ", ".join(request.approvers) or "nobody yet"
    prose.line(("agreed ", "quiet"), f"{agreed} ({len(request.approvers)} of {request.approvals_needed})")
    prose.line((f"{request.reason_code} ", "quiet"), request.reason_text)
    if request.why:
        prose.line(("why ", "quiet"), (request.why, "strong"))
    if request.readback:
        prose.line(("read back ", "accent"), (request.readback, "strong"))
