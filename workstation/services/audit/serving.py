"""The notary at work: looks every second, signs when it is time, keeps alarming while it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from workstation.services.audit.cosigning import HttpCosigner
from workstation.services.audit.notary import Notary, Pace
from workstation.services.audit.sinks import Forked
from workstation.services.audit.store import NotaryStore
from workstation.services.clock import Clock
from workstation.services.daemon import Log, pause
from workstation.services.errors import StoreError, WorkstationError

#: Seconds between looks, between signs of life, and between tries where something is wrong.
LOOK_S, ALIVE_S, AGAIN_S = 1.0, 10.0, 10.0


class Service:
    """The loop's body, a look at a time.

    Args:
        notary: signs.
        store: is looked at and told.
        cosigners: whose troubles are told.
        clock: measures the pauses.
        log: called with a word and fields.
    """

    def __init__(
        self, notary: Notary, store: NotaryStore, cosigners: Sequence[HttpCosigner], clock: Clock, log: Log
    ) -> None:
        self.notary, self.store = notary, store
        self._cosigners, self._clock, self._log = cosigners, clock, log
        self._pace = Pace(clock)
        self._again = self._alive = float("-inf")
        #: '' while all is well.
        self.trouble = ""

    def look(self) -> None:
        """Look once and do what is due. Raises StoreError where the store cannot be asked."""
        look = self.store.look()
        now = self._clock.monotonic()
        if self._pace.due(look) and now >= self._again:
            before = self.trouble
            self.trouble = self._sign()
            if self.trouble:
                self._again = now + AGAIN_S
            else:
                self._pace.done(look)
            if self.trouble != before:
                self._alive = float("-inf")
        if now - self._alive >= ALIVE_S:
            self.store.seen("; ".join(f"{c.key.name} {c.trouble or 'signs'}" for c in self._cosigners), self.trouble)
            self._alive = now

    def _sign(self) -> str:
        try:
            signed = self.notary.checkpoint()
        except StoreError:
            raise
        except (WorkstationError, OSError) as error:
            why = error.sentence() if isinstance(error, WorkstationError) else f"A sink cannot be used: {error}"
            self._log("alarm", fork=isinstance(error, Forked), why=why)
            self.store.alarm(why)
            return why
        if signed is not None:
            self._log("checkpoint", size=signed.size, records=signed.records, witnesses=signed.witnesses)
        return ""


async def serve(service: Service, stop: asyncio.Event, log: Log) -> int:
    """Work until `stop`; return 1 where the last word was an alarm, else 0."""
    while not stop.is_set():
        try:
            await asyncio.to_thread(service.look)
        except StoreError as error:
            log("store.trouble", why=error.sentence())
            await pause(stop, LOOK_S)
        await pause(stop, LOOK_S)
    return 1 if service.trouble else 0
