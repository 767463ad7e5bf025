"""The desk when the world around it fails: a sentence that says what to do, and nothing else stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.rules.installation import RP, Installation
from workstation.services.accounts.model import Status
from workstation.services.acts.stepup import StepUp
from workstation.services.bench.tools import Tools
from workstation.services.clock import SystemClock
from workstation.services.connectors.failing import FailingAccounts, FailingEvents, FailingRisk
from workstation.services.drafts import Drafts
from workstation.services.errors import KeyringUnavailable, NotSignedIn, Refused, StoreError
from workstation.services.mail.ports import House
from workstation.services.store.session import Session, convert
from workstation.services.store.version import SCHEMA
from workstation.services.timeline.loading.local import LocalTimelines
from workstation.services.views import Person
from workstation.services.workbench import Workbench


@pytest.fixture
async def desk(ws: Installation, tmp_path: Path) -> AsyncIterator[Workbench]:
    """Ana's desk where account system, risk engine and the one log are all away."""
    session = Session(ws.conninfo("ana"))
    clock = SystemClock()
    made = Workbench(
        Tools(
            person=convert(await session.open(), Person),
            session=session,
            accounts=FailingAccounts(),
            risk=FailingRisk(),
            timelines=LocalTimelines(lambda: {"the log": lambda: FailingEvents("the log")}, clock),
            clock=clock,
            house=House(brand="B", address="s@x.invalid", authserv="mx"),
            step_up=StepUp(session, RP, list),
            drafts=Drafts(tmp_path / "ana", b"k" * 32, clock),
        )
    )
    yield made
    await made.aclose()


async def test_a_case_can_be_worked_while_everything_outside_is_away(ws: Installation, desk: Workbench) -> None:
    case = ws.case("AWAY1")
    await desk.claim(case)
    view = await desk.open_case(case)
    assert view.account.status is Status.UNKNOWN
    assert view.account_problem
    assert view.risk is None
    assert view.risk_problem
    assert view.reply_to is None
    timeline = await desk.timeline("AWAY1")
    await timeline.loaded()
    assert [gap.source for gap in timeline.gaps] == ["the log"]
    assert timeline.gaps[0].why
    await timeline.aclose()
    assert (await desk.note(case, "Everything is away; I go on.")).by == "ana"


async def test_no_mail_goes_where_no_address_was_verified(ws: Installation, desk: Workbench) -> None:
    case = ws.case("AWAY2")
    await desk.claim(case)
    with pytest.raises(Refused) as unopened:
        await desk.send_mail(case, "Subject", "Text")
    assert unopened.value.rule == "not_opened"


async def test_a_restart_of_the_store_is_survived_and_drafts_are_kept(ws: Installation, desk: Workbench) -> None:
    case = ws.case("AWAY3")
    await desk.claim(case)
    await desk.save_draft(case, "note", "half a sent")
    ws.su.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ana'")
    with pytest.raises(StoreError) as away:
        await desk.note(case, "half a sentence")
    assert "drafts are kept" in away.value.hint
    assert await desk.draft(case, "note") == "half a sent"
    assert (await desk.note(case, "half a sentence")).text == "half a sentence"


async def test_a_lost_connection_takes_the_elevation_with_it(ws: Installation) -> None:
    session = Session(ws.conninfo("david"))
    await session.open()
    ws.su.execute(
        """INSERT INTO wsd.challenge(id, login, backend_pid, backend_start, nonce, challenge, issued, expires)
           SELECT gen_random_uuid(), 'david', pid, backend_start, sha256('n'), sha256('c'), now(), now()
             FROM pg_stat_activity WHERE pid = %s""",
        (session.backend,),
    )
    ws.su.execute(
        """INSERT INTO wsd.elevation(challenge_id, login, backend_pid, backend_start, started, last_use, method,
             max_tier)
           SELECT id, login, backend_pid, backend_start, clock_timestamp(), clock_timestamp(), 'fido2', 3
             FROM wsd.challenge WHERE challenge = sha256('c')"""
    )
    assert (await session.call("elevation"))["on"] is True
    ws.su.execute("SELECT pg_terminate_backend(%s)", (session.backend,))
    with pytest.raises(StoreError):
        await session.call("elevation")
    assert (await session.call("elevation"))["on"] is False
    await session.aclose()


async def test_a_wrong_password_says_where_to_sign_in(ws: Installation) -> None:
    session = Session(ws.lease.dsn("ana", "not the password", "ws"))
    with pytest.raises(NotSignedIn) as refused:
        await session.open()
    assert "workstation login" in refused.value.hint


async def test_a_disabled_login_is_told_whom_to_ask(ws: Installation) -> None:
    ws.su.execute("UPDATE wsd.staff SET enabled = false WHERE login = 'ben'")
    try:
        with pytest.raises(NotSignedIn) as refused:
            await Session(ws.conninfo("ben")).open()
    finally:
        ws.su.execute("UPDATE wsd.staff SET enabled = true WHERE login = 'ben'")
    assert "lead" in refused.value.hint


async def test_a_store_of_another_version_names_both(ws: Installation) -> None:
    ws.su.execute("UPDATE wsd.store_meta SET value = '9999' WHERE key = 'schema'")
    try:
        with pytest.raises(StoreError) as other:
            await Session(ws.conninfo("ana")).open()
    finally:
        ws.su.execute("UPDATE wsd.store_meta SET value = %s WHERE key = 'schema'", (SCHEMA,))
    assert "9999" in other.value.what
    assert "migrate" in other.value.hint


async def test_a_store_that_is_down_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as down:
        await Session(f"host={tmp_path} dbname=ws user=ana").open()
    assert "cannot be reached" in down.value.what


async def test_a_locked_keyring_offers_one_session_in_memory() -> None:
    from keyring.errors import KeyringLocked

    from workstation.services.vault import Vault

    class Locked:
        def get_password(self, service: str, name: str) -> str:
            raise KeyringLocked("locked")

    def backend() -> Any:
        return Locked()

    with pytest.raises(KeyringUnavailable) as locked:
        await Vault(backend).get("person")
    assert "--in-memory" in locked.value.sentence()


async def test_a_full_disk_of_the_store_loses_nothing() -> None:
    error = psycopg.errors.DiskFull("could not extend file")
    said = await Session("host=/nonexistent")._translated(error)
    assert isinstance(said, StoreError)
    assert "disk is full" in said.what
    assert "drafts are kept" in said.hint


async def test_twenty_calls_at_once_are_answered_in_turn(ws: Installation, desk: Workbench) -> None:
    answers = await asyncio.gather(*(desk.elevation() for _ in range(20)))
    assert not any(answer.on for answer in answers)
