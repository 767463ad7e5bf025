"""The loader as a process: what it reads arrives, what kills it is said, and nothing of it is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.loading.contract_server import LogStore, log_store
from workstation.services.acts.refusals import refused
from workstation.services.clock import SystemClock, to_micros
from workstation.services.timeline.loading.apart import Apart, Loaders
from workstation.services.timeline.loading.timeline import Timeline
from workstation.services.timeline.loading.wire import Begin
from workstation.services.timeline.source import SourceState, Span
from workstation.services.timeline.working.columns import WorkingSet
from workstation.settings import LogSettings, Settings, StoreSettings

SPAN = Span(0, 10**12)
TOKEN = "the-read-token-of-this-test"


@pytest.fixture
def store() -> Iterator[LogStore]:
    with log_store([n * 1_000_000 for n in range(1, 36)]) as made:
        yield made


@pytest.fixture
async def loaders() -> AsyncIterator[Loaders]:
    made = Loaders()
    yield made
    await made.aclose()


async def nothing(what: str, args: tuple[Any, ...]) -> Any:
    assert what == "imported"
    return []


Answers = Callable[[str, tuple[Any, ...]], Any]


async def opened(
    loaders: Loaders, store: LogStore, answers: Answers = nothing, limit: int = 1_000, live_s: float = 0.0
) -> Timeline:
    settings = Settings(store=StoreSettings(url=""), logs=(LogSettings(name="log", url=store.url),))
    sources = ("log", "imported")
    timeline = Timeline(WorkingSet(limit_events=limit), sources, SPAN)
    begin = Begin(
        account="A",
        since_us=SPAN.since_us,
        until_us=SPAN.until_us,
        settings=msgspec.json.encode(settings),
        tokens={"logs:read": TOKEN},
        sources=sources,
        limit=limit,
        live_s=live_s,
    )
    await loaders.open(begin, timeline, answers)
    return timeline


async def until(timeline: Timeline, true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await timeline.news()


def process_of(timeline: Timeline) -> asyncio.subprocess.Process:
    assert isinstance(timeline.control, Apart)
    return timeline.control._process


async def test_what_it_reads_arrives_in_order(loaders: Loaders, store: LogStore) -> None:
    timeline = await opened(loaders, store)
    await until(timeline, lambda: not timeline.loading)
    seen = timeline.working.snapshot()
    assert [seen.event(int(row)).time_us for row in seen.order()] == store.times_us
    assert [(line.name, line.state) for line in timeline.lines] == [
        ("log", SourceState.LIVE),
        ("imported", SourceState.LIVE),
    ]
    assert b'"event.id":"e1000000"' in seen.event(int(seen.order()[-1])).raw
    assert store.tokens == {f"Bearer {TOKEN}"}
    await timeline.aclose()


async def test_imported_records_come_by_way_of_the_session(loaders: Loaders, store: LogStore) -> None:
    raw = b'{"@timestamp":"1970-01-01T00:00:07Z","event.id":"i1","event.action":"kept","user.target.id":"A"}'

    async def answers(what: str, args: tuple[Any, ...]) -> Any:
        assert (what, args[0]) == ("imported", "A")
        return [("ecs", "i1", 7_000_000, raw)]

    timeline = await opened(loaders, store, answers)
    await until(timeline, lambda: not timeline.loading)
    seen = timeline.working.snapshot()
    assert sorted({seen.peek(int(row)).source for row in seen.order()}) == ["imported:ecs", "log"]
    await timeline.aclose()


async def test_a_rule_that_says_no_is_said_in_its_words(loaders: Loaders, store: LogStore) -> None:
    async def answers(what: str, args: tuple[Any, ...]) -> Any:
        raise refused("not_opened")

    timeline = await opened(loaders, store, answers)
    await until(timeline, lambda: not timeline.loading)
    imported = next(line for line in timeline.lines if line.name == "imported")
    assert imported.state is SourceState.FAILED and "not open" in imported.why
    await timeline.aclose()


async def test_a_full_working_set_is_said_and_not_exceeded(loaders: Loaders, store: LogStore) -> None:
    timeline = await opened(loaders, store, limit=15)
    await until(timeline, lambda: not timeline.loading)
    assert len(timeline.working) == 15
    assert any("full" in gap.why for gap in timeline.gaps)
    await timeline.aclose()


async def test_a_killed_loader_takes_nothing_away_and_is_said(loaders: Loaders, store: LogStore) -> None:
    store.hold = 2
    timeline = await opened(loaders, store)
    await until(timeline, lambda: len(timeline.working) == 20)
    process_of(timeline).send_signal(signal.SIGKILL)
    await until(timeline, lambda: not timeline.loading)
    assert len(timeline.working) == 20
    (line,) = (one for one in timeline.lines if one.name == "log")
    assert (line.state, line.why) == (SourceState.FAILED, "its loader ended unexpectedly")
    assert [gap.source for gap in timeline.gaps if "ended" in gap.why and gap.source == "log"] == ["log"]
    timeline.again()
    timeline.stop()
    await timeline.aclose()


async def test_stopping_and_going_on(loaders: Loaders, store: LogStore) -> None:
    store.hold = 2
    timeline = await opened(loaders, store)
    await until(timeline, lambda: len(timeline.working) == 20)
    timeline.stop()
    await until(timeline, lambda: not timeline.loading)
    assert [line.state for line in timeline.lines if line.name == "log"] == [SourceState.PARTIAL]
    store.hold = None
    store.go.set()
    timeline.again("log")
    await until(timeline, lambda: len(timeline.working) == 35 and not timeline.loading)
    assert timeline.gaps == ()
    await timeline.aclose()


async def test_what_is_new_comes_by_itself(loaders: Loaders, store: LogStore) -> None:
    timeline = await opened(loaders, store, live_s=0.05)
    await until(timeline, lambda: not timeline.loading)
    store.times_us.insert(0, to_micros(SystemClock().now()))
    await until(timeline, lambda: len(timeline.working) == 36)
    await timeline.aclose()


async def test_closing_leaves_no_process(loaders: Loaders, store: LogStore) -> None:
    store.hold = 1
    timeline = await opened(loaders, store)
    await until(timeline, lambda: len(timeline.working) == 10)
    process = process_of(timeline)
    await timeline.aclose()
    assert process.returncode is not None


async def test_a_workstation_that_vanishes_takes_its_loader_along(loaders: Loaders, store: LogStore) -> None:
    timeline = await opened(loaders, store)
    await until(timeline, lambda: not timeline.loading)
    process = process_of(timeline)
    assert process.stdin is not None
    process.stdin.close()  # what the kernel does for a process that is gone
    async with asyncio.timeout(30):
        assert await process.wait() == 0
    await timeline.aclose()


async def test_the_next_one_is_ready_before_it_is_needed(loaders: Loaders, store: LogStore) -> None:
    loaders.prepare()
    assert loaders._spare is not None
    spare = await loaders._spare
    timeline = await opened(loaders, store)
    assert process_of(timeline) is spare
    assert loaders._spare is not None
    await timeline.aclose()


async def test_a_spare_one_that_was_killed_is_replaced(loaders: Loaders, store: LogStore) -> None:
    loaders.prepare()
    assert loaders._spare is not None
    spare = await loaders._spare
    spare.kill()
    await spare.wait()
    timeline = await opened(loaders, store)
    await until(timeline, lambda: not timeline.loading)
    assert len(timeline.working) == 35
    await timeline.aclose()


async def test_nothing_is_in_reserve_unless_somebody_asks_for_it(loaders: Loaders, store: LogStore) -> None:
    timeline = await opened(loaders, store)
    assert loaders._spare is None
    await timeline.aclose()


async def test_the_rules_are_asked_when_everything_is_here(loaders: Loaders, store: LogStore) -> None:
    timeline = await opened(loaders, store)
    assert not timeline.marked
    async with asyncio.timeout(30):
        await timeline.judged()
    assert (timeline.failed_rules, len(timeline.rulebook)) == ((), 32)
    await timeline.aclose()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc on this system")
async def test_nothing_secret_is_in_its_arguments_or_environment(
    loaders: Loaders, store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKSTATION_CANARY", "canary-in-the-environment")
    timeline = await opened(loaders, store)
    await until(timeline, lambda: not timeline.loading)
    place = Path(f"/proc/{process_of(timeline).pid}")
    seen = place.joinpath("cmdline").read_bytes()
    try:
        seen += place.joinpath("environ").read_bytes()
    except PermissionError:
        assert os.geteuid() != 0  # closed even to its own user, which is the point
    assert TOKEN.encode() not in seen and b"canary" not in seen
    await timeline.aclose()
