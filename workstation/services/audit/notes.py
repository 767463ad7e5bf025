"""Signing notes: the notary's word for a checkpoint, and a witness' word that it goes on from the one before.

C2SP signed-note, tlog-checkpoint and tlog-cosignature; what verifies is in :mod:`workstation.services.audit.offline`.
"""

from __future__ import annotations

import base64
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workstation.services.audit.offline import LOG_KEY, WITNESS_KEY, Key
from workstation.services.errors import Invalid


class Signer:
    """A name with a private key (Ed25519).

    Args:
        name: a URL without scheme, such as ``exchange.example/audit``: no blank and no plus sign.
        seed: 32 bytes, the private key (RFC 8032).
        kind: LOG_KEY or WITNESS_KEY.

    Raises:
        Invalid: the name or the seed is none.
    """

    def __init__(self, name: str, seed: bytes, kind: int = LOG_KEY) -> None:
        if not name or "+" in name or not name.isprintable() or any(map(str.isspace, name)):
            raise Invalid(f"“{ascii(name)[1:-1]}” is no name of a key.", "A URL without scheme, as example.com/audit.")
        if len(seed) != 32:
            raise Invalid("A private key has 32 bytes.", "Make one with `workstation notary --new-key`.")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = Key(name, kind, self._private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return a log's signature line over a note's text, with its line feed."""
        return self._line(self._private.sign(text.encode()))

    def cosign(self, text: str, at: datetime) -> str:
        """Return a witness' signature line over a checkpoint's text: seen by then, and the largest so far."""
        time = int(at.timestamp())
        signed = self._private.sign(b"cosignature/v1\ntime %d\n" % time + text.encode())
        return self._line(time.to_bytes(8, "big") + signed)

    def _line(self, signature: bytes) -> str:
        return f"\u2014 {self.key.name} {base64.b64encode(self.key.id + signature).decode()}\n"


def signer_of(name: str, seed: str, kind: int = LOG_KEY) -> Signer:
    """Return a signer from the hexadecimal seed of a credential. Raises Invalid."""
    try:
        return Signer(name, bytes.fromhex(seed), kind)
    except ValueError as error:
        raise Invalid(
            f"The private key of {name} is not hexadecimal.", "Make one with `workstation notary --new-key`."
        ) from error


def tree_head(origin: str, size: int, root: bytes) -> str:
    """Return the text of a checkpoint."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


__all__ = ["LOG_KEY", "WITNESS_KEY", "Signer", "signer_of", "tree_head"]
