"""Putting a signed policy in force: the installer's side, over a superuser's connection to the store."""

from __future__ import annotations

from typing import Any

import psycopg

from workstation.services.errors import Refused, StoreError
from workstation.services.policy.document import Change, Policy, signed


def in_force(connection: psycopg.Connection[Any]) -> tuple[int, bytes]:
    """Return version and hash of the policy in force, as its tables stand."""
    row = connection.execute("SELECT version, wsd.policy_hash() FROM wsd.policy_head").fetchone()
    if row is None:
        raise StoreError("The store has no policy.", "Run `workstation admin migrate`.")
    return int(row[0]), bytes(row[1])


def enrol_key(connection: psycopg.Connection[Any], login: str, public_key: bytes) -> None:
    """Let a lead or senior sign policies with this key (Ed25519, 32 bytes); an earlier one of the person is revoked.

    Raises:
        Refused: this person does not sign policies.
    """
    try:
        connection.execute("SELECT ws.enrol_policy_key(%s, %s)", (login, public_key))
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused("policy_key", f"{login}: {_first(error)}.", "Enrol a lead or a senior.") from error


def install(connection: psycopg.Connection[Any], policy: Policy, change: Change) -> None:
    """Put a policy in force that two people signed.

    The signatures are verified here, because SQL cannot, and kept in the store, where ``workstation audit verify``
    and anybody else can verify them again.

    Raises:
        Refused: a signature is wrong or missing, is of another file, or is of somebody who may not sign.
    """
    if change.hash != policy.hash.hex() or change.version != policy.version:
        raise Refused("policy_signature", "These signatures are of another file.", "Sign this one.")
    if not signed(change):
        raise Refused(
            "policy_signature", "Two people must have signed, and every signature must be right.", "Sign again."
        )
    try:
        connection.execute(
            "SELECT ws.change_policy(%s::jsonb, %s, %s, %s::jsonb)",
            (policy.as_json(), bytes.fromhex(change.replaces), policy.hash, _signatures(change)),
        )
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue) as error:
        raise Refused("policy_refused", f"The store refused: {_first(error)}.", "See docs/policy.md.") from error


def _signatures(change: Change) -> str:
    import msgspec

    return msgspec.json.encode(change.signatures).decode()


def _first(error: psycopg.Error) -> str:
    return str(error).splitlines()[0]
