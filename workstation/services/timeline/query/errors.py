"""The one error of a query that cannot be read, and the bounds beyond which none is read.

The bounds keep a hostile or careless query from costing more than a person would wait for: reading is linear in the
text, and asking is a bounded number of steps over distinct values, between which it can be cancelled.
"""

from __future__ import annotations

from workstation.services.errors import Invalid

#: Characters of a query.
MAX_TEXT = 20_000
#: Conditions in a query: far more than a person types, and a list of addresses still fits.
MAX_TERMS = 1_000
#: Brackets within brackets.
MAX_DEPTH = 50
#: Characters of one regular expression.
MAX_REGEX = 500
#: ``*`` and ``?`` in one value, and in a whole query.
MAX_WILDCARDS = 50
MAX_ALL_WILDCARDS = 1_000


class QueryError(Invalid):
    """A query that cannot be read.

    Attributes:
        text: the query as it was typed, so that nothing typed is lost.
        column: the place of the first character at fault, from 0; within `text`, 0 for an empty one.
        length: how many characters are at fault, at least 1.
    """

    def __init__(self, what: str, text: str, column: int, length: int = 1, hint: str = "") -> None:
        super().__init__(what, hint)
        self.text = text
        self.column = max(0, min(column, len(text) - 1))
        self.length = max(1, min(length, len(text) - self.column))

    def pointer(self) -> str:
        """Return the line that goes under the text: blanks, then a ``^`` for each character at fault."""
        return " " * self.column + "^" * self.length
