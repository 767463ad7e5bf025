"""The reader as a process of its own before the simulated exchange: the ports' contracts, and what it leaves behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.connectors.test_sandbox import Exchange
from tests.contracts.accounts import AccountsContract, Somebody
from tests.contracts.event_source import EventSourceContract, Story, events, read
from tests.contracts.risk import RiskContract
from tests.reading.house import REASON
from tests.rules.installation import Installation
from workstation.services.accounts.masking import masked
from workstation.services.accounts.model import Account, ContactKind
from workstation.services.accounts.ports import AccountReader
from workstation.services.clock import SystemClock
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.reader.accounts import ReaderAccounts
from workstation.services.connectors.reader.client import ReaderClient
from workstation.services.connectors.reader.events import ReaderEvents
from workstation.services.connectors.reader.risk import ReaderRisk
from workstation.services.connectors.reader.sight import ReaderSight
from workstation.services.errors import Invalid, Refused, SourceDown, SourceError
from workstation.services.reading.sight import Purposes, Tickets
from workstation.services.store.session import Session
from workstation.services.timeline.source import Span
from workstation.services.vault import credential_file
from workstation.settings import ReaderSettings

pytestmark = pytest.mark.long


class Process:
    """A reader with settings and credentials of its own, as an installation starts it."""

    def __init__(self, directory: Path, ws: Installation, exchange: Exchange) -> None:
        self.directory = directory
        self.ws = ws
        self.settings = ReaderSettings(url=f"unix:{directory / 'r.sock'}")
        self.log = directory / "reader.log"
        self._credentials(exchange.tokens.read)
        text = {
            "store": {"url": f"host='{ws.lease.host}' dbname=ws"},
            "accounts": {"url": exchange.url},
            "logs": [{"name": "exchange", "url": exchange.url}],
            "risk": {"kind": "contract", "url": exchange.url},
            "reader": {"url": self.settings.url},
        }
        (directory / "settings.toml").write_bytes(msgspec.toml.encode(text))
        self.process: subprocess.Popen[bytes] | None = None

    def _credentials(self, token: str) -> None:
        folder = self.directory / "credentials"
        folder.mkdir(mode=0o700)
        for name in ("accounts:read", "logs:read", "risk:read"):
            (folder / credential_file(name)).write_text(token)
        (folder / credential_file("store:ws_reader")).write_text(self.ws.passwords["ws_reader"])
        for file in folder.iterdir():
            file.chmod(0o600)

    def argv(self, *more: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "workstation.cli",
            "reader",
            "--settings",
            f"{self.directory}/settings.toml",
            *more,
        ]

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "CREDENTIALS_DIRECTORY": str(self.directory / "credentials")}

    def start(self) -> None:
        """Start it and wait until it says that it serves."""
        with self.log.open("ab") as out:
            began = out.tell()
            self.process = subprocess.Popen(self.argv(), env=self.env, stdout=out, stderr=out)
        with self.log.open("rb") as said:
            said.seek(began)
            while self.process.poll() is None:
                if b'"start"' in said.readline():
                    return
        raise AssertionError(self.log.read_text())

    def left_behind(self) -> str:
        """Return what anybody can read of it: its log, its arguments, its environment as it was given."""
        assert self.process is not None
        words = Path(f"/proc/{self.process.pid}/cmdline").read_bytes().decode()
        return self.log.read_text() + words + repr(self.env)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; return its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(15)


@contextmanager
def exchanging(directory: Path) -> Iterator[Exchange]:
    exchange = Exchange(directory)
    try:
        yield exchange
    finally:
        exchange.stop()


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with exchanging(tmp_path_factory.mktemp("exchange")) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory, ws: Installation, exchange: Exchange) -> Iterator[Process]:
    made = Process(tmp_path_factory.mktemp("r"), ws, exchange)
    made.start()
    yield made
    assert made.end() == 0
    assert not Path(made.settings.url.removeprefix("unix:")).exists()
    ws.su.execute("SELECT ws.read_directly()")


@pytest.fixture(scope="module")
def somebody_quiet(exchange: Exchange) -> Account:
    return exchange.quiet[-1]


@pytest.fixture
async def client(process: Process) -> AsyncIterator[ReaderClient]:
    """Somebody's way to the reader; every account may be opened, for a reason."""
    session, purposes = Session(process.ws.conninfo("ana")), Purposes()
    purposes.of = lambda account: REASON  # type: ignore[method-assign]
    await session.open()
    surroundings = Surroundings(clock=SystemClock(), rng=random.Random(7))
    yield ReaderClient(process.settings, Tickets(session, purposes), surroundings)
    await session.aclose()


class TestAccounts(AccountsContract):
    @pytest.fixture
    async def reader(self, client: ReaderClient) -> AsyncIterator[ReaderAccounts]:
        reader = ReaderAccounts(client)
        yield reader
        await reader.aclose()

    @pytest.fixture
    def somebody(self, somebody_quiet: Account) -> Somebody:
        (email, *_) = [c.value for c in somebody_quiet.contacts if c.kind is ContactKind.EMAIL]
        return Somebody(
            id=somebody_quiet.id,
            username=somebody_quiet.username,
            email=email,
            factors=frozenset(factor.id for factor in somebody_quiet.factors),
            nobody="ZZZZ9999",
        )

    async def test_reads_the_account_that_was_asked_for(self, reader: AccountReader, somebody: Somebody) -> None:
        """The same account, but masked."""
        account = await reader.read(somebody.id)
        assert account.id == somebody.id
        assert {factor.id for factor in account.factors} == somebody.factors
        assert masked(account) == account
        assert somebody.email not in [contact.value for contact in account.contacts]

    @pytest.mark.parametrize("hostile", ["../accounts", "a/b", "a?b=c", "%2e%2e", "..", "", "ÿ\u202e", "a b#"])
    async def test_a_hostile_id_is_nobody(self, reader: AccountReader, somebody: Somebody, hostile: str) -> None:
        """Some are refused by the store already, which gives no ticket for what is no id."""
        with pytest.raises((SourceError, Invalid, Refused)):
            await reader.read(hostile)


class TestRisk(RiskContract):
    @pytest.fixture
    async def engine(self, client: ReaderClient) -> AsyncIterator[ReaderRisk]:
        yield ReaderRisk(client)
        await client.aclose()

    @pytest.fixture
    def scored(self, somebody_quiet: Account) -> str:
        return somebody_quiet.id

    @pytest.fixture
    def unscored(self) -> str:
        return "ZZZZ9999"


class TestEvents(EventSourceContract):
    @pytest.fixture
    async def source(self, client: ReaderClient) -> AsyncIterator[ReaderEvents]:
        source = ReaderEvents(client, "exchange", Surroundings(clock=SystemClock(), rng=random.Random(7)))
        yield source
        await source.aclose()
        await client.aclose()

    @pytest.fixture
    def story(self, exchange: Exchange, somebody_quiet: Account) -> Story:
        with exchange.store.read() as tx:
            rows = tx.events(somebody_quiet.id, 0, 2**62, 100_000)
        middle = rows[len(rows) // 2][0]
        return Story(
            account=somebody_quiet.id,
            span=Span(rows[-1][0], rows[0][0] + 1),
            ids=frozenset(row[1] for row in rows),
            part=Span(rows[-1][0], middle),
            part_ids=frozenset(row[1] for row in rows if row[0] < middle),
            nobody="ZZZZ9999",
        )

    async def test_nothing_of_the_client_is_in_any_event(
        self, source: ReaderEvents, story: Story, somebody_quiet: Account
    ) -> None:
        found = events(await read(source, story.account, story.span))
        hidden = [c.value.lower() for c in somebody_quiet.contacts] + [w.lower() for w in somebody_quiet.name.split()]
        for one in found:
            texts = (one.raw.decode(), *(str(v) for v in one.to_ecs().values()))
            assert not [h for h in hidden for text in texts if len(h) >= 3 and f'"{h}"' in f'"{text.lower()}"']


async def test_killed_it_is_a_gap_and_started_again_it_serves(
    process: Process, client: ReaderClient, somebody_quiet: Account
) -> None:
    reader = ReaderAccounts(client)
    assert (await reader.read(somebody_quiet.id)).etag
    process.end(signal.SIGKILL)
    with pytest.raises(SourceDown) as away:
        await reader.read(somebody_quiet.id)
    assert "reader" in away.value.what
    process.start()
    assert (await reader.read(somebody_quiet.id)).etag
    assert (await ReaderSight(client).health()).sources == ("exchange", "imported")
    await reader.aclose()


async def test_no_token_is_in_its_log_its_arguments_or_its_environment(
    process: Process, client: ReaderClient, exchange: Exchange, somebody_quiet: Account
) -> None:
    reader = ReaderAccounts(client)
    await reader.read(somebody_quiet.id)
    email = next(c.value for c in somebody_quiet.contacts if c.kind is ContactKind.EMAIL)
    assert await reader.find(email) == (somebody_quiet.id,)
    ticket = (await client.tickets.get(somebody_quiet.id)).token
    said = process.left_behind()
    assert '"status":200' in said
    for secret in (ticket, exchange.tokens.read, process.ws.passwords["ws_reader"], email, somebody_quiet.name):
        assert secret not in said
    await reader.aclose()


def test_its_socket_and_its_memory_are_its_own(process: Process) -> None:
    socket = Path(process.settings.url.removeprefix("unix:"))
    assert socket.stat().st_mode & 0o777 == 0o600
    assert process.process is not None
    limits = Path(f"/proc/{process.process.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4] == "0"


def test_check_tries_everything_and_a_second_one_does_not_take_the_place(process: Process) -> None:
    done = subprocess.run(process.argv("--check"), env=process.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "2 sources answer" in done.stdout
    second = subprocess.run(process.argv(), env=process.env, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert "another reader listens" in second.stderr
    assert Path(process.settings.url.removeprefix("unix:")).exists()


@pytest.mark.parametrize("missing", ["accounts:read", "store:ws_reader"])
def test_without_a_credential_it_says_which(process: Process, tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    for file in (process.directory / "credentials").iterdir():
        if file.name != credential_file(missing):
            (folder / file.name).write_bytes(file.read_bytes())
            (folder / file.name).chmod(0o600)
    env = {**os.environ, "CREDENTIALS_DIRECTORY": str(folder)}
    done = subprocess.run(process.argv("--check"), env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert missing in done.stderr
