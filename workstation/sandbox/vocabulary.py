"""What the simulated exchange's logs say: actions, the log each belongs to, and how an event is written.

Three logs: ``signin-log`` (who came in), ``account-log`` (what changed), ``ledger`` (what moved).
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from workstation.sandbox.atlas import Device, Spot
from workstation.services.clock import from_micros

#: Crockford's base 32: no I, L, O, U, so that nothing is misheard or misread.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SIGNIN, ACCOUNT, LEDGER = "signin-log", "account-log", "ledger"
DATASETS = (SIGNIN, ACCOUNT, LEDGER)


class Kind(NamedTuple):
    """Where an action is logged: the log, its ECS category, the exchange's own code."""

    dataset: str
    category: str
    code: str


ACTIONS: dict[str, Kind] = {
    "sign_in": Kind(SIGNIN, "authentication", "S100"),
    "sign_out": Kind(SIGNIN, "authentication", "S110"),
    "session.resumed": Kind(SIGNIN, "session", "S120"),
    "session.ended": Kind(SIGNIN, "session", "S130"),
    "account.created": Kind(ACCOUNT, "iam", "A100"),
    "password.changed": Kind(ACCOUNT, "iam", "A200"),
    "password.reset_requested": Kind(ACCOUNT, "iam", "A210"),
    "password.reset": Kind(ACCOUNT, "iam", "A211"),
    "email.changed": Kind(ACCOUNT, "iam", "A300"),
    "phone.changed": Kind(ACCOUNT, "iam", "A310"),
    "phone.checked": Kind(ACCOUNT, "iam", "A320"),
    "identity.proofed": Kind(ACCOUNT, "iam", "A330"),
    "device.confirmed": Kind(ACCOUNT, "iam", "A340"),
    "second_factor.added": Kind(ACCOUNT, "iam", "A400"),
    "second_factor.removed": Kind(ACCOUNT, "iam", "A410"),
    "withdrawal_address.added": Kind(ACCOUNT, "configuration", "A500"),
    "api_key.created": Kind(ACCOUNT, "configuration", "A600"),
    "account.locked": Kind(ACCOUNT, "iam", "A700"),
    "account.unlocked": Kind(ACCOUNT, "iam", "A710"),
    "hold.placed": Kind(ACCOUNT, "configuration", "A720"),
    "hold.lifted": Kind(ACCOUNT, "configuration", "A730"),
    "notice.sent": Kind(ACCOUNT, "email", "A800"),
    "support.viewed": Kind(ACCOUNT, "iam", "A900"),
    "deposit.received": Kind(LEDGER, "", "L100"),
    "withdrawal.requested": Kind(LEDGER, "", "L200"),
    "withdrawal.completed": Kind(LEDGER, "", "L210"),
    "withdrawal.refused": Kind(LEDGER, "", "L220"),
    "trade.filled": Kind(LEDGER, "", "L300"),
}


def token(rng: random.Random, length: int) -> str:
    """Return a random text of `length` unambiguous characters, five bits each."""
    return "".join(rng.choices(ALPHABET, k=length))


def instant(us: int) -> str:
    """Return microseconds since the epoch as RFC 3339, UTC."""
    return from_micros(us).isoformat().replace("+00:00", "Z")


def event(
    identifier: str,
    at_us: int,
    action: str,
    *,
    account: str,
    username: str,
    outcome: str = "success",
    reason: str = "",
    actor: tuple[str, str] | None = None,
    spot: Spot | None = None,
    device: Device | None = None,
    session: str = "",
    factor: str = "",
    target: str = "",
    ingested_us: int = 0,
) -> dict[str, Any]:
    """Return one record of a log with dotted ECS names; absent values are left out, never guessed.

    Args:
        identifier: the event's id.
        at_us: when it happened, microseconds since the epoch.
        action: one of :data:`ACTIONS`.
        account: the account that was acted on, and its user name.
        username: see `account`.
        outcome: ``success``, ``failure`` or ``unknown``.
        reason: the log's own words.
        actor: id and name of who did it, where that is not the client.
        spot: where it came from; None for what the exchange did by itself.
        device: what it came from.
        session: the session it belongs to.
        factor: the kind of second factor that was used or changed.
        target: what it was done to, such as a withdrawal address.
        ingested_us: when the log store took it in.

    Raises:
        KeyError: `action` is not in the vocabulary.
    """
    kind = ACTIONS[action]
    who = actor or (account, username)
    record = {
        "@timestamp": instant(at_us),
        "event.id": identifier,
        "event.dataset": kind.dataset,
        "event.action": action,
        "event.code": kind.code,
        "event.category": kind.category,
        "event.outcome": outcome,
        "event.reason": reason,
        "user.target.id": account,
        "user.target.name": username,
        "user.id": who[0],
        "user.name": who[1],
        "session.id": session,
        "authentication.factor": factor,
        "target.id": target,
    }
    record |= _whence(spot, device)
    if ingested_us:
        record["event.ingested"] = instant(ingested_us)
    return {name: value for name, value in record.items() if value}


def _whence(spot: Spot | None, device: Device | None) -> dict[str, str]:
    """Return the fields that say where something came from, and from what."""
    found: dict[str, str] = {}
    if spot is not None:
        found |= {
            "source.ip": spot.ip,
            "source.geo.country_iso_code": spot.country,
            "source.geo.city_name": spot.city,
            "source.as.number": spot.asn,
            "source.as.organization.name": spot.org,
        }
    if device is not None:
        found |= {"device.id": device.id, "user_agent.original": device.user_agent}
    return found
