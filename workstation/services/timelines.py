"""Opening an account's timeline: a loader, and the questions of it that only the person's session can answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from workstation.services.errors import WorkstationError
from workstation.services.reading.sight import TicketBook
from workstation.services.store.session import Session
from workstation.services.timeline.loading.apart import Loaders
from workstation.services.timeline.loading.timeline import Timeline
from workstation.services.timeline.loading.wire import Begin
from workstation.services.timeline.source import ALL, Only, Span
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.views import RuleRecord
from workstation.settings import Settings


class Timelines:
    """Opens timelines for one person.

    Args:
        settings: which sources there are, and how much is held.
        tokens: read credentials by name; none where a reader is in the house.
        sources: the names of what is read, in order.
        session: of the person.
        tickets: view tickets of that session.
        spill: the directory in which raw records lie that memory has no room for, encrypted and without a name.
    """

    def __init__(
        self,
        settings: Settings,
        tokens: dict[str, str],
        sources: Sequence[str],
        session: Session,
        tickets: TicketBook,
        spill: Path,
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._sources = tuple(sources)
        self._session = session
        self._tickets = tickets
        self._spill = spill
        self._loaders = Loaders()

    def prepare(self) -> None:
        """Start a loader before it is needed."""
        self._loaders.prepare()

    async def open(self, account: str, span: Span, only: Only = ALL) -> Timeline:
        """Return a timeline that fills; whoever opened it closes it.

        Args:
            account: the account's id.
            span: what is read.
            only: what the stores are asked for; what a query says of pins, marks and labels no store knows.

        Raises:
            OSError: no process can be started.
        """
        chosen = self._settings.timeline
        await asyncio.to_thread(self._spill.mkdir, 0o700, True, True)
        working = WorkingSet(limit_events=chosen.events, raw_memory=chosen.raw_mb * 1024 * 1024, directory=self._spill)
        timeline = Timeline(working, self._sources, span, only.query)
        begin = Begin(
            account=account,
            since_us=span.since_us,
            until_us=span.until_us,
            settings=msgspec.json.encode(self._settings),
            tokens=self._tokens,
            sources=self._sources,
            limit=chosen.events,
            live_s=chosen.live_s,
            records=await self._records(),
            rules=chosen.rules,
            query=str(only.query) if only.query else "",
            now_us=only.now_us,
        )
        await self._loaders.open(begin, timeline, self._answer)
        return timeline

    async def _records(self) -> dict[str, tuple[int, int]]:
        """Return how often each rule was judged right and wrong; nothing where the store cannot say now."""
        try:
            known = await self._session.typed(tuple[RuleRecord, ...], "mark_record")
        except WorkstationError:
            return {}
        return {one.rule: (one.right, one.wrong) for one in known}

    async def aclose(self) -> None:
        """End the spare loader."""
        await self._loaders.aclose()

    async def _answer(self, what: str, args: tuple[Any, ...]) -> Any:
        if what == "ticket":
            account, dead = args
            if dead:
                self._tickets.drop(account)
            return await self._tickets.get(account)
        if what == "imported":
            return await self._session.rows("imported", *args)
        raise ValueError(f"a loader asks for {what!r}")
