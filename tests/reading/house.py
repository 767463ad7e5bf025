"""A store, a reader on a real socket, and systems behind it that do as they are told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.rules.installation import Installation
from workstation.services.accounts.model import Account, Contact, ContactKind, Risk, RiskReason, Status
from workstation.services.clock import SystemClock
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.reader.client import ReaderClient
from workstation.services.connectors.reader.events import ReaderEvents
from workstation.services.errors import SourceError, SourceMissing
from workstation.services.reading.app import Desk
from workstation.services.reading.cabinet import Cabinet
from workstation.services.reading.gate import StoreGate
from workstation.services.reading.server import listener, serve
from workstation.services.reading.sight import Purposes, Tickets
from workstation.services.store.session import Session
from workstation.services.timeline.event import Event
from workstation.services.timeline.query.one import matches
from workstation.services.timeline.source import ALL, EventSource, Only, Page, Span
from workstation.settings import ReaderSettings

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
OLD = datetime(2024, 1, 1, tzinfo=UTC)
EVER = Span(0, 2**52)
REASON = "because I must look at this one today"


def account(id_: str, **fields: Any) -> Account:
    """An account whose client is Carla Canarina."""
    known = {
        "name": "Carla Canarina",
        "username": "carlacan",
        "contacts": (
            Contact(kind=ContactKind.EMAIL, value="carla.canarina@mail.invalid", verified_at=OLD),
            Contact(kind=ContactKind.PHONE, value="+49 151 2345 6789", verified_at=OLD),
        ),
    }
    return Account(**{"id": id_, "etag": f"v-{id_}", "status": Status.ACTIVE, **known, **fields})


def event(number: int, who: str, **fields: Any) -> Event:
    """An event of `who`; a higher number is older."""
    known = {"id": f"e{number}", "time_us": 10_000_000 - number, "source": "the log", "action": "sign_in"}
    return Event(**{**known, "account": who, "raw": b'{"n":%d}' % number, **fields})


class Accounts:
    """Account system and risk engine of a test."""

    def __init__(self) -> None:
        self.known: dict[str, Account] = {}
        self.failure: SourceError | None = None
        self.reads: list[str] = []

    async def read(self, account: str) -> Account:
        self.reads.append(account)
        if self.failure is not None:
            raise self.failure
        if account not in self.known:
            raise SourceMissing("No such account.")
        return self.known[account]

    async def find(self, text: str) -> tuple[str, ...]:
        return tuple(a.id for a in self.known.values() if text in [a.id, a.username, *(c.value for c in a.contacts)])

    async def risk(self, account: str) -> Risk:
        words = f"Signed in as {self.known[account].name}" if account in self.known else ""
        return Risk(score=7.0, scale="0-100", reasons=(RiskReason(code="X", text=words),))

    async def aclose(self) -> None:
        """Nothing to release."""


class Log:
    """An event source that yields what it is given; what is callable is called, what is awaitable is waited for."""

    def __init__(self, name: str = "the log") -> None:
        self.name = name
        self.script: list[Any] = []
        self.ended = asyncio.Event()

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        self.ended.clear()
        try:
            for step in self.script[int(cursor or 0) :]:
                if isinstance(step, Page):
                    # A store that narrows to the last: it holds everything whole, and gives what a query keeps.
                    kept = (e for e in step.events if matches(only.query, e, only.now_us))
                    inside = tuple(e for e in kept if span.since_us <= e.time_us < span.until_us)
                    yield Page(events=inside, cursor=step.cursor, why=step.why, partial=step.partial)
                elif isinstance(step, SourceError):
                    raise step
                else:
                    await step()
        finally:
            self.ended.set()

    async def aclose(self) -> None:
        """Nothing to release."""


class House:
    """A reader that listens, in this process."""

    def __init__(self, ws: Installation, path: Path) -> None:
        self.ws = ws
        self.accounts = Accounts()
        self.log = Log()
        self.lines: list[dict[str, Any]] = []
        self.settings = ReaderSettings(url=f"unix:{path}")
        self.gate = StoreGate(ws.conninfo("ws_reader"))
        self.surroundings = Surroundings(clock=SystemClock(), rng=random.Random(3))
        self.sources: dict[str, EventSource] = {"the log": self.log}

    def write(self, event: str, **fields: Any) -> None:
        self.lines.append({"event": event, **fields})

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serve while inside."""
        cabinet = Cabinet(self.accounts, self.accounts, self.sources, SystemClock())
        stop, opened = asyncio.Event(), listener(self.settings)
        serving = asyncio.ensure_future(serve(Desk(cabinet, self.gate, self.write).app(), opened, self.settings, stop))
        try:
            yield
        finally:
            stop.set()
            await serving
            await self.gate.aclose()

    @asynccontextmanager
    async def person(self, login: str) -> AsyncIterator[Seat]:
        """Sign somebody in."""
        seat = Seat(self, login)
        await seat.session.open()
        try:
            yield seat
        finally:
            await seat.client.aclose()
            await seat.session.aclose()


class Seat:
    """Somebody's workstation: the session, what is open there, and the way to the reader."""

    def __init__(self, house: House, login: str) -> None:
        self.house = house
        self.session = Session(house.ws.conninfo(login))
        self.purposes = Purposes()
        self.tickets = Tickets(self.session, self.purposes)
        self.client = ReaderClient(house.settings, self.tickets, house.surroundings)

    async def hold(self, account: str) -> int:
        """Claim a new case of this account and open it."""
        case = self.house.ws.case(account)
        await self.session.call("claim_case", case, "")
        self.purposes.cases[case] = (account, NOW)
        return case

    def events(self, name: str = "the log") -> ReaderEvents:
        return ReaderEvents(self.client, name, self.house.surroundings)

    async def token(self, account: str) -> str:
        return (await self.tickets.get(account)).token

    async def get(self, path: str, token: str | None = None, **query: str) -> httpx.Response:
        """GET as `curl` does, with whatever token."""
        socket = self.house.settings.url.removeprefix("unix:")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=socket), base_url="http://x") as http:
            return await http.get(path, params=query or None, headers=headers)

    async def post(self, path: str, token: str, body: bytes = b"") -> httpx.Response:
        """POST as `curl` does."""
        socket = self.house.settings.url.removeprefix("unix:")
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=socket), base_url="http://x") as http:
            return await http.post(path, content=body, headers={"Authorization": f"Bearer {token}"})


async def read_all(source: EventSource, who: str, span: Span = EVER) -> list[Event]:
    """Return all events of a source."""
    return [e async for page in source.pages(who, span) for e in page.events]
