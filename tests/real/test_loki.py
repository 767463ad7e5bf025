"""A real Loki as a source: lines of JSON, of logfmt, and of neither; limits as it has them."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.contracts.event_source import EventSourceContract, Story, events, read
from workstation.services.clock import SystemClock, from_micros
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.registry import source as source_of
from workstation.services.errors import Invalid, SourceDenied, WorkstationError
from workstation.services.timeline.source import EventSource, Span
from workstation.settings import LogSettings, LokiSettings, MappingSettings

from .conftest import absent

pytestmark = pytest.mark.real

BEGAN = 1_767_225_600_000_000
DAY = 86_400_000_000
ME, OTHER = "AA71N84G", 'a"b\\c` or user_id=~".+'
#: Seconds in which what was pushed is in the store.
FLUSHED_S = 30
SPAN = Span(BEGAN, BEGAN + 30 * DAY)


class Loki:
    """A server of two tenants, and sources over it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=60)

    def push(self, streams: dict[tuple[tuple[str, str], ...], list[list[Any]]], tenant: str = "exchange") -> str:
        """Push lines (ns, text, metadata) in order of time under a new ``app``; return the selector."""
        app = f"t{random.getrandbits(60):x}"
        for labels, lines in streams.items():
            lines.sort(key=lambda line: int(line[0]))
            for start in range(0, len(lines), 4_000):
                body = {"streams": [{"stream": {"app": app, **dict(labels)}, "values": lines[start : start + 4_000]}]}
                answer = self._client.post("/loki/api/v1/push", json=body, headers={"X-Scope-OrgID": tenant})
                assert answer.status_code == 204, answer.text
        # What is months old is looked for in the store alone, so it has to be there.
        self._client.post("/flush", headers={"X-Scope-OrgID": tenant}).raise_for_status()
        for labels, lines in streams.items():
            stream = ",".join(f'{name}="{value}"' for name, value in (("app", app), *labels))
            self._await(f"{{{stream}}}", int(lines[-1][0]), tenant)
        return f'{{app="{app}"}}'

    def source(self, selector: str, mapping: MappingSettings | None = None, **chosen: Any) -> EventSource:
        settings = LogSettings(
            name="lines",
            kind="loki",
            url=self.url,
            auth="none",
            mapping=mapping or MappingSettings(),
            loki=LokiSettings(selector=selector, **{"page": 20, "tenant": "exchange", **chosen}),
        )
        return source_of(settings, "", Surroundings(clock=SystemClock(), rng=random.Random(3)))

    def close(self) -> None:
        self._client.close()

    def _await(self, stream: str, ns: int, tenant: str) -> None:
        # From a millisecond before: a chunk that ends where a question begins is not looked at.
        asked = {"query": stream, "start": str(ns - 1_000_000), "end": str(ns + 1), "limit": "1"}
        end = time.monotonic() + FLUSHED_S
        while time.monotonic() < end:
            found = self._client.get("/loki/api/v1/query_range", params=asked, headers={"X-Scope-OrgID": tenant})
            if found.status_code == 200 and found.json()["data"]["result"]:
                return
        pytest.fail(f"{stream} is not in the store")


@pytest.fixture(scope="module")
def loki() -> Iterator[Loki]:
    url = os.environ.get("WORKSTATION_REAL_LOKI_URL")
    if not url:
        absent("LOKI")
    server = Loki(str(url))
    yield server
    server.close()


def moments() -> list[int]:
    """Seventy moments of a month in nanoseconds, and one with more in it than fits a page."""
    rng = random.Random(5)
    return [(BEGAN + rng.randrange(30 * DAY)) * 1_000 + 7 for _ in range(70)] + [(BEGAN + 3 * DAY) * 1_000 + 7] * 25


def history() -> list[tuple[str, int, str]]:
    return [(f"{who[:2]}-{n:03}", ns, who) for who in (ME, OTHER) for n, ns in enumerate(moments())]


class TestLoki(EventSourceContract):
    """Lines of JSON in three streams."""

    chosen: dict[str, Any] = {}  # noqa: RUF012 - read only

    @pytest.fixture
    def story(self) -> Story:
        mine = {id_: ns // 1_000 for id_, ns, who in history() if who == ME}
        middle = sorted(mine.values())[60]
        return Story(
            account=ME,
            span=SPAN,
            ids=frozenset(mine),
            part=Span(BEGAN, middle),
            part_ids=frozenset(id_ for id_, at in mine.items() if at < middle),
            nobody="ZZ00Z00Z",
        )

    @pytest.fixture(scope="class")
    def selector(self, loki: Loki) -> str:
        streams: dict[tuple[tuple[str, str], ...], list[list[Any]]] = {}
        for number, (id_, ns, who) in enumerate(history()):
            level = ("info", "warn", "error")[number % 3]
            line = [str(ns), self.line(id_, ns, who), {"trace_id": f"t-{id_}"}]
            streams.setdefault((("level", level),), []).append(line)
        return loki.push(streams)

    def line(self, id_: str, ns: int, who: str) -> str:
        return json.dumps(
            {
                "@timestamp": from_micros(ns // 1_000).isoformat(),
                "event": {"id": id_, "action": "sign_in"},
                "user.id" if id_.endswith("3") else "user_id": who,
                "user": {"id": who},
                "source": {"ip": "203.0.113.9"},
            }
        )

    @pytest.fixture
    async def source(self, loki: Loki, selector: str) -> AsyncIterator[EventSource]:
        source = loki.source(selector, **self.chosen)
        yield source
        await source.aclose()

    async def test_an_event_stands_where_loki_puts_its_line(self, source: EventSource, story: Story) -> None:
        at = {id_: ns // 1_000 for id_, ns, who in history() if who == ME}
        for event in events(await read(source, story.account, story.span)):
            assert event.time_us == at[event.id]
            assert (event.account, event.action, event.ip) == (ME, "sign_in", "203.0.113.9")

    async def test_says_from_when_to_when_there_are_lines(self, source: EventSource, story: Story) -> None:
        pages = await read(source, story.account, Span(BEGAN - 90 * DAY, BEGAN + 60 * DAY))
        (covers,) = {page.covers for page in pages if page.covers}
        times = [ns // 1_000 for ns in moments()]
        assert covers == Span(min(times), max(times) + 1) and pages[-1].covers is not None
        assert {event.id for event in events(pages)} == story.ids
        assert not any(page.partial for page in pages)

    async def test_an_account_is_a_value_never_logql(self, source: EventSource, story: Story) -> None:
        other = events(await read(source, OTHER, story.span))
        assert len(other) == 95 and {event.account for event in other} == {OTHER}
        assert events(await read(source, 'x" or user_id!="', story.span)) == []


class TestLokiOfLogfmt(TestLoki):
    """Lines of logfmt: labels are the record, the line stays as it is."""

    chosen = {"parser": "logfmt"}  # noqa: RUF012 - read only

    def line(self, id_: str, ns: int, who: str) -> str:
        return f"event_id={id_} event_action=sign_in user_id={json.dumps(who)} source_ip=203.0.113.9"

    async def test_keeps_the_raw_record_of_every_event(self, source: EventSource, story: Story) -> None:
        for event in events(await read(source, story.account, story.span)):
            assert event.raw.decode() == self.line(event.id, 0, ME)


async def test_lines_of_neither_are_known_by_their_metadata(loki: Loki) -> None:
    lines = [[str(BEGAN * 1_000 + n), f"signed in number {n}", {"user_id": ME}] for n in range(50)]
    selector = loki.push({(): lines})
    mapping = MappingSettings(records="flat", fields={"event.action": "message"}, constants={"event.dataset": "app"})
    source = loki.source(selector, mapping, parser="none", account_labels=("user_id",))
    got = events(await read(source, ME, SPAN))
    assert [event.raw.decode() for event in reversed(got)] == [line[1] for line in lines]
    assert {(event.source, event.account) for event in got} == {("app", ME)}
    assert len({event.id for event in got}) == 50
    await source.aclose()


async def test_lines_without_a_time_or_with_metadata_are_whole_records(loki: Loki) -> None:
    line = json.dumps({"event.action": "sign_in", "user.id": ME, "session.id": "in the line"})
    metadata = {"trace_id": "t-9", "session_id": "beside it"}
    selector = loki.push({(): [[str(BEGAN * 1_000 + n), line, metadata] for n in range(3)]})
    mapping = MappingSettings(fields={"target.id": "trace_id", "session.id": ("session.id", "session_id")})
    source = loki.source(selector, mapping, labels=("trace_id", "session_id"))
    got = events(await read(source, ME, SPAN))
    assert [(event.target, event.session) for event in got] == [("t-9", "in the line")] * 3
    assert {event.raw for event in got} == {line.encode()} and len({event.id for event in got}) == 3
    await source.aclose()


async def test_more_lines_of_one_nanosecond_than_loki_gives_are_a_hole_that_is_said(loki: Loki) -> None:
    ns = (BEGAN + DAY) * 1_000 + 5_000_000_007
    lines = [[str(ns), json.dumps({"user.id": ME, "event.id": f"e{n}", "event.action": "x"})] for n in range(6_000)]
    before = [str(ns - 10), json.dumps({"user.id": ME, "event.id": "before", "event.action": "x"})]
    source = loki.source(loki.push({(): [before, *lines]}), page=1_000)
    pages = await read(source, ME, SPAN)
    got = events(pages)
    assert len(got) == 5_001 and got[-1].id == "before"
    assert [page.why for page in pages if page.partial] == [
        "more than 5,000 lines of one nanosecond: Loki gives no more, the rest is missing"
    ]
    await source.aclose()


async def test_no_page_loses_what_a_chunk_ends_with(loki: Loki) -> None:
    """Whole milliseconds, the last of which ends the chunk: a question that begins there finds nothing by itself."""
    lines = [
        [str((BEGAN + n * 1_000) * 1_000), json.dumps({"user.id": ME, "event.id": f"e{n}", "event.action": "x"})]
        for n in range(10)
    ]
    source = loki.source(loki.push({(): lines}), page=2)
    for since in range(10):
        got = events(await read(source, ME, Span(BEGAN + since * 1_000, SPAN.until_us)))
        assert [event.id for event in got] == [f"e{n}" for n in reversed(range(since, 10))]
    await source.aclose()


async def test_what_cannot_be_asked_is_said_with_what_to_do(loki: Loki) -> None:
    asked: list[tuple[dict[str, Any], type[WorkstationError], str]] = [
        ({"tenant": ""}, SourceDenied, "tenant"),
        ({"selector": "{app="}, Invalid, "selector"),
        ({"selector": '{app=~".*"}'}, Invalid, "selector"),
        ({"page": 5_001}, Invalid, "page"),
    ]
    for chosen, error, word in asked:
        source = loki.source(**{"selector": '{app="none"}', **chosen})
        with pytest.raises(error) as caught:
            await read(source, ME, SPAN, str(SPAN.until_us * 1_000))
        await source.aclose()
        assert word in caught.value.sentence() and ME not in caught.value.sentence()
    for label in ("user.id", 'a="b" or c', ""):
        with pytest.raises(Invalid):
            loki.source('{app="none"}', account_labels=(label,))


async def test_another_tenants_lines_are_not_there(loki: Loki) -> None:
    line = json.dumps({"user.id": ME, "event.id": "e1", "event.action": "x"})
    selector = loki.push({(): [[str(BEGAN * 1_000), line]]}, tenant="other")
    source = loki.source(selector)
    assert events(await read(source, ME, SPAN)) == []
    await source.aclose()


async def test_no_streams_at_all_cover_nothing(loki: Loki) -> None:
    source = loki.source('{app="none"}')
    pages = await read(source, ME, SPAN)
    assert events(pages) == [] and pages[-1].covers == Span(SPAN.until_us, SPAN.until_us)
    await source.aclose()
