"""Into LogsQL of VictoriaLogs. Tried on recorded answers only: no server of it runs in our tests.

A field that is not there is the empty text, as with us. Expressions are Go's, over any part of a value, hence the
anchors. Source: VictoriaLogs docs, "LogsQL: exact filter, regexp filter, empty value filter, IPv4 range filter, time
filter, logical filter". Strings are Go's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.moments import written
from workstation.services.timeline.query.push.bounds import Bounds, Column, Language, Pushed, Stored, push
from workstation.services.timeline.query.push.expressions import ASCII_ONLY, in_quotes, shared


class LogsQL(Language[str]):
    """Filters of LogsQL. The time is the field ``_time``."""

    def all_of(self, parts: Sequence[str]) -> str:
        """Return ``and``."""
        return f"({' and '.join(parts)})"

    def any_of(self, parts: Sequence[str]) -> str:
        """Return ``or``."""
        return f"({' or '.join(parts)})"

    def negation(self, part: str) -> str:
        """Return ``!``."""
        return f"!{part}"

    def present(self, column: Column) -> str:
        """Return any value."""
        return f"{_name(column)}:*"

    def same(self, column: Column, text: str) -> str:
        """Return the exact filter."""
        return f"{_name(column)}:={in_quotes(text)}"

    def spelled(self, column: Column, regex: str) -> str:
        """Return the regexp filter."""
        return f"{_name(column)}:~{in_quotes(f'(?s)^(?:{regex})$')}"

    def expression(self, column: Column, source: str) -> Bounds[str]:
        """Return the regexp filter for values of ASCII; the others cannot be told."""
        if not shared(source):
            return (False, True)
        ours = self.all_of([f"{_name(column)}:~{in_quotes(f'(?is)^(?:{source})$')}", self.present(column)])
        ascii_only = f"{_name(column)}:~{in_quotes(ASCII_ONLY)}"
        return self.all_of([ours, ascii_only]), self.any_of([ours, self.negation(ascii_only)])

    def timed(self, column: Column, low_us: int | None, high_us: int | None) -> str | bool:
        """Return the time filter."""
        if column.name != "_time" or column.stored is not Stored.TIME:
            return True
        low = [] if low_us is None else [f"_time:>={written(low_us)}"]
        high = [] if high_us is None else [f"_time:<{written(high_us)}"]
        return self.together([*low, *high])


def _name(column: Column) -> str:
    return in_quotes(column.name)


def filters(query: Query, columns: Mapping[str, Column], now_us: int) -> Pushed[str]:
    """Return a query as filters of LogsQL: what goes before the first ``|``."""
    return push(query, LogsQL(columns), now_us)
