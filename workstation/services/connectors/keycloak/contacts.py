"""Since when an address is known to be the client's, from the realm's events.

Keycloak keeps one address and one mark, ``emailVerified``, without times. The mark proves little: an
admin's change leaves it as it was, a client's own change takes it away and with it what was known of the
address before. So the history comes from events, and where they do not reach it is unknown, which
``address_on_record`` does not reply to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec

from workstation.services.accounts.model import Contact, ContactKind
from workstation.services.connectors.keycloak.client import KeycloakRealm
from workstation.services.connectors.keycloak.shapes import AdminEvent, User, UserEvent, at

#: Events of a user that may concern the address. An unknown type answers 500, so no others are asked for.
TYPES = ("UPDATE_EMAIL", "UPDATE_PROFILE", "VERIFY_EMAIL")
_MANY = "200"


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What the realm remembers, in full since `reach` (ms); None when it does not keep both kinds of events."""

    reach: int | None
    own: list[UserEvent]
    admin: list[AdminEvent]


class _Step(msgspec.Struct, frozen=True, order=True):
    """Something about an address at a time in ms: it was ``set`` (in place of `before`), or ``verified``."""

    time: int
    kind: str
    address: str
    before: str = ""
    marked: bool = False


class _SetTo(msgspec.Struct, frozen=True, rename="camel"):
    """What an admin's change says about the address."""

    email: str = ""
    email_verified: bool = False


class _Held(msgspec.Struct):
    """An address while it stood: vouched for since `verified` (ms), by its own verification where `proven`."""

    address: str
    verified: int | None
    proven: bool = False
    until: int | None = None


async def read_history(realm: KeycloakRealm, account: str) -> History:
    """Read what concerns the user's address.

    Raises:
        SourceError: it could not be read.
    """
    oldest = [("direction", "asc"), ("max", "1")]
    oldest_own, oldest_admin, own, admin = await asyncio.gather(
        realm.http.get(realm.path("events"), list[UserEvent], oldest),
        realm.http.get(realm.path("admin-events"), list[AdminEvent], oldest),
        realm.http.get(
            realm.path("events"),
            list[UserEvent],
            [("user", account), *(("type", one) for one in TYPES), ("direction", "desc"), ("max", _MANY)],
        ),
        realm.http.get(
            realm.path("admin-events"),
            list[AdminEvent],
            [
                ("resourcePath", f"users/{account}"),
                ("resourceTypes", "USER"),
                ("direction", "desc"),
                ("max", _MANY),
            ],
        ),
    )
    # Clients change their address themselves, applications change it through the Admin API: both must be kept.
    reach = max(oldest_own[0].time, oldest_admin[0].time) if oldest_own and oldest_admin else None
    return History(reach=reach, own=own, admin=admin)


def build(user: User, history: History, *, verifies_email: bool = False) -> tuple[Contact, ...]:
    """Return the present address and those before it, newest first, each with what is known of it.

    ``verified_at`` is the time from which on the events vouch for the address: its own verification, or,
    when it stood there marked as verified as far back as the realm remembers, the reach of that memory.

    Args:
        user: the user as it stands.
        history: of :func:`read_history`.
        verifies_email: nobody signs in to this realm with an address that was not verified.
    """
    steps = sorted([*_own_steps(history.own), *_admin_steps(history.admin)])
    held = [_earliest(user, history, steps, verifies_email)]
    for step in steps:
        now = held[-1]
        if step.kind == "set" and step.address != now.address:
            now.until = step.time
            held.append(_Held(step.address, step.time if step.marked else None))
        elif step.kind == "verified" and step.address == now.address and not now.proven:
            now.verified, now.proven = step.time, True
    if held[-1].address != user.email.lower():
        # Something changed the address without an event: of the present one nothing is known.
        held[-1].until = steps[-1].time if steps else None
        held.append(_Held(user.email.lower(), None))
    return tuple(_contact(one) for one in reversed(held) if one.address)


def _earliest(user: User, history: History, steps: list[_Step], verifies_email: bool) -> _Held:
    """The address that stood when the realm's memory begins."""
    first = next((step for step in steps if step.kind == "set"), None)
    # The mark is the present address's; of one that was replaced it tells nothing.
    address, marked = (user.email.lower(), user.email_verified) if first is None else (first.before, verifies_email)
    reach = None if history.reach is None else max(history.reach, user.created_timestamp or 0)
    return _Held(address, reach if marked else None)


def _own_steps(events: list[UserEvent]) -> Iterator[_Step]:
    for event in events:
        details = {name: value.lower() for name, value in event.details.items()}
        if event.type == "VERIFY_EMAIL" and details.get("email"):
            yield _Step(event.time, "verified", details["email"])
        elif details.get("updated_email"):
            yield _Step(event.time, "set", details["updated_email"], details.get("previous_email", ""))


def _admin_steps(events: list[AdminEvent]) -> Iterator[_Step]:
    """An admin's change marks the address only if it says so itself: left out, the old mark just stays."""
    for event in events:
        try:
            set_to = msgspec.json.decode(event.representation or "{}", type=_SetTo)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if event.operation_type in ("CREATE", "UPDATE") and set_to.email:
            yield _Step(event.time, "set", set_to.email.lower(), "", set_to.email_verified)


def _contact(held: _Held) -> Contact:
    return Contact(
        kind=ContactKind.EMAIL,
        value=held.address,
        verified_at=None if held.verified is None else at(held.verified),
        replaced_at=None if held.until is None else at(held.until),
    )
