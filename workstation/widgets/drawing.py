"""Lines of a list as strips: the header, a row of cells, a row of words, the word on why there are no rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Size
from textual.strip import Strip

from workstation.widgets.cells import Cell, Placed, fit, tidy
from workstation.widgets.empty import Blank

#: Gives the style of a tone.
Tone = Callable[[str], Style]


class Paper(NamedTuple):
    """What rows are drawn on: cells for text, cells with the scrollbar, lines, and what every line goes through."""

    width: int
    whole: int
    height: int
    base: Style
    filters: Sequence[LineFilter]
    background: Color

    def finished(self, strip: Strip) -> Strip:
        """Return a drawn line as the terminal gets it."""
        segments = list(strip.adjust_cell_length(self.whole, self.base))
        for each in self.filters:
            segments = each.apply(segments, self.background)
        return Strip(segments, self.whole)


def draw_header(placed: Sequence[Placed], width: int, base: Style, style: Style) -> Strip:
    """Return the titles of the columns."""
    titles = [fit(p.column.title, p.width, "right" if p.column.right else "left") for p in placed]
    return Strip([Segment("  " + " ".join(titles), style)]).adjust_cell_length(width, base)


def draw_cells(
    front: Segment, cells: Sequence[Cell], placed: Sequence[Placed], width: int, base: Style, tone: Tone
) -> Strip:
    """Return a row: each cell cleaned and cut to its column."""
    segments = [front]
    for n, place in enumerate(placed):
        cell = cells[place.at]
        text = fit(tidy(cell.text), place.width, "right" if place.column.right else "left")
        segments.append(Segment(text if n == 0 else " " + text, base + tone(cell.tone)))
    return Strip(segments).adjust_cell_length(width, base)


def draw_words(front: Segment, words: Cell, width: int, base: Style, tone: Tone) -> Strip:
    """Return a row without columns."""
    text = fit(tidy(words.text), max(0, width - 2))
    return Strip([front, Segment(text, base + tone(words.tone))]).adjust_cell_length(width, base)


def draw_blank(blank: Blank, y: int, size: Size, base: Style, tone: Tone) -> Strip:
    """Return line `y` of a place without rows: its words are in the middle."""
    lines = _wrapped(blank, size.width)
    top = max(0, (size.height - len(lines)) // 2)
    if not top <= y < top + len(lines):
        return Strip.blank(size.width, base)
    text, name = lines[y - top]
    blanks = Segment(" " * max(0, (size.width - cell_len(text)) // 2), base)
    return Strip([blanks, Segment(text, base + tone(name))]).adjust_cell_length(size.width, base)


def _wrapped(blank: Blank, width: int) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for text, tone in blank.lines():
        line = ""
        for word in tidy(text).split():
            if line and cell_len(line) + 1 + cell_len(word) > width - 4:
                lines.append((line, tone))
                line = word
            else:
                line = f"{line} {word}".lstrip()
        lines.append((fit(line, max(1, width - 2)).rstrip(), tone))
    return lines
