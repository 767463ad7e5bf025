"""One exchange is invented for all; each test gets a copy of its own."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from workstation.sandbox.api import Api, Tokens
from workstation.sandbox.clients import populate
from workstation.sandbox.errands import run_due
from workstation.sandbox.heads import Head
from workstation.sandbox.post import Post
from workstation.sandbox.store import Record, Store
from workstation.services.accounts.model import Account
from workstation.services.clock import FrozenClock, to_micros

from . import contract

NOW = datetime(2026, 3, 3, 14, 2, tzinfo=UTC)
NOW_US = to_micros(NOW)
SEED = 2
TOKENS = Tokens(read="r" * 40, write="w" * 40)


class House:
    """An exchange in this process, with a clock that moves when it is told to."""

    def __init__(self, directory: Path, clock: FrozenClock, http: httpx.AsyncClient, store: Store) -> None:
        self.directory, self.clock, self.http, self.store = directory, clock, http, store
        self.rng = random.Random(5)
        self.post = Post(directory / "mail", store, SEED)
        self.truth: list[dict[str, Any]] = json.loads((directory / "truth.json").read_bytes())

    @property
    def now_us(self) -> int:
        return to_micros(self.clock.now())

    def account_of(self, scenario: str) -> str:
        """The first account that plays a scenario."""
        return next(t["account"] for t in self.truth if t["scenario"] == scenario)

    def record(self, account: str) -> Record:
        with self.store.read() as tx:
            found = tx.load(account)
        assert found is not None
        return found

    def head(self, account: str) -> Head:
        return self.record(account).head

    async def get(self, path: str, token: str = TOKENS.read, **params: Any) -> httpx.Response:
        return await self.http.get(path, params=params, headers={"Authorization": f"Bearer {token}"})

    async def account(self, account: str) -> Account:
        return msgspec.json.decode((await self.get(f"/v1/accounts/{account}")).content, type=Account)

    async def act(
        self,
        account: str,
        act: str,
        params: dict[str, str] | None = None,
        *,
        key: str | None = None,
        etag: str | None = None,
    ) -> httpx.Response:
        """Do an act, at the version that is there now unless another one is given."""
        version = etag if etag is not None else self.record(account).account.etag
        return await self.http.post(
            f"/v1/accounts/{account}/acts",
            json={"act": act, "params": params or {}, "reason": "a test"},
            headers={
                "Authorization": f"Bearer {TOKENS.write}",
                "Idempotency-Key": key or str(uuid.uuid4()),
                "If-Match": f'"{version}"',
            },
        )

    async def sign_in(self, account: str, password: str | None = None, code: str = "") -> httpx.Response:
        record = self.record(account)
        body = {"username": record.account.username, "password": password or record.head.password}
        return await self.http.post("/sandbox/signin", json=body | ({"factor_code": code} if code else {}))

    async def session_lives(self, session: str) -> bool:
        return bool((await self.http.get(f"/sandbox/session/{session}")).json()["live"])

    def wait(self, seconds: float) -> None:
        """Let time go by; whoever has an errand or a mail to answer does it."""
        for _ in range(4):
            self.clock.move(timedelta(seconds=seconds / 4))
            run_due(self.store, self.now_us, self.rng)
            self.post.step(self.now_us)

    def actions(self, account: str) -> list[tuple[str, str, str]]:
        """What the log says, oldest first: action, outcome, reason."""
        with self.store.read() as tx:
            rows = [json.loads(raw) for raw in tx.actions(account, ("*",))]
        return [(e["event.action"], e["event.outcome"], e.get("event.reason", "")) for e in rows]


@pytest.fixture(scope="session")
def born(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an exchange in it, never changed."""
    directory: Path = tmp_path_factory.mktemp("exchange") / "exchange"
    store = populate(directory, SEED, 1, NOW_US)
    # Robots' trades are most of the file and matter to no test that copies it.
    with contextlib.closing(sqlite3.connect(directory / "exchange.sqlite3", isolation_level=None)) as state:
        state.execute("DELETE FROM event WHERE action = 'trade.filled' AND rowid % 10")
        state.execute("VACUUM")
        state.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    Post(directory / "mail", store, SEED).deliver(NOW_US)
    return directory


@pytest.fixture
async def house(born: Path, tmp_path: Path) -> AsyncIterator[House]:
    directory = tmp_path / "exchange"
    shutil.copytree(born, directory)
    clock, store = FrozenClock(NOW), Store(directory / "exchange.sqlite3")
    app = Api(store, TOKENS, clock, random.Random(11)).app()

    async def judge(response: httpx.Response) -> None:
        await response.aread()
        if response.request.url.path.startswith("/v1/"):
            contract.check(response)

    transport = httpx.ASGITransport(app)
    hooks = {"response": [judge]}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", event_hooks=hooks) as http:
        yield House(directory, clock, http, store)
