"""A Merkle tree over the checkpoints so far, with the proofs that witnesses and auditors ask for (RFC 6962, 2.1).

The hashes and the root that a path leads to are in :mod:`workstation.services.audit.offline`, which verifies alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from workstation.services.audit.offline import Refuted, leaf_hash, node_hash, root_by

__all__ = ["Tree", "leaf_hash", "node_hash", "root_by", "verify_consistency"]


class Tree:
    """All leaves' hashes in memory, level by level: 64 bytes a checkpoint, 7 MB for a year."""

    def __init__(self) -> None:
        #: levels[k][i] is the root of the leaves i * 2**k to (i + 1) * 2**k; only whole ones are kept.
        self._levels: list[list[bytes]] = [[]]

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0])

    def add(self, leaf: bytes) -> None:
        """Take the next leaf."""
        hash_, level = leaf_hash(leaf), 0
        while True:
            if level == len(self._levels):
                self._levels.append([])
            row = self._levels[level]
            row.append(hash_)
            if len(row) % 2:
                return
            hash_, level = node_hash(row[-2], row[-1]), level + 1

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the first `size` leaves, by default of all."""
        size = self.size if size is None else size
        return self._root(0, size) if size else hashlib.sha256().digest()

    def _root(self, start: int, end: int) -> bytes:
        """Return the root of the leaves from `start`, a multiple of a power of two that is not below their number."""
        count = end - start
        if count & (count - 1) == 0:
            level = count.bit_length() - 1
            return self._levels[level][start >> level]
        middle = start + _split(count)
        return node_hash(self._root(start, middle), self._root(middle, end))

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the path of leaf `index` in the tree of the first `size` leaves, lowest first (RFC 6962, 2.1.1).

        Raises:
            ValueError: there is no such leaf.
        """
        size = self.size if size is None else size
        if not 0 <= index < size <= self.size:
            raise ValueError(f"no leaf {index} in {size} of {self.size}")
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._root(middle, end))
                end = middle
            else:
                path.append(self._root(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the first `old` leaves are the start of the first `size` (RFC 6962, 2.1.2).

        Raises:
            ValueError: there are not so many leaves.
        """
        size = self.size if size is None else size
        if not 0 <= old <= size <= self.size:
            raise ValueError(f"no {old} leaves in {size} of {self.size}")
        if old in (0, size):
            return []
        path: list[bytes] = []
        start, end, whole = 0, size, True
        while old - start != end - start:
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self._root(middle, end))
                end = middle
            else:
                path.append(self._root(start, middle))
                start, whole = middle, False
        return ([] if whole else [self._root(start, end)]) + path[::-1]


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def verify_consistency(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Raise unless a proof shows that the tree of `size` leaves goes on from the one of `old` (RFC 9162, 2.1.4.2).

    Raises:
        Refuted: it does not. From an empty tree nothing needs to be shown, and a proof is refused.
    """
    if not 0 <= old <= size:
        raise Refuted("the tree shrank")
    if old in (0, size):
        if proof or (old == size and old_root != root):
            raise Refuted("the roots of one size differ" if not proof else "there is nothing to prove")
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise Refuted("the proof is too short")
    before, last = old - 1, size - 1
    while before & 1:
        before, last = before >> 1, last >> 1
    first = second = path[0]
    for step in path[1:]:
        if last == 0:
            raise Refuted("the proof is too long")
        if before & 1 or before == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not before & 1 and before:
                before, last = before >> 1, last >> 1
        else:
            second = node_hash(second, step)
        before, last = before >> 1, last >> 1
    if last or first != old_root or second != root:
        raise Refuted("the tree does not go on from the one before")
