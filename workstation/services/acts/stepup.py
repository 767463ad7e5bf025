"""The analyst's side of a step-up: challenge, proof, and waiting for the broker's word.

The proof goes into the challenge's own row; the broker reads it there. The challenge is committed before
the proof is made, or the broker could not see it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fido2.client import ClientError, DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.ctap import CtapDevice, CtapError
from fido2.ctap2.base import Ctap2
from fido2.webauthn import (
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRequestOptions,
    PublicKeyCredentialType,
    UserVerificationRequirement,
)

from workstation.services.acts.hidkeys import Devices, any_there, blocked, plugged_in
from workstation.services.acts.refusals import sentence
from workstation.services.acts.signin import BrowserSignIn
from workstation.services.errors import StepUpFailed
from workstation.services.store.session import Session, convert
from workstation.services.views import Elevation, StepUpMethod

#: The challenge lives this long in the database; the key may blink as long.
CHALLENGE_S = 60.0
#: How often the broker's answer is looked for.
POLL_S = 0.1

__all__ = ["Devices", "StepUp", "assertion_of", "judged", "key_failure", "plugged_in"]


class StepUp:
    """Elevates one session.

    Args:
        session: the signed-in connection; the elevation is bound to its backend.
        rp_id: WebAuthn relying-party id of this installation.
        devices: where security keys come from.
        sign_in: the identity provider's page; None where no provider is configured.
    """

    def __init__(
        self, session: Session, rp_id: str, devices: Devices = plugged_in, sign_in: BrowserSignIn | None = None
    ) -> None:
        self._session = session
        self.rp_id = rp_id
        self.devices = devices
        self.sign_in = sign_in

    @property
    def page(self) -> str:
        """The identity provider's page that waits to be opened now; empty when none does."""
        return self.sign_in.page if self.sign_in else ""

    async def methods(self, bind: bytes | None = None) -> tuple[StepUpMethod, ...]:
        """Return every method: what the store allows and this machine can do first, the others with why not.

        Args:
            bind: what the step-up is for; not every method counts for everything.

        Raises:
            StoreError: the store cannot be asked.
        """
        rows = await self._session.call("step_up_methods", bind)
        key = await asyncio.to_thread(_no_key, self.devices)
        here = {"fido2": key, "idp": "" if self.sign_in else "no_provider"}
        whys = [(row["kind"], row["why"] or here.get(row["kind"], "")) for row in rows]
        found = [StepUpMethod(kind=k, offered=not why, why=" ".join(sentence(why)) if why else "") for k, why in whys]
        return tuple(sorted(found, key=lambda method: not method.offered))

    async def with_provider(self, bind: bytes | None = None) -> Elevation:
        """Step up at the identity provider; waits for its page. Raises StepUpFailed, SourceError."""
        if self.sign_in is None:
            raise StepUpFailed(*sentence("no_provider"))
        challenge_id, challenge = await self._challenge(bind, "idp")
        return await self._prove(challenge_id, {"id_token": await self.sign_in.id_token(challenge)})

    async def with_code(self, code: str, bind: bytes | None = None) -> Elevation:
        """Step up with a TOTP code. Raises StepUpFailed."""
        digits = code.replace(" ", "")
        if not (digits.isascii() and digits.isdigit() and len(digits) == 6):
            raise StepUpFailed("A code has six digits.", "Read it from your authenticator and type it again.")
        challenge_id, _ = await self._challenge(bind)
        return await self._prove(challenge_id, {"code": digits})

    async def with_key(self, bind: bytes | None = None) -> Elevation:
        """Step up with a security key; waits for the touch. Cancelling the task cancels the key."""
        mine = await self._session.call("my_factors")
        credentials = [bytes.fromhex(f["cred"]) for f in mine if f["kind"] == "fido2"]
        if not credentials:
            raise StepUpFailed("No security key is enrolled for you.", "Ask your lead to enrol one, or use a code.")
        challenge_id, challenge = await self._challenge(bind)
        cancel = threading.Event()
        try:
            answer = await asyncio.to_thread(assertion_of, self.devices, self.rp_id, challenge, credentials, cancel)
        except asyncio.CancelledError:
            cancel.set()
            raise
        return await self._prove(challenge_id, {"fido2": answer})

    async def _challenge(self, bind: bytes | None, kind: str = "") -> tuple[UUID, bytes]:
        rows = await self._session.rows("challenge", bind, kind)
        return rows[0][0], bytes(rows[0][1])

    async def _prove(self, challenge_id: UUID, proof: dict[str, Any]) -> Elevation:
        await judged(self._session, challenge_id, proof)
        return convert(await self._session.call("elevation"), Elevation)


def _no_key(devices: Devices) -> str:
    if any_there(devices):
        return ""
    return "key_blocked" if blocked() else "no_key_here"


def assertion_of(
    devices: Devices, rp_id: str, challenge: bytes, credentials: list[bytes], cancel: threading.Event
) -> dict[str, Any]:
    """Have a plugged-in key answer `challenge` with one of `credentials`, with user verification; blocks until touched.

    Of several keys the one that holds a credential is used; the others do not blink.

    Raises:
        StepUpFailed: no key, none that is enrolled, or it refused; with what to do.
    """
    found = list(devices())
    try:
        if not found:
            raise StepUpFailed(*sentence(_no_key(devices) or "no_key_here"))
        mine = next((d for d in found if _holds(d, rp_id, credentials)), found[0]) if len(found) > 1 else found[0]
        return _assertion(mine, rp_id, challenge, credentials, cancel)
    except (ClientError, CtapError, OSError) as error:
        raise key_failure(error) from error
    finally:
        for device in found:
            device.close()


def _holds(device: CtapDevice, rp_id: str, credentials: list[bytes]) -> bool:
    """Ask a key, without a touch, whether it knows one of `credentials` (CTAP 2.1, 6.2.2, "up" false)."""
    wanted: list[Mapping[str, Any]] = [{"type": "public-key", "id": c} for c in credentials]
    try:
        Ctap2(device).get_assertion(rp_id, bytes(32), wanted, options={"up": False})
    except (CtapError, ValueError, OSError):
        return False
    return True


def _assertion(
    device: CtapDevice, rp_id: str, challenge: bytes, credentials: list[bytes], cancel: threading.Event
) -> dict[str, Any]:
    client = Fido2Client(device, DefaultClientDataCollector(f"https://{rp_id}"), user_interaction=UserInteraction())
    options = PublicKeyCredentialRequestOptions(
        challenge=challenge,
        timeout=int(CHALLENGE_S * 1000),
        rp_id=rp_id,
        allow_credentials=[
            PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=c) for c in credentials
        ],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(client.get_assertion(options, cancel).get_response(0))


async def judged(session: Session, challenge_id: UUID, proof: dict[str, Any]) -> None:
    """Hand a proof to the broker and wait for its word.

    Raises:
        StepUpFailed: it was refused, with the rule in words, or nobody answered.
        Refused, StoreError: the store did not take it.
    """
    await session.call("prove", challenge_id, proof)
    for _ in range(int(CHALLENGE_S / POLL_S)):
        result = await session.call("proof_result", challenge_id)
        if result == "ok":
            return
        if result != "pending":
            raise StepUpFailed(*sentence(result or "unknown_challenge"))
        await asyncio.sleep(POLL_S)
    raise StepUpFailed(
        "The broker did not answer.", "It may be down: see `workstation doctor`. Protective acts wait for it too."
    )


def key_failure(error: Exception) -> StepUpFailed:
    """Say what a key's refusal means; the reason lies in the inner CTAP code, not in the client's own error."""
    cause: object = error.cause if isinstance(error, ClientError) else error
    code = cause.code if isinstance(cause, CtapError) else None
    words = {
        CtapError.ERR.OPERATION_DENIED: ("The key refused.", "Try again and touch it when it blinks."),
        CtapError.ERR.USER_ACTION_TIMEOUT: ("Nobody touched the key.", "Try again and touch it when it blinks."),
        CtapError.ERR.KEEPALIVE_CANCEL: ("Cancelled.", ""),
        CtapError.ERR.CREDENTIAL_EXCLUDED: ("This key is enrolled for you already.", "Use another one."),
        CtapError.ERR.NO_CREDENTIALS: ("This key is not enrolled for you.", "Use the one that is, or ask your lead."),
        CtapError.ERR.PIN_BLOCKED: ("The key's PIN is blocked.", "It must be reset and enrolled again."),
        CtapError.ERR.UV_BLOCKED: ("The key's fingerprint reader is blocked.", "Unplug it, plug it in, use the PIN."),
    }
    return StepUpFailed(*words.get(code, ("The key did not answer.", "Unplug it, plug it in and try again.")))  # type: ignore[arg-type]
