"""The faint mark in the empty lines of lists and panes: who looks, and the minute. No line with text is touched."""

from __future__ import annotations

from datetime import datetime

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

#: Every how many empty lines there is a mark.
EVERY = 6
#: Where the first one is: below a short list the frame's mark is near enough.
FIRST = 3


def mark(login: str, at: datetime) -> str:
    """Return the mark of a person at a time (aware, UTC)."""
    return f"{login} {at:%Y-%m-%d %H:%MZ}"


def empty_line(widget: Widget, below: int, width: int, base: Style, faint: Style) -> Strip:
    """Return an empty line of `widget`, `below` lines under the last one with text; some of them hold the mark."""
    text: str = getattr(widget.app, "mark", "")
    # The frame of a dialog is always near; its panes are small and are read closely.
    if not text or widget.screen.is_modal or below % EVERY != FIRST or width < len(text) + 4:
        return Strip.blank(width, base)
    # Every other mark stands further in, so that no crop of a large empty place is without one.
    left = 2 if below // EVERY % 2 else width - len(text) - 2
    return Strip([Segment(" " * left, base), Segment(text, base + faint)]).adjust_cell_length(width, base)
