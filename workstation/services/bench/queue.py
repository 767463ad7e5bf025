"""The queue at the desk."""

from __future__ import annotations

from datetime import datetime

from workstation.services.bench.tools import Tools
from workstation.services.clock import parse_instant
from workstation.services.store.session import convert
from workstation.services.views import CaseRow, QueueView


class QueueDesk:
    """Order, claim, lease."""

    tools: Tools

    async def queue(self) -> QueueView:
        """Return the order of the cases that I may see, as of now."""
        return await self.tools.session.typed(QueueView, "queue")

    async def case_rows(self, ids: tuple[int, ...]) -> tuple[CaseRow, ...]:
        """Return the rows of `ids` in that order, without those that are gone or not mine to see."""
        if not ids:
            return ()
        return await self.tools.session.typed(tuple[CaseRow, ...], "case_rows", list(ids))

    async def arrivals(self, since: QueueView) -> int:
        """Return how many cases there are now that `since` does not list."""
        now = await self.queue()
        return len(set(now.ids) - set(since.ids))

    async def claim_next(self) -> CaseRow | None:
        """Take the top case that I am entitled to, with a lease; None when there is none."""
        answer = await self.tools.session.call("claim_next")
        return None if "none" in answer else convert(answer, CaseRow)

    async def claim(self, case: int, steal_reason: str = "") -> CaseRow:
        """Take this case; a live lease of somebody else only with a reason of at least 20 characters."""
        return await self.tools.session.typed(CaseRow, "claim_case", case, steal_reason)

    async def heartbeat(self, case: int) -> datetime:
        """Renew my lease and return until when it now runs."""
        answer = await self.tools.session.call("heartbeat", case)
        return parse_instant(answer["lease_until"])

    async def release(self, case: int) -> None:
        """Give the case back to the queue."""
        await self.tools.session.call("release", case)

    async def snooze(self, case: int, until: datetime, reason: str) -> None:
        """Put the case aside until then; it comes back with its reason."""
        await self.tools.session.call("snooze", case, until, reason)

    async def close(self, case: int, outcome: str) -> None:
        """Close the case with an outcome."""
        await self.tools.session.call("close_case", case, outcome)
