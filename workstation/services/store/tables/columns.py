"""The columns that tables share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

SCHEMA = "wsd"
NOW, TRUE, ZERO = text("clock_timestamp()"), text("true"), text("0")
OBJECT, LIST = text("'{}'::jsonb"), text("'[]'::jsonb")


def instant(*, default: bool = False, nullable: bool = False) -> Column[Any]:
    """Return a column with a time and its zone; `default` is the database's clock, not the transaction's start."""
    return Column(TIMESTAMP(timezone=True), nullable=nullable, server_default=NOW if default else None)


def words(*, key: bool = False, nullable: bool = False, default: bool = False) -> Column[Any]:
    """Return a text column; `default` is the empty text."""
    return Column(Text, primary_key=key, nullable=nullable, server_default=text("''") if default else None)


def reference(target: str, *, key: bool = False, kind: Any = None, nullable: bool = False) -> Column[Any]:
    """Return a column that refers to ``table.column`` of our schema."""
    return Column(kind or Text, ForeignKey(f"{SCHEMA}.{target}"), primary_key=key, nullable=nullable)


def listed(column: str, *values: str) -> str:
    """Return the SQL of a CHECK that `column` is one of `values`."""
    return f"{column} IN ({', '.join(repr(v) for v in values)})"
