"""A question and its answer are one frame; a dialog opens with what it is for; what lies behind is dimmed alike."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen
from textual.widgets import Static

from tests.ui.driving import driving
from workstation.screens.dialogs import facets as dialog
from workstation.services.timeline.working import summary
from workstation.services.timeline.working.columns import WorkingSet
from workstation.widgets.dimmed import Dimmed
from workstation.widgets.together import Together


class _Asking(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("question", id="one")


async def test_frames_are_held_until_the_answer_and_only_then() -> None:
    app = _Asking()
    async with app.run_test() as pilot:
        together = Together(app.query_one("#one"))
        together.asked()
        together.asked()
        assert together.holding
        assert app._batch_count == 1, "asked twice is held once"
        together.answered()
        await pilot.pause()
        assert not together.holding
        assert not app._batch_count
        together.answered()
        await pilot.pause()
        assert not app._batch_count, "an answer to nothing releases nothing"


async def test_a_question_without_an_answer_is_painted_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workstation.widgets.together.HOLD_S", 0.001)
    app = _Asking()
    async with app.run_test() as pilot:
        together = Together(app.query_one("#one"))
        together.asked()
        for _ in range(50):
            if not together.holding:
                break
            await pilot.pause()
        assert not app._batch_count


async def test_a_query_is_painted_with_its_rows() -> None:
    async with driving(size=(120, 40)) as driver:
        await driver.press("enter")
        await driver.until(lambda: driver.base.timeline.total)
        await driver.press("slash")
        for key in "sign":
            await driver.press(key)
        pane = driver.base.timeline
        frames: list[tuple[bool, int]] = []
        show = driver.app._display

        def seen(screen: Any, frame: Any) -> None:
            frames.append((pane.typing, pane.shown))
            show(screen, frame)

        driver.app._display = seen  # type: ignore[method-assign]
        before = pane.shown
        await driver.press("enter")
        assert pane.query_in_force
        assert 0 < pane.shown < before
        assert (False, before) not in frames, "no frame has the line closed and the rows of before"
        assert frames[-1] == (False, pane.shown)


async def test_what_was_asked_is_no_draft_of_the_query_before() -> None:
    async with driving(size=(120, 40)) as driver:
        await driver.press("enter")
        await driver.until(lambda: driver.base.timeline.total)
        await driver.press("slash", "a", "enter", "less_than_sign", "slash")
        assert driver.base.timeline.query_line.field.value == ""
        await driver.press("b", "escape", "slash")
        assert driver.base.timeline.query_line.field.value == "b", "what was not asked is there again"


async def test_values_are_counted_before_their_dialog_opens() -> None:
    async with driving(size=(120, 40)) as driver:
        await driver.press("enter")
        await driver.until(lambda: driver.base.timeline.total)
        await driver.press("g")
        await driver.until(lambda: driver.at == "FacetsDialog")
        assert driver.app.screen._counted is not None  # type: ignore[attr-defined]
        assert not any(worker.group == "count" for worker in driver.app.workers)
        assert driver.app.screen.values.keys  # type: ignore[attr-defined]


async def test_a_count_that_takes_long_goes_on_in_the_dialog(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, stopped = threading.Event(), threading.Event()

    def slow(*args: Any, check: Any) -> None:
        go_on.wait(10)
        try:
            check()
        finally:
            stopped.set()

    monkeypatch.setattr(dialog, "OPENING_S", 0.0)
    monkeypatch.setattr(summary, "facets", slow)
    assert await dialog.counted_at_once(WorkingSet().snapshot(), None) is None
    go_on.set()
    assert await asyncio.to_thread(stopped.wait, 10), "it ends without an answer that nobody reads"


def test_what_lies_behind_is_dimmed_as_textual_does_it() -> None:
    color = Color(20, 30, 40, 0.6)
    segments = [
        Segment("a", Style(color="red", bgcolor="#102030", bold=True)),
        Segment("b", None),
        Segment("c", Style(meta={"@click": "app.leave"})),
        Segment("\x1b[H", None, [(1,)]),  # type: ignore[list-item]
    ]
    for tint in (color, Color(0, 0, 0, 0)):
        dimmed = list(Dimmed.process_segments(segments, tint))
        assert dimmed == list(BackgroundScreen.process_segments(segments, tint))
        assert dimmed[2].style is not None
        assert not dimmed[2].style.meta
