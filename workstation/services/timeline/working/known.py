"""Which events are there already: source and id of each, exactly, in a few bytes an event."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workstation.services.timeline.working.growing import Growing

_MULTIPLY = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Knuth, The Art of Computer Programming 3, 6.4
_HALF = np.uint64(32)
#: Longer ids are told apart by their first and last bytes, then one by one.
_HEAD, _TAIL = 192, 64
#: Slots that the table has at least.
_LEAST = 4096

Hashes = npt.NDArray[np.uint32]
_NOTHING: tuple[Hashes | None, Hashes] = None, np.zeros(0, np.uint32)


def hashes_of(data: bytes, ends: npt.NDArray[np.int64], sources: npt.NDArray[np.unsignedinteger]) -> Hashes:
    """Return a number of 32 bits for each id and source. Equal ones have equal numbers; others may.

    Args:
        data: ids as :func:`~workstation.services.timeline.working.arena.joined` made them.
        ends: where each ends.
        sources: the code of each event's source.
    """
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
    lengths = ends - starts
    found = np.empty(len(ends), np.uint64)
    octets = np.frombuffer(data, np.uint8)
    if len(ends) and (lengths == lengths[0]).all() and lengths[0] <= _HEAD:
        length = int(lengths[0])
        words = np.zeros((len(ends), _padded(length)), np.uint8)
        words[:, :length] = octets.reshape(-1, length + 1)[:, :-1]
        found = _mixed(words.view(np.uint64), lengths)
    else:
        for size in np.unique((np.minimum(lengths, _HEAD) + 7) // 8 * 8).tolist():
            rows = np.flatnonzero((np.minimum(lengths, _HEAD) + 7) // 8 * 8 == size)
            found[rows] = _gathered(octets, starts[rows], ends[rows], max(size, 8))
    found = (found ^ sources) * _MULTIPLY
    return (found >> _HALF).astype(np.uint32)


def _padded(length: int) -> int:
    return max(8, (length + 7) // 8 * 8)


def _gathered(
    octets: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], size: int
) -> npt.NDArray[np.uint64]:
    lengths = ends - starts
    places = np.arange(size)
    words = octets.take(starts[:, None] + places, mode="clip")
    words[places >= lengths[:, None]] = 0
    found = _mixed(words.view(np.uint64), lengths)
    long = np.flatnonzero(lengths > _HEAD)
    if len(long):
        tail = octets[np.maximum(ends[long] - _TAIL, 0)[:, None] + np.arange(_TAIL)]
        found[long] ^= _mixed(tail.view(np.uint64), lengths[long])
    return found


def _mixed(words: npt.NDArray[np.uint64], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    found = lengths.astype(np.uint64)
    for column in words.T:
        found = (found ^ column) * _MULTIPLY
        found ^= found >> _HALF
    return found


class Known:
    """Rows by hash: a table of open addresses (Knuth 3, 6.4), filled and asked for many rows at a time."""

    def __init__(self) -> None:
        self._hashes = Growing(np.uint32)
        # Row number + 1; 0 where a slot is free.
        self._table = np.zeros(_LEAST, np.uint32)
        self._looked_for = _NOTHING

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return self._hashes.nbytes + self._table.nbytes

    def candidates(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        """Return for each hash the first row that has it, or -1."""
        last = np.uint32(len(self._table) - 1)
        known = self._hashes.view()
        found = np.full(len(hashes), -1, np.int64)
        slots, pending = hashes & last, np.arange(len(hashes))
        while len(pending):
            rows = self._table[slots[pending]]
            taken = np.flatnonzero(rows)
            pending, rows = pending[taken], rows[taken] - np.uint32(1)
            same = known[rows] == hashes[pending]
            if same.any():
                found[pending[same]] = rows[same]
                pending = pending[~same]
            slots[pending] = (slots[pending] + np.uint32(1)) & last
        # Where it ended at a free slot, that is where the hash belongs.
        self._looked_for = hashes, slots
        return found

    def rows(self, one: int) -> list[int]:
        """Return every row that has a hash."""
        found, known = [], self._hashes.view()
        slot = one & (len(self._table) - 1)
        while row := int(self._table[slot]):
            if known[row - 1] == one:
                found.append(row - 1)
            slot = (slot + 1) & (len(self._table) - 1)
        return found

    def extend(self, hashes: Hashes) -> None:
        """Add the hashes of the next rows; quicker after :meth:`candidates` of the same, of which none was there."""
        first = len(self._hashes)
        self._hashes.extend(hashes)
        known, slots = self._looked_for
        self._looked_for = _NOTHING
        if len(self._hashes) * 2 > len(self._table):
            size = len(self._table)
            while size < len(self._hashes) * 2:
                size *= 2
            self._table = np.zeros(size, np.uint32)
            first = 0
        if known is not hashes or first == 0:
            hashes = self._hashes.view()[first:]
            slots = hashes & np.uint32(len(self._table) - 1)
        self._insert(slots, first)

    def _insert(self, slots: npt.NDArray[np.uint32], first: int) -> None:
        """Put rows into slots, or the next free ones after them."""
        table, last = self._table, np.uint32(len(self._table) - 1)
        names, pending = np.arange(first + 1, first + 1 + len(slots), dtype=np.uint32), np.arange(len(slots))
        while len(pending):
            free = pending[table[slots[pending]] == 0]
            # Of several that want one slot the last one written has it.
            table[slots[free]] = names[free]
            pending = pending[table[slots[pending]] != names[pending]]
            slots[pending] = (slots[pending] + np.uint32(1)) & last
