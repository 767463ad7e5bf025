"""The simulated exchange's state in one SQLite file: short transactions that survive ``kill -9``.

A :class:`Store` opens a connection for each use, so any thread may call it. Writers take the lock at once
(``BEGIN IMMEDIATE``): of several that come together, one acts and the others wait.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from workstation.sandbox.generate import Client
from workstation.sandbox.heads import Actor, Head, Story
from workstation.sandbox.vocabulary import event, token
from workstation.services.accounts.model import Account, Status
from workstation.services.clock import parse_instant, to_micros

#: Seconds that a writer waits for another one.
WAIT_S = 8.0
_SCHEMA = Path(__file__).with_name("schema.sql")


#: ECS fields whose values accounts may share, and the columns that hold them.
SHARED = {"device.id": "device", "source.ip": "ip", "source.as.number": "asn", "target.id": "target"}


class Trail(NamedTuple):
    """Where a value was seen: first, last (microseconds since the epoch) and in how many events."""

    account: str
    first_us: int
    last_us: int
    events: int


class Record(msgspec.Struct):
    """An account as it is being worked on; ``head`` is what only the exchange knows."""

    account: Account
    head: Head
    version: int
    body: bytes


class Tx:
    """One transaction. Everything in it happens, or nothing.

    Args:
        connection: with a transaction begun.
        now_us: when it happens, microseconds since the epoch.
        rng: ids, tokens and codes come from here.
    """

    def __init__(self, connection: sqlite3.Connection, now_us: int, rng: random.Random) -> None:
        self.sql, self.now_us, self.rng = connection, now_us, rng
        self._emitted = 0

    # -- accounts --------------------------------------------------------------------------------
    def load(self, account: str) -> Record | None:
        """Return an account with its present version, None where there is none."""
        row = self.sql.execute("SELECT version, body, head FROM account WHERE id = ?", (account,)).fetchone()
        if row is None:
            return None
        account_now = msgspec.structs.replace(msgspec.json.decode(row[1], type=Account), etag=_etag(row[0], row[1]))
        return Record(account_now, msgspec.json.decode(row[2], type=Head), row[0], row[1])

    def save(self, record: Record) -> None:
        """Keep the record. The version moves on exactly when something of the account changed."""
        status = record.account.status
        if status is not Status.CLOSED:
            status = Status.LOCKED if record.account.locks else Status.ACTIVE
        account = msgspec.structs.replace(record.account, etag="", status=status)
        body = msgspec.json.encode(account)
        if body != record.body:
            record.version += 1
            record.body = body
        record.account = msgspec.structs.replace(account, etag=_etag(record.version, body))
        self.sql.execute(
            "UPDATE account SET version = ?, body = ?, head = ? WHERE id = ?",
            (record.version, body, msgspec.json.encode(record.head), record.account.id),
        )

    def by_username(self, username: str) -> Record | None:
        """Return the account of a user name."""
        row = self.sql.execute("SELECT id FROM account WHERE username = ?", (username,)).fetchone()
        return None if row is None else self.load(row[0])

    def find(self, text: str, limit: int) -> list[str]:
        """Return the ids of accounts whose id, user name, or present or former e-mail is exactly `text`."""
        rows = self.sql.execute("SELECT account FROM handle WHERE value = ? ORDER BY account LIMIT ?", (text, limit))
        return [row[0] for row in rows]

    # -- logs ------------------------------------------------------------------------------------
    def emit(self, account: Account, action: str, **more: Any) -> str:
        """Write an event of this moment and return its id; see :func:`~workstation.sandbox.vocabulary.event`."""
        identifier = "e" + token(self.rng, 12)
        # What one transaction does has an order, which equal times would lose.
        at_us = self.now_us + self._emitted
        self._emitted += 1
        record = event(
            identifier, at_us, action, account=account.id, username=account.username, ingested_us=at_us, **more
        )
        self._insert_events(account.id, [record])
        return identifier

    def events(
        self,
        account: str,
        since_us: int,
        until_us: int,
        limit: int,
        *,
        dataset: str = "",
        before: tuple[int, str] | None = None,
    ) -> list[tuple[int, str, bytes]]:
        """Return up to `limit` events (time, id, JSON), newest first.

        Args:
            account: whose.
            since_us: not older than this.
            until_us: older than this.
            limit: at most so many.
            dataset: of this log only, where given.
            before: continue after this time and id.
        """
        where, values = "account = ? AND time_us >= ? AND time_us < ?", [account, since_us, until_us]
        if dataset:
            where, values = where + " AND dataset = ?", [*values, dataset]
        if before is not None:
            where, values = where + " AND (time_us, id) < (?, ?)", [*values, *before]
        query = f"SELECT time_us, id, body FROM event WHERE {where} ORDER BY time_us DESC, id DESC LIMIT ?"  # noqa: S608
        return list(self.sql.execute(query, [*values, limit]))

    def actions(self, account: str, patterns: tuple[str, ...]) -> list[bytes]:
        """Return the JSON of the account's events whose action is like one of `patterns` (GLOB), oldest first."""
        where = " OR ".join(["action GLOB ?"] * len(patterns))
        query = f"SELECT body FROM event WHERE account = ? AND ({where}) ORDER BY time_us, id"  # noqa: S608
        return [row[0] for row in self.sql.execute(query, (account, *patterns))]

    def _insert_events(self, account: str, records: Iterable[dict[str, Any]]) -> None:
        names = ("event.id", "event.dataset", "event.action")
        rows = (
            (
                account,
                to_micros(parse_instant(r["@timestamp"])),
                *(r[name] for name in names),
                msgspec.json.encode(r),
                *(_shared(r, field) for field in SHARED),
            )
            for r in records
        )
        columns = f"account, time_us, id, dataset, action, body, {', '.join(SHARED.values())}"
        self.sql.executemany(f"INSERT INTO event({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608

    def sharing(self, account: str, field: str, value: str, since_us: int, until_us: int) -> list[Trail]:
        """Return every account whose events of a span hold a value, the most recent first; none where this has none.

        Args:
            account: whose value it must be.
            field: one of :data:`SHARED`.
            value: of that field.
            since_us: not older than this.
            until_us: older than this.
        """
        column = SHARED[field]
        query = f"SELECT account, min(time_us), max(time_us), count(*) FROM event WHERE {column} = ? AND {column} <> ''"  # noqa: S608
        query += " AND time_us >= ? AND time_us < ? GROUP BY account ORDER BY 3 DESC, 1"
        found = [Trail(*row) for row in self.sql.execute(query, (value, since_us, until_us))]
        return found if any(trail.account == account for trail in found) else []

    def population(self) -> int:
        """Return how many accounts there are."""
        return int(self.sql.execute("SELECT count(*) FROM account").fetchone()[0])

    # -- people ----------------------------------------------------------------------------------
    def send(self, channel: str, address: str, raw: bytes) -> None:
        """Put a mail (``mail``) or short message (``sms``) on its way to a client."""
        self.sql.execute("INSERT INTO letter(channel, address, raw) VALUES (?, ?, ?)", (channel, address, raw))

    def errand(self, account: str, who: str, what: str, in_us: int) -> None:
        """Note that somebody will do something by himself, `in_us` microseconds from now."""
        row = (account, who, what, self.now_us + in_us)
        self.sql.execute("INSERT INTO errand(account, who, what, due_us) VALUES (?, ?, ?, ?)", row)

    def story(self, account: str) -> Story | None:
        """Return why somebody wrote about this account."""
        row = self.sql.execute("SELECT body FROM story WHERE account = ?", (account,)).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Story)

    def add(self, client: Client) -> None:
        """Take a generated client in."""
        account, head = client.account, client.head
        row = (account.id, account.username, 1, msgspec.json.encode(account), msgspec.json.encode(head))
        self.sql.execute("INSERT INTO account VALUES (?, ?, ?, ?, ?)", row)
        emails = {c.value for c in account.contacts if c.kind == "email"}
        self.sql.executemany(
            "INSERT INTO handle VALUES (?, ?)", [(v, account.id) for v in {account.id, account.username} | emails]
        )
        self.sql.executemany(
            "INSERT INTO session(id, account) VALUES (?, ?)", [(s.id, account.id) for s in account.sessions]
        )
        self._insert_events(account.id, client.events)
        for who, actor in (("client", head.client), ("intruder", head.intruder)):
            for address in _addresses(actor):
                # A mailbox that an intruder reads is answered by him.
                self.sql.execute("INSERT OR REPLACE INTO correspondent VALUES (?, ?, ?)", (address, account.id, who))
        if client.story is not None:
            self.sql.execute("INSERT INTO story VALUES (?, ?)", (account.id, msgspec.json.encode(client.story)))


class Store:
    """The file.

    Args:
        path: where it lies; made with its tables when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self, clients: list[Client], meta: dict[str, str], mails: list[bytes]) -> None:
        """Make the tables and take everybody in, all at once; an interrupted attempt leaves nothing that counts.

        Args:
            clients: who there is.
            meta: notes about the exchange.
            mails: what support has received, in order.
        """
        path = self._path.with_suffix(".new")
        for leftover in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))):
            leftover.unlink(missing_ok=True)
        path.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.executescript(_SCHEMA.read_text())
            tx = Tx(connection, 0, random.Random(0))
            for client in clients:
                tx.add(client)
            for mail in mails:
                tx.send("support", "", mail)
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        path.rename(self._path)

    @contextlib.contextmanager
    def read(self) -> Iterator[Tx]:
        """Yield a snapshot that does not change while it is looked at; nothing may be written."""
        with contextlib.closing(self._connect()) as connection:
            connection.execute("PRAGMA query_only = on")
            connection.execute("BEGIN")
            yield Tx(connection, 0, random.Random(0))

    @contextlib.contextmanager
    def write(self, now_us: int, rng: random.Random) -> Iterator[Tx]:
        """Yield a transaction that is committed at the end, or undone when the body raises."""
        with contextlib.closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield Tx(connection, now_us, rng)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def meta(self, key: str) -> str:
        """Return a note about the exchange, ``""`` where there is none."""
        with self.read() as tx:
            row = tx.sql.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return "" if row is None else str(row[0])

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None)
        # An act that was answered is on the disk (sqlite.org/pragma.html#pragma_synchronous).
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def _shared(record: dict[str, Any], field: str) -> str:
    """Return the value of a record that others may share; a target is one where money goes, or none."""
    if field == "target.id" and not record["event.action"].startswith("withdrawal"):
        return ""
    return str(record.get(field, ""))


def _etag(version: int, body: bytes) -> str:
    return f"v{version}-{hashlib.sha256(body).hexdigest()[:12]}"


def _addresses(actor: Actor | None) -> set[str]:
    return set() if actor is None else {a for a in (actor.writes_from, *actor.mailboxes) if a}
