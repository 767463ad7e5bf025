"""Where a cursor goes when the order of a list changes: nowhere, as long as its record is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

K = TypeVar("K")

#: Neighbours that are looked at when the record itself is gone.
NEAR = 64


def heir(keys: Sequence[K], was: Sequence[K], at: int, cursor: K) -> int:
    """Return the place in `keys` of `cursor`, or of the nearest record that followed it in `was`, else preceded it.

    Args:
        keys: the new order, not empty.
        was: the old order.
        at: the place of `cursor` in the old order.
        cursor: the record.
    """
    if at < len(keys) and keys[at] == cursor:
        return at
    try:
        return keys.index(cursor)
    except ValueError:
        # An order that finds its ids by itself is asked; a list would be walked for each.
        here = set(keys) if isinstance(keys, list | tuple) else keys
    near = (*was[at + 1 : at + NEAR], *reversed(was[max(0, at - NEAR) : at]))
    return next((keys.index(key) for key in near if key in here), min(at, len(keys) - 1))
