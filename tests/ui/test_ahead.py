"""Keys pressed faster than they are handled reach what they were meant for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from textual import events

from tests.ui.driving import Driver, driving
from workstation.app import WorkstationApp
from workstation.screens.ahead import TypeAhead


def burst(d: Driver, *keys: str) -> None:
    """Press keys without waiting for any, as a terminal hands over what came while the program was busy."""
    assert d.app._driver is not None
    for key in keys:
        event = events.Key(key, key if len(key) == 1 else None)
        event.set_sender(d.app)
        d.app._driver.send_message(event)


async def test_a_tab_takes_the_text_after_it_along() -> None:
    async with driving("mia.s") as d:
        await d.press("n", "B")
        burst(d, "tab", *"INC-7781", "tab", *"nobody_else_is_on_shift", "tab", "tab")
        await d.until(lambda: d.one("#reason").value == "nobody_else_is_on_shift")
        assert d.one("#incident").value == "INC-7781"
        await d.until(lambda: d.app.focused is d.one("#yes"))


async def test_keys_that_nobody_takes_hold_up_nothing() -> None:
    async with driving() as d:
        burst(d, "f9", "f9", "down", "f9", "down")
        await d.until(lambda: d.base.ledger.place == 2)


async def test_a_key_that_opens_something_is_done_before_the_next() -> None:
    async with driving() as d:
        burst(d, "question_mark", "escape", "down")
        await d.until(lambda: d.base.ledger.place == 1)
        assert d.at == "QueueScreen"


async def test_a_paste_keeps_its_place_among_the_keys() -> None:
    async with driving("mia.s") as d:
        await d.press("n", "B")
        burst(d, "tab")
        assert d.app._driver is not None
        d.app._driver.send_message(events.Paste("INC-42"))
        burst(d, "tab", "x")
        await d.until(lambda: d.one("#reason").value == "x")
        assert d.one("#incident").value == "INC-42"


class Loop:
    """Runs what is called later when told to."""

    def __init__(self) -> None:
        self.later: list[Callable[[], Any]] = []

    def call_later(self, callback: Callable[[], Any]) -> None:
        self.later.append(callback)

    async def turn(self) -> None:
        """Run what was to be called later by now."""
        callbacks, self.later = self.later, []
        for callback in callbacks:
            done = callback()
            if done is not None:
                await done


async def test_a_key_between_two_turns_does_not_overtake_those_that_wait() -> None:
    order: list[str] = []

    async def deliver(event: events.Event) -> None:
        assert isinstance(event, events.Key)
        order.append(event.key)
        event._set_forwarded()

    loop = Loop()
    ahead = TypeAhead(cast("WorkstationApp", loop), deliver)
    a, b, c = (events.Key(key, key) for key in "abc")
    await ahead.take(a)
    await ahead.take(b)
    a.stop()
    await loop.turn()
    await ahead.take(c)
    for event in (b, c):
        await loop.turn()
        event.stop()
        await loop.turn()
    assert order == ["a", "b", "c"]
