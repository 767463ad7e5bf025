"""A new factor is offered by its owner, proved through the broker, and counts when a second person said so."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

import pyotp
import pytest
from fido2.webauthn import (
    AttestationObject,
    AuthenticatorAttestationResponse,
    AuthenticatorData,
    CollectedClientData,
    RegistrationResponse,
)

from tests.people.staff import OK, REASON, Desk, Staff
from tests.rules.installation import RP, answer
from tests.rules.test_stepup import Signer
from workstation.services.acts import sealing


def offer(desk: Desk, kind: str, label: str = "blue key", replaces: bytes | None = None) -> tuple[Any, Any, bytes]:
    row = desk.execute("SELECT * FROM ws.offer_factor(%s, %s, %s)", (kind, label, replaces)).fetchone()
    assert row is not None and row[3] is None, row
    return row[0], row[1], bytes(row[2])


def registration(signer: Signer, challenge: bytes, *, verified: bool = True, origin: str = f"https://{RP}") -> str:
    """What a key answers to a registration; without `verified` it was only touched."""
    client = CollectedClientData.create(type=CollectedClientData.TYPE.CREATE, challenge=bytes(challenge), origin=origin)
    flag = AuthenticatorData.FLAG
    flags = flag.UP | flag.AT | (flag.UV if verified else flag(0))
    head = struct.pack(">BI", int(flags), 0)
    data = AuthenticatorData(hashlib.sha256(RP.encode()).digest() + head + signer.data)
    made = AuthenticatorAttestationResponse(
        client_data=client, attestation_object=AttestationObject.create("none", data, {})
    )
    return json.dumps({"register": dict(RegistrationResponse(raw_id=signer.credential, response=made))})


def prove(staff: Staff, desk: Desk, identifier: Any, proof: str) -> str:
    sent = answer(desk, "SELECT ws.prove(%s, %s::jsonb)", identifier, proof)
    if sent != OK:
        return str(sent)
    staff.ws.broke("judge")
    return str(answer(desk, "SELECT ws.proof_result(%s)", identifier))


def shown(staff: Staff, change: Any, to: str = "fay") -> dict[str, Any]:
    (found,) = [c for c in answer(staff.desk(to), "SELECT ws.changes()") if c["id"] == str(change)]
    return dict(found)


def key_elevates(staff: Staff, desk: Desk, signer: Signer) -> str:
    row = desk.execute("SELECT id, challenge FROM ws.challenge()").fetchone()
    assert row is not None
    return prove(staff, desk, row[0], signer.sign(bytes(row[1])))


def test_a_key_counts_when_a_second_person_said_so(staff: Staff) -> None:
    who, signer = staff.newcomer(3, group="ws_senior"), Signer()
    desk = staff.desk(who)
    change, identifier, challenge = offer(desk, "fido2")
    assert prove(staff, desk, identifier, registration(signer, challenge)) == "ok"
    assert not answer(desk, "SELECT ws.elevation()")["on"], "an offer elevates nobody"
    assert key_elevates(staff, desk, signer).startswith("bad_fido2"), "it does not count yet"
    seen = shown(staff, change)
    assert (seen["kind"], seen["subject"], seen["details"]["label"]) == ("factor", who, "blue key")
    assert "data" not in seen["details"]
    assert staff.confirm("fay", seen) == OK
    assert key_elevates(staff, desk, signer) == "ok"
    assert {f["kind"] for f in answer(desk, "SELECT ws.my_factors()")} == {"fido2", "totp"}
    assert ("ok", who) in staff.events("factor.proved")


def test_nobody_is_his_own_second_person(staff: Staff) -> None:
    signer, desk = Signer(), staff.desk("erika")
    change, identifier, challenge = offer(desk, "fido2")
    assert prove(staff, desk, identifier, registration(signer, challenge)) == "ok"
    assert staff.confirm("erika", shown(staff, change)) == "DENIED:self"
    assert answer(staff.desk("carla"), "SELECT ws.confirm_change(%s, '\\x00')", change) == "42501"
    zed = shown(staff, change)
    assert staff.confirm("zed", zed) == "DENIED:unknown", "a senior of another team"


@pytest.mark.parametrize(
    ("how", "expected"),
    [({"verified": False}, "bad_fido2"), ({"origin": "https://evil.example"}, "bad_fido2")],
    ids=["only touched", "phished"],
)
def test_a_key_that_does_not_prove_itself(staff: Staff, how: dict[str, Any], expected: str) -> None:
    desk = staff.desk("ben")
    change, identifier, challenge = offer(desk, "fido2")
    assert prove(staff, desk, identifier, registration(Signer(), challenge, **how)).startswith(expected)
    assert [c for c in answer(staff.desk("fay"), "SELECT ws.changes()") if c["id"] == str(change)] == []


def test_a_registration_answers_its_own_challenge(staff: Staff) -> None:
    desk = staff.desk("ben")
    _, _, one = offer(desk, "fido2")
    _, identifier, _ = offer(desk, "fido2")
    assert prove(staff, desk, identifier, registration(Signer(), one)).startswith("bad_fido2")


def test_replacing_ends_the_old_one_and_what_it_elevated(staff: Staff) -> None:
    who, old, new = staff.newcomer(3, group="ws_senior"), Signer(), Signer()
    staff.su.execute("SELECT ws.enrol_factor(%s, 'fido2', %s, %s)", (who, old.credential, old.data))
    desk = staff.desk(who)
    assert key_elevates(staff, desk, old) == "ok"
    change, identifier, challenge = offer(desk, "fido2", "new key", old.credential)
    assert prove(staff, desk, identifier, registration(new, challenge)) == "ok"
    assert staff.confirm("gina", shown(staff, change)) == OK
    assert not answer(desk, "SELECT ws.elevation()")["on"]
    assert key_elevates(staff, desk, old).startswith("bad_fido2")
    assert key_elevates(staff, desk, new) == "ok"
    again, identifier, challenge = offer(desk, "fido2", "the old one again")
    assert prove(staff, desk, identifier, registration(old, challenge)) == "factor_known", "what ended stays ended"
    assert again


def test_a_key_of_somebody_else_is_not_mine(staff: Staff) -> None:
    signer = Signer()
    staff.su.execute("SELECT ws.enrol_factor('erika', 'fido2', %s, %s)", (signer.credential, signer.data))
    desk = staff.desk("ben")
    _, identifier, challenge = offer(desk, "fido2")
    assert prove(staff, desk, identifier, registration(signer, challenge)) == "factor_known"
    staff.su.execute("DELETE FROM wsd.factor WHERE kind = 'fido2' AND login = 'erika'")


def sealed(staff: Staff, challenge: bytes, secret: str, code: str) -> str:
    staff.ws.broke("sweep")
    public = bytes.fromhex(answer(staff.desk("ben"), "SELECT ws.seal_key()"))
    return json.dumps({"sealed": sealing.seal(public, f"{secret}:{code}".encode(), challenge).hex()})


def test_a_code_generator_reaches_the_broker_sealed(staff: Staff) -> None:
    who = staff.newcomer()
    desk, secret = staff.desk(who), pyotp.random_base32()
    change, identifier, challenge = offer(desk, "totp", "phone")
    proof = sealed(staff, challenge, secret, pyotp.TOTP(secret).now())
    assert secret not in proof
    assert prove(staff, desk, identifier, proof) == "ok"
    assert secret not in staff.one("SELECT payload FROM wsd.change WHERE id = %s", change)
    assert staff.confirm("fay", shown(staff, change)) == OK
    row = desk.execute("SELECT id FROM ws.challenge()").fetchone()
    assert row is not None
    assert prove(staff, desk, row[0], json.dumps({"code": pyotp.TOTP(secret).now()})) == "ok"


def test_a_secret_that_is_wrong_short_or_sealed_for_something_else(staff: Staff) -> None:
    desk, secret = staff.desk("ben"), pyotp.random_base32()
    code = pyotp.TOTP(secret).now()
    for inside, context in (
        (f"{secret}:000000", b""),
        ("JBSWY3DPEHPK3PXPJBSWY3DP:" + pyotp.TOTP("JBSWY3DPEHPK3PXPJBSWY3DP").now(), b""),
        (f"{secret}:{code}", b"x" * 32),
        ("nonsense", b""),
    ):
        staff.ws.reset_factors()
        _, identifier, challenge = offer(desk, "totp", "phone")
        word, _, right = inside.partition(":")
        proof = sealed(staff, context or challenge, word, right)
        assert prove(staff, desk, identifier, proof) in ("bad_code", "bad_message")
    _, identifier, _ = offer(desk, "totp", "phone")
    assert prove(staff, desk, identifier, json.dumps({"sealed": "zz"})) == "bad_message"


def test_wrong_offers_are_failed_step_ups_too(staff: Staff) -> None:
    desk = staff.desk("ben")
    for _ in range(5):
        _, identifier, _ = offer(desk, "fido2")
        assert prove(staff, desk, identifier, json.dumps({"register": {}})).startswith("bad_fido2")
    assert staff.ws.step_up(desk) == "locked"


def test_offers_are_limited_and_lapse(staff: Staff) -> None:
    who, signer = staff.newcomer(), Signer()
    desk = staff.desk(who)
    _, identifier, challenge = offer(desk, "fido2")
    staff.su.execute("SET session_replication_role = replica")
    staff.su.execute("UPDATE wsd.change SET expires = now() WHERE subject = %s", (who,))
    staff.su.execute("SET session_replication_role = origin")
    assert prove(staff, desk, identifier, registration(signer, challenge)) == "closed_or_expired"
    for _ in range(9):
        offer(desk, "fido2")
    assert answer(desk, "SELECT denied FROM ws.offer_factor('fido2', 'one more')") == "rate_limit_changes"
    assert answer(desk, "SELECT denied FROM ws.offer_factor('stone', 'tablet')") == "factor_malformed"
    assert answer(desk, "SELECT denied FROM ws.offer_factor('fido2', '')") == "factor_malformed"


def test_a_proof_of_a_step_up_is_no_enrolment_and_the_other_way_round(staff: Staff) -> None:
    who, signer = staff.newcomer(3, group="ws_senior"), Signer()
    staff.su.execute("SELECT ws.enrol_factor(%s, 'fido2', %s, %s)", (who, signer.credential, signer.data))
    desk = staff.desk(who)
    _, identifier, challenge = offer(desk, "fido2")
    assert prove(staff, desk, identifier, signer.sign(challenge)).startswith("bad_")
    row = desk.execute("SELECT id, challenge FROM ws.challenge()").fetchone()
    assert row is not None
    assert prove(staff, desk, row[0], registration(Signer(), bytes(row[1]))) == "bad_message"
    executor = staff.ws.desk("ws_executor")
    _, identifier, _ = offer(desk, "fido2")
    assert answer(executor, "SELECT ws.attest(%s, true, 'fido2', %s, 9, '')", identifier, signer.credential) == (
        "unknown_challenge"
    )


def test_a_lost_factor_ends_at_once(staff: Staff) -> None:
    who, signer = staff.newcomer(3, group="ws_senior"), Signer()
    staff.su.execute("SELECT ws.enrol_factor(%s, 'fido2', %s, %s)", (who, signer.credential, signer.data))
    desk = staff.desk(who)
    assert key_elevates(staff, desk, signer) == "ok"
    end = "SELECT ws.end_factor(%s, %s, %s)"
    assert answer(staff.desk("erika"), end, who, signer.credential, REASON) == "DENIED:level"
    assert answer(staff.desk("fay"), end, who, signer.credential, "short") == "DENIED:reason_too_short"
    assert answer(staff.desk("fay"), end, who, signer.credential, REASON) == OK
    assert answer(desk, end, who, signer.credential, REASON) == "DENIED:unknown"
    assert not answer(desk, "SELECT ws.elevation()")["on"]


# -- which methods count --------------------------------------------------------------------------------------
@pytest.fixture
def standard(staff: Staff) -> Any:
    """The policy as a release brings it."""
    staff.su.execute("UPDATE wsd.method_policy SET max_tier = 2, unless_owns = 'fido2' WHERE kind = 'totp'")
    yield
    staff.su.execute("UPDATE wsd.method_policy SET max_tier = 3, unless_owns = '' WHERE kind = 'totp'")
    staff.su.execute("UPDATE wsd.staff SET methods = NULL")
    staff.su.execute("DELETE FROM wsd.factor WHERE kind = 'fido2'")


def methods(desk: Desk, bind: bytes | None = None) -> dict[str, str]:
    return {row["kind"]: row["why"] for row in answer(desk, "SELECT ws.step_up_methods(%s)", bind)}


INTENT = hashlib.sha256(b"an act of tier 3").digest()


def test_a_code_does_not_count_for_tier_3(staff: Staff, standard: None) -> None:
    desk = staff.desk("erika")
    assert staff.ws.step_up(desk) == "ok"
    assert staff.ws.step_up(desk, INTENT) == "method_too_weak"
    assert methods(desk)["totp"] == ""
    assert methods(desk, INTENT)["totp"] == "method_too_weak"
    assert list(methods(desk)) == ["fido2", "idp", "totp"], "best first"


def test_a_code_does_not_count_for_whoever_owns_a_key(staff: Staff, standard: None) -> None:
    signer = Signer()
    staff.su.execute("SELECT ws.enrol_factor('david2', 'fido2', %s, %s)", (signer.credential, signer.data))
    desk = staff.desk("david")
    assert staff.ws.step_up(desk) == "method_not_allowed", "the key of the second login is his too"
    assert methods(desk)["totp"] == "method_own_key"
    staff.su.execute("UPDATE wsd.staff SET methods = '{fido2,totp}' WHERE login = 'david'")
    assert staff.ws.step_up(desk) == "ok", "unless that is written for him"


def test_otp_only_login_refused_when_policy_is_fido2(staff: Staff, standard: None) -> None:
    staff.su.execute("UPDATE wsd.method_policy SET max_tier = 3 WHERE kind = 'totp' AND level = 3")
    for level in (1, 2):
        assert staff.confirm("gina", staff.lead("set_method_policy('totp', %s, 0, '', %s)", level, REASON)) == OK
    for login in ("ana", "carla"):
        assert staff.ws.step_up(staff.desk(login)) == "method_not_allowed"
        assert methods(staff.desk(login))["totp"] == "method_policy"
    offered = staff.desk("ana").execute("SELECT denied FROM ws.offer_factor('totp', 'phone')").fetchone()
    assert offered == ("method_policy",)
    staff.su.execute("UPDATE wsd.method_policy SET max_tier = 2 WHERE kind = 'totp'")


def test_a_person_s_own_methods_are_changed_by_two(staff: Staff, standard: None) -> None:
    staff.su.execute("UPDATE wsd.method_policy SET max_tier = 3 WHERE kind = 'totp' AND level = 3")
    change = staff.lead("set_methods('carla', %s, %s)", ["fido2"], REASON)
    assert staff.ws.step_up(staff.desk("carla")) == "ok"
    assert staff.confirm("erika", change) == OK
    assert not answer(staff.desk("carla"), "SELECT ws.elevation()")["on"]
    assert staff.ws.step_up(staff.desk("carla")) == "method_not_allowed"
    assert methods(staff.desk("carla"))["totp"] == "method_person"
    assert staff.lead("set_methods('carla', %s, %s)", ["magic"], REASON) == "DENIED:factor_malformed"
    back = staff.lead("set_methods('carla', NULL, %s)", REASON, login="gina")
    assert staff.confirm("erika", back) == OK
    assert staff.ws.step_up(staff.desk("carla")) == "ok"
