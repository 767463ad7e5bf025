"""Loki: faults, limits of its own, lines of several kinds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.connectors.logs.faults import Faulty, LogFaults, Subject, read_from, spoilt_records
from tests.connectors.wire import NOON, surroundings
from tests.contracts.event_source import EventSourceContract, Story, events, read
from workstation.services.clock import to_micros
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.loki import query
from workstation.services.connectors.logs.registry import source as source_of
from workstation.services.errors import Invalid, SourceBusy, SourceDenied, SourceDown, SourceGarbled
from workstation.services.timeline.source import EventSource, Span
from workstation.settings import LogSettings, LokiSettings, MappingSettings

from .loki_store import Line, LokiStore, refused, streams

ME = "AA71N84G"
SPAN = Span(to_micros(NOON - timedelta(days=1)), to_micros(NOON) + 1)


def line(number: int, account: str = ME) -> Line:
    """The event `number` quarters of a minute before noon; every fifth shares its moment with the one before."""
    at = NOON - timedelta(seconds=15 * (number - number % 5 // 4))
    record = {"event.id": f"{account}-{number:03}", "user.id": account, "event.action": "sign_in"}
    return to_micros(at) * 1_000, record


def lines() -> list[Line]:
    return [line(number, account) for number in range(60) for account in (ME, "AA02K11P")]


STORY = Story(
    account=ME,
    span=SPAN,
    ids=frozenset(f"{ME}-{number:03}" for number in range(60)),
    part=Span(SPAN.since_us, to_micros(NOON - timedelta(minutes=5))),
    part_ids=frozenset(f"{ME}-{number:03}" for number in range(21, 60)),
    nobody="ZZ00Z00Z",
)


def is_page(request: httpx.Request) -> bool:
    return b"json" in request.content


def make(made: Surroundings, deadline_s: float = 5.0, **chosen: Any) -> EventSource:
    table = LogSettings(
        name="lines",
        kind="loki",
        url="https://logs.example.test",
        deadline_s=deadline_s,
        user="reader",
        loki=LokiSettings(selector='{app="auth"}', **{"page": 10, **chosen}),
    )
    return source_of(table, "read-me-not", made)


def subject(store: LokiStore) -> Subject:
    return Subject(store, is_page, make, STORY)


class TestFaults(LogFaults):
    @pytest.fixture
    def subject(self) -> Subject:
        return subject(LokiStore(lines()))


class TestStore(EventSourceContract):
    longest = 30 * 86_400 * 10**9

    @pytest.fixture
    def story(self) -> Story:
        return STORY

    @pytest.fixture
    def source(self) -> EventSource:
        return make(surroundings(LokiStore(lines(), self.longest)))


class TestStoreThatAllowsShortQuestions(TestStore):
    """An hour at once: the span is cut until it fits."""

    longest = 60 * 60 * 10**9


async def test_the_tenant_and_the_credential_travel_in_headers() -> None:
    store = LokiStore(lines())
    await read(make(surroundings(store), tenant="exchange"), ME, SPAN)
    assert {headers["x-scope-orgid"] for headers in store.headers} == {"exchange"}
    assert {headers["authorization"] for headers in store.headers} == {"Basic cmVhZGVyOnJlYWQtbWUtbm90"}
    assert all(int(asked["limit"]) <= 5_000 for asked in store.seen if "limit" in asked)


@pytest.mark.parametrize(
    ("answer", "kind", "word"),
    [
        (refused("no org id", 401), SourceDenied, "tenant"),
        (refused("too many outstanding requests", 429), SourceBusy, "busy"),
        (refused("parse error at line 1, col 9: syntax error: 'AA71N84G'"), Invalid, "selector"),
        (
            refused("max entries limit per query exceeded, limit > max_entries_limit_per_query (10 > 5)"),
            Invalid,
            "page",
        ),
        (refused("context deadline exceeded: AA71N84G", 504), SourceDown, "failed (504)"),
        (refused("the query time range exceeds the limit (query length: 1m, limit: 30s)"), Invalid, "shorter"),
        (
            httpx.Response(200, json={"status": "success", "data": {"resultType": "matrix", "result": []}}),
            SourceGarbled,
            "selector",
        ),
    ],
)
async def test_what_goes_wrong_is_said(answer: httpx.Response, kind: type[Exception], word: str) -> None:
    store = LokiStore(lines())
    _, error = await read_from(subject(store), Faulty(subject(store), lambda _: answer, lambda n: True))
    assert isinstance(error, kind) and word in error.sentence()  # type: ignore[attr-defined]
    assert ME not in error.sentence()  # type: ignore[attr-defined]


async def test_what_loki_warns_of_is_partial() -> None:
    store = LokiStore(lines())
    pages, error = await read_from(
        subject(store), spoilt_records(subject(store), lambda body: {**body, "warnings": ["some blocks were skipped"]})
    )
    assert error is None and {page.why for page in pages if page.partial} == {"some blocks were skipped"}


async def test_a_time_that_is_none_refuses_the_answer() -> None:
    def change(body: Any) -> Any:
        body["data"]["result"][0]["values"][0][0] = "soon"
        return body

    store = LokiStore(lines())
    _, error = await read_from(subject(store), spoilt_records(subject(store), change))
    assert isinstance(error, SourceGarbled)


async def test_lines_that_are_no_records_are_counted() -> None:
    ns = to_micros(NOON) * 1_000 - 1

    def serve(request: httpx.Request) -> httpx.Response:
        if b"stats" in request.url.path.encode():
            return httpx.Response(200, json={"chunks": 0})
        return streams([(ns, "no json"), (ns - 1, "{}"), (ns - 2, '{"event.action":"x","user.id":"AA71N84G"}')])

    (page,) = await read(make(surroundings(serve)), ME, Span(SPAN.until_us - 60_000_000, SPAN.until_us))
    assert [event.action for event in page.events] == ["x"]
    assert page.partial and page.why == "2 records could not be read"


async def test_an_index_that_knows_nothing_does_not_say_that_there_is_nothing() -> None:
    store = LokiStore(lines())

    def serve(request: httpx.Request) -> httpx.Response:
        answer = store(request)
        return httpx.Response(200, json={"chunks": 0}) if request.url.path.endswith("stats") else answer

    pages = await read(make(surroundings(serve)), ME, SPAN)
    assert len(events(pages)) == 60 and not any(page.covers for page in pages)


def test_an_account_is_quoted_and_needless_labels_are_dropped() -> None:
    chosen = LokiSettings(selector='{app="a"}', account_labels=("user_id", "uid"), labels=("trace", "uid"))
    assert query(chosen, 'x"\\ or `', False) == (
        '{app="a"} | json | user_id="x\\"\\\\ or `" or uid="x\\"\\\\ or `" | keep user_id, uid, trace'
    )
    plain = LokiSettings(selector='{app="a"}', account_labels=("uid",), parser="none")
    assert query(plain, "x", True) == '{app="a"} | uid="x"'
    with pytest.raises(Invalid):
        query(plain, "\ud800", True)


async def test_lines_of_a_format_that_we_know_are_read_by_it() -> None:
    text = "Nov 23 11:59:00 bastion sshd[4242]: Accepted publickey for alice from 203.0.113.9 port 50022 ssh2"

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("stats"):
            return httpx.Response(200, json={"chunks": 0})
        ns = to_micros(NOON) * 1_000 - 60 * 10**9
        low, high = (int(httpx.QueryParams(request.content.decode())[name]) for name in ("start", "end"))
        return streams([(ns, text)] if low <= ns < high else [])

    table = LogSettings(
        name="bastion",
        kind="loki",
        url="https://logs.example.test",
        mapping=MappingSettings(records="openssh"),
        loki=LokiSettings(selector='{app="sshd"}', parser="none", account_labels=("user_id",)),
    )
    (event,) = events(await read(source_of(table, "read-me-not", surroundings(serve)), "alice", SPAN))
    assert event.ip == "203.0.113.9" and event.raw.decode() == text
