"""The courier's Python against the courier's SQL, in a real PostgreSQL with the product's own rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from workstation.services.clock import FrozenClock
from workstation.services.connectors.mailboxes.maildir import MaildirMailbox
from workstation.services.errors import Invalid, StoreError
from workstation.services.mail import courier as courier_module
from workstation.services.mail.courier import Courier, serve
from workstation.services.mail.inbound import stand_in
from workstation.services.mail.store import SqlStore
from workstation.services.store import embedded
from workstation.services.store.logins import make_login
from workstation.services.store.migrate import migrate

from .samples import HOUSE, NOW, mail, read, row

VOUCHED = "mx.exchange.example; dmarc=pass header.from=proton.example"


class Store:
    """The courier's connection string, and a superuser to look behind it."""

    def __init__(self, conninfo: str, connection: psycopg.Connection[Any]) -> None:
        self.conninfo, self.connection = conninfo, connection

    def rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql.encode(), args).fetchall()

    def queue(self, **changes: Any) -> int:
        """Put a mail into the outbox, its recall window over; returns its id."""
        made = row(1, **changes)
        case = self.rows(
            """INSERT INTO wsd.case_file(kind, account_id, team, language, subject)
               VALUES ('other', '', 'A', 'de', 'x') RETURNING id"""
        )[0][0]
        return int(
            self.rows(
                """INSERT INTO wsd.mail(case_id, direction, state, message_id, recipient, subject, body, language)
                   VALUES (%s, 'out', 'queued', %s, %s, %s, %s, %s) RETURNING id""",
                *(case, f"<ws.{case}@exchange.example>", made.recipient, made.subject, made.body, made.language),
            )[0][0]
        )

    def state(self, number: int) -> str:
        return str(self.rows("SELECT state FROM wsd.mail WHERE id = %s", number)[0][0])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with embedded.start(tmp_path_factory.mktemp("mail") / "store") as lease:
        migrate(lease.superuser_dsn())
        with psycopg.connect(lease.superuser_dsn("ws"), autocommit=True) as connection:
            make_login(connection, "ws_courier", "a password", None)
        yield lease.dsn("ws_courier", "a password", "ws"), lease.superuser_dsn("ws")


@pytest.fixture
def store(server: tuple[str, str]) -> Iterator[Store]:
    with psycopg.connect(server[1], autocommit=True) as connection:
        connection.execute("TRUNCATE wsd.mail, wsd.inbox_cursor CASCADE")
        yield Store(server[0], connection)


@pytest.fixture
async def sql(store: Store) -> AsyncIterator[SqlStore]:
    opened = SqlStore(store.conninfo)
    yield opened
    await opened.aclose()


class TestOutbox:
    async def test_claimed_once_and_whole(self, store: Store, sql: SqlStore) -> None:
        number = store.queue()
        claimed = await sql.claim()
        assert claimed is not None
        assert (claimed.id, claimed.recipient, claimed.body) == (number, row().recipient, row().body)
        assert claimed.case_ref.startswith("CS-")
        assert (claimed.in_reply_to, claimed.refs, claimed.created.utcoffset() is not None) == ("", "", True)
        assert await sql.claim() is None
        assert store.state(number) == "sending"
        assert [stuck.id for stuck in await sql.stuck()] == [number]

    async def test_a_mail_that_may_still_be_taken_back_is_not_claimed(self, store: Store, sql: SqlStore) -> None:
        number = store.queue()
        store.connection.execute("UPDATE wsd.mail SET recall_until = clock_timestamp() + interval '15 s'")
        assert await sql.claim() is None
        store.connection.execute("UPDATE wsd.mail SET recall_until = clock_timestamp()")
        assert (claimed := await sql.claim()) is not None
        assert claimed.id == number

    @pytest.mark.parametrize("state", ["sent", "unknown", "failed", "queued"])
    async def test_settled(self, store: Store, sql: SqlStore, state: str) -> None:
        number = store.queue()
        await sql.claim()
        if state == "sent":
            await sql.sent(number, NOW)
        else:
            await {"unknown": sql.unknown, "failed": sql.failed, "queued": sql.again}[state](number, "because")
        assert store.state(number) == state
        assert await sql.claim() is None
        assert await sql.stuck() == []
        with pytest.raises(Invalid):
            await sql.unknown(number, "again")
        assert store.state(number) == state


class TestInbox:
    async def test_mail_and_cursor_in_one(self, store: Store, sql: SqlStore) -> None:
        assert await sql.cursor() is None
        raw = mail(Authentication_Results=VOUCHED)
        await sql.file(read(raw), raw, "7:1")
        assert await sql.cursor() == "7:1"
        assert store.rows("SELECT sender, authenticity, language, raw FROM wsd.mail") == [
            ("maria@proton.example", "DMARC pass · DKIM unknown · SPF unknown", "en", raw)
        ]

    async def test_the_same_mail_twice_is_kept_once(self, store: Store, sql: SqlStore) -> None:
        raw = mail()
        await sql.file(read(raw), raw, "7:1")
        await sql.file(read(raw), raw, "8:1")
        assert store.rows("SELECT count(*) FROM wsd.mail") == [(1,)]
        assert await sql.cursor() == "8:1"

    async def test_an_answer_joins_the_case_of_our_mail(self, store: Store, sql: SqlStore) -> None:
        number = store.queue()
        ((case, ours),) = store.rows("SELECT case_id, message_id FROM wsd.mail WHERE id = %s", number)
        raw = mail(number=77, In_Reply_To=ours)
        await sql.file(read(raw), raw, "7:1")
        assert store.rows("SELECT case_id FROM wsd.mail WHERE direction = 'in'") == [(case,)]

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"\x00\xff" * 1_000,
            mail("a\x00b \\u0000", Subject="\x00", From="\x00 <a@b.example>"),
            mail(Content_Type="text/plain; charset=utf-16").replace(b"I cannot", b"\x00\xd8\x00\xd8"),
            mail(Subject="=?utf-8?q?=ED=A0=80?= \ud83d".encode("utf-8", "surrogatepass").decode("latin-1")),
            mail("x" * 3_000_000),
            mail(Message_ID=f"<{'m' * 240}@x.example>", References=" ".join(f"<{n}@x>" for n in range(500))),
        ],
        ids=["empty", "noise", "NUL", "utf-16", "surrogates", "giant", "ids"],
    )
    async def test_hostile_mail_is_kept(self, store: Store, sql: SqlStore, raw: bytes) -> None:
        await sql.file(read(raw), raw, "7:1")
        assert store.rows("SELECT raw FROM wsd.mail") == [(raw,)]
        stored = stand_in(raw + b"other", "why")
        await sql.file(stored, raw + b"other", "7:2")
        assert await sql.cursor() == "7:2"


class TestTrouble:
    async def test_a_store_that_is_away(self) -> None:
        away = SqlStore("host=/nonexistent port=1 user=ws_courier dbname=ws")
        with pytest.raises(StoreError):
            await away.claim()
        await away.aclose()

    async def test_a_connection_that_was_cut_is_made_anew(self, store: Store, sql: SqlStore) -> None:
        assert await sql.cursor() is None
        store.connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ws_courier'")
        with pytest.raises(StoreError):
            await sql.cursor()
        assert await sql.cursor() is None

    async def test_the_courier_may_nothing_else(self, store: Store, sql: SqlStore) -> None:
        await sql.cursor()
        assert sql._connection
        for statement in (b"SELECT * FROM wsd.mail", b"SELECT * FROM wsd.case_file", b"SELECT ws.queue()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await sql._connection.execute(statement)


class TestServe:
    async def test_mail_goes_out_and_comes_in_until_it_is_stopped(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(courier_module, "OUTBOX_EVERY", 0.01)
        box = MaildirMailbox(tmp_path)
        (tmp_path / "inbox" / "new" / "1").write_bytes(mail())
        first, second = store.queue(), store.queue(recipient="no address")
        stop, seen = asyncio.Event(), []

        def log(event: str, **fields: Any) -> None:
            seen.append(event)
            if {"mail.sent", "mail.failed", "mail.received"} <= set(seen):
                stop.set()

        await asyncio.wait_for(serve(store.conninfo, box, FrozenClock(NOW), stop, log, house=HOUSE), 20)
        assert (store.state(first), store.state(second)) == ("sent", "failed")
        assert len(list((tmp_path / "outgoing" / "new").iterdir())) == 1
        assert store.rows("SELECT count(*) FROM wsd.mail WHERE direction = 'in'") == [(1,)]
        assert seen[-1] == "courier.stopped"

    async def test_a_row_left_by_a_killed_courier(self, store: Store, sql: SqlStore, tmp_path: Path) -> None:
        number = store.queue()
        await sql.claim()
        second = Courier(sql, sql, MaildirMailbox(tmp_path), FrozenClock(NOW), house=HOUSE, log=lambda *_, **__: None)
        await second.step()
        assert store.state(number) == "unknown"
        assert list((tmp_path / "outgoing" / "new").iterdir()) == []
