"""Conditions on addresses as networks, which every store with a type of addresses understands."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from workstation.services.timeline.query import addresses
from workstation.services.timeline.query.ast import Leaf, Match, Network, Range
from workstation.services.timeline.query.conditions import address_of

#: A span of addresses that is more networks than this is finished locally.
MAX_NETWORKS = 64


def networks_of(leaf: Leaf) -> Sequence[str] | None:
    """Return the networks whose addresses a condition keeps, in order; None for one that is about texts.

    None, too, for a span that is too many networks; no networks for a span that is empty.
    """
    if isinstance(leaf, Network):
        return (leaf.network,)
    if isinstance(leaf, Match):
        address = address_of(leaf)
        return None if address is None else (f"{addresses.spelled(address)}/{len(address) * 8}",)
    return _of_range(leaf) if isinstance(leaf, Range) else None


def _of_range(leaf: Range) -> Sequence[str] | None:
    low, high = (None if end is None else addresses.packed(end) for end in (leaf.low, leaf.high))
    size = len(low or high or b"")
    first = int.from_bytes(low, "big") + (not leaf.with_low) if low else 0
    last = int.from_bytes(high, "big") - (not leaf.with_high) if high else (1 << size * 8) - 1
    if first > last or first >> size * 8:
        return ()
    kind = ipaddress.IPv4Address if size == 4 else ipaddress.IPv6Address
    found: list[str] = []
    for network in ipaddress.summarize_address_range(kind(first), kind(last)):
        found.append(str(network))
        if len(found) > MAX_NETWORKS:
            return None
    return found
