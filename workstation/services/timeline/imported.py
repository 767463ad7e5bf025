"""Events that were imported from files, as one more source of the timeline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import groupby, repeat
from operator import itemgetter
from typing import Any

import msgspec

from workstation.services.errors import Refused, SourceDenied, SourceDown, StoreError
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping import Unmapped, map_lines
from workstation.services.timeline.source import ALL, Only, Page, Span

#: Before the source that a record names: a file says what its writer wanted, and never passes for the log itself.
ORIGIN = "imported:"
#: Rows of one page; a CloudTrail record has about 1.5 KB.
PAGE = 1_000


class ImportedEvents:
    """Reads imported raw records from the store and maps them again: a better mapper helps old evidence too.

    Args:
        ask: returns rows of the store (source, id, microseconds, raw record) for account, since, until, the time and
            the source-and-id before which to go on, and how many.
    """

    name = "imported"

    def __init__(self, ask: Callable[..., Awaitable[list[tuple[Any, ...]]]]) -> None:
        self._ask = ask

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield pages newest first. The cursor is ``<microseconds>|<source and id>``.

        Raises:
            SourceDenied: the account was not opened.
            SourceDown: the store is away.
        """
        before_us, _, before_id = (cursor or "").partition("|")
        while True:
            args = (account, span.since_us, span.until_us, int(before_us) if before_us else None, before_id, PAGE)
            try:
                rows = await self._ask(*args)
            except Refused as error:
                raise SourceDenied("Imported events cannot be read: the account is not open.", error.hint) from error
            except StoreError as error:
                raise SourceDown(error.what, error.hint) from error
            more = len(rows) == PAGE
            if rows:
                before_us, before_id = str(rows[-1][2]), rows[-1][0] + rows[-1][1]
            yield Page(events=_events(rows), cursor=f"{before_us}|{before_id}" if more else None)
            if not more:
                return

    async def aclose(self) -> None:
        """The store is not ours to close."""


def _events(rows: list[tuple[Any, ...]]) -> list[Event]:
    """Return the events of rows, in their order; files of several sources lie between each other."""
    events: list[Event] = []
    for source, some in groupby(rows, itemgetter(0)):
        _, ids, times, raws = zip(*some, strict=True)
        mapped = map_lines(source, list(map(bytes, raws)), times)
        events += map(_event, repeat(source), ids, times, mapped)
    return events


def _event(source: str, event_id: str, time_us: int, mapped: Event | Unmapped) -> Event:
    if isinstance(mapped, Unmapped):
        return Event(
            id=event_id,
            time_us=time_us,
            source=ORIGIN + source,
            action="unreadable",
            reason=mapped.error,
            raw=mapped.raw,
        )
    return msgspec.structs.replace(mapped, source=ORIGIN + (mapped.source or source))
