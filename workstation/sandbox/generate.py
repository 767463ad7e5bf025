"""The seeded generator: a whole exchange from a seed, a size and a moment.

The same seed, scale and `now` give the same exchange. Each account has a source of chance of its own, so
that a larger exchange begins with the same problems as a smaller one.
"""

from __future__ import annotations

import random
from typing import Any

import msgspec

from workstation.sandbox import hostile, innocent
from workstation.sandbox.atlas import Atlas, atlas
from workstation.sandbox.cast import HOUR, MINUTE, new_address, new_device, person
from workstation.sandbox.draft import Draft
from workstation.sandbox.habits import live
from workstation.sandbox.heads import Head, Story
from workstation.services.accounts.model import Account
from workstation.services.clock import from_micros

#: Accounts of scale 1, those of them with an open problem (half of them hostile), and gangs.
ACCOUNTS, PROBLEMS, GANGS = 40, 24, 3
LANGUAGES = ("en", "pt", "de", "es", "fr", "pl", "tr", "ja")
#: Hours between the first sign of trouble and the mail, where a scenario needs others than the usual ones.
LEAD_H: dict[str, tuple[float, float]] = {
    "owner_device_malware": (40.0, 44.0),
    "own_settings_lock": (44.0, 70.0),
    "lost_phone": (20.0, 70.0),
}
USUAL_LEAD_H = (4.5, 26.0)


class Client(msgspec.Struct, kw_only=True):
    """One account with its log (oldest first), the people around it, its problem and the truth about it."""

    account: Account
    head: Head
    events: list[dict[str, Any]]
    story: Story | None
    truth: dict[str, Any]


def generate(seed: int, scale: int, now_us: int) -> list[Client]:
    """Return the clients of an exchange.

    Args:
        seed: chooses one of many.
        scale: 1 is 40 accounts with 24 open problems; it grows in proportion.
        now_us: the present, microseconds since the epoch; nothing happens after it.
    """
    world = atlas()
    gangs = _gangs(seed, world)
    problems = _problems(seed, scale)
    found = [_problem(seed, n, name, world, gangs, now_us) for n, name in enumerate(problems)]
    quiet = range(len(problems), ACCOUNTS * scale)
    return found + [_quiet(seed, n, world, now_us) for n in quiet]


def _problems(seed: int, scale: int) -> list[str]:
    """Return the scenarios in turn: hostile and innocent ones alternate, every one appears before one repeats."""
    rng = random.Random(f"{seed}:problems")
    half = PROBLEMS * scale // 2
    bad, good = _cycle(rng, list(hostile.HOSTILE), half), _cycle(rng, list(innocent.INNOCENT), half)
    return [name for pair in zip(bad, good, strict=True) for name in pair]


def _cycle(rng: random.Random, names: list[str], count: int) -> list[str]:
    out: list[str] = []
    while len(out) < count:
        out += rng.sample(names, len(names))
    return out[:count]


def _gangs(seed: int, world: Atlas) -> tuple[hostile.Kit, ...]:
    rng = random.Random(f"{seed}:gangs")
    return tuple(
        hostile.Kit(world.make(rng, new_device(rng)), world.spot(rng, rng.choice(("hosting", "vpn"))), new_address(rng))
        for _ in range(GANGS)
    )


def _draft(seed: int, number: int, world: Atlas, now_us: int, *, heavy: bool, vpn: bool) -> Draft:
    rng = random.Random(f"{seed}:{number}")
    # Offset by the round, so that a scenario is not always told in the same language.
    language = LANGUAGES[(number + number // len(LANGUAGES)) % len(LANGUAGES)]
    return Draft(person(rng, world, language, now_us, heavy=heavy, vpn=vpn), rng, world, now_us)


def _problem(seed: int, number: int, name: str, world: Atlas, gangs: tuple[hostile.Kit, ...], now_us: int) -> Client:
    draft = _draft(seed, number, world, now_us, heavy=number % 12 == 5, vpn=name == "vpn_user")
    rng = draft.rng
    needs = hostile.NEEDS | innocent.NEEDS
    if name in needs:
        draft.person.factor = needs[name]
    draft.opened_us = now_us - rng.randint(2 * MINUTE, rng.choice((40 * MINUTE, 3 * HOUR, 7 * HOUR)))
    draft.began_us = draft.opened_us - int(rng.uniform(*LEAD_H.get(name, USUAL_LEAD_H)) * HOUR)
    live(draft, draft.began_us - HOUR)
    if name in hostile.HOSTILE:
        hostile.HOSTILE[name](draft, hostile.hostile_kit(draft, gangs))
    else:
        innocent.INNOCENT[name](draft)
    return _finish(draft, name)


def _quiet(seed: int, number: int, world: Atlas, now_us: int) -> Client:
    rng = random.Random(f"{seed}:{number}:kind")
    draft = _draft(seed, number, world, now_us, heavy=number % 16 == 3, vpn=rng.random() < 0.1)
    live(draft, now_us)
    return _finish(draft, "none")


def _finish(draft: Draft, scenario: str) -> Client:
    account = draft.account()
    return Client(
        account=account,
        head=draft.head(),
        events=sorted(draft.events, key=lambda e: (e["@timestamp"], e["event.id"])),
        story=draft.story,
        truth=_truth(draft, scenario),
    )


def _truth(draft: Draft, scenario: str) -> dict[str, Any]:
    story = draft.story
    return {
        "account": draft.person.id,
        "scenario": scenario,
        "hostile": scenario in hostile.HOSTILE,
        "began_at": None if story is None else from_micros(draft.began_us).isoformat(),
        "writer": None if story is None else story.writer,
        "intruder": {
            "devices": sorted(draft.bad_devices),
            "ips": sorted(draft.bad_spots),
            "sessions": sorted(draft.bad_sessions),
        },
        "owner_devices": sorted(draft.own_devices | {draft.client_device.id}),
        "left_standing": draft.left + sorted(draft.bad_sessions & set(draft.sessions)),
        "client_says": [] if story is None else msgspec.to_builtins(story.client_says),
        "intruder_says": [] if story is None else msgspec.to_builtins(story.intruder_says),
    }
