"""Events and sources to make timelines of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from workstation.services.timeline.event import Event
from workstation.services.timeline.source import ALL, Only, Page, Span

SPAN = Span(0, 1_000_000)


def event(identifier: str, time_us: int, source: str = "log", **fields: Any) -> Event:
    return Event(**{"id": identifier, "time_us": time_us, "source": source, "action": "sign_in", **fields})


def page(*events: Event, **fields: Any) -> Page:
    return Page(events=tuple(events), **fields)


class Script:
    """A source that does what it is told: yields pages, waits for awaitables, raises what is raised.

    Args:
        name: its name.
        steps: pages to yield, exceptions to raise, and functions whose result is awaited in between.
    """

    def __init__(self, name: str, steps: Sequence[Any]) -> None:
        self.name = name
        self.steps = steps
        self.closed = False
        self.ended = False

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        try:
            for step in self.steps:
                if isinstance(step, Page):
                    yield step
                elif isinstance(step, BaseException):
                    raise step
                else:
                    await step()
        finally:
            self.ended = True

    async def aclose(self) -> None:
        self.closed = True
