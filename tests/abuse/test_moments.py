"""The abuse cases that live between two moments: what changed, what is late, what runs twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.abuse.arena import REASON, Arena, asked, refused
from tests.story import driver, processes

pytestmark = pytest.mark.long

Layer = Callable[[str], None]


async def test_08_the_account_changes_after_the_approval(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("sam.o", "yuki.h") as (sam, yuki):
        request = await asked(sam)
        await driver.step_up(yuki, request.request_hash)
        with arena.broker_asleep():
            await yuki.approve(request)
            # tightening waits for nobody, and moves the account's version
            other = await sam.request_act(request.case_id, "freeze_withdrawals", {}, "COMPROMISE_CONTAINMENT", REASON)
        await arena.ends_as(other, "executed")
        why = await arena.ends_as(request, "refused")
    assert "account_changed" in why
    stopped_by("broker and database: version of the account")


async def test_09_eight_claims_at_once_and_a_killed_broker(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("sam.o", "olga.p") as (sam, olga):
        request = await asked(sam)
        etag = request.account_etag
        await driver.step_up(olga, request.request_hash)
        broker = arena.pid("broker")
        with arena.broker_asleep():
            await olga.approve(request)
            connections = [await arena.connect("ws_executor") for _ in range(6)]

            def claim(connection: psycopg.Connection[tuple[str]]) -> str:
                row = connection.execute("SELECT ws.claim(%s, %s)", (request.id, etag)).fetchone()
                assert row is not None
                return row[0]

            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(claim, [*connections, *connections[:2]]))
            for connection in connections:
                connection.close()
            os.kill(broker, signal.SIGKILL)
        assert sorted(answers)[-1] == "ok"
        assert answers.count("ok") == 1
        assert processes.appears(arena.place.directory, " broker ", other_than=broker)
        await arena.ends_as(request, "executed")
    done = "SELECT count(*) FROM wsd.execution WHERE request_id = %s AND outcome = 'executed'"
    assert arena.value(done, request.id) == 1
    stopped_by("database: primary key of the execution; broker: reconcile")


async def test_10_the_approver_is_disabled_before_the_release(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("sam.o", "yuki.h") as (sam, yuki):
        request = await asked(sam)
        await driver.step_up(yuki, request.request_hash)
        with arena.broker_asleep():
            await yuki.approve(request)
            arena.su.execute("UPDATE wsd.staff SET enabled = false WHERE login = 'yuki.h'")
        try:
            pool = await arena.connect("ws_executor")
            row = pool.execute("SELECT ws.claim(%s, %s)", (request.id, request.account_etag)).fetchone()
            pool.close()
            assert row is not None
            assert row[0] == "approvals"
            assert arena.value("SELECT count(*) FROM wsd.execution WHERE request_id = %s", request.id) == 0
        finally:
            await sam.veto(request.id, REASON)
            arena.su.execute("UPDATE wsd.staff SET enabled = true WHERE login = 'yuki.h'")
    stopped_by("database: approvals are counted again at release")


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
async def test_11_a_late_approval_from_an_old_transaction(arena: Arena, stopped_by: Layer, isolation: str) -> None:
    async with arena.sitting("sam.o", "olga.p") as (sam, olga):
        request = await asked(sam)
        await driver.step_up(olga, request.request_hash)
        connection = await arena.connect("olga.p", autocommit=False)
        connection.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}".encode())
        connection.execute("SELECT now()")
        with arena.past_the_triggers():
            arena.su.execute(
                "UPDATE wsd.request SET approve_by = clock_timestamp() - interval '1 s' WHERE id = %s", (request.id,)
            )
        try:
            cursor = connection.execute("SELECT ws.approve(%s, %s)", (request.id, request.request_hash))
            row = cursor.fetchone()
            assert row is not None
            assert "denied" in row[0]
        except psycopg.Error as error:
            assert error.sqlstate == "25001"
        finally:
            connection.rollback()
            connection.close()
        # with the step-up at hand, too
        assert (
            await refused(olga.tools.session.call("approve", request.id, request.request_hash)) == "closed_or_expired"
        )
        await arena.ends_as(request, "expired")
    stopped_by("database: its own clock, READ COMMITTED only")


async def test_13_elevation_from_a_second_connection_after_suspend_and_idle(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("sam.o") as (sam,):
        row = await sam.claim_next()
        assert row is not None
        await sam.open_case(row.id)
        await driver.step_up(sam)
        arguments = f"{row.id}, 'send_password_reset', '{{}}', 'CLIENT_REQUEST_VERIFIED', '{REASON}', 'e'"
        ask = f"SELECT ws.request_act({arguments})"
        said = await arena.psql("sam.o", ask)
        assert "not_elevated" in said.out
        for column, age in (("started", "16 min"), ("last_use", "6 min")):
            arena.su.execute(
                f"UPDATE wsd.elevation SET {column} = {column} - interval '{age}' WHERE login = 'sam.o'".encode()
            )
            act = sam.request_act(row.id, "send_password_reset", {}, "CLIENT_REQUEST_VERIFIED", REASON)
            assert await refused(act) == "not_elevated"
            await driver.step_up(sam)
        await sam.step_down()
        await sam.release(row.id)
    stopped_by("database: elevation belongs to one backend and two clocks")
