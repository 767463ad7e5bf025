"""Events through the reader: a made-up source behind a reader process, decoded at the other end of its socket.

Beside the budget: masking where every record names the client (the worst), gzip in place of plain lines, and the
same pages encoded and decoded in one process, which is what the way itself may not cost.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from bench.rows import Row
from workstation.services.accounts.model import Account, Contact, ContactKind, Risk, Status
from workstation.services.clock import SystemClock
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.contract import read_event
from workstation.services.connectors.reader.client import ReaderClient
from workstation.services.connectors.reader.events import ReaderEvents
from workstation.services.reading.app import Desk
from workstation.services.reading.cabinet import Cabinet
from workstation.services.reading.gate import Admission, Presented
from workstation.services.reading.server import listener, serve
from workstation.services.reading.sight import Given
from workstation.services.reading.wire import Line
from workstation.services.timeline.event import Event
from workstation.services.timeline.source import ALL, EventSource, Only, Page, Span
from workstation.settings import ReaderSettings

#: More different pages than the masker remembers, so that each is as new as a log's next page.
PAGES, PAGE = 20, 1000
#: Of so many streams the fastest counts: others have work on the machine, too.
STREAMS = 15
WHO = Account(
    id="A1",
    etag="e",
    status=Status.ACTIVE,
    name="Maria Silva Santos",
    username="msilva92",
    contacts=(
        Contact(kind=ContactKind.EMAIL, value="maria.silva@client.example"),
        Contact(kind=ContactKind.PHONE, value="+49 151 5550 1234"),
    ),
)
SPAN = Span(0, 2**52)


#: The event's number → the fields that name the client in it.
Names = Callable[[int], dict[str, str]]


def _always(number: int) -> dict[str, str]:
    return {"user.name": "maria.silva@client.example"}


def _sometimes(number: int) -> dict[str, str]:
    return _always(number) if number % 10 == 0 else {}


def _differently(number: int) -> dict[str, str]:
    return {"event.reason": f"Maria Silva asked {number} times from +49 151 5550 1234"}


def _record(number: int, names: Names) -> Event:
    record = {
        "@timestamp": f"2026-11-03T14:02:10.{number:06}Z",
        "event.id": f"e{number:06}",
        "event.action": "sign_in",
        "event.outcome": "success",
        "event.dataset": "signin-log",
        "user.target.id": "A1",
        "user.id": "A1",
        "source.ip": "203.0.113.9",
        "source.geo.country_iso_code": "DE",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        "device.id": f"d{number % 7}",
        "session.id": f"s{number}",
        **names(number),
    }
    found = read_event(json.dumps(record).encode(), "made up")
    assert found is not None
    return found


def _page(begin: int, names: Names) -> Page:
    return Page(events=tuple(_record(number, names) for number in range(begin, begin + PAGE)), cursor="more")


class _Made:
    """A source whose pages are ready: what is measured is the way."""

    def __init__(self, name: str, names: Names) -> None:
        self.name = name
        self._pages = [_page(number * PAGE, names) for number in range(PAGES)]

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        for page in self._pages[:-1]:
            yield page
        yield msgspec.structs.replace(self._pages[-1], cursor=None)

    async def aclose(self) -> None:
        """Nothing to release."""


class _Open:
    """A gate that lets through, an account system and a risk engine of one account: no store is measured here."""

    async def admit(self, shown: Presented, what: str, detail: str = "") -> Admission:
        return Admission(ticket=1, login="x", kind="case", account=shown.account, until=datetime.now(UTC))

    async def read(self, account: str) -> Account:
        return WHO

    async def find(self, text: str) -> tuple[str, ...]:
        return ()

    async def risk(self, account: str) -> Risk:
        return Risk(score=None, scale="")

    async def aclose(self) -> None:
        """Nothing to release."""


SOURCES: dict[str, Names] = {
    "no record": lambda number: {},
    "one in ten": _sometimes,
    "every record": _always,
    "every record differently": _differently,
}


async def _serve(path: str) -> None:
    one, settings = _Open(), ReaderSettings(url=f"unix:{path}")
    sources: dict[str, EventSource] = {name: _Made(name, names) for name, names in SOURCES.items()}
    cabinet = Cabinet(one, one, sources, SystemClock())
    app = Desk(cabinet, one, lambda event, **fields: None).app()  # type: ignore[arg-type]
    print("ready", flush=True)
    await serve(app, listener(settings), settings, asyncio.Event())


class _Tickets:
    """The same ticket for everybody."""

    async def get(self, account: str) -> Given:
        return Given(token="t", kind="case", until=datetime.now(UTC), left=1)

    def drop(self, account: str) -> None:
        """There is no other."""


async def _pace(path: str, name: str, packed: bool) -> float:
    surroundings = Surroundings(clock=SystemClock(), rng=random.Random(1))
    client = ReaderClient(ReaderSettings(url=f"unix:{path}"), _Tickets(), surroundings)  # type: ignore[arg-type]
    if packed:
        (await client.streaming()).headers["Accept-Encoding"] = "gzip"
    best = 0.0
    for _ in range(STREAMS):
        began, count = time.perf_counter(), 0
        async for page in ReaderEvents(client, name, surroundings).pages("A1", SPAN):
            count += len(page.events)
        best = max(best, count / (time.perf_counter() - began))
    await client.aclose()
    return best


def _codec() -> float:
    page, decoder = _page(0, SOURCES["no record"]), msgspec.json.Decoder(Line)
    began = time.perf_counter()
    for _ in range(PAGES):
        decoder.decode(msgspec.json.encode(Line(page=page)))
    return PAGES * PAGE / (time.perf_counter() - began)


async def _wait(path: str) -> None:
    transport = httpx.AsyncHTTPTransport(uds=path, retries=5)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        (await http.get("/v1/health")).raise_for_status()


def measure() -> list[Row]:
    """Return events a second from the source to decoded structs where every record names the client."""
    with tempfile.TemporaryDirectory() as home:
        path = str(Path(home) / "r.sock")
        server = subprocess.Popen([sys.executable, "-m", "bench.reader", path], stdout=subprocess.PIPE)
        try:
            assert server.stdout is not None
            server.stdout.readline()
            asyncio.run(_wait(path))
            found: dict[str, Any] = {name: asyncio.run(_pace(path, name, False)) for name in SOURCES}
            packed = asyncio.run(_pace(path, "one in ten", True))
        finally:
            server.terminate()
            server.wait(10)
            if server.stdout is not None:
                server.stdout.close()
    beside = {
        "no record names the client": found["no record"],
        "one in ten does": found["one in ten"],
        "every record does, each in other words": found["every record differently"],
        "one in ten, gzip": packed,
        "encode and decode alone": _codec(),
    }
    return [
        {
            "name": "events through the reader, every one masked",
            "value": found["every record"],
            "unit": "ev/s",
            "budget": "≥ 150,000",
            "beside": beside,
        }
    ]


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
