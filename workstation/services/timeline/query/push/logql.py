"""Into LogQL of Grafana Loki: label filters that go after ``| json`` or ``| logfmt``.

A label that is not there is the empty text, as with us. LogQL has no ``not``: it goes down to the operators. Times are
the query's own start and end, so they are not pushed here (:func:`..edit.span` says them).
Source: Grafana Loki docs, "LogQL: label filter expression", "Matching IP addresses". Strings are Go's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.push.bounds import Bounds, Column, Language, Pushed, push
from workstation.services.timeline.query.push.expressions import ASCII_ONLY, in_quotes, shared

#: What may be a label (Prometheus data model). A field of another name cannot be asked.
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPPOSITE = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}
_MAPPED = ".*[fF][fF][fF][fF]:.*"


class Filter(msgspec.Struct, frozen=True):
    """One label compared: ``label="value"``. ``value`` is written already."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{self.value}"


class Joined(msgspec.Struct, frozen=True):
    """Filters that all hold, or of which any does."""

    word: Literal["and", "or"]
    parts: tuple[Filter | Joined, ...]

    def __str__(self) -> str:
        return f"({f' {self.word} '.join(map(str, self.parts))})"


Tree: TypeAlias = Filter | Joined


class LogQL(Language[Tree]):
    """Label filters."""

    def all_of(self, parts: Sequence[Tree]) -> Tree:
        """Return ``and``."""
        return Joined("and", tuple(parts))

    def any_of(self, parts: Sequence[Tree]) -> Tree:
        """Return ``or``."""
        return Joined("or", tuple(parts))

    def negation(self, part: Tree) -> Tree:
        """Return the opposite, down to the operators."""
        if isinstance(part, Filter):
            return Filter(part.label, _OPPOSITE[part.operator], part.value)
        return Joined("or" if part.word == "and" else "and", tuple(map(self.negation, part.parts)))

    def present(self, column: Column) -> Tree:
        """Return a label that is not empty."""
        return Filter(column.name, "!=", '""')

    def same(self, column: Column, text: str) -> Tree:
        """Return ``=``."""
        return Filter(column.name, "=", in_quotes(text))

    def spelled(self, column: Column, regex: str) -> Tree:
        """Return ``=~``, which is about the whole value there."""
        return Filter(column.name, "=~", in_quotes(f"(?s:{regex})"))

    def expression(self, column: Column, source: str) -> Bounds[Tree]:
        """Return ``=~`` for values of ASCII; the others cannot be told."""
        if not shared(source):
            return (False, True)
        ours = self.all_of([Filter(column.name, "=~", in_quotes(f"(?is:{source})")), self.present(column)])
        ascii_only = Filter(column.name, "=~", in_quotes(ASCII_ONLY))
        return self.all_of([ours, ascii_only]), self.any_of([ours, self.negation(ascii_only)])

    def within(self, column: Column, network: str) -> Bounds[Tree]:
        """Return ``ip("…")``, which does not know IPv4 within IPv6."""
        found = Filter(column.name, "=", f"ip({in_quotes(network)})")
        if ":" in network:
            return False, found
        return False, self.any_of([found, self.spelled(column, _MAPPED)])


def label_filter(query: Query, columns: Mapping[str, Column], now_us: int) -> Pushed[str]:
    """Return a query as a label filter: what goes after ``| json |``. Columns that are no labels are left out."""
    labels = {field: column for field, column in columns.items() if _LABEL.fullmatch(column.name)}
    pushed = push(query, LogQL(labels), now_us)
    return Pushed(
        None if pushed.condition is None else str(pushed.condition), pushed.nothing, pushed.exact, pushed.local
    )
