"""Database logins of people and daemons."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

#: A login may open only so many connections: enough for two terminals and a command beside them.
CONNECTIONS = 8


def make_login(connection: psycopg.Connection[Any], login: str, password: str, group: str | None) -> None:
    """Make a login, or give one a new password, and put it into its group.

    The password is hashed here (SCRAM-SHA-256, RFC 5802): a statement would leave it in the server's log. A person's
    login is put into the hands of the gate (rules/01_database.sql), by which leads disable people and change levels.

    Args:
        connection: of a superuser, autocommit.
        login: the role's name.
        password: the new one.
        group: the role that its level stands for, or None for a daemon.
    """
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (login,)).fetchone():
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN CONNECTION LIMIT {}").format(sql.Identifier(login), sql.Literal(CONNECTIONS))
        )
    if group is not None:
        _hand_over(connection, login)
        # Granted by the gate, so that the gate can take it back when the person's level changes (16 and later).
        connection.execute(
            sql.SQL("GRANT {} TO {} GRANTED BY ws_gate").format(sql.Identifier(group), sql.Identifier(login))
        )
    connection.pgconn.change_password(login.encode(), password.encode())


def _hand_over(connection: psycopg.Connection[Any], login: str) -> None:
    """Let the gate administer a login; before 16 that follows from its CREATEROLE."""
    if connection.info.server_version >= 160_000:
        connection.execute(
            sql.SQL("GRANT {} TO ws_gate WITH ADMIN TRUE, INHERIT FALSE, SET FALSE").format(sql.Identifier(login))
        )


def verifier(connection: psycopg.Connection[Any], login: str, password: str) -> str:
    """Return the SCRAM-SHA-256 verifier of a password: what may travel and be kept in its place (RFC 5803)."""
    return connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
