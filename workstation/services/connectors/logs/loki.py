"""Events in Grafana Loki: lines of the streams of a selector, newest first.

Loki has no cursor. A page ends between two nanoseconds, so that its successor is asked for by time alone; a nanosecond
that holds more lines than Loki gives at once cannot be read whole by anybody, and that is said. An event stands where
Loki puts its line; a time within the line stays in the record.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import NamedTuple

import msgspec
import numpy as np

from workstation.services.clock import from_micros
from workstation.services.connectors.answers import Answer
from workstation.services.connectors.decoding import decode, page_work
from workstation.services.connectors.http import HttpSystem, Surroundings
from workstation.services.connectors.logs.access import credential, endpoint, policy
from workstation.services.connectors.logs.narrowing import columns
from workstation.services.connectors.logs.window import Window
from workstation.services.connectors.logs.windowed import Reading, Row, Rows
from workstation.services.errors import Invalid, SourceDenied, SourceGarbled, WorkstationError
from workstation.services.text import clean
from workstation.services.timeline.batch import chosen
from workstation.services.timeline.mapping.columns import Mapped
from workstation.services.timeline.mapping.configured import BY_PATHS, reader
from workstation.services.timeline.query.push.expressions import in_quotes
from workstation.services.timeline.query.push.logql import label_filter
from workstation.services.timeline.source import ALL, Only, Page, Span
from workstation.settings import LogSettings, LokiSettings, MappingSettings

#: ``max_entries_limit_per_query`` and ``max_query_length`` unless somebody set others (Loki docs, "limits_config").
ENTRIES_MAX = 5_000
LONGEST_NS = 30 * 86_400 * 10**9
#: What a span is cut to at least where the server allows less than :data:`LONGEST_NS`.
_SHORTEST_NS = 60 * 10**9
_DAY_NS = 86_400 * 10**9
#: Windows that are looked through for the oldest line: ten years.
_COVERAGE_WINDOWS = 125
_PATH = "/loki/api/v1/query_range"
_STATS = "/loki/api/v1/index/stats"
#: Loki 3.7 leaves out the last lines of a chunk where a question begins in the very millisecond of theirs: it is asked
#: from a millisecond before. What comes of that is older than everything else, so it takes no place in a page.
_MARGIN_NS = 1_000_000
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TOO_LONG = ("the query time range exceeds the limit", "the query would read too many bytes")
_TOO_MANY = "max entries limit"
_STAGES = {"json": " | json", "logfmt": " | logfmt", "none": ""}


class TooLong(Invalid):
    """The span of a question is longer than the server allows."""


class Line(NamedTuple):
    """A line: its time in nanoseconds, its text, its labels."""

    ns: int
    text: str
    labels: Mapping[str, str]


class _Stream(msgspec.Struct, frozen=True):
    stream: dict[str, str]
    values: list[tuple[str, str]]


class _Data(msgspec.Struct, frozen=True):
    result_type: str = msgspec.field(name="resultType")
    result: list[_Stream]


class _Found(msgspec.Struct, frozen=True):
    status: str
    data: _Data
    warnings: list[str] = []


class _Stats(msgspec.Struct, frozen=True):
    chunks: int


class LokiSystem(HttpSystem):
    """One Loki under the one client policy."""

    async def chunks(self, selector: str, window: Window, tenant: str) -> int:
        """Return how many chunks the index knows of a window. Raises as :meth:`lines`."""
        form = {"query": selector, "start": str(window.low), "end": str(window.high)}
        answer = await self.ask(_STATS, form=form, headers=_headers(tenant))
        return (await decode(answer.body, _Stats, self.name)).chunks

    async def lines(
        self, query: str, window: Window, limit: int, tenant: str, direction: str = "backward"
    ) -> tuple[list[Line], str]:
        """Return lines, newest first, and what Loki warns of.

        Args:
            query: LogQL.
            window: nanoseconds.
            limit: lines at most, in that direction.
            tenant: the ``X-Scope-OrgID``, or "".
            direction: ``backward`` for the newest of the window, ``forward`` for the oldest.

        Raises:
            TooLong: the window is longer than the server allows.
            SourceError, Invalid: see :meth:`refusal`.
        """
        margin = _MARGIN_NS if direction == "backward" else 0
        form = {
            "query": query,
            "start": str(max(window.low - margin, 0)),
            "end": str(window.high),
            "limit": str(limit),
            "direction": direction,
        }
        answer = await self.ask(_PATH, form=form, headers=_headers(tenant))
        found = await decode(answer.body, _Found, self.name)
        if found.status != "success" or found.data.result_type != "streams":
            raise SourceGarbled(
                f"{self.name} answered with {clean(found.data.result_type, 40)}, which are no lines.",
                'The selector in the settings must select streams, such as {app="auth"}.',
            )
        try:
            lines = [Line(int(ns), line, one.stream) for one in found.data.result for ns, line in one.values]
            lines = [line for line in lines if line.ns >= window.low]
        except ValueError as error:
            raise SourceGarbled(f"{self.name} answered with a time that is none.", "Nothing of it was used.") from error
        lines.sort(key=_newest_first)
        return lines, "; ".join(clean(warning, 200) for warning in found.warnings)

    def refusal(self, answer: Answer, secrets: tuple[str, ...]) -> WorkstationError:
        """Return the error of an answer other than 2xx. Loki's words are plain text; those with the query are cut."""
        plain = answer.headers.get("content-type", "").startswith("text/plain")
        words = answer.body[:2_000].decode("utf-8", "replace") if plain else ""
        if any(said in words for said in _TOO_LONG):
            return TooLong(f"{self.name} allows no question about that long a time.", "Choose a shorter span.")
        if _TOO_MANY in words:
            said = clean(words, 120)
            return Invalid(f"{self.name} gives less at once than a page ({said}).", "Set a smaller `page`.")
        if "no org id" in words:
            return SourceDenied(f"{self.name} asks for a tenant (401).", "Name it in the settings (tenant).")
        if "parse error" in words:
            return Invalid(f"{self.name} cannot read the question.", "Check the selector and the labels.")
        return super().refusal(answer, secrets)


class LokiEvents:
    """An :class:`~workstation.services.timeline.source.EventSource` over streams.

    Args:
        http: the server; closed with this source.
        name: what rows and gaps call it.
        chosen: the selector and its labels.
        mapping: what the lines are.

    Raises:
        Invalid: the page size, a label or the mapping cannot be used.
    """

    def __init__(self, http: LokiSystem, name: str, chosen: LokiSettings, mapping: MappingSettings) -> None:
        if chosen.page < 1 or not chosen.account_labels or not chosen.selector:
            raise Invalid(
                f"{name} needs a selector, a label of accounts, and a page of one line at least.", "Correct it."
            )
        for label in (*chosen.account_labels, *chosen.labels):
            if not _LABEL.fullmatch(label):
                raise Invalid(f"“{clean(label, 80)}” is no label of Loki.", "In labels, `user.id` is `user_id`.")
        self._http = http
        self._name = name
        self._chosen = chosen
        self._lines = Lines(name, chosen, mapping)
        self._columns = {
            # The parser makes one label of a path: user.id is user_id (Loki docs, "json": nested properties).
            field: msgspec.structs.replace(column, name=column.name.replace(".", "_"))
            for field, column in columns(name, mapping, self._lines.read).items()
        }
        self._longest = LONGEST_NS

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield pages newest first until the span is exhausted; the first one is small and comes at once.

        Raises:
            SourceDenied: the credential or the tenant.
            SourceError, Invalid: after the pages that could be had.
        """
        pushed = label_filter(only.query, self._columns, only.now_us)
        if pushed.nothing:
            return
        wanted = pushed.condition or ""
        reading = _Reading(self._http, self._name, self._lines, account, span, self._chosen, wanted)
        async with aclosing(reading.pages(cursor)) as pages:
            async for page in pages:
                yield page

    async def aclose(self) -> None:
        """Release connections."""
        await self._http.aclose()


class Lines:
    """Makes events of lines.

    Args:
        name: of the source.
        chosen: how lines are parsed, and which labels belong to a record.
        mapping: what the records are.
    """

    def __init__(self, name: str, chosen: LokiSettings, mapping: MappingSettings) -> None:
        if mapping == MappingSettings() and chosen.parser != "json":
            mapping = MappingSettings(records="flat")
        self.read = reader(mapping, name)
        self._by_paths = mapping.records in BY_PATHS
        #: Whether a record is made of labels, because the line is none.
        self.of_labels = self._by_paths and chosen.parser != "json"
        self._labels = chosen.labels
        self._time = mapping.time or "@timestamp"

    def row(self, line: Line) -> Row:
        """Return a line as a row; its id tells it from the same line at another moment."""
        ns, text, labels = line
        identity = hashlib.blake2b(msgspec.json.encode((labels, text)), digest_size=8).hexdigest()
        beside = labels if self.of_labels else {name: labels[name] for name in self._labels if name in labels}
        return Row(ns, f"{ns}-{identity}", text.encode(), beside)

    def mapped(self, rows: Sequence[Row], around_us: Sequence[int]) -> Mapped:
        """Return the events of rows, each of which happened at `around_us`."""
        texts = [self._text(row, us) for row, us in zip(rows, around_us, strict=True)]
        ids = [row.id for row in rows]
        batch, unreadable = self.read.batch(texts, ids, around_us)
        if unreadable and self._by_paths and not self.of_labels:
            # A line may leave the time to the store. The others have said all themselves.
            for at in unreadable:
                texts[at] = self._beside(rows[at], around_us[at])
            batch, unreadable = self.read.batch(texts, ids, around_us)
        raws = chosen([row.raw for row in rows], np.delete(np.arange(len(rows)), unreadable))
        return Mapped(batch.of_records(raws), unreadable)

    def _text(self, row: Row, us: int) -> bytes:
        """Return what is read of a row."""
        if self.of_labels:
            return msgspec.json.encode({"message": row.raw.decode(), **row.beside, self._time: _written(us)})
        return self._beside(row, us) if row.beside and self._by_paths else row.raw

    def _beside(self, row: Row, us: int) -> bytes:
        """Return the line with what stands beside it; the line itself where it is no JSON object."""
        body = row.raw.strip()
        if not body.startswith(b"{") or body[1:].lstrip().startswith(b"}"):
            return row.raw
        # The line has the last word: of two equal names the later one counts.
        return msgspec.json.encode({**row.beside, self._time: _written(us)})[:-1] + b"," + body[1:]


class _Reading(Reading):
    def __init__(
        self, http: LokiSystem, name: str, lines: Lines, account: str, span: Span, chosen: LokiSettings, only: str
    ) -> None:
        super().__init__(name, span, chosen.page, 10**9, LONGEST_NS, _DAY_NS)
        self._http = http
        self._lines = lines
        self._chosen = chosen
        self._query = query(chosen, account, lines.of_labels, only)

    def _mapped(self, rows: Sequence[Row], around_us: Sequence[int]) -> Mapped:
        return self._lines.mapped(rows, around_us)

    async def _newest(self, window: Window, size: int) -> Rows:
        rows: list[Row] = []
        problems: dict[str, None] = {}
        high = window.high
        while high > window.low and len(rows) < size:
            part = self._cut(Window(window.low, high), high - window.low)
            try:
                found = await self._lines_of(part, size - len(rows))
            except TooLong:
                # How long is allowed is an installation's choice, and written for people only.
                if part.high - part.low <= _SHORTEST_NS:
                    raise
                self._longest = max((part.high - part.low) // 2, _SHORTEST_NS)
                continue
            rows += found.rows
            problems[found.problem] = None
            high = part.low
        return Rows(rows, "; ".join(filter(None, problems)))

    async def _instant(self, tick: int, found: Rows) -> Rows:
        limit = max(len(found.rows), ENTRIES_MAX)
        if len(found.rows) < limit:
            found = await self._lines_of(Window(tick, tick + 1), limit)
        if len(found.rows) < limit:
            return found
        said = f"more than {limit:,} lines of one nanosecond: Loki gives no more, the rest is missing"
        return Rows(found.rows, "; ".join(filter(None, (found.problem, said))))

    async def _lines_of(self, window: Window, size: int) -> Rows:
        found, problem = await self._http.lines(self._query, window, size, self._chosen.tenant)
        row = self._lines.row
        rows = await page_work(lambda: [row(line) for line in found], sum(len(line[1]) for line in found))
        return Rows(rows, problem)

    async def _coverage(self) -> Span | None:
        """Ask the index, which knows of chunks, and then for the lines at both ends.

        An index of an older kind than TSDB knows nothing: then nothing is said, except where there is no line at all.
        """
        known = [window for window in self._windows() if await self._holds(window)]
        if not known:
            recent = self._cut(self.window, self.window.high - self.window.low)
            return None if await self._first(recent, "backward") else Span(self._span.until_us, self._span.until_us)
        newest, oldest = known[0], known[-1]
        while oldest.high - oldest.low > _DAY_NS:
            middle = (oldest.low + oldest.high) // 2
            earlier = Window(oldest.low, middle)
            oldest = earlier if await self._holds(earlier) else Window(middle, oldest.high)
        first, last = await self._first(oldest, "forward"), await self._first(newest, "backward")
        return Span(first[0].ns // 1_000, last[0].ns // 1_000 + 1) if first and last else None

    async def _holds(self, window: Window) -> bool:
        return await self._http.chunks(self._chosen.selector, window, self._chosen.tenant) > 0

    async def _first(self, window: Window, direction: str) -> list[Line]:
        """Return the first line of anybody in a direction."""
        return (await self._http.lines(self._chosen.selector, window, 1, self._chosen.tenant, direction))[0]

    def _windows(self) -> Iterator[Window]:
        high = self.window.high
        for _ in range(_COVERAGE_WINDOWS):
            window = self._cut(Window(self.window.low, high), high - self.window.low)
            if window.low < window.high:
                yield window
            high = window.low


def query(chosen: LokiSettings, account: str, of_labels: bool, only: str = "") -> str:
    """Return the LogQL that finds an account's lines.

    Labels that nobody needs are dropped (``keep``): with every field of a line a label of its own, Loki answers with a
    stream a line, three times as slowly.

    Raises:
        Invalid: the account holds half a character.
    """
    try:
        mine = " or ".join(f"{label}={in_quotes(account)}" for label in chosen.account_labels)
    except ValueError as error:
        raise Invalid("That account id cannot be asked for.", "Check what was typed.") from error
    kept = "" if of_labels else f" | keep {', '.join(dict.fromkeys((*chosen.account_labels, *chosen.labels)))}"
    wanted = f" | {only}" if only else ""
    return f"{chosen.selector}{_STAGES[chosen.parser]} | {mine}{wanted}{kept}"


def source(chosen: LogSettings, secret: str, surroundings: Surroundings) -> LokiEvents:
    """Return the source of a ``[[logs]]`` table. Raises Invalid."""
    if chosen.loki is None:
        raise Invalid(f"{chosen.name} names no streams.", "Add [logs.loki] with `selector` to the settings.")
    http = LokiSystem(endpoint(chosen), credential(chosen, secret), surroundings, policy(chosen))
    return LokiEvents(http, chosen.name, chosen.loki, chosen.mapping)


def _headers(tenant: str) -> dict[str, str]:
    return {"X-Scope-OrgID": tenant} if tenant else {}


def _newest_first(line: Line) -> int:
    return -line.ns


def _written(us: int) -> str:
    return from_micros(us).isoformat()
