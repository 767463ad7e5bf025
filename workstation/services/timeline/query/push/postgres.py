"""Into a WHERE of PostgreSQL with psycopg's named parameters (``%(q0)s``).

``"user" ~ …`` is PostgreSQL's own expression syntax (9.7.3); it is about any part of a value, hence the anchors. Every
condition is two-valued by ``coalesce``. An ``inet`` may carry a mask, which makes its text no address for us.
"""

from __future__ import annotations

from collections.abc import Mapping

from workstation.services.clock import from_micros
from workstation.services.timeline.query import addresses
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.push.bounds import Bounds, Column, Pushed, Stored, push
from workstation.services.timeline.query.push.sql import Sql, Value, Where


class Postgres(Sql):
    """Conditions for psycopg. ``%`` in a name is doubled, as psycopg wants it."""

    def named(self, name: str, value: Value) -> str:
        """Return psycopg's placeholder."""
        return f"%({name})s"

    def present(self, column: Column) -> str:
        """Return a value that is neither NULL nor empty."""
        if column.stored is not Stored.TEXT:
            return f"({_name(column)} IS NOT NULL)"
        return f"({_text(column)} <> '')"

    def same(self, column: Column, text: str) -> str:
        """Return ``=``."""
        return f"({_text(column)} = {self.at(text)}::text)"

    def spelled(self, column: Column, regex: str) -> str:
        """Return ``~``; without newline modes a dot is any character there."""
        return f"({_text(column)} ~ {self.at(f'^(?:{regex})$')}::text)"

    def within(self, column: Column, network: str) -> Bounds[str]:
        """Return ``<<=``, for an IPv4 network as IPv6, too."""
        name = _name(column)
        both = [one for one in (network, addresses.as_ipv6(network)) if one]
        found = self._any([f"coalesce({name} <<= {self.at(one)}::inet, FALSE)" for one in both])
        bare = f"coalesce({name} = host({name})::inet, FALSE)"
        return (False if ":" in network else self.together([found, bare])), found

    def compared(self, column: Column, low: str | None, high: str | None, closed: tuple[bool, bool]) -> Bounds[str]:
        """Return comparisons with ``numeric``."""
        name = _name(column)
        found = self.together(
            [
                *([f"({name} >{'=' * closed[0]} {self.at(low)}::numeric)"] if low is not None else []),
                *([f"({name} <{'=' * closed[1]} {self.at(high)}::numeric)"] if high is not None else []),
            ]
        )
        two_valued = f"coalesce({found}, FALSE)"
        return two_valued, two_valued

    def timed(self, column: Column, low_us: int | None, high_us: int | None) -> str | bool:
        """Return comparisons with ``timestamptz``."""
        name = _name(column)
        found = self.together(
            [
                *([f"({name} >= {self.at(_instant(low_us))}::timestamptz)"] if low_us is not None else []),
                *([f"({name} < {self.at(_instant(high_us))}::timestamptz)"] if high_us is not None else []),
            ]
        )
        return f"coalesce({found}, FALSE)"


def _name(column: Column) -> str:
    return '"' + column.name.replace('"', '""').replace("%", "%%") + '"'


def _text(column: Column) -> str:
    return f"coalesce({_name(column)}::text, '')"


def _instant(us: int) -> str:
    return from_micros(us).isoformat()


def where(query: Query, columns: Mapping[str, Column], now_us: int) -> Pushed[Where]:
    """Return a query as a WHERE of PostgreSQL; times are ``timestamptz``."""
    language = Postgres(columns)
    pushed = push(query, language, now_us)
    condition = None if pushed.condition is None else language.where(pushed.condition)
    return Pushed(condition, pushed.nothing, pushed.exact, pushed.local)
