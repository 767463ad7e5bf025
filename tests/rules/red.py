"""What the attempts of an hour have in common: transactions that are held open, cases that somebody holds."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.rules import asking
from tests.rules.installation import Installation, answer

LOCK = "SELECT ws.request_act(%s, 'lock', '{}', 'COMPROMISE_CONTAINMENT', %s, 'e1')"
Hold = Callable[..., psycopg.Connection[Any]]


@contextmanager
def holding(ws: Installation) -> Iterator[Hold]:
    """Open transactions of somebody's with statements; they end with the test, however that ends."""
    opened: list[psycopg.Connection[Any]] = []

    def begin(login: str, statement: str, *args: object) -> psycopg.Connection[Any]:
        connection = ws.connect(login, autocommit=False)
        opened.append(connection)
        connection.execute(statement.encode(), args)
        return connection

    try:
        yield begin
    finally:
        for connection in opened:
            connection.close()


def held(ws: Installation, login: str, account: str = "") -> int:
    """Return a case that `login` holds."""
    case = ws.case(account or secrets.token_hex(6))
    assert answer(ws.desk(login), "SELECT ws.claim_case(%s, '')", case)["holder"] == login
    return case


def asked(ws: Installation) -> dict[str, Any]:
    """Return a tier-3 request of david's, which a client can stop."""
    case = asking.ready(ws, "david", secrets.token_hex(6), "proofing", "possession")
    made: dict[str, Any] = asking.ask_tier_3(ws, "david", case)
    return made
