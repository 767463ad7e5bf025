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
from workstation.widgets.prose import Part, Prose
from workstation.widgets.times import ZULU, Zone, countdown

COLUMNS = (
    Column(key="act", title="act", width=20, keep=20, flex=True),
    Column(key="account", title="account", width=9, keep=10),
    Column(key="state", title="state", width=9, keep=19),
    Column(key="eyes", title="eyes", width=4, keep=14),
    Column(key="wait", title="waits", width=9, keep=16),
    Column(key="by", title="asked by", width=12, keep=12),
)
#: How a request ends other than by being executed, in words.
ENDED = {
    "failed": "failed, nothing was done",
    "unknown": "not known whether it was done",
    "refused": "refused at release",
    "vetoed": "stopped",
    "expired": "expired",
}
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
        RequestLedger { height: 4; min-height: 2; max-height: 50%; }
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
        self.ledger.styles.height = max(4, len(rows) + 1)
        if not self.ledger.touched:
            self.ledger.forget_cursor()
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


def to_approve(request: Request) -> bool:
    """Return whether a request still waits for somebody to agree."""
    return request.state == "pending" and len(request.approvers) < request.approvals_needed


def clocks(request: Request, now: datetime | None) -> list[tuple[str, datetime]]:
    """Return the clocks that a waiting request hangs on, the one that is looked at first before the other."""
    if now is None or request.state != "pending":
        return []
    agree = to_approve(request) and request.approve_by > now
    found = [("approve by", request.approve_by)] if agree else []
    return [*found, ("cools down", request.not_before)] if request.not_before > now else found


def waits(request: Request, now: datetime | None) -> str:
    """Return the countdown of the first clock that a request hangs on, ``""`` where nothing is waited for."""
    found = clocks(request, now)
    return countdown((found[0][1] - now).total_seconds()) if found and now is not None else ""


def life(request: Request, now: datetime | None) -> list[tuple[str, str]]:
    """Return the stations of a request, each with its sign, in the order in which it passes them."""
    agreed, needed = len(request.approvers), request.approvals_needed
    stations = [("asked", "asked", True)]
    if needed:
        stations.append((f"agree {agreed}/{needed}", f"agreed {agreed}/{needed}", agreed >= needed))
    if request.vetoable_until is not None:
        stations.append(("tell the client", "client told", request.told_at is not None))
    if request.not_before > request.created_at:
        stations.append(("cool down", "cooled down", now is not None and request.not_before <= now))
    stations.append(("execute", "executed", request.state == "executed"))
    parts: list[tuple[str, str]] = []
    here = request.state in ("pending", "executing")
    for ahead, behind, past in stations:
        sign, tone = ("●", "accent") if past else (("◐", "time") if here else ("○", "quiet"))
        here = here and past
        parts.append((f"{sign} {behind if past else ahead}", tone))
    if request.state in ENDED:
        parts[-1] = (f"{_SIGN[request.state]} {ENDED[request.state]}", "strong")
    return parts


def write_request(prose: Prose, request: Request, zone: Zone, now: datetime | None) -> None:
    """Add how far it has come, its clocks, the reason, who agreed, what the client may do, and what was read back."""
    prose.line((act_words(request.act, request.params), "strong"), f" on {group4(request.account)}  ", request.stage)
    stations: list[Part] = []
    for station in life(request, now):
        stations += [(" ─ ", "quiet")] if stations else []
        stations.append(station)
    prose.line(*stations)
    for word, at in clocks(request, now):
        rest = countdown((at - now).total_seconds()) if now is not None else ""
        prose.line((f"{word} ", "quiet"), (f"◷ {rest}", "time"), (f"  {zone.at(at)} {zone.word}", "quiet"))
    _write_client(prose, request, zone, now)
    agreed = ", ".join(request.approvers) or ("nobody yet" if request.approvals_needed else "nobody has to")
    prose.line(("agreed ", "quiet"), f"{agreed} ({len(request.approvers)} of {request.approvals_needed})")
    prose.line((f"{request.reason_code} ", "quiet"), request.reason_text)
    if request.break_glass:
        prose.line(("◈ asked for under broken glass; a lead judges it", "strong"))
    if request.why:
        prose.line(("why ", "quiet"), (request.why, "strong"))
    if request.readback:
        prose.line(("read back ", "accent"), (request.readback, "strong"))
    if request.hold:
        prose.line(("after it ", "quiet"), request.hold)
    if request.policy:
        prose.line((f"policy {request.policy[:12]}…  request {request.request_hash.hex()[:12]}…", "quiet"))


def _write_client(prose: Prose, request: Request, zone: Zone, now: datetime | None) -> None:
    """Add whether the client knows, and until when he can stop it."""
    until = request.vetoable_until
    if until is None:
        return
    told = f"told {zone.at(request.told_at, '%m-%d %H:%M')}" if request.told_at else "not told yet"
    open_ = now is not None and until > now and request.state == "pending"
    prose.line(
        ("client ", "quiet"), told, f", can stop it until {zone.at(until)}" if open_ else ", can stop it no more"
    )
