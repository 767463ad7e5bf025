"""A key goes before what comes by itself, and what comes is never held up for good."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from textual import events
from textual.driver import Driver

from tests.ui.driving import driving
from tests.working.events import event
from workstation.services import garbage
from workstation.services import pace as module
from workstation.services.pace import Pace
from workstation.services.timeline.loading import apart
from workstation.services.timeline.loading.timeline import Timeline
from workstation.services.timeline.loading.wire import Came
from workstation.services.timeline.source import Span
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Encoder
from workstation.widgets import lean, sifting


async def _rounds(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_comes_waits_for_a_key_and_goes_on_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 60.0)
    monkeypatch.setattr(module, "LONGEST_S", 60.0)
    pace = Pace()
    await pace.turn()
    pace.key()
    waiting = asyncio.create_task(pace.turn())
    await _rounds()
    assert not waiting.done()
    pace.key()
    pace.rest()
    await waiting
    assert pace.still


async def test_a_key_is_over_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.0)
    monkeypatch.setattr(module, "LONGEST_S", 60.0)
    pace = Pace()
    pace.key()
    await pace.turn()
    assert pace.still


async def test_nothing_waits_longer_than_it_may_nor_for_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 60.0)
    monkeypatch.setattr(module, "LONGEST_S", 0.0)
    pace, asked = Pace(), asyncio.Event()
    pace.key()
    await pace.turn()
    assert not pace.still
    monkeypatch.setattr(module, "LONGEST_S", 60.0)
    waiting = asyncio.create_task(pace.turn(unless=asked))
    await _rounds()
    assert not waiting.done()
    asked.set()
    await waiting
    assert not pace.still


async def test_a_key_is_known_in_the_thread_that_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 60.0)
    pace, loop = Pace(), asyncio.get_running_loop()
    heard: list[Any] = []

    class _Driver:
        def process_message(self, message: Any) -> None:
            heard.append((message, pace.still))

    driver: Any = _Driver()
    lean.first_of_keys(driver, lambda: pace.coming(loop))
    key, move = events.Key("a", "a"), events.AppFocus()
    await asyncio.to_thread(driver.process_message, move)
    assert heard == [(move, True)]
    await asyncio.to_thread(driver.process_message, key)
    assert heard == [(move, True), (key, False)]
    assert hasattr(Driver, "process_message"), "what is wrapped is still there"


async def test_a_block_is_taken_in_after_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 60.0)
    monkeypatch.setattr(module, "LONGEST_S", 60.0)
    timeline = Timeline(WorkingSet(), ("a",), Span(0, 10))
    loader = apart.Apart.__new__(apart.Apart)
    loader._timeline = timeline
    block = Came(Encoder().encode([event("1", 1)]).to_bytes())
    timeline.pace = pace = Pace()
    pace.key()
    taking = asyncio.create_task(loader._hear(block))
    await _rounds()
    assert not len(timeline.working)
    pace.rest()
    await taking
    assert len(timeline.working) == 1


async def test_what_flows_in_is_shown_after_the_key_and_what_is_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sifting, "AT_ONCE", 0)
    monkeypatch.setattr(sifting, "BREATH_S", 0.001)
    monkeypatch.setattr(module, "LONGEST_S", 60.0)
    async with driving(size=(120, 40)) as driver:
        await driver.press("enter")
        pane = driver.base.timeline
        await driver.until(lambda: pane.total)
        monkeypatch.setattr(module, "ANSWER_S", 60.0)
        shown: list[object] = []
        show = pane._show
        pane._show = lambda sifted: (shown.append(sifted), show(sifted))
        driver.app.pace.key()
        pane.sift_soon(asked=False)
        for _ in range(10):
            await driver.pilot.pause()
        assert not shown
        pane.set_folding(True)
        await driver.until(lambda: shown)
        assert not driver.app.pace.still
        assert pane.timeline.pace is driver.app.pace


def test_garbage_is_looked_for_where_there_is_some(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda generation: looked.append(generation) or 0)
    for counts in ((10, 0, 0), (garbage.TIDY, 0, 0), (garbage.TIDY, 21, 0), (garbage.TIDY, 0, 51)):
        monkeypatch.setattr(gc, "get_count", lambda counts=counts: counts)
        assert garbage.tidy() == (counts[0] > 10)
    assert looked == [0, 1, 2]
