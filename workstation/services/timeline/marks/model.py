"""What marks are: findings of rules over rows, and the rules that make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from workstation.services.text import clean

if TYPE_CHECKING:
    from workstation.services.timeline.marks.lens import Lens
    from workstation.services.timeline.working.frame import Check

#: Mildest first. ``high`` is an alarm that would hold up a withdrawal.
SEVERITIES = ("low", "medium", "high")
#: Rows that a finding names; how many there were is kept beside them.
ROWS = 60
#: Characters of one value from outside in a sentence.
_VALUE = 60


class Fact(msgspec.Struct, frozen=True):
    """A part of the explanation: what was seen and how it weighed (0: it is told, it decides nothing)."""

    text: str
    points: int = 0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule found: its sentence, the rows that caused it, and what would explain it harmlessly.

    ``rows`` are row numbers of the frame that was asked, by time, at most :data:`ROWS` of ``count``. ``at_us`` is the
    moment of the last of them, microseconds since the epoch. ``more`` findings of the same rule were like it and are
    folded into it. Sentences hold values from outside, cleaned and cut.
    """

    rule: str
    title: str
    severity: str
    why: str
    innocent: str
    rows: tuple[int, ...]
    count: int
    first_us: int
    at_us: int
    facts: tuple[Fact, ...] = ()
    more: int = 0


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a rule without asking it.

    ``severity`` is the highest that it gives. ``technique`` names what it looks for in MITRE ATT&CK, where that has a
    name. ``where`` is the file that it comes from.
    """

    id: str
    title: str
    severity: str
    kind: str
    innocent: str
    technique: str = ""
    where: str = ""


class Rule(Protocol):
    """Something that looks at an account's events and says what it found."""

    @property
    def about(self) -> About:
        """What it is called and how bad what it finds can be."""
        ...

    def find(self, lens: Lens, now_us: int, check: Check) -> Sequence[Finding]:
        """Return what it finds, in any order.

        Args:
            lens: the events.
            now_us: the present, microseconds since the epoch.
            check: to be asked between steps; raises Cancelled.
        """
        ...


def told(value: str) -> str:
    """Return a value from outside as it may stand in a sentence."""
    return clean(value, _VALUE)


def listed(values: Sequence[str], most: int = 3) -> str:
    """Return up to `most` values from outside, and how many more there are."""
    shown = ", ".join(map(told, values[:most]))
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown


def lasting(us: int) -> str:
    """Return a length of time in words, in the largest unit of which it holds two, else the next smaller one."""
    seconds = max(0, us) // 1_000_000
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} second" + ("" if seconds == 1 else "s")
