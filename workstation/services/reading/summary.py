"""An event in one line, for the list of pins."""

from __future__ import annotations

from workstation.services.text import clean
from workstation.services.timeline.event import Event


def summary(event: Event) -> str:
    """Return an event in one line, cleaned, at most 300 characters."""
    parts = (event.action, event.outcome, event.ip, event.country, event.device or event.user_agent)
    return clean(" · ".join(str(p) for p in parts if p), 300)
