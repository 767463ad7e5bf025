"""A rule's record: how often it was judged right, and what that does to the severity of what it finds.

Judgements are few, so a share alone says little: three of four wrong is no proof. The band is Wilson's score interval
(E. B. Wilson, JASA 22, 1927, pp. 209-212), which stays honest for few judgements and for shares near 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

import msgspec

from workstation.services.timeline.marks.model import SEVERITIES, Fact, Finding

#: Two-sided 95 % of the normal distribution.
Z = 1.959964
#: Judgements below which nothing is concluded.
ENOUGH = 8


class Judgements(Protocol):
    """Who knows how rules were judged; one judgement a case."""

    def of(self, rule: str) -> tuple[int, int]:
        """Return how often a rule was judged right and wrong; (0, 0) where it never was."""
        ...


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule's judgements say: the share of right ones and its 95 % band, each 0 to 1."""

    right: int
    wrong: int
    share: float
    low: float
    high: float

    def sentence(self) -> str:
        """Return it in words."""
        if not self.right + self.wrong:
            return "Never judged yet."
        judged = self.right + self.wrong
        return (
            f"Right in {self.right} of {judged} judged cases ({self.low:.0%} to {self.high:.0%} with 95 % confidence)."
        )


def standing(right: int, wrong: int) -> Standing:
    """Return what so many judgements say.

    Raises:
        ValueError: a number is negative.
    """
    if min(right, wrong) < 0:
        raise ValueError("fewer than no judgements")
    count = right + wrong
    if not count:
        return Standing(right=0, wrong=0, share=0.0, low=0.0, high=1.0)
    share = right / count
    middle = (share + Z * Z / (2 * count)) / (1 + Z * Z / count)
    half = Z / (1 + Z * Z / count) * math.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    return Standing(right=right, wrong=wrong, share=share, low=max(0.0, middle - half), high=min(1.0, middle + half))


def lowered(severity: str, record: Standing) -> str:
    """Return the severity that a rule's findings keep.

    One step down where the rule is wrong more often than right beyond doubt (the whole band below 50 %), to low where
    it is hardly ever right (the whole band below 20 %). Never up, never below low, and nothing before
    :data:`ENOUGH` judgements.
    """
    if record.right + record.wrong < ENOUGH or record.high >= 0.5:
        return severity
    steps = 2 if record.high < 0.2 else 1
    return SEVERITIES[max(0, SEVERITIES.index(severity) - steps)]


def weighed(findings: Iterable[Finding], judgements: Judgements) -> tuple[Finding, ...]:
    """Return findings as their rules' records weigh them; what was lowered says so. None is left out."""
    out = []
    for finding in findings:
        record = standing(*judgements.of(finding.rule))
        severity = lowered(finding.severity, record)
        if severity != finding.severity:
            said = Fact(f"Lowered from {finding.severity}: this rule was mostly judged wrong. {record.sentence()}")
            finding = msgspec.structs.replace(finding, severity=severity, facts=(*finding.facts, said))
        out.append(finding)
    return tuple(sorted(out, key=lambda finding: -SEVERITIES.index(finding.severity)))
