"""The packet and escalations at the desk."""

from __future__ import annotations

import msgspec

from workstation.services.accounts.masking import masked
from workstation.services.accounts.model import Account, Status
from workstation.services.acts.facts import differences, facts_of
from workstation.services.bench.account import AccountDesk
from workstation.services.bench.acts import ActDesk, request_of
from workstation.services.clock import parse_instant
from workstation.services.errors import Refused, SourceError, SourceMissing
from workstation.services.store.session import convert
from workstation.services.views import CaseRow, EscalationRow, EscalationView, Packet


class PacketDesk(AccountDesk, ActDesk):
    """Forwarding with a packet, and what a senior does with it."""

    async def packet(self, case: int) -> Packet:
        """Return the packet of the case with what is missing."""
        return await self.tools.session.typed(Packet, "packet", case)

    async def save_packet(self, case: int, packet: Packet) -> Packet:
        """Save finding, verdict, act, params and wants; return it with what is missing now."""
        return await self.tools.session.typed(
            Packet,
            "save_packet",
            case,
            packet.finding,
            packet.verdict,
            packet.act,
            packet.params,
            packet.wants,
            packet.version,
        )

    async def forward(self, case: int) -> Packet:
        """Stamp the packet with the facts as they stand and hand the case up."""
        facts = facts_of(await self.tools.account_of(case))
        return await self.tools.session.typed(Packet, "forward", case, [msgspec.to_builtins(f) for f in facts])

    async def ask_guidance(self, case: int, question: str) -> None:
        """Put a question to the seniors; the case stays mine, and the answer comes as a note."""
        await self.tools.session.call("ask_guidance", case, question)

    async def escalations(self) -> tuple[EscalationRow, ...]:
        """Return what waits for my level: packets, and requests that I may approve."""
        rows = await self.tools.session.call("escalations")
        return tuple(
            EscalationRow(
                case=convert(r["case"], CaseRow),
                packet_state=r["packet_state"],
                act=r["act"],
                verdict=r["verdict"],
                by=r["by"],
                forwarded_at=parse_instant(r["forwarded_at"]),
                requests=tuple(request_of(q) for q in r["requests"]),
            )
            for r in rows
        )

    async def open_escalation(self, case: int) -> EscalationView:
        """Open a packet: the sources are read again and the difference comes first. Audited."""
        answer = await self.tools.session.call("open_escalation", case)
        row = convert(answer["detail"]["case"], CaseRow)
        self.tools.opened[case] = (row.account, parse_instant(answer["detail"]["trouble_since"]))
        packet = convert(answer["packet"], Packet)
        account, problem = await self._now(row.account)
        moved = differences(packet.facts, facts_of(account)) if packet.facts and not problem else ()
        return EscalationView(
            case=row,
            packet=packet,
            differences=moved,
            checked_at=self.tools.clock.now(),
            requests=tuple(request_of(q) for q in answer["requests"]),
            options=await self.options(case),
            account=masked(account),
            problem=problem,
        )

    async def return_packet(self, case: int, note: str) -> None:
        """Give the case back to its analyst with a note."""
        await self.tools.session.call("return_packet", case, note)

    async def take_over(self, case: int) -> CaseRow:
        """Take the escalated case as mine."""
        return await self.tools.session.typed(CaseRow, "take_over", case)

    async def _now(self, account: str) -> tuple[Account, str]:
        unknown = Account(id=account, etag="", status=Status.UNKNOWN)
        try:
            await self.tools.sight.admit(account)
            return await self.tools.accounts.read(account), ""
        except SourceMissing:
            return unknown, "No account system knows this account."
        except (SourceError, Refused) as error:
            return unknown, error.sentence()
