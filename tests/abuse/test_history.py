"""The abuse case of the database's owner: he rewrites history, and what was signed elsewhere says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.abuse.arena import REASON, Arena
from tests.rules.test_verify import RECOMPUTE
from tests.story import driver

pytestmark = pytest.mark.long

Layer = Callable[[str], None]
WHO = "yuki.h"


def checkpoints(arena: Arena) -> Path:
    return arena.place.directory / "checkpoints"


async def signed_head(arena: Arena) -> int:
    """Have somebody work and end an elevated mode, which the notary signs at once; return the last record it named."""
    async with arena.sitting(WHO) as (desk,):
        for number in range(3):
            await desk.tools.session.call("open_account", f"ACC{number}", REASON)
        await driver.step_up(desk)
        await desk.step_down()
        # signing out leaves a record, too, which nothing but time makes the notary sign
        seq = int(arena.value("SELECT seq FROM wsd.audit_head WHERE chain = %s", WHO))

    async def named() -> int:
        files = sorted(checkpoints(arena).rglob("*.checkpoint"))
        found = re.search(rf"^head {re.escape(WHO)} (\d+) ", files[-1].read_text(), re.MULTILINE) if files else None
        return int(found[1]) if found else 0

    return await driver.until(named, lambda last: last >= seq, "a checkpoint that names the last record")


@contextmanager
def rewritten(arena: Arena, *statements: str) -> Iterator[None]:
    """Do the crime in one transaction, so that no daemon comes in between; afterwards put this person's chain back."""
    su = arena.su
    su.execute("CREATE TEMP TABLE kept AS SELECT * FROM wsd.audit WHERE chain = %s", (WHO,))
    su.execute("CREATE TEMP TABLE kept_head AS SELECT * FROM wsd.audit_head WHERE chain = %s", (WHO,))
    try:
        with arena.past_the_triggers(), su.transaction():
            for statement in statements:
                su.execute(statement.encode())
        yield
    finally:
        with arena.past_the_triggers(), su.transaction():
            for table, copy in (("audit", "kept"), ("audit_head", "kept_head")):
                su.execute(f"DELETE FROM wsd.{table} WHERE chain = '{WHO}'".encode())
                su.execute(f"INSERT INTO wsd.{table} SELECT * FROM {copy}".encode())
        su.execute("DROP TABLE kept, kept_head")


CUT = f"DELETE FROM wsd.audit WHERE chain = '{WHO}' AND seq > 1"
WIND = (
    f"UPDATE wsd.audit_head SET seq = 1, hash = (SELECT hash FROM wsd.audit WHERE chain = '{WHO}' AND seq = 1) "
    f"WHERE chain = '{WHO}'"
)
CRIMES = {
    "edits": (f"UPDATE wsd.audit SET object = 'nothing' WHERE chain = '{WHO}' AND seq = 2",),
    "cuts the tail": (CUT,),
    "cuts the tail and winds back the head": (CUT, WIND),
    "removes the chain": (
        f"DELETE FROM wsd.audit WHERE chain = '{WHO}'",
        f"DELETE FROM wsd.audit_head WHERE chain = '{WHO}'",
    ),
    "recomputes the chain": (RECOMPUTE.replace("'ana'", f"'{WHO}'"),),
}


@pytest.mark.parametrize("crime", CRIMES)
async def test_19_a_superuser_rewrites_the_audit(arena: Arena, stopped_by: Layer, crime: str) -> None:
    last = await signed_head(arena)
    place = ["--dir", str(arena.place.directory), "--as", "aud.r"]
    call = ["audit", "verify", "--checkpoint", str(checkpoints(arena)), *place]
    with rewritten(arena, *CRIMES[crime]):
        found = await arena.workstation(*call)
        named = 2 if crime == "edits" else last
        assert found.code == 1
        assert f"{WHO} record {named}: " in found.out
    clean = await arena.workstation(*call)
    assert clean.code == 0, clean.out
    stopped_by("notary and witness: signed elsewhere; verifier")


async def test_19b_and_the_leads_are_told_before_anybody_verifies(arena: Arena, stopped_by: Layer) -> None:
    last = await signed_head(arena)

    async def alarm() -> str:
        return str(arena.value("SELECT coalesce(max(text), '') FROM wsd.alert WHERE kind = 'notary' AND team = 'A'"))

    with rewritten(arena, *CRIMES["removes the chain"]):
        said = await driver.until(alarm, lambda text: f"{WHO} record {last} is missing" in text, "an alarm")
    assert said.startswith("The notary does not sign")
    stopped_by("notary: it alarms by itself")
