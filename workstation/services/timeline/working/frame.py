"""What queries, marks and views see of a working set: columns of codes, each with its distinct values.

A *row* is the number of an event in the order in which events came, from 0; it never changes. A *mask* says of every
row whether it is meant. A *code* is the place of a value among the distinct values of its field; code 0 is the absent
value ``""``. So a question about a million events is a question about a few thousand distinct values, and one lookup.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

#: One flag a row, or one a distinct value.
Mask: TypeAlias = npt.NDArray[np.bool_]
#: One instant a row: microseconds since the epoch, UTC.
Times: TypeAlias = npt.NDArray[np.int64]
#: One code a row; as narrow an unsigned type as the number of distinct values allows.
Codes: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]
#: Numbers of rows.
Rows: TypeAlias = npt.NDArray[np.int32]


class Values(Protocol):
    """The distinct values of one field, each once. Code 0 is ``""``. Upper and lower case are the same in questions."""

    def __len__(self) -> int:
        """Return how many there are, the absent one included."""
        ...

    def __getitem__(self, code: int) -> str:
        """Return the value of a code, as it came."""
        ...

    def equal(self, text: str) -> Mask:
        """Return which values are `text`, case folded."""
        ...

    def containing(self, text: str) -> Mask:
        """Return in which values `text` occurs, case folded. All of them contain ``""``."""
        ...

    def latest(self, text: str, enough: int, check: Check = ...) -> list[int]:
        """Return the codes of the last `enough` values in which `text` occurs, case folded, the last of them first."""
        ...

    def fullmatch(self, pattern: str) -> Mask:
        """Return which whole values a regular expression matches, case folded, in time linear in the values (RE2).

        Raises:
            Invalid: it is no expression of RE2, or too large a one.
        """
        ...

    def where(self, test: Callable[[str], bool]) -> Mask:
        """Return for which values `test` is true; asked once a distinct value, so it may be slow-ish, not blocking."""
        ...


class Frame(Protocol):
    """Events as columns. What was returned stays valid while more events come: it is about the rows there were."""

    def __len__(self) -> int:
        """Return how many rows there are."""
        ...

    def times(self) -> Times:
        """Return when each event happened."""
        ...

    def ingested(self) -> Times:
        """Return when its store took each event in; 0 where it did not say."""
        ...

    def codes(self, field: str) -> Codes:
        """Return each row's code of an ECS field of :data:`~workstation.services.timeline.event.FIELDS`.

        Raises:
            KeyError: there is no such field.
        """
        ...

    def values(self, field: str) -> Values:
        """Return the distinct values of an ECS field. Raises KeyError."""
        ...


class Cancelled(Exception):
    """Nobody wants the answer any more."""


#: Asked between steps of long work; raises Cancelled.
Check: TypeAlias = Callable[[], None]


def never() -> None:
    """Return: nobody cancels this."""
