"""The contract's connectors over real HTTP against the simulated exchange, under the shared contract tests."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.contracts.accounts import AccountsContract, Somebody
from tests.contracts.control import ControlContract, Patient, act, new_key
from tests.contracts.event_source import EventSourceContract, Story
from tests.contracts.risk import RiskContract
from workstation.sandbox.api import Tokens
from workstation.sandbox.clients import STATE
from workstation.sandbox.store import Store
from workstation.services.accounts.model import Account, ContactKind, Status
from workstation.services.acts.control import Act
from workstation.services.clock import SystemClock
from workstation.services.connectors.accounts.contract import ContractAccounts
from workstation.services.connectors.control.contract import ContractControl
from workstation.services.connectors.control.vetoes import ContractVetoes
from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.http import HttpSystem, StaticToken, Surroundings
from workstation.services.connectors.logs.contract import ContractEvents
from workstation.services.connectors.risk.contract import ContractRisk
from workstation.services.errors import SourceDenied
from workstation.services.timeline.source import Span


class Exchange:
    """A running sandbox exchange: its address, its tokens, and who is in it by its own books."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workstation.sandbox.server", "--dir", str(directory), "--seed", "5"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        assert b'"ready"' in ready, ready
        self.url = str(msgspec.json.decode((directory / "sandbox.json").read_bytes())["url"])
        self.tokens = msgspec.json.decode((directory / "sandbox-tokens.json").read_bytes(), type=Tokens)
        self.store = Store(directory / STATE)
        with self.store.read() as tx:
            ids = [row[0] for row in tx.sql.execute("SELECT id FROM account ORDER BY id")]
            told = {row[0] for row in tx.sql.execute("SELECT account FROM story")}
            accounts = [record.account for record in map(tx.load, ids) if record is not None]
        # Nobody's story: people of stories act by themselves while the tests look on.
        self.quiet = [one for one in accounts if one.id not in told and one.status is Status.ACTIVE]
        self.patients = iter([one for one in self.quiet if one.factors and one.sessions])

    def system(self, token: str) -> HttpSystem:
        surroundings = Surroundings(clock=SystemClock(), rng=random.Random(7))
        return HttpSystem(Endpoint(name="exchange", url=self.url), StaticToken(token), surroundings)

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(15) == 0
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    exchange = Exchange(tmp_path_factory.mktemp("exchange"))
    yield exchange
    exchange.stop()


@pytest.fixture(scope="module")
def somebody_quiet(exchange: Exchange) -> Account:
    return exchange.quiet[-1]


class TestAccounts(AccountsContract):
    @pytest.fixture
    async def reader(self, exchange: Exchange) -> AsyncIterator[ContractAccounts]:
        reader = ContractAccounts(exchange.system(exchange.tokens.read))
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

    async def test_tokens_are_for_one_thing_each(self, exchange: Exchange, somebody: Somebody) -> None:
        reader = ContractAccounts(exchange.system(exchange.tokens.write))
        control = ContractControl(exchange.system(exchange.tokens.read), reader)
        with pytest.raises(SourceDenied):
            await reader.read(somebody.id)
        with pytest.raises(SourceDenied):
            await control.execute(new_key(), somebody.id, Act.LOCK, {}, "x")
        with pytest.raises(SourceDenied):
            await control.reconcile(new_key(), somebody.id, Act.LOCK, {})
        await control.aclose()


class TestRisk(RiskContract):
    @pytest.fixture
    async def engine(self, exchange: Exchange) -> AsyncIterator[ContractRisk]:
        engine = ContractRisk(exchange.system(exchange.tokens.read))
        yield engine
        await engine.aclose()

    @pytest.fixture
    def scored(self, somebody_quiet: Account) -> str:
        return somebody_quiet.id

    @pytest.fixture
    def unscored(self) -> str:
        return "ZZZZ9999"


class TestEvents(EventSourceContract):
    @pytest.fixture
    async def source(self, exchange: Exchange) -> AsyncIterator[ContractEvents]:
        source = ContractEvents(exchange.system(exchange.tokens.read), "exchange", page=40)
        yield source
        await source.aclose()

    @pytest.fixture
    def story(self, exchange: Exchange, somebody_quiet: Account) -> Story:
        with exchange.store.read() as tx:
            rows = tx.events(somebody_quiet.id, 0, 2**62, 100_000)
        assert len(rows) > 100
        middle = rows[len(rows) // 2][0]
        return Story(
            account=somebody_quiet.id,
            span=Span(rows[-1][0], rows[0][0] + 1),
            ids=frozenset(row[1] for row in rows),
            part=Span(rows[-1][0], middle),
            part_ids=frozenset(row[1] for row in rows if row[0] < middle),
            nobody="ZZZZ9999",
        )


class TestControl(ControlContract):
    @pytest.fixture
    async def control(self, exchange: Exchange) -> AsyncIterator[ContractControl]:
        reader = ContractAccounts(exchange.system(exchange.tokens.read))
        control = ContractControl(exchange.system(exchange.tokens.write), reader)
        yield control
        await control.aclose()

    @pytest.fixture
    def patient(self, exchange: Exchange) -> Patient:
        account = next(exchange.patients)
        return Patient(id=account.id, factor=account.factors[0].id)

    async def test_freezes_withdrawals_and_lifts_the_hold(self, control: ContractControl, patient: Patient) -> None:
        await act(control, patient.id, Act.FREEZE_WITHDRAWALS)
        frozen = await control.read(patient.id)
        assert control.holds(frozen, Act.FREEZE_WITHDRAWALS, {})
        hold = {"hold": frozen.holds[-1].id}
        assert not control.holds(frozen, Act.LIFT_HOLD, hold)
        await act(control, patient.id, Act.LIFT_HOLD, hold)
        assert control.holds(await control.read(patient.id), Act.LIFT_HOLD, hold)

    async def test_a_freeze_may_end_by_itself(self, control: ContractControl, patient: Patient) -> None:
        until = {"until": "2099-01-01T00:00:00Z"}
        await act(control, patient.id, Act.FREEZE_WITHDRAWALS, until)
        hold = (await control.read(patient.id)).holds[-1]
        assert hold.until is not None
        assert hold.until.year == 2099


class TestVetoes:
    async def test_reads_what_clients_answered_and_goes_on_from_there(self, exchange: Exchange) -> None:
        answers = ContractVetoes(exchange.system(exchange.tokens.write))
        before = await answers.read("")
        async with httpx.AsyncClient(base_url=exchange.url) as client:
            (await client.post("/sandbox/stop", json={"token": "what a client clicked"})).raise_for_status()
        page = await answers.read(before.next)
        assert [answer.token for answer in page.answers] == ["what a client clicked"]
        assert page.answers[0].at.tzinfo is not None
        assert (await answers.read(page.next)).answers == ()
        await answers.aclose()

    async def test_the_read_token_reads_no_answers(self, exchange: Exchange) -> None:
        answers = ContractVetoes(exchange.system(exchange.tokens.read))
        with pytest.raises(SourceDenied):
            await answers.read("")
        await answers.aclose()
