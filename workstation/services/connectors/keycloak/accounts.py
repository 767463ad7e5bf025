"""Accounts from Keycloak: reading one user, finding users."""

from __future__ import annotations

import asyncio
import re

import msgspec

from workstation.services.accounts.model import (
    Account,
    Contact,
    ContactKind,
    Factor,
    Lock,
    LockKind,
    Session,
    SimState,
    Status,
)
from workstation.services.connectors.keycloak import contacts, snapshot
from workstation.services.connectors.keycloak.client import KeycloakRealm
from workstation.services.connectors.keycloak.shapes import Credential, User, UserSession, at, lock_ends
from workstation.services.connectors.keycloak.snapshot import Snapshot
from workstation.services.errors import SourceMissing

FOUND_MAX = 20
#: What Keycloak writes into ``disabledReason`` when failed sign-ins disabled a user for good.
PERMANENT_LOCKOUT = "permanentLockout"
#: Keycloak's types of second factors in our words; others are shown as they are called there.
FACTORS = {
    "otp": "totp",
    "webauthn": "passkey",
    "webauthn-passwordless": "passkey",
    "recovery-authn-codes": "recovery_codes",
}
#: Attributes that hold a number ("phone number" and older spellings of the built-in mappers).
PHONES = ("phoneNumber", "phone_number", "phone")
#: Credentials that are no second factor.
FIRST = frozenset({"password", "kerberos"})
OFFLINE_DEVICE = "offline token"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class _Id(msgspec.Struct, frozen=True):
    id: str


class KeycloakAccounts:
    """An :class:`~workstation.services.accounts.ports.AccountReader` over Keycloak.

    Args:
        realm: as the reader; closed with this one.
        verifies_email: the realm makes everybody verify their address before they can sign in ("Verify
            email"), so an address that was in use counts as verified though a later change took the mark
            away. The reader's rights do not show that setting.
    """

    def __init__(self, realm: KeycloakRealm, *, verifies_email: bool = False) -> None:
        self.realm = realm
        self._verifies_email = verifies_email

    async def read(self, account: str) -> Account:
        """Return the account as it stands now.

        Raises:
            SourceMissing: there is no such user.
            SourceError: it could not be read.
        """
        taken, history = await asyncio.gather(
            snapshot.take(self.realm, account), contacts.read_history(self.realm, account)
        )
        return account_of(taken, contacts.build(taken.user, history, verifies_email=self._verifies_email))

    async def find(self, text: str) -> tuple[str, ...]:
        """Return the ids of users whose id, user name or e-mail is exactly `text`, at most 20."""
        text = text.strip()
        if not text:
            return ()
        searches = [self._search("username", text), self._search("email", text)]
        if _UUID.fullmatch(text):
            searches.append(self._by_id(text))
        found = [id_ for ids in await asyncio.gather(*searches) for id_ in ids]
        return tuple(dict.fromkeys(found))[:FOUND_MAX]

    async def aclose(self) -> None:
        """Release connections."""
        await self.realm.aclose()

    async def _search(self, field: str, text: str) -> list[str]:
        query = [(field, text), ("exact", "true"), ("max", str(FOUND_MAX)), ("briefRepresentation", "true")]
        return [user.id for user in await self.realm.http.get(self.realm.path("users"), list[_Id], query)]

    async def _by_id(self, account: str) -> list[str]:
        try:
            return [(await self.realm.http.get(self.realm.user(account), _Id)).id]
        except SourceMissing:
            return []


def account_of(taken: Snapshot, addresses: tuple[Contact, ...]) -> Account:
    """Return the account that a snapshot shows, with the contacts that its history gave."""
    user, locks, numbers = taken.user, locks_of(taken), numbers_of(taken.user)
    passwords = [one.created_date for one in taken.credentials if one.type == "password" and one.created_date]
    return Account(
        id=user.id,
        etag=taken.etag,
        status=Status.LOCKED if locks else Status.ACTIVE,
        name=f"{user.first_name} {user.last_name}".strip(),
        username=user.username,
        language=next(iter(user.attributes.get("locale", [])), ""),
        created_at=None if user.created_timestamp is None else at(user.created_timestamp),
        contacts=(*addresses, *numbers),
        locks=locks,
        factors=tuple(_factor(one) for one in taken.credentials if one.type not in FIRST),
        sessions=(
            *(_session(one, "") for one in taken.sessions),
            *(_session(one, OFFLINE_DEVICE) for one in taken.offline),
        ),
        # No carrier is asked: what became of a number's SIM card is not known here.
        sim=SimState.UNKNOWN if numbers else SimState.NO_PHONE,
        password_changed_at=at(max(passwords)) if passwords else None,
    )


def numbers_of(user: User) -> tuple[Contact, ...]:
    """Return the telephone numbers, under the names that Keycloak's own OIDC mappers read; since when is not known."""
    found = [value for name in PHONES for value in user.attributes.get(name, [])]
    return tuple(Contact(kind=ContactKind.PHONE, value=value) for value in dict.fromkeys(found) if value)


def locks_of(taken: Snapshot) -> tuple[Lock, ...]:
    """Return what keeps the user out. There are two switches and each hides the other: both are looked at.

    Failed sign-ins lock in the brute-force protection and leave ``enabled`` true; a permanent lockout and
    staff set ``enabled`` to false and leave the brute-force protection as it was.
    """
    state, locks = taken.brute_force, []
    failed_at = at(state.last_failure or taken.user.created_timestamp or 0)
    if state.disabled:
        failures = f"{state.num_failures} failed sign-ins"
        locks.append(
            Lock(
                id="brute-force",
                kind=LockKind.FAILED_SIGN_INS,
                set_at=failed_at,
                reason=failures,
                until=lock_ends(state.failed_login_not_before),
            )
        )
    if not taken.user.enabled:
        why = " ".join(taken.user.attributes.get("disabledReason", []))
        if why == PERMANENT_LOCKOUT:
            locks.append(Lock(id="disabled", kind=LockKind.FAILED_SIGN_INS, set_at=failed_at, reason=why))
        else:
            locks.append(_staff_lock(taken, why))
    return tuple(locks)


def _staff_lock(taken: Snapshot, why: str) -> Lock:
    """The time is that of the newest admin event if that disabled the user; Keycloak keeps no other."""
    for event in taken.newest:
        if event.operation_type == "UPDATE" and '"enabled":false' in event.representation.replace(" ", ""):
            return Lock(id="disabled", kind=LockKind.STAFF, set_at=at(event.time), reason=why)
    created = at(taken.user.created_timestamp or 0)
    return Lock(id="disabled", kind=LockKind.STAFF, set_at=created, reason=f"{why} (since when is not known)".strip())


def _factor(one: Credential) -> Factor:
    return Factor(
        id=one.id,
        kind=FACTORS.get(one.type, one.type),
        label=one.user_label,
        enrolled_at=None if one.created_date is None else at(one.created_date),
    )


def _session(one: UserSession, device: str) -> Session:
    return Session(
        id=one.id,
        started_at=at(one.start),
        last_seen_at=at(one.last_access) if one.last_access else None,
        ip=one.ip_address,
        device=device,
    )
