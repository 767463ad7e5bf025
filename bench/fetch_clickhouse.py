"""Fetching from a ClickHouse that is 50 ms away, as :mod:`bench.fetch` does from a search store.

Here nothing is counted beforehand: windows follow what was seen. The events come evenly, and in bursts of ten minutes.
"""

from __future__ import annotations

import asyncio
import bisect
import json
import random
import subprocess
import sys
from urllib.parse import parse_qsl

from bench.fetch import BEGAN_MS, EVENTS, ROUND_TRIP_S, STEP_MS, _document, into_working_set
from bench.rows import Row
from workstation.services.clock import SystemClock
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.registry import source
from workstation.services.garbage import look_less
from workstation.services.timeline.source import Span
from workstation.settings import ClickHouseSettings, LogSettings, MappingSettings

#: Accounts of the store: one whose events come evenly, one whose events come in bursts.
EVEN, BURSTS = "even", "bursts"
#: Bursts, of as many events each.
STRETCHES = 250


def measure() -> list[Row]:
    """Return events a second, evenly and in bursts, and the time to the first page."""
    look_less()
    store = subprocess.Popen([sys.executable, "-m", "bench.fetch_clickhouse"], stdout=subprocess.PIPE)
    try:
        assert store.stdout is not None
        port = int(store.stdout.readline())
        even = [asyncio.run(_fetch(port, EVEN)) for _ in range(3)]
        bursts = [asyncio.run(_fetch(port, BURSTS)) for _ in range(3)]
    finally:
        store.kill()
        store.wait()
    rate, first_s = max(run[1] for run in even), min(run[0] for run in even)
    beside = {"in bursts": max(run[1] for run in bursts)}
    return [
        {"name": "ClickHouse at 50 ms", "value": rate, "unit": "ev/s", "budget": "150,000", "beside": beside},
        {"name": "ClickHouse, first page", "value": first_s * 1000, "unit": "ms", "budget": "1,000", "beside": {}},
    ]


async def _fetch(port: int, account: str) -> tuple[float, float]:
    table = LogSettings(
        name="store",
        kind="clickhouse",
        url=f"http://127.0.0.1:{port}",
        auth="none",
        mapping=MappingSettings(time="@timestamp"),
        clickhouse=ClickHouseSettings(table="events"),
    )
    made = source(table, "", Surroundings(clock=SystemClock(), rng=random.Random(1)))
    span = Span(BEGAN_MS * 1000, (BEGAN_MS + 2 * EVENTS * STEP_MS) * 1000)
    found = await into_working_set(made, account, span)
    assert found.count == EVENTS, found.count
    return found.first_s, found.count / found.took_s


class Store:
    """The answers of ClickHouse to what the connector asks, about two accounts."""

    def __init__(self) -> None:
        rng = random.Random(4)
        starts = sorted(rng.randrange(EVENTS * STEP_MS) for _ in range(STRETCHES))
        bursts = sorted(start + rng.randrange(600_000) for start in starts for _ in range(EVENTS // STRETCHES))
        self.times = {EVEN: [number * STEP_MS for number in range(EVENTS)], BURSTS: bursts}
        self.rows = {account: [self._row(*each) for each in enumerate(at)] for account, at in self.times.items()}

    def _row(self, number: int, at: int) -> bytes:
        even = at // STEP_MS
        record = _document(even).replace(b'"e%07d"' % even, b'"e%07d"' % number)
        record = record.replace(b".123Z", b".%03dZ" % ((at + 123) % 1_000))
        return b'["%d", "e%07d", %s]' % (BEGAN_MS + at + 123, number, record)

    async def serve(self, incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        """Answer one connection's requests, each late by the round trip."""
        while not incoming.at_eof():
            try:
                head = await incoming.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            lines = head.lower().split(b"\r\n")
            length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
            sql = (await incoming.readexactly(length)).decode()
            asked = dict(parse_qsl(head.split(b" ")[1].partition(b"?")[2].decode()))
            await asyncio.sleep(ROUND_TRIP_S)
            answer = self.answer(sql, asked)
            outgoing.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
            )
            outgoing.write(answer)
            await outgoing.drain()
        outgoing.close()

    def answer(self, sql: str, asked: dict[str, str]) -> bytes:
        """Return the body of an answer."""
        if "LIMIT 0" in sql:
            kinds = (("time", "DateTime64(3)"), ("id", "String"), ("account", "String"))
            meta = json.dumps([{"name": name, "type": kind} for name, kind in kinds])
            return f'{{"meta":{meta},"data":[],"rows":0}}'.encode()
        if "count()" in sql:
            last = BEGAN_MS + EVENTS * STEP_MS
            return f'{{"meta":[],"data":[["{EVENTS}","{BEGAN_MS}","{last}"]],"rows":1}}'.encode()
        times, rows = self.times[asked["param_account"]], self.rows[asked["param_account"]]
        low = bisect.bisect_left(times, int(asked["param_low"]) - BEGAN_MS - 123)
        high = bisect.bisect_right(times, int(asked["param_last"]) - BEGAN_MS - 123)
        found = rows[max(low, high - int(sql.split("LIMIT ")[1].split()[0])) : high][::-1]
        return b'{"meta":[],"data":[%s],"rows":%d}' % (b",".join(found), len(found))


async def _serve() -> None:
    server = await asyncio.start_server(Store().serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
