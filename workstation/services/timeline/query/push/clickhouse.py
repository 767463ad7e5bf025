"""Into a WHERE of ClickHouse with its own bound parameters (``{q0:String}``; over HTTP ``param_q0=…``).

``match`` is RE2 over any part of a value, hence the anchors; RE2 knows nothing of bytes that are no UTF-8, so what
holds such bytes is always in the upper bound. Every condition is two-valued by ``ifNull``.
Source: ClickHouse docs, "Functions for searching in strings: match", "HTTP interface: queries with parameters".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from workstation.services.timeline.query import addresses
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.patterns import literal
from workstation.services.timeline.query.push.bounds import Bounds, Column, Pushed, Stored, push
from workstation.services.timeline.query.push.expressions import ASCII_ONLY, shared
from workstation.services.timeline.query.push.sql import Sql, Value, Where

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\0": "\\0"})


class ClickHouse(Sql):
    """Conditions for ClickHouse. Times are ``DateTime64`` of whatever scale, or ``DateTime``."""

    def named(self, name: str, value: Value) -> str:
        """Return ClickHouse's placeholder."""
        return f"{{{name}:{'Int64' if isinstance(value, int) else 'String'}}}"

    def present(self, column: Column) -> str:
        """Return a value that is neither NULL nor empty."""
        if column.stored is not Stored.TEXT:
            return f"isNotNull({_name(column)})"
        return f"({_text(column)} != '')"

    def same(self, column: Column, text: str) -> str:
        """Return ``=``."""
        return f"({_text(column)} = {self.at(text)})"

    def spelled(self, column: Column, regex: str) -> str:
        """Return ``match`` of the whole value."""
        return f"match({_text(column)}, {self.at(f'(?s)^(?:{regex})$')})"

    def unseen(self, column: Column, pattern: str, found: str) -> str | bool:
        """Return what matches, or is no UTF-8: that is read with U+FFFD in place of its bytes."""
        if literal(pattern) is not None and "\ufffd" not in pattern:
            return found
        return f"({found} OR NOT isValidUTF8({_text(column)}))"

    def expression(self, column: Column, source: str) -> Bounds[str]:
        """Return ``match`` for values of ASCII; the others cannot be told."""
        if not shared(source):
            return (False, True)
        text = _text(column)
        ours = f"(match({text}, {self.at(f'(?is)^(?:{source})$')}) AND {text} != '')"
        ascii_only = f"match({text}, {self.at(ASCII_ONLY)})"
        return f"({ours} AND {ascii_only})", f"({ours} OR NOT {ascii_only})"

    def within(self, column: Column, network: str) -> Bounds[str]:
        """Return ``isIPAddressInRange``, for an IPv4 network as IPv6, too."""
        both = [one for one in (network, addresses.as_ipv6(network)) if one]
        text = f"toString({_name(column)})"
        found = self._any([f"ifNull(isIPAddressInRange({text}, {self.at(one)}), 0)" for one in both])
        return (False if ":" in network else found), found

    def compared(self, column: Column, low: str | None, high: str | None, closed: tuple[bool, bool]) -> Bounds[str]:
        """Return comparisons with a number that is read on the other side."""
        name = _name(column)
        found = self.together(
            [
                *([f"ifNull({name} >{'=' * closed[0]} {self._numeral(low)}, 0)"] if low is not None else []),
                *([f"ifNull({name} <{'=' * closed[1]} {self._numeral(high)}, 0)"] if high is not None else []),
            ]
        )
        return found, found

    def _numeral(self, text: str) -> str:
        return self.at(int(text)) if "." not in text else f"toFloat64({self.at(text)})"

    def timed(self, column: Column, low_us: int | None, high_us: int | None) -> str | bool:
        """Return comparisons with microseconds since the epoch."""
        name = _name(column)
        return self.together(
            [
                *([f"ifNull({name} >= {self._moment(low_us)}, 0)"] if low_us is not None else []),
                *([f"ifNull({name} < {self._moment(high_us)}, 0)"] if high_us is not None else []),
            ]
        )

    def _moment(self, us: int) -> str:
        return f"fromUnixTimestamp64Micro({self.at(us)})"


def _name(column: Column) -> str:
    return "`" + re.sub(r"([\\`])", r"\\\1", column.name) + "`"


def _text(column: Column) -> str:
    return f"ifNull({_name(column)}, '')"


def over_http(parameters: Mapping[str, Value]) -> dict[str, str]:
    """Return parameters as the HTTP interface reads them: ``param_`` names, values in TSV's escapes."""
    return {f"param_{name}": str(value).translate(_ESCAPES) for name, value in parameters.items()}


def where(query: Query, columns: Mapping[str, Column], now_us: int) -> Pushed[Where]:
    """Return a query as a WHERE of ClickHouse; texts are ``String``, also LowCardinality or Nullable."""
    language = ClickHouse(columns)
    pushed = push(query, language, now_us)
    condition = None if pushed.condition is None else language.where(pushed.condition)
    return Pushed(condition, pushed.nothing, pushed.exact, pushed.local)
