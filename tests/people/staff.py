"""The people of tests/rules and what leads and seniors do with them. `gina` (P9) is a second lead."""

from __future__ import annotations

import itertools
from typing import Any

import psycopg

from tests.rules.installation import SECRET, Installation, answer

REASON = "a reason that says enough of why"
Desk = psycopg.Connection[Any]
_number = itertools.count(1)


class Staff:
    """People at their desks."""

    def __init__(self, ws: Installation) -> None:
        self.ws = ws
        self.su = ws.su
        self.enrol("gina", "P9", 3, "lead", "ws_lead")
        self.su.execute("UPDATE wsd.staff SET email = login || '@exchange.example' WHERE role = 'lead'")

    def enrol(self, login: str, person: str, level: int = 1, role: str = "analyst", group: str = "ws_l1") -> str:
        """Make somebody with a TOTP factor, the installer's way."""
        self.ws._login(login, group)
        self.su.execute(
            "SELECT ws.enrol(%s, %s, %s, %s::smallint, %s, 'A', '{en}')", (login, person, login, level, role)
        )
        wrapped = self.ws.verifier.wrap(login, SECRET)
        self.su.execute("SELECT ws.enrol_factor(%s, 'totp', %s, %s)", (login, b"t" * 16, wrapped))
        return login

    def newcomer(self, level: int = 1, role: str = "analyst", group: str = "ws_l1") -> str:
        """Make somebody whom no other test knows."""
        number = next(_number)
        return self.enrol(f"new{number}", f"N{number}", level, role, group)

    def forget(self) -> None:
        """Let the next test begin on another day: nothing confirmed lately, no failed codes, no elevation."""
        self.ws.reset_factors()
        self.su.execute("SET session_replication_role = replica")
        for table in ("change", "emergency", "approval", "elevation", "alert", "challenge"):
            self.su.execute(f"DELETE FROM wsd.{table}")
        self.su.execute("DELETE FROM wsd.mail WHERE case_id IS NULL")
        self.su.execute("UPDATE wsd.request SET state = 'expired' WHERE state IN ('pending', 'executing', 'unknown')")
        self.su.execute("SET session_replication_role = origin")

    def desk(self, login: str) -> Desk:
        return self.ws.desk(login)

    def elevated(self, login: str, bind: bytes | None = None) -> Desk:
        """Return this login's desk in elevated mode."""
        desk = self.ws.desk(login)
        self.su.execute("UPDATE wsd.factor SET last_counter = 0")
        assert self.ws.step_up(desk, bind) == "ok"
        return desk

    def confirm(self, login: str, change: dict[str, Any]) -> Any:
        """Step up for exactly this change and confirm it."""
        hash_ = bytes.fromhex(change["hash"])
        return answer(self.elevated(login, hash_), "SELECT ws.confirm_change(%s, %s)", change["id"], hash_)

    def lead(self, statement: str, *args: object, login: str = "fay") -> Any:
        """Let a lead do something, elevated."""
        return answer(self.elevated(login), f"SELECT ws.{statement}", *args)

    def one(self, statement: str, *args: object) -> Any:
        row = self.su.execute(statement, args).fetchone()
        return row[0] if row and len(row) == 1 else row

    def events(self, event: str) -> list[tuple[str, str]]:
        """Return outcome and object of an event's records, oldest first."""
        rows = self.su.execute("SELECT outcome, object FROM wsd.audit WHERE event = %s ORDER BY ts", (event,))
        return [(row[0], row[1]) for row in rows.fetchall()]


OK = {"ok": True}
