"""Fetching from a log store that is 50 ms away, by the connector of OpenSearch, into a working set.

The store is a process of its own on this machine that answers as OpenSearch does, from texts made beforehand, each
answer 50 ms late: so what is measured is the way and our side, not somebody's index. It is what a loader does with a
page: it is mapped, made a block, and taken in. Beside it: the mapping alone.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from typing import Any, NamedTuple

from bench.rows import Row
from workstation.services.clock import SystemClock
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.registry import source
from workstation.services.garbage import look_less
from workstation.services.timeline.mapping.configured import reader
from workstation.services.timeline.source import EventSource, Span
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Encoder
from workstation.settings import LogSettings, MappingSettings, OpenSearchSettings

EVENTS = 1_000_000
ROUND_TRIP_S = 0.05
#: 2026-01-01T00:00:00Z in milliseconds; events are a second apart.
BEGAN_MS, STEP_MS = 1_767_225_600_000, 1_000


def measure() -> list[Row]:
    """Return events a second, the time to the first page, and the mapping alone."""
    look_less()
    store = subprocess.Popen([sys.executable, "-m", "bench.fetch"], stdout=subprocess.PIPE)
    try:
        assert store.stdout is not None
        port = int(store.stdout.readline())
        runs = [asyncio.run(_fetch(port)) for _ in range(3)]
    finally:
        store.kill()
        store.wait()
    first_s = min(run[0] for run in runs)
    rate = max(run[1] for run in runs)
    alone = {"mapping alone": _mapping()}
    return [
        {"name": "fetch at 50 ms", "value": rate, "unit": "ev/s", "budget": "150,000", "beside": alone},
        {"name": "first page at 50 ms", "value": first_s * 1000, "unit": "ms", "budget": "1,000", "beside": {}},
    ]


async def _fetch(port: int) -> tuple[float, float]:
    table = LogSettings(
        name="store",
        kind="opensearch",
        url=f"http://127.0.0.1:{port}",
        auth="none",
        opensearch=OpenSearchSettings(index="auth"),
    )
    made = source(table, "", Surroundings(clock=SystemClock(), rng=random.Random(1)))
    found = await into_working_set(made, "AA71N84G", Span(BEGAN_MS * 1000, (BEGAN_MS + EVENTS * STEP_MS) * 1000))
    assert found.count == EVENTS, found.count
    return found.first_s, found.count / found.took_s


class Fetched(NamedTuple):
    """Seconds to the first page and for all, and how many events."""

    first_s: float
    took_s: float
    count: int


async def into_working_set(made: EventSource, account: str, span: Span) -> Fetched:
    """Read all of a source into a working set without raw records, as a loader does; close the source."""
    working, encoder = WorkingSet(raws=False), Encoder()
    began, first_s = time.perf_counter(), 0.0
    async for page in made.pages(account, span):
        working.append(encoder.encode(page.events))
        first_s = first_s or time.perf_counter() - began
    took = time.perf_counter() - began
    await made.aclose()
    return Fetched(first_s, took, len(working))


def _mapping() -> float:
    """Return events a second of the mapping of ECS documents, decoding included."""
    read, texts = reader(MappingSettings(), "store").batch, [_document(number) for number in range(20_000)]
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        for first in range(0, len(texts), 2_000):
            read(texts[first : first + 2_000])
        best = max(best, len(texts) / (time.perf_counter() - began))
    return best


def _document(number: int) -> bytes:
    at = time.gmtime((BEGAN_MS + number * STEP_MS) / 1000)
    record = {
        "@timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.123Z", at),
        "event": {"id": f"e{number:07}", "action": "sign_in", "category": ["authentication"], "outcome": "success"},
        "user": {"id": "AA71N84G", "name": "msilva92"},
        "source": {"ip": f"203.0.113.{number % 7}", "geo": {"country_iso_code": "PT"}, "as": {"number": 2860}},
        "user_agent": {"original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},
    }
    return json.dumps(record, separators=(",", ":")).encode()


class Store:
    """The answers of OpenSearch 2.19 to what the connector asks, about one account."""

    def __init__(self) -> None:
        self.hits = [
            b'{"_index":"auth","_id":"_%d","_score":null,"_source":%s,"sort":[%d,"e%07d"]}'
            % (number, _document(number), BEGAN_MS + number * STEP_MS + 123, number)
            for number in range(EVENTS)
        ]

    async def serve(self, incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        """Answer one connection's requests, each late by the round trip."""
        while not incoming.at_eof():
            try:
                head = await incoming.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            lines = head.lower().split(b"\r\n")
            length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
            body = json.loads(await incoming.readexactly(length) or b"{}")
            await asyncio.sleep(ROUND_TRIP_S)
            answer = self.answer(head.split(b" ")[1].split(b"?")[0].decode(), body)
            outgoing.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
            )
            outgoing.write(answer)
            await outgoing.drain()
        outgoing.close()

    def answer(self, path: str, body: dict[str, Any]) -> bytes:
        """Return the body of an answer."""
        if path == "/":
            return b'{"version":{"number":"2.19.6","distribution":"opensearch"}}'
        if path.endswith("/_field_caps"):
            kinds = {"user.id": "keyword", "@timestamp": "date", "event.id": "keyword"}
            fields = {name: {kind: _able(kind)} for name, kind in kinds.items()}
            return json.dumps({"indices": ["auth"], "fields": fields}).encode()
        if path.endswith("/point_in_time"):
            return b'{"pit_id":"p"}'
        hits, figures = b"", {}
        if "aggs" in body:
            figures = self._figures(body["aggs"])
        if "query" in body and body["size"]:
            within = body["query"]["bool"]["filter"][0]["range"]["@timestamp"]
            low, high = (self._place(within[name]) for name in ("gte", "lt"))
            hits = b",".join(self.hits[max(low, high - body["size"]) : high][::-1])
        return (
            b'{"took":1,"timed_out":false,"_shards":{"total":1,"failed":0},"hits":{"hits":[%s]},"aggregations":%s}'
            % (
                hits,
                json.dumps(figures).encode(),
            )
        )

    def _place(self, at_ms: int) -> int:
        return min(max(-(-(at_ms - BEGAN_MS - 123) // STEP_MS), 0), EVENTS)

    def _figures(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if "oldest" in wanted:
            last = BEGAN_MS + EVENTS * STEP_MS
            return {"oldest": {"value": float(BEGAN_MS)}, "newest": {"value": float(last)}}
        each = 1_000
        return {
            "by_time": {
                "buckets": [
                    {"key": BEGAN_MS + number * STEP_MS, "doc_count": each} for number in range(0, EVENTS, each)
                ]
            }
        }


def _able(kind: str) -> dict[str, Any]:
    return {"type": kind, "searchable": True, "aggregatable": True}


async def _serve() -> None:
    server = await asyncio.start_server(Store().serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
