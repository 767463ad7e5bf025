"""The last line: the keys that matter here and now, and the palette that reaches the rest."""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from workstation.widgets.prose import Part, plain


class Key(NamedTuple):
    """A key as it is shown: how it is pressed, how it is written, what it does, whether it does so now."""

    key: str
    shown: str
    does: str
    now: bool

    @property
    def width(self) -> int:
        """Cells that it takes with the blanks after it."""
        return cell_len(self.shown) + cell_len(self.does) + 3


class KeyLine(Widget):
    """One drawn line. A footer of widgets is rebuilt, and the screen laid out, whenever the focus moves."""

    DEFAULT_CSS = """
    KeyLine { height: 1; dock: bottom; padding: 0 1; background: $panel; color: $foreground; }
    """
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._keys: tuple[Key, ...] = ()

    def on_mount(self) -> None:
        """Follow what can be done now."""
        self.screen.bindings_updated_signal.subscribe(self, self._moved)

    def _moved(self, screen: Screen[object]) -> None:
        if screen is not self.screen:
            return
        seen: dict[str, Key] = {}
        for _, binding, enabled, _ in screen.active_bindings.values():
            if binding.show and binding.action not in seen:
                shown = self.app.get_key_display(binding)
                seen[binding.action] = Key(binding.key, shown, binding.description, enabled)
        keys = tuple(seen.values())
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    def render(self) -> Content:
        """Return the keys, the palette on the right where there is room."""
        on = not (self.screen.has_class("-elevated") or self.screen.has_class("-glass"))
        parts: list[Part] = []
        used = 0
        for key in self._keys:
            used += key.width
            tone = ("accent" if on else "strong") if key.now else "quiet"
            parts += [(f"{key.shown} ", tone), (f"{key.does}  ", "" if key.now else "quiet")]
        palette = "^p palette"
        if used + cell_len(palette) <= self.size.width and self.app.check_action("command_palette", ()):
            parts += [
                (" " * (self.size.width - used - cell_len(palette)), ""),
                ("^p", "accent" if on else "strong"),
                " palette",
            ]
        return plain(*parts)

    def on_click(self, event: events.Click) -> None:
        """Press the key under the mouse."""
        x = event.x - 1
        for key in self._keys:
            x -= key.width
            if x < 0:
                self.app.simulate_key(key.key)
                return
        if event.x >= self.size.width - 10:
            self.app.simulate_key("ctrl+p")
