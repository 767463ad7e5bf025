"""One account's events in one span, read from OpenSearch or Elasticsearch: windows, pages, points in time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
import numpy as np

from workstation.services.connectors.decoding import page_work
from workstation.services.connectors.logs.in_order import in_order
from workstation.services.connectors.logs.search_api import KEEP_ALIVE, Expired, Found, Hit, SearchSystem
from workstation.services.connectors.logs.search_index import Index
from workstation.services.connectors.logs.window import Window, are_within, ticks_of
from workstation.services.errors import Invalid, SourceDown, SourceError, SourceGarbled
from workstation.services.timeline.batch import Batch
from workstation.services.timeline.mapping.configured import Reader
from workstation.services.timeline.source import Page, Span

#: Windows that are read at the same time. At 50 ms round trip, four pages of some thousand events hide the way.
WIDTH = 4
#: Buckets of the histogram that cuts a span; the stores' own limit is 65,535.
_BUCKETS = 500
#: A window with this many pages in it is cut by a histogram of its own, this often at most: bursts within bursts.
_LARGE, _DEPTH = 2, 3
#: Times that a point in time is opened anew in one reading.
_REOPENINGS = 20
#: Tries of a page whose shards had too much to do.
_TRIES = 3

#: What says whose an event is.
_WHOSE = ("account", "actor")
#: Pages of a single instant that are read together; more would not fit into memory for sure.
_INSTANT_PAGES = 20


class _Bucket(msgspec.Struct, frozen=True):
    key: float
    doc_count: int


class _Buckets(msgspec.Struct, frozen=True):
    buckets: list[_Bucket] = []


class _Figure(msgspec.Struct, frozen=True):
    value: float | None = None


class _Figures(msgspec.Struct, frozen=True):
    by_time: _Buckets = _Buckets()
    oldest: _Figure = _Figure()
    newest: _Figure = _Figure()


class Reading:
    """Pages of one account.

    Args:
        http: the cluster.
        name: of the source.
        pattern: the index.
        index: what it can be asked.
        read: makes events of documents.
        account: whose events; those of others are left out and counted where `judge` is true.
        span: what to read.
        size: events of a page.
        judge: whether an event itself says whose it is.
        only: what is wanted of the account's documents, in the query DSL; None: all.
    """

    def __init__(
        self,
        http: SearchSystem,
        name: str,
        pattern: str,
        index: Index,
        read: Reader,
        account: str,
        span: Span,
        size: int,
        judge: bool,
        only: dict[str, Any] | None = None,
    ) -> None:
        self._http = http
        self._name = name
        self._pattern = pattern
        self._index = index
        self._read = read
        self._account = account
        self._span = span
        self._size = size
        self._judge = judge
        self._only = only
        self._pit = ""
        self._opened = 0
        self._opening = asyncio.Lock()

    async def pages(self, window: Window, first: int) -> AsyncGenerator[tuple[Page, Window | None], None]:
        """Yield pages, newest first, each with what is left after it.

        Args:
            window: where to begin and to end.
            first: events of the first page.
        """
        coverage = asyncio.ensure_future(self._coverage())
        plan = asyncio.ensure_future(self._plan(window, 0))
        try:
            page, rest = await self._page(window, first)
            # What the store holds is waited for only where nothing else is left to wait for.
            covers = await coverage if rest is None or coverage.done() else None
            yield msgspec.structs.replace(page, covers=covers), rest
            if rest is None:
                return
            readings = [functools.partial(self._window, each, window.low) for each in below(await plan, rest)]
            covers = await coverage
            async with aclosing(in_order(readings, WIDTH)) as pages:
                async for page, rest in pages:
                    yield msgspec.structs.replace(page, covers=covers), rest
        finally:
            for task in (coverage, plan):
                task.cancel()
            await asyncio.gather(coverage, plan, return_exceptions=True)

    async def newest(self, count: int) -> list[Hit]:
        """Return the newest documents of anybody."""
        order = {"order": "desc", "unmapped_type": "date"}
        found = await self._search({"size": count, "sort": [{self._index.time_field: order}]})
        return found.hits.hits

    async def close(self) -> None:
        """Give the point in time back."""
        if self._pit:
            await self._http.give_back(self._index.dialect, self._pit)

    async def _window(self, window: Window, low: int) -> AsyncIterator[tuple[Page, Window | None]]:
        """Yield the pages of one window: one, where the histogram was right."""
        rest: Window | None = window
        while rest is not None:
            page, rest = await self._page(rest, self._size)
            if rest is not None:
                left: Window | None = msgspec.structs.replace(rest, low=low)
            else:
                left = Window(low, window.low) if window.low > low else None
            yield page, left

    async def _page(self, window: Window, size: int) -> tuple[Page, Window | None]:
        """Return the newest page of a window, and what is left of that."""
        fields = self._index.asked(self._account)
        if not fields or window.low >= window.high:
            return Page(events=()), None
        found = await self._hits(self._question(fields, window, size), window)
        hits, rest, problem = found.hits.hits, None, found.problem
        if len(hits) >= size:
            # More of the last instant may be in the store: it is read again, whole, with the next page.
            last = hits[-1].sort[0]
            kept = next(place for place, hit in enumerate(hits) if hit.sort[0] == last)
            rest = Window(window.low, int(last or 0) + (1 if kept else 0))
            if kept:
                hits = hits[:kept]
            else:
                hits, problem = await self._instant(fields, Window(rest.high, rest.high + 1), found, size)
        if rest is not None and rest.high <= rest.low:
            rest = None
        raws = [bytes(hit.source) for hit in hits]
        return await page_work(lambda: self._made(hits, raws, problem), sum(map(len, raws))), rest

    async def _instant(self, fields: Sequence[str], instant: Window, found: Found, size: int) -> tuple[list[Hit], str]:
        """Return everything of an instant that fills more than a page, parted by the tie-break, and what is missing.

        It is read whole before any of it is shown, because the store does not know the order within it.
        """
        every: list[Hit] = []
        for _ in range(_INSTANT_PAGES):
            hits = found.hits.hits
            if len(hits) < size:
                return every + hits, found.problem
            ties = [hit.sort[1] if len(hit.sort) > 1 else None for hit in hits]
            kept = ties.index(ties[-1])
            if kept == 0:
                break
            every += hits[:kept]
            question = self._question(fields, instant, size)
            found = await self._hits({**question, "search_after": [instant.low, ties[kept - 1]]}, instant)
        said = f"more than {len(every) + len(found.hits.hits):,} events of one instant: some are missing"
        return every + found.hits.hits, "; ".join(filter(None, (found.problem, said)))

    async def _hits(self, question: dict[str, Any], window: Window) -> Found:
        """Ask for documents, again where shards had too much to do.

        Raises:
            SourceGarbled: they lie outside the window, or are not in order.
        """
        found = await self._search(question)
        for attempt in range(_TRIES - 1):
            if not found.is_worth_another_try:
                break
            await self._http.pause(attempt)
            found = await self._search(question)
        ticks = [hit.sort[0] if hit.sort and type(hit.sort[0]) is int else -1 for hit in found.hits.hits]
        if not are_within(ticks, window):
            raise SourceGarbled(
                f"{self._name} answers with events that were not asked for, or in another order.",
                "What came before is right. Try again; if it stays, tell who runs that system.",
            )
        return found

    def _question(self, fields: Sequence[str], window: Window, size: int) -> dict[str, Any]:
        index = self._index
        order: dict[str, Any] = {"order": "desc", "unmapped_type": "date" if index.dated else "long"}
        if index.nanos:
            order["numeric_type"] = "date"
        sort: list[dict[str, Any]] = [{index.time_field: order}]
        if index.tie_break:
            sort.append({index.tie_break: {"order": "desc", "unmapped_type": "keyword"}})
        query = self._about(fields, window)
        return {"size": size, "track_total_hits": False, "query": query, "sort": sort}

    def _about(self, fields: Sequence[str], window: Window) -> dict[str, Any]:
        within: dict[str, Any] = {"gte": window.low, "lt": window.high}
        if self._index.dated:
            within["format"] = "epoch_millis"
        should = [{"term": {field: self._account}} for field in fields]
        bounds = [{"range": {self._index.time_field: within}}, *([self._only] if self._only else [])]
        return {"bool": {"filter": bounds, "should": should, "minimum_should_match": 1}}

    async def _plan(self, window: Window, depth: int) -> list[Window]:
        """Cut a window into such of about a page each, newest first; one alone where the store will not count."""
        fields = self._index.asked(self._account)
        if not self._index.dated or not fields:
            return [window]
        count = {"auto_date_histogram": {"field": self._index.time_field, "buckets": _BUCKETS}}
        question = {"size": 0, "query": self._about(fields, window), "aggs": {"by_time": count}}
        try:
            found = await self._search(question)
        except Invalid:
            return [window]
        cut = windows(window, _figures(found).by_time.buckets, self._size)
        planned: list[Window] = []
        for each, events in cut:
            again = events >= _LARGE * self._size and depth < _DEPTH and each != window
            planned += await self._plan(each, depth + 1) if again else [each]
        return planned

    async def _coverage(self) -> Span | None:
        """Return from the oldest to the newest event of the index, whoever's; None where that cannot be known."""
        field = {"field": self._index.time_field}
        try:
            found = await self._search({"size": 0, "aggs": {"oldest": {"min": field}, "newest": {"max": field}}})
        except (SourceError, Invalid):
            return None
        if found.problem:
            return None
        figures, span = _figures(found), self._span
        if figures.oldest.value is None or figures.newest.value is None:
            return Span(span.until_us, span.until_us)
        since = self._index.micros(figures.oldest.value)
        until = self._index.micros(figures.newest.value + 1)
        return Span(min(max(since, span.since_us), span.until_us), max(min(until, span.until_us), span.since_us))

    async def _search(self, body: dict[str, Any]) -> Found:
        """Ask the point in time; where it is gone, another one."""
        for _ in range(_REOPENINGS):
            pit, opened = await self._snapshot()
            try:
                found = await self._http.search({**body, "pit": {"id": pit, "keep_alive": KEEP_ALIVE}})
            except Expired:
                if opened == self._opened:
                    self._pit = ""
                continue
            # The store may give it another name at any time.
            if found.pit_id and opened == self._opened:
                self._pit = found.pit_id
            return found
        raise SourceDown(
            f"{self._name} does not keep a point in time long enough to read it.",
            "Choose a shorter span, or tell who runs that system.",
        )

    async def _snapshot(self) -> tuple[str, int]:
        async with self._opening:
            if not self._pit:
                self._pit = await self._http.open(self._index.dialect, self._pattern)
                self._opened += 1
            return self._pit, self._opened

    def _made(self, hits: Sequence[Hit], raws: Sequence[bytes], problem: str) -> Page:
        batch, wrong = self._events(hits, raws)
        said = "; ".join(filter(None, (problem, *wrong)))
        return Page(events=batch, partial=bool(said), why=said)

    def _events(self, hits: Sequence[Hit], raws: Sequence[bytes]) -> tuple[Batch, list[str]]:
        """Return the events of documents, newest first, and what was left out."""
        batch, unreadable = self._read.batch(raws, [hit.id for hit in hits])
        ticks = np.delete(np.array([hit.sort[0] for hit in hits], np.int64), unreadable)
        ours = np.ones(len(batch), np.bool_)
        if self._judge:
            account = self._account.casefold()
            ours = np.logical_or(*(batch.where(name, lambda text: text.casefold() == account) for name in _WHOSE))
        there = ticks_of(batch.times, self._index.per_s) == ticks
        elsewhere = f"records whose own time is not that of {self._index.time_field} were left out"
        wrong = (
            (len(unreadable), "records could not be read"),
            (int((~ours).sum()), "records of another account were left out"),
            (int((ours & ~there).sum()), elsewhere),
        )
        batch = batch.taken(ours & there).within(self._span.since_us, self._span.until_us)
        return batch.newest_first(), [f"{count:,} {said}" for count, said in wrong if count]


def windows(window: Window, buckets: Sequence[_Bucket], size: int) -> Iterator[tuple[Window, int]]:
    """Yield windows with less than `size` events each where buckets allow it, newest first, and how many they hold."""
    high, low, events = window.high, window.high, 0
    for bucket in reversed(buckets):
        if events and events + bucket.doc_count >= size:
            yield Window(low, high), events
            high, events = low, 0
        low = max(int(bucket.key), window.low)
        events += bucket.doc_count
    yield Window(window.low, high), events


def below(planned: Sequence[Window], rest: Window) -> Iterator[Window]:
    """Yield what of the planned windows is left."""
    for window in planned:
        if window.low < rest.high:
            yield Window(window.low, min(window.high, rest.high))


def _figures(found: Found) -> _Figures:
    try:
        return msgspec.json.decode(bytes(found.aggregations), type=_Figures)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceGarbled("The store counts in a way that cannot be read.", "Try again.") from error
