"""An hour with a login: how much one login can make the store write."""

from __future__ import annotations

import pytest

from tests.rules.installation import Installation, answer

pytestmark = pytest.mark.long

#: As many refusals in one statement; each leaves a record and a line in the server's log.
MANY = "SELECT count(ws.open_account('X', 'short')) FROM generate_series(1, %s)"


def test_one_login_cannot_fill_the_audit(ws: Installation) -> None:
    """Twenty thousand records in ten minutes are the end, leads know at half of it, and nobody else notices."""
    desk = ws.desk("ana")
    for _ in range(8):
        answer(desk, MANY, 2500)
    assert answer(desk, MANY, 2500) == "53400"
    assert answer(desk, "SELECT ws.whoami()") in ("53400", {})
    written = answer(ws.su, "SELECT seq FROM wsd.audit_head WHERE chain = 'ana'")
    assert 17_500 <= written <= 20_001
    assert answer(ws.su, "SELECT count(*) FROM wsd.alert WHERE kind = 'audit_flood' AND about = 'ana'") == 1
    assert answer(ws.desk("ben"), "SELECT ws.whoami()")["login"] == "ben"
    ws.su.execute("SET session_replication_role = replica")
    ws.su.execute("UPDATE wsd.audit SET ts = ts - interval '11 min' WHERE chain = 'ana'")
    ws.su.execute("SET session_replication_role = origin")
    assert answer(desk, "SELECT ws.whoami()")["login"] == "ana"


def test_a_sort_does_not_fill_the_disk(ws: Installation) -> None:
    desk = ws.connect("ana")
    desk.execute("SET work_mem = '64kB'")
    assert (
        answer(
            desk,
            "SELECT count(*) FROM (SELECT repeat('x', 900) || n AS t FROM generate_series(1, 400000) n ORDER BY 1) s",
        )
        == "53400"
    )


def test_open_challenges_are_bounded(ws: Installation) -> None:
    desk = ws.connect("ben")
    said = [answer(desk, "SELECT count(*) FROM ws.challenge()") for _ in range(25)]
    assert said.count("53400") >= 5
