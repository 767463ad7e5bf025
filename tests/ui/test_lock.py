"""The lock: when nobody is there, nothing of the work is on the screen, and the way back is a proof."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from tests.ui import paper_data as data
from tests.ui.driving import LONG, Driver, driving, two_packets
from tests.ui.lid import Lid
from tests.ui.paper_desk import Paper, PaperDesk
from workstation.screens.idle import ELEVATED_S, NORMAL_S, SESSION_S, Idle
from workstation.services.errors import StoreError
from workstation.services.views import Elevation

#: What of the work could be on the screen: the case, its account, the client, the timeline, the places.
TRACES = ("CS-", "AA71", "N84G", "proton", "timeline", "Queue", "Mine", "withdraw", "second_factor", "Someone")


def lidded(login: str = "ana.k", **options: Any) -> tuple[Lid, AbstractAsyncContextManager[Driver]]:
    paper = Paper()
    clock = paper.clock = Lid(data.NOW)
    two_packets(paper)
    return clock, driving(login, paper=paper, **options)


async def look(d: Driver) -> None:
    """Let the app look at the clock, as it does once a second."""
    d.app.guard.check()
    await d.settle()


def hidden(d: Driver) -> bool:
    seen = d.seen()
    return "LOCKED" in seen and not [trace for trace in TRACES if trace in seen]


# -- the clock -------------------------------------------------------------------------------------


def test_idle_is_the_larger_of_two_clocks() -> None:
    clock = Lid(data.NOW)
    idle = Idle(clock)
    clock.move(timedelta(seconds=90))
    assert idle.seconds == 90
    clock.suspend(timedelta(seconds=30))
    assert idle.seconds == 120
    clock.suspend(timedelta(hours=-3))
    assert idle.seconds == 90
    idle.seen()
    assert idle.seconds == 0


def test_the_limits_are_those_of_the_policy() -> None:
    clock = Lid(data.NOW)
    idle = Idle(clock)
    clock.move(timedelta(seconds=ELEVATED_S))
    assert not idle.over(elevated=False)
    assert "2 minutes in elevated mode" in idle.over(elevated=True)
    clock.move(timedelta(seconds=NORMAL_S - ELEVATED_S))
    assert "10 minutes" in idle.over(elevated=False)
    for _ in range(int(SESSION_S // 300)):
        idle.seen()
        clock.move(timedelta(minutes=5))
    assert "twelve hours" in idle.over(elevated=False)
    idle.signed_in()
    assert not idle.over(elevated=False)


# -- locking ---------------------------------------------------------------------------------------


async def test_ten_minutes_hide_everything_and_close_the_session() -> None:
    clock, run = lidded()
    async with run as d:
        await d.press("n")
        clock.move(timedelta(minutes=9, seconds=59))
        await look(d)
        assert not d.app.guard.locked
        clock.move(timedelta(seconds=1))
        await look(d)
        assert hidden(d)
        assert d.app.desk is None
        assert d.desk.closed
        assert d.desk.did("step_down")


async def test_a_suspended_machine_is_locked_when_it_wakes() -> None:
    clock, run = lidded()
    async with run as d:
        await d.press("n")
        clock.suspend(timedelta(minutes=11))
        os.kill(os.getpid(), signal.SIGCONT)
        await d.until(lambda: d.app.guard.locked)
        await d.settle()
        assert hidden(d)


async def test_the_first_key_after_the_time_locks_and_does_nothing_else() -> None:
    clock, run = lidded()
    async with run as d:
        clock.suspend(timedelta(minutes=11))
        await d.press("n")
        assert hidden(d)
        assert not d.desk.did("claim_next")


async def test_a_key_counts_from_anew() -> None:
    clock, run = lidded()
    async with run as d:
        for _ in range(4):
            clock.move(timedelta(minutes=6))
            await d.press("down")
        await look(d)
        assert not d.app.guard.locked


async def test_elevated_mode_is_locked_after_two_minutes_and_ended() -> None:
    clock, run = lidded("mia.s")
    async with run as d:
        await d.press("ctrl+e", "t")
        assert d.app.elevated
        clock.move(timedelta(minutes=2))
        await look(d)
        assert hidden(d)
        assert not d.app.elevated
        await d.press("enter", "t")
        assert not d.app.elevated
        assert not d.app.screen.has_class("-elevated")


async def test_no_other_key_is_heard() -> None:
    _, run = lidded()
    async with run as d:
        await d.press("n", "ctrl+l")
        for key in ("2", "3", "6", "ctrl+p", "ctrl+k", "ctrl+e", "question_mark", "n", "ctrl+c"):
            await d.press(key)
            assert d.at == "LockScreen", key
            assert hidden(d), key


async def test_what_comes_meanwhile_stays_behind_the_lock() -> None:
    """A case that was being taken when the lock fell is opened after it."""
    held = asyncio.Event()

    class Slow(PaperDesk):
        async def claim_next(self) -> Any:
            taken = await super().claim_next()
            await held.wait()
            return taken

    _, run = lidded(desk=Slow)
    async with run as d:
        await d.press("n")
        await d.press("ctrl+l")
        held.set()
        await d.settle()
        assert hidden(d)
        await d.press("enter", "t")
        assert d.at == "AccountScreen"


# -- over a dialog ---------------------------------------------------------------------------------


async def test_a_draft_survives_the_lock_where_it_was() -> None:
    clock, run = lidded()
    async with run as d:
        await d.press("n", "o")
        d.fill("#text", "The owner is in Porto, the intruder in Rotterdam.")
        await d.settle()
        clock.move(timedelta(minutes=10))
        await look(d)
        assert hidden(d)
        assert "Porto" not in d.seen()
        assert "Porto" in d.paper.drafts[("ana.k", 48_213, "note")]
        await d.press("enter", "t")
        assert d.at == "NoteDialog"
        assert "Porto" in d.one("#text").text
        await d.press("ctrl+s")
        assert d.desk.did("note")
        assert d.at == "AccountScreen"


async def test_a_reason_that_is_being_typed_survives_too() -> None:
    _, run = lidded()
    async with run as d:
        await d.press("n", "c")
        d.fill("#reason", LONG)
        await d.press("ctrl+l")
        assert hidden(d)
        await d.press("enter", "t", "enter")
        assert d.desk.did("close") == [(48_213, LONG)]


async def test_an_act_that_is_armed_is_left() -> None:
    _, run = lidded("mia.s")
    async with run as d:
        await d.press("3", "enter", "A")
        assert d.at == "ArmDialog"
        await d.press("ctrl+l")
        assert hidden(d)
        await d.press("enter", "t")
        assert d.at == "EscalationsScreen"
        assert not d.desk.did("request_act")


async def test_a_step_up_that_is_proven_too_late_elevates_nobody() -> None:
    _, run = lidded("mia.s")
    async with run as d:
        await d.press("ctrl+e")
        assert d.at == "StepUpDialog"
        await d.press("ctrl+l")
        d.paper.touched.set()
        await d.settle()
        assert hidden(d)
        assert not d.app.elevated


async def test_the_palette_is_left() -> None:
    _, run = lidded()
    async with run as d:
        await d.press("n", "ctrl+p", "ctrl+l")
        assert hidden(d)
        await d.press("enter", "t")
        assert d.at == "AccountScreen"


async def test_what_was_revealed_is_masked_again() -> None:
    _, run = lidded(size=(120, 40))
    async with run as d:
        await d.press("n", "v", "enter")
        d.fill("#reason", LONG)
        await d.press("enter")
        assert "maria@proton.me" in d.seen()
        await d.press("ctrl+l", "enter", "t")
        assert d.at == "AccountScreen"
        assert "maria@proton.me" not in d.seen()
        assert not d.word


# -- the way back ----------------------------------------------------------------------------------


async def test_unlocking_takes_the_place_up_again_and_reads_it_anew() -> None:
    _, run = lidded()
    async with run as d:
        await d.press("n", "down", "down", "ctrl+l")
        assert len(d.desk.did("open_case")) == 1
        await d.press("enter")
        assert d.at == "StepUpDialog"
        assert not [trace for trace in TRACES if trace in d.seen()]
        await d.press("t")
        assert d.at == "AccountScreen"
        assert d.base.timeline.ledger.place == 2
        assert len(d.desk.did("open_case")) == 2
        assert not d.app.elevated


async def test_without_a_proof_it_stays_locked() -> None:
    _, run = lidded(methods=("totp",))
    async with run as d:
        await d.press("n", "ctrl+l", "enter")
        d.fill("#proof", "000000")
        await d.press("enter")
        assert "The code is wrong." in d.seen()
        await d.press("escape")
        assert hidden(d)
        assert "Still locked." in d.seen()


async def test_a_step_up_that_is_walked_away_from_is_left() -> None:
    clock, run = lidded()
    async with run as d:
        await d.press("ctrl+l", "enter")
        assert d.at == "StepUpDialog"
        clock.move(timedelta(minutes=2))
        await look(d)
        assert d.at == "LockScreen"
        assert d.desk.closed


async def test_somebody_else_does_not_take_it_over() -> None:
    paper = Paper()
    people = iter(("ana.k", "joao.m"))

    async def connect() -> Any:
        return PaperDesk(paper, next(people))

    async with driving(paper=paper, connect=connect) as d:
        await d.press("n", "ctrl+l", "enter")
        assert d.at == "LockScreen"
        assert "somebody else signed in" in d.seen()


async def test_a_store_that_is_away_is_a_sentence() -> None:
    tries: list[int] = []
    paper = Paper()
    desk = PaperDesk(paper)

    async def connect() -> Any:
        tries.append(1)
        if len(tries) == 2:
            raise StoreError("The store cannot be reached.", "Try again.")
        desk.closed = False
        return desk

    async with driving(paper=paper, connect=connect) as d:
        await d.press("n", "ctrl+l", "enter")
        assert "The store cannot be reached." in d.seen()
        assert hidden(d)
        await d.press("enter", "t")
        assert d.at == "AccountScreen"


async def test_quitting_from_the_lock_tells_nothing() -> None:
    _, run = lidded()
    async with run as d:
        d.app.unsent[(48_213, "mail")] = "A mail on CS-48213 was written and not sent."
        await d.press("ctrl+l", "q")
        assert d.app._exit


# -- elevated mode ends with its case, and with its terminal -------------------------------------------


async def test_another_case_ends_elevated_mode() -> None:
    _, run = lidded("mia.s")
    async with run as d:
        await d.press("3", "enter", "ctrl+e", "t")
        assert d.app.elevated
        await d.press("escape", "enter")
        assert d.app.elevated
        await d.press("escape", "down", "enter")
        assert not d.app.elevated
        assert d.desk.did("step_down")
        assert "another case was opened" in d.word


async def test_another_terminal_ends_elevated_mode_here() -> None:
    _, run = lidded("mia.s")
    async with run as d:
        await d.press("ctrl+e", "t")
        d.desk._elevation = Elevation(on=False)
        await d.app.elevation.poll()
        await d.settle()
        assert not d.app.screen.has_class("-elevated")
        assert "stepped up on another terminal" in d.word
