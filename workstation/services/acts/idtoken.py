"""Judging an ID token as the proof of a step-up (OpenID Connect Core 1.0, 3.1.3.7; RFC 9470). Only the broker does.

The token's `nonce` is the challenge of the database, which is bound to one login, one backend and, for tier 3, one
request: a token answers one question of one connection and nothing else. Providers answer with a lower `acr` than was
asked for, and with an old sign-in, without an error: both are compared here, never by the client.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from workstation.services.connectors.identity.openid import OpenIdProvider

#: Signatures by a key pair only. A shared-secret algorithm would let whoever knows the public key sign (RFC 8725, 2.1).
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
_PAIRS = frozenset({"RSA", "EC", "OKP"})
#: Seconds by which the provider's clock may differ from ours.
SKEW_S = 30.0


class Claims(msgspec.Struct, frozen=True):
    """What an ID token must say; a token that lacks one is refused."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    iat: float
    nonce: str
    acr: str
    auth_time: float
    azp: str | None = None


class _Header(msgspec.Struct, frozen=True):
    kid: str


class Wrong(Exception):
    """A token that does not count; the text is the rule's short name."""


class TokenJudge:
    """Judges tokens of one provider.

    Args:
        provider: whose they must be.
        acr: the levels that are enough, as the provider names them.
        max_age_s: how long ago the sign-in may be, in seconds.
    """

    def __init__(self, provider: OpenIdProvider, acr: tuple[str, ...], max_age_s: float) -> None:
        self._provider = provider
        self._acr = acr
        self._max_age_s = max_age_s

    async def claims(self, token: str, challenge: bytes, at_s: float) -> Claims:
        """Return the claims of a token that answers `challenge`.

        Args:
            token: as the client sent it, in compact form.
            challenge: 32 bytes.
            at_s: now, seconds since the epoch.

        Raises:
            Wrong: it does not count; with why.
            SourceError: the provider's keys cannot be had, so nothing can be said about it.
        """
        found = _signed(token, await self._key_set(token))
        self._check(found, challenge, at_s)
        return found

    async def _key_set(self, token: str) -> KeySet:
        name = _key_id(token)
        keys = await self._provider.keys()
        if not any(key.get("kid") == name for key in keys):
            keys = await self._provider.keys(unknown=name)
        usable = [k for k in keys if k.get("kid") == name and k.get("kty") in _PAIRS and k.get("use", "sig") == "sig"]
        if not usable:
            raise Wrong("bad_token:key")
        try:
            return KeySet.import_key_set({"keys": usable[:1]})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Wrong("bad_token:key") from error

    def _check(self, found: Claims, challenge: bytes, at_s: float) -> None:
        audience = [found.aud] if isinstance(found.aud, str) else found.aud
        ours = self._provider.client_id
        for_us = ours in audience and (found.azp or ours) == ours and (len(audience) == 1 or found.azp == ours)
        checks = (
            ("issuer", found.iss == self._provider.issuer),
            ("audience", for_us),
            ("expired", found.exp > at_s - SKEW_S and found.iat <= at_s + SKEW_S),
            ("nonce", found.nonce == nonce_of(challenge)),
            ("acr", found.acr in self._acr),
            ("auth_time", -SKEW_S <= at_s - found.auth_time <= self._max_age_s + SKEW_S),
            ("subject", bool(found.sub)),
        )
        for name, holds in checks:
            if not holds:
                raise Wrong(f"bad_token:{name}")


def nonce_of(challenge: bytes) -> str:
    """Return how a challenge travels as `nonce`: base64url without padding."""
    return base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()


def _key_id(token: str) -> str:
    """Return which key the token names. It is believed in nothing: the key must be the provider's."""
    head = token.partition(".")[0]
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)), type=_Header).kid
    except (ValueError, msgspec.MsgspecError) as error:
        raise Wrong("bad_token:malformed") from error


def _signed(token: str, keys: KeySet) -> Claims:
    try:
        payload: dict[str, Any] = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
        return msgspec.convert(payload, Claims)
    except msgspec.ValidationError as error:
        raise Wrong("bad_token:claims") from error
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise Wrong("bad_token:signature") from error
