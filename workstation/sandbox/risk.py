"""The simulated exchange's risk engine: rules as data, over features of the account's events.

A score is computed each time it is asked for and never typed in. It is honest rather than right: what an
intruder does from the owner's own device scores low, and an owner on a journey with a new phone scores high.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import cel
import msgspec

from workstation.sandbox.atlas import atlas
from workstation.sandbox.features import ACTIONS, extract, seen
from workstation.sandbox.store import Tx
from workstation.services.accounts.model import Risk, RiskReason
from workstation.services.clock import from_micros

#: Events that a reason lists at most, the newest.
EVENTS = 20
SCALE = "0-100"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule: a CEL expression over ``f``, and what it adds when it is true."""

    code: str
    when: str
    points: float
    text: str
    evidence: str


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``risk_rules.toml``."""

    window_days: int
    high: float
    medium: float
    rule: tuple[Rule, ...]


@cache
def rules() -> Rules:
    """Return the rules, read once."""
    return msgspec.convert(tomllib.loads(Path(__file__).with_name("risk_rules.toml").read_text()), Rules)


@cache
def _programs() -> tuple[tuple[Rule, Any], ...]:
    return tuple((rule, cel.compile(rule.when)) for rule in rules().rule)


def assess(tx: Tx, account: str, now_us: int) -> Risk:
    """Return what the engine thinks of an account; ``score`` is None when no rule could look at anything."""
    return score(tx.actions(account, ACTIONS), now_us)


def score(raw: list[bytes], now_us: int) -> Risk:
    """Return the assessment of a log.

    Args:
        raw: JSON of the account's events, oldest first.
        now_us: the present, microseconds since the epoch.
    """
    found = extract(seen(raw), now_us, rules().window_days, atlas())
    reasons: list[RiskReason] = []
    looked = False
    for rule, program in _programs():
        try:
            hit = program.execute({"f": found.values})
        except KeyError:  # the logs cannot tell: no data, which is not "no"
            continue
        looked = True
        if hit is True:
            events = tuple(found.evidence.get(rule.evidence, ())[-EVENTS:])
            text = rule.text.format(**found.values)
            reasons.append(RiskReason(code=rule.code, text=text, points=rule.points, events=events))
    total = min(100.0, sum(r.points for r in reasons)) if looked else None
    return Risk(
        score=total,
        scale=SCALE,
        level=_level(total),
        computed_at=from_micros(now_us),
        reasons=tuple(sorted(reasons, key=lambda r: -r.points)),
    )


def _level(total: float | None) -> str:
    if total is None:
        return ""
    return "high" if total >= rules().high else "medium" if total >= rules().medium else "low"
