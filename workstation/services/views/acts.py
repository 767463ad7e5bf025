"""What may be done to an account and why not, requests, and elevated mode."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that the client is the client: a class of evidence, tied to one pin of the case.

    `proof_class`: ``proofing`` (live video with liveness, photo with the ticket's number and date), ``possession``
    (recovery code or master key, other passkey, known device, signature of a known address) or ``callback`` (to a
    number that did not change for 30 days). Who records one does not approve in the case.
    """

    id: int
    proof_class: str
    pin: int
    note: str
    by: str
    at: datetime


class ProofNeed(msgspec.Struct, frozen=True, kw_only=True):
    """A need of the policy: one of `any_of` classes. `met` says whether the case has one that counts now."""

    any_of: tuple[str, ...]
    met: bool


class WhyNot(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why something may not be done now: the rule, what it is, what to do, and when it ends by itself."""

    code: str
    what: str
    do: str = ""
    until: datetime | None = None


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """What the signed-in person may do to this account, and why not.

    `reasons` are all the rules that refuse it now, each with the time at which it ends by itself; `why_not` is
    the same in one text. `reason_codes` are the codes that the policy allows for this act. `vetoable`: the
    client is told at once and can stop it. `hold_s`: withdrawals rest this long after it (seconds).
    """

    act: str
    title: str
    effect: str
    tier: int
    loosening: bool
    reversible: bool
    approvals: int
    cooldown_s: float
    allowed: bool
    why_not: str
    needs_elevation: bool
    params: tuple[tuple[str, str], ...] = ()
    param_name: str = ""
    reasons: tuple[WhyNot, ...] = ()
    proof_needs: tuple[ProofNeed, ...] = ()
    reason_codes: tuple[str, ...] = ()
    vetoable: bool = False
    hold_s: float = 0.0


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy in force: its version, its name and its hash (hexadecimal).

    `tampered`: the tables are not what two people put in force.
    """

    version: int
    text: str
    hash: str
    tampered: bool = False

    @property
    def in_words(self) -> str:
        """How a screen names it."""
        word = "✗ NOT WHAT WAS SIGNED: tell your lead. " if self.tampered else ""
        return f"{word}version {self.version} “{self.text}”, {self.hash[:12]}…"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An act that was asked for, and how far it has come.

    `state`: pending, executing, executed, failed, unknown, refused, vetoed or expired. `stage` is the
    sentence that the screen shows, `readback` what was read after the act. `policy` is the hash of the policy
    that it was asked under (hexadecimal). Until `vetoable_until` the client can stop it with the link in his
    mail, of which `told_at` is the time; `hold` says what became of the rest of withdrawals after the act.
    """

    id: str
    case_id: int
    case_ref: str
    act: str
    tier: int
    account: str
    params: dict[str, Any]
    reason_code: str
    reason_text: str
    requester: str
    requester_name: str
    created_at: datetime
    not_before: datetime
    approve_by: datetime
    approvals_needed: int
    approvers: tuple[str, ...]
    request_hash: bytes
    state: str
    stage: str
    readback: str = ""
    why: str = ""
    params_text: str = "{}"
    account_etag: str = ""
    evidence_hash: str = ""
    policy: str = ""
    vetoable_until: datetime | None = None
    told_at: datetime | None = None
    hold: str = ""
    break_glass: bool = False


class Elevation(msgspec.Struct, frozen=True, kw_only=True):
    """Elevated mode of this connection, by the database's clock."""

    on: bool
    method: str = ""
    seconds_left: float = 0.0
    idle_seconds_left: float = 0.0
    fresh: bool = False


class StepUpMethod(msgspec.Struct, frozen=True, kw_only=True):
    """A way to step up: ``fido2``, ``idp`` or ``totp``. `why` says, in a sentence, why it is not offered."""

    kind: str
    offered: bool
    why: str = ""


class BreakGlass(msgspec.Struct, frozen=True, kw_only=True):
    """Broken glass of the signed-in person, by the database's clock; `on` is False where there is none.

    `review_due_at` is when somebody else must have judged it; `blocked` says that this did not happen and that
    there is no elevated mode until it does.
    """

    on: bool
    id: int = 0
    case_id: int | None = None
    case_ref: str = ""
    incident: str = ""
    reason: str = ""
    drill: bool = False
    seconds_left: float = 0.0
    review_due_at: datetime | None = None
    blocked: bool = False


#: Closed list of reasons for an act (SECURITY.md, "Reason codes").
REASON_CODES: tuple[str, ...] = (
    "LOST_DEVICE",
    "LOST_PASSKEY",
    "FALSE_POSITIVE_LOCK",
    "CLIENT_REQUEST_VERIFIED",
    "DECEASED_ESTATE",
    "LEGAL_ORDER",
    "INTERNAL_ERROR",
    "COMPROMISE_CONTAINMENT",
)
