"""``python -m workstation.services.loader``: the process that reads one account's sources for a workstation.

It is started by the workstation, told everything over its standard input and ends when that is closed.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from workstation.services.clock import Clock, SystemClock
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.reader.client import ReaderClient
from workstation.services.connectors.reader.events import ReaderEvents
from workstation.services.daemon import leave_no_memory
from workstation.services.garbage import look_less
from workstation.services.reading.sight import Given
from workstation.services.timeline.imported import ImportedEvents
from workstation.services.timeline.loading.gathering import Maker
from workstation.services.timeline.loading.loader import Asker, Loader
from workstation.services.timeline.loading.marking import rulebook
from workstation.services.timeline.loading.wire import Begin
from workstation.services.timeline.source import EventSource
from workstation.services.world import World
from workstation.settings import Settings

#: Below what the person's own keys need, above what nobody waits for.
NICE = 10


class AskedTickets:
    """View tickets by way of the workstation's session.

    Args:
        asker: asks the workstation.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._known: dict[str, Given] = {}
        self._dead: set[str] = set()

    async def get(self, account: str) -> Given:
        """Return a ticket for what the account is open for now. Raises Refused, StoreError."""
        if account not in self._known:
            dead, self._dead = account in self._dead, self._dead - {account}
            answer = await self._asker.ask("ticket", account, dead)
            self._known[account] = msgspec.msgpack.decode(answer, type=Given)
        return self._known[account]

    async def search(self, text: str) -> Given:
        """Searching is the workstation's own."""
        raise NotImplementedError("a loader does not search")

    def drop(self, account: str) -> None:
        """Forget a ticket that does not hold any more; the session forgets it when it is asked for the next."""
        self._known.pop(account, None)
        self._dead.add(account)


def makers_of(begin: Begin, asker: Asker, *, clock: Clock) -> Mapping[str, Maker]:
    """Return what makes each source of the settings, through the reader where there is one. Raises Invalid."""
    settings = msgspec.json.decode(begin.settings, type=Settings)
    surroundings = Surroundings(clock=clock, rng=random.SystemRandom())
    if settings.reader.url:
        client = ReaderClient(settings.reader, AskedTickets(asker), surroundings)
        return {name: partial(ReaderEvents, client, name, surroundings) for name in begin.sources}

    async def imported(*args: Any) -> list[tuple[Any, ...]]:
        return msgspec.msgpack.decode(await asker.ask("imported", *args), type=list[tuple[Any, ...]])

    world = World(settings, clock, begin.tokens)
    made: dict[str, Maker] = {log.name: partial(_log, world, log.name) for log in settings.logs}
    made[ImportedEvents.name] = partial(ImportedEvents, imported)
    return {name: made[name] for name in begin.sources}


def _log(world: World, name: str) -> EventSource:
    return world.log(name)


async def _run() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)

    async def write(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    clock = SystemClock()
    # A loader waits in reserve most of its life: the rules are read meanwhile.
    reading = asyncio.ensure_future(asyncio.to_thread(rulebook, ""))
    await Loader(reader, write, partial(makers_of, clock=clock), clock).run()
    await asyncio.gather(reading, return_exceptions=True)


def main() -> None:
    """Serve one account, then end."""
    leave_no_memory()
    os.nice(NICE)
    look_less()
    asyncio.run(_run())


if __name__ == "__main__":
    main()
