"""Pictures of the screens that the product is known by, in the smallest terminal and in a comfortable one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from tests.ui.driving import two_packets, watched
from tests.ui.paper_desk import Paper, PaperDesk, connector, replace
from workstation.app import WorkstationApp
from workstation.services.accounts.model import Standing
from workstation.services.views import BreakGlass, Claim, Findings

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


def cooling(paper: Paper) -> None:
    """A reset that one more person agreed to, and that cools down while the client may still stop it."""
    two_packets(paper)
    asked = paper.ask(paper.order[0], "remove_factor")
    agreed = ("Mia Sørensen",)
    paper.requests[asked.id] = replace(asked, params={"factor": "f-2"}, approvers=agreed, stage="cools down")
    paper.clock.move(timedelta(hours=3, minutes=12))


def refused(paper: Paper) -> None:
    """A packet that recommends what is not allowed now."""
    two_packets(paper)
    case = paper.order[0]
    paper.packets[case] = replace(paper.packets[case], act="remove_factor")
    paper.blocked = True


def broken(paper: Paper) -> None:
    """Broken glass, nine minutes old."""
    two_packets(paper)
    start = paper.clock.now()
    paper.glass = BreakGlass(
        on=True,
        id=1,
        case_id=paper.order[0],
        case_ref=paper.rows[paper.order[0]].ref,
        incident="INC-7781",
        reason="Our own lock keeps a hospital from paying its staff tonight.",
        seconds_left=1800.0,
        review_due_at=start + timedelta(hours=24),
    )
    paper.clock.move(timedelta(minutes=9, seconds=8))


def investigated(paper: Paper) -> None:
    """A takeover whose devices are labelled, with three claims of the client."""
    made = Standing(id="w-1", kind="withdrawal_address", label="bc1qar0srrr7xfkvy5l643lydnw9re59gtzzx9f4")
    paper.account = replace(paper.account, standing=(made,), tells=("api_key",))
    said = {
        "I did not remove the second factor.": ("contradicted", (1,), ""),
        "I was asleep at six in the morning.": ("cannot_know", (), "No source covers who sat there."),
        "My phone was with me all day.": ("open", (), ""),
    }
    now = paper.clock.now()
    claims = (
        Claim(
            id=n, said=words, added_by="ana.k", added_at=now, verdict=verdict, why=why, pins=pins, mail=1,
            judged_by="ana.k" if verdict != "open" else "", judged_at=now if verdict != "open" else None,
        )
        for n, (words, (verdict, pins, why)) in enumerate(said.items(), 1)
    )  # fmt: skip
    paper.findings = Findings(claims=tuple(claims))


REASON = [*"the SIM was swapped;", "space", *"the old number is needed", "enter"]

PICTURES: dict[str, tuple[Callable[[], WorkstationApp], list[str]]] = {
    "queue": (lambda: screen(prepare=plain_world), ["down", "down"]),
    "account": (lambda: screen(prepare=plain_world), ["n", "down", "down", "down", "down", "down"]),
    "escalation": (lambda: screen("mia.s"), ["3", "enter"]),
    "acts": (lambda: screen(prepare=plain_world), ["n", "a", "down", "down", "down", "down"]),
    "arming": (lambda: screen("mia.s"), ["3", "enter", "A"]),
    "refusal": (lambda: screen("mia.s", refused), ["3", "enter", "A"]),
    "elevated": (lambda: screen("mia.s"), ["3", "enter", "ctrl+e", "t"]),
    "cool-down": (lambda: screen("mia.s", cooling), ["3", "enter", "right"]),
    "break-glass": (lambda: screen("mia.s"), ["n", "B"]),
    "broken-glass": (lambda: screen("mia.s", broken), ["n", "ctrl+e", "t"]),
    "judging": (lambda: screen("lea.d", watched), ["6", "right", "right", "enter"]),
    "alerts": (lambda: screen("lea.d", watched), ["6", "right"]),
    "reveal": (lambda: screen(prepare=plain_world), ["n", "v", "down", "enter", *REASON]),
    "locked": (lambda: screen(), ["n", "ctrl+l"]),
    "standing": (lambda: screen(prepare=investigated), ["n", "S"]),
    "related": (lambda: screen(prepare=investigated), ["n", "W"]),
    "claims": (lambda: screen(prepare=investigated), ["n", *["right"] * 4]),
    "typing": (lambda: screen(prepare=plain_world), ["n", "slash", *"-action:login", "space", *"country:P"]),
    "filters": (lambda: screen(prepare=plain_world), ["n", "slash", *"-trade", "space", *"country:NL", "enter", "F"]),
    "bars": (lambda: screen(prepare=plain_world), ["n", "m", "h", "v", "left", "left", "left"]),
    "values": (lambda: screen(prepare=plain_world), ["n", "g", "right"]),
    "lanes": (lambda: screen(prepare=plain_world), ["n", "L"]),
    "queries": (lambda: screen(prepare=plain_world), ["n", "slash", *"login", "enter", "Q", "s", *"sign-ins", "enter"]),
    "sources": (lambda: screen(prepare=plain_world), ["n", "G", "end"]),
}


#: What a thread finds out after the last key, by words that say that it is there.
AWAITED = {
    "typing": "168 events",
    "values": "23 values of event.action",
    "queries": "Kept as sign-ins.",
}
#: Pictures that the smallest terminal says enough about.
SMALL = {"acts", "broken-glass", "judging", "alerts", "filters", "queries", "sources"}
TAKEN = [(name, size) for name in PICTURES for size in (SIZES[:1] if name in SMALL else SIZES)]


@pytest.mark.parametrize(("name", "size"), TAKEN, ids=[f"{name}-{w}x{h}" for name, (w, h) in TAKEN])
def test_picture(name: str, size: tuple[int, int], snap_compare: Any) -> None:
    make, keys = PICTURES[name]

    async def walk(pilot: Pilot[None]) -> None:
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
        for _ in range(200):
            if AWAITED.get(name, "") in seen(pilot.app):
                return
            await pilot.pause(0.02)
        raise AssertionError(f"{AWAITED[name]} never came")

    assert snap_compare(make(), run_before=walk, terminal_size=size)


def seen(app: App[None]) -> str:
    """Return what the terminal shows, as lines of text."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


@pytest.mark.parametrize("theme", ["light", "high-contrast"])
def test_themes(theme: str, snap_compare: Any) -> None:
    assert snap_compare(screen(theme=theme, prepare=plain_world), press=["n", "down", "down"], terminal_size=(120, 40))
