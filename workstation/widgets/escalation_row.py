"""An escalation as a row, and a word on it before it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.content import Content

from workstation.services.text import group4
from workstation.services.views import EscalationRow
from workstation.widgets import empty
from workstation.widgets.case_row import due
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger
from workstation.widgets.packet import act_words, words
from workstation.widgets.prose import Prose
from workstation.widgets.times import ago

COLUMNS = (
    Column(key="due", title="due", width=8, keep=20, right=True),
    Column(key="case", title="case", width=9, keep=21),
    Column(key="account", title="account", width=9, keep=15),
    Column(key="state", title="packet", width=9, keep=14),
    Column(key="verdict", title="verdict", width=14, keep=16, flex=True),
    Column(key="act", title="recommended", width=15, keep=17, flex=True),
    Column(key="waits", title="to approve", width=10, keep=18),
    Column(key="by", title="by", width=10, keep=13),
)


class EscalationLedger(Ledger[int, EscalationRow]):
    """What waits for my level."""

    HELP = "Packets that moved up, and requests that wait for an approval. Enter reads the sources again and opens one."

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(COLUMNS, empty.loading("the escalations"), id=id)
        self.now: datetime | None = None

    def cells(self, row: EscalationRow) -> Sequence[Cell]:
        """Return the cells of an escalation."""
        waiting = sum(request.state == "pending" for request in row.requests)
        return (
            due(row.case, self.now),
            Cell(row.case.ref, "strong"),
            Cell(group4(row.case.account)),
            Cell(row.packet_state, "quiet"),
            Cell(words(row.verdict)),
            Cell(words(row.act), "strong"),
            Cell(f"◷ {waiting}" if waiting else "–", "accent" if waiting else "quiet"),
            Cell(row.by),
        )


def glance(row: EscalationRow, now: datetime) -> Content:
    """Return what is known of an escalation before it is opened."""
    prose = Prose().line((row.case.subject, "strong"))
    prose.pair("forwarded", f"by {row.by}, {ago(now - row.forwarded_at)} ago")
    prose.pair("verdict", words(row.verdict) or "–", "strong").pair("act", words(row.act) or "–", "strong")
    for request in row.requests:
        prose.pair("request", f"{act_words(request.act, request.params)}: {request.stage}")
    prose.gap()
    return prose.line(
        ("Enter", "accent"), (" reads the sources again and opens the packet. It is in the audit.", "quiet")
    ).content()
