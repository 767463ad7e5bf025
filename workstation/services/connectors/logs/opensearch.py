"""Events in OpenSearch or Elasticsearch, newest first, each reading from a point in time of its own.

The span is cut into windows of about a page each by one histogram of the account's events, and several windows are
read at once: a page then takes no round trip of its own, which slices of one shard do not give
(``docs/decisions/0022-windows-of-time.md``). A page ends between two instants of the store, never within one, so the
cursor is a time and outlives any point in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec

from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.access import credential, endpoint, policy
from workstation.services.connectors.logs.narrowing import columns
from workstation.services.connectors.logs.search_api import SearchSystem
from workstation.services.connectors.logs.search_index import Index, understood, wanted
from workstation.services.connectors.logs.search_reading import Reading
from workstation.services.connectors.logs.window import Window
from workstation.services.errors import Invalid
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping.configured import BY_PATHS, reader
from workstation.services.timeline.query.push.elastic import query_dsl
from workstation.services.timeline.source import ALL, Only, Page, Span
from workstation.settings import LogSettings, MappingSettings, OpenSearchSettings

#: Events of the first page: a screenful or two, there before anything is counted.
FIRST = 200
#: `index.max_result_window` of both stores, unless somebody set another.
PAGE_MAX = 10_000


class SearchEvents:
    """An :class:`~workstation.services.timeline.source.EventSource` over an index, alias or pattern.

    Args:
        http: the cluster; closed with this source.
        name: what rows and gaps call it.
        chosen: the index and its fields.
        mapping: what its documents are.
        first: events of the first page.

    Raises:
        Invalid: the page size or the mapping cannot be used.
    """

    def __init__(
        self, http: SearchSystem, name: str, chosen: OpenSearchSettings, mapping: MappingSettings, first: int = FIRST
    ) -> None:
        if not 2 <= chosen.page <= PAGE_MAX:
            raise Invalid(f"A page of {name} has between 2 and {PAGE_MAX:,} events.", "Correct `page`.")
        if mapping.records in BY_PATHS and not mapping.time:
            mapping = msgspec.structs.replace(mapping, time=chosen.time_field)
        self._http = http
        self._name = name
        self._chosen = chosen
        self._unit = mapping.time_unit
        self._read = reader(mapping, name)
        self._columns = columns(name, mapping, self._read)
        self._first = min(first, chosen.page)
        self._index: Index | None = None
        self._asking = asyncio.Lock()
        # Where the fields that are asked for the account are those that become it, an event says whose it is.
        mapped = {path for field in ("user.target.id", "user.id") for path in self._read.paths(field)}
        self._judge = set(chosen.account_fields) <= mapped

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield pages newest first until the span is exhausted; the first one is small and comes at once.

        Raises:
            SourceMissing: no such index.
            SourceGarbled: the store answers with what was not asked for, or not in the order that was.
            SourceError, Invalid: after the pages that could be had.
        """
        index = await self.index()
        high = index.ceiling(span.until_us)
        below = high if cursor is None else min(_place(cursor), high)
        pushed = query_dsl(only.query, index.columns, only.now_us)
        if pushed.nothing:
            return
        reading = self._reading(index, account, span, pushed.condition)
        first = self._first if cursor is None else self._chosen.page
        try:
            async with aclosing(reading.pages(Window(index.floor(span.since_us), below), first)) as pages:
                async for page, rest in pages:
                    yield msgspec.structs.replace(page, cursor=None if rest is None else str(rest.high))
        finally:
            await reading.close()

    async def index(self) -> Index:
        """Return what the index can be asked; found out once.

        Raises:
            Invalid: it has none of the fields that hold the account, or cannot be put in order of time.
            SourceError: it cannot be asked.
        """
        async with self._asking:
            if self._index is None:
                (dialect, _), (seems, known) = await asyncio.gather(
                    self._http.dialect(),
                    self._http.capabilities(self._chosen.index, wanted(self._chosen, self._columns)),
                )
                self._index = understood(self._name, self._chosen, self._unit, dialect or seems, known, self._columns)
            return self._index

    async def sample(self) -> tuple[str, Event | None]:
        """Return the store's kind and version, and the event of the newest document, whoever's; None without one.

        Raises:
            SourceError, Invalid: it cannot be asked, or the document cannot be mapped.
        """
        index, (_, version) = await self.index(), await self._http.dialect()
        reading = self._reading(index, "", Span(0, 0))
        try:
            hits = await reading.newest(1)
        finally:
            await reading.close()
        what = f"{'OpenSearch' if index.dialect == 'opensearch' else 'Elasticsearch'} {version}".strip()
        return what, next((self._read(bytes(hit.source), hit.id) for hit in hits), None)

    async def aclose(self) -> None:
        """Release connections."""
        await self._http.aclose()

    def _reading(self, index: Index, account: str, span: Span, only: dict[str, Any] | None = None) -> Reading:
        chosen, judge = self._chosen, self._judge
        return Reading(self._http, self._name, chosen.index, index, self._read, account, span, chosen.page, judge, only)


def source(chosen: LogSettings, secret: str, surroundings: Surroundings) -> SearchEvents:
    """Return the source of a ``[[logs]]`` table. Raises Invalid."""
    if chosen.opensearch is None:
        raise Invalid(f"{chosen.name} names no index.", "Add [logs.opensearch] with `index` to the settings.")
    http = SearchSystem(endpoint(chosen), credential(chosen, secret), surroundings, policy(chosen))
    return SearchEvents(http, chosen.name, chosen.opensearch, chosen.mapping)


def _place(cursor: str) -> int:
    """Return the tick below which to go on."""
    if not cursor.isascii() or not cursor.isdigit():
        raise Invalid("That place in the log cannot be read.", "Load the timeline again.")
    return int(cursor)
