"""What one condition says of one value: the meaning of the language, on which everything else must agree."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from decimal import Decimal

from workstation.services.timeline.query import addresses, moments, patterns, regex
from workstation.services.timeline.query.ast import Everything, Exists, Leaf, Match, Network, Range, Regex
from workstation.services.timeline.query.fields import Kind, kind_of

Test = Callable[[str], bool]
#: ``AS9009`` and ``9009`` are the same network's number.
_NUMBER = re.compile(r"(?:AS)?(-?[0-9]{1,30}(?:\.[0-9]{1,30})?)", re.IGNORECASE)
_SEPARATOR = ", "


@functools.lru_cache(maxsize=512)
def test_of(leaf: Leaf) -> Test:
    """Return the test of a field's text; of any field's, for a bare word. Times have spans instead.

    A field that holds several values passes by any of them.
    """
    test = _single(leaf)
    if not isinstance(leaf, Everything) and kind_of(leaf.field) is Kind.SEVERAL:
        return lambda value: any(test(one) for one in value.split(_SEPARATOR))
    return test


def _single(leaf: Leaf) -> Test:
    match leaf:
        case Everything():
            return lambda _: True
        case Exists():
            return bool
        case Match(field="", pattern=pattern):
            return patterns.inside(pattern)
        case Match(pattern=pattern):
            return _same_address(leaf) or patterns.whole(pattern)
        case Regex(field="", source=source):
            return regex.whole(regex.anywhere(source))
        case Regex(source=source):
            return regex.whole(source)
        case Network(network=network):
            first, last = addresses.ends(network)
            return lambda value: _between(addresses.packed(value), first, last)
        case Range():
            return _range(leaf)


def address_of(leaf: Match) -> bytes | None:
    """Return the address that a condition names, to which every spelling of it is the same; None for another one."""
    said = patterns.literal(leaf.pattern) if leaf.field and kind_of(leaf.field) is Kind.IP else None
    return addresses.packed(said) if said else None


def _same_address(leaf: Match) -> Test | None:
    wanted = address_of(leaf)
    return None if wanted is None else lambda value: addresses.packed(value) == wanted


def _between(address: bytes | None, first: bytes, last: bytes) -> bool:
    return address is not None and len(address) == len(first) and first <= address <= last


def _range(leaf: Range) -> Test:
    kind = kind_of(leaf.field)
    if kind is Kind.IP:
        return _address_range(leaf)
    ends = [end for end in (leaf.low, leaf.high) if end is not None]
    if all(_NUMBER.fullmatch(end) for end in ends):
        return _number_range(leaf)
    low, high = (None if end is None else end.casefold() for end in (leaf.low, leaf.high))

    def test(value: str) -> bool:
        folded = value.casefold()
        return (
            bool(value)
            and (low is None or folded > low or (leaf.with_low and folded == low))
            and (high is None or folded < high or (leaf.with_high and folded == high))
        )

    return test


def number(text: str) -> Decimal | None:
    """Return the number that a text is, exactly; None where it is none."""
    found = _NUMBER.fullmatch(text)
    return Decimal(found[1]) if found else None


def _number_range(leaf: Range) -> Test:
    low, high = (None if end is None else number(end) for end in (leaf.low, leaf.high))

    def test(value: str) -> bool:
        it = number(value)
        return (
            it is not None
            and (low is None or it > low or (leaf.with_low and it == low))
            and (high is None or it < high or (leaf.with_high and it == high))
        )

    return test


def _address_range(leaf: Range) -> Test:
    low, high = (None if end is None else addresses.packed(end) for end in (leaf.low, leaf.high))
    size = len(low or high or b"")

    def test(value: str) -> bool:
        it = addresses.packed(value)
        return (
            it is not None
            and len(it) == size
            and (low is None or it > low or (leaf.with_low and it == low))
            and (high is None or it < high or (leaf.with_high and it == high))
        )

    return test


def span_of(leaf: Range, now_us: int) -> tuple[int | None, int | None]:
    """Return the microseconds that a range of times keeps: from the first, to before the second; None is no end."""
    low = None if leaf.low is None else moments.span(leaf.low, now_us)[0 if leaf.with_low else 1]
    high = None if leaf.high is None else moments.span(leaf.high, now_us)[1 if leaf.with_high else 0]
    return low, high
