"""A frame that draws only what is seen is the frame that Textual makes, and what lies behind draws nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from workstation.widgets import lean_paint
from workstation.widgets.lean_paint import TEXTUALS


class _Lines(Widget):
    DEFAULT_CSS = "_Lines { height: 1fr; }"
    drawn: list[int]

    def on_mount(self) -> None:
        self.drawn = []

    def render_lines(self, crop: Region) -> list[Strip]:
        self.drawn += crop.line_range
        return super().render_lines(crop)

    def render(self) -> str:
        return "\n".join(f"line {n} 日本" for n in range(30))


class _Over(ModalScreen[None]):
    CSS = "_Over { align: center middle; } #front { width: 11; height: 3; border: solid red; }"

    def compose(self) -> ComposeResult:
        yield Static("above", id="front")


class _Boxed(App[None]):
    CSS = """
    Screen { layers: below above; }
    #box { border: solid blue; padding: 0 1; height: 12; }
    #aside { layer: above; offset: 5 3; width: 9; height: 2; background: green; }
    """

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static("title")
            yield _Lines()
        yield Static("aside", id="aside")


def _painted(chops: Iterable[Any], ends: list[list[int]], crop: Region, lines: set[int]) -> list[list[tuple[Any, ...]]]:
    found = []
    for y, (pieces, cut) in enumerate(zip(chops, ends, strict=True)):
        if y in crop.line_range and y in lines:
            within = [p for (x, p), end in zip(pieces.items(), cut[1:], strict=True) if x < crop.right and end > crop.x]
            found.append([(cell, style) for piece in within for text, style, _ in piece for cell in text])
    return found


@pytest.mark.parametrize("modal", [False, True])
async def test_a_frame_is_the_same(modal: bool) -> None:
    assert TEXTUALS is not None
    app = _Boxed()
    async with app.run_test(size=(40, 16)) as pilot:
        if modal:
            await app.push_screen(_Over())
        await pilot.pause()
        compositor = app.screen._compositor
        crops = [
            compositor.size.region,
            Region(0, 0, 3, 16),
            Region(7, 3, 4, 5),
            Region(1, 2, 38, 1),
            Region(20, 0, 20, 9),
        ]
        for crop in crops:
            for lines in (set(range(16)), {2, 5}):
                made, textuals = (
                    _painted(way(compositor, crop, lines.__contains__), compositor.cuts, crop, lines)
                    for way in (lean_paint._render_chops, TEXTUALS)
                )
                assert made == textuals
                assert made or not lines & set(crop.line_range)


async def test_only_lines_that_are_seen_are_drawn() -> None:
    app = _Boxed()
    async with app.run_test(size=(40, 16)) as pilot:
        await pilot.pause()
        lines = app.query_one(_Lines)
        x, y, width, height = lines.region
        lines.drawn.clear()
        lean_paint._render_chops(app.screen._compositor, Region(x, y + 2, width, 3), {y + 3}.__contains__)
        assert lines.drawn == [3]
        lines.drawn.clear()
        lean_paint._render_chops(app.screen._compositor, Region(0, y - 1, 40, 1), lambda line: True)
        assert not lines.drawn
        behind = app.query_one("#box", Vertical)
        drawn: list[Region] = []
        behind.render_lines = lambda crop: drawn.append(crop) or []  # type: ignore[method-assign, func-returns-value]
        lean_paint._render_chops(app.screen._compositor, Region(x, y, width, height), lambda line: True)
        assert not drawn


def test_a_textual_of_another_kind_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_paint, "TEXTUALS", lambda self, crop: [])
    assert not lean_paint.lean_paint()
    monkeypatch.setattr(lean_paint, "TEXTUALS", None)
    assert not lean_paint.lean_paint()
