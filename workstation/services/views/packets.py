"""What an escalation carries, and what changed since it was written."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from workstation.services.accounts.model import Account
from workstation.services.views.acts import Option, Proof, ProofNeed, Request
from workstation.services.views.cases import CaseRow, Pin, Step


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact about the account at a moment, for "nothing moved since you looked"."""

    name: str
    value: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that is not what it was. `blocks` says whether it stops an approval."""

    name: str
    before: str
    now: str
    blocks: bool


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """What an escalation carries. `missing` names, in sentences, what keeps it from being forwarded."""

    case_id: int
    finding: str = ""
    verdict: str = ""
    act: str = ""
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    wants: str = ""
    pins: tuple[Pin, ...] = ()
    steps: tuple[Step, ...] = ()
    facts: tuple[Fact, ...] = ()
    by: str = ""
    forwarded_at: datetime | None = None
    returned_note: str = ""
    state: str = "draft"
    version: int = 0
    missing: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()
    #: What the recommended act needs; empty where it needs no evidence of a class.
    proof_needs: tuple[ProofNeed, ...] = ()


class EscalationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A case that was forwarded to my level, or a request that waits for an approval."""

    case: CaseRow
    packet_state: str
    act: str
    verdict: str
    by: str
    forwarded_at: datetime
    requests: tuple[Request, ...] = ()


class EscalationView(msgspec.Struct, frozen=True, kw_only=True):
    """A packet opened by a senior: the difference since it was forwarded comes first."""

    case: CaseRow
    packet: Packet
    differences: tuple[Difference, ...]
    checked_at: datetime
    requests: tuple[Request, ...]
    options: tuple[Option, ...]
    account: Account
    problem: str = ""


class Verdict(StrEnum):
    """What the analyst commits to."""

    RIGHTFUL_OWNER = "rightful_owner"
    TAKEOVER = "takeover"
    CANNOT_TELL = "cannot_tell"
    NOT_A_PROBLEM = "not_a_problem"
