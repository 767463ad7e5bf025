"""Features of an account, from its logs and nothing else: what the risk rules look at.

A feature that the logs cannot tell is absent, never zero: an account without a past has no "new device", and
without an answer of the carrier nobody knows of a SIM swap. Each feature comes with the events that it rests on.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec

from workstation.sandbox.atlas import Atlas
from workstation.sandbox.cast import DAY, HOUR
from workstation.services.clock import parse_instant, to_micros

#: Actions that the features need, as GLOB patterns; trades are the bulk of a log and say nothing here.
ACTIONS = ("sign_in", "session.*", "password.*", "email.*", "phone.*", "second_factor.*", "withdrawal*", "api_key.*",
           "support.*")  # fmt: skip
#: Sign-ins before the window without which nothing can be called new.
ENOUGH = 5
#: Two sign-ins closer than this say nothing about travel: geolocation is not that exact.
NEAR_KM = 300.0
_CITY, _COUNTRY = "source.geo.city_name", "source.geo.country_iso_code"


class Seen(msgspec.Struct, frozen=True):
    """An event as features read it: time in microseconds and its fields."""

    at: int
    fields: dict[str, str]

    @property
    def id(self) -> str:
        """The event's id."""
        return self.fields["event.id"]

    @property
    def action(self) -> str:
        """The event's action."""
        return self.fields["event.action"]

    def get(self, name: str) -> str:
        """Return a field, ``""`` where it is absent."""
        return self.fields.get(name, "")


class Features:
    """Features by name, and the ids of the events that each rests on."""

    def __init__(self) -> None:
        self.values: dict[str, int | float] = {}
        self.evidence: dict[str, list[str]] = {}

    def put(self, name: str, value: int | float, events: Iterable[Seen]) -> None:
        """Set a feature."""
        self.values[name] = value
        self.evidence[name] = [e.id for e in events]


def seen(raw: Iterable[bytes]) -> list[Seen]:
    """Return events from their JSON, in the order given."""
    decoder = msgspec.json.Decoder(dict[str, Any])
    records = map(decoder.decode, raw)
    return [Seen(to_micros(parse_instant(r["@timestamp"])), r) for r in records]


def extract(events: list[Seen], now_us: int, window_days: int, atlas: Atlas) -> Features:
    """Return the features of an account.

    Args:
        events: of the actions in :data:`ACTIONS`, oldest first.
        now_us: the present, microseconds since the epoch.
        window_days: how far back something is recent.
        atlas: tells which networks are anonymisers, and how far cities lie apart.
    """
    out = Features()
    since = now_us - window_days * DAY
    before, recent = [e for e in events if e.at < since], [e for e in events if e.at >= since]
    if not events:
        return out
    _novelty(out, _ins(before), _ins(recent), atlas)
    _travel(out, _ins(events), since, atlas)
    _failures(out, [e for e in recent if e.action == "sign_in" and e.get("event.outcome") == "failure"])
    _changes(out, recent)
    _money(out, events, recent)
    _hours(out, before, recent)
    return out


def _ins(events: list[Seen]) -> list[Seen]:
    """Return where somebody was in: sign-ins that worked, and sessions that went on from elsewhere."""
    return [
        e
        for e in events
        if (e.action == "sign_in" and e.get("event.outcome") == "success") or e.action == "session.resumed"
    ]


def _novelty(out: Features, before: list[Seen], recent: list[Seen], atlas: Atlas) -> None:
    if len(before) < ENOUGH:
        return
    for name, field in (("new_devices", "device.id"), ("new_countries", _COUNTRY)):
        known = {e.get(field) for e in before}
        new = [e for e in recent if e.get(field) and e.get(field) not in known]
        out.put(name, len({e.get(field) for e in new}), new)
    hidden = {"vpn", "hosting"}
    masked = [e for e in recent if atlas.kind_of(e.get("source.as.number")) in hidden]
    out.put("anonymous", len(masked), masked)
    out.put("anonymous_before", sum(atlas.kind_of(e.get("source.as.number")) in hidden for e in before), [])


def _travel(out: Features, ins: list[Seen], since: int, atlas: Atlas) -> None:
    """The greatest speed between two sign-ins one after the other, the later of which is recent."""
    best: tuple[float, Seen, Seen] | None = None
    for one, other in pairwise(ins):
        if other.at < since:
            continue
        km = atlas.distance_km(one.get(_CITY), other.get(_CITY))
        if km is None:
            continue
        speed = 0.0 if km < NEAR_KM else km / max((other.at - one.at) / HOUR, 1 / 60)
        if best is None or speed > best[0]:
            best = (speed, one, other)
    if best is not None:
        out.put("speed_kmh", best[0], best[1:])


def _failures(out: Features, failed: list[Seen]) -> None:
    burst: list[Seen] = []
    for n, first in enumerate(failed):
        run = [e for e in failed[n:] if e.at < first.at + HOUR]
        burst = max(burst, run, key=len)
    out.put("failed_in_an_hour", len(burst), burst)
    out.put("failed_addresses", len({e.get("source.ip") for e in failed}), failed)


def _changes(out: Features, recent: list[Seen]) -> None:
    def of(*actions: str) -> list[Seen]:
        return [e for e in recent if e.action in actions and e.get("event.outcome") == "success"]

    # What staff did by the contract was approved by four eyes; what a person of support did was not.
    staff = [e for e in of("email.changed", "phone.changed", "second_factor.removed") if _by_support(e)]
    for name, found in {
        "moved_sessions": of("session.resumed"),
        "factors_removed": of("second_factor.removed"),
        "contacts_changed": of("email.changed", "phone.changed"),
        "staff_changes": staff,
        "staff_views": of("support.viewed"),
        "resets": of("password.reset"),
        "keys_created": of("api_key.created"),
        "addresses_added": of("withdrawal_address.added"),
    }.items():
        out.put(name, len(found), found)
    if checked := [e for e in recent if e.action == "phone.checked"]:
        bad = [e for e in checked if e.get("event.outcome") == "failure"]
        out.put("sim_swaps", len(bad), bad)


def _by_support(e: Seen) -> bool:
    return e.get("user.id").startswith("staff-") and e.get("user.id") != "staff-api"


def _money(out: Features, events: list[Seen], recent: list[Seen]) -> None:
    added = {e.get("target.id"): e.at for e in events if e.action == "withdrawal_address.added"}
    fresh = [
        e
        for e in recent
        if e.action == "withdrawal.requested" and e.at - added.get(e.get("target.id"), e.at - 2 * DAY) < DAY
    ]
    out.put("fresh_withdrawals", len(fresh), fresh)


def _hours(out: Features, before: list[Seen], recent: list[Seen]) -> None:
    """Hours of the day (UTC) at which this account was never active before, nor in the hours beside them."""
    mine = [e for e in before if e.get("user.id") == e.get("user.target.id")]
    if len(mine) < 10 * ENOUGH:
        return
    usual = {(e.at // HOUR + shift) % 24 for e in mine for shift in (-1, 0, 1)}
    odd = [e for e in recent if e.get("user.id") == e.get("user.target.id") and e.at // HOUR % 24 not in usual]
    out.put("odd_hour", len(odd), odd)
