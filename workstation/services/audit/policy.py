"""Was every policy signed by two people? Recomputed from the tables, without a word of the store's own functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import psycopg

from workstation.services.policy.document import RELEASED_BEFORE, Change, Signature, lp, signed, standard

#: The canonical form, table by table, as ``policy/document.py`` hashes it; the order is that of the code points.
_HEAD = "SELECT 'ws-policy-v1', version::text, text FROM wsd.policy_head"
_ACT = """
SELECT 'act', act, tier::text, approvals::text, approvals_more::text, extract(epoch FROM cooldown)::bigint::text,
                 min_level::text, approver_level::text, title, effect, reversible::text, param,
                 extract(epoch FROM approve_within)::bigint::text, extract(epoch FROM execute_within)::bigint::text,
                 vetoable::text, extract(epoch FROM hold)::bigint::text
            FROM wsd.policy ORDER BY act COLLATE "C"
"""
_REASON = """SELECT 'reason', act, code FROM wsd.policy_reason ORDER BY act COLLATE "C", code COLLATE "C"
"""
_NEED = """SELECT 'need', act, n.need::text, class FROM wsd.policy_need n
            ORDER BY act COLLATE "C", n.need, class COLLATE "C"
"""
_BLOCKER = """SELECT 'blocker', act, code, extract(epoch FROM span)::bigint::text, unknown_needs
                FROM wsd.policy_blocker ORDER BY act COLLATE "C", code COLLATE "C"
"""
_LIMIT = """SELECT 'limit', name, value::text FROM wsd.policy_limit ORDER BY name COLLATE "C"
"""
_FORM = (_HEAD, _ACT, _REASON, _NEED, _BLOCKER, _LIMIT)
_EDITIONS = """SELECT version, hash, prev_hash, key1, signature1, key2, signature2, person1, person2
                 FROM wsd.policy_edition ORDER BY version"""


def problems(connection: psycopg.Connection[Any]) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with the policy and its past: version and sentence. Reads as an auditor.

    Args:
        connection: a reading transaction.
    """
    known: set[bytes] = set()
    last: tuple[int, bytes, bool] | None = None
    for version, hash_, prev, *word in connection.execute(_EDITIONS):
        edition = (int(version), bytes(hash_), word[0] is not None)
        yield from ((edition[0], what) for what in _edition(edition, bytes(prev), word, last))
        known.add(edition[1])
        last = edition
    if last is None or in_tables(connection) != last[1]:
        yield (last[0] if last else 0), "the policy in the tables is one that nobody signed"
    for request, hash_ in connection.execute("SELECT id::text, policy FROM wsd.request"):
        if bytes(hash_) not in known:
            yield 0, f"a request was made under a policy that nobody signed: {request}"
    yield from ((0, what) for what in _unrecorded(connection))


def _edition(
    edition: tuple[int, bytes, bool], prev: bytes, word: list[Any], last: tuple[int, bytes, bool] | None
) -> Iterator[str]:
    version, hash_, is_signed = edition
    if last is not None and prev != last[1]:
        yield "a policy replaces another one than the one before it"
    if not is_signed:
        released = hash_ == standard().hash or hash_.hex() in RELEASED_BEFORE
        if not released or (last is not None and last[2]):
            yield "a policy that no release brought is in force without signatures"
        return
    key1, signature1, key2, signature2, person1, person2 = word
    both = tuple(
        Signature(key=bytes(k).hex(), signature=bytes(s).hex()) for k, s in ((key1, signature1), (key2, signature2))
    )
    change = Change(replaces=prev.hex(), hash=hash_.hex(), version=version, signatures=both)
    if person1 == person2 or not signed(change):
        yield "the signatures of a policy are not right"


def in_tables(connection: psycopg.Connection[Any]) -> bytes:
    """Return the hash of the policy as its tables stand."""
    form = [lp(*row) for statement in _FORM for row in connection.execute(statement.encode())]
    return hashlib.sha256(b"".join(form)).digest()


def _unrecorded(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """What changed the policy past the functions that write the audit."""
    keys = """SELECT login FROM wsd.policy_key k WHERE NOT EXISTS (SELECT 1 FROM wsd.audit a
               WHERE a.event = 'policy.key' AND a.payload::jsonb ->> 'key' = encode(k.public_key, 'hex'))"""
    editions = """SELECT version::text FROM wsd.policy_edition e WHERE NOT EXISTS (SELECT 1 FROM wsd.audit a
                   WHERE a.event IN ('policy.change', 'policy.release') AND a.object = encode(e.hash, 'hex'))"""
    for what, statement in (("a signing key", keys), ("a version of the policy", editions)):
        for (name,) in connection.execute(statement.encode()):
            yield f"{what} without its record: {name}"
