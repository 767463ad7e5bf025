"""The terminal at the desk: what leaves it by the clipboard."""

from __future__ import annotations

from workstation.services.bench.tools import Tools


class TerminalDesk:
    """What the store is told of the terminal."""

    tools: Tools

    async def copied(self, case: int | None, what: str, length: int) -> None:
        """Put on record that `length` characters of `what` (a kind, not the text) go to the clipboard."""
        await self.tools.session.call("copied", case, what, length)
