"""Detectors in code, a file each: what Sigma cannot say, because it needs the account's own past or geography."""

from __future__ import annotations

from workstation.services.timeline.marks.coded import (
    newcomer_acts,
    novelty,
    travel,
)
from workstation.services.timeline.marks.model import Rule

#: In the order in which they are asked.
CODED: tuple[Rule, ...] = (
    newcomer_acts.RULE,
    novelty.RULE,
    travel.RULE,
)
