"""The broker killed on both sides of every step from the request to the client's notice, by SIGKILL, as a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import acting, mortal
from tests.faults.mortal import Point
from workstation.sandbox.place import Place

pytestmark = pytest.mark.long

#: Every step of an act that needs nobody else; the first test finds out whether these are all.
STEPS = ("GET v1/accounts", "ws.claim", "POST v1/accounts/acts", "ws.settle", "ws.tell_client")
POINTS = [Point(step, side) for step in STEPS for side in ("before", "after")]


async def test_these_are_all_steps(stage: Place, tmp_path: Path) -> None:
    desk = await acting.sit(stage, "ana.k")
    passed = tmp_path / "passed"
    broker = mortal.start("broker", stage.directory, passed=passed)
    try:
        await acting.is_done_once(stage, desk, await acting.ask_for_a_lock(desk))
    finally:
        acting.end(broker)
        await desk.aclose()
    found = {Point(*line.split("\t")) for line in passed.read_text().splitlines()}
    assert found == set(POINTS)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: " ".join(point))
async def test_killed_it_is_done_once(stage: Place, point: Point) -> None:
    desk = await acting.sit(stage, "ana.k")
    try:
        request = await acting.ask_for_a_lock(desk)
        acting.killed(mortal.start("broker", stage.directory, point=point))
        healthy = mortal.start("broker", stage.directory)
        try:
            await acting.is_done_once(stage, desk, request)
        finally:
            acting.end(healthy)
    finally:
        await desk.aclose()
