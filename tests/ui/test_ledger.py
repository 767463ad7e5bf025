"""The virtual table: widths, the cursor that is a record, windows of rows."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from tests.ui import paper_data as data
from tests.ui.driving import driving
from tests.ui.paper_desk import Paper
from workstation.services.views import Mark
from workstation.widgets.case_row import COLUMNS as CASE_COLUMNS
from workstation.widgets.cells import Cell, Column, fit, place, tidy
from workstation.widgets.empty import empty
from workstation.widgets.event_columns import SETS
from workstation.widgets.ledger import KEPT, Ledger
from workstation.widgets.order import heir
from workstation.widgets.themes import DARK

TEXTS = st.text(max_size=60) | st.sampled_from([*data.HOSTILE, "王小明", "e\u0301\u0301", "👍🏽👍", "ไทย"])


@given(TEXTS, st.integers(1, 40), st.sampled_from(["left", "right"]))
@settings(max_examples=200)
def test_a_cell_is_exactly_as_wide_as_told(text: str, width: int, side: str) -> None:
    assert cell_len(fit(tidy(text), width, side)) == width  # type: ignore[arg-type]


@given(st.sampled_from([CASE_COLUMNS, *SETS.values()]), st.integers(10, 300))
@settings(max_examples=100)
def test_columns_fill_the_room_and_never_more(columns: tuple[Column, ...], room: int) -> None:
    placed = place(columns, room)
    used = sum(p.width for p in placed) + len(placed) - 1
    assert used <= room or len(placed) == 1
    assert all(p.width >= p.column.width for p in placed)
    assert [p.at for p in placed] == sorted(p.at for p in placed)


def test_at_eighty_columns_the_queue_keeps_what_decides() -> None:
    kept = {p.column.key for p in place(CASE_COLUMNS, 75)}
    assert {"due", "risk", "case", "kind", "account", "why", "holder"} <= kept


@given(
    st.lists(st.integers(0, 50), unique=True, min_size=1),
    st.lists(st.integers(0, 50), unique=True, min_size=1),
    st.data(),
)
@settings(max_examples=200)
def test_the_cursor_stays_on_its_record_or_the_nearest(was: list[int], keys: list[int], draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(was) - 1))
    place_ = heir(keys, was, at, was[at])
    assert 0 <= place_ < len(keys)
    if was[at] in keys:
        assert keys[place_] == was[at]
    elif after := [key for key in was[at + 1 :] if key in keys]:
        assert keys[place_] == after[0]
    elif before := [key for key in was[:at] if key in keys]:
        assert keys[place_] == before[-1]


class Numbers(Ledger[int, str]):
    def __init__(self) -> None:
        super().__init__((Column(key="n", title="n", width=8, flex=True),), empty("Nothing.", "Wait."))

    def cells(self, row: str) -> Sequence[Cell]:
        return (Cell(row),)


class NumbersApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self.asked: list[tuple[int, ...]] = []

    def compose(self) -> ComposeResult:
        yield Numbers()

    def on_ledger_wanted(self, event: Ledger.Wanted) -> None:
        self.asked.append(event.keys)
        event.ledger.put({key: f"row {key}" for key in event.keys})


async def test_only_windows_of_a_long_list_are_asked_for() -> None:
    app = NumbersApp()
    async with app.run_test(size=(40, 12)) as pilot:
        ledger = app.query_one(Numbers)
        ledger.show(range(200_000))
        await pilot.pause()
        await pilot.press("end")
        await pilot.pause()
        assert ledger.cursor == 199_999
        assert ledger.row() == "row 199999"
        assert sum(map(len, app.asked)) < 400
        assert all(len(keys) < 200 for keys in app.asked)
        for _ in range(60):
            ledger.action_page(-1)
            await pilot.pause()
        assert len(ledger.loaded) <= KEPT


async def test_rows_that_come_above_leave_the_cursor_on_its_line_of_the_screen() -> None:
    app = NumbersApp()
    async with app.run_test(size=(40, 12)) as pilot:
        ledger = app.query_one(Numbers)
        keys = tuple(range(100))
        ledger.show(keys, {key: f"row {key}" for key in keys})
        await pilot.press(*["down"] * 30)
        line = ledger.place - ledger.scroll_offset.y
        assert (ledger.cursor, line) == (30, 10)
        for more in (5, 50):
            new = tuple(range(1_000, 1_000 + more))
            keys = (*new, *keys)
            ledger.show(keys, {key: f"row {key}" for key in keys})
            assert (ledger.cursor, ledger.place - ledger.scroll_offset.y) == (30, line)
        await pilot.pause()
        assert (ledger.cursor, ledger.place - ledger.scroll_offset.y) == (30, line)


async def test_rows_that_are_gone_say_so_and_are_not_asked_for_again() -> None:
    app = NumbersApp()
    async with app.run_test(size=(40, 12)) as pilot:
        ledger = app.query_one(Numbers)
        ledger.show(range(20))
        await pilot.pause()
        ledger.put({}, gone=frozenset({0, 1}))
        app.asked.clear()
        await pilot.pause()
        assert not app.asked
        assert "no longer here" in "".join(segment.text for segment in ledger.render_line(1))


async def test_a_click_moves_the_cursor_and_a_second_one_opens() -> None:
    opened: list[object] = []

    class Clicked(NumbersApp):
        def on_ledger_opened(self, event: Ledger.Opened) -> None:
            opened.append(event.key)

    app = Clicked()
    async with app.run_test(size=(40, 12)) as pilot:
        ledger = app.query_one(Numbers)
        ledger.show(range(20))
        await pilot.pause()
        await pilot.click(Numbers, offset=(4, 5))
        assert ledger.cursor == 4
        assert not opened
        await pilot.click(Numbers, offset=(4, 5))
        assert opened == [4]


async def test_fifty_arrivals_leave_the_cursor_where_it_is() -> None:
    async with driving() as d:
        await d.press("down", "down", "down")
        ledger = d.base.ledger
        held, place_ = ledger.cursor, ledger.place
        d.paper.arrive(50)
        d.desk.hint("cases")
        await d.settle()
        assert "50 new, press g" in d.seen()
        assert (ledger.cursor, ledger.place) == (held, place_)
        await d.press("g")
        assert ledger.cursor == held
        assert ledger.place == place_ + 50
        assert "50 new" not in d.seen()
        assert ledger.row().id == held


async def test_a_smaller_terminal_loses_neither_cursor_nor_filter_nor_draft() -> None:
    async with driving(size=(120, 40)) as d:
        await d.press("n", "slash")
        d.fill("#filter", "device:d-12")
        await d.press("enter", "end", "o", "H", "i")
        held = d.base.timeline.ledger.cursor
        await d.pilot.resize_terminal(80, 24)
        await d.settle()
        assert d.one("#text").text == "Hi"
        await d.press("escape")
        assert d.base.timeline.ledger.cursor == held
        assert d.base.timeline.query_in_force
        assert d.base.timeline.ledger.has_focus
        assert held in d.base.timeline.ledger.in_sight()
        assert not d.one("#card-box").display
        await d.press("left", "left")
        assert d.base.tabs.active == "account" or "account" in [tab for tab, _, _ in d.base.tabs.tabs]


async def test_the_timeline_keeps_its_cursor_while_pages_come() -> None:
    async with driving(paper=Paper(events=400)) as d:
        await d.press("n", "down", "down", "down")
        ledger = d.base.timeline.ledger
        held = ledger.cursor
        d.base.read_timeline(d.base.view.account.id)
        await d.settle()
        assert ledger.cursor == held
        assert d.base.timeline.total == 400


async def test_what_comes_in_elsewhere_draws_no_row_again_and_a_mark_does() -> None:
    async with driving(paper=Paper(events=400)) as d:
        await d.press("n")
        pane = d.base.timeline
        ledger, timeline = pane.ledger, pane.timeline
        assert timeline is not None
        seen = [ledger.render_line(y) for y in range(ledger.size.height)]
        older = [
            msgspec.structs.replace(event, id=f"older {event.id}", time_us=event.time_us - 10**13)
            for event in d.paper.events
        ]
        timeline.control.come(older)  # type: ignore[union-attr]
        await d.settle()
        assert pane.total == 800
        assert all(was is ledger.render_line(y) for y, was in enumerate(seen[1:], 1)), "the same strips"
        row = ledger.event_row
        assert row is not None
        timeline.marks = (Mark(rule="r", title="t", severity="high", why="w", innocent="i", events=(), rows=(row,)),)
        timeline.told()
        await d.settle()
        assert "◆" in ledger.render_line(ledger.place - ledger.scroll_offset.y + 1).text
