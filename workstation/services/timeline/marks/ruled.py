"""Sigma rules at work: plain ones and correlations, asked of a frame."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationConditionOperator,
    SigmaCorrelationRule,
    SigmaCorrelationType,
)

from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.marks import windows
from workstation.services.timeline.marks.matching import Question
from workstation.services.timeline.marks.model import ROWS, About, Finding, lasting, listed
from workstation.services.timeline.marks.places import Refusal
from workstation.services.timeline.working.frame import Check, Frame

if TYPE_CHECKING:
    from workstation.services.timeline.marks.lens import Lens

_HOLE = re.compile(r"\{([^{}]*)\}")
_KINDS = {
    SigmaCorrelationType.EVENT_COUNT: "event_count",
    SigmaCorrelationType.VALUE_COUNT: "value_count",
    SigmaCorrelationType.TEMPORAL: "temporal",
    SigmaCorrelationType.TEMPORAL_ORDERED: "temporal_ordered",
}
_ENOUGH: dict[SigmaCorrelationConditionOperator, Any] = {
    SigmaCorrelationConditionOperator.GTE: np.greater_equal,
    SigmaCorrelationConditionOperator.GT: np.greater,
    SigmaCorrelationConditionOperator.EQ: np.equal,
}
#: Groups of one correlation; more are looked at in the order of their first event up to here.
_GROUPS = 100_000


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule says of itself; ``fold_us`` is the pause after which events are another finding."""

    id: str
    title: str
    severity: str
    why: str
    innocent: str
    technique: str
    where: str
    fold_us: int

    def about(self) -> About:
        """Return what is known of the rule without asking it."""
        return About(
            id=self.id,
            title=self.title,
            severity=self.severity,
            kind="sigma",
            innocent=self.innocent,
            technique=self.technique,
            where=self.where,
        )

    def finding(self, frame: Frame, rows: windows.Indices) -> Finding:
        """Return the finding of these rows, which are by time."""
        times = frame.times()
        first, last = int(times[rows[0]]), int(times[rows[-1]])
        shown = rows if len(rows) <= ROWS else np.concatenate((rows[: ROWS // 2], rows[-ROWS // 2 :]))
        words = {"count": f"{len(rows):,}", "span": lasting(last - first)}

        def fill(hole: re.Match[str]) -> str:
            return words.get(hole[1]) or listed(_values(frame, shown, hole[1])) or "(not said)"

        return Finding(
            rule=self.id,
            title=self.title,
            severity=self.severity,
            why=_HOLE.sub(fill, self.why),
            innocent=self.innocent,
            rows=tuple(shown.tolist()),
            count=len(rows),
            first_us=first,
            at_us=last,
        )


def _values(frame: Frame, rows: windows.Indices, field: str) -> list[str]:
    values = frame.values(field)
    return list(dict.fromkeys(values[code] for code in frame.codes(field)[rows].tolist() if code))


class Plain:
    """A rule without a correlation: what it means, events close to each other being one finding."""

    def __init__(self, texts: Texts, asked: Question) -> None:
        self._texts, self._asked = texts, asked
        self.about = texts.about()

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        frame = lens.frame
        rows = np.flatnonzero(self._asked(frame, check))
        times = frame.times()[rows]
        order = np.argsort(times, kind="stable")
        rows, times = rows[order], times[order]
        cuts = np.flatnonzero(np.diff(times) > self._texts.fold_us) + 1
        return [self._texts.finding(frame, part) for part in lens.newest(np.split(rows, cuts)) if len(part)]


class Correlated:
    """A correlation over rules of the same file.

    Args:
        texts: what it says.
        kind: one of the four kinds.
        parts: the questions of its rules, in order.
        groups: for each rule the fields by which events are grouped; an event that lacks one is left out.
        span_us: how long a window is.
        enough: what of the count is enough; for ``temporal`` of the rules that are there.
        field: whose values are counted.
    """

    def __init__(
        self,
        texts: Texts,
        kind: str,
        parts: Sequence[Question],
        groups: Sequence[Sequence[str]],
        span_us: int,
        enough: windows.Enough,
        field: str,
    ) -> None:
        self._texts, self._kind, self._parts, self._groups = texts, kind, parts, groups
        self._span_us, self._enough, self._field = span_us, enough, field
        self.about = texts.about()

    @classmethod
    def of(cls, texts: Texts, rule: SigmaCorrelationRule, questions: Mapping[str, Question]) -> Correlated:
        """Return the correlation of a parsed rule.

        Raises:
            Refusal: a kind, a condition or a field that is not supported.
        """
        kind = _KINDS.get(rule.type)
        if kind is None:
            hint = "Use " + ", ".join(_KINDS.values()) + "."
            raise Refusal(("correlation", "type"), f"“{rule.type.name.lower()}” is not supported.", hint)
        names = [reference.reference for reference in rule.rules or ()]
        enough, field = _condition(rule, kind, len(names))
        groups = [_fields(rule, name) for name in names]
        for wanted in [field] if field else []:
            _known(wanted, ("correlation", "condition"))
        return cls(texts, kind, [questions[n] for n in names], groups, rule.timespan.seconds * 1_000_000, enough, field)

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        frame = lens.frame
        rows, rules = self._matches(frame, check)
        if not len(rows) or (self._kind.startswith("temporal") and len(set(rules.tolist())) < 2 <= len(self._parts)):
            return []
        found: list[windows.Indices] = []
        for members in self._grouped(frame, rows, rules, check):
            check()
            inside, of_rule = rows[members], rules[members]
            first = self._windows(frame, inside, of_rule, check)
            found += [np.unique(inside[begin : end + 1]) for begin, end in windows.merged(first)]
        times = frame.times()
        by_time = [part[np.argsort(times[part], kind="stable")] for part in found]
        return [self._texts.finding(frame, part) for part in lens.newest(by_time)]

    def _matches(self, frame: Frame, check: Check) -> tuple[windows.Indices, windows.Indices]:
        """Return the rows that the rules mean, by time, and the place of the rule."""
        each = [np.flatnonzero(part(frame, check)) for part in self._parts]
        rows = np.concatenate(each).astype(np.int64)
        rules = np.repeat(np.arange(len(each)), [len(part) for part in each])
        order = np.lexsort((rules, frame.times()[rows]))
        return rows[order], rules[order]

    def _grouped(
        self, frame: Frame, rows: windows.Indices, rules: windows.Indices, check: Check
    ) -> Iterable[windows.Indices]:
        """Return the places in `rows` of each group."""
        keys = np.zeros(len(rows), np.int64)
        for place in range(len(self._groups[0]) if self._groups else 0):
            check()
            codes = _shared_codes(frame, rows, rules, [fields[place] for fields in self._groups])
            _, both = np.unique(keys * (int(codes.max()) + 1) + codes, return_inverse=True)
            keys = np.where((codes == 0) | (keys < 0), -1, both)
        kept = np.flatnonzero(keys >= 0)
        order = kept[np.argsort(keys[kept], kind="stable")]
        cuts = np.flatnonzero(np.diff(keys[order])) + 1
        return [part for part in np.split(order, cuts)[:_GROUPS] if len(part)]

    def _windows(self, frame: Frame, rows: windows.Indices, rules: windows.Indices, check: Check) -> windows.Indices:
        times = frame.times()[rows]
        if self._kind == "event_count":
            return windows.counted(times, self._span_us, self._enough)
        if self._kind == "value_count":
            codes = frame.codes(self._field)[rows].astype(np.int64)
            found = windows.valued(times[codes > 0], codes[codes > 0], self._span_us, self._enough, check)
            places = np.flatnonzero(codes > 0)
            out = np.full(len(rows), -1, np.int64)
            out[places] = np.where(found >= 0, places[np.maximum(found, 0)], -1)
            return out
        if self._kind == "temporal":
            return windows.together(times, rules, len(self._parts), self._span_us, self._enough)
        return windows.in_order(times, rules, len(self._parts), self._span_us)


def _shared_codes(
    frame: Frame, rows: windows.Indices, rules: windows.Indices, fields: Sequence[str]
) -> windows.Indices:
    """Return a number for each row's value, 0 where it is absent; equal values of several fields have one number."""
    if len(set(fields)) == 1:
        return frame.codes(fields[0])[rows].astype(np.int64)
    known: dict[str, int] = {"": 0}
    out = np.zeros(len(rows), np.int64)
    for rule, field in enumerate(fields):
        mine = np.flatnonzero(rules == rule)
        codes, values = frame.codes(field)[rows[mine]], frame.values(field)
        present, inverse = np.unique(codes, return_inverse=True)
        numbers = [known.setdefault(values[code].casefold(), len(known)) for code in present.tolist()]
        out[mine] = np.array(numbers, np.int64)[inverse] if len(numbers) else 0
    return out


def _condition(rule: SigmaCorrelationRule, kind: str, rules: int) -> tuple[windows.Enough, str]:
    condition, path = rule.condition, ("correlation", "condition")
    if not isinstance(condition, SigmaCorrelationCondition):
        raise Refusal(path, "Conditions in words are not supported.", "Name the rules; each of them must be there.")
    compare, count = _ENOUGH.get(condition.op), condition.count
    if kind == "temporal_ordered" and (condition.op is not SigmaCorrelationConditionOperator.GTE or count != rules):
        raise Refusal(path, "In an order, each of the rules must be there.", "Leave the condition out.")
    if compare is None:
        hint = "Use gte, gt or eq: what counts the absence of events would mark everybody."
        raise Refusal(path, f"“{condition.op.name.lower()}” is not supported.", hint)
    field = condition.fieldref
    if isinstance(field, list):
        raise Refusal(path, "Values of one field are counted.", "Name one field.")
    return lambda numbers: np.asarray(compare(numbers, count)), field or ""


def _fields(rule: SigmaCorrelationRule, name: str) -> list[str]:
    """Return the fields by which the events of one of the rules are grouped."""
    out = []
    for field in rule.group_by or ():
        alias = rule.aliases.aliases.get(field)
        mapped = {ref.reference: to for ref, to in alias.mapping.items()} if alias else {}
        out.append(_known(mapped.get(name, field), ("correlation", "group-by")))
    return out


def _known(field: str, path: tuple[str, ...]) -> str:
    if field not in FIELDS:
        raise Refusal(path, f"No event has a field “{field}”.", "The fields are those of docs/mapping.md.")
    return field
