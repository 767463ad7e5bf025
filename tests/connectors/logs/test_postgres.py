"""A table of a real PostgreSQL as a source."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.connectors.wire import surroundings
from tests.contracts.event_source import EventSourceContract, Story, events, read
from workstation.services.clock import from_micros
from workstation.services.connectors.logs.postgres import PostgresEvents
from workstation.services.connectors.logs.registry import source as source_of
from workstation.services.errors import (
    Invalid,
    SourceDenied,
    SourceDown,
    SourceGarbled,
    SourceMissing,
    WorkstationError,
)
from workstation.services.store import embedded
from workstation.services.timeline.source import Span
from workstation.settings import LogSettings, MappingSettings, PostgresSettings

BEGAN = 1_767_225_600_000_000
DAY = 86_400_000_000
ME, OTHER = "AA71N84G", "AA02K11P"
SPAN = Span(BEGAN, BEGAN + 30 * DAY)


class Base:
    """A server with a reader's login, and the rows of one account in tables of several kinds."""

    def __init__(self, lease: embedded.Lease) -> None:
        self.url = f"postgresql:///ws?host={lease.host}&port={conninfo_to_dict(lease.superuser_dsn())['port']}"
        with psycopg.connect(lease.superuser_dsn(), autocommit=True) as made:
            made.execute("CREATE DATABASE ws")  # the one that this server lets logins into
            made.execute("CREATE ROLE log_reader LOGIN PASSWORD 'read-me-not'")
        self.owner = psycopg.connect(lease.superuser_dsn("ws"), autocommit=True)
        rng = random.Random(5)
        times = [BEGAN + rng.randrange(30 * DAY) for _ in range(70)] + [BEGAN + 3 * DAY] * 25
        self.rows = [(f"{who}-{n:03}", at, who) for who in (ME, OTHER) for n, at in enumerate(times)]
        rng.shuffle(self.rows)
        self._columns()
        self._records()
        self._numbers()
        self.owner.execute("GRANT SELECT ON sign_ins, records, numbers, slow, no_ids TO log_reader")

    def _columns(self) -> None:
        columns = 'id text, "when" timestamptz, account text, action text, ip inet, "weird"" name" int'
        self.owner.execute(f"CREATE TABLE sign_ins ({columns})")  # type: ignore[arg-type]
        self._copy("sign_ins", [(id_, from_micros(at), who, "sign_in", "203.0.113.9", 1) for id_, at, who in self.rows])
        self.owner.execute("CREATE VIEW slow AS SELECT *, pg_sleep(60)::text AS x FROM sign_ins")
        self.owner.execute('CREATE TABLE no_ids AS SELECT NULL::text AS id, "when", account FROM sign_ins')

    def _records(self) -> None:
        self.owner.execute("CREATE TABLE records (n bigint PRIMARY KEY, at timestamp, who text, doc json)")
        self._copy(
            "records",
            [
                (n, from_micros(at).replace(tzinfo=None), who, json.dumps(_document(id_, at, who)))
                for n, (id_, at, who) in enumerate(self.rows)
            ],
        )

    def _numbers(self) -> None:
        self.owner.execute("CREATE TABLE numbers (id text, ts bigint, account bigint)")
        self._copy("numbers", [(id_, at // 1_000_000, 1 if who == ME else 2) for id_, at, who in self.rows])

    def _copy(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        with self.owner.cursor().copy(f"COPY {table} FROM STDIN") as copy:  # type: ignore[arg-type]
            for row in rows:
                copy.write_row(row)

    def source(
        self, secret: str = "read-me-not", mapping: MappingSettings | None = None, **chosen: Any
    ) -> PostgresEvents:
        deadline_s = chosen.pop("deadline_s", 30.0)
        table = {"table": "sign_ins", "time_column": "when", "page": 20, **chosen}
        made = LogSettings(
            name="core",
            kind="postgres",
            url=self.url,
            user="log_reader",
            deadline_s=deadline_s,
            mapping=mapping or MappingSettings(),
            postgres=PostgresSettings(**table),
        )
        source = source_of(made, secret, surroundings())
        assert isinstance(source, PostgresEvents)
        return source

    def story(self) -> Story:
        middle = BEGAN + 3 * DAY
        return Story(
            account=ME,
            span=SPAN,
            ids=frozenset(id_ for id_, _, who in self.rows if who == ME),
            part=Span(BEGAN, middle),
            part_ids=frozenset(id_ for id_, at, who in self.rows if who == ME and at < middle),
            nobody="ZZ00Z00Z",
        )


def _document(id_: str, at: int, who: str) -> dict[str, Any]:
    return {
        "@timestamp": from_micros(at).isoformat(),
        "event": {"id": id_, "action": "sign_in", "outcome": "success"},
        "user": {"id": who},
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    with embedded.start(tmp_path_factory.mktemp("logs") / "store") as lease:
        made = Base(lease)
        yield made
        made.owner.close()


class TestColumns(EventSourceContract):
    @pytest.fixture
    def story(self, base: Base) -> Story:
        return base.story()

    @pytest.fixture
    async def source(self, base: Base) -> AsyncIterator[PostgresEvents]:
        source = base.source()
        yield source
        await source.aclose()

    async def test_says_from_when_to_when_the_table_reaches(self, source: PostgresEvents, story: Story) -> None:
        (page, *_) = await read(source, story.account, Span(0, BEGAN + 60 * DAY))
        assert page.covers is not None
        assert BEGAN <= page.covers.since_us < BEGAN + 2 * DAY < page.covers.until_us <= BEGAN + 30 * DAY


class TestRecords(TestColumns):
    """A column with ECS documents, and a time without a zone."""

    @pytest.fixture
    async def source(self, base: Base) -> AsyncIterator[PostgresEvents]:
        chosen = {"time_column": "at", "id_column": "n", "account_columns": ("who",), "record_column": "doc"}
        source = base.source(table="public.records", **chosen)
        yield source
        await source.aclose()


async def test_numbers_as_times_and_accounts(base: Base) -> None:
    mapping = MappingSettings(records="flat", time_unit="s")
    source = base.source(table="numbers", time_column="ts", mapping=mapping)
    assert {event.id for event in events(await read(source, "1", SPAN))} == base.story().ids
    assert events(await read(source, ME, SPAN)) == []


async def test_names_are_names_and_accounts_are_values(base: Base) -> None:
    source = base.source(table='sign_ins" t; DROP TABLE sign_ins; --')
    with pytest.raises(SourceMissing):
        await read(source, ME, SPAN)
    assert events(await read(base.source(), "' OR true; --", SPAN)) == []
    assert len(events(await read(base.source(account_columns=("account", 'weird" name')), "1", SPAN))) == 190


async def test_the_session_can_only_read(base: Base) -> None:
    async with base.source()._connected() as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("CREATE TEMP TABLE x (y int)")
            await connection.execute("INSERT INTO sign_ins VALUES ('x')")


@pytest.mark.parametrize(
    ("chosen", "error"),
    [
        ({"secret": "wrong"}, SourceDenied),
        ({"table": "nowhere"}, SourceMissing),
        ({"time_column": "nowhere"}, SourceMissing),
        ({"time_column": "ip"}, Invalid),
        ({"table": "pg_authid", "time_column": "oid"}, SourceDenied),
        ({"table": "no_ids"}, SourceGarbled),
    ],
)
async def test_what_cannot_be_read_is_said(base: Base, chosen: dict[str, Any], error: type[WorkstationError]) -> None:
    with pytest.raises(error) as caught:
        await read(base.source(**chosen), ME, SPAN)
    assert caught.value.hint and "read-me-not" not in caught.value.sentence()


async def test_a_slow_statement_ends_with_the_deadline_here_and_there(base: Base) -> None:
    with pytest.raises(SourceDown, match=r"within 0\.5 s"):
        await read(base.source(table="slow", deadline_s=0.5), ME, SPAN)
    await _nothing_runs(base)


async def test_who_stops_reading_cancels_the_statement(base: Base) -> None:
    task = asyncio.ensure_future(read(base.source(table="slow"), ME, SPAN))
    await _until(base, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _nothing_runs(base)


async def _nothing_runs(base: Base) -> None:
    await _until(base, 0)


async def _until(base: Base, count: int) -> None:
    """Wait until that many of the reader's statements run, ten seconds at most."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'log_reader' AND state = 'active'"
    async with asyncio.timeout(10):
        while await asyncio.to_thread(lambda: base.owner.execute(query).fetchone()) != (count,):
            pass


async def test_a_server_that_ends_the_session_is_a_failed_source_that_goes_on(base: Base) -> None:
    source, got, cursor = base.source(), [], None
    with pytest.raises(SourceDown):
        async for page in source.pages(ME, SPAN):
            got += page.events
            cursor = page.cursor
            base.owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'log_reader'")
    assert cursor is not None
    got += events(await read(source, ME, SPAN, cursor))
    ids = [event.id for event in got]
    assert len(ids) == len(set(ids)) and set(ids) == base.story().ids


@pytest.mark.parametrize(
    "change",
    [
        {"url": "postgresql://me:secret@localhost/logs"},
        {"url": "postgresql://db.example.test/logs?sslmode=require"},
        {"url": "postgresql://db.example.test/logs", "user": ""},
        {"url": "postgresql:///logs"},
        {"url": "nonsense nonsense"},
        {"postgres": None},
        {"postgres": PostgresSettings(table="x", page=0)},
    ],
)
def test_an_address_that_cannot_be_used_is_refused(change: dict[str, Any]) -> None:
    table = {"name": "core", "kind": "postgres", "url": "postgresql://localhost/logs", "user": "r"}
    table["postgres"] = PostgresSettings(table="x")  # type: ignore[assignment]
    with pytest.raises(Invalid):
        source_of(LogSettings(**{**table, **change}), "s", surroundings())  # type: ignore[arg-type]


async def test_a_server_that_is_away_is_down() -> None:
    table = LogSettings(
        name="core",
        kind="postgres",
        url="postgresql://127.0.0.1:1/logs",
        user="r",
        postgres=PostgresSettings(table="x"),
    )
    with pytest.raises(SourceDown):
        await read(source_of(table, "s", surroundings()), ME, SPAN)


@pytest.mark.parametrize("cursor", ["", "x", '["a"]', "7"])
async def test_a_place_that_is_none_is_refused(base: Base, cursor: str) -> None:
    with pytest.raises(WorkstationError):
        await read(base.source(), ME, SPAN, cursor)
