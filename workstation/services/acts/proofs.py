"""Verifying step-up proofs, and that an offered factor works. Only the broker runs this.

FIDO2 asks for user verification and answers the database's challenge (WebAuthn level 3, 7.2). TOTP is
RFC 6238; the secret lies in the database only as AES-256-GCM ciphertext of the broker, with the login as
additional data, so that a copied row is of no use for another login. An ID token of the identity provider is judged in
:mod:`workstation.services.acts.idtoken`.
"""

from __future__ import annotations

import hashlib
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
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    UserVerificationRequirement,
)

from workstation.services.acts import sealing
from workstation.services.acts.idtoken import Claims, TokenJudge, Wrong
from workstation.services.errors import SourceError

#: What the FIDO2 library raises on answers that nobody's key gave.
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError, InvalidSignature)
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


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """An offered factor that proved that it works, as it goes into the factor table; or why not."""

    ok: bool
    cred_id: bytes = b""
    data: bytes = b""
    why: str = ""


class Subject(msgspec.Struct, frozen=True):
    """Who somebody is at the identity provider: the factor's data. `sub` is never reused there (Core 1.0, 2)."""

    iss: str
    sub: str


class Verifier:
    """Judges proofs against factors.

    Args:
        rp_id: WebAuthn relying-party id of this installation, such as ``ws.example.com``.
        wrapping_key: 32 bytes, held by the broker alone.
        tokens: judges ID tokens; None where no identity provider is configured.
    """

    def __init__(self, rp_id: str, wrapping_key: bytes, tokens: TokenJudge | None = None) -> None:
        self._rp_id = rp_id
        self._tokens = tokens
        self._seal = sealing.opener(wrapping_key)
        self._server = Fido2Server(
            PublicKeyCredentialRpEntity(id=rp_id, name="workstation"), verify_origin=lambda o: o == f"https://{rp_id}"
        )
        self._aead = AESGCM(wrapping_key)

    def wrap(self, login: str, secret: str) -> bytes:
        """Return a base32 TOTP secret encrypted for the factor table of `login`."""
        nonce = os.urandom(12)
        return nonce + self._aead.encrypt(nonce, secret.encode(), login.encode())

    @property
    def seal_key(self) -> bytes:
        """The public key that a secret for the broker is sealed with; 32 bytes."""
        return self._seal.public

    async def verify(
        self, login: str, challenge: bytes, proof: object, factors: list[Candidate], at_s: float
    ) -> Judgement:
        """Judge one proof of any kind; arguments as :meth:`judge`. Never raises on what a client sent."""
        if not (isinstance(proof, dict) and "id_token" in proof):
            return self.judge(login, challenge, proof, factors, at_s)
        found = await self._token(str(proof["id_token"]), challenge, at_s)
        if isinstance(found, str):
            return Judgement(ok=False, why=found)
        for factor in (f for f in factors if f.kind == "idp"):
            if hmac.compare_digest(factor.data, subject_of(found)):
                return Judgement(ok=True, kind="idp", cred_id=factor.cred_id, counter=int(found.auth_time))
        return Judgement(ok=False, why="bad_token:subject")

    async def enrol(self, kind: str, login: str, challenge: bytes, proof: object, at_s: float) -> Enrolled:
        """Judge the proof of a factor that is offered as new.

        Args:
            kind: what was offered.
            login: who offers it.
            challenge: the 32 bytes that it must answer.
            proof: ``{"register": RegistrationResponse}``, ``{"id_token": …}`` or ``{"sealed": hex}``, the last one
                `SECRET:CODE` under :attr:`seal_key`, so that no secret ever lies in the store in the open.
            at_s: seconds since the epoch.
        """
        if not isinstance(proof, dict):
            return Enrolled(ok=False, why="bad_message")
        if kind == "fido2" and "register" in proof:
            return self._register(login, challenge, proof["register"])
        if kind == "totp" and "sealed" in proof:
            return self._new_secret(login, challenge, str(proof["sealed"]), at_s)
        if kind == "idp" and "id_token" in proof:
            found = await self._token(str(proof["id_token"]), challenge, at_s)
            if isinstance(found, str):
                return Enrolled(ok=False, why=found)
            data = subject_of(found)
            return Enrolled(ok=True, cred_id=hashlib.sha256(data).digest(), data=data)
        return Enrolled(ok=False, why="bad_message")

    async def _token(self, token: str, challenge: bytes, at_s: float) -> Claims | str:
        if self._tokens is None:
            return "no_provider"
        try:
            return await self._tokens.claims(token, challenge, at_s)
        except Wrong as error:
            return str(error)
        except SourceError:
            return "provider_away"

    def _register(self, login: str, challenge: bytes, answer: Any) -> Enrolled:
        user = PublicKeyCredentialUserEntity(id=login.encode(), name=login, display_name=login)
        try:
            response = RegistrationResponse.from_dict(answer)
            _, state = self._server.register_begin(
                user, user_verification=UserVerificationRequirement.REQUIRED, challenge=challenge
            )
            made = self._server.register_complete(state, response).credential_data
        except _MALFORMED as error:
            return Enrolled(ok=False, why=f"bad_fido2:{type(error).__name__}")
        if made is None:
            return Enrolled(ok=False, why="bad_fido2:no credential")
        return Enrolled(ok=True, cred_id=made.credential_id, data=bytes(made))

    def _new_secret(self, login: str, challenge: bytes, sealed: str, at_s: float) -> Enrolled:
        try:
            secret, _, code = self._seal.open(bytes.fromhex(sealed), challenge).decode().partition(":")
            step = int(at_s) // TOTP_STEP_S
            shown = [pyotp.TOTP(secret).at(s * TOTP_STEP_S) for s in (step, step - 1)]
        except (ValueError, InvalidTag):
            return Enrolled(ok=False, why="bad_message")
        # 160 bits, RFC 4226, 4: a short secret can be searched by whoever saw two codes
        if len(secret) < 32 or not any(hmac.compare_digest(code.encode(), right.encode()) for right in shown):
            return Enrolled(ok=False, why="bad_code")
        return Enrolled(ok=True, cred_id=os.urandom(16), data=self.wrap(login, secret))

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
            except _MALFORMED as error:
                why = f"bad_fido2:{type(error).__name__}"
                continue
            counter = response.response.authenticator_data.counter
            return Judgement(ok=True, kind="fido2", cred_id=factor.cred_id, counter=counter)
        return Judgement(ok=False, why=why)


def subject_of(claims: Claims) -> bytes:
    """Return what the factor of these claims holds."""
    return msgspec.json.encode(Subject(iss=claims.iss, sub=claims.sub))
