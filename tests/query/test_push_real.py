"""The query DSL, asked of a real OpenSearch and a real Elasticsearch: no event is lost, and what is called exact is."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from tests.query.stores import columns
from tests.query.trees import ADDRESSES, NOW_US, SHORT, WORDS, trees
from tests.timeline.events import event
from workstation.services.clock import from_micros
from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.query.ast import Node, Query, asking
from workstation.services.timeline.query.edit import with_value
from workstation.services.timeline.query.fields import INGESTED, TIME
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.query.one import matches
from workstation.services.timeline.query.push import elastic
from workstation.services.timeline.query.push.bounds import Column, Stored

pytestmark = pytest.mark.real

LONGEST = 64
COLUMNS = columns(ip=Stored.IP, tick_us=1_000, longest=LONGEST)
RISKS = ["", "9", "10", "9.0", "high", "-2", "62.5"]
TEXTS = [*WORDS, *SHORT, "s" * (LONGEST + 1), "10.0.0.0/8"]
EVENTS = [
    event(
        f"e{number}",
        NOW_US - number * 7_200_000_123,
        ingested_us=NOW_US - number * 3_600_000_001 if number % 3 else 0,
        action=TEXTS[number % len(WORDS)],
        device=text,
        target=TEXTS[-number],
        user_agent=TEXTS[(number * 7) % len(TEXTS)],
        ip=ADDRESSES[number % len(ADDRESSES)],
        category=("iam", "iam, session", "")[number % 3],
        risk=RISKS[number % len(RISKS)],
    )
    for number, text in enumerate(TEXTS)
]


def _document(event: Event) -> dict[str, Any]:
    texts = {name: event.value(name) for name in FIELDS if event.value(name) or name == "target.id"}
    times = {TIME: event.time_us, INGESTED: event.ingested_us}
    return texts | {name: from_micros(us).isoformat() for name, us in times.items() if us}


def _type(name: str, column: Column) -> dict[str, Any]:
    kinds = {Stored.TEXT: "keyword", Stored.IP: "ip", Stored.NUMBER: "double", Stored.TIME: "date"}
    only = {"ignore_above": LONGEST} if column.stored is Stored.TEXT else {}
    return {"type": kinds[column.stored], **only} | (
        {"ignore_malformed": True} if column.stored in (Stored.IP, Stored.NUMBER) else {}
    )


@pytest.fixture(scope="module", params=["OPENSEARCH", "ELASTICSEARCH"])
def index(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    url = os.environ.get(f"WORKSTATION_REAL_{request.param}_URL")
    if not url:
        why = os.environ.get(f"WORKSTATION_REAL_NO_{request.param}", "start it with tests/real/run")
        if os.environ.get("CI") == "true":
            pytest.fail(f"{request.param.lower()}: {why}")
        pytest.skip(f"{request.param.lower()}: {why}")
    name = f"push-{uuid.uuid4().hex}"
    with httpx.Client(base_url=str(url), timeout=30) as client:
        mapping = {"properties": {name: _type(name, column) for name, column in COLUMNS.items()}}
        client.put(f"/{name}", json={"mappings": mapping}).raise_for_status()
        lines = [
            line
            for number, one in enumerate(EVENTS)
            for line in (json.dumps({"index": {"_id": str(number)}}), json.dumps(_document(one)))
        ]
        answer = client.post(
            f"/{name}/_bulk?refresh=true",
            content="\n".join(lines) + "\n",
            headers={"Content-Type": "application/x-ndjson"},
        )
        assert answer.json()["errors"] is False, answer.text[:2000]
        client.base_url = httpx.URL(f"{url}/{name}/")
        yield client
        client.delete("").raise_for_status()


def _found(index: httpx.Client, query: Query) -> tuple[set[int], bool]:
    pushed = elastic.query_dsl(query, COLUMNS, NOW_US)
    if pushed.nothing:
        return set(), pushed.exact
    asked = {"size": 1_000, "_source": False, "query": pushed.condition or {"match_all": {}}}
    answer = index.post("_search", json=asked)
    assert answer.status_code == 200, (asked, answer.text[:2000])
    body = answer.json()
    assert body["_shards"]["failed"] == 0
    return {int(hit["_id"]) for hit in body["hits"]["hits"]}, pushed.exact


def _kept(query: Query) -> set[int]:
    return {number for number, one in enumerate(EVENTS) if matches(query, one, NOW_US)}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees)
def test_no_event_is_lost(index: httpx.Client, tree: Node) -> None:
    if any(word in str(tree) for word in ("pinned:", "mark:", "label:")):
        return
    found, exact = _found(index, asking(tree))
    assert _kept(asking(tree)) <= found
    assert not exact or _kept(asking(tree)) == found


def test_a_hostile_value_is_found_as_itself(index: httpx.Client) -> None:
    for value in {one.device for one in EVENTS}:
        query = with_value(Query(), "device.id", value)
        found, _ = _found(index, query)
        assert _kept(query) <= found, value


SIGNS = [
    r"device:*\{\}*",
    'device:"#@&<>~"',
    r"device:*\"*",
    "device:*.*",
    r"device:*\\*",
    "device:a?b",
    "action:*ign*",
    "-action:sign*",
]


def test_signs_of_the_stores_own_expressions_mean_nothing(index: httpx.Client) -> None:
    for text in SIGNS:
        found, _ = _found(index, parse(text))
        assert _kept(parse(text)) <= found < set(range(len(EVENTS))), text
