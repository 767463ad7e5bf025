"""The palette: every command with its key, and a search for whatever was pasted."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.binding import ActiveBinding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen

from workstation.services.text import clean
from workstation.widgets.prose import plain

if TYPE_CHECKING:
    from workstation.app import WorkstationApp

#: Characters from which on a pasted text is looked up as an id, mail, address or reference.
PASTED = 3
#: Keys that only move; nobody looks for them by name.
MOVING = ("ledger.", "pane.", "app.palette")


_CASE = re.compile(r"cs-?(\d{1,18})", re.IGNORECASE)


def case_named(text: str) -> int | None:
    """Return the number of the case that a reference such as ``CS-48213`` names; None where it is none."""
    found = _CASE.fullmatch(text.strip())
    return int(found[1]) if found else None


class KeyCommands(Provider):
    """Commands of whatever has the focus, of the screen and of the app, each with its key."""

    def _commands(self) -> list[tuple[str, str, ActiveBinding]]:
        found: dict[str, tuple[str, str, ActiveBinding]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not active.enabled or not binding.tooltip or (binding.id or "").startswith(MOVING):
                continue
            key = self.app.get_key_display(binding)
            found.setdefault(binding.action, (f"{binding.description}  [{key}]", binding.tooltip, active))
        return list(found.values())

    async def discover(self) -> Hits:
        """Yield every command."""
        for text, tooltip, active in self._commands():
            yield DiscoveryHit(plain(text), partial(_run, self.screen, active), text=text, help=tooltip)

    async def search(self, query: str) -> Hits:
        """Yield the commands that match."""
        matcher = self.matcher(query)
        for text, tooltip, active in self._commands():
            score = max(matcher.match(text), matcher.match(tooltip))
            if score > 0:
                yield Hit(score, plain(text), partial(_run, self.screen, active), text=text, help=tooltip)


class FindCommands(Provider):
    """Looks up what was pasted: a case, an account (for a reason), or a value in the timeline that is open."""

    async def search(self, query: str) -> Hits:
        """Yield what can be done with what was pasted."""
        from workstation.screens.account_query import AccountQuery
        from workstation.screens.base import DeskScreen

        wanted = query.strip()
        if len(wanted) < PASTED or not isinstance(self.screen, DeskScreen):
            return
        host, shown = cast("WorkstationApp", self.app), clean(wanted, 60)
        open_it = partial(host.find, wanted)
        if case_named(wanted) is not None:
            text = f"Open case {shown.upper()}"
            yield Hit(0.03, plain(text), open_it, text=text, help="Take it and open its account")
            return
        text = f"Find account: {shown}"
        yield Hit(0.01, plain(text), open_it, text=text, help="By id, mail or user name, exactly")
        if isinstance(self.screen, AccountQuery) and self.screen.timeline.total:
            text = f"Show only events with: {shown}"
            show = partial(self.screen.only_with, wanted)
            yield Hit(0.02, plain(text), show, text=text, help="In any field of the timeline that is open")


async def _run(screen: Screen[object], active: ActiveBinding) -> None:
    """Do what the key does, where the key does it."""
    await screen.app.run_action(active.binding.action, active.node)
