"""The product's connectors of the contract, under their shared tests, against the sandbox."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import httpx
import msgspec
import pytest

from tests.contracts.accounts import AccountsContract, Somebody
from tests.contracts.control import ControlContract, Patient
from tests.contracts.event_source import EventSourceContract, Story
from tests.contracts.risk import RiskContract
from workstation.sandbox.api import Api
from workstation.sandbox.generate import Client
from workstation.services.connectors.accounts.contract import ContractAccounts
from workstation.services.connectors.control.contract import ContractControl
from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.http import HttpSystem, StaticToken, Surroundings
from workstation.services.connectors.logs.contract import ContractEvents
from workstation.services.connectors.risk.contract import ContractRisk
from workstation.services.timeline.source import Span

from .conftest import NOW_US, TOKENS, House

DAY_US = 86_400_000_000


async def no_wait(seconds: float) -> None:
    """Retries come at once."""


@pytest.fixture
def system(house: House) -> Callable[[str], HttpSystem]:
    """The exchange as an outside system, with a token."""
    app = Api(house.store, TOKENS, house.clock, random.Random(3)).app()

    def made(token: str) -> HttpSystem:
        around = Surroundings(
            clock=house.clock, rng=random.Random(3), sleep=no_wait, transport=httpx.ASGITransport(app)
        )
        return HttpSystem(Endpoint(name="sandbox", url="http://127.0.0.1"), StaticToken(token), around)

    return made


class TestAccounts(AccountsContract):
    @pytest.fixture
    def reader(self, system: Callable[[str], HttpSystem]) -> ContractAccounts:
        return ContractAccounts(system(TOKENS.read))

    @pytest.fixture
    def somebody(self, house: House) -> Somebody:
        account = house.record(house.account_of("new_phone_and_number")).account
        email = next(c.value for c in account.contacts if c.kind == "email")
        factors = frozenset(f.id for f in account.factors)
        return Somebody(id=account.id, username=account.username, email=email, factors=factors)


class TestControl(ControlContract):
    @pytest.fixture
    def control(self, system: Callable[[str], HttpSystem]) -> ContractControl:
        return ContractControl(system(TOKENS.write), ContractAccounts(system(TOKENS.read)))

    @pytest.fixture
    def patient(self, house: House) -> Patient:
        account = house.record(house.account_of("new_phone_and_number")).account
        assert account.sessions
        return Patient(id=account.id, factor=account.factors[0].id)


class TestEvents(EventSourceContract):
    @pytest.fixture
    def source(self, system: Callable[[str], HttpSystem]) -> ContractEvents:
        return ContractEvents(system(TOKENS.read), "sign-in log", "signin-log", page=40)

    @pytest.fixture
    def story(self, house: House) -> Story:
        account = house.account_of("family_device")
        with house.store.read() as tx:
            rows = [(at, json.loads(raw)) for at, _, raw in tx.events(account, 0, NOW_US + 1, 99_999)]
        logged = [(at, e["event.id"]) for at, e in rows if e["event.dataset"] == "signin-log"]
        part = Span(NOW_US - 40 * DAY_US, NOW_US - 9 * DAY_US)
        return Story(
            account=account,
            span=Span(0, NOW_US + 1),
            ids=frozenset(i for _, i in logged),
            part=part,
            part_ids=frozenset(i for at, i in logged if part.since_us <= at < part.until_us),
            nobody="ZZZZZZZZ",
        )


class TestRisk(RiskContract):
    @pytest.fixture
    def engine(self, system: Callable[[str], HttpSystem]) -> ContractRisk:
        return ContractRisk(system(TOKENS.read))

    @pytest.fixture
    def scored(self, house: House) -> str:
        return house.account_of("sim_swap")

    @pytest.fixture
    def unscored(self, house: House) -> str:
        """An account without a log."""
        record = house.record(house.account_of("lost_phone"))
        account = msgspec.structs.replace(
            record.account, id="H0000000", username="nobody_yet", contacts=(), sessions=()
        )
        client = Client(account=account, head=record.head, events=[], story=None, truth={})
        with house.store.write(NOW_US, random.Random(1)) as tx:
            tx.add(client)
        return client.account.id
