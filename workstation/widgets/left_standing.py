"""What the intruder left standing: each thing, whether it is live, gone, or nobody can know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message

from workstation.services.accounts.left import REMEDY, named
from workstation.services.views import Left, LeftStanding, MadeKind, Still, Traces
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger
from workstation.widgets.packet import words
from workstation.widgets.prose import Part, Prose
from workstation.widgets.times import ZULU, Zone
from workstation.widgets.two_parts import TwoParts

COLUMNS = (
    Column(key="still", title="now", width=12, keep=20),
    Column(key="what", title="what", width=16, most=20, keep=19),
    Column(key="which", title="which", width=12, keep=18, flex=True),
    Column(key="when", title="made", width=11, keep=16),
    Column(key="why", title="account system", width=18, keep=12, flex=True),
)
STATES: dict[Still, Cell] = {
    Still.LIVE: Cell("● STILL LIVE", "hostile"),
    Still.GONE: Cell("✓ gone", "accent"),
    Still.UNKNOWN: Cell("? can't know", "strong"),
}
_NOT_YET = empty.empty("Nothing was listed yet.", "S lists what the intruder made, and reads the account again.")
_NO_LABEL = empty.empty("No label calls anything the intruder's.", "l on an event says whose its device is; then S.")
_NOTHING = empty.empty(
    "What is labelled as the intruder's made nothing that stays.", "U shows changes without a label."
)


class LeftLedger(Ledger[int, Left]):
    """Things, what is live first."""

    HELP: ClassVar[str] = "Things that the intruder made. Enter shows the event that made the one under the cursor."

    zone: Zone = ZULU

    def cells(self, row: Left) -> Sequence[Cell]:
        """Return the cells of a thing."""
        made = row.made
        what = {MadeKind.FACTOR_OFF: "factor taken off", MadeKind.ACCESS: made.action}.get(made.kind, words(made.kind))
        return (
            STATES[row.state],
            Cell(what, "strong"),
            Cell(" ".join(part for part in (made.target, made.detail) if part) or "–"),
            Cell(self.zone.at_us(made.last_us, "%m-%d %H:%M"), "quiet"),
            Cell(row.why),
        )


class LeftPane(TwoParts[LeftLedger]):
    """The list with what it rests on."""

    HELP = (
        "What the intruder made or changed, by the labels, and whether it still stands by what the account system says "
        "now. T puts what protects against it into the packet, U shows the changes that nobody labelled."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("T", "into_packet", "Into packet", id="left.into-packet", tooltip="Put it and its act into the packet"),
        Binding("U", "unlabelled", "Unlabelled", id="left.unlabelled", tooltip="Show changes that nobody labelled yet"),
    ]

    @dataclass
    class Into(Message):
        """Put what is live into the packet."""

    @dataclass
    class Unlabelled(Message):
        """Show the changes that have no label."""

    @dataclass
    class Go(Message):
        """Show the event that made a thing."""

        source: str
        event_id: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._left: LeftStanding | None = None

    def make(self) -> LeftLedger:
        """Return the list."""
        return LeftLedger(COLUMNS, _NOT_YET)

    def reset(self) -> None:
        """Show that nothing was read yet."""
        self._left = None
        self.ledger.forget_cursor()
        self.ledger.say(_NOT_YET)
        self.about()
        self.write()

    def show(self, traces: Traces, left: LeftStanding, zone: Zone, *, old: str = "") -> None:
        """Show what was made and how it stands; `old` says why this may not be all."""
        self._left = left
        ledger = self.query_one(LeftLedger)
        ledger.zone = zone
        order = {Still.LIVE: 0, Still.UNKNOWN: 1, Still.GONE: 2}
        rows = dict(enumerate(sorted(left.things, key=lambda one: (order[one.state], one.made.last_us))))
        if rows:
            ledger.show(tuple(rows), rows)
        else:
            ledger.say(_NOTHING if traces.intruder else _NO_LABEL)
        self.about(*_about(traces, left, zone, old))
        self.write()

    @property
    def live(self) -> int:
        """How many things are still live."""
        return sum(one.state is Still.LIVE for one in self._left.things) if self._left else 0

    def whole(self) -> Prose:
        """Return what the thing under the cursor rests on."""
        row, prose = self.query_one(LeftLedger).row(), Prose()
        if row is None or self._left is None:
            return prose
        made, zone = row.made, self.query_one(LeftLedger).zone
        prose.line((f"{STATES[row.state].text}  ", STATES[row.state].tone), (named(made), "strong"))
        prose.line(row.why)
        if row.state is Still.LIVE:
            act, but = REMEDY[made.kind]
            prose.line(("against it  ", "quiet"), " · ".join(part for part in (words(act or ""), but) if part))
        more = f", {made.count:,} events until {zone.at_us(made.last_us)}" if made.count > 1 else ""
        prose.line(
            ("in the log  ", "quiet"), f"{made.action} {zone.at_us(made.at_us)} {zone.word}{more} · {made.source}"
        )
        if not made.sure:
            prose.line(("The log does not say whether it worked.", "strong"))
        if made.mixed:
            prose.line(("Labels call this event the owner's, too.", "strong"))
        return prose

    @on(Ledger.Opened)
    def opened(self, event: Ledger.Opened) -> None:
        """Go to the event."""
        event.stop()
        row = self.query_one(LeftLedger).row()
        if row is not None:
            self.post_message(self.Go(row.made.source, row.made.event_id))

    def action_into_packet(self) -> None:
        """Put what is live into the packet."""
        self.post_message(self.Into())

    def action_unlabelled(self) -> None:
        """Show the changes that have no label."""
        self.post_message(self.Unlabelled())


def _about(traces: Traces, left: LeftStanding, zone: Zone, old: str) -> list[Part]:
    parts: list[Part] = []
    if left.problem:
        parts.append((f"✗ not read {zone.at(left.read_at, '%H:%M:%S')}: {left.problem}", "strong"))
    elif left.things:
        live = sum(one.state is Still.LIVE for one in left.things)
        parts += [(f"{live} still live", "hostile" if live else "accent"), f" of {len(left.things)}"]
        parts.append((f" · read {zone.at(left.read_at, '%H:%M:%S')} {zone.word}", "quiet"))
    between = " · " if parts else ""
    if traces.unlabelled:
        since = f", {traces.unlabelled_since:,} since the trouble" if traces.unlabelled_since else ""
        words_ = f"{between}changes nobody labelled yet: {traces.unlabelled:,}{since} (U)"
        parts.append((words_, "strong" if since else "quiet"))
    else:
        parts.append((f"{between}every change has a label", "quiet"))
    return [*parts, (f" · ◷ {old}", "time")] if old else parts
