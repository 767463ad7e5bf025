"""The account's timeline: histogram, query, rows, and the state of the sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import getters, on
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from workstation.services.clock import Clock
from workstation.services.errors import Invalid, WorkstationError
from workstation.services.pace import Pace
from workstation.services.timeline.event import Event
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.edit import between, turned, without
from workstation.services.timeline.query.history import History
from workstation.services.timeline.source import SourceState
from workstation.services.timeline.working.rows import Buckets
from workstation.services.views import EventNote, Label, Mark, Pin
from workstation.widgets import empty
from workstation.widgets.chip_line import ChipLine
from workstation.widgets.histogram import Histogram
from workstation.widgets.labels import label_map
from workstation.widgets.prose import plain
from workstation.widgets.query_line import QueryLine
from workstation.widgets.sifting import Sifting
from workstation.widgets.source_states import source_parts
from workstation.widgets.timeline import TimelineLedger
from workstation.widgets.times import Zone

if TYPE_CHECKING:
    from workstation.services.timeline.loading.timeline import Timeline
    from workstation.services.timeline.query.complete import Counts
    from workstation.services.timeline.sifting import Sieve, Sifted
    from workstation.services.timeline.working.columns import WorkingSet
    from workstation.services.timeline.working.shown import Shown

#: By time, the newest first.
NEWEST = ("@timestamp", False)


class TimelinePane(Sifting):
    """The query, when it all happened, the rows, and the state of the sources."""

    query_line = getters.query_one("#query-line", QueryLine)
    chip_line = getters.query_one("#chips", ChipLine)
    histogram = getters.query_one("#histogram", Histogram)
    ledger = getters.query_one("#events", TimelineLedger)

    DEFAULT_CSS = """
    TimelinePane {
        TimelineLedger { height: 1fr; }
        #sources { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #query-line { display: none; }
    }
    """

    @dataclass
    class Changed(Message):
        """Other rows are shown: something came, or the query changed."""

        events: int

    @dataclass
    class Refused(Message):
        """The query in force cannot be asked; `why` says why not."""

        why: str

    def __init__(self, clock: Clock, pace: Pace, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(clock, pace, id=id)
        self.history = History()
        self.folding = False
        #: What the rows are sorted by, and whether the least comes first.
        self.order: tuple[str, bool] = NEWEST
        self.sifted: Sifted | None = None
        self._opened: frozenset[str] = frozenset()
        self._held: tuple[str, str] | None = None
        self._labels: tuple[Label, ...] = ()
        self._counts: tuple[WorkingSet, Counts] | None = None

    def compose(self) -> ComposeResult:
        """Lay the parts above each other."""
        yield QueryLine(self._counting, self._said, id="query-line")
        yield Histogram(id="histogram")
        yield ChipLine(id="chips")
        yield TimelineLedger(id="events")
        yield Static(id="sources")

    @property
    def query_in_force(self) -> Query:
        """What is shown and hidden."""
        return self.history.query

    @property
    def shown(self) -> int:
        """How many events the query leaves."""
        return self.sifted.shown.events if self.sifted else 0

    @property
    def total(self) -> int:
        """How many events there are."""
        return self.sifted.total if self.sifted else 0

    @property
    def marks(self) -> Sequence[Mark]:
        """What the rules found."""
        return self.timeline.marks if self.timeline else ()

    def whole(self) -> Event | None:
        """Return the event under the cursor with its raw record; without it where that was lost."""
        row, shown = self.ledger.event_row, self.ledger.shown
        if row is None or shown is None:
            return None
        try:
            return shown.frame.event(row)
        except WorkstationError:
            return shown.frame.peek(row)

    def reset(self) -> None:
        """Forget the account that was shown, its queries too."""
        self.timeline, self.sifted = None, None
        self.history, self._opened = History(), frozenset()
        self.order, self._counts = NEWEST, None
        self.stop_typing()
        self.query_line.forget()
        self.histogram.forget()
        self.ledger.forget_cursor()
        self.ledger.marks = {}
        self.ledger.say(empty.loading("the timeline"))
        self._write_lines()

    def follow(self, timeline: Timeline) -> None:
        """Show another timeline, or what came of the one that is shown; the cursor stays on its event."""
        self.ledger.year = self._clock.now().year
        other = timeline is not self.timeline
        if other:
            # Rows are numbered anew: the event under the cursor is looked for by its own name.
            held = self.ledger.event
            self._held = (held.source, held.id) if held is not None and self.ledger.touched else None
            self._opened = frozenset()
        self.timeline, timeline.pace = timeline, self._pace
        marks: dict[int, list[Mark]] = {}
        for mark in timeline.marks:
            for row in mark.rows:
                marks.setdefault(row, []).append(mark)
        if marks != self.ledger.marks:
            self.ledger.marks = marks
        self.sift_soon(asked=other)

    def let_go(self) -> None:
        """Keep what is shown without asking for more of it: what it came from is closed."""
        self.timeline = None
        self.drop()

    def ask(self, query: Query) -> None:
        """Show and hide something else."""
        self.history.ask(query)
        self.sift_soon()

    def asked_before(self, step: int) -> bool:
        """Go back (-1) or forward (1) among the queries; False where there is none."""
        moved = self.history.back() if step < 0 else self.history.forward()
        if moved:
            self.sift_soon()
        return moved

    def set_folding(self, folding: bool) -> None:
        """Fold sessions and bursts to a row each, or show every event."""
        self.folding, self._opened = folding, frozenset()
        self.sift_soon()

    def sort(self, by: str, ascending: bool) -> None:
        """Sort the rows by a field; ``@timestamp`` is when it happened."""
        self.order = (by, ascending)
        self.sift_soon()

    def turn_fold(self, key: str) -> None:
        """Open a fold, or close it."""
        self._opened = self._opened ^ {key}
        self.sift_soon()

    def set_labels(self, labels: Iterable[Label]) -> None:
        """Show other labels."""
        self._labels = tuple(labels)
        self.ledger.labels = label_map(self._labels)
        self.ledger.redraw()
        self.sift_soon()

    def set_pins(self, pins: Iterable[Pin]) -> None:
        """Show what is kept as evidence."""
        self.ledger.pinned = frozenset((pin.source, pin.event_id) for pin in pins)
        self.ledger.redraw()
        self.sift_soon()

    def set_notes(self, notes: Iterable[EventNote]) -> None:
        """Show which events have a note."""
        self.ledger.noted = frozenset((note.source, note.event_id) for note in notes)
        self.ledger.redraw()

    def set_zone(self, zone: Zone) -> None:
        """Write the times in another zone."""
        self.ledger.zone = zone
        self.ledger.redraw()
        self._write_lines()

    # -- what is asked, and what is shown of it ------------------------------------------------------

    def _sieve(self) -> Sieve:
        from workstation.services.timeline.sifting import Sieve

        return Sieve(
            query=self.query_in_force,
            fold=self.folding,
            opened=self._opened,
            pins=tuple(sorted(self.ledger.pinned)),
            marks=self._marked(),
            labels=self._labels,
            by=self.order[0],
            ascending=self.order[1],
            buckets=self.histogram.room,
        )

    def _marked(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for mark in self.marks:
            found[mark.rule] = (*found.get(mark.rule, ()), *mark.rows)
        return found

    def _refuse(self, why: Invalid) -> None:
        self.post_message(self.Refused(why.sentence()))

    def _show(self, sifted: Sifted) -> None:
        self.sifted = sifted
        if len(sifted.shown):
            self.ledger.show_rows(sifted.shown, self._return(sifted.shown))
        else:
            self.ledger.say(self._why_nothing())
        self._write_lines()
        self.post_message(self.Changed(sifted.shown.events))

    def _return(self, shown: Shown) -> int | None:
        """Return the row of the event that was under the cursor when the timeline was read again; None once it is."""
        row = shown.frame.find(*self._held) if self._held is not None else None
        if row is not None:
            self._held = None
        return row

    def _why_nothing(self) -> empty.Blank:
        lines = self.timeline.lines if self.timeline else ()
        if any(line.state is SourceState.LOADING for line in lines):
            return empty.loading("the timeline")
        if self.total:
            return empty.empty("No event passes this query.", "Esc takes the last part of it away.")
        bad = [line for line in lines if line.state is SourceState.FAILED]
        if bad:
            return empty.failed("the timeline", "; ".join(f"{s.name}: {s.why}" for s in bad), "ctrl+r")
        return empty.empty("No source knows an event of this account in this span.", "ctrl+r reads again.")

    # -- the query -----------------------------------------------------------------------------------

    @property
    def typing(self) -> bool:
        """Whether a query is being typed."""
        return self.query_line.display

    def start_typing(self) -> None:
        """Edit the query in force in a line, whole."""
        self._show_line(True)
        self.query_line.edit(self.query_in_force)

    def _show_line(self, shown: bool) -> None:
        # By themselves: a class on the pane would have the style of everything in it worked out again.
        self.query_line.display, self.chip_line.hidden = shown, shown

    def stop_typing(self) -> None:
        """Leave the line; what was typed in it and not asked is there again the next time."""
        if self.typing:
            self.query_line.leave()
            self._show_line(False)
            self.ledger.focus()

    @on(QueryLine.Asked)
    def _asked_for(self, event: QueryLine.Asked) -> None:
        self.stop_typing()
        self.ask(event.query)

    @on(ChipLine.Drop)
    def _drop(self, event: ChipLine.Drop) -> None:
        self.ask(without(self.query_in_force, event.place))

    @on(ChipLine.Turn)
    def _turn(self, event: ChipLine.Turn) -> None:
        self.ask(turned(self.query_in_force, event.place))

    @on(ChipLine.Edit)
    def _edit(self) -> None:
        self.start_typing()

    @on(Histogram.Chosen)
    def _span_chosen(self, event: Histogram.Chosen) -> None:
        self.ask(between(self.query_in_force, event.since_us, event.until_us))
        self.ledger.focus()

    @on(ChipLine.Left)
    @on(Histogram.Left)
    def _to_rows(self) -> None:
        self.ledger.focus()

    def _counting(self) -> Counts | None:
        """Return how often values occur; asked in a thread while a query is typed."""
        from workstation.services.timeline.query.complete import Counts

        timeline = self.timeline
        if timeline is None or not len(timeline.working):
            return None
        frame, had = timeline.working.snapshot(), self._counts
        if had is None or had[0] is not frame.working:
            self._counts = had = frame.working, Counts(frame)
        had[1].frame = frame
        return had[1]

    def _said(self) -> dict[str, dict[str, int]]:
        return {
            "mark": {rule: len(rows) for rule, rows in self._marked().items()},
            "pinned": {"true": len(self.ledger.pinned)},
        }

    # -- the lines around the rows -----------------------------------------------------------------

    def _write_lines(self) -> None:
        self.chip_line.show(self.query_in_force)
        buckets = self.sifted.buckets if self.sifted is not None else Buckets()
        self.histogram.year = self.ledger.year
        hostile = any(mark.severity == "high" for mark in self.marks)
        self.histogram.show(buckets, self.ledger.zone, hostile=hostile)
        lines = self.timeline.lines if self.timeline else ()
        self.query_one("#sources", Static).update(plain(*source_parts(lines)), layout=False)

    def on_resize(self) -> None:
        """Draw the histogram in the new width."""
        self.sift_soon()
