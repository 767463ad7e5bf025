"""What the simulated exchange's logs say: actions, the log each belongs to, and how an event is written.

Three logs: ``signin-log`` (who came in), ``account-log`` (what changed), ``ledger`` (what moved).
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from workstation.sandbox.atlas import Device, Spot
from workstation.services.clock import from_micros
from workstation.services.timeline.mapping.words import category_of

#: Crockford's base 32: no I, L, O, U, so that nothing is misheard or misread.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SIGNIN, ACCOUNT, LEDGER = "signin-log", "account-log", "ledger"
DATASETS = (SIGNIN, ACCOUNT, LEDGER)


class Kind(NamedTuple):
    """Where an action is logged, and the exchange's own code for it."""

    dataset: str
    code: str


#: The words that the exchange logs; what they mean, and their ECS category, stands in the product's own vocabulary.
ACTIONS: dict[str, Kind] = {
    "sign_in": Kind(SIGNIN, "S100"),
    "sign_out": Kind(SIGNIN, "S110"),
    "session.resumed": Kind(SIGNIN, "S120"),
    "session.ended": Kind(SIGNIN, "S130"),
    "account.created": Kind(ACCOUNT, "A100"),
    "password.changed": Kind(ACCOUNT, "A200"),
    "password.reset_requested": Kind(ACCOUNT, "A210"),
    "password.reset": Kind(ACCOUNT, "A211"),
    "email.changed": Kind(ACCOUNT, "A300"),
    "phone.changed": Kind(ACCOUNT, "A310"),
    "phone.checked": Kind(ACCOUNT, "A320"),
    "identity.proofed": Kind(ACCOUNT, "A330"),
    "device.confirmed": Kind(ACCOUNT, "A340"),
    "second_factor.added": Kind(ACCOUNT, "A400"),
    "second_factor.removed": Kind(ACCOUNT, "A410"),
    "withdrawal_address.added": Kind(ACCOUNT, "A500"),
    "api_key.created": Kind(ACCOUNT, "A600"),
    "account.locked": Kind(ACCOUNT, "A700"),
    "account.unlocked": Kind(ACCOUNT, "A710"),
    "hold.placed": Kind(ACCOUNT, "A720"),
    "hold.lifted": Kind(ACCOUNT, "A730"),
    "notice.sent": Kind(ACCOUNT, "A800"),
    "support.viewed": Kind(ACCOUNT, "A900"),
    "deposit.received": Kind(LEDGER, "L100"),
    "withdrawal.requested": Kind(LEDGER, "L200"),
    "withdrawal.completed": Kind(LEDGER, "L210"),
    "withdrawal.refused": Kind(LEDGER, "L220"),
    "trade.filled": Kind(LEDGER, "L300"),
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
        "event.category": category_of(action),
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
            "source.geo.location": spot.location,
            "source.as.number": spot.asn,
            "source.as.organization.name": spot.org,
        }
    if device is not None:
        found |= {"device.id": device.id, "user_agent.original": device.user_agent}
    return found
