"""The records of the audit as they were hashed, streamed out of the store to whoever walks them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from workstation.services.audit.offline import APPROVAL, EXECUTION, REQUEST, Heads, Row, Walk

#: Records between two ticks of progress.
TICK = 50_000
#: The 13 hashed fields as texts, then both hashes. Not by the store's own wsd.iso(): whoever rewrites history could
#: have rewritten that, too.
_FIELDS = """chain, seq, to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), actor, person, level, app,
  host(client), backend_pid, event, outcome, object, payload, encode(prev_hash, 'hex'), encode(hash, 'hex')"""
_ALL = sql.SQL("")
_ESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def snapshot(connection: psycopg.Connection[Any]) -> None:
    """Begin a reading transaction that sees one moment: what others append meanwhile is neither here nor missed."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    # The bytes that come are the bytes that were hashed.
    connection.execute("SET LOCAL client_encoding = 'UTF8'")


def records(connection: psycopg.Connection[Any], where: sql.Composable = _ALL) -> Iterator[list[bytes | None]]:
    """Yield records in no order: in the table's own, which costs the server least.

    COPY in text form hands out one line a record; splitting it costs a third of fetching and converting 15 columns.

    Args:
        connection: of an auditor, the notary or, for the own chain, anybody; in a :func:`snapshot`.
        where: a WHERE clause; everything without.
    """
    # whoever works cases reads no table that holds others' rows, not even filtered: the rules hand him his own
    all_of_it = connection.execute("SELECT has_table_privilege('wsd.audit', 'SELECT')").fetchone() == (True,)
    source = sql.SQL("wsd.audit" if all_of_it else "ws.my_chain()")
    query = sql.SQL("COPY (SELECT {} FROM {} {}) TO STDOUT").format(sql.SQL(_FIELDS), source, where)
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for chunk in copy:
            line = bytes(chunk)
            fields: list[bytes | None] = list(line[:-1].split(b"\t"))
            if b"\\" in line:
                fields = [_plain(field) for field in fields if field is not None]
            yield fields


def _plain(field: bytes) -> bytes | None:
    """Undo the escapes of COPY's text form (PostgreSQL manual, COPY, "Text Format")."""
    if b"\\" not in field:
        return field
    if field == b"\\N":
        return None
    first, *rest = field.split(b"\\")
    out, skip = [first], False
    for part in rest:
        if skip:  # the second half of an escaped backslash
            out.append(part)
            skip = False
        elif not part:
            out.append(b"\\")
            skip = True
        else:
            out.append(_ESCAPED[part[:1]] + part[1:])
    return b"".join(out)


def heads(connection: psycopg.Connection[Any]) -> Heads:
    """Return the table of heads: chain → sequence and hash in hex; chains without a record are left out."""
    rows = connection.execute("SELECT chain, seq, encode(hash, 'hex') FROM wsd.audit_head WHERE seq > 0")
    return {str(chain): (int(seq), str(hash_)) for chain, seq, hash_ in rows}


def here(connection: psycopg.Connection[Any], known: Heads) -> Heads:
    """Return which of the records that `known` names are there, with the hashes that they have now."""
    rows = connection.execute(
        """SELECT a.chain, a.seq, encode(a.hash, 'hex') FROM unnest(%s::text[], %s::bigint[]) k(chain, seq)
             JOIN wsd.audit a ON a.chain = k.chain AND a.seq = k.seq""",
        (list(known), [seq for seq, _ in known.values()]),
    )
    return {str(chain): (int(seq), str(hash_)) for chain, seq, hash_ in rows}


def grow(connection: psycopg.Connection[Any], known: Heads) -> Walk:
    """Walk what was appended to every chain since `known`; the walk tells what is off, and the heads now.

    Costs as much as there is new, and one look at each chain that did not move.
    """
    now = heads(connection)
    walk = Walk(start=known)
    found = here(connection, known)
    for chain, (seq, hash_) in known.items():
        if chain not in found:
            walk.add(chain, seq, "is missing: it was signed")
        elif found[chain][1] != hash_:
            walk.add(chain, seq, "was rewritten since it was signed")
    for chain in sorted(now.keys() | known.keys()):
        since = known.get(chain, (0, ""))[0]
        if now.get(chain, (0, ""))[0] != since:
            condition = sql.SQL("WHERE chain = {} AND seq > {} ORDER BY seq").format(
                sql.Literal(chain), sql.Literal(since)
            )
            for record in records(connection, condition):
                walk.take(record)
    walk.end((chain, seq, hash_) for chain, (seq, hash_) in now.items())
    return walk


#: Table → its columns in the text form of :mod:`offline`; a request's as they are hashed.
_TABLES = {
    "request": (
        REQUEST,
        """SELECT id::text, case_id::text, act, account_id, params, reason_code, reason_text, requester, account_etag,
             encode(evidence_hash, 'hex'), to_char(approve_by AT TIME ZONE 'UTC', {iso}),
             to_char(not_before AT TIME ZONE 'UTC', {iso}), encode(policy, 'hex'), approvals::text,
             coalesce(to_char(vetoable_until AT TIME ZONE 'UTC', {iso}), ''), break_glass::text,
             encode(request_hash, 'hex'), requester_person, state FROM wsd.request""",
    ),
    "approval": (
        APPROVAL,
        """SELECT request_id::text, encode(request_hash, 'hex'), requester_person, approver, approver_person
             FROM wsd.approval""",
    ),
    "execution": (
        EXECUTION,
        """SELECT request_id::text, claimed_by, etag_before, coalesce(outcome, ''), reference, etag_after, readback
             FROM wsd.execution""",
    ),
}
_ISO = """'YYYY-MM-DD"T"HH24:MI:SS.US'"""


def tables(connection: psycopg.Connection[Any]) -> dict[str, list[Row]]:
    """Return the tables of acts as rows of texts, as an auditor sees them."""
    found: dict[str, list[Row]] = {}
    for table, (columns, statement) in _TABLES.items():
        rows = connection.execute(statement.replace("{iso}", _ISO).encode())
        found[table] = [dict(zip(columns, row, strict=True)) for row in rows]
    return found
