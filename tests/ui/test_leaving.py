"""What leaves the terminal: by the clipboard, by a picture, by a crash. And what never does."""

from __future__ import annotations

import base64
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from textual.geometry import Offset
from textual.selection import Selection
from textual.widgets import Static

from tests.ui import paper_data as data
from tests.ui.driving import LONG, Driver, driving, two_packets
from tests.ui.paper_desk import Paper, replace
from workstation.services.errors import Refused
from workstation.widgets.choices import ChoiceList

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that the app hands to its terminal beside the picture."""
    found: list[str] = []
    monkeypatch.setattr("textual.drivers.headless_driver.HeadlessDriver.write", lambda self, data: found.append(data))
    return found


def clipboard(written: list[str]) -> list[str]:
    """Return what went to the terminal's clipboard (OSC 52)."""
    return [base64.b64decode(one[7:-1]).decode() for one in written if one.startswith("\x1b]52;c;")]


# -- the clipboard ---------------------------------------------------------------------------------


async def test_a_value_is_copied_after_it_is_on_record(written: list[str]) -> None:
    async with driving() as d:
        await d.press("n", "ctrl+c", "enter")
        assert d.desk.did("copied") == [(48_213, "event.dataset", 11)]
        assert clipboard(written) == ["account-log"]
        assert "Copied: event.dataset, 11 characters. That is on record." in d.word


async def test_a_copy_that_is_not_on_record_does_not_happen(written: list[str]) -> None:
    async with driving() as d:
        await d.press("n")
        d.desk.broken["copied"] = Refused("unknown", "There is no such thing.", "Read again.")
        await d.press("ctrl+c", "enter")
        assert not clipboard(written)
        assert not d.app.clipboard
        assert "There is no such thing." in d.word


async def test_what_is_copied_is_cleaned(written: list[str]) -> None:
    async with driving() as d:
        await d.press("n")
        d.app.copy_to_clipboard("a\x1b]0;OWNED\x07b\u202ec\rd")
        await d.settle()
        assert clipboard(written) == ["a␛]0;OWNED␇b⟦U+202E⟧c␍d"]


async def test_selected_text_goes_the_same_way(written: list[str]) -> None:
    async with driving() as d:
        await d.press("n")
        line = d.base.query_one("#case-line", Static)
        d.app.screen.selections = {line: Selection(Offset(0, 0), Offset(10, 0))}
        await d.press("ctrl+c")
        assert d.desk.did("copied") == [(48_213, "selected text", 10)]
        assert clipboard(written) == [" AA71 N84G"]


async def test_typed_text_goes_the_same_way(written: list[str]) -> None:
    async with driving() as d:
        await d.press("n", "o")
        d.fill("#text", "to a colleague")
        d.one("#text").select_all()
        await d.press("ctrl+c")
        assert d.desk.did("copied") == [(48_213, "selected text", 14)]
        assert clipboard(written) == ["to a colleague"]


async def test_a_code_is_never_copied(written: list[str]) -> None:
    async with driving("mia.s", methods=("totp",)) as d:
        await d.press("ctrl+e")
        d.fill("#proof", "123456")
        d.one("#proof").select_all()
        await d.press("ctrl+c")
        assert not clipboard(written)
        assert not d.desk.did("copied")


async def test_the_lock_empties_the_clipboard_of_what_we_put_there(written: list[str]) -> None:
    async with driving() as d:
        await d.press("n", "ctrl+c", "enter", "ctrl+l")
        assert clipboard(written) == ["account-log", ""]
        assert not d.app.clipboard


async def test_the_lock_leaves_a_clipboard_alone_that_is_not_ours(written: list[str]) -> None:
    async with driving() as d:
        await d.press("n", "ctrl+l")
        assert not clipboard(written)


# -- the mark --------------------------------------------------------------------------------------

MARK = "ana.k 2025-11-03 14:02Z"
#: A walk through everything that shows clients' data: what it is, and the keys that lead there from the place before.
WALK: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("queue", ()),
    ("account", ("n",)),
    ("note", ("o",)),
    ("mail", ("escape", "r")),
    ("packet", ("escape", "e")),
    ("acts", ("escape", "a")),
    ("arming", ("enter",)),
    ("reveal", ("escape", "v")),
    ("copying", ("escape", "ctrl+c")),
    ("escalations", ("escape", "3", "enter")),
    ("audit", ("escape", "6")),
)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_every_place_with_clients_data_says_who_looks_and_when(size: tuple[int, int]) -> None:
    async with driving(size=size, prepare=two_packets) as d:
        seen = set()
        for place, keys in WALK:
            await d.press(*keys)
            seen.add(d.at)
            assert MARK in d.seen(), place
        assert len(seen) == len(WALK)


async def test_the_mark_follows_the_minute() -> None:
    async with driving() as d:
        await d.press("n")
        d.paper.clock.move(timedelta(minutes=3))
        d.base.tick()
        await d.settle()
        assert "ana.k 2025-11-03 14:05Z" in d.seen()
        assert "14:02Z" not in d.seen()


async def test_the_mark_touches_no_line_with_text() -> None:
    """What a list and a pane show is the same with the mark and without it, but for empty lines and frames."""
    async with driving(size=(120, 40)) as d:
        await d.press("n")
        marked = rows(d)
        type(d.app).mark, kept = property(lambda self: ""), type(d.app).mark  # type: ignore[assignment,method-assign]
        try:
            d.base._show_mark("")
            await d.settle()
            bare = rows(d)
        finally:
            type(d.app).mark = kept  # type: ignore[method-assign]
        assert marked != bare
        for with_mark, without in zip(marked, bare, strict=True):
            assert with_mark == without or not without.strip("│╭╮╰╯─ ·") or without.startswith("╰") or MARK in with_mark


def rows(d: Driver) -> list[str]:
    return d.seen().splitlines()


# -- the canary ------------------------------------------------------------------------------------

#: What of a client may never be read in clear: not a letter of it is on a screen unless it was revealed.
CANARY = "canary-4711"


def planted(paper: Paper) -> None:
    """Give the client contacts that nobody may see unmasked, as a desk that forgot to mask would hand them over."""
    two_packets(paper)
    clear = {"email": f"x{CANARY}@mail.example", "phone": f"+3519100{CANARY}", "name": f"Maria {CANARY}"}
    contacts = tuple(replace(c, value=clear.get(str(c.kind), c.value)) for c in paper.account.contacts)
    paper.account = replace(paper.account, name=clear["name"], contacts=contacts)
    paper.clear = clear


@pytest.mark.parametrize(("login", "size"), [("ana.k", (120, 40)), ("mia.s", (80, 24))], ids=["120x40", "80x24"])
async def test_no_screen_shows_a_contact_in_clear(login: str, size: tuple[int, int], written: list[str]) -> None:
    async with driving(login, size=size, prepare=planted) as d:
        seen: list[str] = []
        for keys in (
            ("n",),
            *(("right",) for _ in range(7)),
            ("a",),
            ("escape", "r"),
            ("escape", "e"),
            ("escape", "l"),
        ):
            await d.press(*keys)
            seen.append(d.seen())
        for keys in (("escape", "3"), ("enter",), ("right",), ("6",), ("1",), ("question_mark",), ("escape", "2")):
            await d.press(*keys)
            seen.append(d.seen())
        await d.press("ctrl+c")
        seen.append(d.seen())
        assert CANARY not in "\n".join(seen)
        assert CANARY not in "".join(written)


async def test_a_revealed_field_is_seen_for_its_minute_alone(written: list[str]) -> None:
    async with driving(size=(120, 40), prepare=planted) as d:
        await d.press("n", "v", "enter")
        d.fill("#reason", LONG)
        await d.press("enter")
        assert d.seen().count(CANARY) == 1
        await d.press("ctrl+c")
        assert CANARY not in str(d.app.screen.query_one(ChoiceList).loaded)


# -- memory ----------------------------------------------------------------------------------------

PROBE = """
import ctypes, resource
from workstation.services.daemon import leave_no_memory
leave_no_memory()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_no_memory_is_left_behind() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["(0,", "0)", "0"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_every_command_begins_with_that() -> None:
    argv = [sys.executable, "-m", "workstation.cli", "map", "okta", "-"]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write("{}\n")
        process.stdin.flush()
        limits = ""
        while "Max core file size" not in limits or "unlimited" in core(limits):
            assert process.poll() is None
            limits = Path(f"/proc/{process.pid}/limits").read_text("utf-8")
        process.stdin.close()
    assert core(limits) == ["0", "0"]


def core(limits: str) -> list[str]:
    return next((line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file size")), [])


def test_the_world_of_the_canary_is_one() -> None:
    paper = Paper()
    planted(paper)
    assert CANARY in str(paper.account)
    assert data.account() != paper.account
