"""A framed place: its title above, words about it below, and the faint mark of who looks and when."""

from __future__ import annotations

from textual.containers import Vertical
from textual.reactive import reactive

from workstation.widgets.prose import plain


class Box(Vertical):
    """Everything that shows clients' data stands in one of these, so that a picture of it says who took it."""

    DEFAULT_CSS = """
    Box { border-subtitle-align: right; }
    """

    words: reactive[tuple[str, str]] = reactive(("", ""))
    """What is said under the box, and its tone."""
    mark: reactive[str] = reactive("")
    """Who looks, and the minute."""

    def watch_words(self) -> None:
        """Write both."""
        self._write()

    def watch_mark(self) -> None:
        """Write both."""
        self._write()

    def _write(self) -> None:
        words, tone = self.words
        self.border_subtitle = plain(
            (words, tone or "quiet"), (" · " if words and self.mark else "", "faint"), (self.mark, "faint")
        )
