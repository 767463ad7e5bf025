"""How a log store is reached: address, limits, and a secret that travels in the Authorization header alone."""

from __future__ import annotations

import base64

from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.http import Anonymous, Credential, Policy
from workstation.services.errors import Invalid
from workstation.settings import LogSettings

#: Bytes of one page at most, unpacked: 10,000 records of 6 KB.
BODY_MAX = 64 * 1024 * 1024
#: Kinds that a secret of their own is not asked for: Keycloak's is the account system's, files have none.
WITHOUT_SECRET = frozenset({"keycloak", "files"})
#: The secret of every source that has none of its own.
COMMON = "logs:read"


def secret_names(chosen: LogSettings) -> tuple[str, ...]:
    """Return the names under which a source's secret is looked for, first to last; none where it needs no secret."""
    if chosen.kind in WITHOUT_SECRET or chosen.auth == "none":
        return ()
    return (f"logs:{chosen.name}:read", COMMON)


def endpoint(chosen: LogSettings) -> Endpoint:
    """Return where a source is."""
    return Endpoint(name=chosen.name, url=chosen.url, ca_file=chosen.ca_file)


def policy(chosen: LogSettings) -> Policy:
    """Return the limits of a source's calls; a page of a log is larger and slower than an account."""
    return Policy(deadline_s=chosen.deadline_s, body_max=BODY_MAX)


class Header:
    """A header that stays as it is."""

    def __init__(self, scheme: str, value: str) -> None:
        self._header = f"{scheme} {value}"

    async def header(self) -> str:
        """Return scheme and value."""
        return self._header

    def refused(self, header: str) -> bool:
        """Return False: there is no other."""
        return False


def credential(chosen: LogSettings, secret: str) -> Credential:
    """Return the credential of a source by HTTP.

    Args:
        chosen: `auth` says how it is sent; where it does not, ``user`` means Basic (RFC 7617), none Bearer (RFC 6750).
        secret: password, token or key.

    Raises:
        Invalid: Basic without a user, or a secret that cannot stand in a header.
    """
    if chosen.auth == "none":
        return Anonymous()
    if not secret.isascii() or not secret.isprintable():
        raise Invalid(f"The secret of {chosen.name} holds characters that no header may hold.", "Store it again.")
    if chosen.auth == "basic" or (not chosen.auth and chosen.user):
        if not chosen.user or ":" in chosen.user:
            raise Invalid(f"{chosen.name} has no user to sign in with.", "Name one in the settings (user).")
        return Header("Basic", base64.b64encode(f"{chosen.user}:{secret}".encode()).decode())
    scheme = {"api_key": "ApiKey", "ssws": "SSWS"}.get(chosen.auth, "Bearer")
    return Header(scheme, secret)
