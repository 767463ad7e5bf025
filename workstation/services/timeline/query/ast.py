"""Queries as trees, and the one way in which each is written.

Trees are made by :func:`both`, :func:`either` and :func:`negate`, which keep them in one shape: no ``and`` within an
``and``, no double ``not``. So equal queries are equal trees, and ``parse(str(query)) == query``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import msgspec

from workstation.services.timeline.query.fields import INGESTED, TIME, Kind, kind_of
from workstation.services.timeline.query.patterns import literal, pieces

#: Characters that need no quotes in a value. Others beyond ASCII need none either, unless they are blank.
PLAIN = re.compile(r"[A-Za-z0-9_.@/+,;#%&=$'|<>`!-]")
#: Characters with a meaning of their own at the head of a value.
HEADS = "-!+<>=/&|"
#: Words with a meaning of their own, in capitals or small letters.
OPERATORS = frozenset({"AND", "OR", "NOT", "TO", "and", "or", "not", "to"})


class Everything(msgspec.Struct, frozen=True):
    """Keeps everything: ``*:*``."""

    def __str__(self) -> str:
        return "*:*"


class Match(msgspec.Struct, frozen=True):
    """A value: ``field:value``. ``field`` is an ECS name, ``""`` for a text anywhere in any field.

    A backslash in ``pattern`` takes the meaning from ``*``, ``?`` and itself.
    """

    field: str
    pattern: str

    def __str__(self) -> str:
        return named(self.field) + self.value()

    def value(self) -> str:
        """Return the value as it is written."""
        said = literal(self.pattern)
        if said is None:
            return _with_wildcards(self.pattern, bool(self.field))
        written = quoted_value(said, bool(self.field))
        means_network = bool(self.field) and kind_of(self.field) is Kind.IP and "/" in written
        return f'"{said}"' if means_network and written == said else written


class Exists(msgspec.Struct, frozen=True):
    """Any value at all: ``field:*``."""

    field: str

    def __str__(self) -> str:
        return f"{self.field}:*"


class Range(msgspec.Struct, frozen=True):
    """Values from ``low`` to ``high``: ``field:[low TO high}``. None is no end; at least one end is given."""

    field: str
    low: str | None
    high: str | None
    with_low: bool = True
    with_high: bool = True

    def __str__(self) -> str:
        return named(self.field) + self.value()

    def value(self) -> str:
        """Return the range as it is written."""
        if self.low is None:
            return f"<{'=' if self.with_high else ''}{quoted_value(self.high or '')}"
        if self.high is None:
            return f">{'=' if self.with_low else ''}{quoted_value(self.low)}"
        if self.low == self.high and self.with_low and self.with_high and self.field in (TIME, INGESTED):
            return quoted_value(self.low)
        opened, closed = "[" if self.with_low else "{", "]" if self.with_high else "}"
        return f"{opened}{quoted_value(self.low)} TO {quoted_value(self.high)}{closed}"


class Network(msgspec.Struct, frozen=True):
    """Addresses of a network: ``source.ip:10.0.0.0/8``. ``network`` is in its shortest form."""

    field: str
    network: str

    def __str__(self) -> str:
        return named(self.field) + self.network

    def value(self) -> str:
        """Return the network as it is written."""
        return self.network


class Regex(msgspec.Struct, frozen=True):
    r"""Whole values by a regular expression: ``field:/…/``. In ``source`` a slash has no backslash."""

    field: str
    source: str

    def __str__(self) -> str:
        return named(self.field) + self.value()

    def value(self) -> str:
        """Return the expression as it is written."""
        pairs = re.finditer(r"\\.|.", self.source, re.DOTALL)
        return f"/{''.join(chr(92) + '/' if pair[0] == '/' else pair[0] for pair in pairs)}/"


class Not(msgspec.Struct, frozen=True):
    """What `part` does not keep: ``-part``."""

    part: Node

    def __str__(self) -> str:
        return f"-{_grouped(self.part)}"


class And(msgspec.Struct, frozen=True):
    """What all parts keep, at least two: side by side."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " ".join(
            f"({part})" if isinstance(part, Or) and not _one_field(part) else str(part) for part in self.parts
        )


class Or(msgspec.Struct, frozen=True):
    """What any part keeps, at least two: ``a OR b``, of one field ``field:(a OR b)``."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        if field := _one_field(self):
            return f"{field}:({' OR '.join(_value(part) for part in self.parts)})"
        return " OR ".join(f"({part})" if isinstance(part, And) else str(part) for part in self.parts)


Leaf: TypeAlias = Everything | Match | Exists | Range | Network | Regex
Node: TypeAlias = Leaf | Not | And | Or
_Valued = (Match, Range, Network, Regex)
EVERYTHING = Everything()


class Query(msgspec.Struct, frozen=True):
    """What is asked: terms that must all hold, in the order in which they were added; none asks for everything.

    Each term is one chip on the screen.
    """

    terms: tuple[Node, ...] = ()

    def __str__(self) -> str:
        return str(self.terms[0]) if len(self.terms) == 1 else str(And(self.terms))

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def root(self) -> Node:
        """The query as one tree."""
        return both(self.terms)


def asking(node: Node) -> Query:
    """Return the query of a tree."""
    if isinstance(node, Everything):
        return Query()
    return Query(node.parts if isinstance(node, And) else (node,))


def both(parts: Iterable[Node]) -> Node:
    """Return what all `parts` keep; everything where there are none."""
    flat = tuple(each for part in parts for each in (part.parts if isinstance(part, And) else (part,)))
    return And(flat) if len(flat) > 1 else flat[0] if flat else EVERYTHING


def either(parts: Iterable[Node]) -> Node:
    """Return what any of `parts` keeps. Raises ValueError where there are none."""
    flat = tuple(each for part in parts for each in (part.parts if isinstance(part, Or) else (part,)))
    if not flat:
        raise ValueError("a choice of nothing")
    return Or(flat) if len(flat) > 1 else flat[0]


def negate(part: Node) -> Node:
    """Return what `part` does not keep."""
    return part.part if isinstance(part, Not) else Not(part)


def leaves(node: Node) -> Iterator[Leaf]:
    """Yield the conditions of a tree, from left to right."""
    if isinstance(node, Not):
        yield from leaves(node.part)
    elif isinstance(node, And | Or):
        for part in node.parts:
            yield from leaves(part)
    else:
        yield node


def named(field: str) -> str:
    """Return the head of a condition: ``field:``, nothing for a bare word."""
    return f"{field}:" if field else ""


def stands_alone(char: str, after_field: bool = False) -> bool:
    """Return whether a character needs no quotes in the middle of a value; a colon only after ``field:``."""
    return bool(PLAIN.match(char)) or (char == ":" and after_field) or (not char.isascii() and not char.isspace())


def quoted_value(value: str, after_field: bool = True) -> str:
    """Write a value so that it is read again as the same text, never as wildcards."""
    plain = value and value[0] not in HEADS and value not in OPERATORS
    if plain and all(stands_alone(char, after_field) for char in value):
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def _with_wildcards(pattern: str, after_field: bool) -> str:
    return "".join(
        char if not own or (stands_alone(char, after_field) and char not in HEADS) else f"\\{char}"
        for char, own in pieces(pattern)
    )


def _grouped(node: Node) -> str:
    return f"({node})" if isinstance(node, And) or (isinstance(node, Or) and not _one_field(node)) else str(node)


def _one_field(node: Or) -> str:
    """Return the field that all parts ask for a value, ``""`` where they ask several or none."""
    fields = {part.field if isinstance(part, _Valued) else "" for part in node.parts}
    return fields.pop() if len(fields) == 1 else ""


def _value(node: Node) -> str:
    assert isinstance(node, _Valued)
    return node.value()
