"""The notary's side of the store: one connection of the role ws_notary."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg

from workstation.services.audit import chains
from workstation.services.audit.notary import Look, Signed
from workstation.services.audit.offline import Heads, Problem
from workstation.services.audit.sinks import Forked
from workstation.services.errors import StoreError

#: Milliseconds for a statement; the first walk of a long history streams and is not one statement's wait.
STATEMENT_MS = 600_000


class NotaryStore:
    """Reads heads and records, and tells what was signed. A connection that broke is made anew by the next call.

    Args:
        conninfo: libpq connection string of ws_notary.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = psycopg.conninfo.make_conninfo(conninfo, application_name="notary", connect_timeout="5")
        self._connection: psycopg.Connection[Any] | None = None

    def look(self) -> Look:
        """Return how far the chains are. Raises StoreError."""
        found = self._one("SELECT ws.notary_look()")
        return Look(int(found["records"]), frozenset(found["over"]))

    def grown(self, known: Heads) -> tuple[Heads, list[Problem]]:
        """Walk what is new since `known` in one snapshot. Raises StoreError."""
        with self._used() as connection, connection.transaction():
            chains.snapshot(connection)
            walk = chains.grow(connection, known)
        return walk.heads, walk.problems

    def told(self, origin: str) -> int:
        """Return the largest size that the store was told of. Raises StoreError."""
        return int(self._one("SELECT ws.checkpointed_size(%s)", origin))

    def tell(self, checkpoint: Signed) -> None:
        """Tell of a checkpoint. Raises StoreError, Forked."""
        c = checkpoint
        said = self._one(
            "SELECT ws.checkpointed(%s, %s, %s, %s, %s, %s, %s)",
            *(c.origin, c.size, c.root, c.made, c.records, c.witnesses, c.content),
        )
        if said == "other_root":
            raise Forked(
                f"The store was told of another checkpoint {c.size} in this log's name.",
                "Whoever wrote it there had the notary's login, or is the store's superuser.",
            )

    def seen(self, witness: str, trouble: str) -> None:
        """Say that the notary is alive, and what troubles it. Raises StoreError."""
        self._one("SELECT ws.notary_seen(%s, %s)", witness, trouble)

    def alarm(self, what: str) -> bool:
        """Tell leads and the auditor; returns False where they know it since less than an hour. Raises StoreError."""
        return bool(self._one("SELECT ws.notary_alarm(%s)", what))

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()

    def _one(self, statement: str, *args: object) -> Any:
        with self._used() as connection:
            row = connection.execute(statement.encode(), args).fetchone()
        return row[0] if row else None

    @contextlib.contextmanager
    def _used(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._conninfo, autocommit=True)
                self._connection.execute(f"SET statement_timeout = {STATEMENT_MS}")
            yield self._connection
        except psycopg.Error as error:
            if self._connection is not None and self._connection.broken:
                self._connection = None
            raise StoreError(f"The notary cannot use the store: {error}".strip(), "Look at the store.") from error
