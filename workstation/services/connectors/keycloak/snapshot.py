"""A user with everything that decides about access, read together, and the version made of it.

Keycloak has no entity tags and ignores If-Match, so the version is a digest of what an approval rests
on: the user without what depends on the asker, the credentials, the state of the brute-force
protection, the sessions, and the newest admin event about this user.
"""

from __future__ import annotations

import asyncio
import hashlib
from itertools import pairwise
from typing import Any

import msgspec

from workstation.services.connectors.decoding import decode
from workstation.services.connectors.keycloak.client import KeycloakRealm
from workstation.services.connectors.keycloak.shapes import (
    AdminEvent,
    BruteForce,
    Consent,
    Credential,
    Grant,
    User,
    UserSession,
)
from workstation.services.errors import SourceGarbled


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one user. ``newest`` holds every admin event of the newest millisecond."""

    user: User
    user_facts: dict[str, Any]
    credentials: list[Credential]
    credential_facts: list[dict[str, Any]]
    brute_force: BruteForce
    brute_force_facts: dict[str, Any]
    sessions: list[UserSession]
    offline: list[UserSession]
    newest: list[AdminEvent]

    @property
    def etag(self) -> str:
        """The version: SHA-256 over the facts in one fixed order, hexadecimal."""
        user = {name: value for name, value in self.user_facts.items() if name != "access"}
        facts = {
            "user": {name: _ordered(value) for name, value in user.items()},
            "credentials": sorted(self.credential_facts, key=lambda fact: str(fact.get("id"))),
            "brute_force": self.brute_force_facts,
            "sessions": sorted(session.id for session in self.sessions),
            "offline": sorted(session.id for session in self.offline),
            "admin_events": sorted(event.id for event in self.newest),
        }
        return hashlib.sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()


async def take(realm: KeycloakRealm, account: str) -> Snapshot:
    """Read a user with what belongs to it, the parts at the same time.

    The parts are not of one instant. A change in between gives a version that no later reading
    repeats, which refuses an act instead of letting a wrong one through.

    Args:
        realm: as the reader (``view-users``, ``view-events``).
        account: the user's id.

    Raises:
        SourceMissing: there is no such user.
        SourceError: it could not be read.
    """
    http = realm.http
    user, credentials, brute_force, sessions, consents, newest = await asyncio.gather(
        http.fetch(realm.user(account)),
        http.fetch(realm.user(account, "credentials")),
        http.fetch(realm.brute_force(account)),
        http.get(realm.user(account, "sessions"), list[UserSession]),
        http.get(realm.user(account, "consents"), list[Consent]),
        admin_events(realm, account, 20),
    )
    read = await decode(user.body, User, realm.name)
    if read.id != account:
        raise SourceGarbled(f"{realm.name} answered with another user than was asked for.", "Nothing of it was used.")
    clients = {grant.client for consent in consents for grant in offline_grants(consent)}
    offline = await asyncio.gather(
        *(
            http.get(realm.user(account, "offline-sessions", client), list[UserSession])
            for client in sorted(clients)
            if client
        )
    )
    return Snapshot(
        user=read,
        user_facts=await decode(user.body, dict[str, Any], realm.name),
        credentials=await decode(credentials.body, list[Credential], realm.name),
        credential_facts=await decode(credentials.body, list[dict[str, Any]], realm.name),
        brute_force=await decode(brute_force.body, BruteForce, realm.name),
        brute_force_facts=await decode(brute_force.body, dict[str, Any], realm.name),
        sessions=sessions,
        offline=[session for group in offline for session in group],
        newest=[event for event in newest if event.time == newest[0].time],
    )


async def admin_events(realm: KeycloakRealm, account: str, count: int) -> list[AdminEvent]:
    """Return the `count` newest admin events about the user or anything below it, newest first.

    Searched with wildcards, because an unlock is filed under ``attack-detection/brute-force/users/ID``.
    """
    found = await realm.http.get(
        realm.path("admin-events"),
        list[AdminEvent],
        [("resourcePath", f"*{account}*"), ("max", str(count)), ("direction", "desc")],
    )
    return sorted((event for event in found if names_user(event.resource_path, account)), key=lambda event: -event.time)


def offline_grants(consent: Consent) -> list[Grant]:
    """Return the offline tokens that a client holds; the consents alone tell of them without more rights."""
    return [grant for grant in consent.additional_grants if grant.key == "Offline Token"]


def names_user(path: str, account: str) -> bool:
    """Return whether an admin event's `path` names exactly this user, not only something that holds its id."""
    return ("users", account) in pairwise(path.split("/"))


def _ordered(value: Any) -> Any:
    """Lists of words are sets to Keycloak and come in any order."""
    return sorted(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else value
