"""When events happened, as bars in one line: all of them faint, those that pass before them; a span can be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from workstation.services.timeline.working.rows import Buckets
from workstation.widgets.cells import fit
from workstation.widgets.times import ZULU, Zone, span

BARS = " ▁▂▃▄▅▆▇█"
#: Cells of the time at either end.
EDGE = 12
#: Buckets that page up and page down move by.
PAGE = 10
#: Lines of a terminal from which on there is room for the line of marks while nobody chooses a span.
ROOMY = 32
#: Spans shorter than this are written with seconds, not with a date.
_DAY_US = 20 * 3600 * 1_000_000


class Histogram(Widget, can_focus=True):
    """The bars. The cursor is a time, so that it stays where it is while events come in."""

    HELP: ClassVar[str] = (
        "When events happened: bars are what the query keeps, dots what it does not, ◆ is where marks are. Left and "
        "right move; v, or Shift with an arrow, chooses a span; Enter shows only that span; Esc leaves."
    )
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "Earlier", show=False, id="histogram.left", tooltip="The span before"),
        Binding("right,l", "step(1)", "Later", show=False, id="histogram.right", tooltip="The span after"),
        Binding("shift+left", "stretch(-1)", "Stretch", show=False, id="histogram.grow-left", tooltip="Choose to here"),
        Binding("shift+right", "stretch(1)", "Stretch", show=False, id="histogram.grow", tooltip="Choose to here"),
        Binding("pageup", "step(-10)", "Ten back", show=False, id="histogram.page-left", tooltip="Ten spans before"),
        Binding("pagedown", "step(10)", "Ten on", show=False, id="histogram.page-right", tooltip="Ten spans after"),
        Binding("home", "edge(0)", "First", show=False, id="histogram.first", tooltip="Where the events begin"),
        Binding("end", "edge(1)", "Last", show=False, id="histogram.last", tooltip="Where the events end"),
        Binding("v", "anchor", "Span", show=False, id="histogram.span", tooltip="Choose a span from here, or stop"),
        Binding("enter", "take", "Only this", show=False, id="histogram.take", tooltip="Show only this span of time"),
        Binding("escape", "leave", "Leave", show=False, id="histogram.leave", tooltip="Leave the bars as they are"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "histogram--quiet",
        "histogram--faint",
        "histogram--accent",
        "histogram--hostile",
        "histogram--chosen",
    }
    DEFAULT_CSS = """
    Histogram {
        height: 1;
        padding: 0 1;
        &.-two { height: 2; }
        .histogram--quiet { color: $quiet; }
        .histogram--faint { color: $faint; }
        .histogram--accent { color: $accent; }
        .histogram--hostile { color: $error; }
        .histogram--chosen { background: $row; text-style: bold; }
    }
    """

    @dataclass
    class Chosen(Message):
        """Show only this span: from the first microsecond to before the second."""

        since_us: int
        until_us: int

    class Left(Message):
        """Nothing was chosen."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.bars = Buckets()
        self.zone: Zone = ZULU
        self.hostile = False
        #: The present year: times of another one are written with theirs.
        self.year = 0
        self._cursor: int | None = None
        self._anchor: int | None = None

    @property
    def room(self) -> int:
        """How many bars there is room for."""
        return max(10, self.size.width - 2 * EDGE - 2)

    def show(self, bars: Buckets, zone: Zone, *, hostile: bool = False) -> None:
        """Show other counts; `hostile` says that a mark among them is an alarm."""
        self.bars, self.zone, self.hostile = bars, zone, hostile
        self._two(self.has_focus)
        self.refresh()

    def begin(self, time_us: int | None = None) -> None:
        """Take the keys, with the cursor at a time, else at the newest events."""
        if time_us is not None or self._cursor is None:
            self._cursor = self._clamped(time_us if time_us is not None else self.bars.until_us - 1)
        self._anchor = None
        self.focus()

    def forget(self) -> None:
        """Forget where the cursor was."""
        self._cursor = self._anchor = None

    @property
    def chosen(self) -> tuple[int, int]:
        """The span under the cursor, or from where choosing began to there; within all that is shown."""
        here = self._place(self._cursor)
        other = here if self._anchor is None else self._place(self._anchor)
        first, last = min(here, other), max(here, other)
        bars = self.bars
        since, until = bars.since_us + first * bars.width_us, bars.since_us + (last + 1) * bars.width_us
        return since, max(since + 1, min(until, bars.until_us))

    # -- moving ------------------------------------------------------------------------------------

    def action_step(self, by: int) -> None:
        """Move the cursor by some buckets."""
        self._to(self._place(self._cursor) + by)

    def action_edge(self, last: int) -> None:
        """Move the cursor to the first or the last bucket."""
        self._to(len(self.bars.passing) - 1 if last else 0)

    def action_stretch(self, by: int) -> None:
        """Move the cursor and choose what lies between."""
        if self._anchor is None:
            self._anchor = self._clamped(self._cursor)
        self.action_step(by)

    def action_anchor(self) -> None:
        """Begin to choose a span at the cursor, or stop that."""
        self._anchor = self._clamped(self._cursor) if self._anchor is None else None
        self.refresh()

    def action_take(self) -> None:
        """Say which span was chosen."""
        if self.bars.passing:
            since, until = self.chosen
            self._anchor = None
            self.post_message(self.Chosen(since, until))

    def action_leave(self) -> None:
        """Leave everything as it is."""
        self._anchor = None
        self.post_message(self.Left())

    def _to(self, place: int) -> None:
        bars = self.bars
        place = max(0, min(place, len(bars.passing) - 1))
        self._cursor = bars.since_us + place * bars.width_us
        self.refresh()

    def _clamped(self, time_us: int | None) -> int:
        bars = self.bars
        return max(bars.since_us, min(time_us if time_us is not None else bars.until_us - 1, bars.until_us - 1))

    def _place(self, time_us: int | None) -> int:
        return (self._clamped(time_us) - self.bars.since_us) // max(1, self.bars.width_us)

    # -- drawing -----------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Return the line of bars, or the line of marks and of what is chosen."""
        base, width = self.rich_style, self.size.width
        if not self.bars.every or not any(self.bars.every):
            return Strip.blank(width, base)
        segments = self._bars(base) if y == 0 else self._below(base)
        return Strip(segments).adjust_cell_length(width, base)

    def _bars(self, base: Style) -> list[Segment]:
        since, until = self.chosen if self.has_focus else (self.bars.since_us, self.bars.until_us)
        first, last = (fit(self._when(us), EDGE) for us in (since, until - 1))
        quiet = base + self._tone("quiet")
        here = range(self._place(since), self._place(until - 1) + 1) if self.has_focus else range(0)
        segments = [Segment(first, quiet), Segment(" ", base)]
        accent, faint, chosen = self._tone("accent"), self._tone("faint"), self._tone("chosen")
        top, most = max(self.bars.passing) or 1, max(self.bars.every)
        for n, (passing, every) in enumerate(zip(self.bars.passing, self.bars.every, strict=True)):
            style = base + (accent if passing else faint) + (chosen if n in here else Style.null())
            segments.append(Segment(_bar(passing, top) if passing else _behind(every, most), style))
        return [*segments, Segment(" ", base), Segment(last, quiet)]

    def _below(self, base: Style) -> list[Segment]:
        quiet, sign = base + self._tone("quiet"), base + self._tone("hostile" if self.hostile else "accent")
        since, until = self.chosen
        here = range(self._place(since), self._place(until - 1) + 1) if self.has_focus else range(0)
        left = f"{span((until - since) / 1e6)}" if self.has_focus else ""
        marks = sum(self.bars.marked)
        segments = [Segment(fit(left or (f"{marks:,} marked" if marks else ""), EDGE), quiet), Segment(" ", base)]
        for n in range(len(self.bars.passing)):
            marked = n < len(self.bars.marked) and self.bars.marked[n]
            under = "▔" if n in here else " "
            segments.append(Segment("◆" if marked else under, sign if marked else base + self._tone("accent")))
        count = sum(self.bars.passing[here.start : here.stop])
        right = f"{count:,} event{'s' * (count != 1)}" if self.has_focus else ""
        return [*segments, Segment(" ", base), Segment(fit(right, EDGE), quiet)]

    def _when(self, us: int) -> str:
        if self.bars.until_us - self.bars.since_us < _DAY_US:
            return self.zone.at_us(us, "%d. %H:%M:%S")
        this_year = int(self.zone.at_us(us, "%Y")) == self.year
        return self.zone.at_us(us, "%m-%d %H:%M" if this_year else "%Y-%m-%d")

    def _tone(self, name: str) -> Style:
        return self.get_component_rich_style(f"histogram--{name}", partial=True)

    def _two(self, focused: bool) -> None:
        roomy = self.app.size.height >= ROOMY
        self.set_class(focused or (roomy and any(self.bars.marked)), "-two")

    # -- events ------------------------------------------------------------------------------------

    def on_focus(self) -> None:
        """Show what is chosen."""
        self._two(True)
        self.refresh()

    def on_blur(self) -> None:
        """Show all of it again."""
        self._anchor = None
        self._two(False)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Move the cursor there; with Shift choose what lies between."""
        if event.shift:
            self.action_stretch(0)
        self._to(event.x - 1 - EDGE - 1)


def _bar(count: int, top: int) -> str:
    return BARS[-(-count * 8 // top)]


def _behind(count: int, most: int) -> str:
    """Return a sign of what does not pass: its own signs, so that it is told apart without colours."""
    return " " if not count else (":" if count * 4 > most else ".")
