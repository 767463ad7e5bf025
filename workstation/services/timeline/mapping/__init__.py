"""Raw records of outside systems into our events, a file a source.

:func:`read_pieces` cuts a stream into records, :func:`map_lines` makes events of them, :func:`map_line` of one.
``docs/mapping.md`` says what each source's fields become. To add a source: a file with ``map_raw`` and a line in
:data:`SOURCES`.
"""

from __future__ import annotations

from collections.abc import Sequence

from workstation.services.clock import Clock, SystemClock, to_micros
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping import (
    auth0,
    cloudtrail,
    duo,
    ecs,
    entra,
    github,
    google,
    jumpcloud,
    keycloak,
    o365,
    ocsf,
    okta,
    onepassword,
    openssh,
    ping,
    slack,
)
from workstation.services.timeline.mapping.reading import read_pieces
from workstation.services.timeline.mapping.records import Mapper, Unmappable, Unmapped

__all__ = ["SOURCES", "Mapper", "Unmapped", "map_line", "map_lines", "read_pieces"]

#: name → what turns a raw record of that source into an event.
SOURCES: dict[str, Mapper] = {
    module.SOURCE: module.map_raw
    for module in (
        auth0,
        cloudtrail,
        duo,
        ecs,
        entra,
        github,
        google,
        jumpcloud,
        keycloak,
        o365,
        ocsf,
        okta,
        onepassword,
        openssh,
        ping,
        slack,
    )
}
_CLOCK: Clock = SystemClock()


def map_line(source: str, raw: bytes, around_us: int | None = None) -> Event | Unmapped:
    """Return the event of one raw record, or why there is none.

    Args:
        source: one of :data:`SOURCES`.
        raw: the record's bytes; they stay with the event.
        around_us: microseconds since the epoch near which it happened, for records that name no year (openssh);
            the current time where it is not given. Give the time kept with a stored record, or the year drifts.

    Raises:
        KeyError: there is no such source.
    """
    try:
        return SOURCES[source](raw, to_micros(_CLOCK.now()) if around_us is None else around_us)
    except Unmappable as error:
        return Unmapped(error.what, raw)


def map_lines(source: str, raws: Sequence[bytes], around_us: Sequence[int] = ()) -> list[Event | Unmapped]:
    """Return what :func:`map_line` does, of many records in their order: many times quicker for documents (ECS).

    Args:
        source: one of :data:`SOURCES`.
        raws: the records' bytes.
        around_us: one a record, or none at all.

    Raises:
        KeyError: there is no such source.
    """
    if source != ecs.SOURCE:
        around: Sequence[int | None] = around_us or [None] * len(raws)
        return [map_line(source, raw, us) for raw, us in zip(raws, around, strict=True)]
    batch, unreadable = ecs.DOCUMENTS.batch(raws)
    events, bad = iter(batch), frozenset(unreadable)
    return [map_line(source, raw) if place in bad else next(events) for place, raw in enumerate(raws)]
