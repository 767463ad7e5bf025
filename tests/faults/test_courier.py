"""The courier killed on both sides of every step of a mail, by SIGKILL, as a process.

Finer steps, in one process: ``tests/mail/test_kills.py``.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults import acting, mortal
from tests.faults.mortal import Point
from tests.story import driver
from workstation.sandbox.place import Place
from workstation.services.views import MailMessage
from workstation.services.workbench import Workbench

pytestmark = pytest.mark.long

STEPS = ("ws.outbox_claim", "mailbox.send", "ws.outbox_settle")
POINTS = [Point(step, side) for step in STEPS for side in ("before", "after")]


def delivered(stage: Place) -> int:
    """How many mails have left the house."""
    box = stage.directory / "exchange" / "mail" / "outgoing"
    return sum(1 for part in ("new", "cur") for _ in (box / part).glob("*"))


async def queue_a_notice(stage: Place, desk: Workbench) -> int:
    """Have an act done, of which the client is told; return the case."""
    broker = mortal.start("broker", stage.directory)
    try:
        request = await acting.ask_for_a_lock(desk)
        await acting.is_done_once(stage, desk, request)
    finally:
        await asyncio.to_thread(acting.end, broker)
    return request.case_id


async def notices(desk: Workbench, case: int) -> list[MailMessage]:
    return [mail for mail in await desk.thread(case) if mail.direction == "out"]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: " ".join(point))
async def test_killed_no_mail_goes_twice(stage: Place, point: Point) -> None:
    desk = await acting.sit(stage, "ana.k")
    try:
        case = await queue_a_notice(stage, desk)
        before = delivered(stage)
        await asyncio.to_thread(acting.killed, mortal.start("courier", stage.directory, point=point))
        healthy = mortal.start("courier", stage.directory)
        try:
            found = await driver.until(
                lambda: notices(desk, case), lambda mails: {m.state for m in mails} <= {"sent", "unknown"}, "settled"
            )
        finally:
            await asyncio.to_thread(acting.end, healthy)
        assert found
        assert delivered(stage) - before == sum(mail.state == "sent" for mail in found)
    finally:
        await desk.aclose()


async def test_these_are_all_steps(stage: Place, tmp_path: Path) -> None:
    desk = await acting.sit(stage, "ana.k")
    passed = tmp_path / "passed"
    try:
        case = await queue_a_notice(stage, desk)
        courier = mortal.start("courier", stage.directory, passed=passed)
        try:
            await driver.until(lambda: notices(desk, case), lambda mails: mails[0].state == "sent", "the mail is sent")
        finally:
            await asyncio.to_thread(acting.end, courier)
    finally:
        await desk.aclose()
    found = {Point(*line.split("\t")) for line in passed.read_text().splitlines()}
    assert found - {Point("ws.inbox_file", "before"), Point("ws.inbox_file", "after")} == set(POINTS)
