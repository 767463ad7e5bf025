"""The standard procedures, a TOML file, as versions that the store keeps for ever."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec


class StepText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step as written: what to do, whether a pinned event must show it, whether it may be left out."""

    key: str
    text: str
    needs_pin: bool = False
    required: bool = True


class ProcedureText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of the procedure of one kind of case."""

    kind: str
    version: int
    title: str
    steps: tuple[StepText, ...]


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    procedure: tuple[ProcedureText, ...]


def standard() -> tuple[ProcedureText, ...]:
    """Return the procedures that come with the product."""
    text = files(__package__).joinpath("procedures.toml").read_bytes()
    return msgspec.toml.decode(text, type=_File).procedure


def install(connection: Any, procedures: tuple[ProcedureText, ...]) -> int:
    """Put procedures into the store that are not there yet; a kept version never changes. Returns how many were new.

    Args:
        connection: a psycopg connection that may write ``wsd.procedure`` (the installer's).
        procedures: what to install.
    """
    new = 0
    for procedure in procedures:
        cursor = connection.execute(
            "INSERT INTO wsd.procedure(kind, version, title, steps) VALUES (%s, %s, %s, %s::jsonb)"
            " ON CONFLICT DO NOTHING",
            (procedure.kind, procedure.version, procedure.title, msgspec.json.encode(procedure.steps).decode()),
        )
        new += cursor.rowcount
    return new
