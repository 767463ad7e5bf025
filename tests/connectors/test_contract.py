"""Our contract's connectors, and the twins, under the shared contract tests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from tests.contracts.accounts import AccountsContract, NobodyContract, Somebody
from tests.contracts.control import ControlContract, Patient, act, new_key
from tests.contracts.event_source import EventSourceContract, Story, events, read
from tests.contracts.risk import RiskContract, UnscoredContract
from workstation.services.accounts.model import Account, Lock, LockKind, Risk, Status
from workstation.services.acts.control import Act, Sent
from workstation.services.clock import to_micros
from workstation.services.connectors import failing, null
from workstation.services.connectors.accounts.contract import ContractAccounts
from workstation.services.connectors.control import effects
from workstation.services.connectors.control.contract import ContractControl
from workstation.services.connectors.logs.contract import ContractEvents, read_event
from workstation.services.connectors.risk.contract import ContractRisk, within_scale
from workstation.services.errors import (
    Invalid,
    SourceDenied,
    SourceDown,
    SourceError,
    SourceGarbled,
    SourceMissing,
)
from workstation.services.timeline.event import Outcome
from workstation.services.timeline.source import EventSource, Page, Span

from .exchange import ALICE, BOB, READ, WRITE, Exchange
from .wire import NOON, system

FACTORS = frozenset({"f1", "f2"})
DAY = Span(to_micros(NOON - timedelta(days=1)), to_micros(NOON) + 1)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


class TestContractAccounts(AccountsContract):
    @pytest.fixture
    def reader(self, exchange: Exchange) -> ContractAccounts:
        return ContractAccounts(system(exchange, token=READ))

    @pytest.fixture
    def somebody(self) -> Somebody:
        return Somebody(id=ALICE, username="alice", email="alice@example.test", factors=FACTORS)

    async def test_another_account_than_was_asked_for_is_refused(self, exchange: Exchange) -> None:
        exchange.accounts[ALICE]["id"] = BOB
        with pytest.raises(SourceGarbled, match="another account"):
            await ContractAccounts(system(exchange, token=READ)).read(ALICE)

    @pytest.mark.parametrize("tag", [None, 'W/"{}"', '"another"', "{}"])
    async def test_a_version_that_is_not_certain_is_refused(self, exchange: Exchange, tag: str | None) -> None:
        def server(request: httpx.Request) -> httpx.Response:
            headers = {} if tag is None else {"ETag": tag.format(exchange.etag(ALICE))}
            return httpx.Response(200, json=exchange.shown(ALICE), headers=headers)

        with pytest.raises(SourceGarbled, match="version"):
            await ContractAccounts(system(server)).read(ALICE)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("status", "frozen-by-court"),
            ("status", "unknown"),
            ("locks", [{"id": "l", "kind": "regulator", "set_at": "2026-01-01T00:00:00Z"}]),
            ("locks", [{"id": "l", "kind": "staff", "set_at": "2026-01-01T00:00:00"}]),
            ("locks", None),
            ("sessions", [{"id": 7}]),
        ],
    )
    async def test_a_state_that_we_do_not_know_refuses_the_whole_answer(
        self, exchange: Exchange, field: str, value: object
    ) -> None:
        exchange.accounts[ALICE][field] = value
        with pytest.raises(SourceGarbled):
            await ContractAccounts(system(exchange, token=READ)).read(ALICE)

    async def test_the_write_token_reads_nothing(self, exchange: Exchange) -> None:
        with pytest.raises(SourceDenied):
            await ContractAccounts(system(exchange, token=WRITE)).read(ALICE)


class TestNullAccounts(NobodyContract):
    @pytest.fixture
    def reader(self) -> null.NullAccounts:
        return null.NullAccounts()

    @pytest.fixture
    def somebody(self) -> Somebody:
        return Somebody()

    @pytest.mark.parametrize("hostile", ["../accounts"])
    async def test_a_hostile_id_is_nobody(self, reader: null.NullAccounts, somebody: Somebody, hostile: str) -> None:
        with pytest.raises(SourceMissing):
            await reader.read(hostile)


class TestContractRisk(RiskContract):
    @pytest.fixture
    def engine(self, exchange: Exchange) -> ContractRisk:
        return ContractRisk(system(exchange, token=READ))

    @pytest.fixture
    def scored(self) -> str:
        return ALICE

    @pytest.fixture
    def unscored(self) -> str:
        return BOB

    @pytest.mark.parametrize(("score", "scale"), [(92, "0-1"), (-1, "0-100"), (100.5, "0-100")])
    async def test_a_score_outside_its_scale_is_refused(self, exchange: Exchange, score: float, scale: str) -> None:
        exchange.risk[ALICE] |= {"score": score, "scale": scale}
        with pytest.raises(SourceGarbled, match="scale"):
            await ContractRisk(system(exchange, token=READ)).risk(ALICE)

    def test_a_scale_without_bounds_claims_nothing(self) -> None:
        assert all(within_scale(Risk(score=1e6, scale=scale)) for scale in ("", "unbounded", "very-high"))
        assert within_scale(Risk(score=0.01, scale="0.01-99"))


class TestNullRisk(UnscoredContract):
    @pytest.fixture
    def engine(self) -> null.NullRisk:
        return null.NullRisk()

    @pytest.fixture
    def unscored(self) -> str:
        return ALICE


async def collect(source: EventSource, into: list[Page]) -> None:
    async for page in source.pages(ALICE, DAY):
        into.append(page)  # noqa: PERF401 - what came before an error has to stay


def story(exchange: Exchange, keep: str = "") -> Story:
    mine = [e for e in exchange.events if keep in ("", e["event.dataset"])]
    return Story(
        account=ALICE,
        span=DAY,
        ids=frozenset(e["event.id"] for e in mine),
        part=Span(to_micros(NOON - timedelta(minutes=9)), to_micros(NOON - timedelta(minutes=3))),
        part_ids=frozenset(e["event.id"] for e in mine if 3 < int(e["event.id"][-3:]) <= 9),
        nobody=BOB,
    )


class TestContractEvents(EventSourceContract):
    @pytest.fixture
    def source(self, exchange: Exchange) -> ContractEvents:
        return ContractEvents(system(exchange, token=READ), "app log", page=10)

    @pytest.fixture
    def story(self, exchange: Exchange) -> Story:
        return story(exchange)

    async def test_says_what_the_log_covers(self, source: ContractEvents) -> None:
        (page, *_) = await read(source, ALICE, DAY)
        assert page.covers == Span(to_micros(NOON - timedelta(days=90)), to_micros(NOON))
        assert (page.partial, page.why) == (False, "")

    async def test_what_cannot_be_read_is_left_out_and_said(self, exchange: Exchange) -> None:
        bad = [{"event.id": "x"}, {"@timestamp": "yesterday", "event.id": "y"}, 7, None]

        def server(request: httpx.Request) -> httpx.Response:
            body = {"events": [exchange.events[0], *bad, {**exchange.events[1], "user.target.id": BOB}], "next": None}
            return httpx.Response(200, json=body)

        (page,) = await read(ContractEvents(system(server), "app log"), ALICE, DAY)
        assert [event.id for event in page.events] == [f"{ALICE}-000"]
        assert page.partial
        assert "4 records could not be read" in page.why and "1 records of another account" in page.why

    async def test_a_source_that_says_it_is_partial_stays_partial(self) -> None:
        def server(request: httpx.Request) -> httpx.Response:
            return httpx.Response(
                200, json={"events": [], "next": None, "partial": True, "why": "2 of 5 shards failed"}
            )

        (page,) = await read(ContractEvents(system(server), "app log"), ALICE, DAY)
        assert (page.partial, page.why, page.covers) == (True, "2 of 5 shards failed", None)

    async def test_a_cursor_that_comes_again_ends_in_an_error(self) -> None:
        def server(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"events": [], "next": "again"})

        pages: list[Page] = []
        with pytest.raises(SourceGarbled, match="circles"):
            await collect(ContractEvents(system(server), "app log"), pages)
        assert len(pages) == 2

    async def test_what_came_before_a_failure_stays(self, exchange: Exchange) -> None:
        def server(request: httpx.Request) -> httpx.Response:
            return httpx.Response(500) if "cursor" in request.url.params else exchange(request)

        pages: list[Page] = []
        with pytest.raises(SourceDown):
            await collect(ContractEvents(system(server, token=READ), "app log", page=10), pages)
        assert len(events(pages)) == 10

    def test_the_raw_record_is_the_text_itself_without_its_spaces(self) -> None:
        text = b'{ "event.id" : "e\\u0031", "@timestamp":"2026-11-23T12:00:00Z",\n "x": 1.50e3, "event.action": "a b" }'
        event = read_event(text, "app log")
        assert event is not None
        assert (
            event.raw == b'{"event.id":"e\\u0031","@timestamp":"2026-11-23T12:00:00Z","x":1.50e3,"event.action":"a b"}'
        )
        assert (event.id, event.action, event.source, event.time_us) == ("e1", "a b", "app log", to_micros(NOON))

    def test_an_outcome_that_we_do_not_know_is_unknown(self) -> None:
        record = {"event.id": "e", "@timestamp": "2026-11-23T12:00:00Z", "event.outcome": "ALLOW"}
        event = read_event(json.dumps(record).encode(), "log")
        assert event is not None and event.outcome is Outcome.UNKNOWN

    def test_lists_and_numbers_become_text(self) -> None:
        record = {
            "event.id": "e",
            "@timestamp": "2026-11-23T12:00:00Z",
            "event.category": ["iam", "session"],
            "source.as.number": 64496,
            "source.ip": None,
        }
        event = read_event(json.dumps(record).encode(), "log")
        assert event is not None and (event.category, event.asn, event.ip) == ("iam, session", "64496", "")

    @pytest.mark.parametrize("text", [b'{"event.id":"\\ud800","@timestamp":"2026-11-23T12:00:00Z"}', b'"x"', b"\xff"])
    def test_text_that_is_no_record_is_none(self, text: bytes) -> None:
        assert read_event(text, "log") is None


class TestOneDatasetOfTheContract(TestContractEvents):
    """The same system asked for one dataset that it does not filter by itself."""

    @pytest.fixture
    def source(self, exchange: Exchange) -> ContractEvents:
        return ContractEvents(system(exchange, token=READ), "sign-ins", dataset="sign-in", page=10)

    @pytest.fixture
    def story(self, exchange: Exchange) -> Story:
        return story(exchange, "sign-in")

    async def test_the_dataset_is_asked_for(self, source: ContractEvents, exchange: Exchange) -> None:
        await read(source, ALICE, DAY)
        assert all(request.url.params["dataset"] == "sign-in" for request in exchange.seen)


class TestNullEvents(EventSourceContract):
    @pytest.fixture
    def source(self) -> null.NullEvents:
        return null.NullEvents()

    @pytest.fixture
    def story(self) -> Story:
        return Story(account=ALICE, span=DAY, ids=frozenset(), part=DAY, part_ids=frozenset(), nobody=BOB)


class TestContractControl(ControlContract):
    @pytest.fixture
    async def control(self, exchange: Exchange) -> AsyncIterator[ContractControl]:
        control = ContractControl(system(exchange, token=WRITE), ContractAccounts(system(exchange, token=READ)))
        yield control
        await control.aclose()

    @pytest.fixture
    def patient(self) -> Patient:
        return Patient(id=ALICE, factor="f1")

    async def test_lifts_a_hold(self, control: ContractControl) -> None:
        assert not control.holds(await control.read(ALICE), Act.LIFT_HOLD, {"hold": "h1"})
        await act(control, ALICE, Act.LIFT_HOLD, {"hold": "h1"})
        assert control.holds(await control.read(ALICE), Act.LIFT_HOLD, {"hold": "h1"})

    async def test_the_clients_own_lock_is_not_even_asked_about(
        self, control: ContractControl, exchange: Exchange
    ) -> None:
        with pytest.raises(SourceDenied):
            await control.execute(new_key(), ALICE, Act.REMOVE_CLIENT_LOCK, {}, exchange.etag(ALICE))
        assert exchange.seen == []

    async def test_a_lost_answer_is_found_again_and_nothing_is_sent_twice(self, exchange: Exchange) -> None:
        def server(request: httpx.Request) -> httpx.Response:
            answer = exchange(request)
            if request.method == "POST":
                raise httpx.ReadTimeout("", request=request)
            return answer

        control = ContractControl(system(server, token=WRITE), ContractAccounts(system(exchange, token=READ)))
        key = new_key()
        with pytest.raises(SourceDown):
            await control.execute(key, ALICE, Act.LOCK, {}, exchange.etag(ALICE))
        assert [request.method for request in exchange.seen] == ["POST"]
        assert (await control.reconcile(key, ALICE, Act.LOCK, {})).sent is Sent.DONE

    @pytest.mark.parametrize("change", [{"key": "k"}, {"account": BOB}, {"act": "unlock"}, {"status": "queued"}])
    async def test_the_receipt_of_something_else_is_not_believed(self, change: dict[str, str]) -> None:
        key = new_key()
        done = {"key": key, "act": "lock", "account": ALICE, "status": "done", "reference": "r", "etag": "e"}

        def server(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=done | change)

        control = ContractControl(system(server), ContractAccounts(system(server)))
        with pytest.raises(SourceGarbled):
            await control.execute(key, ALICE, Act.LOCK, {}, "e")
        with pytest.raises(SourceGarbled):
            await control.reconcile(key, ALICE, Act.LOCK, {})

    async def test_a_proxys_404_is_no_proof_that_nothing_arrived(self) -> None:
        def server(request: httpx.Request) -> httpx.Response:
            return httpx.Response(404, html="<h1>nginx</h1>")

        control = ContractControl(system(server), ContractAccounts(system(server)))
        with pytest.raises(SourceGarbled):
            await control.reconcile(new_key(), ALICE, Act.LOCK, {})

    async def test_what_was_written_about_the_client_does_not_travel(
        self, control: ContractControl, exchange: Exchange
    ) -> None:
        key = new_key()
        await control.execute(key, ALICE, Act.LOCK, {}, exchange.etag(ALICE))
        assert json.loads(exchange.seen[-1].content) == {"act": "lock", "params": {}, "reason": f"request {key}"}


class TestEffects:
    def locked(self, *locks: Lock) -> Account:
        return Account(id=ALICE, etag="e", status=Status.LOCKED, locks=locks)

    def test_a_lock_that_ends_by_itself_is_not_the_lock_that_was_asked_for(self) -> None:
        failed = Lock(id="b", kind=LockKind.FAILED_SIGN_INS, set_at=NOON, until=NOON + timedelta(minutes=15))
        staff = Lock(id="s", kind=LockKind.STAFF, set_at=NOON)
        assert effects.holds(self.locked(failed), Act.LOCK, {}) is False
        assert effects.holds(self.locked(failed, staff), Act.LOCK, {}) is True
        assert effects.holds(self.locked(), Act.LOCK, {}) is True

    def test_an_unlock_leaves_the_clients_own_lock(self) -> None:
        client = Lock(id="c", kind=LockKind.CLIENT, set_at=NOON)
        assert effects.holds(self.locked(client), Act.UNLOCK, {}) is True
        assert effects.holds(self.locked(client), Act.REMOVE_CLIENT_LOCK, {}) is False

    @pytest.mark.parametrize("what", [Act.REMOVE_FACTOR, Act.LIFT_HOLD])
    def test_an_act_on_something_needs_to_know_on_what(self, what: Act) -> None:
        for params in ({}, {"factor": "", "hold": ""}, {"factor": 7, "hold": None}):
            with pytest.raises(Invalid):
                effects.holds(self.locked(), what, params)


class TestTwins:
    async def test_nothing_set_up_means_nothing_done(self) -> None:
        control = null.NullControl()
        with pytest.raises(Invalid):
            await control.execute(new_key(), ALICE, Act.LOCK, {}, "e")
        assert (await control.reconcile(new_key(), ALICE, Act.LOCK, {})).sent is Sent.NEVER_ARRIVED
        with pytest.raises(SourceMissing):
            await control.read(ALICE)
        await control.aclose()

    async def test_the_null_log_covers_nothing(self) -> None:
        (page,) = await read(null.NullEvents(), ALICE, DAY)
        assert page.covers == Span(DAY.until_us, DAY.until_us)

    async def test_everything_that_fails_says_so(self) -> None:
        accounts, risk, control = failing.FailingAccounts(), failing.FailingRisk(), failing.FailingControl()
        for call in (
            accounts.read(ALICE),
            accounts.find(ALICE),
            risk.risk(ALICE),
            control.read(ALICE),
            control.execute(new_key(), ALICE, Act.LOCK, {}, "e"),
            control.reconcile(new_key(), ALICE, Act.LOCK, {}),
        ):
            with pytest.raises(SourceError):
                await call
        for twin in (accounts, risk, control):
            await twin.aclose()

    async def test_a_log_may_fail_after_some_pages(self) -> None:
        source = failing.FailingEvents(pages=[Page(events=())])
        got: list[Page] = []
        with pytest.raises(SourceDown):
            await collect(source, got)
        assert got == [Page(events=())]
        await source.aclose()
