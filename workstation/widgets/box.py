"""A framed place: its title above, words about it below, and the faint mark of who looks and when."""

from __future__ import annotations

from typing import Any, Self

from textual.containers import Vertical
from textual.geometry import Region
from textual.reactive import reactive
from textual.widget import Widget

from workstation.widgets.prose import plain


class _Edge:
    """A title in the frame that draws its own line again, where Textual draws the box with everything in it."""

    def __init__(self, name: str, line: int) -> None:
        self._whole: Any = vars(Widget)[name]
        self._line = line

    def __get__(self, box: Box | None, kind: type | None = None) -> Any:
        return self._whole.__get__(box, kind)

    def __set__(self, box: Box, title: Any) -> None:
        box.edge = self._line
        try:
            self._whole.__set__(box, title)
        finally:
            box.edge = None


class Box(Vertical):
    """Everything that shows clients' data stands in one of these, so that a picture of it says who took it."""

    DEFAULT_CSS = """
    Box { border-subtitle-align: right; }
    """

    border_title = _Edge("border_title", 0)
    border_subtitle = _Edge("border_subtitle", -1)
    edge: int | None = None
    """The line of the frame that is being written; None: none is."""

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

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Draw again; only a line of the frame while that is written."""
        if self.edge is not None and self.is_mounted and self.outer_size:
            gutter, size = self.gutter, self.outer_size
            y = self.edge % size.height - gutter.top
            regions = (Region(-gutter.left, y, size.width, 1),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _write(self) -> None:
        words, tone = self.words
        self.border_subtitle = plain(
            (words, tone or "quiet"), (" · " if words and self.mark else "", "faint"), (self.mark, "faint")
        )
