"""Members, grants, changes that two people sign, and reviews."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A breaking of the glass that a lead must judge; `acts` are what was asked for under it, in words."""

    id: int
    login: str
    name: str
    case_id: int | None
    case_ref: str
    incident: str
    reason: str
    drill: bool
    started_at: datetime
    due_at: datetime
    late: bool
    acts: tuple[str, ...] = ()


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """An act that somebody of Level 2 may ask for, and until when."""

    act: str
    until: datetime
    given_by: str
    last_use: datetime | None = None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of the team, as leads see them. `factors` are kinds with their labels."""

    login: str
    name: str
    level: int
    role: str
    enabled: bool
    factors: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()
    step_up_locked: bool = False
    review_due: bool = False


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """What is thin in a team: `severity` is warning or broken, `said` the sentence, `do` what helps."""

    code: str
    severity: str
    said: str
    do: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change to people that waits for a second person. `mine` ones I proposed and cannot confirm.

    `kind`: factor, grant, level, enrol, enable, disable or methods; `details` are its fields, without secrets.
    """

    id: str
    kind: str
    subject: str
    subject_name: str
    details: dict[str, Any]
    proposer: str
    proposer_name: str
    proposed_at: datetime
    expires_at: datetime
    state: str
    hash: bytes
    mine: bool
    why_not: str = ""
