"""The parts of Keycloak's representations that we read (Admin REST API 26). Times are epoch milliseconds."""

from __future__ import annotations

from datetime import datetime

import msgspec

from workstation.services.clock import from_micros
from workstation.services.errors import SourceGarbled

_YEAR_9999_S = 253_402_300_799


class User(msgspec.Struct, frozen=True, rename="camel"):
    """UserRepresentation."""

    id: str
    enabled: bool
    username: str
    email: str = ""
    email_verified: bool = False
    first_name: str = ""
    last_name: str = ""
    created_timestamp: int | None = None
    attributes: dict[str, list[str]] = {}


class Credential(msgspec.Struct, frozen=True, rename="camel"):
    """CredentialRepresentation; never with a secret."""

    id: str
    type: str
    user_label: str = ""
    created_date: int | None = None


class BruteForce(msgspec.Struct, frozen=True, rename="camel"):
    """What the brute-force protection knows of a user. ``failed_login_not_before`` is in *seconds*."""

    disabled: bool
    num_failures: int = 0
    failed_login_not_before: int = 0
    last_failure: int = 0


class UserSession(msgspec.Struct, frozen=True, rename="camel"):
    """UserSessionRepresentation, of a browser or of an offline token."""

    id: str
    start: int
    last_access: int = 0
    ip_address: str = ""


class Grant(msgspec.Struct, frozen=True, rename="camel"):
    """What a consent grants beside scopes: ``client`` is the id of a client with an offline token."""

    key: str = ""
    client: str = ""


class Consent(msgspec.Struct, frozen=True, rename="camel"):
    """One client that the user gave something to; ``client_id`` is its name."""

    client_id: str = ""
    additional_grants: list[Grant] = []


class AuthDetails(msgspec.Struct, frozen=True, rename="camel"):
    """Who did what an admin event tells."""

    user_id: str = ""


class AdminEvent(msgspec.Struct, frozen=True, rename="camel"):
    """AdminEventRepresentation. ``representation`` is JSON text where the realm keeps details."""

    id: str
    time: int
    operation_type: str = ""
    resource_type: str = ""
    resource_path: str = ""
    representation: str = ""
    auth_details: AuthDetails = AuthDetails()


class UserEvent(msgspec.Struct, frozen=True, rename="camel"):
    """EventRepresentation: something that a user or a client did."""

    id: str
    time: int
    type: str = ""
    details: dict[str, str] = {}


class EventsConfig(msgspec.Struct, frozen=True, rename="camel"):
    """Which events the realm keeps at all; it answers with every type by name where none is left out."""

    events_enabled: bool
    admin_events_enabled: bool
    enabled_event_types: list[str] = []


def at(ms: int) -> datetime:
    """Return the aware UTC time of `ms` milliseconds since the epoch.

    Raises:
        SourceGarbled: no calendar has that time.
    """
    try:
        return from_micros(ms * 1000)
    except (OverflowError, OSError, ValueError) as error:
        raise SourceGarbled("Keycloak gave a time that cannot be.", "Tell who runs that system.") from error


def lock_ends(not_before_s: int) -> datetime | None:
    """Return when a lock by failed sign-ins ends; None for a permanent one, of which Keycloak says 2**63 - 1."""
    return at(not_before_s * 1000) if 0 < not_before_s <= _YEAR_9999_S else None
