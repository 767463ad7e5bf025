"""Every dialog fits the smallest terminal, whole: its frame, its answers and its keys."""

from __future__ import annotations

import pytest

from tests.ui.driving import Driver, driving, watched

pytestmark = pytest.mark.long

#: For each person a walk through the dialogs: what it is, and the keys that lead there; Esc leaves each.
WALKS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "ana.k": (
        ("help", ("question_mark",)),
        ("snooze", ("s",)),
        ("filter", ("n", "f")),
        ("label", ("l",)),
        ("note", ("o",)),
        ("mail", ("r",)),
        ("packet", ("e",)),
        ("acts", ("a",)),
        ("reveal", ("v",)),
        ("close", ("c",)),
        ("step", ("t",)),
        ("proof", ("P",)),
        ("copy", ("ctrl+c",)),
        ("values", ("g",)),
        ("queries", ("Q",)),
        ("order", ("N",)),
        ("sources", ("G",)),
    ),
    "mia.s": (
        ("step-up", ("ctrl+e",)),
        ("break-glass", ("n", "B")),
        ("arming", ("a", "down", "down", "down", "down", "enter")),
        ("approving", ("3", "y")),
        ("veto", ("V",)),
        ("arming the packet's act", ("enter", "A")),
        ("return", ("R",)),
    ),
    "lea.d": (
        ("who looked", ("6", "w")),
        ("alert", ("right", "enter")),
        ("judging", ("right", "enter")),
    ),
}


@pytest.mark.parametrize("login", WALKS, ids=list(WALKS))
async def test_every_dialog_fits(login: str) -> None:
    async with driving(login, size=(80, 24), prepare=watched) as d:
        for name, keys in WALKS[login]:
            await d.press(*keys)
            assert d.at.endswith("Dialog"), name
            fits(d, name)
            await d.press("escape")


def fits(d: Driver, name: str) -> None:
    frame = d.one("#dialog").region
    assert d.app.screen.region.contains_region(frame), name
    keys = d.one("#keys-line")
    assert keys.region.height == 1, name
    assert frame.contains_region(keys.region), name
    assert keys.render().cell_length <= keys.region.width + 3, f"{name}: the keys are cut"
    for button in d.app.screen.query("Button"):
        assert button.region.height == 1, f"{name}: {button.id}"
        assert frame.contains_region(button.region), f"{name}: {button.id}"
