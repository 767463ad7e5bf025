"""Database logins of people and daemons."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

#: A login may open only so many connections: enough for two terminals and a command beside them.
CONNECTIONS = 8


def make_login(connection: psycopg.Connection[Any], login: str, password: str, group: str | None) -> None:
    """Make a login, or give one a new password, and put it into its group.

    The password is hashed here (SCRAM-SHA-256, RFC 5802): a statement would leave it in the server's log.

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
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(login)))
    connection.pgconn.change_password(login.encode(), password.encode())
