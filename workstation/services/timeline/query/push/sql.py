"""What the two SQL languages share: parts with parameters, never a value in the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from workstation.services.timeline.query.push.bounds import Column, Language

Value: TypeAlias = str | int


class Where(msgspec.Struct, frozen=True):
    """A condition in SQL and its parameters by name."""

    sql: str
    parameters: dict[str, Value]


class Sql(Language[str]):
    """Conditions as texts; values are put aside under names of their own."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        super().__init__(columns)
        self._names: dict[Value, str] = {}

    def bound(self, value: Value) -> str:
        """Put a value aside and return the name of its parameter."""
        return self._names.setdefault(value, f"q{len(self._names)}")

    def where(self, sql: str) -> Where:
        """Return a condition with the parameters that it names."""
        return Where(sql, {name: value for value, name in self._names.items() if self.named(name, value) in sql})

    def named(self, name: str, value: Value) -> str:
        """Return a parameter as it stands in the text."""
        raise NotImplementedError

    def at(self, value: Value) -> str:
        """Put a value aside and return what stands for it in the text."""
        return self.named(self.bound(value), value)

    def all_of(self, parts: Sequence[str]) -> str:
        """Return ``AND``."""
        return f"({' AND '.join(parts)})"

    def any_of(self, parts: Sequence[str]) -> str:
        """Return ``OR``."""
        return f"({' OR '.join(parts)})"

    def negation(self, part: str) -> str:
        """Return ``NOT``."""
        return f"NOT {part}"
