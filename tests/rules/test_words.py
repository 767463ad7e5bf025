"""Every rule that can refuse has a sentence of its own."""

from __future__ import annotations

import re

from workstation.services.acts import refusals
from workstation.services.store import migrate

#: Answers to the broker alone, a state between rules, and the name of a field: no person is refused by these.
FOR_THE_BROKER = {"not_executing", "challenge_used", "bad_proof", "not_told", "code"}


def codes() -> set[str]:
    """Return the short names in the rules: what is denied, refused or given as a reason."""
    found: set[str] = set()
    for name in migrate.RULES:
        text = migrate.rule(name)
        found |= set(re.findall(r"wsd\.deny\([^;]*?'([a-z][a-z0-9_]+)'\)", text))
        found |= set(re.findall(r"wsd\.refuse\([^;]*?'([a-z][a-z0-9_]+)'\)", text))
        found |= set(re.findall(r"code := '([a-z_]+)'", text))
        if name in ("40_acts", "42_vetoes"):
            found |= set(re.findall(r"THEN '([a-z]+_[a-z_]+)'", text)) | set(
                re.findall(r"RETURN '([a-z]+_[a-z_]+)", text)
            )
    blockers = ("sim_swap", "contact_change", "password_change", "mailbox", "never_wrote", "no_channel")
    return found | {*blockers, *(f"{b}_unknown" for b in blockers[:3]), "never_wrote_unknown", "evidence_missing"}


def test_every_rule_has_its_sentence() -> None:
    without = [
        code
        for code in sorted(codes() - FOR_THE_BROKER)
        if refusals.sentence(code)[0].startswith("Refused by the rule")
    ]
    assert without == []
    assert len(codes()) > 60


def test_a_sentence_says_what_to_do_and_the_detail() -> None:
    what, do = refusals.sentence("evidence_missing", "possession or callback")
    assert "possession or callback" in what
    assert do
