"""Drives the app on a paper desk, key by key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input, Select, TextArea

from tests.ui import paper_data as data
from tests.ui.paper_desk import Paper, PaperDesk, connector
from workstation.app import WorkstationApp
from workstation.widgets.word_line import WordLine

W = TypeVar("W", bound=Widget)
LONG = "The client called back from the number on record."


@dataclass
class Driver:
    """An app that runs, its desk, and the hands on its keys."""

    app: WorkstationApp
    paper: Paper
    desk: PaperDesk
    pilot: Pilot[None]

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
        await self.settle()

    async def settle(self) -> None:
        await self.pilot.pause()

    async def until(self, true: Callable[[], object]) -> None:
        """Let the app work until `true`; the test's own deadline is 100 rounds of its loop."""
        for _ in range(100):
            if true():
                return
            await self.pilot.pause(0.02)
        raise AssertionError("it never came to that")

    def fill(self, selector: str, text: str) -> None:
        field = self.app.screen.query_one(selector)
        if isinstance(field, Input | Select):
            field.value = text
        else:
            assert isinstance(field, TextArea)
            field.text = text

    def one(self, selector: str | type[W], kind: type[W] | None = None) -> Any:
        return self.app.screen.query_one(selector, kind) if kind else self.app.screen.query_one(selector)  # type: ignore[arg-type]

    @property
    def at(self) -> str:
        """The name of the screen on top."""
        return type(self.app.screen).__name__

    @property
    def base(self) -> Any:
        """The place under the dialogs."""
        return self.app.screen_stack[0]

    @property
    def word(self) -> str:
        return self.base.query_one(WordLine).word[0]

    def seen(self) -> str:
        """Return what the terminal shows, as lines of text."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)


@asynccontextmanager
async def driving(
    login: str = "ana.k",
    *,
    size: tuple[int, int] = (100, 30),
    prepare: Callable[[Paper], object] | None = None,
    paper: Paper | None = None,
    methods: tuple[str, ...] = ("fido2", "totp"),
    desk: type[PaperDesk] = PaperDesk,
    **options: Any,
) -> AsyncIterator[Driver]:
    """Run the app as `login` until the block ends."""
    paper = paper or Paper()
    if prepare is not None:
        prepare(paper)
    sat = desk(paper, login, methods)
    options = {"demo": True, "people": ("ana.k", "mia.s"), **options}
    app = WorkstationApp(options.pop("connect", connector(sat)), clock=paper.clock, **options)
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, paper, sat, pilot)
        await driver.settle()
        yield driver


def watched(paper: Paper) -> None:
    """Put alerts and broken glass before the leads."""
    two_packets(paper)
    paper.alerts, paper.reviews = data.alerts(), data.reviews()


def two_packets(paper: Paper) -> None:
    """Put two packets before the seniors, and a request of a colleague on the first."""
    paper.forward(paper.order[0])
    paper.forward(paper.order[3])
    paper.ask(paper.order[0])
