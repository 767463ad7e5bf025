"""The column sets of the timeline: which values of an event stand beside each other, and how each becomes a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.working.rows import EventRow
from workstation.widgets.cells import Cell, Column
from workstation.widgets.labels import MIXED, VERDICTS, whose
from workstation.widgets.times import span

if TYPE_CHECKING:
    from workstation.widgets.timeline import TimelineLedger

_TIME = Column(key="time", title="time", width=14, keep=20)
_ACTION = Column(key="action", title="what happened", width=18, most=26, keep=19, flex=True)
_OUTCOME = Column(key="outcome", title="ok?", width=4, keep=12)
_WHO = Column(key="who", title="whose", width=8, keep=18)
_FLAGS = Column(key="flags", title="", width=5, keep=17)
_SOURCE = Column(key="source", title="source", width=12, keep=5)
LANES = "lanes"
#: Column sets of the house by name, in the order in which a key goes through them.
SETS: Mapping[str, tuple[Column, ...]] = {
    "overview": (
        _TIME,
        _ACTION,
        _OUTCOME,
        Column(key="what", title="to what", width=8, keep=15, flex=True),
        Column(key="where", title="from", width=11, keep=13),
        Column(key="device", title="device", width=9, keep=14),
        _WHO,
        _FLAGS,
        _SOURCE,
    ),
    "network": (
        _TIME,
        _ACTION,
        _OUTCOME,
        Column(key="source.ip", title="address", width=15, most=39, keep=16),
        Column(key="network", title="network", width=10, keep=15, flex=True),
        Column(key="place", title="place", width=9, keep=13, flex=True),
        Column(key="session.id", title="session", width=8, keep=14),
        _WHO,
        _FLAGS,
        Column(key="user_agent.original", title="user agent", width=20, keep=4, flex=True),
    ),
    "people": (
        _TIME,
        _ACTION,
        _OUTCOME,
        Column(key="actor", title="who did it", width=12, keep=16, flex=True),
        Column(key="acted", title="on whose account", width=12, keep=14, flex=True),
        Column(key="authentication.factor", title="factor", width=8, keep=13),
        Column(key="event.reason", title="reason", width=10, keep=12, flex=True),
        _WHO,
        _FLAGS,
    ),
    "clocks": (
        Column(key="exact", title="time", width=23, keep=20),
        _ACTION,
        Column(key="ingested", title="taken in", width=19, keep=15),
        Column(key="late", title="after", width=9, keep=17, right=True),
        _SOURCE,
        Column(key="event.code", title="native action", width=14, keep=11, flex=True),
        Column(key="event.id", title="id", width=12, keep=10, flex=True),
        _FLAGS,
    ),
    LANES: (
        _TIME,
        Column(key="owner", title="owner", width=16, keep=18, flex=True),
        Column(key="nobody", title="not labelled", width=12, most=20, keep=17),
        Column(key="intruder", title="INTRUDER", width=16, keep=19, flex=True),
        _FLAGS,
    ),
}
_WORD = {Outcome.SUCCESS: Cell("✓"), Outcome.FAILURE: Cell("✗ no"), Outcome.UNKNOWN: Cell("?", "quiet")}
_WIDTHS = {"@timestamp": 14, "event.outcome": 8, "source.geo.country_iso_code": 7, "source.ip": 15}


def own(fields: Sequence[str]) -> tuple[Column, ...]:
    """Return a set of a team's own: the time, each of some ECS fields, whose it is, and the signs.

    Raises:
        KeyError: one is no field.
    """
    named = [field for field in fields if field != "@timestamp"]
    for field in named:
        FIELDS[field]
    columns = (
        Column(key=field, title=field.rpartition(".")[2], width=_WIDTHS.get(field, 12), keep=16, flex=True)
        for field in named
    )
    return (_TIME, *columns, _WHO, _FLAGS)


def cells_of(columns: Sequence[Column], row: EventRow, ledger: TimelineLedger) -> list[Cell]:
    """Return the cells of an event, one a column."""
    return [
        _CELLS[column.key](row, ledger) if column.key in _CELLS else Cell(row.event.value(column.key))
        for column in columns
    ]


def _action(row: EventRow, ledger: TimelineLedger) -> Cell:
    text = f"  {row.event.action}" if row.inside else row.event.action
    return Cell(text, "strong" if row.key in ledger.marks else "")


def _ingested(row: EventRow, ledger: TimelineLedger) -> Cell:
    at = row.event.ingested_us
    return Cell(ledger.zone.at_us(at), "quiet") if at else Cell("not said", "faint")


def _late(row: EventRow, ledger: TimelineLedger) -> Cell:
    """Return how much later an event was taken in than it happened; one taken in before says that a clock is wrong."""
    event = row.event
    if not event.ingested_us:
        return Cell("")
    late_s = (event.ingested_us - event.time_us) / 1_000_000
    return Cell(f"-{span(-late_s)} !", "strong") if late_s < 0 else Cell(span(late_s), "quiet")


def _where(row: EventRow, ledger: TimelineLedger) -> Cell:
    return Cell(f"{row.event.country} {row.event.asn or row.event.ip}".strip())


def _device(row: EventRow, ledger: TimelineLedger) -> Cell:
    return Cell(row.event.device, whose(row.event, ledger.labels).tone)


def _lane(*mine: str) -> Callable[[EventRow, TimelineLedger], Cell]:
    """Return what draws an event in its own lane, and nothing in another's.

    Where labels contradict each other it stands in both: an intruder in the owner's session is the owner's session.
    """

    def draw(row: EventRow, ledger: TimelineLedger) -> Cell:
        said = whose(row.event, ledger.labels)
        return Cell(_told(row.event), said.tone) if said.text in mine else Cell("")

    return draw


def _told(event: Event) -> str:
    sign = {Outcome.SUCCESS: "", Outcome.FAILURE: "✗ "}.get(event.outcome, "? ")
    rest = (event.target or event.factor, f"{event.country} {event.asn or event.ip}".strip(), event.device)
    return " · ".join(part for part in (f"{sign}{event.action}", *rest) if part)


_CELLS: Mapping[str, Callable[[EventRow, TimelineLedger], Cell]] = {
    "time": lambda row, ledger: Cell(ledger.when(row.event.time_us), "quiet"),
    "exact": lambda row, ledger: Cell(ledger.zone.at_us(row.event.time_us, "%Y-%m-%d %H:%M:%S.%f")[:-3], "quiet"),
    "action": _action,
    "outcome": lambda row, _: _WORD[row.event.outcome],
    "what": lambda row, _: Cell(row.event.target or row.event.factor or row.event.reason),
    "where": _where,
    "network": lambda row, _: Cell(f"{row.event.asn} {row.event.as_org}".strip()),
    "place": lambda row, _: Cell(f"{row.event.country} {row.event.city}".strip()),
    "device": _device,
    "actor": lambda row, _: Cell(row.event.actor_name or row.event.actor),
    "acted": lambda row, _: Cell(row.event.account_name or row.event.account),
    "who": lambda row, ledger: whose(row.event, ledger.labels),
    "flags": lambda row, ledger: ledger.flags(row),
    "source": lambda row, _: Cell(row.event.source, "quiet"),
    "ingested": _ingested,
    "late": _late,
    "owner": _lane(VERDICTS["owner"].text, MIXED.text),
    "intruder": _lane(VERDICTS["intruder"].text, MIXED.text),
    "nobody": _lane("", VERDICTS["unknown"].text),
}
