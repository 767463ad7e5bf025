"""The database killed on both sides of every step of an act: the broker waits, and finds out what became of it."""

from __future__ import annotations

import pytest

from tests.faults import acting, mortal
from tests.faults.mortal import Point
from tests.faults.test_broker import POINTS
from tests.story import driver
from workstation.sandbox.place import Place
from workstation.services.errors import StoreError
from workstation.services.workbench import Workbench


async def back(stage: Place, login: str) -> Workbench:
    """Sign in again as soon as the database is back."""

    async def look() -> Workbench | None:
        try:
            return await acting.sit(stage, login)
        except StoreError:
            return None

    desk = await driver.until(look, lambda found: found is not None, "the database comes back")
    assert desk is not None
    return desk


#: Each point takes the time of a crash recovery, so these run beside the real servers.
pytestmark = pytest.mark.long


@pytest.mark.parametrize("point", POINTS, ids=lambda point: " ".join(point))
async def test_killed_the_act_is_done_once(stage: Place, point: Point) -> None:
    desk = await acting.sit(stage, "joao.m")
    request = await acting.ask_for_a_lock(desk)
    broker = mortal.start("broker", stage.directory, point=point, fault="store")
    try:
        # the database dies under this desk, too
        again = await driver.until(lambda: gone(desk), bool, "the database dies")
        assert again
        await desk.aclose()
        desk = await back(stage, "joao.m")
        await desk.open_case(request.case_id)
        await acting.is_done_once(stage, desk, request)
    finally:
        acting.end(broker)
        await desk.aclose()


async def gone(desk: Workbench) -> bool:
    """Whether the store of this desk has gone away."""
    try:
        await desk.elevation()
    except StoreError:
        return True
    return False
