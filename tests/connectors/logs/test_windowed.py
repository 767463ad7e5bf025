"""Windows by what was seen: whatever lies where comes once and in order, with no more questions at once than meant."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.connectors.logs.window import Window
from workstation.services.connectors.logs.windowed import FIRST, WIDTH, Reading, Row, Rows
from workstation.services.timeline.mapping.columns import Mapped
from workstation.services.timeline.mapping.configured import reader
from workstation.services.timeline.source import Page, Span
from workstation.settings import MappingSettings

READ = reader(MappingSettings(records="flat", time_unit="s"), "store")
LENGTH_S = 10_000_000


class Store(Reading):
    """Rows at given seconds."""

    def __init__(self, times: Sequence[int], size: int) -> None:
        super().__init__("store", Span(0, LENGTH_S * 1_000_000), size, 1)
        self.rows = [
            Row(at, str(n), b'{"ts":%d,"id":"%d"}' % (at, n)) for n, at in enumerate(sorted(times, reverse=True))
        ]
        self.asked: list[Window] = []
        self.at_once = self.most = 0

    async def _newest(self, window: Window, size: int) -> Rows:
        self.asked.append(window)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        for _ in range(3):
            await asyncio.sleep(0)
        self.at_once -= 1
        return Rows([row for row in self.rows if window.low <= row.tick < window.high][:size])

    async def _instant(self, tick: int, found: Rows) -> Rows:
        return Rows([row for row in self.rows if row.tick == tick])

    def _mapped(self, rows: Sequence[Row], around_us: Sequence[int]) -> Mapped:
        return READ.batch([row.raw for row in rows], [row.id for row in rows], around_us)

    async def _coverage(self) -> Span | None:
        return None


async def everything(store: Store) -> list[Page]:
    return [page async for page in store.pages(None)]


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(
        st.one_of(st.integers(0, LENGTH_S - 1), st.integers(5_000, 5_200), st.integers(9_999_000, 9_999_050)),
        max_size=300,
    ),
    size=st.integers(1, 40),
)
def test_everything_comes_once_and_newest_first(times: list[int], size: int) -> None:
    store = Store(times, size)
    pages = asyncio.run(everything(store))
    ids = [event.id for page in pages for event in page.events]
    assert ids == [row.id for row in store.rows]
    assert store.most <= WIDTH
    # Each page says from where it would be read on.
    assert [page.cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]
    for page, after in itertools.pairwise(pages):
        if page.events and after.events:
            assert after.events[0].time_us < int(page.cursor or 0) * 1_000_000 <= page.events[-1].time_us + 1_000_000


@pytest.mark.parametrize("quiet_s", [0, 9_000_000])
async def test_a_window_that_holds_far_more_than_was_thought_is_read_at_once(quiet_s: int) -> None:
    """After a quiet stretch of months comes a dense one: its pages are not read one after the other."""
    store = Store([LENGTH_S - 1 - quiet_s - 2 * n for n in range(20_000)], 200)
    pages = await everything(store)
    assert sum(len(page.events) for page in pages) == 20_000
    assert store.most == WIDTH
    assert len(store.asked) < 2 * 20_000 / 200, "most windows hold about a page"
    assert len(pages[0].events) in (FIRST, FIRST - 1)
