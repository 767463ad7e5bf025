"""An OpenID provider: its pages and keys (OpenID Connect Discovery 1.0), and a code for a token (RFC 6749, 4.1.3)."""

from __future__ import annotations

from typing import Any

import msgspec

from workstation.services.connectors.decoding import decode
from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.http import Anonymous, HttpSystem, Policy, Surroundings
from workstation.services.errors import SourceDown, SourceError, SourceGarbled

NAME = "identity provider"
#: Seconds for which its description and keys are believed; a key that is not known is asked for earlier.
KEPT_S = 600.0
#: Seconds between two questions for a key that is not known, and after a provider that did not answer: a token can be
#: sent by anybody, and nobody shall make us hammer it or wait for it.
AGAIN_S = 30.0
#: The broker's other work waits while it asks, so it asks once and briefly.
POLICY = Policy(deadline_s=3.0, connect_s=2.0, attempts=1, body_max=512 * 1024)


class Metadata(msgspec.Struct, frozen=True):
    """What the provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Keys(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class _Token(msgspec.Struct, frozen=True):
    id_token: str


class OpenIdProvider:
    """One provider and one public client of ours there (a native app, RFC 8252: it has no secret).

    Args:
        issuer: its identifier, an https address (or this machine's); compared as text.
        client_id: who we are there.
        surroundings: clock, chance, wire.
        ca_file: authorities in place of the machine's.

    Raises:
        Invalid: the address is not one that we talk to.
    """

    def __init__(self, issuer: str, client_id: str, surroundings: Surroundings, ca_file: str | None = None) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._surroundings = surroundings
        self._ca_file = ca_file
        self._home = self._system(issuer)
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, list[dict[str, Any]]] | None = None
        self._not_before = float("-inf")

    def _system(self, url: str) -> HttpSystem:
        endpoint = Endpoint(name=NAME, url=url, ca_file=self._ca_file)
        return HttpSystem(endpoint, Anonymous(), self._surroundings, POLICY)

    async def metadata(self) -> Metadata:
        """Return what it says of itself, at most ten minutes old.

        Raises:
            SourceError: it cannot be had.
            SourceGarbled: it calls itself by another name (Discovery 1.0, 4.3).
        """
        now = self._surroundings.clock.monotonic()
        if self._metadata is not None and now - self._metadata[0] < KEPT_S:
            return self._metadata[1]
        found = await self._home.get("/.well-known/openid-configuration", Metadata)
        if found.issuer != self.issuer:
            raise SourceGarbled(
                f"The {NAME} calls itself by another name than the settings do.", "Correct step_up.provider.issuer."
            )
        self._metadata = (now, found)
        return found

    async def keys(self, unknown: str | None = None) -> list[dict[str, Any]]:
        """Return its signing keys as JWKs, from memory where they are young.

        Args:
            unknown: a key id that is not among those in memory: they are asked for again, twice a minute at most.

        Raises:
            SourceError: they cannot be had; for half a minute nobody waits for it again.
        """
        now = self._surroundings.clock.monotonic()
        kept = KEPT_S if unknown is None else AGAIN_S
        if self._keys is not None and now - self._keys[0] < kept:
            return self._keys[1]
        if now < self._not_before:
            raise SourceDown(f"The {NAME} did not answer a moment ago.", "Use another method, or try again later.")
        try:
            found = await self._ask_keys()
        except SourceError:
            self._not_before = now + AGAIN_S
            raise
        self._keys = (now, found)
        return found

    async def _ask_keys(self) -> list[dict[str, Any]]:
        system = self._system((await self.metadata()).jwks_uri)
        try:
            return (await system.get("", _Keys)).keys
        finally:
            await system.aclose()

    async def exchange(self, code: str, redirect_uri: str, verifier: str) -> str:
        """Return the ID token for an authorization code, with PKCE (RFC 7636). Raises SourceError, Invalid."""
        system = self._system((await self.metadata()).token_endpoint)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self.client_id,
            "code_verifier": verifier,
        }
        try:
            answer = await system.send("POST", "", form=form)
            return (await decode(answer.body, _Token, NAME)).id_token
        finally:
            await system.aclose()

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._home.aclose()
