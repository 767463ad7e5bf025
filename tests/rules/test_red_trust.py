"""An hour with a login: what a workstation says that is not so, and what it sends that nobody expects."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rules import asking
from tests.rules.installation import REASON, Control, Installation, answer
from tests.rules.red import LOCK, asked, held

SEND = "SELECT ws.send_mail(%s, %s, 'client@x.invalid', 'subject', 'body', 'en')"


@pytest.fixture(autouse=True)
def quiet(ws: Installation) -> None:
    ws.control = Control()
    asking.forget(ws)


def proved(ws: Installation, login: str, proof: str) -> str:
    """Send a proof and let a fresh broker judge; return what it was found to be."""
    ws.su.execute("UPDATE wsd.throttle SET fails = 0, locked_until = NULL")
    row = ws.desk(login).execute("SELECT id FROM ws.challenge()").fetchone()
    assert row is not None
    sent = answer(ws.desk(login), "SELECT ws.prove(%s, %s::jsonb)", row[0], proof)
    if sent != {"ok": True}:
        return str(sent)
    ws.broke("judge")
    return str(answer(ws.desk(login), "SELECT ws.proof_result(%s)", row[0]))


#: Proofs that are no proofs. A broker that reads them as they come ends, and with it everybody's step-up.
BOMBS = {
    "deeper than a parser goes": '{"code": ' + "[" * 3000 + "]" * 3000 + "}",
    "a number of five thousand digits": '{"code": ' + "9" * 5000 + "}",
    "a fraction of five thousand digits": '{"code": 0.' + "9" * 5000 + "}",
    "a key's answer of nothing": '{"fido2": null}',
    "a key's answer that is deep": '{"fido2": {"response": ' + '{"a":' * 1000 + "1" + "}" * 1000 + "}}",
    "a token that is a list": '{"id_token": [[]]}',
    "a sealed secret that is a number": '{"sealed": 1e300}',
    "no object": "[]",
    "a text": '"code"',
}


@pytest.mark.parametrize("proof", BOMBS.values(), ids=BOMBS.keys())
def test_a_proof_that_cannot_be_read_is_a_wrong_one_and_the_broker_lives(ws: Installation, proof: str) -> None:
    assert proved(ws, "ana", proof) in {"bad_message", "bad_code", "bad_fido2", "no_provider", "DENIED:bad_message"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "rawId", "type", "response", "clientDataJSON", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(["code", "fido2", "id_token", "sealed", "register"]), inside=JSON)
def test_no_proof_of_whatever_shape_ends_the_broker_or_elevates(ws: Installation, kind: str, inside: Any) -> None:
    assert proved(ws, "ana", json.dumps({kind: inside})) not in ("ok", "pending")


def test_a_mail_of_the_house_cannot_be_kept_from_going_out_by_taking_its_id(ws: Installation) -> None:
    """Were it a hash of what it says, whoever asked could queue a mail of his own under it, and take that back."""
    case = held(ws, "ana")
    request = answer(ws.desk("ana"), LOCK, case, REASON)
    foreseen = f"<{request['id']}@x.invalid>"
    for taken in (
        foreseen,
        "<ws.glass.1.0123456789abcdef@workstation.invalid>",
        "<ws.house.0@x.invalid>",
        "x",
        f"<ws.{'0' * 32}@x>\n",
    ):
        assert answer(ws.desk("ana"), SEND, case, taken) == "DENIED:mail_malformed", taken
    ws.broke("release", "tell")
    ids = ws.su.execute(
        "SELECT message_id FROM wsd.mail WHERE case_id = %s AND author = 'ws_executor'", (case,)
    ).fetchall()
    assert len(ids) == 1
    assert ids[0][0] != foreseen
    own = f"<ws.{secrets.token_hex(16)}@x.invalid>"
    assert answer(ws.desk("ana"), SEND, case, own)["state"] == "queued"
    assert answer(ws.desk("ana"), SEND, case, own) == "DENIED:sent_already"


def test_a_version_that_the_workstation_made_up_is_never_executed(ws: Installation) -> None:
    case = asking.ready(ws, "david", secrets.token_hex(6))
    assert ws.step_up(ws.desk("david")) == "ok"
    ask = "SELECT ws.request_act(%s, 'unlock', '{}', 'FALSE_POSITIVE_LOCK', %s, 'e-of-my-own')"
    made = answer(ws.desk("david"), ask, case, REASON)
    assert asking.approve(ws, "erika", made) == "OK"
    ws.broke("release")
    row = asking.row(ws, made)
    assert (row["state"], row["why"].split(":")[0]) == ("refused", "account_changed")
    assert ws.control.effects == []


def test_a_digest_is_the_stores_own(ws: Installation) -> None:
    """What is pinned is hashed where it is kept, whatever a summary says."""
    case = held(ws, "ana")
    pin = answer(ws.desk("ana"), "SELECT ws.pin(%s, 'log', 'e1', 'sha256: 00', '\\x01')", case)
    assert pin["sha256"] == hashlib.sha256(b"\x01").hexdigest()


#: An id as a workstation makes them.
MAIL = "'<ws.' || repeat('0', 32) || '@x.invalid>'"
#: What is larger, deeper or other than a workstation sends: statement → refused how.
MALFORMED = {
    "an account of a hundred kilobytes": ("SELECT ws.add_case(repeat('x', 100000), 'other', 's')", "DENIED:unknown"),
    "an account with a line feed": ("SELECT ws.add_case(E'a\\nb', 'other', 's')", "DENIED:unknown"),
    "an act of ten megabytes": (
        "SELECT ws.request_act({case}, repeat('z', 10000000), '{{}}', 'x', 'y', 'z')",
        "DENIED:unknown",
    ),
    "a note of a megabyte": ("SELECT ws.note({case}, repeat('x', 1000000))", "23514"),
    "a record of 17 megabytes": (
        "SELECT ws.pin({case}, 'log', 'e', 's', decode(repeat('00', 17000000), 'hex'))",
        "23514",
    ),
    "a source of a megabyte": ("SELECT ws.pin({case}, repeat('x', 1000000), 'e', 's', '\\x01')", "DENIED:unknown"),
    "no record": ("SELECT ws.pin({case}, 'log', 'e', 's', NULL)", "DENIED:unknown"),
    "a snooze without an end": ("SELECT ws.snooze({case}, NULL, 'for ever')", "DENIED:time_out_of_range"),
    "a snooze to infinity": ("SELECT ws.snooze({case}, 'infinity', 'for ever')", "DENIED:time_out_of_range"),
    "a packet that no screen can read": (
        "SELECT ws.save_packet({case}, '', '', '', (repeat('[', 3000) || repeat(']', 3000))::jsonb, '', 0)",
        "DENIED:param_unknown",
    ),
    "a packet with a list in it": (
        "SELECT ws.save_packet({case}, '', '', '', '{{\"factor\": []}}', '', 0)",
        "DENIED:param_unknown",
    ),
    "facts of a megabyte": (
        "SELECT ws.forward({case}, jsonb_build_array(jsonb_build_object('name', repeat('x', 1000000))))",
        "DENIED:param_unknown",
    ),
    "facts that are deep": ('SELECT ws.forward({case}, \'[{{"name": {{"a": 1}}}}]\')', "DENIED:param_unknown"),
    "facts that are none": ("SELECT ws.forward({case}, '[1]')", "DENIED:param_unknown"),
    "a mark's events that are deep": (
        "SELECT ws.judge_mark({case}, 'rule', '', 'right', '', (repeat('[', 3000) || repeat(']', 3000))::jsonb)",
        "DENIED:too_many",
    ),
    "a language of a megabyte": (
        "SELECT ws.send_mail({case}, {mail}, 'c@x.invalid', 's', 'b', repeat('e', 1000000))",
        "DENIED:mail_malformed",
    ),
    "a second header line in a subject": (
        "SELECT ws.send_mail({case}, {mail}, 'c@x.invalid', E's\\r\\nBcc: me@x', 'b', 'en')",
        "DENIED:mail_malformed",
    ),
    "two recipients": (
        "SELECT ws.send_mail({case}, {mail}, 'c@x.invalid,me@x.invalid', 's', 'b', 'en')",
        "DENIED:mail_malformed",
    ),
    "something bound that is no hash": ("SELECT ws.challenge(decode(repeat('00', 1000000), 'hex'))", "23514"),
    "a parameter more": (
        "SELECT ws.request_act({case}, 'lock', '{{\"until\": \"x\"}}', 'COMPROMISE_CONTAINMENT', repeat('a', 20), '')",
        "DENIED:param_unknown",
    ),
}


@pytest.mark.parametrize(("statement", "refused"), MALFORMED.values(), ids=MALFORMED.keys())
def test_what_no_workstation_sends_is_not_taken(ws: Installation, statement: str, refused: str) -> None:
    case = held(ws, "ben")
    assert answer(ws.desk("ben"), statement.format(case=case, mail=MAIL)) == refused


def test_a_request_of_another_team_cannot_be_read_approved_or_looked_into(ws: Installation) -> None:
    made = asked(ws)
    zed = ws.desk("zed")
    for statement, args in (
        ("SELECT ws.requests(%s)", (made["case_id"],)),
        ("SELECT ws.open_case(%s)", (made["case_id"],)),
        ("SELECT ws.options(%s)", (made["case_id"],)),
        ("SELECT ws.claim_case(%s, 'a case of the other team')", (made["case_id"],)),
        ("SELECT ws.open_escalation(%s)", (made["case_id"],)),
        ("SELECT ws.take_over(%s)", (made["case_id"],)),
        ("SELECT ws.view_ticket(%s)", (made["case_id"],)),
        ("SELECT ws.approve(%s, %s)", (made["id"], bytes.fromhex(made["request_hash"]))),
    ):
        assert answer(zed, statement, *args) == "DENIED:unknown", statement
    assert answer(zed, "SELECT ws.case_rows(%s)", [made["case_id"]]) == []
