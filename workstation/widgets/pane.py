"""A pane of text that scrolls with the same keys as a list."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from workstation.widgets.hanging import hang
from workstation.widgets.lean import measured
from workstation.widgets.watermark import empty_line


class Pane(ScrollView, can_focus=True, inherit_bindings=False):
    """Text of several lines, always written from :class:`~workstation.widgets.prose.Prose`.

    It draws its own lines: a text of another length moves nothing around it, so that writing one for every
    step of a cursor costs a repaint and not a layout of the screen.
    """

    HELP: ClassVar[str] = "Text. Up, down, page up and page down scroll it."
    ALLOW_SELECT = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False, id="pane.up", tooltip="Scroll a line up"),
        Binding("down,j", "scroll_down", "Down", show=False, id="pane.down", tooltip="Scroll a line down"),
        Binding("pageup", "page_up", "Page up", show=False, id="pane.page-up", tooltip="Scroll a screen up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="pane.page-down", tooltip="Scroll a screen down"),
        Binding("home", "scroll_home", "Top", show=False, id="pane.top", tooltip="Scroll to the top"),
        Binding("end", "scroll_end", "Bottom", show=False, id="pane.bottom", tooltip="Scroll to the end"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {"pane--faint"}
    DEFAULT_CSS = """
    Pane {
        background: $surface;
        color: $foreground;
        padding: 0 1;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        overflow-x: hidden;
        overflow-y: auto;
        .pane--faint { color: $faint; }
    }
    """

    def __init__(self, content: Content | None = None, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._content = content or Content("")
        self._lines: tuple[int, list[Strip]] = (-1, [])

    def write(self, content: Content, *, top: bool = False) -> None:
        """Show another text; with `top`, from its first line."""
        self._content = content
        self._lines = (-1, [])
        if not self.is_mounted:
            return
        if top:
            self.scroll_to(y=0, animate=False)
        self._measure()
        height = self.styles.height
        self.refresh(layout=height is not None and height.is_auto)

    @property
    def text(self) -> str:
        """What is shown, without its styles."""
        return self._content.plain

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the lines of the text in `width` cells."""
        return len(self._wrapped(width))

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Return all the width that there is."""
        return container.width

    def render_line(self, y: int) -> Strip:
        """Return a line of the text."""
        width = self.scrollable_content_region.width
        lines = self._wrapped(width)
        at = y + self.scroll_offset.y
        if at >= len(lines):
            faint = self.get_component_rich_style("pane--faint", partial=True)
            below = at - len(lines) if y < self.size.height - 1 else 0
            return empty_line(self, below, width, self.rich_style, faint)
        return lines[at].adjust_cell_length(width, self.rich_style)

    def _wrapped(self, width: int) -> list[Strip]:
        if self._lines[0] != width:
            content = hang(self._content, max(1, width))
            self._lines = (width, Visual.to_strips(self, content, max(1, width), None, self.visual_style))
        return self._lines[1]

    def _measure(self) -> None:
        width = self.scrollable_content_region.width
        if width:
            measured(self, Size(width, len(self._wrapped(width))))

    def on_resize(self) -> None:
        """Wrap the text in the new width."""
        self._measure()

    def notify_style_update(self) -> None:
        """Write the text in its new colours."""
        super().notify_style_update()
        self._lines = (-1, [])
