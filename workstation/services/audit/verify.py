"""Walking the audit's chains: every gap, broken link, changed record and orphaned act is named.

The audit is a hash chain per login (``rules/10_core.sql``, ``wsd.log``). A chain that somebody recomputed whole, or cut
together with its head, is found only by heads that were kept elsewhere: give them as `heads`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import psycopg

from workstation.services.audit import policy

#: Records fetched at once; memory stays flat whatever the audit's length.
BATCH = 20_000
#: Problems listed; a chain that was replaced whole would otherwise list every record.
MOST = 200

_ROWS = """
SELECT chain, seq, to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), actor, person, level::text, app,
       host(client), backend_pid::text, event, outcome, object, payload, prev_hash, hash
  FROM wsd.audit ORDER BY chain COLLATE "C", seq
"""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is off, and where."""

    chain: str
    seq: int
    what: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk found.

    `heads` can be kept elsewhere and given to a later walk; `partial` when some chains were hidden from this login.
    """

    events: int
    chains: int
    problems: tuple[Problem, ...]
    heads: dict[str, tuple[int, str]]
    partial: bool = False


Heads = dict[str, tuple[int, str]]


def lp(fields: tuple[str | None, ...]) -> bytes:
    """Encode fields length-prefixed, the twin of ``wsd.lp``: no value imitates a separator, None is not ``""``."""
    return "".join("-1:" if f is None else f"{len(f.encode())}:{f}" for f in fields).encode()


def genesis(chain: str) -> bytes:
    """Return the hash that a login's first record points to."""
    return hashlib.sha256(lp(("genesis", chain))).digest()


class _Walk:
    """The state of one walk: where the chain under way stands, and what was found."""

    def __init__(self, heads: Heads | None) -> None:
        self.problems: list[Problem] = []
        self.heads: Heads = {}
        self.hashes: set[tuple[str, str]] = set()
        self.events = 0
        self._anchors = heads or {}
        self._chain = ""
        self._hash = b""
        self._seq = 0

    def take(self, row: tuple[Any, ...]) -> None:
        chain, seq, previous, kept = row[0], row[1], bytes(row[13]), bytes(row[14])
        if chain != self._chain:
            self._chain, self._hash, self._seq = chain, genesis(chain), 0
        self.events += 1
        if seq != self._seq + 1:
            self.add(chain, seq, f"a gap: {self._seq + 1} was expected")
        elif previous != self._hash:
            self.add(chain, seq, "does not follow the record before it")
        if hashlib.sha256(previous + lp((chain, str(seq), *row[2:13]))).digest() != kept:
            self.add(chain, seq, "its content is not what was hashed")
        self._hash, self._seq = kept, seq
        self.heads[chain] = (seq, kept.hex())
        anchor = self._anchors.get(chain)
        if anchor is not None and anchor[0] == seq and anchor[1] != kept.hex():
            self.add(chain, seq, "was rewritten since the heads were kept")

    def add(self, chain: str, seq: int, what: str) -> None:
        if len(self.problems) < MOST:
            self.problems.append(Problem(chain=chain, seq=seq, what=what))

    def end(self) -> None:
        for chain, (seq, _) in self._anchors.items():
            if self.heads.get(chain, (0, ""))[0] < seq:
                self.add(chain, seq, "was there when the heads were kept and is missing now")


def verify(
    conninfo: str, on_progress: Callable[[int, int], None] = lambda done, total: None, heads: Heads | None = None
) -> Report:
    """Walk every chain that this login may read.

    Args:
        conninfo: libpq connection string; an auditor's sees all chains, an analyst's the own one.
        on_progress: records done and their estimated total, after each batch.
        heads: chain → (sequence, hash) that were kept elsewhere.

    Raises:
        psycopg.Error: the store cannot be read.
    """
    with psycopg.connect(conninfo, autocommit=False) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        total = _one(
            connection, "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'wsd.audit'::regclass"
        )
        walk = _Walk(heads)
        for row in _rows(connection, walk, on_progress, total):
            walk.take(row)
        walk.end()
        whole = bool(_one(connection, "SELECT pg_has_role(current_user, 'ws_auditor', 'member')::int"))
        if whole:
            _ends(connection, walk)
            _acts(connection, walk)
            for version, what in policy.problems(connection):
                walk.add("policy", version, what)
    return Report(
        events=walk.events, chains=len(walk.heads), problems=tuple(walk.problems), heads=walk.heads, partial=not whole
    )


def _rows(
    connection: psycopg.Connection[Any], walk: _Walk, on_progress: Callable[[int, int], None], total: int
) -> Iterator[tuple[Any, ...]]:
    with connection.cursor(name="walk") as cursor:
        cursor.itersize = BATCH
        cursor.execute(_ROWS)
        while rows := cursor.fetchmany(BATCH):
            yield from rows
            on_progress(walk.events, max(total, walk.events))


def _one(connection: psycopg.Connection[Any], statement: str) -> int:
    row = connection.execute(statement.encode()).fetchone()
    return int(row[0]) if row else 0


def _ends(connection: psycopg.Connection[Any], walk: _Walk) -> None:
    """The head of each chain must be its last record."""
    for chain, seq, kept in connection.execute("SELECT chain, seq, hash FROM wsd.audit_head"):
        last = walk.heads.get(chain, (0, genesis(chain).hex()))
        if (seq, bytes(kept).hex()) != last:
            walk.add(chain, last[0], f"the head says record {seq}, the chain ends at {last[0]}")


#: Acts must be told by the audit: a row without its record was written past the functions.
_ORPHANS = (
    (
        "a request without its record",
        """SELECT r.requester, r.id::text FROM wsd.request r WHERE NOT EXISTS (SELECT 1 FROM wsd.audit a
            WHERE a.chain = r.requester AND a.event = 'request' AND a.outcome = 'ok' AND a.object = r.id::text
              AND a.payload::jsonb ->> 'hash' = encode(r.request_hash, 'hex'))""",
    ),
    (
        "an approval without its record",
        """SELECT p.approver, p.request_id::text FROM wsd.approval p WHERE NOT EXISTS (SELECT 1 FROM wsd.audit a
            WHERE a.chain = p.approver AND a.event = 'approve' AND a.outcome = 'ok' AND a.object = p.request_id::text
              AND a.payload::jsonb ->> 'hash' = encode(p.request_hash, 'hex'))""",
    ),
    (
        "an execution without its record",
        """SELECT e.claimed_by, e.request_id::text FROM wsd.execution e WHERE NOT EXISTS (SELECT 1 FROM wsd.audit a
            WHERE a.chain = e.claimed_by AND a.event = 'execute.claim' AND a.outcome = 'ok'
              AND a.object = e.request_id::text)""",
    ),
    (
        "an outcome without its record",
        """SELECT e.claimed_by, e.request_id::text FROM wsd.execution e
            WHERE e.outcome IS NOT NULL AND NOT EXISTS (SELECT 1 FROM wsd.audit a WHERE a.chain = e.claimed_by
              AND a.event = 'execute.settle' AND a.outcome = e.outcome AND a.object = e.request_id::text)""",
    ),
)


def _acts(connection: psycopg.Connection[Any], walk: _Walk) -> None:
    for what, statement in _ORPHANS:
        for chain, subject in connection.execute(statement.encode()):
            walk.add(chain, 0, f"{what}: {subject}")
