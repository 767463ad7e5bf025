"""OpenSearch and Elasticsearch: faults, and what a real server does only by chance."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.connectors.logs.faults import Faulty, LogFaults, Subject, drain, read_from, right, spoilt_records
from tests.connectors.wire import NOON, Pauses, Wire, surroundings
from tests.contracts.event_source import EventSourceContract, Story, events, read
from workstation.services.clock import to_micros
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.opensearch import SearchEvents
from workstation.services.connectors.logs.registry import source as source_of
from workstation.services.connectors.logs.search_reading import Window, _Bucket, below, windows
from workstation.services.errors import Invalid, SourceBusy, SourceError, SourceGarbled
from workstation.services.timeline.source import EventSource, Span
from workstation.settings import LogSettings, OpenSearchSettings

from .search_store import SearchStore, gone

ME = "AA71N84G"
SPAN = Span(to_micros(NOON - timedelta(days=1)), to_micros(NOON) + 1)


def document(number: int, account: str = ME) -> dict[str, Any]:
    """The event `number` quarters of a minute before noon; every fifth shares its moment with the one before."""
    at = NOON - timedelta(seconds=15 * (number - number % 5 // 4))
    return {
        "@timestamp": at.isoformat().replace("+00:00", "Z"),
        "event": {"id": f"{account}-{number:03}", "action": "sign_in", "outcome": "success"},
        "user": {"id": account},
    }


def documents() -> list[dict[str, Any]]:
    return [document(number, account) for number in range(60) for account in (ME, "AA02K11P")]


STORY = Story(
    account=ME,
    span=SPAN,
    ids=frozenset(f"{ME}-{number:03}" for number in range(60)),
    part=Span(SPAN.since_us, to_micros(NOON - timedelta(minutes=5))),
    part_ids=frozenset(f"{ME}-{number:03}" for number in range(21, 60) if number != 24) | {f"{ME}-024"},
    nobody="ZZ00Z00Z",
)


def is_page(request: httpx.Request) -> bool:
    return request.url.path == "/_search" and json.loads(request.content)["size"] > 0


def make(made: Surroundings, deadline_s: float = 5.0, page: int = 10) -> EventSource:
    table = LogSettings(
        name="auth",
        kind="opensearch",
        url="https://logs.example.test",
        deadline_s=deadline_s,
        user="reader",
        opensearch=OpenSearchSettings(index="auth", page=page),
    )
    return source_of(table, "read-me-not", made)


@pytest.fixture(params=[False, True], ids=["opensearch", "elasticsearch"])
def store(request: pytest.FixtureRequest) -> SearchStore:
    return SearchStore(documents(), request.param)


class TestFaults(LogFaults):
    @pytest.fixture
    def subject(self, store: SearchStore) -> Subject:
        return Subject(store, is_page, make, STORY)


class TestStore(EventSourceContract):
    @pytest.fixture
    def story(self) -> Story:
        return STORY

    @pytest.fixture
    def source(self, store: SearchStore) -> EventSource:
        return make(surroundings(store))

    async def test_the_first_page_is_asked_for_before_anything_is_counted(self, store: SearchStore) -> None:
        source = make(surroundings(store), page=50)
        pages = await read(source, ME, SPAN)
        assert len(pages) == 2 and pages[-1].covers is not None
        assert not store.pits

    async def test_the_credential_is_no_part_of_an_address(self, store: SearchStore) -> None:
        await read(make(surroundings(store)), ME, SPAN)
        assert {request.headers["authorization"] for request in store.seen} == {"Basic cmVhZGVyOnJlYWQtbWUtbm90"}
        assert not any("not" in str(request.url) for request in store.seen)


def subject(store: SearchStore) -> Subject:
    return Subject(store, is_page, make, STORY)


@pytest.mark.parametrize("gone_at", range(5))
async def test_a_point_in_time_that_ends_is_opened_anew(gone_at: int) -> None:
    store = SearchStore(documents())

    def forgotten(answer: httpx.Response) -> httpx.Response:
        store.pits.clear()
        return gone()

    pages, error = await read_from(subject(store), Faulty(subject(store), forgotten, lambda n: n == gone_at))
    assert error is None and {event.id for event in events(pages)} == STORY.ids


async def test_a_point_in_time_that_always_ends_is_given_up() -> None:
    store = SearchStore(documents())
    _, error = await read_from(subject(store), Faulty(subject(store), lambda _: gone(), lambda n: n > 1))
    assert isinstance(error, SourceError)


def _with(**shards: Any) -> Callable[[Any], Any]:
    def change(answer: Any) -> Any:
        answer["_shards"] |= shards
        answer["hits"]["hits"] = answer["hits"]["hits"][1:]
        return answer

    return change


async def test_failed_shards_behind_a_200_are_a_partial_page() -> None:
    failure = {"shard": 1, "reason": {"type": "query_shard_exception", "reason": "failed to [create] query"}}
    change = _with(total=5, failed=2, failures=[failure])
    pages, error = await read_from(
        subject(SearchStore(documents())), spoilt_records(subject(SearchStore(documents())), change)
    )
    assert error is None
    assert {page.why for page in pages} == {"2 of 5 shards failed (query_shard_exception: failed to [create] query)"}


async def test_shards_with_too_much_to_do_are_asked_again() -> None:
    failure = {"reason": {"type": "opensearch_rejected_execution_exception", "reason": "queue is full"}}
    store, pauses = SearchStore(documents()), Pauses()
    faulty = spoilt_records(subject(store), _with(total=5, failed=1, failures=[failure]), lambda n: n in (0, 3))
    pages, error = await drain(make(_on(faulty, pauses)), STORY)
    right(pages, error, STORY)
    assert error is None and not any(page.partial for page in pages) and len(pauses) == 2


def _on(faulty: Faulty, pauses: Pauses) -> Surroundings:
    made = surroundings(None, pauses)
    return Surroundings(clock=made.clock, rng=made.rng, sleep=pauses, transport=Wire(faulty))


async def test_a_store_that_ran_out_of_time_says_so() -> None:
    def change(answer: Any) -> Any:
        return answer | {"timed_out": True}

    store = SearchStore(documents())
    pages, _ = await read_from(subject(store), spoilt_records(subject(store), change))
    assert all("ran out of time" in page.why for page in pages)


async def test_records_in_disorder_or_from_elsewhere_are_not_taken() -> None:
    def reverse(answer: Any) -> Any:
        answer["hits"]["hits"].reverse()
        return answer

    store = SearchStore(documents())
    _, error = await read_from(subject(store), spoilt_records(subject(store), reverse))
    assert isinstance(error, SourceGarbled) and "order" in error.what


async def test_records_of_others_and_of_other_times_are_left_out_and_counted() -> None:
    def change(answer: Any) -> Any:
        first, second = answer["hits"]["hits"][:2]
        first["_source"]["user"]["id"] = "AA02K11P"
        second["_source"]["@timestamp"] = "2031-01-01T00:00:00Z"
        return answer

    store = SearchStore(documents())
    faulty = spoilt_records(subject(store), change, lambda n: n == 0)
    pages, error = await read_from(subject(store), faulty)
    assert error is None and "1 records of another account" in pages[0].why and "own time" in pages[0].why


@pytest.mark.parametrize(
    ("status", "kind", "error", "asked"),
    [
        (429, "circuit_breaking_exception", SourceBusy, 3),
        (503, "too_many_buckets_exception", Invalid, 1),
        (503, "opensearch_rejected_execution_exception", SourceBusy, 3),
        (500, "circuit_breaking_exception", SourceBusy, 3),
        (400, "too_many_clauses", Invalid, 1),
        (400, "query_shard_exception", Invalid, 1),
    ],
)
async def test_only_what_may_mend_is_asked_again(status: int, kind: str, error: type[Exception], asked: int) -> None:
    body = {"error": {"type": "search_phase_execution_exception", "reason": "", "caused_by": {"type": kind}}}
    store = SearchStore(documents())
    faulty = Faulty(subject(store), lambda _: httpx.Response(status, json=body), lambda n: True)
    _, caught = await read_from(subject(store), faulty)
    assert isinstance(caught, error) and faulty.asked == asked


async def test_an_error_that_is_a_text_is_quoted() -> None:
    store = SearchStore(documents())
    answer = httpx.Response(400, json={"error": "no handler found for uri [/_search]"})
    _, error = await read_from(subject(store), Faulty(subject(store), lambda _: answer, lambda n: True))
    assert error is not None and "no handler found" in error.what


async def test_who_may_not_ask_for_the_version_can_still_read() -> None:
    store = SearchStore(documents(), elastic=True)

    def server(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/":
            return httpx.Response(403, json={"error": {"type": "security_exception", "reason": "unauthorized"}})
        return store(request)

    source = make(surroundings(server))
    assert isinstance(source, SearchEvents) and (await source.index()).dialect == "elasticsearch"
    assert len(events(await read(source, ME, SPAN))) == 60


@pytest.mark.parametrize("cursor", ["", "x", "-1", "１", "[1,2]"])
async def test_a_place_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        await read(make(surroundings(SearchStore(documents()))), ME, SPAN, cursor)


@given(
    st.integers(0, 50),
    st.lists(st.tuples(st.integers(0, 99), st.integers(1, 40)), unique_by=lambda pair: pair[0], max_size=30),
    st.integers(2, 30),
    st.integers(0, 100),
)
def test_windows_cover_a_span_once(low: int, counts: list[tuple[int, int]], size: int, rest: int) -> None:
    whole = Window(low, 100)
    buckets = [_Bucket(key, count) for key, count in sorted(counts) if key >= low]
    cut = list(windows(whole, buckets, size))
    edges = [(window.low, window.high) for window, _ in cut]
    assert edges[0][1] == 100 and edges[-1][0] == low
    assert all(newer[0] == older[1] for newer, older in itertools.pairwise(edges))
    assert sum(count for _, count in cut) == sum(bucket.doc_count for bucket in buckets)
    assert all(count < size or len([b for b in buckets if w.low <= b.key < w.high]) == 1 for w, count in cut)
    left = list(below([window for window, _ in cut], Window(low, rest)))
    assert {tick for window in left for tick in range(window.low, window.high)} == set(range(low, min(rest, 100)))
