"""Related accounts: which share an observable with this one, how rare it is, and when it was there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.message import Message

from workstation.services.text import group4
from workstation.services.timeline.related import WORDS
from workstation.services.views import Related, RelatedAccount, Tie
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.labels import VERDICTS
from workstation.widgets.ledger import Ledger
from workstation.widgets.prose import Part, Prose
from workstation.widgets.times import ZULU, Zone
from workstation.widgets.two_parts import TwoParts

COLUMNS = (
    Column(key="account", title="account", width=9, keep=20),
    Column(key="weight", title="tie", width=11, keep=19),
    Column(key="by", title="by", width=18, keep=18, flex=True),
    Column(key="shared", title="shared by", width=10, keep=13, right=True),
    Column(key="there", title="last there", width=11, keep=14),
    Column(key="whose", title="whose", width=8, keep=16),
)
#: From which weight on a tie is called what.
_STRONG, _SOME = 0.5, 0.2
_BAR = 4
_NOT_YET = empty.empty(
    "Nobody was asked yet.", "W asks which accounts share devices and addresses; it is on record and counts as a view."
)
_NOBODY = empty.empty(
    "No account shares anything rare with this one.", "What many share is listed below; W asks again."
)


class RelatedLedger(Ledger[str, RelatedAccount]):
    """Accounts, the most strongly tied first."""

    HELP: ClassVar[str] = "Related accounts. Enter opens the one under the cursor for a reason that a lead sees."

    zone: Zone = ZULU

    def cells(self, row: RelatedAccount) -> Sequence[Cell]:
        """Return the cells of an account."""
        tie = row.ties[0]
        more = f" +{len(row.ties) - 1}" if len(row.ties) > 1 else ""
        return (
            Cell(group4(row.account), "strong"),
            strength(row.weight),
            Cell(f"{WORDS[tie.here.field]} {tie.here.value}{more}"),
            Cell(f"{tie.accounts:,}"),
            Cell(self.zone.at_us(tie.last_us, "%m-%d %H:%M"), "quiet"),
            VERDICTS.get(tie.here.whose, Cell("")),
        )


class RelatedPane(TwoParts[RelatedLedger]):
    """The accounts, with every value that matched and when."""

    HELP = (
        "Accounts that have a device, address or withdrawal address of this one too. The rarer the value, the stronger "
        "the tie; what an office or a carrier shares ties nobody. To open one takes a reason, as for any account."
    )

    @dataclass
    class Open(Message):
        """Open an account."""

        account: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._related: Related | None = None

    def make(self) -> RelatedLedger:
        """Return the list."""
        return RelatedLedger(COLUMNS, _NOT_YET)

    def reset(self) -> None:
        """Show that nobody was asked yet."""
        self._related = None
        self.ledger.forget_cursor()
        self.ledger.say(_NOT_YET)
        self.about()
        self.write()

    def show(self, related: Related, zone: Zone) -> None:
        """Show who shares what."""
        self._related = related
        ledger = self.query_one(RelatedLedger)
        ledger.zone = zone
        rows = {one.account: one for one in related.accounts}
        if rows:
            ledger.show(tuple(rows), rows)
        elif related.problems and not related.asked:
            ledger.say(empty.failed("who shares values", related.problems[0], "W"))
        else:
            ledger.say(_NOBODY)
        self.about(*_about(related, zone))
        self.write()

    def whole(self) -> Prose:
        """Return the ties of the account under the cursor, then what ties nobody and what was not asked."""
        prose, related = Prose(), self._related
        if related is None:
            return prose
        ledger = self.query_one(RelatedLedger)
        row = ledger.row()
        if row is not None:
            prose.line((group4(row.account), "strong"), "  ", (f"tie {row.weight:.2f} of 1", "quiet"))
            for tie in row.ties:
                write_tie(prose, tie, ledger.zone)
        for common in related.common[:20]:
            prose.line(
                (f"{WORDS[common.field]} ", "quiet"), common.value, f" is shared by {common.accounts:,} accounts",
                (": that says almost nothing", "quiet"),
            )  # fmt: skip
        if len(related.common) > 20:
            prose.line((f"{len(related.common) - 20} more values are shared by too many.", "quiet"))
        for word in (*related.problems, *related.unasked):
            prose.line(("✗ ", "strong"), word)
        return prose

    @on(Ledger.Opened)
    def opened(self, event: Ledger.Opened) -> None:
        """Open the account."""
        event.stop()
        self.post_message(self.Open(str(event.key)))


def strength(weight: float) -> Cell:
    """Return a weight as a bar and a word."""
    word, tone = ("strong", "strong") if weight >= _STRONG else (("some", "") if weight >= _SOME else ("weak", "quiet"))
    filled = max(1, round(weight * _BAR)) if weight else 0
    return Cell(f"{'█' * filled:<{_BAR}} {word}", tone)


def write_tie(prose: Prose, tie: Tie, zone: Zone) -> None:
    """Add one value with who has it and when it was where."""
    here, whose = tie.here, VERDICTS.get(tie.here.whose)
    prose.line(
        (f"{WORDS[here.field]} ", "quiet"), (here.value, "strong"),
        f"  shared by {tie.accounts:,} accounts", (f"  {tie.weight:.2f}", "quiet"),
        (f"  {whose.text} here" if whose else "", whose.tone if whose else ""),
    )  # fmt: skip
    for word, since, until, events in (
        ("there", tie.first_us, tie.last_us, tie.events),
        ("here", here.first_us, here.last_us, here.events),
    ):
        prose.line(
            (f"  {word:<6}", "quiet"), f"{zone.at_us(since, '%Y-%m-%d %H:%M')} – {zone.at_us(until, '%Y-%m-%d %H:%M')}",
            (f"  {events:,} event{'' if events == 1 else 's'}", "quiet"),
        )  # fmt: skip


def _about(related: Related, zone: Zone) -> list[Part]:
    parts: list[Part] = [(f"{len(related.accounts)} related", "strong" if related.accounts else "")]
    among = f" among {related.population:,} accounts" if related.population else ""
    parts.append((f" · {related.asked} values asked about{among}", "quiet"))
    parts.append((f" · {zone.at(related.read_at, '%H:%M:%S')} {zone.word}", "quiet"))
    left_out = len(related.problems) + len(related.unasked)
    return [*parts, (f" · {left_out} not answered, see below", "strong")] if left_out else parts
