"""Rules of the face that a reader could only hope for: styles, markup, imports, the first frame."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FACE = sorted(
    [
        ROOT / "workstation/app.py",
        *(ROOT / "workstation/screens").rglob("*.py"),
        *(ROOT / "workstation/widgets").rglob("*.py"),
    ]
)
SHEETS = sorted((ROOT / "workstation").rglob("*.tcss"))
#: The sheets that are not of one screen: what every desk screen and every dialog shares.
OWNERS = {"frame": "DeskScreen", "dialog": "Dialog", "palette": "CommandPalette"}


def class_of(sheet: Path) -> str:
    if sheet.stem in OWNERS:
        return OWNERS[sheet.stem]
    source = (sheet.with_suffix(".py")).read_text("utf-8")
    found = re.search(r"class (\w+(?:Screen|Dialog))\(", source)
    assert found, sheet
    return found[1]


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.stem)
def test_every_rule_lies_under_its_screen(sheet: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text("utf-8"), flags=re.DOTALL)
    depth, top, selectors = 0, "", []
    for char in text:
        if char == "{":
            if depth == 0:
                selectors.append(top.strip())
                top = ""
            depth += 1
        elif char == "}":
            depth -= 1
        elif depth == 0:
            top += char
    assert selectors == [class_of(sheet)]
    assert "!important" not in text


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", FACE, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_text_is_ever_read_as_markup(path: Path) -> None:
    for call in calls(ast.parse(path.read_text("utf-8"))):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        assert name not in {"from_markup", "notify", "DataTable", "Markdown", "RichLog", "Label", "from_ansi"}, (
            f"{path.name}:{call.lineno}"
        )
        if name in {"Static", "Button"} and call.args:
            given = call.args[0]
            safe = isinstance(given, ast.Call) and getattr(given.func, "id", "") == "plain"
            assert safe or isinstance(given, ast.Name), f"{path.name}:{call.lineno} shows a bare text"


@pytest.mark.parametrize("path", FACE, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_titles_of_boxes_are_never_bare_texts(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr in ("border_title", "border_subtitle"):
                    values = [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]
                    for value in values:
                        empty = isinstance(value, ast.Constant) and value.value == ""
                        assert empty or (isinstance(value, ast.Call) and getattr(value.func, "id", "") == "plain")


FIRST_FRAME = """
import asyncio, sys
HEAVY = {"psycopg", "sqlmodel", "sqlalchemy", "httpx", "keyring", "fido2", "cryptography", "pydantic"}
HEAVY |= {"numpy", "sigma", "zstandard"}
from datetime import UTC, datetime
from workstation.app import WorkstationApp
from workstation.services.clock import FrozenClock

painted = []

async def connect():
    painted.append(app.screen._compositor.render_strips())
    found = HEAVY & {name.partition(".")[0] for name in sys.modules}
    assert not found, found
    await asyncio.Event().wait()

app = WorkstationApp(connect, clock=FrozenClock(datetime(2025, 11, 3, tzinfo=UTC)))

async def main():
    async with app.run_test() as pilot:
        await pilot.pause()
        lines = ["".join(s.text for s in strip) for strip in painted[0]]
        assert any("Reading the queue." in line for line in lines), lines
        assert any("connecting" in line for line in lines), lines

asyncio.run(main())
print("painted")
"""


def test_the_first_frame_is_painted_before_anything_slow_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_FRAME], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "painted", done.stderr


CRASH = """
import asyncio
from datetime import UTC, datetime
from workstation.app import WorkstationApp
from workstation.services.clock import FrozenClock

async def connect():
    await asyncio.Event().wait()

app = WorkstationApp(connect, clock=FrozenClock(datetime(2025, 11, 3, tzinfo=UTC)))

def fail():
    secret_of_a_client = "hunter2" + "-canary"
    raise RuntimeError("a fault")

app.call_later(fail)
app.run(headless=True)
"""


def test_a_crash_prints_no_values_of_variables() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert "RuntimeError: a fault" in done.stderr
    assert "hunter2-canary" not in done.stderr + done.stdout
