"""One account's history, in parts over every kind of real store, shown whole by the loader that the product starts."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.real.conftest import absent
from tests.real.keycloak.client import Keycloak, code
from tests.real.test_clickhouse import Server
from tests.real.test_loki import Loki
from tests.real.test_search import Cluster
from workstation.services.clock import SystemClock, from_micros, to_micros
from workstation.services.store import embedded
from workstation.services.timeline.event import Event
from workstation.services.timeline.loading.apart import Loaders
from workstation.services.timeline.loading.timeline import Timeline
from workstation.services.timeline.loading.wire import Begin
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.query.one import matches
from workstation.services.timeline.source import SourceState, Span
from workstation.services.timeline.working.columns import WorkingSet
from workstation.settings import (
    AccountSettings,
    ClickHouseSettings,
    FilesSettings,
    LogSettings,
    LokiSettings,
    MappingSettings,
    OpenSearchSettings,
    PostgresSettings,
    Settings,
    StoreSettings,
)

pytestmark = pytest.mark.real

DAY = 86_400_000_000
ACTIONS = ("sign_in", "sign_out", "withdrawal.requested", "api_key.created", "Password.Changed")
#: Events of each store.
EACH = 240
PASSWORD = "read-me-not"
#: What every one of these stores holds as our events have it.
NARROW: dict[str, Any] = {"event.action": "text", "device.id": "text"}
#: Where it is in a record of ECS, and nowhere else.
FIELDS: dict[str, str | tuple[str, ...]] = {name: name for name in ("event.action", "device.id", "source.ip")}


class Row(msgspec.Struct, frozen=True):
    """An event, before a store has it."""

    id: str
    at: int
    account: str
    action: str
    ip: str
    device: str

    def document(self) -> dict[str, Any]:
        """Return it as ECS."""
        found: dict[str, Any] = {
            "@timestamp": from_micros(self.at).isoformat(),
            "event": {"id": self.id, "action": self.action},
            "user": {"id": self.account},
            "source": {"ip": self.ip},
        }
        return {**found, "device": {"id": self.device}} if self.device else found


class House(msgspec.Struct):
    """The settings of a house with all of these stores, and what they hold of one account."""

    settings: Settings
    tokens: dict[str, str]
    account: str
    rows: dict[str, list[Row]]
    keycloak: int
    lease: embedded.Lease


def url(name: str) -> str:
    found = os.environ.get(f"WORKSTATION_REAL_{name}_URL")
    if not found:
        absent(name)
    return str(found)


def made(name: str, account: str, now: int) -> list[Row]:
    """Return a store's part of ninety days: the account's rows and as many of somebody else."""
    rng = random.Random(name)
    return [
        Row(
            id=f"{name}-{who[:4]}-{n:04}",
            at=(now - rng.randrange(90 * DAY)) // 1000 * 1000,
            account=who,
            action=rng.choice(ACTIONS),
            ip=f"203.0.113.{rng.randrange(9)}",
            device=rng.choice(("", "d-1", "D-1", "d-22")),
        )
        for who in (account, "somebody-else")
        for n in range(EACH)
    ]


@pytest.fixture(scope="module")
def house(keycloak: Keycloak, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    user = keycloak.create_user()
    for _ in range(3):
        keycloak.login_as(user)
        keycloak.login(user.username, "wrong", code(user.otp))
    signed_in = len(keycloak.admin.get("/events", params={"user": user.id, "max": 100}).json())
    now = to_micros(SystemClock().now())
    names = ("opensearch", "elasticsearch", "clickhouse", "loki", "postgres", "files")
    rows = {name: made(name, user.id, now) for name in names}
    directory = tmp_path_factory.mktemp("house")
    with embedded.start(directory / "store") as lease:
        logs = (
            *(searched(name, rows[name]) for name in ("opensearch", "elasticsearch")),
            clickhouse(rows["clickhouse"]),
            loki(rows["loki"]),
            postgres(rows["postgres"], lease),
            files(rows["files"], directory),
            LogSettings(name="keycloak", kind="keycloak"),
        )
        accounts = AccountSettings(
            kind="keycloak", url=keycloak.url, realm=keycloak.realm, client=keycloak.reader[0], verifies_email=True
        )
        settings = Settings(store=StoreSettings(url=""), accounts=accounts, logs=logs)
        tokens = {"accounts:read": keycloak.reader[1], "logs:postgres:read": PASSWORD}
        yield House(settings, tokens, user.id, rows, signed_in, lease)


def searched(name: str, rows: list[Row]) -> LogSettings:
    cluster = Cluster(url(name.upper()), name)
    fields = {"type": "keyword"}
    typed = {"id": fields, "action": fields}
    mappings = {
        "properties": {
            "@timestamp": {"type": "date"},
            "event": {"properties": typed},
            "user": {"properties": {"id": fields}},
            "source": {"properties": {"ip": {"type": "ip"}}},
            "device": {"properties": {"id": fields}},
        }
    }
    index = cluster.index([row.document() for row in rows], mappings)
    chosen = OpenSearchSettings(index=index, page=100)
    mapping = MappingSettings(fields=FIELDS, narrow={**NARROW, "source.ip": "ip"})
    return LogSettings(name=name, kind="opensearch", url=cluster.url, auth="none", opensearch=chosen, mapping=mapping)


def clickhouse(rows: list[Row]) -> LogSettings:
    server = Server(url("CLICKHOUSE"))
    columns = "time DateTime64(6), id String, account String, action LowCardinality(String), ip IPv4, device String"
    inside = [
        {"time": row.at / 1e6, "id": row.id, "account": row.account, "action": row.action, "ip": row.ip,
         "device": row.device}
        for row in rows
    ]  # fmt: skip
    table = server.table(columns, "account, time", inside)
    server.close()
    fields: dict[str, str | tuple[str, ...]] = {"event.action": "action", "device.id": "device", "source.ip": "ip"}
    mapping = MappingSettings(records="flat", fields=fields, narrow={**NARROW, "source.ip": "ip"})
    chosen = ClickHouseSettings(table=table, page=100)
    return LogSettings(
        name="clickhouse", kind="clickhouse", url=server.url, auth="none", clickhouse=chosen, mapping=mapping
    )


def loki(rows: list[Row]) -> LogSettings:
    server = Loki(url("LOKI"))
    selector = server.push({(): [[str(row.at * 1_000), json.dumps(row.document())] for row in rows]})
    server.close()
    chosen = LokiSettings(selector=selector, tenant="exchange", page=100)
    mapping = MappingSettings(fields=FIELDS, narrow=NARROW)
    return LogSettings(name="loki", kind="loki", url=server.url, auth="none", loki=chosen, mapping=mapping)


def postgres(rows: list[Row], lease: embedded.Lease) -> LogSettings:
    with psycopg.connect(lease.superuser_dsn(), autocommit=True) as su:
        su.execute("CREATE DATABASE ws")
        su.execute(f"CREATE ROLE log_reader LOGIN PASSWORD '{PASSWORD}'")
    with psycopg.connect(lease.superuser_dsn("ws"), autocommit=True) as owner:
        owner.execute("CREATE TABLE auth (id text, time timestamptz, account text, action text, ip inet, device text)")
        with owner.cursor().copy("COPY auth FROM STDIN") as copy:
            for row in rows:
                copy.write_row((row.id, from_micros(row.at), row.account, row.action, row.ip, row.device or None))
        owner.execute("GRANT SELECT ON auth TO log_reader")
    port = conninfo_to_dict(lease.superuser_dsn())["port"]
    fields: dict[str, str | tuple[str, ...]] = {"event.action": "action", "device.id": "device", "source.ip": "ip"}
    mapping = MappingSettings(records="flat", fields=fields, narrow={**NARROW, "source.ip": "ip"})
    chosen = PostgresSettings(table="auth", page=100)
    where = f"postgresql:///ws?host={lease.host}&port={port}"
    return LogSettings(name="postgres", kind="postgres", url=where, user="log_reader", postgres=chosen, mapping=mapping)


def files(rows: list[Row], directory: Path) -> LogSettings:
    path = directory / "evidence.ndjson"
    path.write_text("".join(json.dumps(row.document()) + "\n" for row in rows), "utf-8")
    return LogSettings(name="files", kind="files", files=FilesSettings(path=str(path)))


async def nothing(what: str, args: tuple[Any, ...]) -> Any:
    assert what == "imported"
    return []


@pytest.fixture
async def loaders() -> AsyncIterator[Loaders]:
    found = Loaders()
    yield found
    await found.aclose()


async def opened(loaders: Loaders, house: House, query: str = "") -> Timeline:
    """Open the account as the product does, and wait until nothing is loading."""
    now = to_micros(SystemClock().now())
    span = Span(now - 120 * DAY, now + 60_000_000)
    sources = tuple(log.name for log in house.settings.logs)
    asked = parse(query)
    timeline = Timeline(WorkingSet(), sources, span, asked)
    begin = Begin(
        account=house.account,
        since_us=span.since_us,
        until_us=span.until_us,
        settings=msgspec.json.encode(house.settings),
        tokens=house.tokens,
        sources=sources,
        limit=1_000_000,
        query=query,
        now_us=now,
    )
    await loaders.open(begin, timeline, nothing)
    await until(timeline, lambda: not timeline.loading)
    return timeline


async def until(timeline: Timeline, true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await timeline.news()


def events(timeline: Timeline) -> list[Event]:
    """Return what is shown, in its order."""
    seen = timeline.working.snapshot()
    return [seen.event(int(row)) for row in seen.order()]


async def test_it_is_whole_and_in_one_order(loaders: Loaders, house: House) -> None:
    timeline = await opened(loaders, house)
    assert {(line.name, line.state, line.why) for line in timeline.lines} == {
        (log.name, SourceState.LIVE, "") for log in house.settings.logs
    }
    found = events(timeline)
    assert [event.time_us for event in found] == sorted((event.time_us for event in found), reverse=True)
    stores = [event for event in found if "-" in event.id and event.id.split("-")[0] in house.rows]
    wanted = {row.id: row for rows in house.rows.values() for row in rows if row.account == house.account}
    assert sorted(event.id for event in stores) == sorted(wanted)
    for event in stores:
        row = wanted[event.id]
        assert (event.time_us, event.action, event.ip, event.device) == (row.at, row.action, row.ip, row.device), row
    assert len(found) - len(stores) >= house.keycloak > 0
    await timeline.aclose()


@pytest.mark.parametrize(
    "query",
    [
        "event.action:sign_in",
        "-event.action:sign_in device.id:*",
        "event.action:(api_key.created OR withdrawal.*)",
        "-device.id:d-1",
        "source.ip:203.0.113.0/30",
        "event.action:password.changed device.id:/d-[0-9]/",
        "NOT (device.id:* OR event.action:sign_out)",
        "@timestamp:[now-30d TO now-10d] d-22",
    ],
)
async def test_asked_for_a_query_they_give_what_it_keeps_of_the_whole(
    loaders: Loaders, house: House, query: str
) -> None:
    whole = await opened(loaders, house)
    every = {event.id: event for event in events(whole)}
    await whole.aclose()
    timeline = await opened(loaders, house, query)
    asked, now = parse(query), to_micros(SystemClock().now())
    kept = {id_ for id_, event in every.items() if matches(asked, event, now)}
    assert {event.id for event in events(timeline)} == kept
    assert kept and len(kept) < len(every)
    assert all(line.state is SourceState.LIVE for line in timeline.lines)
    await until(timeline, lambda: timeline.marked)
    assert not timeline.marks and "No rule was asked" in timeline.failed_rules[0]
    await timeline.aclose()


async def test_a_store_that_is_away_is_a_gap_and_comes_back_by_key(loaders: Loaders, house: House) -> None:
    port = conninfo_to_dict(house.lease.superuser_dsn())["port"]
    with psycopg.connect(house.lease.superuser_dsn("ws"), autocommit=True) as owner:
        owner.execute("REVOKE SELECT ON auth FROM log_reader")
        timeline = await opened(loaders, house)
        (failed,) = [line for line in timeline.lines if line.state is not SourceState.LIVE]
        assert (failed.name, failed.state) == ("postgres", SourceState.FAILED)
        (gap,) = [gap for gap in timeline.gaps if gap.source == "postgres"]
        assert gap.why and gap.hint and str(port) not in gap.why
        assert not any(event.id.startswith("postgres-") for event in events(timeline))
        assert len(events(timeline)) >= EACH * (len(house.rows) - 1)
        owner.execute("GRANT SELECT ON auth TO log_reader")
        timeline.again("postgres")
        await until(timeline, lambda: all(line.state is SourceState.LIVE for line in timeline.lines))
        assert sum(event.id.startswith("postgres-") for event in events(timeline)) == EACH
        assert not [gap for gap in timeline.gaps if gap.source == "postgres" and "no data" not in gap.why]
    await timeline.aclose()


async def test_what_a_store_can_leave_out_never_travels(loaders: Loaders, house: House) -> None:
    timeline = await opened(loaders, house, "event.action:api_key.created device.id:d-22")
    came = {line.name: line.events for line in timeline.lines}
    mine = {name: [row for row in rows if row.account == house.account] for name, rows in house.rows.items()}
    kept = {
        name: sum(row.action == "api_key.created" and row.device in ("d-22", "D-22") for row in rows)
        for name, rows in mine.items()
    }
    for name in ("opensearch", "elasticsearch", "clickhouse", "loki", "postgres"):
        assert came[name] == kept[name] > 0, name
    assert came["files"] == EACH
    await timeline.aclose()
