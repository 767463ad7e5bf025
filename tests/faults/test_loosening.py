"""The broker killed on both sides of every step of an act that a second person approved. Beside the real servers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults import acting, mortal
from tests.faults.mortal import Point
from tests.story import driver
from workstation.sandbox.place import Place
from workstation.services.views import Request
from workstation.services.workbench import Workbench

pytestmark = pytest.mark.long

STEPS = (
    "GET v1/accounts",
    "ws.attest_facts",
    "ws.claim",
    "POST v1/accounts/acts",
    "ws.settle",
    "ws.tell_client",
)
POINTS = [Point(step, side) for step in STEPS for side in ("before", "after")]


async def approved(stage: Place, sam: Workbench, olga: Workbench) -> Request:
    """Ask for a loosening act and have it approved while the broker lets nothing out."""
    judge = mortal.start("broker", stage.directory, judge_only=True)
    try:
        row = await sam.claim_next()
        assert row is not None
        await sam.open_case(row.id)
        await driver.step_up(sam)
        request = await sam.request_act(row.id, "send_password_reset", {}, "CLIENT_REQUEST_VERIFIED", driver.REASON)
        await driver.step_up(olga, request.request_hash)
        return await olga.approve(request)
    finally:
        await asyncio.to_thread(acting.end, judge)


async def test_these_are_all_steps(stage: Place, tmp_path: Path) -> None:
    sam, olga = await acting.sit(stage, "sam.o"), await acting.sit(stage, "olga.p")
    passed = tmp_path / "passed"
    request = await approved(stage, sam, olga)
    broker = mortal.start("broker", stage.directory, passed=passed)
    try:
        await acting.is_done_once(stage, sam, request)
    finally:
        await asyncio.to_thread(acting.end, broker)
        await sam.aclose()
        await olga.aclose()
    found = {Point(*line.split("\t")) for line in passed.read_text().splitlines()}
    assert found == set(POINTS)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: " ".join(point))
async def test_killed_it_is_done_once(stage: Place, point: Point) -> None:
    sam, olga = await acting.sit(stage, "sam.o"), await acting.sit(stage, "olga.p")
    try:
        request = await approved(stage, sam, olga)
        await asyncio.to_thread(acting.killed, mortal.start("broker", stage.directory, point=point))
        healthy = mortal.start("broker", stage.directory)
        try:
            await acting.is_done_once(stage, sam, request)
        finally:
            await asyncio.to_thread(acting.end, healthy)
    finally:
        await sam.aclose()
        await olga.aclose()
