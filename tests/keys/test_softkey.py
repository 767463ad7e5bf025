"""The demo's security key: a process of its own that signs only when it is touched, judged by the real verifier."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fido2.client import ClientError, DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.webauthn import (
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRequestOptions,
    PublicKeyCredentialType,
    UserVerificationRequirement,
)

from workstation.sandbox.softkey import SocketKey, SoftKey, touch
from workstation.services.acts.proofs import Candidate, Verifier
from workstation.services.acts.stepup import key_failure

RP = "workstation.invalid"


class Key:
    """A running key with one credential."""

    def __init__(self, directory: Path) -> None:
        self.data = SoftKey(directory / "key.json", lambda: None).enrol(RP)
        self.credential = self.data[18 : 18 + int.from_bytes(self.data[16:18])]
        self.path = directory / "key.sock"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workstation.sandbox.softkey", str(directory), str(directory)]
        )
        for _ in range(400):
            if self.path.exists():
                break
            threading.Event().wait(0.05)

    def answer(self, challenge: bytes, cancel: threading.Event | None = None) -> dict[str, Any]:
        client = Fido2Client(
            SocketKey(self.path), DefaultClientDataCollector(f"https://{RP}"), user_interaction=UserInteraction()
        )
        options = PublicKeyCredentialRequestOptions(
            challenge=challenge,
            rp_id=RP,
            allow_credentials=[
                PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=self.credential)
            ],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return dict(client.get_assertion(options, cancel).get_response(0))

    def touched_answer(self, challenge: bytes) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        thread = threading.Thread(target=lambda: found.append(self.answer(challenge)))
        thread.start()
        while thread.is_alive():
            touch(self.path)
            thread.join(0.05)
        return found[0]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Key]:
    made = Key(tmp_path_factory.mktemp("k"))
    yield made
    made.process.terminate()
    made.process.wait(10)


def judged(key: Key, challenge: bytes, answer: object):
    factor = Candidate(kind="fido2", cred_id=key.credential, data=key.data, last_counter=0)
    return Verifier(RP, os.urandom(32)).judge("ana.k", challenge, {"fido2": answer}, [factor], 0.0)


def as_sent(answer: dict[str, Any]) -> Any:
    """The proof as it is after its way through the database as JSON."""
    return json.loads(json.dumps(answer))


def test_a_touched_answer_is_accepted(key: Key) -> None:
    challenge = os.urandom(32)
    found = judged(key, challenge, as_sent(key.touched_answer(challenge)))
    assert found.ok, found.why
    assert found.counter > 0


def test_an_answer_serves_its_own_challenge_only(key: Key) -> None:
    answer = as_sent(key.touched_answer(os.urandom(32)))
    assert not judged(key, os.urandom(32), answer).ok


def test_without_a_touch_nothing_is_signed(key: Key) -> None:
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    with pytest.raises(ClientError) as refused:
        key.answer(os.urandom(32), cancel)
    assert key_failure(refused.value).what == "Cancelled."


def test_a_touch_that_nobody_waits_for_is_not_kept(key: Key) -> None:
    assert touch(key.path) is False


@pytest.mark.parametrize(
    "proof", [None, [], "x", {}, {"fido2": None}, {"fido2": {}}, {"fido2": {"response": 1}}, {"code": 5}]
)
def test_what_a_client_sends_never_raises(key: Key, proof: object) -> None:
    factor = Candidate(kind="fido2", cred_id=key.credential, data=key.data, last_counter=0)
    assert not Verifier(RP, os.urandom(32)).judge("ana.k", os.urandom(32), proof, [factor], 0.0).ok
