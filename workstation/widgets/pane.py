"""A pane of text that scrolls with the same keys as a list."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static


class Pane(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Text of several lines, always written from :class:`~workstation.widgets.prose.Prose`."""

    HELP: ClassVar[str] = "Text. Up, down, page up and page down scroll it."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False, id="pane.up", tooltip="Scroll a line up"),
        Binding("down,j", "scroll_down", "Down", show=False, id="pane.down", tooltip="Scroll a line down"),
        Binding("pageup", "page_up", "Page up", show=False, id="pane.page-up", tooltip="Scroll a screen up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="pane.page-down", tooltip="Scroll a screen down"),
        Binding("home", "scroll_home", "Top", show=False, id="pane.top", tooltip="Scroll to the top"),
        Binding("end", "scroll_end", "Bottom", show=False, id="pane.bottom", tooltip="Scroll to the end"),
    ]

    DEFAULT_CSS = """
    Pane {
        background: $surface;
        padding: 0 1;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        overflow-x: hidden;
        Static { width: 1fr; height: auto; background: $surface; }
    }
    """

    def __init__(self, content: Content | None = None, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._content = content or Content("")

    def compose(self) -> ComposeResult:
        """Hold one text."""
        yield Static(self._content, markup=False)

    def write(self, content: Content, *, top: bool = False) -> None:
        """Show another text; with `top`, from its first line."""
        self._content = content
        if self.is_mounted:
            self.query_one(Static).update(content)
            if top:
                self.scroll_home(animate=False)

    @property
    def text(self) -> str:
        """What is shown, without its styles."""
        return self._content.plain
