"""The client's veto: the signed link of a notice, and what is made of the links that clients used.

A token says which request, until when, and that we said so: base64url(id ‖ expiry ‖ signature), 16 + 8 + 64 bytes,
the expiry in seconds since the epoch, big-endian, the signature Ed25519 (RFC 8032) over a label and the first two.
The key is the broker's alone: nobody who works cases can make or check one, and the exchange need not.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_LABEL = b"ws-veto-v1\0"
_LENGTH = 16 + 8 + 64


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says. `why` is empty when we signed it; then `request` and `until` are set."""

    digest: bytes
    request: str | None = None
    until: datetime | None = None
    why: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A link that a client used, as the exchange kept it."""

    token: str
    at: datetime


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Answers in the order in which they came. `next` is the cursor after the last of them; it never goes back."""

    answers: tuple[Answer, ...]
    next: str


class Answers(Protocol):
    """Where the exchange keeps what clients answered."""

    async def read(self, cursor: str) -> Page:
        """Return the answers after `cursor` (empty: from the beginning), at most 100.

        Raises:
            SourceError: they could not be read.
        """
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A request of which the client was not told yet."""

    id: str
    account: str
    act: str
    case_ref: str
    language: str
    trouble_since_us: int
    created: datetime
    not_before: datetime
    until: datetime


class Links:
    """Makes and judges links.

    Args:
        seed: 32 bytes, the broker's credential ``veto:key``.
        page: the address of the exchange's page, without the token; empty where it hosts none.
    """

    def __init__(self, seed: bytes, page: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._page = page

    def link(self, waiting: Waiting) -> str:
        """Return the address that stops this request, or an empty text where no page is hosted."""
        return f"{self._page}?t={self.token(waiting.id, waiting.until)}" if self._page else ""

    def token(self, request: str, until: datetime) -> str:
        """Return the token of a request (UUID as text) until then (whole seconds)."""
        said = UUID(request).bytes + int(until.timestamp()).to_bytes(8, "big")
        return base64.urlsafe_b64encode(said + self._key.sign(_LABEL + said)).decode().rstrip("=")

    def judge(self, token: str) -> Judged:
        """Return what a token says, whoever sent it.

        The digest is of the bytes and not of the text: base64 has more than one spelling of the same bytes.
        """
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        digest = hashlib.sha256(raw).digest()
        if len(raw) != _LENGTH:
            return Judged(digest=digest, why="link_forged")
        said, signature = raw[:24], raw[24:]
        try:
            self._key.public_key().verify(signature, _LABEL + said)
        except InvalidSignature:
            return Judged(digest=digest, why="link_forged")
        until = datetime.fromtimestamp(int.from_bytes(said[16:], "big"), UTC)
        return Judged(digest=digest, request=str(UUID(bytes=said[:16])), until=until)
