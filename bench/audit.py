"""The audit: what eight writers append beside a table without chains, and how long a million records take to verify."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from bench.rows import Row
from workstation.services.audit.offline import genesis, lp
from workstation.services.audit.verify import verify
from workstation.services.store import embedded
from workstation.services.store.embedded_cluster import embedded_binaries
from workstation.services.store.logins import make_login
from workstation.services.store.migrate import migrate

WRITERS, SECONDS = 8, 5
RECORDS, CHAINS = 1_000_000, 50

#: The same columns and the same durability; no chain, no hash, no head.
_BASELINE = """
CREATE SCHEMA bench; GRANT USAGE ON SCHEMA bench TO ws_user;
CREATE TABLE bench.plain(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ts timestamptz, actor text, person text,
  level smallint, app text, client inet, backend_pid int, event text, outcome text, object text, payload text);
ALTER SCHEMA bench OWNER TO ws_owner; ALTER TABLE bench.plain OWNER TO ws_owner;
CREATE FUNCTION bench.unchained() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO bench.plain(ts, actor, person, level, app, client, backend_pid, event, outcome, object, payload)
  SELECT clock_timestamp(), session_user::text, s.person_id, s.level, current_setting('application_name', true),
         inet_client_addr(), pg_backend_pid(), 'bench', 'ok', 'ACC1', '{"reason": "a reason of enough length"}'
    FROM wsd.staff s WHERE s.login = session_user::text $$;
CREATE FUNCTION bench.chained() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT wsd.log('bench', 'ok', 'ACC1', '{"reason": "a reason of enough length"}') $$;
ALTER FUNCTION bench.unchained() OWNER TO ws_owner; ALTER FUNCTION bench.chained() OWNER TO ws_owner;
GRANT EXECUTE ON FUNCTION bench.unchained(), bench.chained() TO ws_user;
"""


def measure() -> list[Row]:
    """Return transactions a second of both, measured in turns, and the time of a walk."""
    with tempfile.TemporaryDirectory() as home, embedded.start(Path(home) / "store") as lease:
        migrate(lease.superuser_dsn("postgres"))
        passwords = {f"w{i}": secrets.token_urlsafe(16) for i in range(WRITERS)}
        auditor = secrets.token_urlsafe(16)
        with psycopg.connect(lease.superuser_dsn("ws"), autocommit=True) as su:
            for login, password in passwords.items():
                make_login(su, login, password, "ws_l1")
                su.execute("SELECT ws.enrol(%s, %s, %s, 1::smallint, 'analyst', 'A', '{en}')", (login, login, login))
            make_login(su, "aud", auditor, "ws_auditor")
            su.execute("SELECT ws.enrol('aud', 'aud', 'aud', 1::smallint, 'auditor', 'A', '{en}')")
            su.execute(_BASELINE.encode())
        rates: dict[str, list[float]] = {"unchained": [], "chained": []}
        for name in ("unchained", "chained", "chained", "unchained"):
            rates[name].append(_together(lease, passwords, f"SELECT bench.{name}();", Path(home)))
        with psycopg.connect(lease.superuser_dsn("ws"), autocommit=True) as su:
            _fill(su)
        started = time.perf_counter()
        report = verify(lease.dsn("aud", auditor, "ws"))
        took = time.perf_counter() - started
    assert report.problems == (), report.problems
    chained, unchained = (sum(rates[name]) / 2 for name in ("chained", "unchained"))
    return [
        {
            "name": f"audit appends, {WRITERS} writers",
            "value": chained,
            "unit": "tx/s",
            "budget": "≥ 2,500",
            "beside": {"without chains": unchained},
        },
        {
            "name": "verify a million records",
            "value": took * RECORDS / report.events,
            "unit": "s",
            "budget": "≤ 15",
            "beside": {"records": float(report.events)},
        },
    ]


def _together(lease: embedded.Lease, passwords: dict[str, str], statement: str, home: Path) -> float:
    """Return how many transactions a second all writers make together; pgbench costs next to nothing itself."""
    script = home / "script.sql"
    script.write_text(statement)
    pgbench = embedded_binaries().path("pgbench")
    running = [
        subprocess.Popen(
            [str(pgbench), "-n", "-c", "1", "-T", str(SECONDS), "-f", str(script), lease.dsn(login, password, "ws")],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PGPASSWORD": password},
        )
        for login, password in passwords.items()
    ]
    said = [process.communicate()[0] for process in running]
    found = [re.search(r"tps = ([0-9.]+)", words) for words in said]
    assert all(found), said
    return sum(float(one[1]) for one in found if one)


def _fill(su: psycopg.Connection[tuple[object, ...]]) -> None:
    """Write history until there are a million records; a store would need days for it."""
    su.execute("SET session_replication_role = replica")
    heads = {f"h{n}": (0, genesis(f"h{n}")) for n in range(CHAINS)}
    with su.cursor().copy("COPY wsd.audit FROM STDIN") as copy:
        for number in range(RECORDS):
            chain = f"h{number % CHAINS}"
            seq, previous = heads[chain]
            at, payload = f"2026-11-23T10:00:00.{number:06}", '{"case": "CS-48213", "reason": "of enough length"}'
            said = (chain, "P1", "1", "workstation", "10.0.0.7", "4242", "account.open", "ok", f"ACC{number}", payload)
            own = hashlib.sha256(previous + lp((chain, str(seq + 1), at, *said))).digest()
            copy.write_row((chain, seq + 1, f"{at}+00", *said, previous, own))
            heads[chain] = (seq + 1, own)
    su.cursor().executemany("INSERT INTO wsd.audit_head VALUES (%s, %s, %s)", [(c, *head) for c, head in heads.items()])
    su.execute("SET session_replication_role = origin")
    su.execute("VACUUM (FREEZE, ANALYZE) wsd.audit")


if __name__ == "__main__":
    for row in measure():
        print(row)
