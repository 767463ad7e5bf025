"""Strips with late caches are drawn, cut and styled like Textual's own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.content import Content
from textual.strip import Strip

from workstation.widgets import lean
from workstation.widgets.lean_css import KeptRules
from workstation.widgets.pane import Pane


def test_the_installed_textual_has_the_strips_that_are_known() -> None:
    assert lean.lean_strips()
    assert lean.lean_strips(), "twice is once"


def test_a_cache_is_made_once_and_only_when_asked() -> None:
    lean.lean_strips()
    strip = Strip([Segment("abcdef")])
    slot = vars(Strip)["_divide_cache"]
    with pytest.raises(AttributeError):
        slot._get(strip)
    first = strip.divide([2, 6])
    assert strip.divide([2, 6]) is first, "the cache works"
    assert "".join(part.text for part in first) == "abcdef"


SAME = """
import sys
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip
if sys.argv[1] == "lean":
    from workstation.widgets import lean
    assert lean.lean_strips()
strip = Strip([Segment("日本", Style(bold=True)), Segment(" and "), Segment("é\\u0301x", Style(color="red"))])
parts = strip.divide([1, 4, 6, strip.cell_length])
print([p.text for p in parts], strip.crop(2, 7).text, strip.crop_extend(3, 20, None).text, strip.cell_length)
print(strip.apply_style(Style(italic=True)).render(Console(color_system="truecolor")), strip == strip.crop(0))
print(strip.apply_offsets(3, 4), strip.adjust_cell_length(30, Style(dim=True)), strip.simplify())
"""


def test_everything_a_strip_does_is_the_same() -> None:
    plain, late = (
        subprocess.run([sys.executable, "-c", SAME, how], capture_output=True, text=True, check=True).stdout
        for how in ("plain", "lean")
    )
    assert plain == late
    assert "日本" in plain


def test_a_textual_of_another_kind_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean, "CACHES", {"_divide_cache": 4})
    assert not lean.lean_strips()
    assert Strip([Segment("x", Style())]).text == "x"


def test_frames_come_sooner_where_textual_keeps_its_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean.screen, "UPDATE_PERIOD", 1 / 60)
    assert lean.quick_frames()
    assert lean.screen.UPDATE_PERIOD == lean.FRAME_S
    monkeypatch.delattr(lean.screen, "UPDATE_PERIOD")
    assert not lean.quick_frames()
    assert not hasattr(lean.screen, "UPDATE_PERIOD")


def test_a_style_sheet_is_parsed_once_for_the_same_variables() -> None:
    sheet = KeptRules(variables={"ink": "red"})
    for number in range(100):
        sheet.add_source(f".c{number} {{ color: $ink; }}", read_from=(f"f{number}", ""))
    sheet.reparse()
    rules = list(sheet.rules)
    sheet.add_source(".late { color: $ink; }", read_from=("late", ""))
    sheet.set_variables({"ink": "red"})
    sheet.reparse()
    assert len(sheet.rules) == 101
    assert all(was is now for was, now in zip(rules, sheet.rules, strict=False))
    sheet.set_variables({"ink": "blue"})
    sheet.reparse()
    assert {rule.styles.color.hex for rule in sheet.rules} == {"#0000FF"}


class _Long(App[None]):
    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict.fromkeys(("quiet", "faint", "row", "row-blurred", "elevated"), "gray")

    def compose(self) -> ComposeResult:
        yield Pane()


async def test_another_length_moves_the_bar_and_lays_out_nothing() -> None:
    app = _Long()
    async with app.run_test(size=(40, 10)) as pilot:
        pane = app.query_one(Pane)
        pane.write(Content("\n".join(map(str, range(50)))))
        await pilot.pause()
        assert pane.show_vertical_scrollbar
        laid = pane._layout_updates
        pane.scroll_to(y=40, animate=False)
        pane.write(Content("\n".join(map(str, range(30)))))
        await pilot.pause()
        assert pane.vertical_scrollbar.window_virtual_size == 30
        assert pane.scroll_offset.y == 20, "not beyond the last line"
        assert pane._layout_updates == laid
        pane.write(Content("one line"))
        await pilot.pause()
        assert not pane.show_vertical_scrollbar
        assert pane.scroll_offset.y == 0
