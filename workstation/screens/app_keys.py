"""The keys that work everywhere."""

from __future__ import annotations

from textual.binding import Binding, BindingType

KEYS: list[BindingType] = [
    Binding("1", "go('queue')", "Queue", show=False, id="app.queue", tooltip="The cases that wait"),
    Binding("2", "go('account')", "Account", show=False, id="app.account", tooltip="The case that you work"),
    Binding("3", "go('escalations')", "Escalations", show=False, id="app.escalations", tooltip="What moved up"),
    Binding("6", "go('audit')", "Audit", show=False, id="app.audit", tooltip="Who did what"),
    Binding("ctrl+l", "lock", "Lock", show=False, priority=True, id="app.lock", tooltip="Lock this terminal now"),
    Binding("ctrl+e", "elevate", "Elevate", show=False, id="app.elevate", tooltip="Enter or leave elevated mode"),
    Binding("question_mark", "keys", "Keys", key_display="?", id="app.keys", tooltip="What has focus, and all keys"),
    Binding(
        "ctrl+p,ctrl+k",
        "command_palette",
        "palette",
        show=False,
        priority=True,
        id="app.palette",
        tooltip="Every command",
    ),
    Binding("q", "leave", "Quit", show=False, id="app.quit", tooltip="Quit; asks when something is unsent"),
    Binding("ctrl+q", "leave", "Quit", show=False, priority=True, id="app.quit-now", tooltip="Quit from anywhere"),
]
