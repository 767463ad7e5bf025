"""An array that grows at its end; what was handed out before stays as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

#: Room that a new array has at least.
_LEAST = 1024


class Growing:
    """Numbers of one type, one after the other; amortised constant time a number.

    Args:
        dtype: how each is kept at first. Unsigned ones widen when a larger number comes.
    """

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._room = np.empty(0, dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def item(self, place: int) -> int:
        """Return one of them; which ones there are is the caller's to know."""
        return int(self._room.item(place))

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return self._room.nbytes

    def view(self) -> npt.NDArray[Any]:
        """Return the numbers there are, not to be written to. It never changes, whatever comes later."""
        view = self._room[: self._count]
        view.flags.writeable = False
        return view

    def extend(self, numbers: npt.NDArray[Any], largest: int = 0) -> None:
        """Add numbers at the end.

        Args:
            numbers: to add.
            largest: what all of them fit below or at; widens the array where it must.
        """
        self._make_room(len(numbers), largest)
        self._room[self._count : self._count + len(numbers)] = numbers
        self._count += len(numbers)

    def fill(self, number: int, count: int) -> None:
        """Add one number several times."""
        self._make_room(count, number)
        self._room[self._count : self._count + count] = number
        self._count += count

    def _make_room(self, count: int, largest: int) -> None:
        # Never in place: a view that somebody holds is of the old array, and only what it does not show is written.
        dtype = self._room.dtype
        if dtype.kind == "u" and largest > np.iinfo(dtype).max:
            dtype = np.min_scalar_type(largest)
        needed = self._count + count
        if dtype == self._room.dtype and needed <= len(self._room):
            return
        size = len(self._room) if needed <= len(self._room) else max(_LEAST, needed, len(self._room) * 3 // 2)
        room = np.empty(size, dtype)
        room[: self._count] = self._room[: self._count]
        self._room = room
