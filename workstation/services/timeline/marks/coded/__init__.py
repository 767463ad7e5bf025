"""Detectors in code, a file each: what Sigma cannot say, because it needs the account's own past or geography."""

from __future__ import annotations

from workstation.services.timeline.marks.coded import (
    dormant,
    first_acts,
    fresh_address,
    helped_in,
    mailbox,
    newcomer_acts,
    night_hands,
    novelty,
    second_gate,
    sessions,
    stuffing,
    travel,
)
from workstation.services.timeline.marks.model import Rule

#: In the order in which they are asked.
CODED: tuple[Rule, ...] = (
    newcomer_acts.RULE,
    sessions.RULE,
    stuffing.RULE,
    mailbox.RULE,
    helped_in.RULE,
    night_hands.RULE,
    second_gate.WORN_RULE,
    second_gate.STOPPED_RULE,
    first_acts.FACTOR,
    first_acts.KEY,
    fresh_address.RULE,
    dormant.RULE,
    novelty.RULE,
    travel.RULE,
)
