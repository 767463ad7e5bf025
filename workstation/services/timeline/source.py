"""What the timeline asks of any log store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from workstation.services.timeline.event import Event
from workstation.services.timeline.query.ast import Query


class SourceState(StrEnum):
    """Where a source stands; each has its own words on the screen."""

    LOADING = "loading"
    LIVE = "live"
    PARTIAL = "partial"
    FAILED = "failed"


class Span(msgspec.Struct, frozen=True):
    """A half-open span of time, microseconds since the epoch: from `since` up to, not including, `until`."""

    since_us: int
    until_us: int


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some events of one account, newest first: a tuple, or a :class:`~workstation.services.timeline.batch.Batch`.

    ``cursor`` resumes after this page; None says that this was the last. ``partial`` says that the
    source itself did not see all of its data (failed shards, a timeout): ``why`` then says what.
    ``covers`` is the span for which the source has data at all, where it says so.
    """

    events: Sequence[Event]
    cursor: str | None = None
    partial: bool = False
    why: str = ""
    covers: Span | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A span for which a source gave nothing, and why; a row of the timeline."""

    source: str
    since_us: int
    until_us: int
    why: str
    hint: str = ""
    noticed_us: int = 0


class Only(msgspec.Struct, frozen=True):
    """What of an account's events is wanted: those that a query keeps. ``now_us`` is what ``now`` means in it."""

    query: Query = Query()
    now_us: int = 0


#: Every event.
ALL = Only()


class EventSource(Protocol):
    """A log store that can be asked for one account's events.

    Implementations live under ``connectors/logs`` and pass ``tests/contracts/event_source.py``.
    """

    @property
    def name(self) -> str:
        """The name that rows and gaps show, such as ``signin-log``."""
        ...

    def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield pages newest first until the span is exhausted.

        Args:
            account: the account's id, as the account system writes it.
            span: what to fetch; events outside it are not yielded.
            cursor: resume after the page that carried it, with the same `only`.
            only: what is wanted. A source may yield more than that, never less: whoever reads leaves the rest out.

        Raises:
            SourceError: after the pages that could be had; what was yielded stays valid.
        """
        ...

    async def aclose(self) -> None:
        """Release connections; further calls raise."""
        ...
