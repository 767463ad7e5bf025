"""One client of one realm: its token, its addresses, its connection."""

from __future__ import annotations

import asyncio
import base64
import binascii

import msgspec

from workstation.services.clock import Clock
from workstation.services.connectors.decoding import decode
from workstation.services.connectors.endpoint import Endpoint, route
from workstation.services.connectors.http import Anonymous, HttpSystem, Policy, Surroundings
from workstation.services.errors import SourceGarbled

#: Seconds before its end from which a token is no longer used: a call and a slow clock must fit in.
MARGIN_S = 30.0


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float
    token_type: str


class _Claims(msgspec.Struct, frozen=True):
    sub: str


class ClientCredentials:
    """A token by client credentials (RFC 6749, 4.4), used until it nearly expires.

    Each fetch leaves a CLIENT_LOGIN event in the realm: fetching one for every call would bury the
    clients' own events.

    Args:
        http: the same server, without a credential; closed by its owner.
        realm: the realm's name.
        client_id: the client; `secret` is its secret.
        clock: for the token's age.
    """

    def __init__(self, http: HttpSystem, realm: str, client_id: str, secret: str, clock: Clock) -> None:
        self._http = http
        self._path = route("realms", realm, "protocol", "openid-connect", "token")
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        self._clock = clock
        self._token = ""
        self._until = 0.0
        self._fetching = asyncio.Lock()

    async def header(self) -> str:
        """Return ``Bearer …``. Raises SourceError when the realm gives no token."""
        return f"Bearer {await self._current()}"

    def refused(self, header: str) -> bool:
        """Forget the refused token: the realm may have ended every token at once (logout-all)."""
        if header == f"Bearer {self._token}":
            self._token = ""
        return True

    async def subject(self) -> str:
        """Return the user id of the client's service account, as admin events name it.

        Raises:
            SourceGarbled: the token does not say.
        """
        parts = (await self._current()).split(".")
        try:
            payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
            # Not verified, because nothing is granted by it: it only names our own events.
            return msgspec.json.decode(payload, type=_Claims).sub
        except (IndexError, binascii.Error, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SourceGarbled(f"{self._http.name} gave a token that names nobody.") from error

    async def _current(self) -> str:
        async with self._fetching:
            if not self._token or self._clock.monotonic() >= self._until:
                answer = await self._http.send("POST", self._path, form=self._form)
                token = await decode(answer.body, _Token, self._http.name)
                if token.token_type.lower() != "bearer" or not token.access_token:
                    raise SourceGarbled(f"{self._http.name} gave a token that we cannot use.")
                self._token = token.access_token
                self._until = self._clock.monotonic() + token.expires_in - MARGIN_S
            return self._token


class KeycloakRealm:
    """The Admin API of one realm, as one client.

    Args:
        endpoint: the server's base address (what stands before ``/realms`` and ``/admin``).
        realm: the realm's name.
        client_id: a confidential client with a service account; `secret` is its secret.
        surroundings: clock, chance, waiting, wire.
        policy: the limits.

    Raises:
        Invalid: the address or the realm's name cannot be used.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        realm: str,
        client_id: str,
        secret: str,
        surroundings: Surroundings,
        policy: Policy | None = None,
    ) -> None:
        self._tokens = HttpSystem(endpoint, Anonymous(), surroundings, policy)
        self.credential = ClientCredentials(self._tokens, realm, client_id, secret, surroundings.clock)
        self.http = HttpSystem(endpoint, self.credential, surroundings, policy)
        self._admin = route("admin", "realms", realm)

    @property
    def name(self) -> str:
        """How people know the system."""
        return self.http.name

    def path(self, *segments: str) -> str:
        """Return the path below the realm's Admin API; ids are percent-encoded. Raises Invalid."""
        return self._admin + route(*segments)

    def user(self, account: str, *segments: str) -> str:
        """Return the path of a user or of something below it. Raises Invalid."""
        return self.path("users", account, *segments)

    def brute_force(self, account: str) -> str:
        """Return the path of what the brute-force protection knows of a user. Raises Invalid."""
        return self.path("attack-detection", "brute-force", "users", account)

    async def aclose(self) -> None:
        """Release connections."""
        await self.http.aclose()
        await self._tokens.aclose()
