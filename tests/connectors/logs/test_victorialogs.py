"""VictoriaLogs on answers as one gave them: no server of it is to be had here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.connectors.logs.faults import Faulty, LogFaults, Subject, read_from
from tests.connectors.wire import NOON, surroundings
from tests.contracts.event_source import EventSourceContract, Story, events, read
from workstation.services.clock import to_micros
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.registry import source as source_of
from workstation.services.connectors.logs.victorialogs import _nanos, _written
from workstation.services.errors import Invalid, SourceBusy, SourceGarbled
from workstation.services.timeline.source import EventSource, Span
from workstation.settings import LogSettings, VictoriaLogsSettings

from .loki_store import Line, VictoriaLogsStore, ndjson
from .test_loki import ME, SPAN, STORY, lines


def is_page(request: httpx.Request) -> bool:
    return b"sort+by" in request.content


def make(made: Surroundings, deadline_s: float = 5.0, **chosen: Any) -> EventSource:
    table = LogSettings(
        name="rows",
        kind="victorialogs",
        url="https://logs.example.test",
        deadline_s=deadline_s,
        victorialogs=VictoriaLogsSettings(**{"selector": '{app="auth"}', "page": 10, **chosen}),
    )
    return source_of(table, "read-me-not", made)


def subject(store: VictoriaLogsStore) -> Subject:
    return Subject(store, is_page, make, STORY)


class TestFaults(LogFaults):
    @pytest.fixture
    def subject(self) -> Subject:
        return subject(VictoriaLogsStore(lines()))


class TestStore(EventSourceContract):
    @pytest.fixture
    def story(self) -> Story:
        return STORY

    @pytest.fixture
    def source(self) -> EventSource:
        return make(surroundings(VictoriaLogsStore(lines())))

    async def test_says_from_when_to_when_there_are_rows(self, source: EventSource, story: Story) -> None:
        pages = await read(source, story.account, story.span)
        oldest, newest = to_micros(NOON - timedelta(seconds=15 * 58)), to_micros(NOON)
        assert pages[-1].covers == Span(oldest, newest + 1)


class TestStoreWithABurst(TestStore):
    """Fifty rows of one nanosecond, which nothing parts."""

    @pytest.fixture
    def story(self) -> Story:
        return Story(**{**{f: getattr(STORY, f) for f in STORY.__struct_fields__}, "part_ids": frozenset()})

    @pytest.fixture
    def source(self) -> EventSource:
        burst: list[Line] = [(to_micros(NOON) * 1_000, record) for _, record in lines()]
        return make(surroundings(VictoriaLogsStore(burst)))

    async def test_says_from_when_to_when_there_are_rows(self, source: EventSource, story: Story) -> None:
        pages = await read(source, story.account, story.span)
        assert pages[-1].covers == Span(to_micros(NOON), to_micros(NOON) + 1)


async def test_what_is_asked() -> None:
    store = VictoriaLogsStore(lines())
    await read(make(surroundings(store), tenant="12:34"), 'x" or "y', SPAN)
    asked = [one for one in store.seen if "sort by" in one["query"]]
    assert all('({app="auth"}) ("user.target.id":="x\\" or \\"y" or "user.id":=' in one["query"] for one in asked)
    assert all(one["start"].isdigit() and one["end"].isdigit() and one["timeout"] == "4s" for one in asked)
    assert {(headers["accountid"], headers["projectid"]) for headers in store.headers} == {("12", "34")}
    with pytest.raises(Invalid):
        make(surroundings(store), tenant="1\r\nX: y")


def _as(body: bytes, status: int = 200, kind: str = "application/stream+json") -> httpx.Response:
    return httpx.Response(status, content=body, headers={"Content-Type": kind})


@pytest.mark.parametrize(
    ("answer", "kind", "word"),
    [
        (_as(b"cannot execute query: too many concurrent requests\n", 503, "text/plain"), SourceBusy, "too much"),
        (_as(b"cannot parse query [AA71N84G]\n", 400, "text/plain"), Invalid, "selector"),
        (
            _as(b'{"_time":"2026-11-23T11:59:00Z","user.id":"a"}\ncannot read: unexpected EOF\n'),
            SourceGarbled,
            "no row",
        ),
        (_as(b'{"_time":"2026-11-23T11:59:00Z","user.id":"a"}'), SourceGarbled, "broke off"),
        (_as(b'{"_time":"soon"}\n'), SourceGarbled, "time"),
        # An argument that it did not know, and so ignored: another order, another span, more than was asked for.
        (ndjson([{"_time": "2026-11-23T11:58:00Z"}, {"_time": "2026-11-23T11:59:00Z"}]), SourceGarbled, "order"),
        (ndjson([{"_time": "2027-11-23T11:58:00Z"}]), SourceGarbled, "not asked for"),
        (ndjson([{"_time": "2026-11-23T11:59:00Z"}] * 201), SourceGarbled, "more than"),
    ],
)
async def test_an_answer_to_another_question_is_none(answer: httpx.Response, kind: type[Exception], word: str) -> None:
    store = VictoriaLogsStore(lines())
    _, error = await read_from(subject(store), Faulty(subject(store), lambda _: answer, lambda n: True))
    assert isinstance(error, kind) and word in error.sentence()  # type: ignore[attr-defined]
    assert ME not in error.sentence()  # type: ignore[attr-defined]


async def test_more_rows_of_a_nanosecond_than_fit_are_said() -> None:
    ns = to_micros(NOON) * 1_000
    many: list[Line] = [(ns, {"user.id": ME, "event.id": f"e{n}", "event.action": "x"}) for n in range(45)]
    pages = await read(make(surroundings(VictoriaLogsStore(many)), page=2), ME, SPAN)
    assert len(events(pages)) == 40
    assert [page.why for page in pages if page.partial] == ["more than 40 rows of one nanosecond: some are missing"]


@given(st.integers(0, 253_402_300_799 * 10**9))
def test_times_go_there_and_back(ns: int) -> None:
    assert _nanos(_written(ns)) == ns


@pytest.mark.parametrize(
    ("written", "ns"), [("2026-01-01T00:00:00Z", 1767225600 * 10**9), ("2026-02-30T00:00:00Z", None)]
)
def test_times_as_it_writes_them(written: str, ns: int | None) -> None:
    assert _nanos(written) == ns
