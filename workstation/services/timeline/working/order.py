"""The order of a timeline: newest first, then by source, then as they came; kept while rows come in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workstation.services.timeline.working.frame import Rows, Times
from workstation.services.timeline.working.growing import Growing

#: The last bits of a key are the source's place, which decides between events of the same microsecond.
_FEED_BITS = 8
#: What is left for the time: from the year 828 to 3111. Beyond, only the order of arrival decides.
_FURTHEST = 2 ** (63 - _FEED_BITS) - 1
#: Rows that wait before a merge is worth it: one costs in proportion to all rows.
_FEW, _PART = 16_384, 16


class Order:
    """Row numbers newest first. Rows are merged many at a time: whoever asks pays for what waits."""

    def __init__(self) -> None:
        self._rows = Growing(np.int32)
        self._keys = Growing(np.int64)
        self._waiting: list[npt.NDArray[np.int64]] = []
        self._waits = 0

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return self._rows.nbytes + self._keys.nbytes + 8 * self._waits

    def extend(self, times: Times, feed: int) -> None:
        """Add the next rows of one source.

        Args:
            times: when they happened, microseconds.
            feed: the source's place among the sources; from the 255th on all are the same.
        """
        keys = -np.clip(times, -_FURTHEST, _FURTHEST) << _FEED_BITS
        self._waiting.append(keys | min(feed, 2**_FEED_BITS - 1))
        self._waits += len(times)
        if self._waits >= max(_FEW, len(self._rows) // _PART):
            self.settle()

    def settle(self) -> Rows:
        """Put every row in its place and return them all."""
        if self._waits:
            keys = np.concatenate(self._waiting)
            self._waiting, self._waits = [], 0
            first = len(self._rows)
            sort = np.argsort(keys, kind="stable")
            self._merge(keys[sort], (sort + first).astype(np.int32))
        return self._rows.view()

    def _merge(self, keys: npt.NDArray[np.int64], rows: npt.NDArray[np.int32]) -> None:
        had = self._keys.view()
        # Rows that came before stand before new ones of the same time and source.
        places = np.searchsorted(had, keys, side="right")
        if places[0] == len(had):
            self._keys.extend(keys)
            self._rows.extend(rows)
            return
        places += np.arange(len(keys))
        old = np.ones(len(had) + len(keys), np.bool_)
        old[places] = False
        self._keys = _merged(had, keys, places, old)
        self._rows = _merged(self._rows.view(), rows, places, old)


def _merged(
    had: npt.NDArray[Any], new: npt.NDArray[Any], places: npt.NDArray[np.intp], old: npt.NDArray[np.bool_]
) -> Growing:
    both = np.empty(len(old), had.dtype)
    both[places] = new
    both[old] = had
    merged = Growing(had.dtype)
    merged.extend(both)
    return merged
