"""Asks a working set: a condition is asked once a distinct value, then looked up for every row.

Conditions on the same field are joined before they are looked up, so a list of a thousand addresses costs one pass
over the rows. Between steps the caller may cancel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from workstation.services.errors import Invalid
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.query import patterns, regex
from workstation.services.timeline.query.ast import (
    And,
    Everything,
    Exists,
    Leaf,
    Match,
    Node,
    Not,
    Or,
    Query,
    Range,
    Regex,
)
from workstation.services.timeline.query.conditions import address_of, span_of, test_of
from workstation.services.timeline.query.fields import PINNED, TIME, Kind, kind_of
from workstation.services.timeline.working.frame import Check, Frame, Mask, Rows, Values, never
from workstation.services.timeline.working.lookup import rows_where

#: What was said about rows: ``mark`` → rule → rows, ``label`` → whose → rows, ``pinned`` → ``true`` → rows. Rows beyond
#: the frame are left out; a mask may stand for rows.
Said: TypeAlias = Mapping[str, Mapping[str, Rows | Mask]]
_NOTHING: Said = {}
#: So many values are looked at one by one in the time of one expression over a hundred times as many.
_ONE_BY_ONE = 10_000


def mask(query: Query, frame: Frame, now_us: int, check: Check = never, said: Said = _NOTHING) -> Mask:
    """Return which rows of a frame a query keeps; one flag a row there was when it was asked.

    Args:
        query: the query.
        frame: the events.
        now_us: what ``now`` means, microseconds since the epoch.
        check: asked between steps; raises Cancelled.
        said: pins, marks and labels. What is asked of must be there.

    Raises:
        Invalid: pins, marks or labels are asked for and nobody gave them.
        Cancelled: by `check`.
    """
    return _Asked(frame, now_us, check, said).mask(query.root)


class _Asked:
    """One question to one frame, whose length is taken once: more rows may come meanwhile."""

    def __init__(self, frame: Frame, now_us: int, check: Check, said: Said) -> None:
        self.frame = frame
        self.rows = len(frame)
        self.now_us = now_us
        self.check = check
        self.said = said

    def mask(self, node: Node) -> Mask:
        self.check()
        field = _column(node)
        if field:
            return self._looked_up(field, node)
        if isinstance(node, Not):
            return ~self.mask(node.part)
        if isinstance(node, And):
            return self._joined(node.parts, And)
        if isinstance(node, Or):
            return self._joined(node.parts, Or)
        return self._leaf(node)

    def _joined(self, parts: Sequence[Node], kind: type[And] | type[Or]) -> Mask:
        """Return all or any of `parts`, those of one field as one."""
        out: Mask | None = None
        for part in _by_column(parts, kind):
            one = self.mask(part)
            out = one if out is None else out & one if kind is And else out | one
            if kind is And and not out.any():
                break
        assert out is not None
        return out

    def _leaf(self, leaf: Leaf) -> Mask:
        if isinstance(leaf, Everything):
            return np.ones(self.rows, dtype=np.bool_)
        if not leaf.field:
            out = np.zeros(self.rows, dtype=np.bool_)
            for field in FIELDS:
                out |= self._looked_up(field, leaf)
                if out.all():
                    break
            return out
        return self._times(leaf) if kind_of(leaf.field) is Kind.TIME else self._said(leaf)

    def _times(self, leaf: Leaf) -> Mask:
        assert not isinstance(leaf, Everything)
        at = (self.frame.times() if leaf.field == TIME else self.frame.ingested())[: self.rows]
        low, high = span_of(leaf, self.now_us) if isinstance(leaf, Range) else (None, None)
        out: Mask = np.ones(self.rows, dtype=np.bool_) if leaf.field == TIME else at != 0
        if low is not None:
            out &= at >= low
        if high is not None:
            out &= at < high
        return out

    def _said(self, leaf: Leaf) -> Mask:
        assert not isinstance(leaf, Everything)
        if leaf.field not in self.said:
            raise Invalid(f"{leaf.field} is not known here.", "It is known on the screen of the account.")
        given = self.said[leaf.field]
        if leaf.field == PINNED:
            pinned = self._flags(given.get("true", np.zeros(0, dtype=np.int32)))
            tests = {True: test_of(leaf)("true"), False: test_of(leaf)("false")}
            return (pinned & tests[True]) | (~pinned & tests[False])
        out = np.zeros(self.rows, dtype=np.bool_)
        for value, rows in given.items():
            if test_of(leaf)(value):
                out |= self._flags(rows)
        return out

    def _flags(self, rows: Rows | Mask) -> Mask:
        out = np.zeros(self.rows, dtype=np.bool_)
        if rows.dtype == np.bool_:
            some = rows[: self.rows]
            out[: len(some)] = some
        else:
            out[rows[rows < self.rows]] = True
        return out

    # -- columns -----------------------------------------------------------------------------------

    def _looked_up(self, field: str, node: Node) -> Mask:
        # Codes before values: a value that comes in between is in no code yet.
        codes = self.frame.codes(field)[: self.rows]
        table = self._table(self.frame.values(field), field, node)
        self.check()
        return rows_where(codes, table)

    def _table(self, values: Values, field: str, node: Node) -> Mask:
        """Return for which distinct values of a field `node`, which asks of no other, is true."""
        if isinstance(node, Not):
            return ~self._table(values, field, node.part)
        if isinstance(node, And | Or):
            out = self._table(values, field, node.parts[0])
            for part in node.parts[1:]:
                one = self._table(values, field, part)
                # More values may have come between two questions.
                out = out[: len(one)]
                out = out & one[: len(out)] if isinstance(node, And) else out | one[: len(out)]
            return out
        self.check()
        return _asked_of(values, field, node)


def _asked_of(values: Values, field: str, leaf: Leaf) -> Mask:
    """Return for which distinct values a condition is true, by the quickest question that says it."""
    test = test_of(leaf)
    if kind_of(field) is Kind.SEVERAL and (isinstance(leaf, Everything) or leaf.field):
        return values.where(test)
    match leaf:
        case Match(field="", pattern=pattern):
            said = patterns.literal(pattern)
            if said is not None:
                return values.containing(said)
            return _wild(values, pattern, test, within=True)
        case Match(pattern=pattern):
            said = patterns.literal(pattern)
            if said is not None:
                return values.equal(said) if address_of(leaf) is None else values.where(test)
            return _wild(values, pattern, test, within=False)
        case Regex(field="", source=source):
            return _matching(values, regex.anywhere(source), test)
        case Regex(source=source):
            return _matching(values, source, test)
        case Exists():
            present = np.ones(len(values), dtype=np.bool_)
            present[0] = False
            return present
    return values.where(test)


def _wild(values: Values, pattern: str, test: patterns.Test, within: bool) -> Mask:
    """Answer a pattern with wildcards: first by its longest text, which few values contain if it says anything."""
    parts = patterns.parts(pattern, within)
    longest = max((text for part in parts for text in part if text), key=len, default="")
    if longest:
        found = values.containing(longest)
        if parts == [[], [longest], []]:
            return found
        codes = np.flatnonzero(found)
        if len(codes) <= _ONE_BY_ONE:
            out = np.zeros(len(found), dtype=np.bool_)
            out[codes] = [test(values[int(code)]) for code in codes]
            return out
    return _matching(values, patterns.expression(pattern, within), test)


def _matching(values: Values, expression: str, test: patterns.Test) -> Mask:
    try:
        found = values.fullmatch(expression).copy()
    except Invalid:  # too long for the frame, or half a character
        return values.where(test)
    found[0] = False
    return found


def _column(node: Node) -> str:
    """Return the one column that all of a tree asks, ``""`` where it asks several, or none."""
    if isinstance(node, Not):
        return _column(node.part)
    if isinstance(node, And | Or):
        fields = {_column(part) for part in node.parts}
        return fields.pop() if len(fields) == 1 else ""
    return "" if isinstance(node, Everything) or node.field not in FIELDS else node.field


def _by_column(parts: Sequence[Node], kind: type[And] | type[Or]) -> list[Node]:
    """Join parts that ask the same column; the others stay as they are."""
    grouped: dict[str, list[Node]] = {}
    alone: list[Node] = []
    for part in parts:
        field = _column(part)
        if field:
            grouped.setdefault(field, []).append(part)
        else:
            alone.append(part)
    joined: list[Node] = [kind(tuple(group)) if len(group) > 1 else group[0] for group in grouped.values()]
    return [*joined, *alone]
