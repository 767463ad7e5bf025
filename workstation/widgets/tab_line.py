"""The line that names the panes of a place and says which one is seen."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from workstation.widgets.prose import Part, plain

#: Letters that a name is cut to where the room is short, one after the other.
_LETTERS = (8, 7, 6, 5, 4, 3)


class TabLine(Widget):
    """Names of panes in one row: ``[event]  mail 2  procedure``. A click on a name shows its pane."""

    DEFAULT_CSS = """
    TabLine { height: 1; padding: 0 1; background: $panel; color: $quiet; }
    """

    active: reactive[str] = reactive("")
    tabs: reactive[tuple[tuple[str, str, str], ...]] = reactive(())
    """For each pane its id, its name and its count; where the room is short the names are cut."""

    @dataclass
    class Picked(Message):
        """A name was clicked."""

        tab: str

    def _names(self) -> list[tuple[str, str]]:
        names: list[tuple[str, str]] = []
        for letters in (None, *_LETTERS):
            names = [
                (tab, f"{name if tab == self.active else name[:letters]} {count}".strip())
                for tab, name, count in self.tabs
            ]
            if sum(cell_len(name) + 2 for _, name in names) <= self.size.width:
                break
        return names

    def render(self) -> Content:
        """Return the names, the active one strong."""
        parts: list[Part] = []
        for tab, name in self._names():
            parts.append((f"[{name}]", "accent") if tab == self.active else (f" {name} ", "quiet"))
        return plain(*parts)

    def on_click(self, event: events.Click) -> None:
        """Find the name under the mouse."""
        x = event.x - 1
        for tab, name in self._names():
            width = cell_len(name) + 2
            if 0 <= x < width:
                self.post_message(self.Picked(tab))
                return
            x -= width
