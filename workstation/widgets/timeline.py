"""The account's timeline: events of every source in one order, with gaps, marks, pins and labels."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.filter import Filter
from workstation.services.timeline.source import Gap, SourceState
from workstation.services.views import Label, Mark, Pin, SourceLine, TimelineView
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.labels import LabelMap, label_map, whose
from workstation.widgets.ledger import Ledger
from workstation.widgets.prose import Part, plain
from workstation.widgets.sifting import Sifted, sift
from workstation.widgets.times import ZULU, Zone

COLUMNS = (
    Column(key="time", title="time", width=14, keep=20),
    Column(key="action", title="what happened", width=18, most=26, keep=19, flex=True),
    Column(key="outcome", title="ok?", width=4, keep=12),
    Column(key="what", title="to what", width=8, keep=15, flex=True),
    Column(key="where", title="from", width=11, keep=13),
    Column(key="device", title="device", width=9, keep=14),
    Column(key="who", title="whose", width=8, keep=18),
    Column(key="flags", title="", width=5, keep=17),
    Column(key="source", title="source", width=12, keep=5),
)
#: Up to this many events are sifted on the spot (a few milliseconds); more go to a thread.
AT_ONCE = 5_000
_OUTCOME = {Outcome.SUCCESS: Cell("✓"), Outcome.FAILURE: Cell("✗ no"), Outcome.UNKNOWN: Cell("?", "quiet")}
_BARS = " ▁▂▃▄▅▆▇█"
_STATE: dict[SourceState, tuple[str, str]] = {
    SourceState.LOADING: ("…", "quiet"),
    SourceState.LIVE: ("●", "accent"),
    SourceState.PARTIAL: ("◐", "strong"),
    SourceState.FAILED: ("✗", "strong"),
}


class TimelineLedger(Ledger[str, Event | Gap]):
    """The rows of a timeline. Unlike a queue it holds all of them, by place."""

    HELP: ClassVar[str] = (
        "The timeline, newest first. ◆ is a mark of a rule, pin is evidence, whose says what the labels say of "
        "its device, network or session. A line of dashes is a gap: a source had no data there."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(COLUMNS, empty.loading("the timeline"), id=id)
        self.zone = ZULU
        self.labels: LabelMap = {}
        self.pinned: frozenset[tuple[str, str]] = frozenset()
        self.marks: Mapping[str, Sequence[Mark]] = {}
        self._items: Sequence[Event | Gap] = ()

    def show_sifted(self, sifted: Sifted) -> None:
        """Show other rows. The cursor stays on its event; until it was first moved, it stays on the newest."""
        if not self.touched:
            self.forget_cursor()
        self._items = sifted.rows
        self.show(sifted.keys)

    def say(self, blank: empty.Blank) -> None:
        """Show why there are no rows."""
        self._items = ()
        super().say(blank)

    def row_at(self, at: int) -> Event | Gap | None:
        """Return the row at a place of the order."""
        return self._items[at]

    def row(self, key: str | None = None) -> Event | Gap | None:
        """Return the row of `key`, or of the cursor."""
        if not self.keys:
            return None
        return self._items[self.place] if key is None else self._items[list(self.keys).index(key)]

    @property
    def event(self) -> Event | None:
        """The event under the cursor; None on a gap."""
        row = self.row()
        return row if isinstance(row, Event) else None

    def across(self, row: Event | Gap) -> Cell | None:
        """Return the words of a gap: it is a row of its own, with no columns."""
        if isinstance(row, Event):
            return None
        span = f"{self.zone.at_us(row.since_us, '%m-%d %H:%M')}–{self.zone.at_us(row.until_us, '%H:%M')}"
        return Cell(f"── gap {span}: {row.source} had no data, {row.why} ──", "strong")

    def cells(self, row: Event | Gap) -> Sequence[Cell]:
        """Return the cells of an event."""
        if isinstance(row, Gap):
            return ()
        who = whose(row, self.labels)
        return (
            Cell(self.zone.at_us(row.time_us, "%m-%d %H:%M:%S"), "quiet"),
            Cell(row.action, "strong" if row.id in self.marks else ""),
            _OUTCOME[row.outcome],
            Cell(row.target or row.factor or row.reason),
            Cell(f"{row.country} {row.asn or row.ip}".strip()),
            Cell(row.device, who.tone),
            who,
            self._flags(row),
            Cell(row.source, "quiet"),
        )

    def _flags(self, event: Event) -> Cell:
        marks = self.marks.get(event.id, ())
        sign = "◆" if marks else " "
        pin = " pin" if (event.source, event.id) in self.pinned else ""
        hostile = any(mark.severity == "high" for mark in marks)
        return Cell(sign + pin, "hostile" if hostile else "accent")

    def _ask(self) -> None:
        """Ask for nothing: every row is here."""


class TimelinePane(Vertical):
    """Histogram, filters, rows and the state of the sources."""

    DEFAULT_CSS = """
    TimelinePane {
        TimelineLedger { height: 1fr; }
        Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #chips { display: none; }
        &.-filtered #chips { display: block; }
    }
    """

    @dataclass
    class Changed(Message):
        """Other rows are shown: something came, or the filters changed."""

        events: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._view = TimelineView(events=(), gaps=(), sources=())
        self._filters = Filter()
        self._sifted: Sifted | None = None
        self._dirty = False
        self._sifting = False

    def compose(self) -> ComposeResult:
        """Lay the four parts above each other."""
        yield Static(id="histogram")
        yield Static(id="chips")
        yield TimelineLedger(id="events")
        yield Static(id="sources")

    @property
    def ledger(self) -> TimelineLedger:
        """The rows."""
        return self.query_one("#events", TimelineLedger)

    @property
    def filters(self) -> Filter:
        """What is shown and hidden."""
        return self._filters

    @property
    def view(self) -> TimelineView:
        """Everything that came so far."""
        return self._view

    @property
    def shown(self) -> int:
        """How many events the filters leave."""
        return self._sifted.events if self._sifted else 0

    def reset(self) -> None:
        """Forget the account that was shown, its filters too."""
        self._view = TimelineView(events=(), gaps=(), sources=())
        self._filters, self._sifted = Filter(), None
        self.ledger.forget_cursor()
        self.ledger.say(empty.loading("the timeline"))
        self._write_lines()

    def feed(self, view: TimelineView) -> None:
        """Show what came; the cursor stays on its event."""
        self._view = view
        marks: dict[str, list[Mark]] = {}
        for mark in view.marks:
            for event in mark.events:
                marks.setdefault(event, []).append(mark)
        self.ledger.marks = marks
        self._sift_soon()

    def set_filters(self, filters: Filter) -> None:
        """Show and hide something else."""
        self._filters = filters
        self._sift_soon()

    def set_labels(self, labels: Iterable[Label]) -> None:
        """Show other labels."""
        self.ledger.labels = label_map(labels)
        self.ledger.redraw()

    def set_pins(self, pins: Iterable[Pin]) -> None:
        """Show what is kept as evidence."""
        self.ledger.pinned = frozenset((pin.source, pin.event_id) for pin in pins)
        self.ledger.redraw()

    def set_zone(self, zone: Zone) -> None:
        """Write the times in another zone."""
        self.ledger.zone = zone
        self.ledger.redraw()
        self._write_lines()

    # -- sifting -----------------------------------------------------------------------------------

    def _sift_soon(self) -> None:
        self._dirty = True
        if not self._sifting:
            self._sifting = True
            self._sift()

    @work(group="sift", name="sift the timeline", exit_on_error=False)
    async def _sift(self) -> None:
        """Sift until nothing newer has come; one at a time, so that a stream of pages cannot starve it."""
        try:
            while self._dirty:
                self._dirty = False
                view, filters, width = self._view, self._filters, max(10, self.size.width - 26)
                if len(view.events) <= AT_ONCE:
                    sifted = sift(view, filters, width)
                else:
                    sifted = await asyncio.to_thread(sift, view, filters, width)
                if view is self._view and filters is self._filters:
                    self._show(sifted)
        finally:
            self._sifting = False

    def _show(self, sifted: Sifted) -> None:
        self._sifted = sifted
        if sifted.keys:
            self.ledger.show_sifted(sifted)
        else:
            self.ledger.say(self._why_nothing())
        self._write_lines()
        self.post_message(self.Changed(sifted.events))

    def _why_nothing(self) -> empty.Blank:
        if any(source.state is SourceState.LOADING for source in self._view.sources):
            return empty.loading("the timeline")
        if self._view.events:
            return empty.empty("No event passes these filters.", "Esc takes the last filter away.")
        bad = [source for source in self._view.sources if source.state is SourceState.FAILED]
        if bad:
            return empty.failed("the timeline", "; ".join(f"{s.name}: {s.why}" for s in bad), "ctrl+r")
        return empty.empty("No source knows an event of this account in this span.", "ctrl+r reads again.")

    # -- the lines around the rows -----------------------------------------------------------------

    def _write_lines(self) -> None:
        self.set_class(bool(self._filters), "-filtered")
        self.query_one("#histogram", Static).update(plain(*self._histogram()), layout=False)
        chips: list[Part] = [("filter ", "quiet")]
        for term in self._filters.terms:
            chips += [(f" {term} ", "strong"), (" ", "")]
        self.query_one("#chips", Static).update(plain(*chips, ("esc drops the last", "quiet")), layout=False)
        self.query_one("#sources", Static).update(plain(*_source_parts(self._view.sources)), layout=False)

    def _histogram(self) -> list[Part]:
        if self._sifted is None or not self._view.events:
            return [("", "")]
        zone, form = self.ledger.zone, "%m-%d %H:%M"
        top = max(self._sifted.buckets) or 1
        bars = "".join(_BARS[-(-count * 8 // top)] for count in self._sifted.buckets)
        since, until = zone.at_us(self._sifted.since_us, form), zone.at_us(self._sifted.until_us, form)
        return [(since + " ", "quiet"), (bars, "accent"), (" " + until, "quiet")]

    def on_resize(self) -> None:
        """Draw the histogram in the new width."""
        self._sift_soon()


def _source_parts(sources: Sequence[SourceLine]) -> list[Part]:
    parts: list[Part] = []
    for source in sources:
        sign, tone = _STATE[source.state]
        why = "" if source.state is SourceState.LIVE else f" {source.state}" + (f": {source.why}" if source.why else "")
        parts += [(f"{sign} ", tone), source.name, (f" {source.events:,}", "quiet"), (f"{why}   ", tone)]
    return parts or [("no source yet", "quiet")]
