"""Verifying step-up proofs. Only the broker runs this.

FIDO2 asks for user verification and answers the database's challenge (WebAuthn level 3, 7.2). TOTP is
RFC 6238; the secret lies in the database only as AES-256-GCM ciphertext of the broker, with the login as
additional data, so that a copied row is of no use for another login.
"""

from __future__ import annotations

import hmac
import os
from typing import Any

import msgspec
import pyotp
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    UserVerificationRequirement,
)

#: RFC 6238 5.2 recommends 30 s; one step of the past is accepted, none of the future.
TOTP_STEP_S = 30


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One factor of the login that a challenge belongs to."""

    kind: str
    cred_id: bytes
    data: bytes
    last_counter: int


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the verifier found: which factor answered, its counter, or why not."""

    ok: bool
    kind: str = ""
    cred_id: bytes = b""
    counter: int = 0
    why: str = ""


class Verifier:
    """Judges proofs against factors.

    Args:
        rp_id: WebAuthn relying-party id of this installation, such as ``ws.example.com``.
        wrapping_key: 32 bytes, held by the broker alone.
    """

    def __init__(self, rp_id: str, wrapping_key: bytes) -> None:
        self._server = Fido2Server(
            PublicKeyCredentialRpEntity(id=rp_id, name="workstation"), verify_origin=lambda o: o == f"https://{rp_id}"
        )
        self._aead = AESGCM(wrapping_key)

    def wrap(self, login: str, secret: str) -> bytes:
        """Return a base32 TOTP secret encrypted for the factor table of `login`."""
        nonce = os.urandom(12)
        return nonce + self._aead.encrypt(nonce, secret.encode(), login.encode())

    def judge(self, login: str, challenge: bytes, proof: object, factors: list[Candidate], at_s: float) -> Judgement:
        """Judge one proof; never raises on what a client sent.

        Args:
            login: whose challenge it is.
            challenge: the 32 bytes to be answered.
            proof: ``{"code": "123456"}`` or ``{"fido2": AuthenticationResponse}``, as sent.
            factors: the login's enabled factors.
            at_s: seconds since the epoch, for TOTP.
        """
        if not isinstance(proof, dict):
            return Judgement(ok=False, why="bad_message")
        if "code" in proof:
            return self._totp(login, str(proof["code"]), factors, at_s)
        if "fido2" in proof:
            return self._fido2(challenge, proof["fido2"], factors)
        return Judgement(ok=False, why="bad_message")

    def _totp(self, login: str, code: str, factors: list[Candidate], at_s: float) -> Judgement:
        step = int(at_s) // TOTP_STEP_S
        for factor in (f for f in factors if f.kind == "totp"):
            try:
                secret = self._aead.decrypt(factor.data[:12], factor.data[12:], login.encode()).decode()
            except InvalidTag:
                continue
            for candidate in (step, step - 1):
                if hmac.compare_digest(pyotp.TOTP(secret).at(candidate * TOTP_STEP_S).encode(), code.encode()):
                    return Judgement(ok=True, kind="totp", cred_id=factor.cred_id, counter=candidate)
        return Judgement(ok=False, why="bad_code")

    def _fido2(self, challenge: bytes, answer: Any, factors: list[Candidate]) -> Judgement:
        why = "bad_fido2"
        for factor in (f for f in factors if f.kind == "fido2"):
            credential = AttestedCredentialData(factor.data)
            try:
                response = AuthenticationResponse.from_dict(answer)
                _, state = self._server.authenticate_begin(
                    [credential], user_verification=UserVerificationRequirement.REQUIRED, challenge=challenge
                )
                self._server.authenticate_complete(state, [credential], response)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, InvalidSignature) as error:
                why = f"bad_fido2:{type(error).__name__}"
                continue
            counter = response.response.authenticator_data.counter
            return Judgement(ok=True, kind="fido2", cred_id=factor.cred_id, counter=counter)
        return Judgement(ok=False, why=why)
