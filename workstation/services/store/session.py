"""One person's session with the store: one connection, because elevation is bound to its backend.

Calls go to the functions of schema ``ws`` only. They are serialised; each has a deadline on the
server. A lost connection is made again at the next call, and with it any elevation is gone.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg.types.json import Jsonb, set_json_loads

from workstation.services.acts.refusals import refusal
from workstation.services.errors import NotSignedIn, Refused, StoreError
from workstation.services.store.version import SCHEMA

T = TypeVar("T")

#: Longer than any rule takes; short enough that a person notices nothing but a sentence.
DEADLINE_S = 10.0


class Session:
    """A signed-in connection.

    Args:
        conninfo: libpq connection string of the person's own login.
        application: shown in ``pg_stat_activity`` and, as untrusted text, in the audit.
    """

    def __init__(self, conninfo: str, application: str = "workstation") -> None:
        self._conninfo = psycopg.conninfo.make_conninfo(conninfo, application_name=application, connect_timeout="5")
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()

    async def open(self) -> dict[str, Any]:
        """Connect and sign in; return what ``ws.whoami`` says.

        Raises:
            NotSignedIn: the password is wrong, or the login is not enrolled or disabled.
            StoreError: the store is away or of another version.
        """
        me: dict[str, Any] = await self.call("whoami")
        if me.get("schema") != SCHEMA:
            raise StoreError(
                f"The store is of version {me.get('schema')}, this workstation speaks {SCHEMA}.",
                "Run `workstation admin migrate`, or install the workstation that fits the store.",
            )
        return me

    async def call(self, function: str, *args: Any) -> Any:
        """Call ``ws.<function>`` and return its one value; dicts and lists are sent as jsonb.

        Raises:
            Refused: a rule says no; the sentence says which.
            NotSignedIn: the store refused the login.
            StoreError: the store is away, busy or full.
        """
        rows = await self.rows(function, *args)
        answer = rows[0][0] if rows else None
        if isinstance(answer, dict) and "denied" in answer:
            raise refusal(answer)
        return answer

    async def rows(self, function: str, *args: Any) -> list[tuple[Any, ...]]:
        """Call a function and return its rows; errors as :meth:`call`."""
        statement = f"SELECT * FROM ws.{function}({', '.join(['%s'] * len(args))})"  # noqa: S608 - names are ours
        values = [Jsonb(a) if isinstance(a, dict) or _is_json_list(a) else a for a in args]
        async with self._lock:
            try:
                connection = await self._live()
                cursor = await asyncio.wait_for(connection.execute(statement, values), DEADLINE_S)
                return await cursor.fetchall()
            except TimeoutError as error:
                await self._drop()
                raise StoreError("The store did not answer in time.", "Try again; nothing was lost.") from error
            except psycopg.Error as error:
                raise await self._translated(error) from error

    async def typed(self, shape: type[T], function: str, *args: Any) -> T:
        """Call a function and return its value as `shape`; errors as :meth:`call`."""
        return convert(await self.call(function, *args), shape)

    async def scram(self, login: str, password: str) -> str:
        """Return a password's SCRAM-SHA-256 verifier: the password itself never travels. Raises StoreError."""
        async with self._lock:
            try:
                connection = await self._live()
            except psycopg.Error as error:
                raise await self._translated(error) from error
            return connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()

    @property
    def backend(self) -> int | None:
        """The process id of the server's side of this connection; None while there is none."""
        return self._connection.info.backend_pid if self._connection and not self._connection.closed else None

    async def aclose(self) -> None:
        """Step down and disconnect."""
        async with self._lock:
            if self._connection is not None and not self._connection.closed:
                try:
                    await self._connection.execute("SELECT ws.step_down()")
                except psycopg.Error:
                    # The backend is gone, and the elevation with it: that is what was wanted.
                    self._connection = None
            await self._drop()

    async def _live(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
            set_json_loads(msgspec.json.decode, self._connection)
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _translated(self, error: psycopg.Error) -> Exception:
        state = error.sqlstate or ""
        if self._connection is not None and self._connection.closed:
            self._connection = None
        if state.startswith("28") or "password authentication failed" in str(error):
            return NotSignedIn("The store refused this login.", "Sign in again with `workstation login`.")
        if state == "42501":
            if "not enrolled" in str(error):
                return NotSignedIn("This login is not enrolled, or it was disabled.", "Speak to your lead.")
            return Refused(
                "not_allowed", "The store does not let your login do this.", "Forward the case, or ask your lead."
            )
        if state in ("55P03", "57014"):
            return StoreError("Somebody else is changing this at the same moment.", "Try again.")
        if state == "53100":
            return StoreError(
                "The store's disk is full.", "Nothing was saved there; your drafts are kept here. Tell whoever runs it."
            )
        if state.startswith(("08", "57P")) or isinstance(error, psycopg.OperationalError):
            return StoreError(
                "The store cannot be reached.", "It is tried again by itself; drafts are kept on this machine."
            )
        if state in ("42883", "3F000"):
            return StoreError("The store is of another version.", "Run `workstation admin migrate`.")
        return StoreError(f"The store refused: {str(error).splitlines()[0]}", "This is a fault; please report it.")


def _is_json_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def as_base64(hexadecimal: str) -> str:
    """Return hexadecimal text as base64, which is how msgspec reads bytes."""
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def convert(value: object, shape: type[T]) -> T:
    """Return JSON from the store as one of our structs; extra keys are ignored.

    Raises:
        StoreError: the store's answer has another shape (a store of another version).
    """
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise StoreError(f"The store answered in another shape: {error}", "Run `workstation admin migrate`.") from error
