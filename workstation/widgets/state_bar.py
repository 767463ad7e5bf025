"""The first line of every screen: where I am, who I am, what time it is, and whether the link is live.

In elevated mode a second line says in words who is elevated, for how long, and which one act is armed.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from workstation.widgets.cells import fit
from workstation.widgets.prose import Part, plain
from workstation.widgets.times import countdown


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the bar says. `places` are (key, name, count) of the screens; `link` is connecting, live or away."""

    places: tuple[tuple[str, str, str], ...] = ()
    active: str = ""
    who: str = ""
    time: str = ""
    link: str = "connecting"
    elevated_s: float | None = None
    idle_s: float = 0.0
    armed: str = ""
    glass_s: float | None = None
    glass: str = ""

    @property
    def second_line(self) -> bool:
        """Whether there is a state that has to be said in words."""
        return self.elevated_s is not None or self.glass_s is not None


_LINK: dict[str, tuple[str, str]] = {
    "connecting": ("○ connecting", "quiet"),
    "live": ("● live", "accent"),
    "away": ("◌ AWAY", "strong"),
}


class StateBar(Widget):
    """Places on the left, person and time on the right, elevated mode below."""

    DEFAULT_CSS = """
    StateBar {
        height: 1;
        dock: top;
        background: $panel;
        color: $foreground;
        &.-elevated { height: 2; background: $elevated-bar; color: $elevated-bar-text; text-style: bold; }
        &.-glass { height: 2; background: $glass-bar; color: $glass-bar-text; text-style: bold; }
    }
    """

    facts: reactive[Facts] = reactive(Facts())

    @dataclass
    class Picked(Message):
        """The name of a place was clicked; `key` is the key that goes there."""

        key: str

    def watch_facts(self, facts: Facts) -> None:
        """Grow by the line of elevated mode, or shrink again."""
        self.set_class(facts.elevated_s is not None, "-elevated")
        self.set_class(facts.glass_s is not None, "-glass")

    def render(self) -> Content:
        """Return one line, or two in elevated mode."""
        tone_off = self.facts.second_line
        left: list[tuple[str, str]] = []
        for key, name, active in self._places():
            left.append((f" {key} {name} ".replace("  ", " "), "" if tone_off else ("accent" if active else "quiet")))
        right = self._right()
        used = sum(cell_len(text) for text, _ in left)
        room = max(0, self.size.width - used - sum(cell_len(text) for text, _ in right))
        first: list[Part] = [*left, (" " * room, ""), *((text, "" if tone_off else tone) for text, tone in right)]
        if not self.facts.second_line:
            return plain(*first)
        said = self._broken() if self.facts.glass_s is not None else self._elevated()
        return Content.assemble(plain(*first), "\n", plain((fit(said, self.size.width), "")))

    def _places(self) -> list[tuple[str, str, bool]]:
        whole = sum(cell_len(name) + len(key) + 3 for key, name, _ in self.facts.places)
        roomy = whole + 2 + sum(cell_len(text) for text, _ in self._right()) <= self.size.width
        places: list[tuple[str, str, bool]] = []
        for key, name, count in self.facts.places:
            active = key == self.facts.active
            label = f"{name} {count}".strip() if roomy or active else (count and f"·{count}")
            places.append((key, f"[{label}]" if active else label, active))
        return places

    def _right(self) -> list[tuple[str, str]]:
        facts = self.facts
        parts = [(f"{facts.who} · ", "")] if facts.who else []
        return [*parts, (f"{facts.time} ", "quiet"), _LINK[facts.link], (" ", "")]

    def _elevated(self) -> str:
        facts = self.facts
        armed = f"ONE ACT ARMED: {facts.armed}" if facts.armed else "no act armed"
        left = f"{countdown(facts.elevated_s or 0)} left, idle {countdown(facts.idle_s)}"
        who = facts.who.split(" · ")[0]
        return f" ▲ ELEVATED {who} · {left} · {armed} · ctrl+e ends it"

    def _broken(self) -> str:
        facts = self.facts
        elevated = f"elevated {countdown(facts.elevated_s)}" if facts.elevated_s is not None else "not elevated"
        armed = f"ONE ACT ARMED: {facts.armed}" if facts.armed else "no act armed"
        return (
            f" ◈ BROKEN GLASS {facts.glass} · {countdown(facts.glass_s or 0)} left · {armed} · B ends it · {elevated}"
        )

    def on_click(self, event: events.Click) -> None:
        """Find the place under the mouse."""
        if event.y:
            return
        x = event.x
        for key, name, _ in self._places():
            x -= cell_len(f" {key} {name} ".replace("  ", " "))
            if x < 0:
                self.post_message(self.Picked(key))
                return
