"""Claims against the log: what the client says, what the log says of it, and the pins that this rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.message import Message

from workstation.services.views import Claim, Pin
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger
from workstation.widgets.packet import CLAIMS, write_claim
from workstation.widgets.prose import Part, Prose, counted
from workstation.widgets.times import ZULU, Zone
from workstation.widgets.two_parts import TwoParts

COLUMNS = (
    Column(key="verdict", title="the log says", width=15, keep=20),
    Column(key="said", title="the client says", width=20, keep=19, flex=True),
    Column(key="pins", title="pins", width=8, most=14, keep=16),
    Column(key="by", title="by", width=8, keep=12),
)
_NONE = empty.empty("No claim was written down yet.", "C writes down what the client says.")


class ClaimLedger(Ledger[int, Claim]):
    """Claims in the order in which they were made."""

    HELP: ClassVar[str] = "What the client says. Enter says what the log says of the claim under the cursor."

    def cells(self, row: Claim) -> Sequence[Cell]:
        """Return the cells of a claim."""
        pins = ", ".join(str(pin) for pin in row.pins)
        return (
            CLAIMS.get(row.verdict, Cell(row.verdict)),
            Cell(row.said),
            Cell(pins),
            Cell(row.judged_by or row.added_by),
        )


class ClaimsPane(TwoParts[ClaimLedger]):
    """The claims, with the evidence of the one under the cursor."""

    HELP = "What the client says, held against the log. C adds a claim, Enter judges one, E ties the event to one."

    @dataclass
    class Judge(Message):
        """Judge a claim."""

        claim: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._pins: Sequence[Pin] = ()
        self._zone = ZULU

    def make(self) -> ClaimLedger:
        """Return the list."""
        return ClaimLedger(COLUMNS, _NONE)

    def show(self, claims: Sequence[Claim], pins: Sequence[Pin], zone: Zone) -> None:
        """Show the claims of a case."""
        self._pins, self._zone = pins, zone
        rows = {claim.id: claim for claim in claims}
        if not rows:
            self.ledger.forget_cursor()
        self.ledger.show(tuple(rows), rows)
        open_ = sum(claim.verdict == "open" for claim in claims)
        about: list[Part] = [
            f"{counted(len(claims), 'claim')}, ",
            (f"{open_} not looked at", "strong" if open_ else "quiet"),
        ]
        self.about(*about if claims else ())
        self.write()

    def whole(self) -> Prose:
        """Return the claim under the cursor with its evidence."""
        prose = Prose()
        claim = self.query_one(ClaimLedger).row()
        if claim is None:
            return prose
        write_claim(prose, claim, self._pins)
        mail = f" · mail {claim.mail}" if claim.mail else ""
        prose.line((f"written down by {claim.added_by} {self._zone.at(claim.added_at)}{mail}", "quiet"))
        if claim.judged_at is not None:
            prose.line((f"judged by {claim.judged_by} {self._zone.at(claim.judged_at)}", "quiet"))
        return prose

    @on(Ledger.Opened)
    def opened(self, event: Ledger.Opened) -> None:
        """Judge the claim."""
        event.stop()
        self.post_message(self.Judge(int(event.key)))
