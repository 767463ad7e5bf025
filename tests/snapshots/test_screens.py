"""Pictures of the screens that the product is known by, in the smallest terminal and in a comfortable one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.widgets import Input, TextArea

from tests.ui.driving import two_packets
from tests.ui.paper_desk import Paper, PaperDesk, connector
from workstation.app import WorkstationApp

SIZES = [(80, 24), (120, 40)]


@pytest.fixture(autouse=True)
def nothing_blinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cursor that blinks is shown or not by chance."""
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
    monkeypatch.setattr(TextArea, "_toggle_cursor_blink_visible", lambda self: None)


def screen(
    login: str = "ana.k", prepare: Callable[[Paper], object] = two_packets, theme: str = "dark"
) -> WorkstationApp:
    paper = Paper()
    prepare(paper)
    app = WorkstationApp(connector(PaperDesk(paper, login)), clock=paper.clock, demo=True, people=("ana.k", "mia.s"))
    app.theme = theme
    return app


def plain_world(paper: Paper) -> None:
    """Change nothing."""


PICTURES: dict[str, tuple[Callable[[], WorkstationApp], list[str]]] = {
    "queue": (lambda: screen(prepare=plain_world), ["down", "down"]),
    "account": (lambda: screen(prepare=plain_world), ["n", "down", "down", "down", "down", "down"]),
    "escalation": (lambda: screen("mia.s"), ["3", "enter"]),
    "arming": (lambda: screen("mia.s"), ["3", "enter", "A"]),
    "elevated": (lambda: screen("mia.s"), ["3", "enter", "ctrl+e", "t"]),
}


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", PICTURES, ids=list(PICTURES))
def test_picture(name: str, size: tuple[int, int], snap_compare: Any) -> None:
    make, keys = PICTURES[name]
    assert snap_compare(make(), press=keys, terminal_size=size)


@pytest.mark.parametrize("theme", ["light", "high-contrast"])
def test_themes(theme: str, snap_compare: Any) -> None:
    assert snap_compare(screen(theme=theme, prepare=plain_world), press=["n", "down", "down"], terminal_size=(120, 40))
