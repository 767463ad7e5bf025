"""The places of the desk. Each is imported when it is first gone to: the first frame needs the queue alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from workstation.screens.queue import QueueScreen

if TYPE_CHECKING:
    from textual.command import Provider

#: key → (mode, what it is called)
PLACES: dict[str, tuple[str, str]] = {
    "1": ("queue", "Queue"),
    "2": ("account", "Account"),
    "3": ("escalations", "Escalations"),
    "6": ("audit", "Audit"),
}


def _account() -> Screen[Any]:
    from workstation.screens.account import AccountScreen

    return AccountScreen()


def _escalations() -> Screen[Any]:
    from workstation.screens.escalations import EscalationsScreen

    return EscalationsScreen()


def _audit() -> Screen[Any]:
    from workstation.screens.audit import AuditScreen

    return AuditScreen()


def key_commands() -> type[Provider]:
    """Return the palette's keys."""
    from workstation.screens.palette import KeyCommands

    return KeyCommands


def find_commands() -> type[Provider]:
    """Return the palette's search."""
    from workstation.screens.palette import FindCommands

    return FindCommands


MODES: dict[str, str | Callable[[], Screen[Any]]] = {
    "queue": QueueScreen,
    "account": _account,
    "escalations": _escalations,
    "audit": _audit,
}
