"""Taking the audit out of the house: one line a record, for an auditor who does not trust the house."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import IO, Any

import psycopg

from workstation.services.audit import chains
from workstation.services.audit.offline import EXPORT
from workstation.services.errors import Refused

#: Lines written at once.
_BATCH = 2_000


def export(conninfo: str, out: IO[bytes], on_progress: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Write every record as it was hashed, the heads and the tables of acts, as NDJSON; return how many records.

    The first thing that is written is a record of the export itself, in the auditor's own chain.

    Args:
        conninfo: libpq connection string of an auditor.
        out: gets lines of ASCII; nothing in them reaches a terminal raw.
        on_progress: records done and their estimated total, now and then.

    Raises:
        Refused: this login is no auditor's.
        psycopg.Error: the store cannot be read.
        OSError: `out` takes no more.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute("SELECT ws.audit_export()").fetchone()
        if row is None or "denied" in row[0]:
            raise Refused("auditors_only", "Only an auditor takes the audit out of the house.", "Ask yours.")
        with connection.transaction():
            chains.snapshot(connection)
            total = connection.execute("SELECT sum(seq)::bigint FROM wsd.audit_head").fetchone()
            done = 0
            lines: list[bytes] = []
            for line, counts in _lines(connection, conninfo):
                lines.append(line)
                done += counts
                if len(lines) >= _BATCH:
                    out.write(b"".join(lines))
                    lines.clear()
                    on_progress(done, int(total[0]) if total else done)
            out.write(b"".join([*lines, _line({"end": done})]))
            out.flush()
    return done


def _lines(connection: psycopg.Connection[Any], conninfo: str) -> Iterator[tuple[bytes, int]]:
    """Yield each line, and whether it is a record."""
    at = connection.execute(
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')"
    ).fetchone()
    login = psycopg.conninfo.conninfo_to_dict(conninfo).get("user", "")
    yield _line({"export": EXPORT, "at": at[0] if at else "", "by": login}), 0
    for record in chains.records(connection):
        yield _line([field if field is None else field.decode() for field in record]), 1
    for chain, (seq, hash_) in sorted(chains.heads(connection).items()):
        yield _line({"table": "audit_head", "chain": chain, "seq": seq, "hash": hash_}), 0
    for table, rows in chains.tables(connection).items():
        for row in rows:
            yield _line({"table": table, **row}), 0


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
