"""The connection and the person: what is said when something is away, and what is left behind."""

from __future__ import annotations

import asyncio

import pytest

from tests.ui.driving import LONG, driving
from tests.ui.paper_desk import Paper, PaperDesk
from workstation.services.errors import Refused, StoreError
from workstation.services.views import CaseRow, Template

# -- the connection and the person -----------------------------------------------------------------


async def test_signing_in_as_somebody_else_leaves_nothing_behind() -> None:
    paper = Paper()
    desks = {name: PaperDesk(paper, name) for name in ("ana.k", "mia.s")}

    async def connect() -> PaperDesk:
        return desks["ana.k"]

    async def switch(name: str) -> PaperDesk:
        return desks[name]

    async with driving(paper=paper, connect=connect, switch=switch) as d:
        await d.press("n")
        d.app.choose_person()
        await d.settle()
        await d.press("down", "enter")
        assert d.at == "QueueScreen"
        assert desks["ana.k"].closed
        assert "mia.s · Senior" in d.seen()
        await d.press("2")
        assert "CS-48213" not in d.seen()
        assert "No case is open." in d.seen()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StoreError("The database is away.", "Retry in a minute."), "The queue could not be read."),
        (Refused("level", "Auditors have no queue."), "You may not see the queue."),
    ],
    ids=["failed", "forbidden"],
)
async def test_a_queue_that_cannot_be_read_says_so(error: Exception, words: str) -> None:
    paper = Paper()
    desk = PaperDesk(paper)
    desk.broken["queue"] = error

    async def connect() -> PaperDesk:
        return desk

    async with driving(paper=paper, connect=connect) as d:
        assert words in d.seen()
        assert str(error) in d.seen()
        assert d.app.focused is d.base.ledger


async def test_an_old_queue_stays_and_says_how_old_it_is() -> None:
    async with driving() as d:
        d.desk.broken["queue"] = StoreError("The database is away.", "Retry in a minute.")
        await d.press("r")
        assert "as of 14:02:10Z; the store does not answer" in d.seen()
        assert "CS-48213" in d.seen()
        assert "AWAY" in d.seen()
        del d.desk.broken["queue"]
        await d.press("r")
        assert "● live" in d.seen()


async def test_an_empty_queue_says_what_next() -> None:
    async with driving(paper=Paper(cases=0)) as d:
        assert "No case waits for you." in d.seen()
        await d.press("n")
        assert "Nothing waits that you may take" in d.word


async def test_a_fault_nobody_foresaw_is_named_without_its_values() -> None:
    async with driving() as d:
        d.desk.broken["claim_next"] = ZeroDivisionError("token=hunter2")
        await d.press("n")
        assert "ZeroDivisionError" in d.word
        assert "hunter2" not in d.seen()
        assert not d.app._exit


async def test_a_pasted_account_opens_for_a_reason() -> None:
    async with driving() as d:
        d.app.find("AA71 N84G")
        await d.settle()
        d.fill("#reason", LONG)
        await d.press("enter")
        assert d.desk.did("open_account") == [("AA71N84G", LONG)]
        assert "opened without a case: to read, not to write" in d.seen()
        await d.press("r")
        assert d.at == "AccountScreen"


async def test_a_dialog_that_is_slow_to_open_never_comes_up_over_another() -> None:
    async with driving() as d:
        await d.press("n")
        slow, templates = asyncio.Event(), d.desk.templates

        async def late(case: int) -> tuple[Template, ...]:
            await slow.wait()
            return await templates(case)

        d.desk.templates = late  # type: ignore[method-assign]
        await d.press("r")
        assert d.at == "AccountScreen"
        await d.press("a")
        slow.set()
        await d.settle()
        assert d.at == "ActsDialog"
        await d.press("escape")
        assert d.at == "AccountScreen"


async def test_escape_leaves_what_is_slow_to_open() -> None:
    async with driving() as d:
        await d.press("n")
        slow = asyncio.Event()

        async def late(case: int) -> tuple[Template, ...]:
            await slow.wait()
            return ()

        d.desk.templates = late  # type: ignore[method-assign]
        await d.press("r")
        await d.until(lambda: "Opening the mail" in d.word)
        await d.press("escape")
        slow.set()
        await d.settle()
        assert d.at == "AccountScreen"


async def test_next_twice_takes_one_case() -> None:
    async with driving() as d:
        gate, claim = asyncio.Event(), d.desk.claim_next

        async def late() -> CaseRow | None:
            await gate.wait()
            return await claim()

        d.desk.claim_next = late  # type: ignore[method-assign]
        await d.press("n", "n")
        gate.set()
        await d.settle()
        assert len(d.desk.did("claim")) == 1


async def test_a_pasted_case_is_taken_and_opened() -> None:
    async with driving() as d:
        case = d.paper.order[1]
        ref = d.paper.rows[case].ref
        await d.press("ctrl+p", *ref.lower())
        await d.until(lambda: f"Open case {ref}" in d.seen())
        await d.press("enter")
        await d.until(lambda: d.at == "AccountScreen" and d.base.case == case)
        assert d.paper.rows[case].holder == "ana.k"


async def test_a_case_that_is_not_there_is_said_to_be_none() -> None:
    async with driving() as d:
        d.app.find("CS-1")
        await d.settle()
        assert "There is no case CS-1 that you may see" in d.word
        assert not d.desk.did("find_accounts")


async def test_a_pasted_value_is_looked_for_in_the_timeline() -> None:
    async with driving() as d:
        await d.press("n", "ctrl+p", *"185.220.101.7")
        await d.until(lambda: "Show only events with: 185.220.101.7" in d.seen())
        await d.press("enter")
        assert str(d.base.timeline.query_in_force) == "185.220.101.7"
        assert 0 < d.base.timeline.shown < d.base.timeline.total
