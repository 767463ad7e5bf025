"""Queries that were asked, with back and forward."""

from __future__ import annotations

from workstation.services.timeline.query.ast import Query

#: Queries that one sitting remembers.
REMEMBERED = 200


class History:
    """The queries of one sitting, like a browser's pages: after going back, a new one drops what was ahead.

    Args:
        first: the query in force at the beginning.
    """

    def __init__(self, first: Query | None = None) -> None:
        self._asked = [first or Query()]
        self._place = 0

    @property
    def query(self) -> Query:
        """The query in force."""
        return self._asked[self._place]

    @property
    def asked(self) -> tuple[Query, ...]:
        """All that are remembered, oldest first."""
        return tuple(self._asked)

    @property
    def place(self) -> int:
        """The place of the query in force among them."""
        return self._place

    def ask(self, query: Query) -> None:
        """Put another query in force. The one that is in force already leaves no second trace."""
        if query == self.query:
            return
        del self._asked[self._place + 1 :]
        self._asked.append(query)
        del self._asked[:-REMEMBERED]
        self._place = len(self._asked) - 1

    def back(self) -> bool:
        """Put the query before in force; False where there is none."""
        return self.go(self._place - 1)

    def forward(self) -> bool:
        """Put the query after in force; False where there is none."""
        return self.go(self._place + 1)

    def go(self, place: int) -> bool:
        """Put the query at `place` in force; False where there is none."""
        if not 0 <= place < len(self._asked):
            return False
        self._place = place
        return True
