"""A protective act from its request to the client's notice, and what must hold of it after any fault."""

from __future__ import annotations

import argparse
import random
import signal
import sqlite3
import time
from multiprocessing.process import BaseProcess

from tests.story import driver
from workstation.commands.common import Where
from workstation.sandbox.place import Place
from workstation.sandbox.store import Store, Tx
from workstation.services.views import Request
from workstation.services.workbench import Workbench

REASON = "Somebody else is in this account; it is locked until the client answers."


async def sit(stage: Place, login: str) -> Workbench:
    """Sign one of the stage's people in."""
    return await Where(argparse.Namespace(dir=stage.directory, person=login, settings=None)).desk()


async def ask_for_a_lock(desk: Workbench) -> Request:
    """Take the next case and ask for its account to be locked."""
    row = await desk.claim_next()
    assert row is not None
    await desk.open_case(row.id)
    return await desk.request_act(row.id, "lock", {}, "COMPROMISE_CONTAINMENT", REASON)


def times_done(stage: Place, request: Request) -> int:
    """Return how often the exchange did the act, by its own log."""
    with Store(stage.directory / "exchange" / "exchange.sqlite3").read() as snapshot:
        assert isinstance(snapshot.sql, sqlite3.Connection)
        tx = Tx(snapshot.sql, time.time_ns() // 1000, random.Random(0))
        return sum(request.id.encode() in raw for raw in tx.actions(request.account, ("*",)))


async def is_done_once(stage: Place, desk: Workbench, request: Request) -> None:
    """Wait for the proof and the notice, and hold the act against what was asked."""
    await driver.outcome(desk, request.case_id, request)

    async def notices() -> int:
        thread = await desk.thread(request.case_id)
        return sum(mail.direction == "out" for mail in thread)

    told = await driver.until(notices, lambda count: count > 0, "the client is told")
    assert times_done(stage, request) == 1, "done exactly once"
    assert await notices() == told, "told exactly once"


def end(process: BaseProcess) -> None:
    """Stop a daemon; one that is still starting has no handler for the signal yet."""
    assert process.pid is not None
    process.terminate()
    process.join(20)
    assert process.exitcode in (0, -signal.SIGTERM), process.exitcode


def killed(process: BaseProcess) -> None:
    """Wait until a mortal has met its end."""
    process.join(30)
    assert process.exitcode == -signal.SIGKILL, process.exitcode
