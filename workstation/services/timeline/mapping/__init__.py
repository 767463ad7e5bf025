"""Raw records of outside systems into our events, a file a source.

:func:`read_records` cuts a stream into records, :func:`map_line` makes an event of one. ``docs/mapping.md`` says what
each source's fields become. To add a source: a file with ``map_raw`` and a line in :data:`SOURCES`.
"""

from __future__ import annotations

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
from workstation.services.timeline.mapping.reading import read_records
from workstation.services.timeline.mapping.records import Mapper, Unmappable, Unmapped

__all__ = ["SOURCES", "Mapper", "Unmapped", "map_line", "read_records"]

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
