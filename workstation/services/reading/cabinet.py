"""What the reader reads from: the systems that it alone has credentials for, and whose data to look for in them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

from workstation.services.accounts.model import Account, Risk
from workstation.services.accounts.ports import AccountReader, RiskReader
from workstation.services.clock import Clock
from workstation.services.connectors.null import NullSharing
from workstation.services.errors import SourceError, SourceMissing
from workstation.services.reading.masker import Masker
from workstation.services.timeline.event import Event
from workstation.services.timeline.related import Sharing
from workstation.services.timeline.source import EventSource, Span

#: Seconds for which what is known of a client is used to mask. A new address is masked all the same.
KNOWN_S = 30.0
KEPT = 200


class Cabinet:
    """The systems behind the reader.

    Args:
        accounts: the account system.
        risk: the risk engine, or None.
        sources: event sources by the name that the settings give them; they live as long as the reader.
        clock: for how old what is known of a client is.
        sharing: who knows which accounts share a value; None: nobody.
    """

    def __init__(
        self,
        accounts: AccountReader,
        risk: RiskReader | None,
        sources: Mapping[str, EventSource],
        clock: Clock,
        sharing: Sharing | None = None,
    ) -> None:
        self.accounts = accounts
        self.sharing = sharing or NullSharing()
        self.sources = sources
        self._risk = risk
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Masker]] = OrderedDict()
        self._reading: dict[str, asyncio.Lock] = {}

    async def account(self, account: str) -> tuple[Account, Masker]:
        """Read the account anew. Raises SourceError, Invalid."""
        read = await self.accounts.read(account)
        return read, self._learn(account, Masker(read))

    async def masker(self, account: str) -> Masker:
        """Return what masks this account's data; where the account cannot be read, one that withholds more."""
        async with self._reading.setdefault(account, asyncio.Lock()):
            at, known = self._known.get(account, (float("-inf"), None))
            if known is not None and self._clock.monotonic() - at < KNOWN_S:
                return known
            try:
                _, known = await self.account(account)
            except SourceError:
                return Masker(None)
            return known

    async def risk(self, account: str) -> Risk:
        """Return the assessment. Raises SourceMissing where there is no engine, SourceError."""
        if self._risk is None:
            raise SourceMissing("No risk engine is configured.", "Add [risk] to the reader's settings.")
        return await self._risk.risk(account)

    def source(self, name: str) -> EventSource:
        """Return a source by name. Raises SourceMissing."""
        found = self.sources.get(name)
        if found is None:
            raise SourceMissing(
                "The reader has no source of this name.", "Name it in [[logs]] here as in the reader's settings."
            )
        return found

    async def record(self, account: str, source: str, event: str, time_us: int) -> Event:
        """Return one event as its source sends it, unmasked; every source is asked for that microsecond.

        Raises:
            SourceMissing: all sources answer and none has it.
            SourceError: one of those that could have it does not answer.
        """
        failure: SourceError | None = None
        for asked in self.sources.values():
            try:
                async for page in asked.pages(account, Span(time_us, time_us + 1)):
                    for found in page.events:
                        if (found.id, found.source) == (event, source):
                            return found
            except SourceError as error:
                failure = error
        raise failure or SourceMissing("No source shows this event any more.", "Read the timeline again.")

    async def aclose(self) -> None:
        """Let go of every system."""
        closing = [self.accounts.aclose(), self.sharing.aclose()]
        closing += [source.aclose() for source in self.sources.values()]
        if self._risk is not None:
            closing.append(self._risk.aclose())
        await asyncio.gather(*closing, return_exceptions=True)

    def _learn(self, account: str, masker: Masker) -> Masker:
        self._known[account] = (self._clock.monotonic(), masker)
        self._known.move_to_end(account)
        while len(self._known) > KEPT:
            old, _ = self._known.popitem(last=False)
            self._reading.pop(old, None)
        return masker
