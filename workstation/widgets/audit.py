"""A record of the audit, as a row and whole."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from workstation.services.views import AuditRow
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger
from workstation.widgets.prose import Prose

COLUMNS = (
    Column(key="at", title="at (UTC)", width=19, keep=20),
    Column(key="actor", title="who", width=10, keep=19),
    Column(key="event", title="what", width=16, keep=18, flex=True),
    Column(key="outcome", title="outcome", width=8, keep=17),
    Column(key="object", title="on", width=12, keep=16, flex=True),
    Column(key="seq", title="seq", width=7, keep=10, right=True),
)


class AuditLedger(Ledger[str, AuditRow]):
    """The records."""

    HELP = "Records of the audit, newest first. Refusals are records too."

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(COLUMNS, empty.loading("the audit"), id=id)

    def cells(self, row: AuditRow) -> Sequence[Cell]:
        """Return the cells of a record."""
        denied = row.outcome != "ok" and row.outcome != "done"
        return (
            Cell(f"{row.at:%Y-%m-%d %H:%M:%S}", "quiet"),
            Cell(row.actor),
            Cell(row.event, "strong" if denied else ""),
            Cell(row.outcome, "strong" if denied else "quiet"),
            Cell(row.object),
            Cell(str(row.seq), "quiet"),
        )


def audit_key(row: AuditRow) -> str:
    """Return what names a record: its chain and its number in it."""
    return f"{row.chain}\x1f{row.seq}"


def record(row: AuditRow) -> Content:
    """Return a record whole."""
    level = f"level {row.level}" if row.level is not None else "a service"
    prose = Prose().pair("who", f"{row.actor}, {level}").pair("what", row.event, "strong").pair("outcome", row.outcome)
    prose.pair("on", row.object).pair("at", f"{row.at:%Y-%m-%d %H:%M:%S.%fZ}").pair("chain", f"{row.chain}, {row.seq}")
    return prose.pair("hash", row.hash, "quiet").gap().block(row.payload).content()
