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
