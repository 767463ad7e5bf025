"""Queries that were asked, with back and forward; and queries that are kept under a name."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

import msgspec

from workstation.services.errors import Invalid
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.language import parse

#: Queries that one sitting remembers.
REMEMBERED = 200
#: Characters of a name, and names on one shelf.
MAX_NAME = 80
MAX_SAVED = 500
Owner: TypeAlias = Literal["person", "procedure"]


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


class Shelf(msgspec.Struct, frozen=True):
    """Where saved queries are kept: a person's own, or those of a procedure, which all see who follow it."""

    owner: Owner
    of: str


class SavedQuery(msgspec.Struct, frozen=True):
    """A query under a name. ``text`` is what is typed, so that it stays readable when the language grows."""

    shelf: Shelf
    name: str
    text: str

    def query(self) -> Query:
        """Return what it asks. Raises QueryError: it was written by another version."""
        return parse(self.text)


class SavedQueries(Protocol):
    """Keeps queries under names, each once a shelf."""

    async def list(self, shelf: Shelf) -> tuple[SavedQuery, ...]:
        """Return the queries of a shelf, by name."""
        ...

    async def save(self, saved: SavedQuery) -> None:
        """Keep a query; one of the same name gives way to it.

        Raises:
            Invalid: it has no name or no text that can be read, or the shelf is full.
        """
        ...

    async def delete(self, shelf: Shelf, name: str) -> None:
        """Forget a query; one that is not there is no error."""
        ...


def checked(saved: SavedQuery) -> SavedQuery:
    """Return a query as it is kept: name without blanks around it, text as the language writes it.

    Raises:
        Invalid: the name is empty or too long, or the text cannot be read or asks for everything.
    """
    name = saved.name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"A saved query needs a name of at most {MAX_NAME} characters.", "Type a short name.")
    query = parse(saved.text)
    if not query:
        raise Invalid("This query asks for everything; there is nothing to save.", "Type a query first.")
    return SavedQuery(saved.shelf, name, str(query))


class QueriesInMemory:
    """Keeps queries until it is dropped: for one sitting, where nothing else is there to keep them."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Shelf, str], SavedQuery] = {}

    async def list(self, shelf: Shelf) -> tuple[SavedQuery, ...]:
        """Return the queries of a shelf, by name."""
        mine = [saved for saved in self._kept.values() if saved.shelf == shelf]
        return tuple(sorted(mine, key=lambda saved: (saved.name.casefold(), saved.name)))

    async def save(self, saved: SavedQuery) -> None:
        """Keep a query; one of the same name gives way to it. Raises Invalid."""
        kept = checked(saved)
        key = (kept.shelf, kept.name)
        if key not in self._kept and sum(shelf == kept.shelf for shelf, _ in self._kept) >= MAX_SAVED:
            raise Invalid(f"At most {MAX_SAVED} queries are saved here.", "Delete one first.")
        self._kept[key] = kept

    async def delete(self, shelf: Shelf, name: str) -> None:
        """Forget a query."""
        self._kept.pop((shelf, name), None)
