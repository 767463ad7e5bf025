"""Changing accounts in Keycloak: the broker's side, with the writer's credential.

The server keeps no idempotency keys and no versions, answers 204 to what had no effect, and may do
something after its answer was lost. So every act is: compare the version, do it, read back. What became of
an act whose answer was lost is told by the account's state and the admin events together.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import msgspec

from workstation.services.accounts.model import Account
from workstation.services.acts.control import Act, Receipt, Sent
from workstation.services.clock import to_micros
from workstation.services.connectors.control import effects
from workstation.services.connectors.keycloak.accounts import KeycloakAccounts
from workstation.services.connectors.keycloak.client import KeycloakRealm
from workstation.services.connectors.keycloak.shapes import AdminEvent, Consent
from workstation.services.connectors.keycloak.snapshot import admin_events, offline_grants
from workstation.services.errors import (
    Invalid,
    SourceChanged,
    SourceDenied,
    SourceDown,
    SourceMissing,
)

#: After a lost answer Keycloak was seen to act up to a second later (26.7.3); reading earlier proves nothing.
SETTLE_S = 1.5
#: How far back an act of ours may lie when its own start is not known any more: the 15 minutes in which the
#: store lets an act be executed, and five for clocks that differ.
LOOK_BACK_MS = 20 * 60_000
#: Acts whose start is remembered.
REMEMBERED = 256


class _Sending(msgspec.Struct, frozen=True):
    """What stood before an act was sent: the ids of the admin events that were already there."""

    known: frozenset[str]


class _Step(msgspec.Struct, frozen=True):
    """One call of the Admin API."""

    method: str
    path: str
    json: Any = None


class KeycloakControl:
    """An :class:`~workstation.services.acts.control.AccountControl` over Keycloak.

    Args:
        writer: the realm as the writer; closed with this control.
        reader: reads users and events with the reader's credential; closed with this control.
    """

    def __init__(self, writer: KeycloakRealm, reader: KeycloakAccounts) -> None:
        self._writer = writer
        self._reader = reader
        self._sendings: OrderedDict[str, _Sending] = OrderedDict()

    async def read(self, account: str) -> Account:
        """Return the account as it stands now. Raises SourceError."""
        return await self._reader.read(account)

    async def execute(self, key: str, account: str, act: Act, params: dict[str, Any], etag: str) -> Receipt:
        """Do `act` once; see :class:`~workstation.services.acts.control.AccountControl`.

        A second call with the same `key` finds another version and is refused: Keycloak has no keys.

        Raises:
            Invalid: Keycloak has nothing of the kind (holds), the factor is unknown, or no mail can be sent.
            SourceChanged: the account is of another version now; nothing was done.
            SourceError: it is not known whether it was done: reconcile.
        """
        if act is Act.REMOVE_CLIENT_LOCK:
            raise SourceDenied("The client's own lock binds staff too; nobody can remove it.", "It ends by itself.")
        before = await self._reader.read(account)
        if before.etag != etag:
            raise SourceChanged(
                f"{self._writer.name} shows the account at another version than was approved.",
                "Look at it again and ask anew. Nothing was done.",
            )
        if act is Act.REMOVE_FACTOR and effects.holds(before, act, params):
            raise Invalid("The account has no such second factor.", "Nothing was done. Look at the account again.")
        steps = await self._steps(account, act, params)
        self._remember(key, await self._newest(account))
        await self._run(steps)
        return await self._read_back(key, account, act, params)

    async def reconcile(self, key: str, account: str, act: Act, params: dict[str, Any]) -> Receipt:
        """Find out what became of `key` from the account's state and the admin events, without acting.

        Waits :data:`SETTLE_S` first. The effect is there: done, whoever did it. It is not there and no admin
        event of ours tells of it: it never arrived. Both contradict each other: unknown.

        Raises:
            SourceError: the system cannot be asked now.
        """
        await self._reader.realm.http.surroundings.sleep(SETTLE_S)
        after, event = await asyncio.gather(self._reader.read(account), self._our_event(key, account, act, params))
        match effects.holds(after, act, params), event:
            case True, _:
                return Receipt(sent=Sent.DONE, reference=event.id if event else "", etag=after.etag)
            case None, AdminEvent() if key in self._sendings:
                return Receipt(sent=Sent.DONE, reference=event.id, etag=after.etag)
            case False, None:
                return Receipt(sent=Sent.NEVER_ARRIVED, etag=after.etag)
            case _:
                return Receipt(sent=Sent.UNKNOWN, etag=after.etag)

    def holds(self, account: Account, act: Act, params: dict[str, Any]) -> bool | None:
        """Return whether `account` shows the effect of `act`; None where no read can show it."""
        return effects.holds(account, act, params)

    async def aclose(self) -> None:
        """Release connections, the reader's too."""
        await self._writer.aclose()
        await self._reader.aclose()

    async def _run(self, steps: list[_Step]) -> None:
        for done, step in enumerate(steps):
            try:
                await self._writer.http.send(step.method, step.path, json=step.json)
            except SourceMissing:
                if step.method != "DELETE":
                    raise
                # Somebody was faster: it is gone, which was asked for.
            except (Invalid, SourceDenied) as error:
                if not done:
                    raise
                raise SourceDown(
                    f"Part of the act was done, then {error.what}", "Read the account back before anything else."
                ) from error
            except SourceDown as error:
                if "Failed to send" not in error.what:
                    raise
                raise Invalid(
                    f"{self._writer.name} could not send the mail.", "Its mail server must be set up first."
                ) from error

    async def _steps(self, user: str, act: Act, params: dict[str, Any]) -> list[_Step]:
        """Return the calls that make up `act`, in their order."""
        writer = self._writer
        match act:
            case Act.LOCK:
                return [self._enable(user, False)]
            case Act.UNLOCK:
                # Sessions first: enabling a user revives the refresh tokens that an intruder still holds.
                ended = await self._end_sessions(user) if params.get("end_sessions") else []
                return [*ended, self._enable(user, True), _Step("DELETE", writer.brute_force(user))]
            case Act.END_SESSIONS:
                return await self._end_sessions(user)
            case Act.REMOVE_FACTOR:
                return [_Step("DELETE", writer.user(user, "credentials", effects.needed(params, "factor")))]
            case Act.SEND_PASSWORD_RESET:
                return [_Step("PUT", writer.user(user, "execute-actions-email"), json=["UPDATE_PASSWORD"])]
            case _:
                raise Invalid("Keycloak knows nothing of withdrawals and holds.", "Ask the system that keeps them.")

    def _enable(self, user: str, enabled: bool) -> _Step:
        # Nothing else in it: with attributes but without e-mail and names, Keycloak erases e-mail and names.
        return _Step("PUT", self._writer.user(user), json={"enabled": enabled})

    async def _end_sessions(self, user: str) -> list[_Step]:
        """A logout leaves the sessions of offline tokens in place; those end with the client's consent.

        Deleting such a session by its id would do too, but takes a right over the whole realm.
        """
        reader = self._reader.realm
        consents = await reader.http.get(reader.user(user, "consents"), list[Consent])
        clients = sorted(consent.client_id for consent in consents if offline_grants(consent))
        return [
            _Step("POST", self._writer.user(user, "logout")),
            *(_Step("DELETE", self._writer.user(user, "consents", client)) for client in clients),
        ]

    async def _read_back(self, key: str, account: str, act: Act, params: dict[str, Any]) -> Receipt:
        after, event = await asyncio.gather(self._reader.read(account), self._our_event(key, account, act, params))
        if effects.holds(after, act, params) is False:
            raise SourceDown(
                f"{self._writer.name} accepted the act, but the account does not show it.",
                "It may still come, or a lock came at the same moment: it is read again.",
            )
        return Receipt(sent=Sent.DONE, reference=event.id if event else "", etag=after.etag)

    async def _newest(self, account: str) -> list[AdminEvent]:
        return await admin_events(self._reader.realm, account, 100)

    def _remember(self, key: str, events: list[AdminEvent]) -> None:
        self._sendings[key] = _Sending(frozenset(event.id for event in events))
        while len(self._sendings) > REMEMBERED:
            self._sendings.popitem(last=False)

    async def _our_event(self, key: str, account: str, act: Act, params: dict[str, Any]) -> AdminEvent | None:
        """Return the newest admin event by which our client did this act, after it was sent as far as known."""
        events, us = await asyncio.gather(self._newest(account), self._writer.credential.subject())
        sending = self._sendings.get(key)
        oldest = to_micros(self._reader.realm.http.surroundings.clock.now()) // 1000 - LOOK_BACK_MS
        for event in events:
            fresh = event.id not in sending.known if sending else event.time >= oldest
            if fresh and event.auth_details.user_id == us and tells_of(event, account, act, params):
                return event
        return None


def tells_of(event: AdminEvent, account: str, act: Act, params: dict[str, Any]) -> bool:
    """Return whether an admin event tells of `act` on `account`, as Keycloak 26 files it."""
    user = f"users/{account}"
    said = event.representation.replace(" ", "")
    match act:
        case Act.LOCK:
            return event.resource_path == user and '"enabled":false' in said
        case Act.UNLOCK:
            cleared = event.resource_path == f"attack-detection/brute-force/{user}"
            return cleared or (event.resource_path == user and '"enabled":true' in said)
        case Act.END_SESSIONS:
            return event.resource_path == f"{user}/logout"
        case Act.REMOVE_FACTOR:
            # An admin's removal is filed as ACTION, not as DELETE.
            return event.resource_path == f"{user}/credentials/{effects.needed(params, 'factor')}"
        case Act.SEND_PASSWORD_RESET:
            return event.resource_path == f"{user}/execute-actions-email"
        case _:
            return False
