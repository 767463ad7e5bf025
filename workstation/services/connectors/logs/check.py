"""Whether a log source can be read and its records understood, for `workstation doctor`."""

from __future__ import annotations

from contextlib import aclosing
from typing import Protocol, runtime_checkable

from workstation.services.clock import Clock, to_micros
from workstation.services.errors import SourceMissing
from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.source import EventSource, Span
from workstation.settings import LogSettings

_DAY_US = 86_400_000_000
#: Fields without which a timeline says little.
_WANTED = ("event.action", "event.outcome", "user.target.id", "source.ip", "user_agent.original")


@runtime_checkable
class Sampled(Protocol):
    """A source that can show what its mapping makes of a record, whoever's."""

    async def sample(self) -> tuple[str, Event | None]:
        """Return what the store is, and the event of its newest record; None where there is none.

        Raises:
            WorkstationError: it cannot be asked, or the record cannot be mapped.
        """
        ...


async def check(source: EventSource, chosen: LogSettings, nobody: str, clock: Clock) -> tuple[str, str]:
    """Return what can be said of a source that answers, and what its mapping leaves empty, ``""`` where nothing.

    An account that no system has is asked for. A source with a mapping of its own also maps one record, of which
    nothing but the names of the fields that were found is said.

    Args:
        source: to be asked; not closed.
        chosen: its table.
        nobody: an account that there is not.
        clock: the span that is asked for ends now.

    Raises:
        WorkstationError: it cannot be read; says what to do.
    """
    now = to_micros(clock.now())
    try:
        async with aclosing(source.pages(nobody, Span(now - _DAY_US, now))) as pages:  # type: ignore[type-var]
            page = await anext(pages, None)
    except SourceMissing:
        if chosen.kind != "contract":
            raise
        page = None  # it knows no such account, which is right
    said = "answers, and may be read"
    if page is not None and page.partial:
        said += f"; not whole: {page.why}"
    if not isinstance(source, Sampled):
        return said, ""
    what, event = await source.sample()
    if event is None:
        return f"{what} {said}; it holds no record yet", ""
    empty = [field for field in _WANTED if field in FIELDS and not event.value(field).replace("unknown", "")]
    return f"{what} {said}; its newest record is understood", ", ".join(empty)
