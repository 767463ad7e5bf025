"""Sealing a secret for the broker: what a workstation writes into the store only the broker can read.

X25519 with a key of one use, HKDF-SHA-256 and AES-256-GCM: the base mode of HPKE (RFC 9180, 5.1.1) in its shape, with
what it is for as additional data.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Opener:
    """The broker's side."""

    def __init__(self, private: X25519PrivateKey) -> None:
        self._private = private

    @property
    def public(self) -> bytes:
        """The key to seal with; 32 bytes."""
        return self._private.public_key().public_bytes_raw()

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return what was sealed. Raises InvalidTag when it was not sealed for us and for `context`."""
        if len(sealed) < 32 + 16:
            raise InvalidTag
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(sealed[:32]))
        except ValueError as error:
            raise InvalidTag from error
        return _cipher(shared, sealed[:32], self.public).decrypt(bytes(12), sealed[32:], context)


def opener(wrapping_key: bytes) -> Opener:
    """Return the opener whose key follows from the broker's wrapping key (32 bytes)."""
    private = HKDF(hashes.SHA256(), 32, None, b"ws-seal-v1 private").derive(wrapping_key)
    return Opener(X25519PrivateKey.from_private_bytes(private))


def seal(public: bytes, secret: bytes, context: bytes) -> bytes:
    """Return `secret` readable by the holder of `public` alone, and only together with `context`."""
    once = X25519PrivateKey.generate()
    mine = once.public_key().public_bytes_raw()
    shared = once.exchange(X25519PublicKey.from_public_bytes(public))
    return mine + _cipher(shared, mine, public).encrypt(bytes(12), secret, context)


def _cipher(shared: bytes, mine: bytes, theirs: bytes) -> AESGCM:
    # The key is used once, so its nonce may be zero.
    return AESGCM(HKDF(hashes.SHA256(), 32, None, b"ws-seal-v1" + mine + theirs).derive(shared))
