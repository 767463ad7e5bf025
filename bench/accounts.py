"""A made-up account's history, the same for the same seed: lines of NDJSON with dotted ECS names, newest first.

Sessions of a person at a few devices and networks, an API key that asks all day, failed sign-ins in bursts from
elsewhere. A line is some 250 to 1,000 bytes, as those of real stores are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from workstation.services.timeline.event import FIELDS

#: The order of an export.
_ORDER = ("@timestamp", *FIELDS, "event.ingested", "trace.id")
#: When the history ends, and what it is for.
END = datetime(2026, 11, 1, tzinfo=UTC)
ACCOUNT = "A100200300"
_PLACES = (
    ("DE", "Berlin", "52.5200,13.4050", "3320", "Deutsche Telekom AG"),
    ("PT", "Lisboa", "38.7223,-9.1393", "3243", "MEO"),
    ("NL", "Amsterdam", "52.3676,4.9041", "60781", "LeaseWeb Netherlands B.V."),
    ("BR", "São Paulo", "-23.5505,-46.6333", "28573", "Claro NXT"),
)
_ACTIONS = ("balance.viewed", "order.placed", "order.cancelled", "api.call", "page.viewed", "withdrawal.requested")
_AGENT = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.{}.{} Safari/537.36"
_SYSTEMS = ("X11; Linux x86_64", "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7")


def lines(count: int, seed: int = 7) -> Iterator[bytes]:
    """Yield `count` lines without their ends."""
    rng = random.Random(seed)
    encode = msgspec.json.Encoder().encode
    at = END
    while count > 0:
        share = rng.random()
        make = _session if share < 0.7 else _api if share < 0.9 else _burst
        some = make(rng)[:count]
        count -= len(some)
        for record in some:
            at -= timedelta(microseconds=rng.randrange(1_000, 60_000_000))
            record["@timestamp"] = _written(at)
            if record["event.dataset"] == "api-gateway":
                record["event.ingested"] = _written(at + timedelta(seconds=2, microseconds=5))
            # What a store keeps and the timeline does not: half of what makes a record hard to pack.
            record["trace.id"] = _id(rng)
            yield encode({name: record[name] for name in _ORDER if name in record})


def short_lines(count: int, seed: int = 7) -> Iterator[bytes]:
    """Yield lines of about 250 bytes with nine fields: those of the study that the budgets come from."""
    rng = random.Random(seed)
    encode = msgspec.json.Encoder().encode
    at = END
    for number in range(count):
        at -= timedelta(microseconds=rng.randrange(1_000, 60_000_000))
        record = {
            "@timestamp": _written(at),
            "event.id": f"e{number:09}",
            "event.dataset": "app-log",
            "event.action": rng.choice(_ACTIONS),
            "event.outcome": "failure" if rng.random() < 0.1 else "success",
            "user.target.id": ACCOUNT,
            "source.ip": f"203.0.113.{rng.randrange(256)}",
            "source.geo.country_iso_code": rng.choice(_PLACES)[0],
            "session.id": f"s{number // 30}",
        }
        yield encode(record)


def _written(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _where(rng: random.Random, places: int, hosts: int) -> dict[str, str]:
    place = rng.randrange(places)
    country, city, location, number, name = _PLACES[place]
    return {
        "source.ip": f"203.0.{place * 16 + rng.randrange(16)}.{rng.randrange(hosts)}",
        "source.geo.country_iso_code": country,
        "source.geo.city_name": city,
        "source.geo.location": location,
        "source.as.number": number,
        "source.as.organization.name": name,
    }


def _person() -> dict[str, str]:
    return {"user.target.id": ACCOUNT, "user.id": ACCOUNT, "user.name": "maria.silva@client.example"}


def _id(rng: random.Random) -> str:
    return f"{rng.getrandbits(128):032x}"


def _session(rng: random.Random) -> list[dict[str, str]]:
    device = rng.randrange(12)
    same = {
        **_person(),
        **_where(rng, 2, 64),
        "event.dataset": "app-log",
        "event.category": "session",
        "event.outcome": "success",
        "user_agent.original": _AGENT.format(
            _SYSTEMS[device % 3], 100 + rng.randrange(8), 5000 + device, rng.randrange(5)
        ),
        "device.id": f"dev-{device:04}-{device * 7919:08x}",
        "session.id": f"s-{rng.getrandbits(64):016x}",
    }
    some = []
    for _ in range(rng.randrange(2, 60)):
        action = rng.choice(_ACTIONS)
        record = {**same, "event.id": _id(rng), "event.action": action, "event.code": action.upper().replace(".", "_")}
        if action.startswith(("order", "withdrawal")):
            record["target.id"] = f"{action[:2]}-{rng.randrange(50_000)}"
        if rng.random() < 0.2:
            record["event.reason"] = "shown after a check by the risk engine; " * rng.randrange(1, 8)
        some.append(record)
    return some


def _api(rng: random.Random) -> list[dict[str, str]]:
    same = {
        **_person(),
        **_where(rng, 3, 8),
        "event.dataset": "api-gateway",
        "event.category": "api",
        "event.action": "api.call",
        "event.code": "GET /v2/balances",
        "user_agent.original": "python-requests/2.32.3",
        "event.risk_level": "low",
    }
    return [
        {**same, "event.id": _id(rng), "event.outcome": "success" if rng.random() < 0.97 else "failure"}
        for _ in range(rng.randrange(5, 200))
    ]


def _burst(rng: random.Random) -> list[dict[str, str]]:
    same = {
        **_where(rng, 4, 256),
        "user.target.id": ACCOUNT,
        "event.dataset": "signin-log",
        "event.category": "authentication",
        "event.action": "sign_in",
        "event.code": "LOGIN_ERROR",
        "event.outcome": "failure",
        "event.reason": "invalid_user_credentials",
        "user_agent.original": _AGENT.format(_SYSTEMS[0], 90 + rng.randrange(3), rng.randrange(40), 1),
    }
    return [{**same, "event.id": _id(rng)} for _ in range(rng.randrange(1, 12))]
