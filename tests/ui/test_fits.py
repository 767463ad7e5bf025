"""Every dialog fits the smallest terminal, whole: its frame, its answers and its keys."""

from __future__ import annotations

import pytest

from tests.ui.driving import driving, watched

DIALOGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "filter": ("ana.k", ("n", "f")),
    "label": ("ana.k", ("n", "l")),
    "note": ("ana.k", ("n", "o")),
    "mail": ("ana.k", ("n", "r")),
    "packet": ("ana.k", ("n", "e")),
    "acts": ("ana.k", ("n", "a")),
    "arming": ("mia.s", ("n", "a", "down", "down", "down", "down", "enter")),
    "arming the packet's act": ("mia.s", ("3", "enter", "A")),
    "approving": ("mia.s", ("3", "y")),
    "veto": ("mia.s", ("3", "V")),
    "return": ("mia.s", ("3", "enter", "R")),
    "reveal": ("ana.k", ("n", "v")),
    "close": ("ana.k", ("n", "c")),
    "step": ("ana.k", ("n", "t")),
    "proof": ("ana.k", ("n", "P")),
    "copy": ("ana.k", ("n", "ctrl+c")),
    "break-glass": ("mia.s", ("n", "B")),
    "step-up": ("mia.s", ("ctrl+e",)),
    "snooze": ("ana.k", ("s",)),
    "alert": ("lea.d", ("6", "right", "enter")),
    "judging": ("lea.d", ("6", "right", "right", "enter")),
    "help": ("ana.k", ("question_mark",)),
}


@pytest.mark.parametrize("name", DIALOGS, ids=list(DIALOGS))
async def test_a_dialog_fits(name: str) -> None:
    login, keys = DIALOGS[name]
    async with driving(login, size=(80, 24), prepare=watched) as d:
        await d.press(*keys)
        frame = d.one("#dialog").region
        assert d.app.screen.region.contains_region(frame), frame
        lines = d.one("#keys-line")
        assert lines.region.height == 1
        assert frame.contains_region(lines.region)
        assert lines.render().cell_length <= lines.region.width + 3, "the keys are cut"
        for button in d.app.screen.query("Button"):
            assert button.region.height == 1
            assert frame.contains_region(button.region), button.id
