"""Ten million events of one account in a real store: it opens, memory is bounded, what is not loaded is said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.real.test_clickhouse import Server
from tests.real.test_one_account import events, nothing, until, url
from workstation.services.timeline.loading.apart import Apart, Loaders
from workstation.services.timeline.loading.timeline import Timeline
from workstation.services.timeline.loading.wire import Begin
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.source import SourceState, Span
from workstation.services.timeline.working.columns import WorkingSet
from workstation.settings import ClickHouseSettings, LogSettings, MappingSettings, Settings, StoreSettings

pytestmark = pytest.mark.real

COUNT, LIMIT = 10_000_000, 300_000
ME = "AA71N84G"
#: 2024-01-01T00:00:00Z in seconds; an event every six seconds from there on, for 694 days.
BEGAN_S, STEP_S = 1_704_067_200, 6
SPAN = Span(BEGAN_S * 10**6, (BEGAN_S + COUNT * STEP_S) * 10**6)
#: The needle: one event of its own kind, a week after the beginning.
NEEDLE = 100_000
#: Bytes: an interpreter with its libraries, a working set of LIMIT events twice over, and pages on their way.
BOUND = 700 * 1024 * 1024


@pytest.fixture(scope="module")
def log() -> Iterator[LogSettings]:
    server = Server(url("CLICKHOUSE"))
    columns = "time DateTime, id String, account LowCardinality(String), action LowCardinality(String), ip String"
    table = server.table(columns, "account, time", [])
    action = f"if(number = {NEEDLE}, 'api_key.created', arrayElement(['sign_in', 'sign_out', 'trade'], number % 3 + 1))"
    server.run(
        f"INSERT INTO {table} SELECT toDateTime({BEGAN_S} + number * {STEP_S}), concat('e', toString(number)), '{ME}', "
        f"{action}, concat('203.0.113.', toString(number % 200)) FROM numbers({COUNT})"
    )
    fields: dict[str, str | tuple[str, ...]] = {"event.action": "action"}
    mapping = MappingSettings(records="flat", fields=fields, narrow={"event.action": "text"})
    chosen = ClickHouseSettings(table=table, page=5_000)
    yield LogSettings(name="ledger", kind="clickhouse", url=server.url, auth="none", clickhouse=chosen, mapping=mapping)
    server.run(f"DROP TABLE {table}")
    server.close()


@pytest.fixture
async def loaders() -> AsyncIterator[Loaders]:
    made = Loaders()
    yield made
    await made.aclose()


async def opened(loaders: Loaders, log: LogSettings, query: str = "") -> Timeline:
    timeline = Timeline(WorkingSet(limit_events=LIMIT), (log.name,), SPAN, parse(query))
    begin = Begin(
        account=ME,
        since_us=SPAN.since_us,
        until_us=SPAN.until_us,
        settings=msgspec.json.encode(Settings(store=StoreSettings(url=""), logs=(log,))),
        tokens={},
        sources=(log.name,),
        limit=LIMIT,
        query=query,
        now_us=SPAN.until_us,
    )
    await loaders.open(begin, timeline, nothing)
    return timeline


def most_memory(timeline: Timeline) -> int:
    """Return the most bytes that the loader's process ever held."""
    assert isinstance(timeline.control, Apart)
    status = Path(f"/proc/{timeline.control._process.pid}/status").read_text("utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


async def test_it_opens_and_says_what_is_not_loaded(loaders: Loaders, log: LogSettings) -> None:
    timeline = await opened(loaders, log)
    await until(timeline, lambda: len(timeline.working) > 0)
    assert timeline.loading and len(timeline.working) < LIMIT
    await until(timeline, lambda: not timeline.loading)
    assert len(timeline.working) == LIMIT
    seen = timeline.working.snapshot()
    oldest, newest = seen.order()[-1], seen.order()[0]
    assert seen.value(int(newest), "event.id") == f"e{COUNT - 1}"
    (line,), (gap,) = timeline.lines, timeline.gaps
    assert line.state is SourceState.PARTIAL and "not loaded" in line.why
    # Up to the newest event that is not there: the next one, six seconds before the oldest that is.
    assert (gap.since_us, gap.until_us) == (SPAN.since_us, int(seen.times()[oldest]) - STEP_S * 10**6 + 1)
    assert "Ask the stores" in gap.hint
    assert most_memory(timeline) < BOUND
    await timeline.aclose()


async def test_what_is_not_loaded_is_found_by_asking(loaders: Loaders, log: LogSettings) -> None:
    timeline = await opened(loaders, log, "event.action:api_key.created")
    await until(timeline, lambda: not timeline.loading)
    assert [event.id for event in events(timeline)] == [f"e{NEEDLE}"]
    (line,) = timeline.lines
    assert (line.state, line.events) == (SourceState.LIVE, 1)
    assert not timeline.gaps or all("no data" in gap.why for gap in timeline.gaps)
    assert most_memory(timeline) < BOUND
    await timeline.aclose()
