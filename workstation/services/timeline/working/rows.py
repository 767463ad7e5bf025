"""Rows of a timeline as a screen is given them."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from workstation.services.timeline.event import Event
from workstation.services.timeline.source import Gap

#: An event's row number, or the name of a fold or a gap.
Key: TypeAlias = int | str


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """An event by itself, without its raw record. `inside` is the key of the opened fold that it belongs to, or ``""``.

    ``key`` is its row number in the working set.
    """

    key: int
    event: Event
    inside: str = ""


class FoldRow(msgspec.Struct, frozen=True):
    """Events that belong together and follow each other.

    ``session`` is theirs, ``""`` for a burst. ``first`` and ``last`` are the oldest and the newest of them, without
    their raw records; ``actions`` are their actions with how often each occurred, most often first; ``opened`` says
    that the events follow as rows.
    """

    key: str
    session: str
    count: int
    first: Event
    last: Event
    actions: tuple[tuple[str, int], ...]
    opened: bool = False


class GapRow(msgspec.Struct, frozen=True):
    """A span for which a source gave nothing."""

    key: str
    gap: Gap


Row: TypeAlias = EventRow | FoldRow | GapRow


class Buckets(msgspec.Struct, frozen=True):
    """How events lie in time: counts for each of some equal spans.

    ``passing`` are the events that the query keeps, ``every`` all, ``marked`` those that rules marked and the query
    keeps. They lie between ``since_us`` and ``until_us``, microseconds since the epoch; ``width_us`` is how long a
    span is.
    """

    passing: tuple[int, ...] = ()
    every: tuple[int, ...] = ()
    marked: tuple[int, ...] = ()
    since_us: int = 0
    until_us: int = 1
    width_us: int = 1
