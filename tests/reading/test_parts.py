"""A page that comes in parts is one page."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import cast

import httpx
import msgspec
import pytest

from tests.reading.house import EVER, House, account, event, read_all
from workstation.services.clock import SystemClock
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.reader.client import ReaderClient
from workstation.services.connectors.reader.events import PAGE_MAX, ReaderEvents
from workstation.services.errors import SourceGarbled
from workstation.services.reading.sight import Given, TicketBook
from workstation.services.reading.stream import PART
from workstation.services.reading.wire import PARTS, Line
from workstation.services.timeline.source import Page
from workstation.settings import ReaderSettings

SINCE_UNTIL = {"since": "1970-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 2 * PART, 2 * PART + 7])
async def test_parts_are_put_together(house: House, size: int) -> None:
    who = f"P{size}"
    house.accounts.known[who] = account(who)
    sent = tuple(event(n, who, actor_name="Carla" if n % 3 else "") for n in range(size))
    house.log.script = [Page(events=sent, cursor="1"), Page(events=(event(size, who),), why="by Carla", partial=True)]
    async with house.person("ana") as ana:
        await ana.hold(who)
        first, second = [page async for page in ana.events().pages(who, EVER)]
        assert [e.id for e in first.events] == [e.id for e in sent]
        assert [e.actor_name for e in first.events] == ["C••••" if n % 3 else "" for n in range(size)]
        assert (first.cursor, first.why, second.cursor, second.why) == ("1", "", None, "by C••••")
        assert [e.id for e in second.events] == [f"e{size}"]


async def test_who_does_not_ask_for_parts_gets_whole_pages(house: House) -> None:
    house.accounts.known["PA"] = account("PA")
    house.log.script = [Page(events=tuple(event(n, "PA") for n in range(2 * PART + 1)))]
    async with house.person("ana") as ana:
        await ana.hold("PA")
        for asked, sizes in (({}, [2 * PART + 1]), ({PARTS: "1"}, [PART, PART, 1])):
            answer = await ana.get(
                "/v1/accounts/PA/events", await ana.token("PA"), source="the log", **SINCE_UNTIL, **asked
            )
            lines = [msgspec.json.decode(line, type=Line) for line in answer.content.splitlines()]
            assert [len(line.page.events if line.page else line.events) for line in lines[:-1]] == sizes
            assert [line.page is None for line in lines[:-1]] == [True] * (len(sizes) - 1) + [False]
            assert lines[-1] == Line(end=True)


class _Tickets:
    async def get(self, account: str) -> Given:
        return Given(token="t", kind="case", until=datetime.now(UTC), left=1)

    def drop(self, account: str) -> None:
        """There is no other."""


async def test_parts_without_end_are_refused() -> None:
    line = msgspec.json.encode(Line(events=tuple(event(n, "PB") for n in range(PAGE_MAX // 2 + 1)))) + b"\n"
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=httpx.ByteStream(line * 2)))
    surroundings = Surroundings(clock=SystemClock(), rng=random.Random(1), transport=transport)
    client = ReaderClient(ReaderSettings(url="unix:/nowhere"), cast(TicketBook, _Tickets()), surroundings)
    with pytest.raises(SourceGarbled, match="too long"):
        await read_all(ReaderEvents(client, "the log", surroundings), "PB")
    await client.aclose()
