"""The WHERE of PostgreSQL, asked of a real one: no event is lost, and what is called exact is."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query.stores import columns
from tests.query.trees import NOW_US, events, trees
from workstation.services.clock import from_micros
from workstation.services.store import embedded
from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.query.ast import Node, asking
from workstation.services.timeline.query.fields import INGESTED, TIME
from workstation.services.timeline.query.one import matches
from workstation.services.timeline.query.push import postgres
from workstation.services.timeline.query.push.bounds import Stored

_YEAR_9000_US = 221_845_392_000_000_000


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    with (
        embedded.start(tmp_path_factory.mktemp("push") / "store") as lease,
        psycopg.connect(lease.superuser_dsn(), autocommit=True) as connection,
    ):
        named = ", ".join(f'"{name}" {_type(name)}' for name in (*FIELDS, TIME, INGESTED))
        connection.execute(f"CREATE TEMPORARY TABLE event (place integer, {named})")
        connection.execute("SET statement_timeout = '10s'")
        yield connection


def _type(name: str) -> str:
    special = {"source.ip": "inet", "event.risk_level": "numeric", TIME: "timestamptz", INGESTED: "timestamptz"}
    return special.get(name, "text")


def _stored(event: Event, name: str) -> object:
    if name == TIME:
        return from_micros(event.time_us)
    if name == INGESTED:
        return from_micros(event.ingested_us) if event.ingested_us else None
    return event.value(name) or None


def _storable(event: Event) -> bool:
    texts = "".join(event.value(name) for name in FIELDS)
    return "\0" not in texts and event.ip != "no address" and event.risk != "high" and 0 < event.time_us < _YEAR_9000_US


@settings(max_examples=60, deadline=None)
@given(tree=trees, happened=st.lists(events.filter(_storable), min_size=1, max_size=4))
def test_no_event_is_lost(database: psycopg.Connection, tree: Node, happened: list[Event]) -> None:
    database.execute("TRUNCATE event")
    names = (*FIELDS, TIME, INGESTED)
    holes = ", ".join(["%s"] * (len(names) + 1))
    with database.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO event VALUES ({holes})",
            [(place, *(_stored(event, name) for name in names)) for place, event in enumerate(happened)],
        )
    query = asking(tree)
    kept = {place for place, event in enumerate(happened) if matches(query, event, NOW_US)}
    pushed = postgres.where(query, columns(ip=Stored.IP), NOW_US)
    found: set[int] = set()
    if pushed.condition is not None:
        sql = f"SELECT place FROM event WHERE {pushed.condition.sql}"
        found = {row[0] for row in database.execute(sql, pushed.condition.parameters)}
    elif not pushed.nothing:
        found = set(range(len(happened)))
    if not any(word in str(tree) for word in ("pinned:", "mark:", "label:")):
        assert kept <= found
        assert not pushed.exact or kept == found
