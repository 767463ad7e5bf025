"""A table or view of a PostgreSQL database as a source of events, read newest first by keyset.

One read-only statement a page: ``(time, id) < (the last ones)``, which an index on account, time and id answers from
one end. The session itself is read-only, in UTC, and has a time limit of the server's; whoever stops reading cancels
the statement there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from workstation.services.clock import from_micros
from workstation.services.connectors.endpoint import is_loopback
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.in_order import in_order
from workstation.services.connectors.logs.narrowing import columns
from workstation.services.errors import (
    Invalid,
    SourceDenied,
    SourceDown,
    SourceGarbled,
    SourceMissing,
    WorkstationError,
)
from workstation.services.text import clean
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping.configured import BY_PATHS, Reader, instant, reader
from workstation.services.timeline.mapping.records import Unmappable
from workstation.services.timeline.query.push.postgres import where
from workstation.services.timeline.query.push.sql import Where
from workstation.services.timeline.source import ALL, Only, Page, Span
from workstation.settings import LogSettings, MappingSettings, PostgresSettings

#: Events of the first page: a screenful or two.
FIRST = 200
#: Seconds for what the table as a whole reaches from and to: without an index on the time it is not worth more.
_COVERAGE_S = 2
#: The server gives up before we do, and says so itself.
_SERVER_SHARE = 0.8
#: A record's own time and that of its column are the same moment within this; PostgreSQL rounds to microseconds.
_SAME_US = 1_000
_SAFE_MODES = ("verify-full",)
_EPOCH, _MICRO = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_PER_S = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
#: Types of columns by their numbers (``pg_type.dat``): whole numbers, and moments with and without a zone.
_NUMBERS, _MOMENTS = frozenset({20, 21, 23, 1700}), frozenset({1082, 1114, 1184})


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The time and id of the last row, as PostgreSQL writes them."""

    time: str
    id: str


class PostgresEvents:
    """An :class:`~workstation.services.timeline.source.EventSource` over a table.

    Args:
        conninfo: where to connect, with the credential.
        name: what rows and gaps call it.
        chosen: the table and its columns.
        mapping: what its rows, or the records in a column, are.
        deadline_s: seconds that a page may take.

    Raises:
        Invalid: the page size, the table's name or the mapping cannot be used.
    """

    def __init__(
        self, conninfo: str, name: str, chosen: PostgresSettings, mapping: MappingSettings, deadline_s: float
    ) -> None:
        if chosen.page < 1 or not chosen.account_columns:
            raise Invalid(f"{name} needs a page of one row at least, and a column of accounts.", "Correct it.")
        if not chosen.record_column and mapping.records in BY_PATHS and not mapping.time:
            mapping = msgspec.structs.replace(mapping, time=chosen.time_column)
        self._conninfo = conninfo
        self._name = name
        self._chosen = chosen
        self._mapping = mapping
        self._read: Reader = reader(mapping, name)
        # What is inside a record's text is no column.
        self._columns = {} if chosen.record_column else columns(name, mapping, self._read)
        self._deadline_s = deadline_s
        self._closed = False

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield pages newest first until the span is exhausted; the next one is read while one is looked at.

        Raises:
            SourceDenied, SourceMissing: the credential, the table or a column.
            SourceGarbled: rows without an id.
            SourceError, Invalid: after the pages that could be had.
        """
        pushed = where(only.query, self._columns, only.now_us)
        if pushed.nothing:
            return
        reading = in_order([lambda: self._pages(account, span, _place(cursor), pushed.condition)], 1)
        async with aclosing(reading) as pages:
            async for page in pages:
                yield page

    async def sample(self) -> tuple[str, Event | None]:
        """Return the server's version, and the event of the newest row, whoever's; None where there is none.

        Raises:
            SourceError, Invalid: it cannot be asked, or the row cannot be mapped.
        """
        query = sql.SQL("SELECT {id}::text, {record}::text FROM {table} AS t ORDER BY {time} DESC LIMIT 1")
        async with self._connected() as connection, self._explained():
            major = connection.info.server_version // 10_000
            row = await (await connection.execute(query.format(**self._names()))).fetchone()
        return f"PostgreSQL {major}", self._read((row[1] or "").encode(), row[0] or "") if row else None

    async def aclose(self) -> None:
        """Further calls raise; each reading has a connection of its own and has closed it."""
        self._closed = True

    async def _pages(self, account: str, span: Span, place: _Cursor | None, only: Where | None) -> AsyncIterator[Page]:
        async with self._connected() as connection:
            numbers = await self._are_times_numbers(connection)
            size, covers = min(FIRST, self._chosen.page) if place is None else self._chosen.page, None
            while True:
                rows = await self._rows(connection, account, self._bounds(span, numbers), place, size, only)
                full, size = len(rows) == size, self._chosen.page
                if covers is None:
                    covers = await self._coverage(connection, span)
                # A thousand rows take about 10 ms, which would be felt at the keyboard.
                page = await asyncio.to_thread(self._page, rows, span)
                place = _Cursor(rows[-1][0], rows[-1][1]) if full else None
                written = msgspec.json.encode(place).decode() if place else None
                yield msgspec.structs.replace(page, cursor=written, covers=covers)
                if place is None:
                    return

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        if self._closed:
            raise SourceDown(f"The connection to {self._name} was closed.", "Open it again.")
        async with self._explained():
            connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        try:
            yield connection
        finally:
            await connection.close()

    async def _are_times_numbers(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> bool:
        """Return whether the time column holds numbers. Raises Invalid where it holds neither them nor moments."""
        query = sql.SQL("SELECT {time} FROM {table} AS t LIMIT 0").format(**self._names())
        async with self._explained():
            cursor = await connection.execute(query)
        kind = cursor.description[0].type_code if cursor.description else 0
        if kind not in _NUMBERS | _MOMENTS:
            raise Invalid(
                f"The column {self._chosen.time_column} of {self._name} holds no times.",
                "Name the column that does in the settings (time_column).",
            )
        return kind in _NUMBERS

    async def _rows(
        self,
        connection: psycopg.AsyncConnection[tuple[Any, ...]],
        account: str,
        bounds: tuple[Any, Any],
        place: _Cursor | None,
        size: int,
        only: Where | None,
    ) -> list[tuple[str, str, str]]:
        """Return rows as texts: time, id, record."""
        names = self._names()
        # A name each: one parameter has one type, and the columns may have several.
        accounts = {f"account{n}": column for n, column in enumerate(self._chosen.account_columns)}
        mine = sql.SQL(" OR ").join(
            sql.SQL("{} = {}").format(sql.Identifier("t", column), sql.Placeholder(name))
            for name, column in accounts.items()
        )
        after = sql.SQL("AND ({time}, {id}) < (%(at)s, %(below)s)").format(**names) if place else sql.SQL("")
        # Names of the settings in quotes, and names of parameters: nothing of what was typed stands in it.
        wanted = sql.SQL(f"AND {only.sql}" if only else "")
        query = sql.SQL(
            "SELECT {time}::text, {id}::text, {record}::text FROM {table} AS t"
            " WHERE ({mine}) AND {time} >= %(since)s AND {time} < %(until)s {after} {wanted}"
            " ORDER BY {time} DESC, {id} DESC LIMIT %(size)s"
        ).format(**names, mine=mine, after=after, wanted=wanted)
        values: dict[str, Any] = {**(only.parameters if only else {}), **dict.fromkeys(accounts, account)}
        values |= {"since": bounds[0], "until": bounds[1], "size": size}
        values |= {"at": place.time, "below": place.id} if place else {}
        async with self._explained():
            try:
                cursor = await connection.execute(query, values)
            except (errors.InvalidTextRepresentation, errors.NumericValueOutOfRange):
                if only is not None:
                    raise  # a column is not what the settings say: rows would be lost in silence
                return []  # the column holds numbers or UUIDs, and this account is none: it is not in there
            rows = await cursor.fetchall()
        if any(row[1] is None for row in rows):
            raise SourceGarbled(
                f"{self._name} has rows without an id ({self._chosen.id_column}): some would be lost.",
                "Name a column that every row has in the settings (id_column).",
            )
        return rows

    async def _coverage(self, connection: psycopg.AsyncConnection[tuple[Any, ...]], span: Span) -> Span | None:
        """Return from the oldest to the newest row, whoever's; None where that takes too long to know."""
        query = sql.SQL("SELECT min({time})::text, max({time})::text FROM {table} AS t").format(**self._names())
        try:
            async with connection.transaction():
                await connection.execute(sql.SQL("SET LOCAL statement_timeout = '{}s'").format(_COVERAGE_S))
                row = await (await connection.execute(query)).fetchone()
        except psycopg.Error:
            return None
        if row is None or row[0] is None:
            return Span(span.until_us, span.until_us)
        try:
            oldest, newest = self._micros(row[0]), self._micros(row[1]) + 1
        except Unmappable:  # an infinite time
            return None
        since = min(max(oldest, span.since_us), span.until_us)
        return Span(since, max(min(newest, span.until_us), since))

    def _page(self, rows: list[tuple[str, str, str]], span: Span) -> Page:
        times = [self._stored(time) for time, _, _ in rows]
        some = [place for place, us in enumerate(times) if us is not None]
        raws, ids = [(rows[place][2] or "").encode() for place in some], [rows[place][1] for place in some]
        batch, bad = self._read.batch(raws, ids)
        stored = np.delete(np.array([times[place] for place in some], np.int64), bad)
        there = np.abs(batch.times - stored) < _SAME_US
        wrong = (
            (len(rows) - len(batch), "records could not be read"),
            (
                int((~there).sum()),
                f"records whose own time is not that of {self._chosen.time_column} were left out",
            ),
        )
        why = "; ".join(f"{count:,} {said}" for count, said in wrong if count)
        batch = batch.at_times(stored).taken(there).within(span.since_us, span.until_us)
        return Page(events=batch, partial=bool(why), why=why)

    def _stored(self, written: str) -> int | None:
        try:
            return self._micros(written)
        except Unmappable:  # an infinite time
            return None

    def _micros(self, written: str) -> int:
        try:
            at = datetime.fromisoformat(written)
        except ValueError:
            return instant(self._mapping, written)
        return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // _MICRO

    def _bounds(self, span: Span, numbers: bool) -> tuple[Any, Any]:
        """Return what the time column is compared with: texts that take its type, so that its index is used."""
        if not numbers:
            return from_micros(span.since_us).isoformat(), from_micros(span.until_us).isoformat()
        per_s = _PER_S[self._mapping.time_unit]
        return str(span.since_us * per_s // 1_000_000), str(-(-span.until_us * per_s // 1_000_000))

    def _names(self) -> dict[str, sql.Composable]:
        chosen = self._chosen
        record = sql.Identifier("t", chosen.record_column) if chosen.record_column else sql.SQL("row_to_json(t)")
        return {
            "table": sql.Identifier(*chosen.table.split(".")),
            # With the table's name: alone it would be the text that is selected, which sorts otherwise.
            "time": sql.Identifier("t", chosen.time_column),
            "id": sql.Identifier("t", chosen.id_column),
            "record": record,
        }

    @asynccontextmanager
    async def _explained(self) -> AsyncIterator[None]:
        """Make a sentence of what PostgreSQL says."""
        try:
            async with asyncio.timeout(self._deadline_s):
                yield
        except TimeoutError as error:
            raise _silent(self._name, self._deadline_s) from error
        except psycopg.Error as error:
            raise _sentence(self._name, error, self._deadline_s) from error


def source(chosen: LogSettings, secret: str, surroundings: Surroundings) -> PostgresEvents:
    """Return the source of a ``[[logs]]`` table.

    Raises:
        Invalid: no table is named, or the address holds a credential or would send one in the open.
    """
    if chosen.postgres is None:
        raise Invalid(f"{chosen.name} names no table.", "Add [logs.postgres] with `table` to the settings.")
    mapping = chosen.mapping
    if mapping == MappingSettings() and not chosen.postgres.record_column:
        mapping = MappingSettings(records="flat")
    conninfo = _conninfo(chosen, secret)
    return PostgresEvents(conninfo, chosen.name, chosen.postgres, mapping, chosen.deadline_s)


def _conninfo(chosen: LogSettings, secret: str) -> str:
    try:
        given = conninfo_to_dict(chosen.url)
    except psycopg.Error as error:
        raise Invalid(f"The address of {chosen.name} is no libpq address.", "Correct it in the settings.") from error
    if "password" in given or "user" in given:
        raise Invalid(
            f"The address of {chosen.name} holds a credential.", "Name `user`; the password is in the keyring."
        )
    host = str(given.get("host", ""))
    if not chosen.user or not host:
        raise Invalid(f"{chosen.name} lacks a user or a host.", "Name both in the settings.")
    tls: dict[str, str] = {}
    if not host.startswith("/") and not is_loopback(host):
        if given.get("sslmode", "verify-full") not in _SAFE_MODES:
            raise Invalid(
                f"{chosen.name} would be read without knowing whose server it is.", "Use sslmode=verify-full."
            )
        tls = {"sslmode": "verify-full", "sslrootcert": chosen.ca_file or "system"}
    milliseconds = max(int(chosen.deadline_s * _SERVER_SHARE * 1_000), 1)
    options = (
        f"-c default_transaction_read_only=on -c statement_timeout={milliseconds} -c TimeZone=UTC -c DateStyle=ISO"
    )
    return make_conninfo(
        chosen.url,
        user=chosen.user,
        **({"password": secret} if secret else {}),
        **tls,
        connect_timeout=max(int(chosen.deadline_s), 2),
        application_name="workstation",
        passfile="/dev/null",
        options=options,
    )


def _place(cursor: str | None) -> _Cursor | None:
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(cursor, type=_Cursor)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid("That place in the log cannot be read.", "Load the timeline again.") from error


def _silent(name: str, deadline_s: float) -> SourceDown:
    return SourceDown(
        f"{name} did not answer within {deadline_s:g} s.",
        "Try again; if it stays, an index on account, time and id is missing: tell who runs that database.",
    )


def _sentence(name: str, error: psycopg.Error, deadline_s: float) -> WorkstationError:
    said = clean(error.diag.message_primary or "", 200).rstrip(". ")
    ending = f": {said}" if said else ""
    match error:
        case errors.QueryCanceled():
            return _silent(name, deadline_s)
        case errors.InvalidPassword() | errors.InvalidAuthorizationSpecification() | errors.InsufficientPrivilege():
            return SourceDenied(f"{name} refused our credential{ending}.", "Ask who runs this installation.")
        case errors.UndefinedTable() | errors.UndefinedColumn() | errors.InvalidSchemaName():
            return SourceMissing(f"{name} has no such table or column{ending}.", "Check the names in the settings.")
        case psycopg.OperationalError():
            return _unreachable(name, error, ending)
    return Invalid(f"{name} refused the request{ending}.", "Check table, columns and mapping in the settings.")


def _unreachable(name: str, error: psycopg.OperationalError, ending: str) -> WorkstationError:
    # Before there is a session the reason is in the text alone (libpq, fe-connect.c, and what the server sent).
    written = str(error)
    if "password authentication failed" in written or "no password supplied" in written or "pg_hba.conf" in written:
        return SourceDenied(f"{name} refused our credential.", "Ask who runs this installation.")
    if "certificate" in written:
        return SourceDown(
            f"{name} shows a certificate that is not trusted here.",
            "If your company signs its own, name its authority in the settings (ca_file). Do not go on without.",
        )
    return SourceDown(f"{name} cannot be reached{ending}.", "Check the network, then that database.")
