"""ClickHouse: faults, exceptions by their numbers, settings that are refused, queries that nobody waits for."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.connectors.logs.faults import Faulty, LogFaults, Subject, drain, read_from
from tests.connectors.wire import NOON, Pauses, Wire, surroundings
from tests.contracts.event_source import EventSourceContract, Story, events, read
from workstation.services.clock import to_micros
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.clickhouse import _clock, _is_account, _quoted
from workstation.services.connectors.logs.clickhouse_errors import exception, meant
from workstation.services.connectors.logs.registry import source as source_of
from workstation.services.errors import (
    Invalid,
    SourceBusy,
    SourceDenied,
    SourceDown,
    SourceError,
    SourceGarbled,
    SourceMissing,
)
from workstation.services.timeline.source import EventSource, Span
from workstation.settings import ClickHouseSettings, LogSettings

from .clickhouse_store import ClickHouseStore, document, raised

ME = "AA71N84G"
SPAN = Span(to_micros(NOON - timedelta(days=1)), to_micros(NOON) + 1)


def row(number: int, account: str = ME) -> tuple[int, str, str, dict[str, Any]]:
    """The event `number` quarters of a minute before noon; every fifth shares its moment with the one before."""
    at = NOON - timedelta(seconds=15 * (number - number % 5 // 4))
    id_ = f"{account}-{number:03}"
    record = {"time": at.isoformat(), "id": id_, "account": account, "action": "sign_in"}
    return to_micros(at) // 1_000, id_, account, record


def rows() -> list[tuple[int, str, str, dict[str, Any]]]:
    return [row(number, account) for number in range(60) for account in (ME, "AA02K11P")]


STORY = Story(
    account=ME,
    span=SPAN,
    ids=frozenset(f"{ME}-{number:03}" for number in range(60)),
    part=Span(SPAN.since_us, to_micros(NOON - timedelta(minutes=5))),
    part_ids=frozenset(f"{ME}-{number:03}" for number in range(21, 60)),
    nobody="ZZ00Z00Z",
)


def is_page(request: httpx.Request) -> bool:
    return b"ORDER BY" in request.content


def make(made: Surroundings, deadline_s: float = 5.0, page: int = 10) -> EventSource:
    table = LogSettings(
        name="core",
        kind="clickhouse",
        url="https://logs.example.test",
        deadline_s=deadline_s,
        user="reader",
        clickhouse=ClickHouseSettings(table="sign_ins", page=page),
    )
    return source_of(table, "read-me-not", made)


def subject(store: ClickHouseStore) -> Subject:
    return Subject(store, is_page, make, STORY)


class TestFaults(LogFaults):
    @pytest.fixture
    def subject(self) -> Subject:
        return subject(ClickHouseStore(rows()))


class TestStore(EventSourceContract):
    @pytest.fixture
    def story(self) -> Story:
        return STORY

    @pytest.fixture
    def source(self) -> EventSource:
        return make(surroundings(ClickHouseStore(rows())))


class TestStoreInOneInstant(TestStore):
    """Everything in one millisecond, which only the id parts."""

    @pytest.fixture
    def story(self) -> Story:
        return Story(**{**{f: getattr(STORY, f) for f in STORY.__struct_fields__}, "part_ids": frozenset()})

    @pytest.fixture
    def source(self) -> EventSource:
        at = to_micros(NOON) // 1_000
        return make(surroundings(ClickHouseStore([(at, *rest) for _, *rest in rows()])))  # type: ignore[misc]


async def test_what_is_asked_holds_no_person_and_is_read_only() -> None:
    store = ClickHouseStore(rows())
    await read(make(surroundings(store)), "a\\b\tc' OR 1", SPAN)
    pages = [request for request in store.seen if is_page(request)]
    assert pages and all(b"OR 1" not in request.content for request in store.seen)
    for request in pages:
        asked = request.url.params
        assert asked["param_account"] == "a\\\\b\\tc' OR 1"
        assert asked["readonly"] == asked["wait_end_of_query"] == "1" and asked["max_execution_time"] == "4"
        assert asked["timeout_overflow_mode"] == "throw" and asked["skip_unavailable_shards"] == "0"
    assert len({request.url.params["query_id"] for request in store.seen}) == len(store.seen)
    assert {request.headers["authorization"] for request in store.seen} == {"Basic cmVhZGVyOnJlYWQtbWUtbm90"}
    assert not any("not" in str(request.url) for request in store.seen)


async def test_a_query_that_nobody_waits_for_is_ended() -> None:
    store, begun = ClickHouseStore(rows()), asyncio.Event()

    async def serve(request: httpx.Request) -> httpx.Response:
        answer = store(request)
        if is_page(request):
            begun.set()
            await asyncio.Event().wait()
        return answer

    source = make(Surroundings(**{**_parts(), "transport": Wire(serve)}))
    reading = asyncio.ensure_future(read(source, ME, SPAN))
    await begun.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    ids = [request.url.params["query_id"] for request in store.seen if is_page(request)]
    assert store.killed[-1:] == [f"KILL QUERY WHERE query_id = '{ids[0]}' ASYNC"]


async def test_a_query_that_takes_too_long_is_ended() -> None:
    store = ClickHouseStore(rows())

    async def never(answer: httpx.Response) -> httpx.Response:
        await asyncio.Event().wait()
        return answer

    source = make(Surroundings(**{**_parts(), "transport": Wire(Faulty(subject(store), never, lambda n: True))}), 0.1)
    _, error = await drain(source, STORY)
    assert isinstance(error, SourceDown) and store.killed


def _parts() -> dict[str, Any]:
    made = surroundings(None, Pauses())
    return {name: getattr(made, name) for name in made.__struct_fields__}


@pytest.mark.parametrize(
    "broken",
    [
        # 18.16 and up to 2020; up to 25.10; with a tag since; within the document; a header behind a 200.
        b'{"data":[["1","a","{}"],\nCode: 395, e.displayText() = DB::Exception: Value, e.what() = DB::Exception',
        b'{"data":[["1","a","{}"],\nCode: 395. DB::Exception: Value passed to throwIf. (FUNCTION_THROW_IF)',
        b'{"data":[["1"\r\n__exception__\r\nabcdefgh\r\nCode: 395. DB::Exception: X\r\n9 abcdefgh\r\n__exception__',
        json.dumps({"meta": [], "data": [], "rows": 0, "exception": "Code: 395. DB::Exception: Value"}).encode(),
    ],
)
async def test_an_exception_in_the_middle_of_an_answer_is_an_error_never_an_end(broken: bytes) -> None:
    store = ClickHouseStore(rows())
    kind = {"Content-Type": "application/json; charset=UTF-8"}
    faulty = Faulty(subject(store), lambda _: httpx.Response(200, content=broken, headers=kind), lambda n: n == 2)
    pages, error = await read_from(subject(store), faulty)
    assert isinstance(error, SourceError) and "395" in error.what and events(pages)


async def test_a_200_with_an_exception_in_its_header_is_none() -> None:
    store = ClickHouseStore(rows())

    def headed(answer: httpx.Response) -> httpx.Response:
        return httpx.Response(200, content=answer.content, headers={**_kind(), "X-ClickHouse-Exception-Code": "241"})

    _, error = await read_from(subject(store), Faulty(subject(store), headed, lambda n: n == 1))
    assert isinstance(error, Invalid) and "memory" in error.what


async def test_less_than_it_says_is_no_answer() -> None:
    store = ClickHouseStore(rows())

    def short(answer: httpx.Response) -> httpx.Response:
        body = json.loads(answer.content)
        body["data"].pop()
        return httpx.Response(200, json=body)

    _, error = await read_from(subject(store), Faulty(subject(store), short, lambda n: n == 1))
    assert isinstance(error, SourceGarbled) and "less" in error.what


def _kind() -> dict[str, str]:
    return {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("answer", "kind", "word", "asked"),
    [
        (raised(516, "reader: Authentication failed", 403), SourceDenied, "credential", 1),
        (raised(193, "Wrong password for user reader", 401), SourceDenied, "credential", 1),
        (raised(60, "Table default.sign_ins does not exist. (UNKNOWN_TABLE)", 404), SourceMissing, "sign_ins", 1),
        (raised(47, "Unknown identifier `acc` in scope SELECT x WHERE a = 'AA71N84G'", 404), SourceMissing, "`acc`", 1),
        (raised(159, "Timeout exceeded: elapsed 4 seconds (TIMEOUT_EXCEEDED)"), SourceDown, "time", 3),
        (raised(396, "Limit for result exceeded (TOO_MANY_ROWS_OR_BYTES)"), Invalid, "at once", 1),
        (raised(241, "Memory limit (for query) exceeded"), Invalid, "memory", 1),
        (raised(241, "(total) memory limit exceeded"), SourceBusy, "memory", 3),
        (raised(202, "Too many simultaneous queries"), SourceBusy, "too many queries", 3),
        (raised(62, "Syntax error: SELECT 'AA71N84G'", 400), Invalid, "refused", 1),
        (raised(999, "KEEPER"), SourceDown, "failed (999)", 3),
        (httpx.Response(503, text="no server"), SourceBusy, "busy", 3),
    ],
)
async def test_exceptions_by_their_numbers(
    answer: httpx.Response, kind: type[Exception], word: str, asked: int
) -> None:
    store = ClickHouseStore(rows())
    faulty = Faulty(subject(store), lambda _: answer, lambda n: True)
    _, error = await read_from(subject(store), faulty)
    assert error is not None and type(error) is kind and word in error.what and faulty.asked == asked
    assert ME not in error.sentence()


async def test_a_shard_that_is_gone_makes_pages_partial() -> None:
    store = ClickHouseStore(rows())

    def serve(request: httpx.Request) -> httpx.Response:
        if is_page(request) and request.url.params["skip_unavailable_shards"] == "0":
            return raised(279, "All connection tries failed (ALL_CONNECTION_TRIES_FAILED)")
        return store(request)

    pages = await read(make(surroundings(serve)), ME, SPAN)
    assert {event.id for event in events(pages)} == STORY.ids
    assert all(page.partial and "part of its cluster" in page.why for page in pages if page.events)


async def test_a_setting_that_an_old_server_does_not_know_is_left_out() -> None:
    store = ClickHouseStore(rows())

    def serve(request: httpx.Request) -> httpx.Response:
        if "read_leaf_overflow_mode" in request.url.params:
            return raised(115, "Unknown setting read_leaf_overflow_mode", 404)
        return store(request)

    pages = await read(make(surroundings(serve)), ME, SPAN)
    assert len(events(pages)) == 60 and not any(page.partial for page in pages)
    assert all(request.url.params["readonly"] == "1" for request in store.seen)


@pytest.mark.parametrize(
    ("settings", "partial"),
    [([["timeout_overflow_mode", "throw"]], ""), ([["timeout_overflow_mode", "break"]], "leave rows out")],
)
async def test_who_may_set_nothing_reads_and_is_told_of_silent_limits(settings: list[list[str]], partial: str) -> None:
    store = ClickHouseStore(rows())

    def serve(request: httpx.Request) -> httpx.Response:
        for name in ("max_execution_time", "readonly"):
            if name in request.url.params:
                return raised(164, f"Cannot modify '{name}' setting in readonly mode. (READONLY)")
        return document(settings) if b"system.settings" in request.content else store(request)

    pages = await read(make(surroundings(serve)), ME, SPAN)
    assert len(events(pages)) == 60
    assert all(page.partial == bool(partial) and partial in page.why for page in pages if page.events)


async def test_readonly_alone_may_be_fixed() -> None:
    store = ClickHouseStore(rows())

    def serve(request: httpx.Request) -> httpx.Response:
        if "readonly" in request.url.params:
            return raised(164, "Cannot modify 'readonly' setting in readonly mode. (READONLY)")
        return store(request)

    assert len(events(await read(make(surroundings(serve)), ME, SPAN))) == 60
    assert all(request.url.params["max_execution_time"] for request in store.seen)


async def test_rows_without_an_id_are_refused() -> None:
    store = ClickHouseStore(rows())

    def nameless(answer: httpx.Response) -> httpx.Response:
        body = json.loads(answer.content)
        body["data"][0][1] = None
        return httpx.Response(200, json=body)

    _, error = await read_from(subject(store), Faulty(subject(store), nameless, lambda n: n == 1))
    assert isinstance(error, SourceGarbled) and "id_column" in error.hint


def test_identifiers_are_quoted_and_types_read() -> None:
    assert _quoted("a`b\\c") == "`a\\`b\\\\c`"
    assert (
        _is_account("a", "Enum8('it''s' = 1)")
        == "`a` = accurateCastOrNull({account:String}, 'Enum8(\\'it\\'\\'s\\' = 1)')"
    )
    for kind, per_s in (
        ("DateTime", 1),
        ("DateTime('UTC')", 1),
        ("DateTime64(1)", 1_000),
        ("DateTime64(4, 'UTC')", 10**6),
    ):
        assert _clock("core", "time", kind, "ms").per_s == per_s
    assert _clock("core", "time", "UInt64", "us").per_s == 10**6
    for kind in ("String", "Date", "Float64", "Tuple(DateTime)"):
        with pytest.raises(Invalid):
            _clock("core", "time", kind, "ms")


def test_the_first_exception_at_the_beginning_of_a_line_counts() -> None:
    assert exception("no such thing") is None and exception("Code: x. DB::Exception: y") is None
    assert exception('{"agent": "Code: 1. DB::Exception: forged"}') is None
    found = exception(
        "[\nCode: 47. DB::Exception: Missing columns: 'x' while processing 'AA'\nCode: 1. DB::Exception: b"
    )
    assert found is not None and found.code == 47
    assert meant("core", found).what == "core has no such table or column (47: Missing columns: 'x')."


@pytest.mark.parametrize("cursor", ["", "x", "-1", "１", "9" * 30])
async def test_a_place_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        await read(make(surroundings(ClickHouseStore(rows()))), ME, SPAN, cursor)
