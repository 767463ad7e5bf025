"""Asks rules of a frame: what each found, in one order, bounded; a rule that fails is said and stops no other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from workstation.services.timeline.marks.lens import Lens
from workstation.services.timeline.marks.model import SEVERITIES, Finding, Rule
from workstation.services.timeline.working.frame import Cancelled, Check, Frame, never
from workstation.services.views.account import Mark

#: Findings of one rule that stand for themselves; the others are counted with the last of them.
EACH = 12
#: Findings of all rules; the mildest go first.
ALL = 500


class Failed(msgspec.Struct, frozen=True):
    """A rule that could not be asked, and why; a mistake in the rule or in this product, never a finding."""

    rule: str
    why: str


class Found(msgspec.Struct, frozen=True):
    """What was found, the worst first, then the newest; and which rules failed."""

    findings: tuple[Finding, ...]
    failed: tuple[Failed, ...] = ()


def find(frame: Frame, now_us: int, rules: Iterable[Rule], check: Check = never) -> Found:
    """Ask every rule.

    The same frame, rules and moment give the same answer, in whatever order the events came.

    Args:
        frame: the events; a snapshot.
        now_us: the present, microseconds since the epoch. What lies after it is looked at too: clocks are skewed.
        rules: what to ask.
        check: asked between steps; raises Cancelled.

    Raises:
        Cancelled: by `check`.
    """
    lens = Lens(frame, check)
    findings: list[Finding] = []
    failed: list[Failed] = []
    for rule in rules:
        check()
        try:
            lens.left_out = 0
            findings += bounded(rule.find(lens, now_us, check), lens.left_out) if len(frame) else ()
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001  one rule must not take the others' findings with it; it is told
            failed.append(Failed(rule.about.id, f"{type(error).__name__}: {error}"))
    findings.sort(key=_worst_first)
    return Found(tuple(findings[:ALL]), tuple(failed))


def bounded(findings: Sequence[Finding], left_out: int = 0) -> list[Finding]:
    """Return the worst and newest :data:`EACH` findings of one rule; the last of them counts the others.

    `left_out` more were not worked out.
    """
    ordered = sorted(findings, key=_worst_first)
    kept, rest = ordered[:EACH], ordered[EACH:]
    more = len(rest) + left_out
    if more and kept:
        last = kept[-1]
        kept[-1] = msgspec.structs.replace(last, more=more, why=f"{last.why} And {more:,} more like it.")
    return kept


def mark_of(frame: Frame, finding: Finding) -> Mark:
    """Return a finding as screens and scripts are given it: with the ids of its events."""
    codes, values = frame.codes("event.id"), frame.values("event.id")
    ids = tuple(values[int(codes[row])] for row in finding.rows)
    return Mark(
        rule=finding.rule,
        title=finding.title,
        severity=finding.severity,
        why=finding.why,
        innocent=finding.innocent,
        events=ids,
        rows=finding.rows,
        facts=tuple(fact.text for fact in finding.facts),
        key=identity(finding, ids),
    )


def identity(finding: Finding, ids: Sequence[str]) -> str:
    """Return a name for a finding that outlives a reload: of its rule and the ids of its events, 16 hex digits."""
    digest = hashlib.sha256("\0".join((finding.rule, *sorted(ids))).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()[:16]


def _worst_first(finding: Finding) -> tuple[int, int, str, tuple[int, ...]]:
    return -SEVERITIES.index(finding.severity), -finding.at_us, finding.rule, finding.rows
