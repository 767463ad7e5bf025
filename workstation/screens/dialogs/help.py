"""What has the focus, and every key that works here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar, Self

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.types import CSSPathType
from textual.widget import Widget

from workstation.screens.dialogs.base import Dialog
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose

KEY = 16


class HelpDialog(Dialog[None]):
    """Generated from the bindings, so that nothing can be bound and not told."""

    AUTO_FOCUS = "Pane"
    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "help.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q", "leave", "Leave", show=False, id="help.leave", tooltip="Back to the work"),
    ]
    KEYS = (("↑↓", "scroll"),)

    def __init__(self, prose: Prose) -> None:
        super().__init__("Keys")
        self.prose = prose

    @classmethod
    def of(cls, screen: Screen[object]) -> Self:
        """Return the help for what has the focus on `screen`."""
        prose = Prose()
        focused = screen.focused
        if focused is not None:
            name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(focused).__name__).lower()
            prose.line((f"the {name} has the focus", "accent"))
            prose.line(getattr(focused, "HELP", "") or "Tab goes on, Shift+Tab goes back.")
        if words := getattr(screen, "HELP", ""):
            prose.gap().line(words)
        _write_keys(prose, screen)
        return cls(prose)

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the text."""
        yield Pane(self.prose.content())


def _write_keys(prose: Prose, screen: Screen[object]) -> None:
    """Add the keys by whom they belong to; one that does nothing now is said to."""
    places: dict[str, dict[str, tuple[list[str], bool, str]]] = {
        "this screen": {},
        "what has the focus": {},
        "everywhere": {},
    }
    for node, binding, enabled, tooltip in screen.active_bindings.values():
        words = tooltip or binding.tooltip or binding.description
        ours = node is screen and binding.id is not None
        place = "this screen" if ours else ("everywhere" if node in (screen, screen.app) else "what has the focus")
        if words:
            keys, _, _ = places[place].setdefault(binding.action, ([], enabled, words))
            keys.append(screen.app.get_key_display(binding))
    for place, actions in places.items():
        prose.head(place)
        for keys, enabled, words in actions.values():
            tone = "" if enabled else "quiet"
            key = (f"{' '.join(keys):<{KEY}}", "accent" if enabled else "quiet")
            prose.line(key, (words, tone), ("" if enabled else "  (not now)", "quiet"))
