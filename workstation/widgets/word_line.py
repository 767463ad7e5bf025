"""The line above the footer: what just happened on the left, what waits on the right."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from workstation.services.text import clean
from workstation.widgets.cells import fit
from workstation.widgets.prose import plain


class WordLine(Widget):
    """One line in words. It stays where it is, so nothing moves when it speaks."""

    DEFAULT_CSS = """
    WordLine { height: 1; padding: 0 1; background: $background; color: $foreground; }
    """

    word: reactive[tuple[str, str]] = reactive(("", ""))
    """What happened, and its tone."""
    waiting: reactive[tuple[str, str]] = reactive(("", ""))
    """What waits, such as ``12 new, press g``, and its tone."""

    def render(self) -> Content:
        """Return both, the left one cut where they meet."""
        (word, tone), (waiting, waiting_tone) = self.word, self.waiting
        room = self.size.width - (cell_len(waiting) + 2 if waiting else 0)
        return plain((fit(clean(word), max(0, room)), tone), (f"  {waiting}" if waiting else "", waiting_tone))
