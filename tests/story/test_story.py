"""The main job on the sandbox exchange: nothing on its path is fake."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.story import driver
from tests.story.client import account_of, credentials
from tests.story.finding import find_case, locked, lost_factor
from workstation.commands.common import Where
from workstation.sandbox.place import Place
from workstation.services.audit.verify import verify
from workstation.services.errors import Refused
from workstation.services.workbench import Workbench


async def sit(stack: AsyncExitStack, demo: Place, login: str) -> Workbench:
    desk = await Where(argparse.Namespace(dir=demo.directory, person=login, settings=None)).desk()
    stack.push_async_callback(desk.aclose)
    return desk


def sign_in(demo: Place, account: str) -> httpx.Response:
    """The simulated client's own sign-in, with whatever he still has."""
    body = credentials(demo.directory / "exchange", account)
    return httpx.post(demo.info()["sandbox_url"] + "/sandbox/signin", json=body, timeout=10.0)


async def test_an_unlock_from_the_queue_to_its_proof(demo: Place) -> None:
    async with AsyncExitStack() as stack:
        ana, sam, yuki = [await sit(stack, demo, who) for who in ("ana.k", "sam.o", "yuki.h")]
        case = (await find_case(demo, ana, locked)).id
        row = await ana.claim(case)
        assert sign_in(demo, row.account).status_code == 403

        with pytest.raises(Refused) as early:
            await ana.open_case(case)
            await ana.forward(case)
        assert "pin" in str(early.value).lower()

        await driver.investigate(ana, case, "unlock", {}, "rightful_owner")
        await driver.forward(ana, case)
        with pytest.raises(Refused):
            await ana.request_act(case, "unlock", {}, "FALSE_POSITIVE_LOCK", driver.REASON)

        request = await driver.ask(sam, case, "unlock", {}, tier=2)
        with pytest.raises(Refused) as own:
            await sam.approve(request)
        assert own.value.rule in ("self", "worked_on_case")
        await driver.agree(yuki, case)
        done = await driver.outcome(sam, case, request)
        assert "locks none" in done.readback

        answer = sign_in(demo, row.account)
        assert answer.status_code == 200, answer.text
        mails = await driver.until(
            lambda: sam.thread(case),
            lambda found: any(m.state == "sent" and m.direction == "out" for m in found),
            "the notice",
        )
        assert any("unlock" in m.body.lower() or m.language != "en" for m in mails)


async def test_a_second_factor_is_removed_after_its_cool_down(demo: Place) -> None:
    async with AsyncExitStack() as stack:
        joao, olga, yuki = [await sit(stack, demo, who) for who in ("joao.m", "olga.p", "yuki.h")]
        case = (await find_case(demo, joao, lost_factor)).id
        row = await joao.claim(case)
        factor = account_of(demo.directory / "exchange", row.account).factors[0].id
        assert sign_in(demo, row.account).status_code == 401
        await driver.investigate(joao, case, "remove_factor", {"factor": factor}, "rightful_owner")
        await driver.forward(joao, case)
        request = await driver.ask(olga, case, "remove_factor", {"factor": factor}, tier=3)
        assert request.tier == 3
        assert request.not_before > request.created_at
        await driver.agree(yuki, case)
        waiting = next(r for r in await olga.requests(case) if r.id == request.id)
        assert waiting.state == "pending"
        assert waiting.stage == "cools down"
        assert waiting.vetoable_until is not None
        # The client was told at once, by every verified channel, and lets it go on: it was he who asked.
        told = await driver.until(
            lambda: olga.thread(case),
            lambda found: any("/sandbox/stop?t=" in m.body and m.state == "sent" for m in found),
            "the notice beforehand",
        )
        assert told


async def test_a_protective_act_is_done_at_once_by_level_one(demo: Place) -> None:
    async with AsyncExitStack() as stack:
        ana = await sit(stack, demo, "ana.k")
        row = await ana.claim_next()
        assert row is not None
        await ana.open_case(row.id)
        request = await ana.request_act(row.id, "freeze_withdrawals", {}, "COMPROMISE_CONTAINMENT", driver.REASON)
        done = await driver.outcome(ana, row.id, request)
        assert "holds none" not in done.readback


@pytest.mark.long
async def test_a_mail_reaches_the_client_and_is_answered(demo: Place) -> None:
    async with AsyncExitStack() as stack:
        ana = await sit(stack, demo, "ana.k")
        for _ in range(12):
            row = await ana.claim_next()
            assert row is not None
            view = await ana.open_case(row.id)
            if view.reply_to is not None:
                break
        template = next(t for t in await ana.templates(row.id) if t.key == "received")
        await ana.send_mail(row.id, template.subject, template.body, template.key)
        before = await ana.thread(row.id)
        found = await driver.until(
            lambda: ana.thread(row.id),
            lambda now: sum(m.direction == "in" for m in now) > sum(m.direction == "in" for m in before),
            "the client's answer",
        )
        sent = next(m for m in found if m.direction == "out")
        assert sent.state == "sent"
        assert "••••" in sent.recipient


async def test_the_audit_of_all_this_verifies(demo: Place) -> None:
    settings = demo.settings()
    password = await demo.secrets("aud.r").get("store:aud.r")
    report = await asyncio.to_thread(
        verify, f"{settings.store.url} user=aud.r password={password}", lambda done, total: None
    )
    assert report.problems == ()
    assert report.events > 0
