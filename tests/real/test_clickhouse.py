"""ClickHouse as a source: the engine of today behind HTTP, and a server of 2018 for what only a server does."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.contracts.event_source import EventSourceContract, Story, events, read
from workstation.services.clock import SystemClock, from_micros
from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.http import Anonymous, Policy, Surroundings
from workstation.services.connectors.logs.access import Header
from workstation.services.connectors.logs.clickhouse_api import ClickHouseSystem
from workstation.services.connectors.logs.clickhouse_errors import ShardAbsent, exception
from workstation.services.connectors.logs.registry import source as source_of
from workstation.services.errors import Invalid, SourceDenied, SourceDown, SourceMissing, WorkstationError
from workstation.services.timeline.source import EventSource, Span
from workstation.settings import ClickHouseSettings, LogSettings, MappingSettings

from .conftest import absent

pytestmark = pytest.mark.real

BEGAN = 1_767_225_600_000_000
DAY = 86_400_000_000
ME, OTHER = "AA71N84G", "it's \\ a\ttab` {account:String}"
SPAN = Span(BEGAN, BEGAN + 30 * DAY)


def url_of(name: str) -> str:
    url = os.environ.get(f"WORKSTATION_REAL_{name}_URL")
    if not url:
        absent(name)
    return str(url)


class Server:
    """A server, its tables, and sources over them."""

    nullable = "SETTINGS allow_nullable_key = 1"

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=60)
        self._number = 0

    def run(self, sql: str) -> str:
        answer = self._client.post("/", content=sql.encode())
        assert answer.status_code == 200, answer.text
        return answer.text

    def table(self, columns: str, order: str, rows: list[dict[str, Any]]) -> str:
        self._number += 1
        name = f"t{self._number}_{random.getrandbits(40):x}"
        self.run(f"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY ({order}) {self.nullable}")
        if rows:
            self.run(f"INSERT INTO {name} FORMAT JSONEachRow " + "\n".join(json.dumps(row) for row in rows))
        return name

    def source(self, table: str, mapping: MappingSettings | None = None, **chosen: Any) -> EventSource:
        settings = LogSettings(
            name="core",
            kind="clickhouse",
            url=self.url,
            auth="none",
            mapping=mapping or MappingSettings(),
            clickhouse=ClickHouseSettings(table=table, **{"page": 20, **chosen}),
        )
        return source_of(settings, "", Surroundings(clock=SystemClock(), rng=random.Random(3)))

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def modern() -> Iterator[Server]:
    server = Server(url_of("CLICKHOUSE"))
    yield server
    server.close()


def moments() -> list[int]:
    """Seventy moments of a month, and three seconds with more in them than fits a page."""
    rng = random.Random(5)
    return [BEGAN + rng.randrange(30 * DAY) for _ in range(70)] + [BEGAN + 3 * DAY + n % 3 for n in range(75)]


def rows(per_s: int) -> list[tuple[str, int, str]]:
    """Id, microseconds as the column keeps them, account."""
    every = [
        (f"{who[:2]}-{n:03}", at * per_s // 1_000_000 * 1_000_000 // per_s, who)
        for who in (ME, OTHER)
        for n, at in enumerate(moments())
    ]
    random.Random(6).shuffle(every)
    return every


def story(per_s: int) -> Story:
    mine = {id_: at for id_, at, who in rows(per_s) if who == ME}
    middle = sorted(mine.values())[60]
    return Story(
        account=ME,
        span=SPAN,
        ids=frozenset(mine),
        part=Span(BEGAN, middle),
        part_ids=frozenset(id_ for id_, at in mine.items() if at < middle),
        nobody="ZZ00Z00Z",
    )


def written(us: int) -> str:
    return from_micros(us).isoformat(sep=" ").removesuffix("+00:00")


class TestClickHouse(EventSourceContract):
    """A table of columns, in the milliseconds of a zone that is not UTC."""

    per_s = 1_000
    columns = "time DateTime64(3, 'Asia/Tokyo'), id String, account LowCardinality(String), action String, ip String"
    extra: Mapping[str, Any] = {}

    @pytest.fixture
    def story(self) -> Story:
        return story(self.per_s)

    @pytest.fixture(scope="class")
    def table(self, modern: Server) -> str:
        return modern.table(
            self.columns, "account, time", [self.row(id_, at, who) for id_, at, who in rows(self.per_s)]
        )

    def row(self, id_: str, at: int, who: str) -> dict[str, Any]:
        time = at / 1_000_000 if self.per_s < 10**9 else str(at * 1_000)
        return {"time": time, "id": id_, "account": who, "action": "sign_in", "ip": "203.0.113.9"}

    @pytest.fixture
    async def source(self, modern: Server, table: str) -> AsyncIterator[EventSource]:
        source = modern.source(table, **self.extra)
        yield source
        await source.aclose()

    async def test_an_event_is_what_its_row_says(self, source: EventSource, story: Story) -> None:
        at = {id_: at for id_, at, who in rows(self.per_s) if who == ME}
        for event in events(await read(source, story.account, story.span)):
            assert event.time_us == at[event.id]
            assert (event.account, event.action, event.ip, event.source) == (ME, "sign_in", "203.0.113.9", "core")

    async def test_says_from_when_to_when_the_table_reaches(self, source: EventSource, story: Story) -> None:
        pages = await read(source, story.account, Span(0, BEGAN + 60 * DAY))
        assert pages[-1].covers is not None
        (covers,) = {page.covers for page in pages if page.covers}
        assert BEGAN <= covers.since_us < BEGAN + 3 * DAY and BEGAN + 27 * DAY < covers.until_us <= BEGAN + 30 * DAY
        assert not any(page.partial for page in pages)

    async def test_an_account_is_a_value_never_sql(self, source: EventSource, story: Story) -> None:
        other = events(await read(source, OTHER, story.span))
        assert len(other) == 145 and {event.account for event in other} == {OTHER}
        assert events(await read(source, f"{ME}' OR 1=1 --", story.span)) == []


class TestClickHouseBySeconds(TestClickHouse):
    per_s = 1
    columns = "time DateTime('America/New_York'), num UInt64, id String, account String, action String, ip String"
    extra: Mapping[str, Any] = {"id_column": "num"}

    def row(self, id_: str, at: int, who: str) -> dict[str, Any]:
        return {**super().row(id_, at, who), "time": at // 1_000_000, "num": int(id_[3:]) * 7}


class TestClickHouseByNanoseconds(TestClickHouse):
    per_s = 10**9
    columns = "time Nullable(DateTime64(9)), id String, account Nullable(String), action String, ip String"

    def row(self, id_: str, at: int, who: str) -> dict[str, Any]:
        return {**super().row(id_, at, who), "time": written(at)}


class TestClickHouseOfRecords(TestClickHouse):
    """Records as JSON in a column of a table with names that need quotes."""

    per_s = 10**6
    columns = "`when ``it` DateTime64(6), id UUID, `the \\\\ account` String, record String"
    extra: Mapping[str, Any] = {
        "time_column": "when `it",
        "account_columns": ("the \\ account",),
        "record_column": "record",
    }

    @pytest.fixture(scope="class")
    def table(self, modern: Server) -> str:
        every = [self.row(id_, at, who) for id_, at, who in rows(self.per_s)]
        return modern.table(self.columns, "`the \\\\ account`, `when ``it`", every)

    def row(self, id_: str, at: int, who: str) -> dict[str, Any]:
        record = {
            "@timestamp": from_micros(at).isoformat(),
            "event": {"id": id_, "action": "sign_in"},
            "user": {"id": who},
            "source": {"ip": "203.0.113.9"},
        }
        uuid = f"{random.Random(id_ + who).getrandbits(128):032x}"
        uuid = "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]))
        return {"when `it": written(at), "id": uuid, "the \\ account": who, "record": json.dumps(record)}


async def test_numbers_as_times_and_accounts(modern: Server) -> None:
    columns = "ts UInt64, id String, account UInt32, action String"
    table = modern.table(
        columns,
        "account, ts",
        [{"ts": 1_767_225_600 + n, "id": f"e{n}", "account": 42, "action": "x"} for n in range(90)],
    )
    source = modern.source(table, MappingSettings(records="flat", time_unit="s"), time_column="ts")
    got = events(await read(source, "42", SPAN))
    assert [event.id for event in got] == [f"e{n}" for n in reversed(range(90))]
    assert events(await read(source, "nobody", SPAN)) == []
    await source.aclose()


async def test_a_row_of_any_types_is_the_record_that_the_server_itself_writes(modern: Server) -> None:
    columns = (
        "time DateTime64(3), id String, account String, none Nullable(String), `a.b ``c` LowCardinality(String), "
        "list Array(Nullable(Int8)), map Map(String, UInt64), big UInt64, exact Decimal(38, 9), day Date, uuid UUID, "
        "word Enum8('o\\'k' = 1), pair Tuple(x Int8, y Tuple(String, Float64)), ip IPv6, "
        "nested Nested(k String, v Int8), fixed FixedString(3), yes Bool"
    )
    table = modern.table(columns, "account, time", [])
    modern.run(
        f"INSERT INTO {table} SELECT toDateTime64('2026-01-02 03:04:05.678', 3), 'e1', '{ME}', NULL, 'q\"\\\\\x01é', "
        "[1, NULL], map('k', 18446744073709551615), 18446744073709551615, 0.000000001, '2026-01-02', "
        "'61f0c404-5cb3-11e7-907b-a6006ad3dba0', 1, (1, ('z', 0.1)), '::1', ['a'], [1], 'ab', true"
    )
    source = modern.source(table)
    (event,) = events(await read(source, ME, SPAN))
    await source.aclose()
    own = modern.run(f"SELECT * FROM {table} FORMAT JSONEachRow SETTINGS date_time_output_format='iso'")
    assert json.loads(event.raw) == json.loads(own)


async def test_what_cannot_be_asked_is_said_with_what_to_do(modern: Server) -> None:
    table = modern.table("time DateTime, id String, account String", "time", [])
    for chosen, error, word in (
        ({"table": "no_such"}, SourceMissing, "no_such"),
        ({"database": "no_such"}, SourceMissing, "no_such"),
        ({"account_columns": ("no_such",)}, SourceMissing, "no_such"),
        ({"time_column": "id"}, Invalid, "String"),
    ):
        source = modern.source(**{"table": table, **chosen})  # type: ignore[arg-type]
        with pytest.raises(error) as caught:
            await read(source, ME, SPAN)
        await source.aclose()
        assert word in caught.value.what and caught.value.hint and ME not in caught.value.sentence()


async def test_an_empty_table_covers_nothing(modern: Server) -> None:
    source = modern.source(modern.table("time DateTime, id String, account String", "time", []))
    (page,) = await read(source, ME, SPAN)
    assert not page.events and page.covers == Span(SPAN.until_us, SPAN.until_us)
    await source.aclose()


async def test_more_than_the_server_gives_at_once_is_said(modern: Server) -> None:
    table = modern.table("time DateTime, id String, account String", "time", [])
    http = ClickHouseSystem(Endpoint(name="core", url=modern.url), Anonymous(), _surroundings())
    for settings, error in (
        ({"max_rows_to_read": "10"}, Invalid),
        ({"max_result_rows": "10"}, Invalid),
        ({"max_memory_usage": "1000000"}, Invalid),
        ({"max_execution_time": "1"}, SourceDown),
    ):
        slow = "sleepEachRow(0.01)" if error is SourceDown else "number"
        sql = f"SELECT toString({slow}) FROM (SELECT * FROM numbers(3000000) ORDER BY rand())"
        with pytest.raises(error) as caught:
            await http.rows(sql, {}, "default", settings)
        assert caught.value.hint and table not in caught.value.sentence()  # type: ignore[attr-defined]
    await http.aclose()


def _surroundings() -> Surroundings:
    return Surroundings(clock=SystemClock(), rng=random.Random(9))


class Old:
    """The server of 2018: no parameters, but users, streams and queries that can be ended."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=60)

    def running(self, text: str) -> int:
        """Return how many queries run that hold a text."""
        sql = f"SELECT count() FROM system.processes WHERE position(query, '{text}') > 0"
        return int(self.client.post("/", content=f"{sql} AND position(query, 'processes') = 0").text)

    def connector(self, user: str, secret: str = "read-me-not", deadline_s: float = 10.0) -> ClickHouseSystem:
        basic = base64.b64encode(f"{user}:{secret}".encode()).decode()
        endpoint = Endpoint(name="core", url=self.url)
        return ClickHouseSystem(endpoint, Header("Basic", basic), _surroundings(), Policy(deadline_s=deadline_s))


@pytest.fixture(scope="module")
def old() -> Iterator[Old]:
    server = Old(url_of("CLICKHOUSE18"))
    yield server
    server.client.close()


@pytest.mark.parametrize(
    ("user", "secret", "sql", "error", "code"),
    [
        ("reader", "wrong", "SELECT '1'", SourceDenied, "193"),
        ("nobody", "", "SELECT '1'", SourceDenied, "192"),
        ("reader", "read-me-not", "SELEKT", Invalid, "62"),
        ("reader", "read-me-not", "SELECT acc FROM system.one", SourceMissing, "47: Unknown identifier: acc"),
        ("reader", "read-me-not", "SELECT '1' FROM nope", SourceMissing, "60: Table default.nope"),
        ("reader", "read-me-not", "SELECT throwIf(number = 200000) FROM numbers(300000)", Invalid, "395"),
        ("fixed", "read-me-not", "DROP TABLE system.one", Invalid, "164"),
    ],
)
async def test_statuses_and_codes_of_an_old_server(
    old: Old, user: str, secret: str, sql: str, error: type[WorkstationError], code: str
) -> None:
    http = old.connector(user, secret)
    with pytest.raises((error, SourceDown)) as caught:
        await http.rows(sql, {}, "default")
    await http.aclose()
    assert f"({code}" in caught.value.what and "read-me-not" not in caught.value.sentence()


@pytest.mark.parametrize("user", ["reader", "fixed"])
async def test_settings_that_an_old_server_refuses_are_left_out(old: Old, user: str) -> None:
    http = old.connector(user)
    sql = "SELECT toString(number) FROM system.numbers LIMIT 3"
    assert await http.rows(sql, {}, "default") == [["0"], ["1"], ["2"]]
    assert ("max_execution_time" in http.forbidden) == (user == "fixed")
    await http.aclose()


async def test_limits_of_a_profile_that_end_in_silence_are_known(old: Old) -> None:
    http = old.connector("loose")
    (row,) = await http.rows("SELECT toString(count()) FROM (SELECT number FROM system.numbers)", {}, "default")
    assert row[0] is not None and int(row[0]) < 1_000_000, "the server ends it without a word"
    found = await http.rows("SELECT name, value FROM system.settings WHERE value = 'break'", {}, "system")
    assert ["read_overflow_mode", "break"] in found and "read_overflow_mode" in http.forbidden
    await http.aclose()


async def test_an_exception_in_the_middle_of_a_stream_is_found(old: Old) -> None:
    sql = "SELECT toString(number), throwIf(number = 900000) FROM system.numbers FORMAT JSONEachRow"
    answer = old.client.post("/", params={"max_block_size": "1000"}, content=sql)
    assert answer.status_code == 200 and answer.text.startswith("{")
    found = exception(answer.text[-4_000:])
    assert found is not None and found.code == 395


async def test_time_and_rows_run_out(old: Old) -> None:
    http = old.connector("reader", deadline_s=1.5)
    for settings, error in (({"max_execution_time": "1"}, SourceDown), ({"max_rows_to_read": "10"}, Invalid)):
        with pytest.raises(error):
            await http.rows("SELECT toString(count()) FROM system.numbers", {}, "default", settings)
    await http.aclose()


async def test_a_query_that_nobody_waits_for_is_ended(old: Old) -> None:
    http = old.connector("reader", deadline_s=60)
    reading = asyncio.ensure_future(http.rows("SELECT toString(count() + 4711) FROM system.numbers", {}, "default"))
    end = time.monotonic() + 20
    while not await asyncio.to_thread(old.running, "4711"):
        assert time.monotonic() < end and not reading.done()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    while await asyncio.to_thread(old.running, "4711"):
        assert time.monotonic() < end, "it runs on"
    await http.aclose()


async def test_a_shard_that_is_gone_is_an_error_that_can_be_done_without(old: Old) -> None:
    name = f"s{random.getrandbits(40):x}"
    old.client.post("/", content=f"CREATE TABLE {name} (n UInt64) ENGINE = Memory").raise_for_status()
    old.client.post("/", content=f"INSERT INTO {name} VALUES (1)").raise_for_status()
    both = f"CREATE TABLE {name}_all (n UInt64) ENGINE = Distributed(halved, default, {name})"
    old.client.post("/", content=both).raise_for_status()
    http = old.connector("reader")
    sql = f"SELECT toString(n) FROM {name}_all"
    with pytest.raises(ShardAbsent):
        await http.rows(sql, {}, "default")
    assert await http.rows(sql, {}, "default", {"skip_unavailable_shards": "1"}) == [["1"]]
    await http.aclose()
