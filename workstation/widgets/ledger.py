"""The virtual table under every list: it draws only what is seen, and its cursor is a record, not a place.

A table that measures all of its cells blocks the loop for seconds at 10,000 rows, and one whose cursor
is a row number moves another record under the analyst's key when rows come or go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workstation.widgets.cells import Cell, Column, Placed, place
from workstation.widgets.drawing import Paper, draw_blank, draw_cells, draw_header, draw_words
from workstation.widgets.empty import Blank
from workstation.widgets.lean import measured
from workstation.widgets.order import heir
from workstation.widgets.watermark import empty_line

K = TypeVar("K", bound=int | str)
R = TypeVar("R")

#: Rows kept: some sixty screens of the largest terminal. More are asked for again when they are seen again.
KEPT = 4_096
#: Rows asked for around what is seen, so that a page down finds them there.
MARGIN = 64
#: Drawn lines kept; a screen has at most a few hundred, each with and without the cursor.
DRAWN = 1_024
HEADER = 1


@dataclass
class FromLedger(Message):
    """What a list says."""

    ledger: Ledger[Any, Any]
    coalesced: ClassVar[bool] = False

    @property
    def control(self) -> Ledger[Any, Any]:
        """The list that sent this, for ``@on(Ledger.Moved, "#id")``."""
        return self.ledger

    def can_replace(self, message: Message) -> bool:
        """Return whether an older message of the same list may be dropped for this one."""
        return self.coalesced and type(message) is type(self) and self.ledger is getattr(message, "ledger", None)


class Ledger(ScrollView, Generic[K, R], can_focus=True, inherit_bindings=False):
    """Rows of records under fixed columns.

    A subclass says how a record becomes cells (:meth:`cells`). Rows are put in by whoever holds the
    data, either all at once or when :class:`Wanted` asks for a window of ids.
    """

    HELP: ClassVar[str] = "A list. The cursor stays on its record whatever comes or goes around it."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "Up", show=False, id="ledger.up", tooltip="The row above"),
        Binding("down,j", "step(1)", "Down", show=False, id="ledger.down", tooltip="The row below"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="ledger.page-up", tooltip="A screen up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="ledger.page-down", tooltip="A screen down"),
        Binding("home", "edge(0)", "First", show=False, id="ledger.first", tooltip="The first row"),
        Binding("end", "edge(1)", "Last", show=False, id="ledger.last", tooltip="The last row"),
        Binding("enter", "choose", "Open", show=False, id="ledger.open", tooltip="Open the row under the cursor"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "ledger--header",
        "ledger--cursor",
        "ledger--cursor-blurred",
        "ledger--strong",
        "ledger--quiet",
        "ledger--faint",
        "ledger--accent",
        "ledger--hostile",
        "ledger--time",
        "ledger--elevated",
    }

    DEFAULT_CSS = """
    Ledger {
        background: $surface;
        color: $foreground;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        overflow-x: hidden;
        overflow-y: auto;
        .ledger--header { color: $quiet; }
        .ledger--cursor { background: $row; text-style: bold; }
        .ledger--cursor-blurred { background: $row-blurred; }
        .ledger--strong { text-style: bold; }
        .ledger--quiet { color: $quiet; }
        .ledger--faint { color: $faint; text-style: none; }
        .ledger--accent { color: $accent; }
        .ledger--hostile { color: $error; text-style: bold; }
        .ledger--time { color: $warning; }
        .ledger--elevated { color: $elevated; text-style: bold; }
    }
    """

    @dataclass
    class Moved(FromLedger):
        """The cursor is on another record now; a burst of moves collapses into the last."""

        key: int | str
        coalesced: ClassVar[bool] = True

    @dataclass
    class Opened(FromLedger):
        """Enter, or a click on the row under the cursor. `key` is the record that was shown there."""

        key: int | str

    @dataclass
    class Wanted(FromLedger):
        """Rows that are seen, or soon will be, and are not here yet; a burst of scrolling asks for the last window."""

        keys: tuple[Any, ...]
        coalesced: ClassVar[bool] = True

    def __init__(self, columns: tuple[Column, ...], blank: Blank, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.columns = columns
        self.blank = blank
        self.touched = False
        self._keys: Sequence[K] = ()
        self._rows: OrderedDict[K, R] = OrderedDict()
        self._at = 0
        self._cursor: K | None = None
        self._drawn: LRUCache[tuple[object, ...], Strip] = LRUCache(DRAWN)
        self._placed: tuple[int, tuple[Placed, ...]] = (0, ())
        self._tones: dict[str, Style] = {}
        self._asked: tuple[K, ...] = ()
        self._gone: frozenset[K] = frozenset()

    # -- what a subclass says ----------------------------------------------------------------------

    def cells(self, row: R) -> Sequence[Cell]:
        """Return a cell for each of :attr:`columns`, in their order, unclean."""
        raise NotImplementedError

    def across(self, row: R) -> Cell | None:
        """Return the words of a row that has no columns; None where it has."""
        return None

    # -- what is shown -----------------------------------------------------------------------------

    @property
    def keys(self) -> Sequence[K]:
        """The ids shown, first to last."""
        return self._keys

    @property
    def cursor(self) -> K | None:
        """The record under the cursor; None where no rows are shown."""
        return self._cursor if self._keys else None

    @property
    def place(self) -> int:
        """Where the cursor is in the order, from 0."""
        return self._at

    @property
    def loaded(self) -> Mapping[K, R]:
        """The rows that are here."""
        return self._rows

    def row(self, key: K | None = None) -> R | None:
        """Return the row of `key`, or of the cursor; None where it is not here."""
        key = self.cursor if key is None else key
        return None if key is None else self._rows.get(key)

    def row_at(self, at: int) -> R | None:
        """Return the row at a place of the order; None where it is not here."""
        return self._rows.get(self._keys[at])

    def show(self, keys: Sequence[K], rows: Mapping[K, R] | None = None) -> None:
        """Show another order. The cursor stays on its record; where that is gone, on the next that is left.

        It stays on its line of the screen too, once it was moved: rows that come above it move nothing.
        """
        was, at, line = self._keys, self._at, self._at - self.scroll_offset.y
        self._keys = keys
        if rows is not None:
            self._rows = OrderedDict(rows)
        self._settle(was, at)
        self._asked = ()
        measured(self, Size(self.size.width, len(keys) + HEADER))
        if self.touched and 0 <= line < self._shown and self._at - line != self.scroll_offset.y:
            self.scroll_to(y=max(0, self._at - line), animate=False, immediate=True)
        self._scroll_to_cursor()
        self._repaint()

    def _repaint(self) -> None:
        """Draw the rows of another order."""
        self._drawn.clear()
        self.refresh()

    def put(self, rows: Mapping[K, R], gone: frozenset[K] = frozenset()) -> None:
        """Add or replace rows; `gone` are ids that have none any more."""
        self._gone = (self._gone | gone) - rows.keys()
        for key in gone:
            self._rows.pop(key, None)
        for key, row in rows.items():
            self._rows[key] = row
            self._rows.move_to_end(key)
        while len(self._rows) > max(KEPT, len(rows)):
            self._rows.popitem(last=False)
        self._drawn.clear()
        self._asked = ()
        self.refresh()

    def forget_cursor(self) -> None:
        """Begin at the first row again."""
        self._cursor, self._at, self.touched = None, 0, False

    def put_away(self) -> None:
        """Forget every row and the cursor: somebody else will look at this."""
        self._rows.clear()
        self._gone = frozenset()
        self.forget_cursor()
        self.show(())

    def in_sight(self) -> Sequence[K]:
        """Return the ids of the rows that are seen."""
        top = self.scroll_offset.y
        return self._keys[top : top + self._shown]

    def say(self, blank: Blank) -> None:
        """Show why there are no rows."""
        self.blank = blank
        self.show(())

    def redraw(self) -> None:
        """Draw the rows again, after something that their cells depend on has changed."""
        self._drawn.clear()
        self.refresh()

    def want_again(self) -> None:
        """Forget what was asked for, after a window could not be read."""
        self._asked = ()

    def move_to(self, key: K) -> bool:
        """Put the cursor on `key`; False where it is not shown."""
        try:
            at = self._keys.index(key)
        except ValueError:
            return False
        self._go(at)
        return True

    def _settle(self, was: Sequence[K], at: int) -> None:
        """Find the cursor's record in the new order."""
        if not self._keys:
            self._at = 0
            return
        before = self._cursor
        self._at = 0 if before is None else heir(self._keys, was, at, before)
        self._cursor = self._keys[self._at]
        if self._cursor != before:
            self.post_message(self.Moved(self, self._cursor))

    # -- moving ------------------------------------------------------------------------------------

    def action_step(self, by: int) -> None:
        """Move the cursor by `by` rows."""
        self._go(self._at + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by `by` screens."""
        self._go(self._at + by * max(1, self._shown - 1))

    def action_edge(self, last: int) -> None:
        """Move the cursor to the first or the last row."""
        self._go(len(self._keys) - 1 if last else 0)

    def action_choose(self) -> None:
        """Say which record was chosen."""
        if self.cursor is not None:
            self.post_message(self.Opened(self, self.cursor))

    def _go(self, at: int) -> None:
        if not self._keys:
            return
        at = max(0, min(at, len(self._keys) - 1))
        if at == self._at and self._cursor == self._keys[at]:
            return
        self.touched = True
        old, self._at = self._at, at
        self._cursor = self._keys[at]
        self.post_message(self.Moved(self, self._cursor))
        if not self._scroll_to_cursor():
            for place_ in (old, at):
                self._refresh_row(place_)

    @property
    def _shown(self) -> int:
        return max(0, self.size.height - HEADER)

    def _scroll_to_cursor(self) -> bool:
        """Scroll so that the cursor is seen; True when that moved the rows."""
        top = self.scroll_offset.y
        goal = min(self._at, max(top, self._at - self._shown + 1)) if self._shown else top
        goal = self._at if self._at < top else goal
        if goal == top:
            return False
        self.scroll_to(y=goal, animate=False)
        return True

    def _refresh_row(self, at: int) -> None:
        y = at - self.scroll_offset.y + HEADER
        if HEADER <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    # -- drawing -----------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Return the header, a row, or a line of the word on why there are none."""
        return self._line(y, self._paper())

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, and ask for the rows that are seen and not here.

        A row is passed through the filters once and kept so. Textual would add a frame to every line for every
        paint first; that is left out where there is none.
        """
        self._ask()
        if any(self.styles.gutter) or self.opacity != 1.0:
            return super().render_lines(crop)
        paper = self._paper()
        strips = [self._line(y, paper) for y in crop.line_range]
        return strips if crop.column_span == (0, paper.whole) else [strip.crop(crop.x, crop.right) for strip in strips]

    def _paper(self) -> Paper:
        width, whole, (_, background) = (
            self.scrollable_content_region.width,
            self.outer_size.width,
            self.background_colors,
        )
        return Paper(width, whole, self.size.height, self.rich_style, self.app.get_line_filters(), background)

    def _line(self, y: int, paper: Paper) -> Strip:
        width, base = paper.width, paper.base
        if not self._keys:
            return paper.finished(draw_blank(self.blank, y, Size(width, paper.height), base, self._tone))
        if y < HEADER:
            return paper.finished(draw_header(self._layout(width), width, base, base + self._tone("header")))
        at = y - HEADER + self.scroll_offset.y
        if at >= len(self._keys):
            below = at - len(self._keys) if y < paper.height - 1 else 0
            return paper.finished(empty_line(self, below, width, base, self._tone("faint")))
        key = self._keys[at]
        under = at == self._at
        token = (key, under, under and self.has_focus, width)
        strip = self._drawn.get(token)
        if strip is None:
            row = self.row_at(at)
            strip = paper.finished(self._draw(row, at, width, base))
            if row is not None:
                self._drawn[token] = strip
        return strip

    def _layout(self, width: int) -> tuple[Placed, ...]:
        if self._placed[0] != width:
            self._placed = (width, place(self.columns, width - 2))
        return self._placed[1]

    def _draw(self, row: R | None, at: int, width: int, base: Style) -> Strip:
        under = at == self._at
        if under:
            base += self._tone("cursor" if self.has_focus else "cursor-blurred")
        sign = ("▶ " if self.has_focus else "▷ ") if under else "  "
        front = Segment(sign, base + self._tone("accent") if under else base)
        if row is None:
            whole: Cell | None = Cell("no longer here" if self._keys[at] in self._gone else "…", "quiet")
        else:
            whole = self.across(row)
        if row is None or whole is not None:
            return draw_words(front, whole or Cell(""), width, base, self._tone)
        return draw_cells(front, self.cells(row), self._layout(width), width, base, self._tone)

    def _tone(self, name: str) -> Style:
        style = self._tones.get(name)
        if style is None:
            style = self.get_component_rich_style(f"ledger--{name}", partial=True) if name else Style.null()
            self._tones[name] = style
        return style

    def _ask(self) -> None:
        top = self.scroll_offset.y
        if all(key in self._rows or key in self._gone for key in self.in_sight()):
            return
        window = self._keys[max(0, top - MARGIN) : top + self._shown + MARGIN]
        missing = tuple(key for key in window if key not in self._rows and key not in self._gone)
        if missing and missing != self._asked:
            self._asked = missing
            # A message made while drawing would count the screen as its sender and stop there.
            self.call_next(self._want, missing)

    def _want(self, missing: tuple[K, ...]) -> None:
        self.post_message(self.Wanted(self, missing))

    # -- events ------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Place the columns again; the cursor's record stays in sight."""
        self._drawn.clear()
        measured(self, Size(self.size.width, len(self._keys) + HEADER))
        self._scroll_to_cursor()

    def notify_style_update(self) -> None:
        """Forget what was drawn in other colours."""
        super().notify_style_update()
        self._drawn.clear()
        self._tones.clear()

    def on_focus(self) -> None:
        """Show that keys come here."""
        self._refresh_row(self._at)

    def on_blur(self) -> None:
        """Show that keys go elsewhere."""
        self._refresh_row(self._at)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the row; open it when it was there already."""
        at = event.y - HEADER + self.scroll_offset.y
        if event.y < HEADER or not 0 <= at < len(self._keys):
            return
        if at == self._at:
            self.action_choose()
        else:
            self._go(at)
