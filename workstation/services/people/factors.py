"""Offering a new factor: made here, proved through the broker, confirmed by a second person (docs/people.md)."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from uuid import UUID

import pyotp
from fido2.client import ClientError, DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.ctap import CtapDevice, CtapError
from fido2.webauthn import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialCreationOptions,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    UserVerificationRequirement,
)

from workstation.services.acts import sealing
from workstation.services.acts.refusals import refused
from workstation.services.acts.signin import BrowserSignIn
from workstation.services.acts.stepup import Devices, judged, key_failure
from workstation.services.errors import StepUpFailed, StoreError
from workstation.services.store.session import Session

#: COSE algorithms that every FIDO2 key of the last years has: ES256, EdDSA (RFC 9053, 2.1 and 2.2).
ALGORITHMS = (-7, -8)
#: Milliseconds that the key may wait for its owner.
WAIT_MS = 60_000


def credential_of(
    devices: Devices, rp_id: str, login: str, challenge: bytes, have: list[bytes], cancel: threading.Event
) -> dict[str, Any]:
    """Have a plugged-in key make a credential, with user verification; blocks until it is touched.

    Args:
        devices: where keys are found; the first one is asked.
        rp_id: WebAuthn relying-party id.
        login: whose it will be.
        challenge: 32 bytes.
        have: credentials that must not be made again on the same key.
        cancel: set to give up.

    Raises:
        StepUpFailed: no key, or it refused; with what to do.
    """
    found = list(devices())
    try:
        if len(found) != 1:
            what = "No security key is" if not found else "More than one security key is"
            raise StepUpFailed(f"{what} plugged in.", "Plug in the new one, and that alone.")
        return _credential(found[0], rp_id, login, challenge, have, cancel)
    except (ClientError, CtapError, OSError) as error:
        raise key_failure(error) from error
    finally:
        for device in found:
            device.close()


def _credential(
    device: CtapDevice, rp_id: str, login: str, challenge: bytes, have: list[bytes], cancel: threading.Event
) -> dict[str, Any]:
    client = Fido2Client(device, DefaultClientDataCollector(f"https://{rp_id}"), user_interaction=UserInteraction())
    known = [PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=c) for c in have]
    options = PublicKeyCredentialCreationOptions(
        rp=PublicKeyCredentialRpEntity(id=rp_id, name="workstation"),
        user=PublicKeyCredentialUserEntity(id=login.encode(), name=login, display_name=login),
        challenge=challenge,
        pub_key_cred_params=[
            PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=alg) for alg in ALGORITHMS
        ],
        timeout=WAIT_MS,
        exclude_credentials=known or None,
        authenticator_selection=AuthenticatorSelectionCriteria(user_verification=UserVerificationRequirement.REQUIRED),
        attestation=AttestationConveyancePreference.NONE,
    )
    return dict(client.make_credential(options, cancel))


class Offering:
    """Offers factors for one signed-in person.

    Args:
        session: the person's.
        login: the person's.
        rp_id: WebAuthn relying-party id.
        devices: where security keys come from.
        sign_in: the identity provider's page; None where there is none.
    """

    def __init__(
        self, session: Session, login: str, rp_id: str, devices: Devices, sign_in: BrowserSignIn | None = None
    ) -> None:
        self._session = session
        self._login = login
        self._rp_id = rp_id
        self._devices = devices
        self._sign_in = sign_in

    async def key(self, label: str, replaces: bytes | None = None) -> UUID:
        """Offer the plugged-in security key; return the change that somebody must confirm.

        Raises:
            Refused, StepUpFailed, StoreError: with what to do.
        """
        mine = await self._session.call("my_factors")
        have = [bytes.fromhex(f["cred"]) for f in mine if f["kind"] == "fido2"]
        change, challenge_id, challenge = await self._offer("fido2", label, replaces)
        cancel = threading.Event()
        try:
            made = await asyncio.to_thread(
                credential_of, self._devices, self._rp_id, self._login, challenge, have, cancel
            )
        except asyncio.CancelledError:
            cancel.set()
            raise
        await judged(self._session, challenge_id, {"register": made})
        return change

    @staticmethod
    def new_secret() -> str:
        """Return a fresh secret for an authenticator app: 160 bits in base32 (RFC 4226, 4)."""
        return pyotp.random_base32()

    def provisioning(self, secret: str) -> str:
        """Return what an authenticator app is given (the ``otpauth`` address)."""
        return pyotp.TOTP(secret).provisioning_uri(name=self._login, issuer_name="workstation")

    async def code(self, label: str, secret: str, code: str, replaces: bytes | None = None) -> UUID:
        """Offer an authenticator app that knows `secret` and shows `code` now. Raises as :meth:`key`."""
        public = await self._session.call("seal_key")
        if not public:
            raise StoreError("The broker has not shown its key yet.", "Start it; see `workstation doctor`.")
        change, challenge_id, challenge = await self._offer("totp", label, replaces)
        sealed = sealing.seal(bytes.fromhex(public), f"{secret}:{code}".encode(), challenge)
        await judged(self._session, challenge_id, {"sealed": sealed.hex()})
        return change

    async def account(self, label: str, replaces: bytes | None = None) -> UUID:
        """Offer the account at the identity provider in whose name the person signs in now. Raises as :meth:`key`."""
        if self._sign_in is None:
            raise refused("no_provider")
        change, challenge_id, challenge = await self._offer("idp", label, replaces)
        await judged(self._session, challenge_id, {"id_token": await self._sign_in.id_token(challenge)})
        return change

    async def _offer(self, kind: str, label: str, replaces: bytes | None) -> tuple[UUID, UUID, bytes]:
        change, challenge_id, challenge, denied = (await self._session.rows("offer_factor", kind, label, replaces))[0]
        if denied:
            raise refused(denied)
        return change, challenge_id, bytes(challenge)
