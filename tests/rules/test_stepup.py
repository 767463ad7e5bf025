"""Proving that one is here: what is accepted once, by whom, for what, and what is not."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import threading
from typing import Any

import psycopg
import pyotp
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorAssertionResponse,
    AuthenticatorData,
    CollectedClientData,
)

from tests.rules.installation import REASON, RP, SECRET, Installation, answer

Desk = psycopg.Connection[Any]
REQUEST = "SELECT ws.request_act(%s, 'unlock', '{}', 'FALSE_POSITIVE_LOCK', %s, 'e1')"


class Signer:
    """A security key in a few lines: it signs what it is told to, also what a real one would not."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential = os.urandom(16)
        public = ES256.from_cryptography_key(self.key.public_key())
        self.data = bytes(AttestedCredentialData.create(Aaguid(b"\0" * 16), self.credential, public))
        self.count = 0

    def sign(
        self,
        challenge: bytes,
        *,
        verified: bool = True,
        origin: str = f"https://{RP}",
        key: ec.EllipticCurvePrivateKey | None = None,
        count: int | None = None,
    ) -> str:
        self.count = self.count + 1 if count is None else self.count
        client = CollectedClientData.create(
            type=CollectedClientData.TYPE.GET, challenge=bytes(challenge), origin=origin
        )
        flags = AuthenticatorData.FLAG.UP | (AuthenticatorData.FLAG.UV if verified else AuthenticatorData.FLAG(0))
        head = struct.pack(">BI", int(flags), self.count if count is None else count)
        data = AuthenticatorData(hashlib.sha256(RP.encode()).digest() + head)
        signature = (key or self.key).sign(data + client.hash, ec.ECDSA(hashes.SHA256()))
        response = AuthenticatorAssertionResponse(client_data=client, authenticator_data=data, signature=signature)
        return json.dumps({"fido2": dict(AuthenticationResponse(raw_id=self.credential, response=response))})


@pytest.fixture(scope="module")
def signer(ws: Installation) -> Signer:
    made = Signer()
    ws.su.execute("SELECT ws.enrol_factor('david', 'fido2', %s, %s)", (made.credential, made.data))
    return made


@pytest.fixture(autouse=True)
def clean_slate(ws: Installation) -> None:
    ws.reset_factors()
    ws.su.execute("DELETE FROM wsd.elevation")
    ws.su.execute("DELETE FROM wsd.challenge")


@pytest.fixture
def case(ws: Installation, request: pytest.FixtureRequest) -> int:
    made = ws.case(f"S{abs(hash(request.node.name)) % 10**9}")
    answer(ws.desk("david"), "SELECT ws.claim_case(%s, '')", made)
    return made


def challenge(desk: Desk, bind: bytes | None = None) -> tuple[Any, bytes]:
    row = desk.execute("SELECT id, challenge FROM ws.challenge(%s)", (bind,)).fetchone()
    assert row is not None
    return row[0], bytes(row[1])


def prove(ws: Installation, desk: Desk, identifier: Any, proof: str) -> str:
    sent = answer(desk, "SELECT ws.prove(%s, %s::jsonb)", identifier, proof)
    if sent != {"ok": True}:
        return str(sent)
    ws.broke("judge")
    return str(answer(desk, "SELECT ws.proof_result(%s)", identifier))


def ask(desk: Desk, case: int) -> Any:
    done = answer(desk, REQUEST, case, REASON)
    if isinstance(done, dict):
        answer(desk, "SELECT ws.veto(%s, 'only a test')", done["id"])
        return "OK"
    return done


def test_a_key_elevates_this_connection_and_no_other(ws: Installation, signer: Signer, case: int) -> None:
    desk, other = ws.desk("david"), ws.connect("david")
    identifier, wanted = challenge(desk)
    assert prove(ws, desk, identifier, signer.sign(wanted)) == "ok"
    assert ask(desk, case) == "OK"
    assert ask(other, case) == "DENIED:not_elevated"


def test_a_challenge_is_answered_once(ws: Installation, signer: Signer) -> None:
    desk = ws.desk("david")
    identifier, wanted = challenge(desk)
    proof = signer.sign(wanted)
    assert prove(ws, desk, identifier, proof) == "ok"
    assert prove(ws, desk, identifier, proof) == "DENIED:unknown_challenge"
    assert ws.su.execute("SELECT proof FROM wsd.challenge WHERE id = %s", (identifier,)).fetchone() == (None,)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"verified": False}, "bad_fido2"),
        ({"origin": "https://evil.example"}, "bad_fido2"),
        ({"key": ec.generate_private_key(ec.SECP256R1())}, "bad_fido2"),
    ],
    ids=["touch without verification", "phished origin", "foreign key"],
)
def test_a_wrong_signature_is_refused(ws: Installation, signer: Signer, how: dict[str, Any], expected: str) -> None:
    desk = ws.desk("david")
    identifier, wanted = challenge(desk)
    assert prove(ws, desk, identifier, signer.sign(wanted, **how)).startswith(expected)


def test_a_proof_of_another_challenge_is_refused(ws: Installation, signer: Signer) -> None:
    desk = ws.desk("david")
    _, one = challenge(desk)
    identifier, _ = challenge(desk)
    assert prove(ws, desk, identifier, signer.sign(one)).startswith("bad_fido2")


def test_a_counter_that_went_back_is_a_clone(ws: Installation, signer: Signer) -> None:
    desk = ws.desk("david")
    identifier, wanted = challenge(desk)
    assert prove(ws, desk, identifier, signer.sign(wanted)) == "ok"
    identifier, wanted = challenge(desk)
    assert prove(ws, desk, identifier, signer.sign(wanted, count=signer.count)) == "replayed_counter"


def test_somebody_elses_challenge_cannot_be_answered(ws: Installation, signer: Signer) -> None:
    erika = ws.desk("erika")
    identifier, wanted = challenge(erika)
    assert prove(ws, ws.desk("david"), identifier, signer.sign(wanted)) == "DENIED:unknown_challenge"
    assert prove(ws, erika, identifier, signer.sign(wanted)).startswith("bad_")


def test_a_closed_backend_gains_nothing(ws: Installation, signer: Signer) -> None:
    gone = ws.connect("david")
    identifier, wanted = challenge(gone)
    answer(gone, "SELECT ws.prove(%s, %s::jsonb)", identifier, signer.sign(wanted))
    gone.close()
    ws.broke("judge")
    result = ws.su.execute("SELECT result FROM wsd.challenge WHERE id = %s", (identifier,)).fetchone()
    # closing and judging may meet: either the backend was gone, or its elevation went with it
    assert result in (("backend_gone",), ("ok",))
    assert not answer(ws.connect("david"), "SELECT ws.elevation()")["on"]


def test_a_recycled_process_id_is_another_backend(ws: Installation, signer: Signer, case: int) -> None:
    desk = ws.desk("david")
    identifier, wanted = challenge(desk)
    ws.su.execute(
        "UPDATE wsd.challenge SET backend_start = backend_start - interval '1 s' WHERE id = %s", (identifier,)
    )
    assert prove(ws, desk, identifier, signer.sign(wanted)) == "backend_gone"
    identifier, wanted = challenge(desk)
    assert prove(ws, desk, identifier, signer.sign(wanted)) == "ok"
    ws.su.execute("UPDATE wsd.elevation SET backend_start = backend_start - interval '1 s'")
    assert ask(desk, case) == "DENIED:not_elevated"


def test_late_proofs_are_refused(ws: Installation, signer: Signer) -> None:
    desk = ws.desk("david")
    identifier, wanted = challenge(desk)
    ws.su.execute("UPDATE wsd.challenge SET expires = now() - interval '1 s' WHERE id = %s", (identifier,))
    assert prove(ws, desk, identifier, signer.sign(wanted)) == "DENIED:unknown_challenge"
    attest = "SELECT ws.attest(%s, true, 'fido2', %s, 99999, NULL)"
    assert answer(ws.desk("ws_executor"), attest, identifier, signer.credential) == "expired"


@pytest.mark.parametrize(("age", "still"), [("14 min", True), ("16 min", False)])
def test_elevation_ends_after_fifteen_minutes(ws: Installation, case: int, age: str, still: bool) -> None:
    desk = ws.desk("david")
    assert ws.step_up(desk) == "ok"
    ws.su.execute("UPDATE wsd.elevation SET started = started - %s::interval", (age,))
    assert (ask(desk, case) == "OK") is still


def test_elevation_ends_after_five_idle_minutes(ws: Installation, case: int) -> None:
    desk = ws.desk("david")
    assert ws.step_up(desk) == "ok"
    ws.su.execute("UPDATE wsd.elevation SET last_use = last_use - interval '6 min'")
    assert ask(desk, case) == "DENIED:not_elevated"


def test_stepping_down_ends_it_and_discard_all_does_not(ws: Installation, case: int) -> None:
    desk = ws.connect("david")
    answer(desk, "SELECT ws.claim_case(%s, '')", case)
    assert ws.step_up(desk) == "ok"
    desk.execute("DISCARD ALL")
    assert ask(desk, case) == "OK"
    desk.execute("SELECT ws.step_down()")
    assert ask(desk, case) == "DENIED:not_elevated"


def test_codes_are_single_use_and_never_of_the_future(ws: Installation) -> None:
    desk = ws.desk("erika")
    now = pyotp.TOTP(SECRET)
    code = now.now()
    assert ws.step_up(desk, code=code) == "ok"
    assert ws.step_up(desk, code=code) in ("replayed_counter", "bad_code")
    import time

    assert ws.step_up(desk, code=now.at(time.time() + 60)) == "bad_code"


def test_guessing_locks_whatever_is_rolled_back(ws: Installation) -> None:
    desk = ws.connect("erika", autocommit=False)
    results = []
    for guess in range(7):
        row = desk.execute("SELECT id FROM ws.challenge()").fetchone()
        assert row is not None
        desk.commit()
        desk.execute("SELECT ws.prove(%s, %s::jsonb)", (row[0], json.dumps({"code": f"00000{guess}"})))
        desk.commit()
        ws.broke("judge")
        results.append(answer(desk, "SELECT ws.proof_result(%s)", row[0]))
        desk.rollback()
    assert results[:5] == ["bad_code"] * 5
    assert results[5:] == ["locked", "locked"]
    assert ws.step_up(ws.desk("erika"), code=pyotp.TOTP(SECRET).now()) == "locked"


def test_a_challenge_that_was_rolled_back_never_was(ws: Installation) -> None:
    desk = ws.connect("erika", autocommit=False)
    row = desk.execute("SELECT id FROM ws.challenge()").fetchone()
    assert row is not None
    desk.rollback()
    assert answer(desk, 'SELECT ws.prove(%s, \'{"code": "123456"}\')', row[0]) == "DENIED:unknown_challenge"


def test_eight_verdicts_on_one_challenge_count_once(ws: Installation, signer: Signer) -> None:
    identifier, _ = challenge(ws.desk("david"))
    out: list[Any] = []

    def go() -> None:
        with psycopg.connect(ws.conninfo("ws_executor"), autocommit=True) as connection:
            statement = "SELECT ws.attest(%s, true, 'fido2', %s, 1000, NULL)"
            out.append(answer(connection, statement, identifier, signer.credential))

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(out) == ["challenge_used"] * 7 + ["ok"]
    ws.su.execute("UPDATE wsd.factor SET last_counter = 0")


def test_open_challenges_are_capped(ws: Installation) -> None:
    desk = ws.desk("zed")
    for _ in range(20):
        challenge(desk)
    assert answer(desk, "SELECT id FROM ws.challenge()") == "53400"


def test_what_it_is_bound_to_has_32_bytes(ws: Installation) -> None:
    assert answer(ws.desk("david"), "SELECT ws.challenge('\\x00')") == "23514"


def test_a_large_proof_is_refused(ws: Installation) -> None:
    desk = ws.desk("david")
    identifier, _ = challenge(desk)
    assert (
        answer(desk, "SELECT ws.prove(%s, %s::jsonb)", identifier, json.dumps({"x": "y" * 9000}))
        == "DENIED:bad_message"
    )


def test_the_broker_refuses_stale_snapshots(ws: Installation) -> None:
    broker = ws.connect("ws_executor", autocommit=False)
    broker.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    statement = "SELECT ws.attest(gen_random_uuid(), true, 'totp', '\\x01', 1, NULL)"
    assert answer(broker, statement) == "25001"
