"""The case reference that a subject carries, ``[CS-48213]``, and its optional signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from workstation.services.errors import Invalid

_REF = re.compile(r"CS-[0-9]{1,12}\Z")
_TOKEN = re.compile(r"\[(CS-[0-9]{1,12})(?:-([A-Z2-7]{8}))?\]")
_REPLY = re.compile(r"(?:\s*(?:re|aw|wg|sv|rv|rép|odp|pd|ynt|ilt|fwd?|enc|res|返信)\s*[:：])+\s*", re.IGNORECASE)


def check_ref(ref: str) -> str:
    """Return `ref` if it is a case reference such as ``CS-48213``.

    Raises:
        Invalid: it is not.
    """
    if not _REF.match(ref):
        raise Invalid("The case reference is malformed.", "It reads CS- and digits.")
    return ref


def tag(ref: str, key: bytes) -> str:
    """Return the eight characters (40 bits of HMAC-SHA-256) that sign a case reference in a subject.

    40 bits cannot be searched by mail: each guess is a mail, and one with a wrong tag lands beside the
    thread instead of in it.
    """
    return base64.b32encode(hmac.digest(key, b"case token\x00" + ref.encode(), hashlib.sha256)[:5]).decode()


def right_tag(ref: str, shown: str, key: bytes) -> bool:
    """Return whether `shown` is the tag of `ref`, in constant time."""
    return hmac.compare_digest(shown.encode(), tag(ref, key).encode())


def token(ref: str, key: bytes | None = None) -> str:
    """Return the subject's token: ``[CS-48213]``, or ``[CS-48213-K5XW6Z2A]`` where a key signs it.

    Raises:
        Invalid: `ref` is no case reference.
    """
    return f"[{check_ref(ref)}-{tag(ref, key)}]" if key else f"[{check_ref(ref)}]"


def with_token(subject: str, ref: str, key: bytes | None = None) -> str:
    """Return `subject` with the token of `ref` in front, without ``Re:`` and without tokens it had.

    Raises:
        Invalid: `ref` is no case reference.
    """
    bare = _REPLY.sub("", _TOKEN.sub(" ", subject).strip(), count=1)
    return f"{token(ref, key)} {' '.join(bare.split())}".rstrip()


def find(subject: str) -> tuple[str, str]:
    """Return the case reference and the tag of the first token in `subject`, each empty where there is none."""
    found = _TOKEN.search(subject)
    return (found[1], found[2] or "") if found else ("", "")
