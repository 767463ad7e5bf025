"""One login that tries to stop everybody: locks, open transactions, notices, connections."""

from __future__ import annotations

from tests.rules.installation import REASON, Installation, answer

REQUEST = "SELECT ws.request_act(%s, 'unlock', '{}', 'FALSE_POSITIVE_LOCK', %s, 'e1')"


def test_an_open_transaction_holds_up_its_owner_only(ws: Installation) -> None:
    idle = ws.connect("ana", autocommit=False)
    idle.execute("SELECT ws.open_account('X', 'a reason of enough length')")
    ben = ws.connect("ben")
    ben.execute("SET lock_timeout = '2s'")
    assert answer(ben, "SELECT ws.open_account('X', 'a reason of enough length')") == {"ok": True}
    assert answer(ws.su, "UPDATE wsd.staff SET name = 'x' WHERE login = 'ana'") == "rows=1"
    idle.rollback()


def test_an_open_veto_does_not_hang_the_broker_or_an_approver(ws: Installation) -> None:
    case = ws.case("VETO")
    david = ws.desk("david")
    answer(david, "SELECT ws.claim_case(%s, '')", case)
    assert ws.step_up(david) == "ok"
    request = answer(david, REQUEST, case, REASON)
    idle = ws.connect("ana", autocommit=False)
    idle.execute("SELECT ws.veto(%s, 'held open')", (request["id"],))
    assert answer(ws.desk("ws_executor"), "SELECT ws.claim(%s, 'e1')", request["id"]) == "55P03"
    erika = ws.desk("erika")
    assert ws.step_up(erika, bytes.fromhex(request["request_hash"])) == "ok"
    hash_ = bytes.fromhex(request["request_hash"])
    assert answer(erika, "SELECT ws.approve(%s, %s)", request["id"], hash_) == "55P03"
    idle.rollback()


def test_an_open_transaction_cannot_hold_up_a_step_up(ws: Installation) -> None:
    idle = ws.connect("erika", autocommit=False)
    idle.execute("SELECT ws.challenge()")
    assert ws.step_up(ws.desk("erika")) == "ok"
    idle.rollback()


def test_the_broker_ends_idle_transactions_whatever_their_owner_set(ws: Installation) -> None:
    idle = ws.connect("ana", autocommit=False)
    idle.execute("SET idle_in_transaction_session_timeout = 0")
    idle.execute("SELECT 1")
    assert answer(ws.desk("ws_executor"), "SELECT ws.reap('0 s', '60 s')") >= 1
    assert answer(idle, "SELECT 1") in ("57P01", None)


def test_challenges_are_purged(ws: Installation) -> None:
    ws.desk("erika").execute("SELECT ws.challenge()")
    ws.su.execute("UPDATE wsd.challenge SET issued = issued - interval '2 days'")
    ws.su.execute("UPDATE wsd.elevation SET started = started - interval '2 days'")
    assert answer(ws.desk("ws_executor"), "SELECT ws.purge('1 day')") >= 1
    assert answer(ws.su, "SELECT count(*) FROM wsd.challenge WHERE issued < now() - interval '1 day'") == 0


def test_an_elevation_that_was_stepped_down_from_stays_to_be_seen(ws: Installation) -> None:
    erika = ws.desk("erika")
    assert ws.step_up(erika) == "ok"
    erika.execute("SELECT ws.step_down()")
    answer(ws.desk("ws_executor"), "SELECT ws.purge('1 day')")
    assert answer(ws.su, "SELECT count(*) FROM wsd.elevation WHERE login = 'erika' AND NOT fresh") >= 1


def test_a_forged_notice_is_a_hint_and_nothing_more(ws: Installation) -> None:
    listener = ws.connect("ben")
    listener.execute("LISTEN acts")
    ws.connect("ana").execute("NOTIFY acts, 'approved'")
    assert answer(ws.su, "SELECT count(*) FROM wsd.approval WHERE approver = 'ana'") == 0


def test_logins_have_few_connections(ws: Installation) -> None:
    from workstation.services.store.logins import CONNECTIONS, make_login

    make_login(ws.su, "limited", "a password of some length", "ws_l1")
    assert answer(ws.su, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'limited'") == CONNECTIONS
