"""A real OpenSearch and a real Elasticsearch as event sources."""

from __future__ import annotations

import json
import os
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.contracts.event_source import EventSourceContract, Story, events, read
from workstation.services.clock import SystemClock, from_micros
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.opensearch import SearchEvents
from workstation.services.connectors.logs.registry import source as source_of
from workstation.services.errors import Invalid, SourceBusy, SourceDown, SourceMissing
from workstation.services.timeline.source import Span
from workstation.settings import LogSettings, MappingSettings, OpenSearchSettings

from .conftest import absent

pytestmark = pytest.mark.real

#: 2026-01-01T00:00:00Z, microseconds.
BEGAN = 1_767_225_600_000_000
DAY = 86_400_000_000
ME, OTHER = "AA71N84G", "AA02K11P"


def document(number: int, at_us: int, account: str = ME) -> dict[str, Any]:
    return {
        "@timestamp": from_micros(at_us).isoformat().replace("+00:00", "Z"),
        "event": {"id": f"{account}-{number:05}", "action": "sign_in", "outcome": "success", "dataset": "auth"},
        "user": {"id": account, "name": "alice"},
        "source": {"ip": f"203.0.113.{number % 250}"},
        "user_agent": {"original": "Mozilla/5.0 (X11) | „Ünï“"},
    }


def times(rng: random.Random) -> list[int]:
    """Most events stand alone; a burst lies in a second, another one in a single millisecond, some share moments."""
    alone = [BEGAN + rng.randrange(30 * DAY) for _ in range(300)]
    burst = [BEGAN + 3 * DAY + rng.randrange(1_000_000) for _ in range(150)]
    one_ms = [BEGAN + 5 * DAY + rng.randrange(1_000) for _ in range(60)]
    return alone + burst + one_ms + rng.choices(alone, k=40)


class Cluster:
    """A running cluster; indices made here are its only ones."""

    def __init__(self, url: str, kind: str) -> None:
        self.url = url
        self.kind = kind
        self.client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def index(self, documents: list[dict[str, Any]], mappings: dict[str, Any] | None = None, shards: int = 3) -> str:
        name = f"auth-{uuid.uuid4().hex}"
        body: dict[str, Any] = {"settings": {"number_of_shards": shards, "number_of_replicas": 0}}
        body["mappings"] = mappings or {"dynamic_templates": [_AS_KEYWORDS]}
        self.client.put(f"/{name}", json=body).raise_for_status()
        lines = (f'{{"index":{{}}}}\n{json.dumps(each)}\n' for each in documents)
        headers = {"Content-Type": "application/x-ndjson"}
        made = self.client.post(f"/{name}/_bulk?refresh=true", content="".join(lines).encode(), headers=headers)
        assert not made.raise_for_status().json()["errors"]
        return name

    def source(self, index: str, surroundings: Surroundings, **chosen: Any) -> SearchEvents:
        table = LogSettings(
            name="auth",
            kind="opensearch",
            url=self.url,
            auth="none",
            opensearch=OpenSearchSettings(index=index, **{"page": 50, **chosen}),
        )
        made = source_of(table, "", surroundings)
        assert isinstance(made, SearchEvents)
        return made

    def end_snapshots(self) -> None:
        """Delete every point in time; Elasticsearch keeps no list of them."""
        if self.kind == "opensearch":
            self.client.delete("/_search/point_in_time/_all").raise_for_status()

    def snapshots(self) -> int:
        """Return how many points in time (or other contexts) are open."""
        stats = self.client.get("/_nodes/stats/indices/search").json()["nodes"].values()
        return sum(node["indices"]["search"]["open_contexts"] for node in stats)


_AS_KEYWORDS = {"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}


@pytest.fixture(scope="module", params=["OPENSEARCH", "ELASTICSEARCH"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    url = os.environ.get(f"WORKSTATION_REAL_{request.param}_URL")
    if not url:
        absent(request.param)
    cluster = Cluster(str(url), request.param.lower())
    yield cluster
    cluster.client.close()


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    rng = random.Random(11)
    mine = [document(number, at) for number, at in enumerate(times(rng))]
    others = [document(number, at, OTHER) for number, at in enumerate(times(rng))]
    every = mine + others
    rng.shuffle(every)
    return every


@pytest.fixture(scope="module")
def index(cluster: Cluster, documents: list[dict[str, Any]]) -> str:
    return cluster.index(documents)


def told(documents: list[dict[str, Any]]) -> Story:
    mine = [each for each in documents if each["user"]["id"] == ME]
    middle = BEGAN + 5 * DAY + 500
    before = from_micros(middle).isoformat()
    return Story(
        account=ME,
        span=Span(BEGAN, BEGAN + 30 * DAY),
        ids=frozenset(each["event"]["id"] for each in mine),
        part=Span(BEGAN, middle),
        part_ids=frozenset(each["event"]["id"] for each in mine if each["@timestamp"][:-1] < before[:26]),
        nobody="ZZ00Z00Z",
    )


class TestSearch(EventSourceContract):
    @pytest.fixture
    def story(self, documents: list[dict[str, Any]]) -> Story:
        return told(documents)

    @pytest.fixture
    async def source(self, cluster: Cluster, index: str, surroundings: Surroundings) -> AsyncIterator[SearchEvents]:
        source = cluster.source(index, surroundings)
        yield source
        await source.aclose()

    async def test_points_in_time_are_given_back(self, cluster: Cluster, source: SearchEvents, story: Story) -> None:
        before = cluster.snapshots()
        await read(source, story.account, story.span)
        pages = source.pages(story.account, story.span)
        await anext(pages)
        await pages.aclose()  # type: ignore[attr-defined]
        assert cluster.snapshots() == before

    async def test_says_from_when_to_when_the_index_reaches(self, source: SearchEvents, story: Story) -> None:
        pages = await read(source, story.account, Span(0, BEGAN + 60 * DAY))
        (covers,) = {page.covers for page in pages if page.covers}
        assert BEGAN <= covers.since_us < BEGAN + DAY and BEGAN + 29 * DAY < covers.until_us <= BEGAN + 30 * DAY
        assert not any(page.partial for page in pages)

    async def test_knows_the_dialect(self, cluster: Cluster, source: SearchEvents) -> None:
        assert (await source.index()).dialect == cluster.kind

    async def test_a_point_in_time_that_is_gone_is_replaced(
        self, cluster: Cluster, source: SearchEvents, story: Story
    ) -> None:
        got = []
        async for page in source.pages(story.account, story.span):
            got += page.events
            cluster.end_snapshots()
        assert {event.id for event in got} == story.ids and len(got) == len(story.ids)


class TestSearchInOneInstant(TestSearch):
    """Pages smaller than what one millisecond holds, so that it is parted by the tie-break."""

    @pytest.fixture
    async def source(self, cluster: Cluster, index: str, surroundings: Surroundings) -> AsyncIterator[SearchEvents]:
        source = cluster.source(index, surroundings, page=17)
        yield source
        await source.aclose()


class TestSearchAsTheStoreGuesses(TestSearch):
    """The default mapping, where every text is analysed and a keyword lies beside it."""

    @pytest.fixture(scope="class")
    def index(self, cluster: Cluster, documents: list[dict[str, Any]]) -> str:
        return cluster.index(documents, {"date_detection": True})


class TestSearchByNanoseconds(TestSearch):
    @pytest.fixture(scope="class")
    def index(self, cluster: Cluster, documents: list[dict[str, Any]]) -> str:
        time = {"@timestamp": {"type": "date_nanos"}}
        return cluster.index(documents, {"properties": time, "dynamic_templates": [_AS_KEYWORDS]})


async def test_an_instant_without_anything_to_tell_apart_says_what_is_missing(
    cluster: Cluster, surroundings: Surroundings
) -> None:
    same = [document(7, BEGAN) | {"event": {"action": "sign_in"}} for _ in range(60)]
    source = cluster.source(cluster.index([*same, document(1, BEGAN - DAY)]), surroundings, page=20)
    pages = await read(source, ME, Span(BEGAN - 2 * DAY, BEGAN + DAY))
    await source.aclose()
    assert [len(page.events) for page in pages if page.events] == [20, 1]
    assert "some are missing" in " ".join(page.why for page in pages if page.partial)


async def test_what_cannot_be_asked_is_said_with_what_to_do(cluster: Cluster, surroundings: Surroundings) -> None:
    index = cluster.index([{"when": "2026-01-01", "user": {"name": "x"}}])
    for chosen, error in (
        ({"index": "no-such"}, SourceMissing),
        ({"index": "no-such-*"}, SourceMissing),
        ({"index": index}, Invalid),
        ({"index": index, "account_fields": ("user.name",)}, Invalid),
        ({"index": index, "account_fields": ("user.name",), "time_field": "user.name"}, Invalid),
    ):
        source = cluster.source(chosen.pop("index"), surroundings, **chosen)  # type: ignore[arg-type]
        with pytest.raises(error) as caught:
            await read(source, ME, Span(BEGAN, BEGAN + DAY))
        await source.aclose()
        assert caught.value.hint


async def test_numbers_as_times_and_accounts(cluster: Cluster, surroundings: Surroundings) -> None:
    rows = [{"ts": 1_767_225_600 + number, "account": 42, "id": f"e{number}", "action": "x"} for number in range(90)]
    index = cluster.index(rows, {"properties": {"ts": {"type": "long"}}, "dynamic_templates": [_AS_KEYWORDS]})
    table = LogSettings(
        name="core",
        kind="opensearch",
        url=cluster.url,
        auth="none",
        mapping=MappingSettings(records="flat", time_unit="s"),
        opensearch=OpenSearchSettings(
            index=index, time_field="ts", account_fields=("account",), tie_break="id", page=20
        ),
    )
    source = source_of(table, "", surroundings)
    pages = await read(source, "42", Span(BEGAN, BEGAN + DAY))
    assert [event.id for event in events(pages)] == [f"e{number}" for number in reversed(range(90))]
    assert events(await read(source, "nobody", Span(BEGAN, BEGAN + DAY))) == []
    await source.aclose()


async def test_a_busy_cluster_is_asked_again_and_then_told_of(cluster: Cluster, index: str) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    source = cluster.source(index, Surroundings(clock=SystemClock(), rng=random.Random(1), sleep=sleep))
    await source.index()
    limit = {"transient": {"indices.breaker.request.limit": "1b"}}
    cluster.client.put("/_cluster/settings", json=limit).raise_for_status()
    try:
        with pytest.raises((SourceBusy, SourceDown)) as caught:
            pages = await read(source, ME, Span(BEGAN, BEGAN + 30 * DAY))
            assert any(page.partial for page in pages), "it answered all the same"
            raise SourceBusy("partly", "hint")
        assert caught.value.hint
    finally:
        limit["transient"]["indices.breaker.request.limit"] = None  # type: ignore[assignment]
        cluster.client.put("/_cluster/settings", json=limit).raise_for_status()
    await source.aclose()
