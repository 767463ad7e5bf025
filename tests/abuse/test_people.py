"""The abuse cases that come from inside: colleagues with their own logins, and what they know."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from tests.abuse.arena import REASON, Arena, approved, asked, refused
from tests.story import driver
from workstation.services.workbench import Workbench

pytestmark = pytest.mark.long

Layer = Callable[[str], None]


async def pin_another(desk: Workbench, case: int, account: str) -> None:
    """Pin an event of the account that was not pinned yet."""
    kept = {pin.event_id for pin in (await desk.refresh_case(case)).pins}
    line = await driver.whole_timeline(desk, account)
    await desk.pin(case, next(event for event in line.events if event.id not in kept))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT ws.approve(gen_random_uuid(), '\\x00')",
        "SELECT ws.claim(gen_random_uuid(), 'e')",
        "SELECT ws.attest(gen_random_uuid(), true, 'fido2', '', 1, '')",
        "INSERT INTO wsd.approval SELECT * FROM wsd.approval",
        "UPDATE wsd.staff SET level = 3",
        "SET ROLE ws_senior",
        "SET SESSION AUTHORIZATION ws_executor",
        "SET session_replication_role = replica",
    ],
)
async def test_01_level_1_approves_and_claims_in_psql(arena: Arena, stopped_by: Layer, statement: str) -> None:
    said = await arena.psql("ana.k", statement)
    assert said.code != 0
    assert "permission denied" in said.err
    stopped_by("database: rights")


async def test_02_a_senior_approves_the_own_request(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("sam.o") as (sam,):
        request = await asked(sam)
        assert await refused(approved(sam, request)) == "self"
        await sam.veto(request.id, REASON)
    stopped_by("database: four eyes")


async def test_03_the_same_person_with_a_second_login(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("sam.o") as (sam,):
        request = await asked(sam)
        with arena.past_the_triggers():
            arena.su.execute("UPDATE wsd.staff SET person_id = 'P04' WHERE login = 'yuki.h'")
        try:
            async with arena.sitting("yuki.h") as (second,):
                assert await refused(approved(second, request)) == "self"
        finally:
            with arena.past_the_triggers():
                arena.su.execute("UPDATE wsd.staff SET person_id = 'P05' WHERE login = 'yuki.h'")
        await sam.veto(request.id, REASON)
    stopped_by("database: four eyes")


async def test_04_who_gathered_the_evidence_is_promoted_and_approves(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("ana.k", "sam.o") as (ana, sam):
        row = await ana.claim_next()
        assert row is not None
        await ana.open_case(row.id)
        line = await driver.whole_timeline(ana, row.account)
        await ana.pin(row.id, line.events[0])
        await ana.release(row.id)
        await sam.claim(row.id)
        await sam.open_case(row.id)
        await driver.step_up(sam)
        request = await sam.request_act(row.id, "send_password_reset", {}, "CLIENT_REQUEST_VERIFIED", REASON)
        arena.su.execute("UPDATE wsd.staff SET level = 3 WHERE login = 'ana.k'")
        arena.su.execute('GRANT ws_senior TO "ana.k"')
        try:
            async with arena.sitting("ana.k") as (promoted,):
                assert await refused(approved(promoted, request)) == "worked_on_case"
        finally:
            arena.su.execute('REVOKE ws_senior FROM "ana.k"')
            arena.su.execute("UPDATE wsd.staff SET level = 1 WHERE login = 'ana.k'")
        await sam.veto(request.id, REASON)
    stopped_by("database: worked on the case")


async def test_05_two_seniors_approve_for_each_other(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("sam.o", "yuki.h") as (sam, yuki):
        request = await asked(sam)
        await approved(yuki, request)
        await arena.ends_as(request, "executed")
        back = await asked(yuki)
        assert await refused(approved(sam, back)) == "reciprocal_24h"
        await yuki.veto(back.id, REASON)
    stopped_by("database: exclusion constraint")


async def test_06_the_approver_is_shown_another_act(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("sam.o", "olga.p") as (sam, olga):
        request = await asked(sam)
        shown = msgspec.structs.replace(request, act="lift_hold", params_text='{"hold": "h1"}')
        await driver.step_up(olga, request.request_hash)
        assert await refused(olga.approve(shown)) == "hash_mismatch"
        connection = olga.tools.session
        assert await refused(connection.call("approve", request.id, b"\0" * 32)) == "hash_mismatch"
        await sam.veto(request.id, REASON)
    stopped_by("approver's workstation, database: request hash")


async def test_07_evidence_is_added_after_the_request(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("sam.o", "olga.p") as (sam, olga):
        request = await asked(sam)
        await pin_another(sam, request.case_id, request.account)
        assert await refused(approved(olga, request)) == "evidence_changed"
        await sam.veto(request.id, REASON)
        again = await sam.request_act(request.case_id, "send_password_reset", {}, "CLIENT_REQUEST_VERIFIED", REASON)
        await driver.step_up(olga, again.request_hash)
        with arena.broker_asleep():
            await olga.approve(again)
            await pin_another(sam, request.case_id, request.account)
        assert await arena.ends_as(again, "refused") == "evidence_changed"
    stopped_by("database: evidence hash, at approval and at release")
