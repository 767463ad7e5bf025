"""Strips with late caches are drawn, cut and styled like Textual's own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from workstation.widgets import lean


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
