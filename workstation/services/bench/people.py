"""People at the desk: break-glass and its reviews, the team, and changes that need a second person."""

from __future__ import annotations

from workstation.services.acts.refusals import remark
from workstation.services.bench.tools import Tools
from workstation.services.store.session import as_base64, convert
from workstation.services.views import Alert, BreakGlass, Change, Member, Remark, Review


class PeopleDesk:
    """Who may do what, who says so, and who looks after it."""

    tools: Tools

    async def break_glass(self, case: int, incident: str, reason: str) -> BreakGlass:
        """Break the glass for a case that I hold: 30 minutes, leads and client are told. Raises Refused."""
        return await self.tools.session.typed(BreakGlass, "break_glass", case, incident, reason)

    async def break_glass_state(self) -> BreakGlass:
        """Return my broken glass, or that there is none, and whether a review is overdue."""
        return await self.tools.session.typed(BreakGlass, "break_glass_state")

    async def end_break_glass(self) -> None:
        """End it before its time."""
        await self.tools.session.call("end_break_glass")

    async def reviews_due(self) -> tuple[Review, ...]:
        """Return the breakings of the glass that wait for a lead's judgement (leads and auditors)."""
        return await self.tools.session.typed(tuple[Review, ...], "reviews_due")

    async def review_break_glass(self, review: int, justified: bool, text: str) -> None:
        """Judge one of somebody else's (leads, elevated). Raises Refused."""
        await self.tools.session.call("review_break_glass", review, justified, text)

    async def team(self) -> tuple[Member, ...]:
        """Return the people of the team with factors and grants (leads, seniors and auditors)."""
        return await self.tools.session.typed(tuple[Member, ...], "team")

    async def team_health(self) -> tuple[Remark, ...]:
        """Return what is thin in the team, the worst first: nobody to approve, people without a factor …"""
        found = await self.tools.session.call("team_health")
        return tuple(remark(row["code"], tuple(row["names"])) for row in found)

    async def approvers(self, case: int, act: str) -> tuple[str, ...]:
        """Return the names of those who could approve this act, asked for by me in this case."""
        return await self.tools.session.typed(tuple[str, ...], "approvers", case, act)

    async def changes(self) -> tuple[Change, ...]:
        """Return the changes to people that wait for a second person."""
        rows = await self.tools.session.call("changes")
        return tuple(convert({**row, "hash": as_base64(row["hash"])}, Change) for row in rows)

    async def confirm_change(self, change: Change) -> None:
        """Be the second person of exactly this change. Needs a step-up bound to its hash. Raises Refused."""
        await self.tools.session.call("confirm_change", change.id, change.hash)

    async def alerts(self) -> tuple[Alert, ...]:
        """Return what no lead of the team has taken note of yet (leads)."""
        return await self.tools.session.typed(tuple[Alert, ...], "alerts")

    async def see_alert(self, alert: int) -> None:
        """Take note of an alert; that is on record."""
        await self.tools.session.call("see_alert", alert)
