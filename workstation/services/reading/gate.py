"""The reader's side of the store: whether a ticket holds, and what is put on record. Role ``ws_reader``."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime
from typing import Any, Protocol

import msgspec
import psycopg
from psycopg.types.json import set_json_loads

from workstation.services.errors import StoreError
from workstation.services.store.session import convert

#: The store answers in a millisecond; a reader that waits longer holds up everybody.
DEADLINE_S = 5.0


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that holds now: for whom, for what, and which fields may be seen unmasked at this moment."""

    ticket: int
    login: str
    kind: str
    account: str
    until: datetime
    case: int | None = None
    trouble_since: datetime | None = None
    revealed: tuple[str, ...] = ()


class NoView(Exception):
    """The ticket does not hold; `rule` says why."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Presented(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket as it was shown: the hash of its token, the account asked for, and who showed it."""

    token: bytes
    account: str
    peer: str

    @classmethod
    def of(cls, token: str, account: str, peer: str) -> Presented:
        """Return what of a token may be kept and compared."""
        return cls(token=hashlib.sha256(token.encode()).digest(), account=account, peer=peer)


class Gate(Protocol):
    """Decides; :class:`StoreGate` is the real one, the bench has one that lets through."""

    async def admit(self, shown: Presented, what: str, detail: str = "") -> Admission:
        """Return what the ticket allows now, and put `what` on record; empty asks again without a record.

        Raises:
            NoView: it does not hold.
            StoreError: nobody can say: then nothing is given out.
        """
        ...


class StoreGate:
    """The gate of the store.

    Args:
        conninfo: libpq connection string of ``ws_reader``.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = psycopg.conninfo.make_conninfo(
            conninfo, application_name="workstation-reader", connect_timeout="5"
        )
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()

    async def serves(self) -> None:
        """Tell the store that client data is read here from now on. Raises StoreError."""
        await self._rows("SELECT ws.reader_serves()", ())

    async def admit(self, shown: Presented, what: str, detail: str = "") -> Admission:
        """Ask the store; see :class:`Gate`."""
        args = (shown.token, shown.account, what, detail, shown.peer)
        return convert(await self._answer("SELECT ws.view_check(%s, %s, %s, %s, %s)", args), Admission)

    async def vip(self, ticket: int) -> None:
        """Report that the account is a VIP's. Raises StoreError."""
        await self._rows("SELECT ws.view_vip(%s)", (ticket,))

    async def recipient(self, shown: Presented, address: str, salutation: str) -> None:
        """Put down where the case's mail goes; an empty address: nowhere. Raises NoView, StoreError."""
        args = (shown.token, shown.account, shown.peer, address, salutation)
        await self._answer("SELECT ws.view_recipient(%s, %s, %s, %s, %s)", args)

    async def pin(self, shown: Presented, source: str, event: str, summary: str, raw: bytes) -> dict[str, Any]:
        """Keep a record as evidence of the ticket's case. Raises NoView, StoreError."""
        args = (shown.token, shown.account, shown.peer, source, event, summary, raw)
        return await self._answer("SELECT ws.view_pin(%s, %s, %s, %s, %s, %s, %s)", args)

    async def imported(self, *args: Any) -> list[tuple[Any, ...]]:
        """Return imported records: account, since, until, before_us, before_id, limit. Raises StoreError."""
        return await self._rows("SELECT * FROM ws.view_imported(%s, %s, %s, %s, %s, %s)", args)

    async def aclose(self) -> None:
        """Disconnect."""
        async with self._lock:
            await self._drop()

    async def _answer(self, statement: str, args: tuple[Any, ...]) -> dict[str, Any]:
        rows = await self._rows(statement, args)
        answer: dict[str, Any] = rows[0][0]
        if "denied" in answer:
            raise NoView(answer["denied"])
        return answer

    async def _rows(self, statement: str, args: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        async with self._lock:
            for fresh in (False, True):
                try:
                    connection = await self._live()
                    cursor = await asyncio.wait_for(connection.execute(statement.encode(), args), DEADLINE_S)
                    return await cursor.fetchall()
                except (TimeoutError, psycopg.OperationalError, psycopg.InterfaceError) as error:
                    await self._drop()
                    # A connection that died while nobody used it is made again; every call may be asked twice.
                    if fresh or isinstance(error, TimeoutError):
                        raise StoreError(
                            "The reader's store cannot be reached, so nothing is shown.", "It is tried again by itself."
                        ) from error
                except psycopg.Error as error:
                    raise StoreError(
                        f"The reader's store refused: {str(error).splitlines()[0]}", "Tell who runs this installation."
                    ) from error
        raise AssertionError("two tries end in an answer or an error")

    async def _live(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
            set_json_loads(msgspec.json.decode, self._connection)
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
