"""Events in a table or view of ClickHouse, newest first.

Nothing of a person stands in the SQL: account and times are bound parameters. Names of tables and columns come from the
settings and are quoted. A place in the table is a time; where one instant of the store fills more than a page, its rows
are told apart by time and id.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import NamedTuple

import msgspec

from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.access import credential, endpoint, policy
from workstation.services.connectors.logs.clickhouse_api import OVERFLOWS, ClickHouseSystem, Column, Parameters
from workstation.services.connectors.logs.clickhouse_errors import ShardAbsent
from workstation.services.connectors.logs.narrowing import columns
from workstation.services.connectors.logs.window import Window
from workstation.services.connectors.logs.windowed import Reading, Row, Rows
from workstation.services.errors import Invalid, SourceDenied, SourceGarbled
from workstation.services.text import clean
from workstation.services.timeline.mapping.columns import Mapped
from workstation.services.timeline.mapping.configured import BY_PATHS, Reader, reader
from workstation.services.timeline.query.push.clickhouse import where
from workstation.services.timeline.query.push.sql import Where
from workstation.services.timeline.source import ALL, Only, Page, Span
from workstation.settings import ClickHouseSettings, LogSettings, MappingSettings

#: Rows of an answer at most; a page of a hundred thousand would not fit into the limit of a body.
PAGE_MAX = 50_000
#: Seconds for what the table as a whole reaches from and to: where that has no index it is not worth more.
_COVERAGE_S = 2
#: Pages of a single instant that are read together; more would not fit into memory for sure.
_INSTANT_PAGES = 20
#: ``DateTime`` and its kin, without LowCardinality and Nullable around it.
_MOMENT = re.compile(r"DateTime(?:64\((\d)(?:, *'[^']*')?\)|32)?(?:\('[^']*'\))?")
_NUMBER = re.compile(r"U?Int(?:32|64)")
_WRAPPED = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)")
_PER_S = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
#: Moments that are kept in a DateTime (seconds in 32 bits) and in a DateTime64 (1900 to 2262 in nanoseconds).
_SECONDS_MAX, _NANOS_MAX_S = 2**32 - 1, 9_223_372_036


class Clock(NamedTuple):
    """How a column keeps time: ticks of a second, the tick of a value as SQL, and a value of a tick as SQL.

    `last` is the last tick that it can hold.
    """

    per_s: int
    ticks: str
    moment: str
    last: int

    def at(self, name: str) -> str:
        """Return the moment of the parameter `name`."""
        return self.moment.format(f"{{{name}:Int64}}")


class Table(NamedTuple):
    """What was found out about the table.

    How it keeps time, the type of its id, which rows are of an account (as SQL with the parameter `account`), the whole
    row as SQL (a named tuple, which JSON has as an object), and what may be cut off in silence.
    """

    clock: Clock
    id_type: str
    mine: str
    whole: str
    silent: str


class ClickHouseEvents:
    """An :class:`~workstation.services.timeline.source.EventSource` over a table.

    Args:
        http: the server; closed with this source.
        name: what rows and gaps call it.
        chosen: the table and its columns.
        mapping: what its rows, or the records in a column, are.

    Raises:
        Invalid: the page size, the table's name or the mapping cannot be used.
    """

    def __init__(self, http: ClickHouseSystem, name: str, chosen: ClickHouseSettings, mapping: MappingSettings) -> None:
        if not 1 <= chosen.page <= PAGE_MAX or not chosen.account_columns or not chosen.table:
            raise Invalid(
                f"{name} needs a table, a column of accounts, and a page of 1 to {PAGE_MAX:,} rows.", "Correct it."
            )
        if not chosen.record_column and mapping.records in BY_PATHS and not mapping.time:
            mapping = msgspec.structs.replace(mapping, time=chosen.time_column)
        self._http = http
        self._name = name
        self._chosen = chosen
        self._unit = mapping.time_unit
        self._read = reader(mapping, name)
        # What is inside a record's text is no column.
        self._columns = {} if chosen.record_column else columns(name, mapping, self._read)
        self._table: Table | None = None
        self._asking = asyncio.Lock()

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield pages newest first until the span is exhausted; the first one is small and comes at once.

        Raises:
            SourceDenied, SourceMissing: the credential, the table or a column.
            SourceGarbled: rows without an id, or an answer that is none.
            SourceError, Invalid: after the pages that could be had.
        """
        pushed = where(only.query, self._columns, only.now_us)
        if pushed.nothing:
            return
        table = await self._understood()
        reading = _Reading(self._http, self._name, self._read, account, span, self._chosen, table, pushed.condition)
        async with aclosing(reading.pages(cursor)) as pages:
            async for page in pages:
                yield page

    async def aclose(self) -> None:
        """Release connections."""
        await self._http.aclose()

    async def _understood(self) -> Table:
        """Return what the table is like; found out once."""
        async with self._asking:
            if self._table is None:
                chosen = self._chosen
                names = (chosen.time_column, chosen.id_column, *chosen.account_columns)
                wanted = [*map(_quoted, names), *(() if chosen.record_column else ("*",))]
                columns = await self._http.columns(_select(wanted, _table(chosen.table)), chosen.database)
                types = [_bare(column.type) for column in columns[: len(names)]]
                if len(types) != len(names):
                    raise SourceGarbled(f"{self._name} answers about other columns.", "Check the settings.")
                clock = _clock(self._name, chosen.time_column, types[0], self._unit)
                mine = " OR ".join(map(_is_account, chosen.account_columns, types[2:]))
                whole = _named_tuple(columns[len(names) :])
                self._table = Table(clock, types[1], mine, whole, await self._silent())
            return self._table

    async def _silent(self) -> str:
        """Return what may be missing without a word, where our user's profile says so and cannot be overridden."""
        asked = sorted(self._http.forbidden & {*OVERFLOWS, "skip_unavailable_shards"})
        if not asked:
            return ""
        sql = _select(("name", "value"), "system.settings", f"WHERE name IN ({str(asked)[1:-1]})")
        try:
            found = await self._http.rows(sql, {}, "system")
        except (SourceDenied, Invalid):
            return "its user may set nothing, and what is left out of an answer cannot be known"
        loose = sorted(str(name) for name, value in found if value in ("break", "any", "1"))
        return f"its user's profile lets it leave rows out ({', '.join(loose)})" if loose else ""


class _Reading(Reading):
    def __init__(
        self,
        http: ClickHouseSystem,
        name: str,
        read: Reader,
        account: str,
        span: Span,
        chosen: ClickHouseSettings,
        table: Table,
        only: Where | None,
    ) -> None:
        super().__init__(name, span, chosen.page, table.clock.per_s)
        self._only = only
        self._http = http
        self._read = read
        self._account = account
        self._chosen = chosen
        self._table = table

    def _mapped(self, rows: Sequence[Row], around_us: Sequence[int]) -> Mapped:
        return self._read.batch([row.raw for row in rows], [row.id for row in rows], around_us)

    async def _newest(self, window: Window, size: int) -> Rows:
        time, clock = _quoted(self._chosen.time_column), self._table.clock
        within = f"{time} >= {clock.at('low')} AND {time} <= {clock.at('last')}"
        last = min(window.high - 1, clock.last)
        if last < window.low:
            return Rows([])
        return await self._rows(within, {"low": max(window.low, 0), "last": last}, size)

    async def _instant(self, tick: int, found: Rows) -> Rows:
        """Read on within one instant by id; twenty pages at most."""
        time, id_ = _quoted(self._chosen.time_column), _quoted(self._chosen.id_column)
        size, every, problems = len(found.rows), list(found.rows), {found.problem: None}
        within = f"{time} = {self._table.clock.at('tick')} AND {id_} < CAST({{id:String}} AS {self._table.id_type})"
        for _ in range(_INSTANT_PAGES):
            more = await self._rows(within, {"tick": tick, "id": every[-1].id}, size)
            every += more.rows
            problems[more.problem] = None
            if len(more.rows) < size:
                break
        else:
            problems[f"more than {len(every):,} rows of one instant: some are missing"] = None
        return Rows(every, "; ".join(filter(None, problems)))

    async def _coverage(self) -> Span | None:
        ticks, per_s = self._table.clock.ticks.format(_quoted(self._chosen.time_column)), self._table.clock.per_s
        figures = ("toString(count())", f"toString(min({ticks}))", f"toString(max({ticks}))")
        sql = _select(figures, _table(self._chosen.table))
        async with asyncio.timeout(2 * _COVERAGE_S):
            ((*found,),) = await self._http.rows(
                sql, {}, self._chosen.database, {"max_execution_time": str(_COVERAGE_S)}
            )
        count, oldest, newest = (int(figure or 0) for figure in found)
        if count == 0:
            return Span(self._span.until_us, self._span.until_us)
        return Span(oldest * 1_000_000 // per_s, -(-(newest + 1) * 1_000_000 // per_s))

    async def _rows(self, within: str, parameters: Parameters, size: int) -> Rows:
        chosen = self._chosen
        time, id_ = _quoted(chosen.time_column), _quoted(chosen.id_column)
        record = f"toString({_quoted(chosen.record_column)})" if chosen.record_column else self._table.whole
        what = (f"toString({self._table.clock.ticks.format(time)})", f"toString({id_})", record)
        only = f"AND {self._only.sql}" if self._only else ""
        rest = f"WHERE ({self._table.mine}) AND {within} {only} ORDER BY {time} DESC, {id_} DESC LIMIT {size:d}"
        sql = _select(what, _table(chosen.table), rest)
        bound = {**(self._only.parameters if self._only else {}), **parameters, "account": self._account}
        try:
            return Rows(await self._asked(sql, bound, {}), self._table.silent)
        except ShardAbsent as error:
            return Rows(await self._asked(sql, bound, {"skip_unavailable_shards": "1"}), error.what.rstrip("."))

    async def _asked(self, sql: str, bound: Parameters, settings: Mapping[str, str]) -> list[Row]:
        database = self._chosen.database
        if self._chosen.record_column:
            texts = await self._http.rows(sql, bound, database, settings)
            records = [(tick, own_id, (record or "").encode()) for tick, own_id, record in texts]
        else:
            whole = await self._http.records(sql, bound, database, settings)
            records = [(tick, own_id, bytes(record)) for tick, own_id, record in whole]
        # A row that lacks one of them is looked for once a page: there are thousands of rows.
        rows = [Row(int(tick), own_id, raw) for tick, own_id, raw in records if tick is not None and own_id is not None]
        if len(rows) < len(records):
            raise SourceGarbled(
                f"{self._name} has rows without an id ({self._chosen.id_column}): some would be lost.",
                "Name a column that every row has in the settings (id_column).",
            )
        return rows


def source(chosen: LogSettings, secret: str, surroundings: Surroundings) -> ClickHouseEvents:
    """Return the source of a ``[[logs]]`` table. Raises Invalid."""
    if chosen.clickhouse is None:
        raise Invalid(f"{chosen.name} names no table.", "Add [logs.clickhouse] with `table` to the settings.")
    mapping = chosen.mapping
    if mapping == MappingSettings() and not chosen.clickhouse.record_column:
        mapping = MappingSettings(records="flat")
    http = ClickHouseSystem(endpoint(chosen), credential(chosen, secret), surroundings, policy(chosen))
    return ClickHouseEvents(http, chosen.name, chosen.clickhouse, mapping)


def _clock(name: str, column: str, kind: str, unit: str) -> Clock:
    """Return how a column of a type keeps time. Raises Invalid where it holds no times."""
    if _NUMBER.fullmatch(kind):
        return Clock(_PER_S[unit], "toInt64({})", "{}", 2**63 - 1)
    moment = _MOMENT.fullmatch(kind)
    if moment is None:
        raise Invalid(
            f"The column {clean(column, 80)} of {name} holds no times but {clean(kind, 80)}.",
            "Name a column of DateTime, DateTime64 or whole numbers in the settings (time_column).",
        )
    if moment[1] is None:
        return Clock(1, "toInt64(toUnixTimestamp({}))", "toDateTime({})", _SECONDS_MAX)
    # Ticks of whole thousands, as ClickHouse's functions have them; a DateTime64(1) has whole milliseconds, too.
    scale = max(-(-int(moment[1]) // 3) * 3, 3)
    unit_ = {3: "Milli", 6: "Micro", 9: "Nano"}[scale]
    last = min(_NANOS_MAX_S * 10**scale, 2**63 - 1)
    return Clock(10**scale, f"toUnixTimestamp64{unit_}({{}})", f"fromUnixTimestamp64{unit_}({{}})", last)


def _named_tuple(columns: Sequence[Column]) -> str:
    """Return the columns as one value of their names and types, which JSON has as an object."""
    named = ", ".join(f"{_quoted(column.name)} {column.type}" for column in columns)
    return f"CAST(tuple({', '.join(_quoted(column.name) for column in columns)}), {_literal(f'Tuple({named})')})"


def _literal(text: str) -> str:
    """Return a text in single quotes (ClickHouse docs, "Syntax: string literals")."""
    return "'" + re.sub(r"([\\'])", r"\\\1", text) + "'"


def _bare(kind: str) -> str:
    """Return a type without LowCardinality and Nullable around it."""
    while wrapped := _WRAPPED.fullmatch(kind):
        kind = wrapped[1]
    return kind


def _is_account(column: str, kind: str) -> str:
    """Return the condition that a column of a type holds the parameter `account`; what is no such value is nobody."""
    if kind == "String" or kind.startswith("FixedString("):
        return f"{_quoted(column)} = {{account:String}}"
    return f"{_quoted(column)} = accurateCastOrNull({{account:String}}, {_literal(kind)})"


def _quoted(name: str) -> str:
    """Return an identifier in backticks (ClickHouse docs, "Syntax: identifiers")."""
    return "`" + re.sub(r"([\\`])", r"\\\1", name) + "`"


def _select(what: Iterable[str], table: str, rest: str = "") -> str:
    return " ".join(("SELECT", ", ".join(what), "FROM", table, rest))


def _table(name: str) -> str:
    """Return ``table`` or ``database.table``."""
    return ".".join(map(_quoted, name.split(".", 1)))
