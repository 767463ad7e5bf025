"""A Sigma detection as a question about columns: each condition is asked once a distinct value, then looked up.

What is compared is text without regard to case, as Sigma has it; ``cased`` and regular expressions look at it. What is
absent is ``null`` and matches nothing else, ``*`` neither. Regular expressions are RE2's and may match anywhere in a
value (Sigma 2.1, "Regular expressions").
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import numpy as np
import re2
from sigma import conditions, types

from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.marks.places import Refusal
from workstation.services.timeline.query import addresses, patterns
from workstation.services.timeline.working.frame import Check, Frame, Mask, Values
from workstation.services.timeline.working.lookup import anywhere, rows_where

#: What a detection becomes: which rows of a frame it means.
Question: TypeAlias = Callable[[Frame, Check], Mask]
#: Which distinct values of a field a condition means.
Table: TypeAlias = Callable[[Values], Mask]

TIME = "@timestamp"
#: Bytes that a compiled expression may take; honest ones take a tenth (as for queries).
_REGEX_MEMORY = 1 << 18
_PARTS: dict[types.TimestampPart, Callable[[Any], Any]] = {
    types.TimestampPart.MINUTE: lambda t: t.astype("datetime64[m]").astype(np.int64) % 60,
    types.TimestampPart.HOUR: lambda t: t.astype("datetime64[h]").astype(np.int64) % 24,
    types.TimestampPart.DAY: lambda t: (t.astype("datetime64[D]") - t.astype("datetime64[M]")).astype(np.int64) + 1,
    types.TimestampPart.MONTH: lambda t: t.astype("datetime64[M]").astype(np.int64) % 12 + 1,
    types.TimestampPart.YEAR: lambda t: t.astype("datetime64[Y]").astype(np.int64) + 1970,
}


def question(tree: Any) -> Question:
    """Return the question of a condition tree of pySigma.

    Raises:
        Refusal: something in it is not supported; its path is ``detection``.
    """
    match tree:
        case conditions.ConditionNOT(args=[only]):
            part = question(only)
            return lambda frame, check: ~part(frame, check)
        case conditions.ConditionAND(args=args):
            return _joined([question(arg) for arg in args], every=True)
        case conditions.ConditionOR(args=args):
            return _joined([question(arg) for arg in args], every=False)
        case conditions.ConditionFieldEqualsValueExpression(field=field, value=value):
            return _of_field(field, value)
        case conditions.ConditionValueExpression(value=value):
            return _keyword(value)
    raise Refusal(("detection",), "A condition that stands for nothing.", "Name a detection that is there.")


def _joined(parts: list[Question], *, every: bool) -> Question:
    def ask(frame: Frame, check: Check) -> Mask:
        out = parts[0](frame, check)
        for part in parts[1:]:
            check()
            if every:
                if not out.any():
                    break
                out = out & part(frame, check)
            else:
                out = out | part(frame, check)
        return out

    return ask


def _of_field(field: str, value: Any) -> Question:
    if field == TIME:
        return _of_time(value)
    if isinstance(value, types.SigmaFieldReference):
        return _same(field, value)
    table = table_of(value)

    def ask(frame: Frame, check: Check) -> Mask:
        # Codes before values: a value that comes in between is in no code yet.
        codes = frame.codes(field)
        check()
        return rows_where(codes, table(frame.values(field)))

    return ask


def _of_time(value: Any) -> Question:
    if isinstance(value, types.SigmaTimestampPart) and value.timestamp_part in _PARTS:
        part, wanted = _PARTS[value.timestamp_part], int(value.number)
        return lambda frame, check: np.asarray(part(frame.times().astype("datetime64[us]")) == wanted)
    raise Refusal(
        ("detection",), "Of @timestamp only parts can be asked.", "Use minute, hour, day, month or year, in UTC."
    )


def _same(field: str, value: types.SigmaFieldReference) -> Question:
    other = value.field
    if other not in FIELDS or value.starts_with or value.ends_with:
        raise Refusal(("detection",), f"{field} cannot be compared with “{other}”.", "Name a field of an event.")

    def ask(frame: Frame, check: Check) -> Mask:
        mine, theirs = frame.codes(field), frame.codes(other)
        check()
        values = frame.values(other)
        known = {values[code].casefold(): code for code in np.unique(theirs).tolist() if code}
        own = frame.values(field)
        table = np.full(len(own), -1, np.int64)
        for code in np.unique(mine).tolist():
            table[code] = known.get(own[code].casefold(), -1) if code else -1
        folded = np.array([known.get(values[code].casefold(), 0) for code in range(int(theirs.max(initial=0)) + 1)])
        return np.asarray(table[mine] == folded[theirs]) if len(mine) else np.zeros(0, np.bool_)

    return ask


def _keyword(value: Any) -> Question:
    if isinstance(value, types.SigmaString) and not isinstance(value, types.SigmaCasedString):
        text = _literal(value)
        if text:
            return lambda frame, check: anywhere(frame, text, check=check)
    if isinstance(value, types.SigmaNumber):
        number = str(value)
        return lambda frame, check: anywhere(frame, number, check=check)
    raise Refusal(
        ("detection",), "A search for words takes plain text only.", "Name the field, or leave out wildcards."
    )


def _literal(value: types.SigmaString) -> str:
    """Return a text without the wildcards at its ends, ``""`` where others are in it."""
    parts = [part for part in value.s if part is not types.SpecialChars.WILDCARD_MULTI]
    return parts[0] if len(parts) == 1 and isinstance(parts[0], str) else ""


def table_of(value: Any) -> Table:
    """Return which distinct values a value of a detection item means.

    Raises:
        Refusal: a kind of value that is not supported.
    """
    match value:
        case types.SigmaExpansion(values=several):
            tables = [table_of(one) for one in several]
            return lambda values: np.logical_or.reduce([table(values) for table in tables])
        case types.SigmaNull():
            return lambda values: _present(values, False)
        case types.SigmaExists(exists=exists):
            return lambda values: _present(values, exists)
        case types.SigmaCasedString():
            return _cased(value)
        case types.SigmaString():
            return _string(value)
        case types.SigmaBool(boolean=flag):
            return lambda values: values.equal("true" if flag else "false")
        case types.SigmaNumber():
            return _number(value, "eq")
        case types.SigmaCompareExpression(number=number, op=operator):
            return _number(number, operator.name.lower())
        case types.SigmaCIDRExpression():
            return _network(str(value.network))
        case types.SigmaRegularExpression():
            return _regex(value)
    raise Refusal(("detection",), f"{type(value).__name__} is not supported.", "See docs/marks.md for what is.")


def _present(values: Values, wanted: bool) -> Mask:
    out = np.full(len(values), wanted, np.bool_)
    out[0] = not wanted
    return out


def _without_absent(table: Mask) -> Mask:
    if len(table) and table[0]:
        table = table.copy()
        table[0] = False
    return table


def _expression(value: types.SigmaString) -> str:
    pieces = {types.SpecialChars.WILDCARD_MULTI: ".*", types.SpecialChars.WILDCARD_SINGLE: "."}
    out = []
    for part in value.s:
        if isinstance(part, types.Placeholder):
            raise Refusal(("detection",), f"The placeholder %{part.name}% has no value.", "Write the values out.")
        out.append(patterns.quoted(part) if isinstance(part, str) else pieces[part])
    return "".join(out)


def _string(value: types.SigmaString) -> Table:
    if all(isinstance(part, str) for part in value.s):
        text = "".join(map(str, value.s))
        return lambda values: values.equal(text)
    text = _literal(value)
    if text and value.s == [types.SpecialChars.WILDCARD_MULTI, text, types.SpecialChars.WILDCARD_MULTI]:
        return lambda values: _without_absent(values.containing(text))
    expression = _expression(value)
    return lambda values: _without_absent(values.fullmatch(expression))


def _cased(value: types.SigmaCasedString) -> Table:
    found = compiled(f"(?s)\\A(?:{_expression(value)})\\z")
    return lambda values: values.where(lambda text: bool(text) and found.search(text) is not None)


def _regex(value: types.SigmaRegularExpression) -> Table:
    flags = "".join(sorted({"IGNORECASE": "i", "MULTILINE": "m", "DOTALL": "s"}[flag.name] for flag in value.flags))
    found = compiled((f"(?{flags})" if flags else "") + str(value.regexp))
    return lambda values: values.where(lambda text: bool(text) and found.search(text) is not None)


def compiled(source: str) -> Any:
    """Return a regular expression of RE2. Raises Refusal: it is none, or too large a one."""
    options = re2.Options()
    options.max_mem = _REGEX_MEMORY
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error as error:
        said = error.args[0] if error.args else "it is not understood"
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        hint = "RE2 knows neither look-around nor back references."
        raise Refusal(("detection",), f"That is no regular expression: {words}.", hint) from error


def _network(network: str) -> Table:
    first, last = addresses.ends(network)

    def inside(text: str) -> bool:
        address = addresses.packed(text)
        return address is not None and len(address) == len(first) and first <= address <= last

    return lambda values: values.where(inside)


def _number(value: types.SigmaNumber, operator: str) -> Table:
    wanted = Decimal(str(value.number))
    compare: dict[str, Callable[[Decimal], bool]] = {
        "eq": lambda it: it == wanted,
        "neq": lambda it: it != wanted,
        "lt": lambda it: it < wanted,
        "lte": lambda it: it <= wanted,
        "gt": lambda it: it > wanted,
        "gte": lambda it: it >= wanted,
    }
    test = compare[operator]

    def fits(text: str) -> bool:
        try:
            it = Decimal(text[2:] if text[:2].upper() == "AS" else text)
        except InvalidOperation:
            return False
        return it.is_finite() and test(it)

    return lambda values: values.where(fits)
