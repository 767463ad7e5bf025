"""The real desk: its parts on common tools, and the connection's own affairs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from workstation.services.bench.findings import FindingsDesk
from workstation.services.bench.mail import MailDesk
from workstation.services.bench.packet import PacketDesk
from workstation.services.bench.people import PeopleDesk
from workstation.services.bench.queue import QueueDesk
from workstation.services.bench.story import StoryDesk
from workstation.services.bench.terminal import TerminalDesk
from workstation.services.bench.tools import Tools
from workstation.services.errors import StoreError
from workstation.services.views import AuditRow, Person

#: How often the store is asked whether anything moved. A NOTIFY would be quicker, but a listener that is idle in a
#: transaction fills the queue, and then every transaction that notifies fails at COMMIT.
PULSE_S = 2.0


class Workbench(QueueDesk, PacketDesk, FindingsDesk, StoryDesk, MailDesk, PeopleDesk, TerminalDesk):
    """Everything that a signed-in analyst can do; the parts are under ``bench/``."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    @property
    def person(self) -> Person:
        """Who is signed in."""
        return self.tools.person

    @property
    def column_sets(self) -> Mapping[str, tuple[str, ...]]:
        """The team's own column sets of the timeline by name: ECS fields."""
        return self.tools.column_sets

    async def audit(self, before: datetime | None = None, limit: int = 200) -> tuple[AuditRow, ...]:
        """Return the newest audit records that I may see, newest first. Reading them is a record too."""
        return await self.tools.session.typed(tuple[AuditRow, ...], "audit_page", before, limit)

    def prepare(self) -> None:
        """Start what opening an account would otherwise wait for; somebody is going to work here."""
        self.tools.timelines.prepare()

    async def notices(self) -> AsyncIterator[str]:
        """Yield ``cases``, ``acts`` or ``mail`` when something there moved; a store that is away is waited for."""
        last: dict[str, object] = {}
        while True:
            try:
                now = await self.tools.session.call("pulse")
            except StoreError:
                now = last
            for word in sorted(now):
                if last and now[word] != last.get(word):
                    yield word
            last = now
            await asyncio.sleep(PULSE_S)

    async def aclose(self) -> None:
        """Step down and let go of everything."""
        await self.tools.timelines.aclose()
        await self.tools.session.aclose()
        await self.tools.accounts.aclose()
        if self.tools.sharing is not None:
            await self.tools.sharing.aclose()
        if self.tools.risk is not None:
            await self.tools.risk.aclose()
