"""The client says no: the signed link, every wrong use of it, and withdrawals that rest after a reset."""

from __future__ import annotations

import asyncio
import base64
import itertools
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules import asking
from tests.rules.installation import EMAIL, SEED, Box, Control, Installation, Killed, answer
from workstation.services.acts.veto import Links
from workstation.services.errors import Invalid, SourceDown

NUMBER = itertools.count(1)


@pytest.fixture(autouse=True)
def quiet(ws: Installation) -> Iterator[None]:
    ws.control, ws.box = Control(), Box()
    asking.forget(ws)
    ws.su.execute("DELETE FROM wsd.veto_cursor")
    yield
    ws.control, ws.box = Control(), Box()


@pytest.fixture
def request_(ws: Installation) -> dict[str, Any]:
    """A factor's removal that was asked for and of which the client was told."""
    case = asking.ready(ws, "david", f"VE{next(NUMBER)}", "proofing", "possession")
    made: dict[str, Any] = asking.ask_tier_3(ws, "david", case)
    ws.broke("attend")
    ws.mails_left()
    return made


def until(request: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(request["vetoable_until"])


def released(ws: Installation, request: dict[str, Any]) -> None:
    """Let it be approved, and its cool-down pass."""
    assert asking.approve(ws, "erika", request) == "OK"
    ws.cooled(request["id"])


def heard(ws: Installation) -> list[str]:
    """Let the broker read the answers; return what is on record of them since the last call."""

    async def listen() -> None:
        broker = ws.broker()
        try:
            await broker.attending.hear(now=True)
        finally:
            await broker._disconnect()

    asyncio.run(listen())
    rows = ws.su.execute(
        "SELECT coalesce(payload::jsonb ->> 'why', 'ok') FROM wsd.audit WHERE event = 'client.veto' ORDER BY ts"
    ).fetchall()
    return [row[0] for row in rows]


def test_the_client_is_told_at_once_with_a_link_that_stops_it(ws: Installation, request_: dict[str, Any]) -> None:
    body = answer(
        ws.su,
        "SELECT m.body FROM wsd.mail m JOIN wsd.veto_mail v ON v.mail_id = m.id WHERE v.request_id = %s",
        request_["id"],
    )
    thread = answer(ws.desk("david"), "SELECT ws.open_case(%s)", request_["case_id"]) and answer(
        ws.desk("david"), "SELECT ws.thread(%s)", request_["case_id"]
    )
    # Whoever works the case sees that the client was told, and not the link itself.
    assert "https://exchange.invalid/stop?t=…" in [mail["body"] for mail in thread]
    page, _, token = body.partition("?t=")
    assert page == "https://exchange.invalid/stop"
    released(ws, request_)
    ws.box.tokens.append(token)
    ws.broke("release")
    assert asking.row(ws, request_)["state"] == "vetoed"
    assert ws.control.effects == []


def test_a_used_link_vetoes_and_everybody_sees_who_did(ws: Installation, request_: dict[str, Any]) -> None:
    token = ws.links.token(request_["id"], until(request_))
    ws.box.tokens.append(token)
    assert heard(ws)[-1:] == ["ok"]
    assert (asking.row(ws, request_)["state"], asking.row(ws, request_)["why"]) == (
        "vetoed",
        "the client stopped it by the link in his mail",
    )
    ws.box.tokens.append(token)
    assert heard(ws)[-1:] == ["link_replayed"]
    assert answer(ws.desk("ws_executor"), "SELECT ws.claim(%s, 'e1')", request_["id"]) == "not_pending"


def test_wrong_links_stop_nothing_and_are_on_record(ws: Installation, request_: dict[str, Any]) -> None:
    other = Links(b"x" * 32, "")
    later = until(request_) + timedelta(hours=1)
    wrong = {
        "link_forged": other.token(request_["id"], until(request_)),
        "link_unknown": ws.links.token(str(uuid.uuid4()), until(request_)),
        "link_of_another_request": ws.links.token(request_["id"], later),
    }
    for why, token in wrong.items():
        ws.box.tokens.append(token)
        assert heard(ws)[-1] == why
    assert asking.row(ws, request_)["state"] == "pending"


def test_a_link_that_has_run_out(ws: Installation, request_: dict[str, Any]) -> None:
    ended = datetime(2025, 1, 1, tzinfo=UTC)
    ws.su.execute("SET session_replication_role = replica")
    ws.su.execute("UPDATE wsd.request SET vetoable_until = %s WHERE id = %s", (ended, request_["id"]))
    ws.su.execute("SET session_replication_role = origin")
    ws.box.tokens.append(ws.links.token(request_["id"], ended))
    assert heard(ws)[-1] == "link_expired"


def test_too_late_is_said_and_the_leads_hear_of_it(ws: Installation, request_: dict[str, Any]) -> None:
    released(ws, request_)
    ws.broke("release")
    done = asking.row(ws, request_)
    assert done["state"] == "executed", done
    ws.box.tokens.append(ws.links.token(request_["id"], until(request_)))
    assert heard(ws)[-1] == "too_late"
    assert answer(ws.su, "SELECT count(*) FROM wsd.alert WHERE kind = 'client_veto_late'") == 1


def test_who_cannot_be_heard_may_have_said_no(ws: Installation, request_: dict[str, Any]) -> None:
    released(ws, request_)
    ws.box.away = True
    ws.broke("release")
    assert asking.row(ws, request_)["state"] == "pending"
    ws.box.away = False
    ws.broke("release")
    assert asking.row(ws, request_)["state"] == "executed"


def test_a_flood_of_made_up_links_leaves_few_records_and_hides_no_real_one(
    ws: Installation, request_: dict[str, Any]
) -> None:
    before = len(heard(ws))
    ws.box.page = 100
    ws.box.tokens += [base64.urlsafe_b64encode(b"%088d" % n).decode() for n in range(190)]
    ws.box.tokens.append(ws.links.token(request_["id"], until(request_)))
    assert len(heard(ws)) - before <= 3
    assert asking.row(ws, request_)["state"] == "vetoed"


def test_before_the_client_was_told_nothing_is_released(ws: Installation) -> None:
    case = asking.ready(ws, "david", f"VE{next(NUMBER)}", "proofing", "possession")
    request = asking.ask_tier_3(ws, "david", case)
    assert asking.approve(ws, "erika", request) == "OK"
    ws.cooled(request["id"])
    claim = "SELECT ws.claim(%s, 'e1')"
    assert answer(ws.desk("ws_executor"), claim, request["id"]) == "client_not_told"
    assert asking.row(ws, request)["stage"] == "waits: the client was not told yet"
    ws.broke("attend")
    ws.mails_left()
    ws.attest(asking.account_of(ws, case))
    # A day late: he had no day to say no.
    assert answer(ws.desk("ws_executor"), claim, request["id"]) == "told_late"
    assert asking.row(ws, request)["state"] == "refused"


def test_a_mail_that_never_left_told_nobody(ws: Installation) -> None:
    case = asking.ready(ws, "david", f"VE{next(NUMBER)}", "proofing", "possession")
    request = asking.ask_tier_3(ws, "david", case)
    ws.broke("attend")
    ws.su.execute("UPDATE wsd.mail SET state = 'failed' WHERE state = 'queued' AND recipient = %s", (EMAIL,))
    assert asking.approve(ws, "erika", request) == "OK"
    ws.cooled(request["id"])
    ws.broke("release")
    assert asking.row(ws, request)["state"] == "pending"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 87))
def test_no_other_bytes_are_a_link(noise: bytes, at: int) -> None:
    links = Links(SEED, "https://x.invalid")
    good = links.token("00000000-0000-4000-8000-000000000001", datetime(2026, 1, 1, tzinfo=UTC))
    assert links.judge(good).why == ""
    assert links.judge(good).request == "00000000-0000-4000-8000-000000000001"
    raw = bytearray(base64.urlsafe_b64decode(good + "=="))
    raw[at] ^= 1
    assert links.judge(base64.urlsafe_b64encode(raw).decode()).why == "link_forged"
    assert links.judge(base64.urlsafe_b64encode(noise).decode()).why == "link_forged"
    assert links.judge(noise.decode("latin-1")).why == "link_forged"


def executed(ws: Installation, request: dict[str, Any]) -> None:
    released(ws, request)
    ws.broke("release")
    assert asking.row(ws, request)["state"] == "executed"


def test_withdrawals_rest_after_a_reset(ws: Installation, request_: dict[str, Any]) -> None:
    executed(ws, request_)
    assert asking.row(ws, request_)["hold"] == "the withdrawal hold is not set yet"
    ws.broke("attend")
    assert asking.row(ws, request_)["hold"].startswith("withdrawals rest until ")
    (hold,) = ws.control.holds_set
    assert hold.until is not None
    assert abs(hold.until - datetime.now(UTC) - timedelta(hours=48)) < timedelta(minutes=5)
    assert hold.id not in (request_["id"], "")
    ws.broke("attend")
    assert len(ws.control.holds_set) == 1


@pytest.mark.parametrize("point", ["hold", "after effect"])
def test_killed_while_it_sets_the_hold(ws: Installation, request_: dict[str, Any], point: str) -> None:
    executed(ws, request_)
    ws.control.fail[point] = Killed()
    with pytest.raises(Killed):
        ws.broke("attend")
    ws.broke("attend")
    assert asking.row(ws, request_)["hold"].startswith("withdrawals rest until ")
    assert len(ws.control.holds_set) == 1


def test_a_hold_that_cannot_be_set_is_said_and_tried_again(ws: Installation, request_: dict[str, Any]) -> None:
    executed(ws, request_)
    ws.control.fail["hold"] = SourceDown("the account system is away")
    ws.broke("attend")
    assert asking.row(ws, request_)["hold"] == (
        "the withdrawal hold is not set yet, and is tried again: the account system is away"
    )
    ws.broke("attend")
    assert ws.control.holds_set == []
    ws.su.execute("UPDATE wsd.execution SET hold_next = now() WHERE request_id = %s", (request_["id"],))
    ws.broke("attend")
    assert len(ws.control.holds_set) == 1


def test_a_hold_that_is_refused_for_good_is_shouted(ws: Installation, request_: dict[str, Any]) -> None:
    executed(ws, request_)
    ws.control.fail["hold"] = Invalid("this system knows no funds", "")
    ws.broke("attend")
    assert asking.row(ws, request_)["hold"] == "THE WITHDRAWAL HOLD COULD NOT BE SET: this system knows no funds"
    assert answer(ws.su, "SELECT count(*) FROM wsd.alert WHERE kind = 'hold_refused'") == 1
