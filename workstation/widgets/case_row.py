"""A case as a row of a list, and whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from textual.content import Content

from workstation.services.text import group4
from workstation.services.views import CaseRow
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger
from workstation.widgets.prose import Prose
from workstation.widgets.times import ago, left

COLUMNS = (
    Column(key="due", title="due", width=8, keep=20, right=True),
    Column(key="risk", title="risk", width=6, keep=19, right=True),
    Column(key="case", title="case", width=9, keep=21),
    Column(key="kind", title="kind", width=14, most=18, keep=16),
    Column(key="account", title="account", width=9, keep=15),
    Column(key="lang", title="lang", width=4, keep=10),
    Column(key="why", title="why first", width=14, keep=18, flex=True),
    Column(key="holder", title="holder", width=6, most=9, keep=17),
)
#: From this share of the time on, a deadline is shown as running out.
WARN_AT = 0.75
_BLOCKS = " ▏▎▍▌▋▊▉█"


class QueueLedger(Ledger[int, CaseRow]):
    """The rows of the queue."""

    HELP = "Cases. The word under why first is the reason for its place. Enter takes the case and opens it."

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(COLUMNS, empty.loading("the queue"), id=id)
        self.now: datetime | None = None
        self.me = ""

    def cells(self, row: CaseRow) -> Sequence[Cell]:
        """Return the cells of a case."""
        mine = row.holder is not None and row.holder == self.me
        holder = "me" if mine else (row.holder_name or row.holder or "–")
        return (
            due(row, self.now),
            Cell(f"{bar(row.risk)} {row.risk:>3}" if row.risk is not None else "?"),
            Cell(row.ref, "strong" if mine else ""),
            Cell(row.kind),
            Cell(group4(row.account)),
            Cell(row.language),
            Cell(" + ".join(row.why) or row.subject),
            Cell(holder, "accent" if mine else "quiet"),
        )


def due(row: CaseRow, now: datetime | None) -> Cell:
    """Return the deadline as what is left: ``!`` from three quarters of the time on, ``‼`` when it is over."""
    if row.waiting_since is not None:
        return Cell("waits  ", "quiet")
    if row.due_at is None or now is None:
        return Cell("–  ", "quiet")
    rest = row.due_at - now
    if rest < timedelta(0):
        return Cell(f"{left(rest)} ‼", "time")
    whole = row.due_at - row.opened_at
    warn = whole > timedelta(0) and (now - row.opened_at) / whole >= WARN_AT
    return Cell(f"{left(rest)} !", "time") if warn else Cell(f"{left(rest)}  ")


def bar(score: int) -> str:
    """Return a score of 0 to 100 as a bar of two cells."""
    eighths = max(0, min(16, score * 16 // 100))
    return "".join(_BLOCKS[max(0, min(8, eighths - 8 * n))] for n in range(2))


def preview(row: CaseRow, now: datetime) -> Content:
    """Return a case whole: what the client wrote, why it is where it is, who holds it."""
    prose = Prose().line((row.subject, "strong"))
    prose.block(f"“{row.excerpt}”" if row.excerpt else "")
    prose.pair("why first", ", ".join(row.why) or "–")
    facts = [row.kind, f"account {group4(row.account)}", f"language {row.language or 'unknown'}", f"{row.status}"]
    prose.pair("what", " · ".join(facts))
    holder = row.holder_name or row.holder or "nobody"
    until = f" until {row.lease_until:%H:%MZ}" if row.holder and row.lease_until else ""
    funds = f" · $ {row.funds_usd:,.0f} at stake" if row.funds_usd is not None else ""
    prose.pair("held by", f"{holder}{until} · opened {ago(now - row.opened_at)} ago{funds}")
    if row.waiting_since is not None:
        prose.pair("waits", f"for the client since {ago(now - row.waiting_since)}")
    return prose.content()
