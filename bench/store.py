"""Claims and audit appends on the embedded store: eight connections at once, durable."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from bench.rows import Row
from workstation.services.store import embedded
from workstation.services.store.logins import make_login
from workstation.services.store.migrate import migrate

WRITERS = 8
SECONDS = 4.0


def measure() -> list[Row]:
    """Return transactions a second of `claim_next` and of an audited note."""
    with tempfile.TemporaryDirectory() as home, embedded.start(Path(home) / "store") as lease:
        migrate(lease.superuser_dsn("postgres"))
        logins = _people(lease)
        claims = asyncio.run(_together(lease, logins, "SELECT ws.claim_next()"))
        audits = asyncio.run(_together(lease, logins, "SELECT ws.open_account('X', 'a reason of enough length')"))
        with psycopg.connect(lease.superuser_dsn("ws")) as su:
            twice = su.execute(
                "SELECT count(*) FROM (SELECT object FROM wsd.audit WHERE event = 'case.claim'"
                " GROUP BY object HAVING count(*) > 1) x"
            ).fetchone()
    assert twice is not None
    return [
        {
            "name": "claims, 8 writers",
            "value": claims,
            "unit": "tx/s",
            "budget": "≥ 5,000",
            "beside": {"claimed twice": float(twice[0])},
        },
        {"name": "audited calls, 8 writers", "value": audits, "unit": "tx/s", "budget": "≥ 2,500", "beside": {}},
    ]


def _people(lease: embedded.Lease) -> dict[str, str]:
    found = {f"w{i}": secrets.token_urlsafe(16) for i in range(WRITERS)}
    with psycopg.connect(lease.superuser_dsn("ws"), autocommit=True) as su:
        for login, password in found.items():
            make_login(su, login, password, "ws_l1")
            su.execute("SELECT ws.enrol(%s, %s, %s, 1::smallint, 'analyst', 'A', '{en}')", (login, login, login))
        su.execute(
            "INSERT INTO wsd.case_file(kind, account_id, team, risk, language)"
            " SELECT 'other', 'B' || i, 'A', i %% 100, 'en'"
            " FROM generate_series(1, 2000) i",
            (),
        )
        su.execute("ANALYZE")
    return found


async def _together(lease: embedded.Lease, logins: dict[str, str], statement: str) -> float:
    async def work(login: str, password: str) -> int:
        connection: psycopg.AsyncConnection[Any] = await psycopg.AsyncConnection.connect(
            lease.dsn(login, password, "ws"), autocommit=True
        )
        done, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            row = await (await connection.execute(statement.encode())).fetchone()
            if row is None or "none" in row[0]:
                break
            done += 1
        await connection.close()
        return done

    started = time.perf_counter()
    counts = await asyncio.gather(*(work(login, password) for login, password in logins.items()))
    return sum(counts) / (time.perf_counter() - started)
