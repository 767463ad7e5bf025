"""How often the simulated risk engine is right; ``python -m workstation.sandbox.confusion`` prints the docs' table."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from workstation.sandbox.features import ACTIONS
from workstation.sandbox.generate import Client, generate
from workstation.sandbox.risk import rules, score
from workstation.services.accounts.model import Risk
from workstation.services.clock import parse_instant, to_micros

#: The moment for which the table is computed, and the seeds in it.
AT_US = to_micros(parse_instant("2026-03-03T14:02:00Z"))
SEEDS = (1, 2, 3, 4, 5)


class Counts(msgspec.Struct, frozen=True):
    """Cases by truth and by score: at or above the threshold, or below; and accounts without a case above it."""

    hostile_high: int
    hostile_low: int
    innocent_high: int
    innocent_low: int
    quiet_high: int

    def row(self, seed: int) -> str:
        """Return the row of the Markdown table."""
        return "| " + " | ".join(map(str, (seed, *msgspec.structs.astuple(self)))) + " |"


def risk_of(client: Client, now_us: int) -> Risk:
    """Return what the engine thinks of a generated client."""
    raw = [
        msgspec.json.encode(e) for e in client.events if any(fnmatchcase(e["event.action"], glob) for glob in ACTIONS)
    ]
    return score(raw, now_us)


def confusion(seed: int) -> Counts:
    """Return the counts of one exchange of scale 1 at the threshold of the rules."""
    found = [0] * 5
    for client in generate(seed, 1, AT_US):
        low = (risk_of(client, AT_US).score or 0.0) < rules().high
        if client.story is not None:
            found[(0 if client.truth["hostile"] else 2) + low] += 1
        elif not low:
            found[4] += 1
    return Counts(*found)


if __name__ == "__main__":
    for number in SEEDS:
        print(confusion(number).row(number))
