"""The courier's two tables in PostgreSQL, reached only through the database's own functions.

The courier's role may call these and nothing else; what a row may become is judged there::

    ws.outbox_claim() → (id, case_ref, message_id, recipient, subject, body, language, in_reply_to, refs, created)
    ws.outbox_stuck() → the same columns
    ws.outbox_settle(p_id bigint, p_state text, p_why text)
    ws.inbox_cursor() → text
    ws.inbox_file(p_cursor text, p_mail jsonb, p_raw bytea) → bigint
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg.rows import TupleRow

from workstation.services.errors import Invalid, StoreError
from workstation.services.mail.inbound import Inbound
from workstation.services.mail.language import UNKNOWN
from workstation.services.mail.ports import OutRow

#: Seconds for a connection, milliseconds for a statement (a mail of 40 MB takes about two seconds to store).
CONNECT_S, STATEMENT_MS = 10, 30_000
_CLAIM: LiteralString = """
    select id, case_ref, message_id, recipient, subject, body, language, in_reply_to, refs, created
    from ws.outbox_claim()"""
_STUCK: LiteralString = """
    select id, case_ref, message_id, recipient, subject, body, language, in_reply_to, refs, created
    from ws.outbox_stuck()"""


class SqlStore:
    """Outbox and inbox on one connection of the courier's role; every call is a transaction of its own.

    A connection that broke is made anew by the next call. Every method raises StoreError where the
    database cannot be asked, and Invalid where it refuses what it was given.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None

    async def claim(self) -> OutRow | None:
        """Turn the oldest due row into ``sending`` and return it."""
        rows = await self._rows(_CLAIM)
        return _out_row(rows[0]) if rows else None

    async def stuck(self) -> list[OutRow]:
        """Return the rows that a courier which is gone left in ``sending``."""
        return [_out_row(row) for row in await self._rows(_STUCK)]

    async def sent(self, row: int, at: datetime) -> None:
        """Settle as ``sent``; the database notes its own time, `at` stands in the mail's Date."""
        await self._settle(row, "sent", "")

    async def unknown(self, row: int, why: str) -> None:
        """Settle as ``unknown``."""
        await self._settle(row, "unknown", why)

    async def failed(self, row: int, why: str) -> None:
        """Settle as ``failed``."""
        await self._settle(row, "failed", why)

    async def again(self, row: int, why: str) -> None:
        """Put back to ``queued``; the database sets when it is due again."""
        await self._settle(row, "queued", why)

    async def cursor(self) -> str | None:
        """Return the cursor of the last mail that was filed."""
        rows = await self._rows("select ws.inbox_cursor()")
        return None if rows[0][0] is None else str(rows[0][0])

    async def file(self, inbound: Inbound, raw: bytes, cursor: str) -> None:
        """Keep mail, raw bytes and cursor. What the JSON holds is said in :func:`record`."""
        mail = msgspec.json.encode(record(inbound)).decode()
        await self._rows("select ws.inbox_file(%s, %s::jsonb, %s)", (cursor, mail, raw))

    async def aclose(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _settle(self, row: int, state: str, why: str) -> None:
        await self._rows("select ws.outbox_settle(%s, %s, %s)", (row, state, why))

    async def _rows(self, sql: LiteralString, args: Sequence[Any] = ()) -> list[TupleRow]:
        try:
            connection = await self._open()
            return await (await connection.execute(sql, args)).fetchall()
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException) as error:
            raise Invalid("The store refused a record of the mail.", _words(error)) from error
        except psycopg.Error as error:
            await self.aclose()
            raise StoreError("The store cannot be asked for mail.", _words(error)) from error

    async def _open(self) -> psycopg.AsyncConnection[TupleRow]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._conninfo,
                autocommit=True,
                connect_timeout=CONNECT_S,
                application_name="workstation courier",
                options=f"-c statement_timeout={STATEMENT_MS}",
            )
        return self._connection


def record(inbound: Inbound) -> dict[str, Any]:
    """Return the JSON of a mail that came in: its fields, and the lines that a screen shows.

    ``authenticity_summary`` is :meth:`Inbound.standing`, ``attachment_summaries`` a line each; an unknown
    language is empty, because ``?`` is no language to answer in.
    """
    fields: dict[str, Any] = msgspec.to_builtins(inbound)
    return fields | {
        "language": "" if inbound.language == UNKNOWN else inbound.language,
        "authenticity_summary": inbound.standing(),
        "attachment_summaries": [attachment.summary() for attachment in inbound.attachments],
    }


def _out_row(row: TupleRow) -> OutRow:
    values = dict(zip(OutRow.__struct_fields__, row, strict=True))
    return OutRow(**{**values, "in_reply_to": values["in_reply_to"] or "", "refs": values["refs"] or ""})


def _words(error: psycopg.Error) -> str:
    """Return what the database said, without the row that it quotes in DETAIL."""
    return (error.diag.message_primary or type(error).__name__)[:200]
