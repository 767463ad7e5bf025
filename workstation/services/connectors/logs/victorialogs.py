"""Events in VictoriaLogs: rows of the streams of a filter, newest first. Tried on recorded answers only.

VictoriaLogs answers with a line of JSON a row, in no order unless it is told one, ignores arguments that it does not
know, and writes an error into the lines where it has begun to answer. So every answer is held against what was asked:
rows outside the window, in another order, or more than were asked for refuse it, and so does a line that is no row.
Where there were fewer than asked for, the end is asked for once more.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime

import msgspec

from workstation.services.clock import from_micros, to_micros
from workstation.services.connectors.answers import Answer
from workstation.services.connectors.decoding import page_work
from workstation.services.connectors.http import HttpSystem, Surroundings
from workstation.services.connectors.logs.access import credential, endpoint, policy
from workstation.services.connectors.logs.narrowing import columns
from workstation.services.connectors.logs.window import Window
from workstation.services.connectors.logs.windowed import Reading, Row, Rows
from workstation.services.errors import Invalid, SourceBusy, SourceGarbled, WorkstationError
from workstation.services.text import clean
from workstation.services.timeline.mapping.columns import Mapped
from workstation.services.timeline.mapping.configured import BY_PATHS, Reader, reader
from workstation.services.timeline.query.push.expressions import in_quotes
from workstation.services.timeline.query.push.logsql import filters
from workstation.services.timeline.source import ALL, Only, Page, Span
from workstation.settings import LogSettings, MappingSettings, VictoriaLogsSettings

#: Rows of an answer at most; a page of a hundred thousand would not fit into the limit of a body.
PAGE_MAX = 50_000
#: Pages of a single instant that are read together; more would not fit into memory for sure.
_INSTANT_PAGES = 20
#: The server gives up before we do.
_SERVER_SHARE = 0.8
_PATH = "/select/logsql/query"
_KINDS = ("application/stream+json", "application/x-ndjson", "application/json")
#: Characters of the system's own words that a sentence quotes.
_QUOTED = 120
_TENANT = re.compile(r"\d{1,10}(?::\d{1,10})?")
#: RFC 3339 with up to nine digits behind the point, in UTC, as VictoriaLogs writes ``_time``.
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
#: 1677 to 2262 are the years that nanoseconds in 64 bits reach.
_NANOS_MAX = 2**63 - 1


class _Head(msgspec.Struct, frozen=True):
    """What every row of an answer has."""

    time: str = msgspec.field(name="_time")


class _Ends(msgspec.Struct, frozen=True):
    oldest: str = ""
    newest: str = ""


class VictoriaLogsSystem(HttpSystem):
    """One VictoriaLogs under the one client policy."""

    def __init__(self, chosen: LogSettings, tenant: str, secret: str, surroundings: Surroundings) -> None:
        super().__init__(endpoint(chosen), credential(chosen, secret), surroundings, policy(chosen))
        account, _, project = tenant.partition(":")
        self._headers = {"AccountID": account, "ProjectID": project or "0"} if tenant else {}

    async def lines(self, query: str, window: Window, limit: int) -> list[bytes]:
        """Return the lines of the answer to a LogsQL query. Raises SourceError, Invalid."""
        form = {
            "query": query,
            # Integers of nanoseconds: seconds with a point lose rows at the edges.
            "start": str(window.low),
            "end": str(window.high),
            "limit": str(limit),
            "timeout": f"{max(int(self.policy.deadline_s * _SERVER_SHARE), 1)}s",
        }
        answer = await self.ask(_PATH, form=form, headers=self._headers)
        if answer.body and not answer.body.endswith(b"\n"):
            raise SourceGarbled(f"{self.name} broke off in the middle of its answer.", "Try again.")
        return answer.body.splitlines()

    def check(self, answer: Answer) -> None:
        """Refuse a successful answer that is no lines of JSON. Raises SourceGarbled."""
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if answer.body and kind not in _KINDS:
            super().check(answer)

    def refusal(self, answer: Answer, secrets: tuple[str, ...]) -> WorkstationError:
        """Return the error of an answer other than 2xx; a 503 in plain text is a query that took too long, or many."""
        if answer.status == 503 and not answer.is_json:
            return SourceBusy(
                f"{self.name} has too much to do, or the question took too long (503).",
                "Try again later, or choose a shorter span.",
            )
        if answer.status == 400:
            return Invalid(f"{self.name} cannot read the question.", "Check the selector and the fields.")
        return super().refusal(answer, secrets)


class VictoriaLogsEvents:
    """An :class:`~workstation.services.timeline.source.EventSource` over the streams of a filter.

    Args:
        http: the server; closed with this source.
        name: what rows and gaps call it.
        chosen: the filter and its fields.
        mapping: what the rows are.

    Raises:
        Invalid: the page size, the fields or the mapping cannot be used.
    """

    def __init__(
        self, http: VictoriaLogsSystem, name: str, chosen: VictoriaLogsSettings, mapping: MappingSettings
    ) -> None:
        if not 1 <= chosen.page <= PAGE_MAX or not chosen.account_fields:
            raise Invalid(f"{name} needs a field of accounts, and a page of 1 to {PAGE_MAX:,} rows.", "Correct it.")
        if mapping.records in BY_PATHS and not mapping.time:
            mapping = msgspec.structs.replace(mapping, time="_time")
        self._http = http
        self._name = name
        self._chosen = chosen
        self._read = reader(mapping, name)
        self._columns = columns(name, mapping, self._read)

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield pages newest first until the span is exhausted; the first one is small and comes at once.

        Raises:
            SourceGarbled: an answer to another question than was asked.
            SourceError, Invalid: after the pages that could be had.
        """
        pushed = filters(only.query, self._columns, only.now_us)
        if pushed.nothing:
            return
        wanted = pushed.condition or ""
        reading = _Reading(self._http, self._name, self._read, account, span, self._chosen, wanted)
        async with aclosing(reading.pages(cursor)) as pages:
            async for page in pages:
                yield page

    async def aclose(self) -> None:
        """Release connections."""
        await self._http.aclose()


class _Reading(Reading):
    def __init__(
        self,
        http: VictoriaLogsSystem,
        name: str,
        read: Reader,
        account: str,
        span: Span,
        chosen: VictoriaLogsSettings,
        only: str,
    ) -> None:
        super().__init__(name, span, chosen.page, 10**9)
        self._http = http
        self._read = read
        self._of_anybody = f"({chosen.selector})" if chosen.selector else "*"
        self._filter = " ".join(filter(None, (self._of_anybody, _about(account, chosen.account_fields), only)))

    def _mapped(self, rows: Sequence[Row], around_us: Sequence[int]) -> Mapped:
        return self._read.batch([row.raw for row in rows], [row.id for row in rows], around_us)

    async def _newest(self, window: Window, size: int) -> Rows:
        window = Window(max(window.low, 0), min(window.high, _NANOS_MAX))
        if window.low >= window.high:
            return Rows([])
        rows = await self._ask(window, size)
        if rows and len(rows) < size:
            self._check(rows, window)
            # Lines say nothing of their end: fewer than were asked for may be all, or may have been cut off. Whoever
            # asks again from the last one down gets that one alone.
            last = rows[-1].tick
            again = await self._ask(Window(window.low, last + 1), size)
            if len(again) != sum(row.tick == last for row in rows):
                raise SourceGarbled(f"{self._name} broke off in the middle of its answer.", "Try again.")
        return Rows(rows)

    async def _ask(self, window: Window, size: int) -> list[Row]:
        # The time stands in the query as well, because there both its ends are said to be in or out.
        within = f"_time:[{_written(window.low)}, {_written(window.high)})"
        query = f"{within} {self._filter} | sort by (_time desc) limit {size:d}"
        lines = await self._http.lines(query, window, size)
        if len(lines) > size:
            raise SourceGarbled(f"{self._name} answers with more than was asked for.", "Nothing of it was used.")
        return await page_work(lambda: [self._row(line) for line in lines], sum(map(len, lines)))

    async def _instant(self, tick: int, found: Rows) -> Rows:
        """Ask for all of an instant at once: nothing parts it."""
        limit = len(found.rows) * _INSTANT_PAGES
        found = await self._newest(Window(tick, tick + 1), limit)
        if len(found.rows) < limit:
            return found
        return Rows(found.rows, f"more than {limit:,} rows of one nanosecond: some are missing")

    async def _coverage(self) -> Span | None:
        query = f"{self._of_anybody} | stats min(_time) as oldest, max(_time) as newest"
        lines = await self._http.lines(query, Window(max(self.window.low, 0), min(self.window.high, _NANOS_MAX)), 1)
        if len(lines) != 1:
            return None
        try:
            ends = msgspec.json.decode(lines[0], type=_Ends)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if not ends.oldest or not ends.newest:
            return Span(self._span.until_us, self._span.until_us)
        oldest, newest = _nanos(ends.oldest), _nanos(ends.newest)
        return None if oldest is None or newest is None else Span(oldest // 1_000, newest // 1_000 + 1)

    def _row(self, line: bytes) -> Row:
        try:
            ns = _nanos(msgspec.json.decode(line, type=_Head).time)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            said = clean(line[:_QUOTED].decode("utf-8", "replace"), _QUOTED)
            raise SourceGarbled(
                f"{self._name} answered with a line that is no row: {said}.", "What came before is right. Try again."
            ) from error
        if ns is None:
            raise SourceGarbled(f"{self._name} answered with a time that is none.", "Nothing of it was used.")
        return Row(ns, "", line)


def _about(account: str, fields: tuple[str, ...]) -> str:
    """Return the filter of an account: the exact value. Raises Invalid."""
    try:
        return f"({' or '.join(f'{in_quotes(field)}:={in_quotes(account)}' for field in fields)})"
    except ValueError as error:
        raise Invalid("That account id cannot be asked for.", "Check what was typed.") from error


def source(chosen: LogSettings, secret: str, surroundings: Surroundings) -> VictoriaLogsEvents:
    """Return the source of a ``[[logs]]`` table. Raises Invalid."""
    wanted = chosen.victorialogs or VictoriaLogsSettings()
    if wanted.tenant and not _TENANT.fullmatch(wanted.tenant):
        raise Invalid(f"The tenant of {chosen.name} is none.", "It is AccountID:ProjectID, two numbers.")
    http = VictoriaLogsSystem(chosen, wanted.tenant, secret, surroundings)
    return VictoriaLogsEvents(http, chosen.name, wanted, chosen.mapping)


def _written(ns: int) -> str:
    """Return nanoseconds as RFC 3339."""
    return f"{from_micros(ns // 10**9 * 10**6):%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09d}Z"


def _nanos(written: str) -> int | None:
    """Return a time of VictoriaLogs in nanoseconds, None where it is none."""
    found = _TIME.fullmatch(written)
    if found is None:
        return None
    try:
        seconds = to_micros(datetime.fromisoformat(f"{found[1]}+00:00")) // 10**6
    except ValueError:
        return None
    return seconds * 10**9 + int((found[2] or "").ljust(9, "0"))
