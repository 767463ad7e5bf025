"""The loader's side: reads the sources, packs what comes into blocks, answers to whoever waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from workstation.services.clock import Clock
from workstation.services.errors import Refused, StoreError, WorkstationError
from workstation.services.timeline.batch import Batch
from workstation.services.timeline.loading.gathering import Gathering, Maker
from workstation.services.timeline.loading.marking import Marking, Records
from workstation.services.timeline.loading.wire import (
    Again,
    Ask,
    Begin,
    Broken,
    Came,
    FromLoader,
    Halt,
    Marked,
    Reading,
    Reply,
    Stand,
    ToLoader,
    packed,
    to_loader,
    unpacked,
)
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.source import ALL, Only, Span
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Encoder

#: Seconds between two words on how the sources stand; a person sees ten changes a second as flowing.
BREATH_S = 0.1
#: Seconds between two looks whether the rules have something new to look at.
JUDGE_S = 0.25

#: A rule holds an event against the account's whole past: of a part of it, everything would look new.
UNASKED = "No rule was asked: what the stores were asked for is a part of the account's past only"

#: Sends bytes to the workstation and waits while it does not read.
Write = Callable[[bytes], Awaitable[None]]


class Asker:
    """Asks the workstation what only its session can answer.

    Args:
        send: sends a message.
    """

    def __init__(self, send: Callable[[FromLoader], Awaitable[None]]) -> None:
        self._send = send
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._asked = 0

    async def ask(self, what: str, *args: Any) -> bytes:
        """Return the answer as msgpack.

        Raises:
            Refused: a rule says no.
            StoreError: the store is away.
        """
        self._asked += 1
        number = self._asked
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._send(Ask(id=number, what=what, args=msgspec.msgpack.encode(args)))
        try:
            reply = await self._waiting[number]
        finally:
            del self._waiting[number]
        if reply.error == "store":
            raise StoreError(reply.what, reply.hint)
        if reply.error:
            raise Refused(reply.error, reply.what, reply.hint)
        return reply.value

    def answered(self, reply: Reply) -> None:
        """Hand an answer to whoever asked."""
        waiting = self._waiting.get(reply.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)


#: Makes the sources of a reading; raises WorkstationError.
MakersOf = Callable[[Begin, Asker], Mapping[str, Maker]]


class Loader:
    """Reads one account for as long as somebody is at the other end.

    Args:
        reader: where messages come from.
        write: sends bytes.
        makers_of: makes the sources.
        clock: now.
    """

    def __init__(self, reader: Reading, write: Write, makers_of: MakersOf, clock: Clock) -> None:
        self._reader = reader
        self._write = write
        self._makers_of = makers_of
        self._clock = clock
        self._asker = Asker(self._send)
        self._encoder = Encoder()
        #: The twin of what the workstation holds, without raw records: rows have the same numbers in both.
        self._working = WorkingSet(raws=False)

    async def run(self) -> None:
        """Read until the workstation closes the pipe."""
        try:
            begin = await self._next()
        except asyncio.IncompleteReadError:
            return  # nobody needed this loader
        if not isinstance(begin, Begin):
            raise ValueError(f"{type(begin).__name__} before the beginning")
        try:
            makers = self._makers_of(begin, self._asker)
        except WorkstationError as error:
            await self._send(Broken(what=error.what, hint=error.hint))
            return
        await self._read(begin, makers)

    async def _read(self, begin: Begin, makers: Mapping[str, Maker]) -> None:
        self._working.limit_events = begin.limit
        marking = Marking(self._working, Records(begin.records), begin.rules, self._clock)
        gathering = Gathering(
            makers,
            begin.account,
            Span(begin.since_us, begin.until_us),
            self._clock,
            self._take,
            pause=(lambda: asyncio.sleep(begin.live_s)) if begin.live_s else None,
            only=Only(parse(begin.query), begin.now_us) if begin.query else ALL,
        )
        gathering.start()
        telling = asyncio.create_task(self._tell(gathering))
        judging = asyncio.create_task(self._ask_no_rule() if begin.query else self._judge(gathering, marking))
        try:
            while True:
                self._obey(await self._next(), gathering)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the workstation has closed this account
        finally:
            marking.stop()
            telling.cancel()
            judging.cancel()
            await gathering.aclose()
            await asyncio.gather(telling, judging, return_exceptions=True)

    def _obey(self, message: ToLoader, gathering: Gathering) -> None:
        if isinstance(message, Again):
            gathering.again(message.source)
        elif isinstance(message, Halt):
            gathering.stop()
        elif isinstance(message, Reply):
            self._asker.answered(message)

    async def _take(self, feed: int, events: Batch) -> int | None:
        working = self._working
        fitting = events[: working.room]
        if fitting:
            block = self._encoder.encode(fitting, feed)
            working.append(block)
            await self._send(Came(block.to_bytes()))
        return len(fitting) if working.full or len(fitting) < len(events) else None

    async def _ask_no_rule(self) -> None:
        await self._send(Marked(marks=(), failed=(UNASKED,), rulebook=b""))

    async def _judge(self, gathering: Gathering, marking: Marking) -> None:
        """Ask the rules when no source is loading any more, and again when something new came."""
        seen = -1
        while True:
            if not gathering.loading and self._working.version != seen:
                seen = self._working.version
                await self._send(await marking.look())
            await asyncio.sleep(JUDGE_S)

    async def _tell(self, gathering: Gathering) -> None:
        """Say how the sources stand whenever that changed."""
        while True:
            await self._send(Stand(lines=gathering.lines, gaps=gathering.gaps))
            await asyncio.sleep(BREATH_S)
            await gathering.changed.wait()
            gathering.changed.clear()

    async def _next(self) -> ToLoader:
        message: ToLoader = to_loader.decode(await unpacked(self._reader))
        return message

    async def _send(self, message: FromLoader) -> None:
        await self._write(packed(message))
