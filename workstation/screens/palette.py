"""The palette: every command with its key, and a search for whatever was pasted."""

from __future__ import annotations

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
    """Looks up a pasted account id, mail or user name. Opening it asks for the reason first."""

    async def search(self, query: str) -> Hits:
        """Yield one command for what was pasted."""
        wanted = query.strip()
        if len(wanted) < PASTED or not _on_the_desk(self.screen):
            return
        text = f"Find account: {clean(wanted, 60)}"
        host = cast("WorkstationApp", self.app)
        yield Hit(
            0.01, plain(text), partial(host.find_account, wanted), text=text, help="By id, mail or user name, exactly"
        )


def _on_the_desk(screen: Screen[object]) -> bool:
    from workstation.screens.base import DeskScreen

    return isinstance(screen, DeskScreen)


async def _run(screen: Screen[object], active: ActiveBinding) -> None:
    """Do what the key does, where the key does it."""
    await screen.app.run_action(active.binding.action, active.node)
