"""What the screens are given: rows and pages, already decided by the services, still unclean.

Text fields that came from clients or outside systems are Untrusted: a widget shows them through
``clean()`` only. Ids are record ids, never positions. Times are aware UTC datetimes.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from workstation.services.accounts.model import Account, Contact, Risk
from workstation.services.timeline.event import Event
from workstation.services.timeline.source import Gap, SourceState


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in. `level` is 1 (L1), 2 (L2) or 3 (senior); `role` is analyst, lead or auditor."""

    login: str
    person_id: str
    name: str
    level: int
    role: str
    team: str
    languages: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """How the state bar names the person's standing."""
        if self.role != "analyst":
            return self.role.capitalize()
        return {1: "Level 1", 2: "Level 2", 3: "Senior"}[self.level]


class CaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the queue with the reasons for its place."""

    id: int
    ref: str
    kind: str
    account: str
    status: str
    language: str
    risk: int | None
    funds_usd: float | None
    opened_at: datetime
    due_at: datetime | None
    why: tuple[str, ...]
    subject: str
    excerpt: str
    holder: str | None
    holder_name: str
    lease_until: datetime | None
    escalated_to: int | None
    waiting_since: datetime | None
    version: int


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """The order of a queue, frozen when it was read: ids from first to last, and counts by place."""

    ids: tuple[int, ...]
    mine: int
    unassigned: int
    waiting: int
    breaching: int
    read_at: datetime


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """An event kept as evidence, with the hash of its raw bytes."""

    id: int
    event_id: str
    source: str
    sha256: str
    summary: str
    added_by: str
    added_at: datetime


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a device, network or session is: ``owner``, ``intruder`` or ``unknown``."""

    kind: str
    value: str
    verdict: str
    by: str


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A note of a colleague on a case."""

    id: int
    by: str
    at: datetime
    text: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the procedure. `needs_pin` steps are ticked with a pin."""

    key: str
    text: str
    needs_pin: bool = False
    required: bool = True
    done_by: str = ""
    done_at: datetime | None = None
    pin: int | None = None


class Procedure(msgspec.Struct, frozen=True, kw_only=True):
    """The procedure of a kind of case, at the version that the case is worked under."""

    kind: str
    version: int
    title: str
    steps: tuple[Step, ...]

    @property
    def next_step(self) -> Step | None:
        """The first step that is not done."""
        return next((s for s in self.steps if s.done_at is None), None)


class MailMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A mail of the thread. Outgoing ones carry the state of their outbox row.

    `state`: received, queued, sending, sent, unknown, recalled or failed. `from_record` says whether an
    incoming one came from the address on record; `authenticity` is what our own server said of it.
    """

    id: int
    direction: str
    state: str
    at: datetime
    sender: str
    recipient: str
    subject: str
    body: str
    language: str
    from_record: bool = False
    authenticity: str = ""
    attachments: tuple[str, ...] = ()
    recall_until: datetime | None = None


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


class Reveal(msgspec.Struct, frozen=True, kw_only=True):
    """A masked field that was shown for a minute, and why."""

    field: str
    reason: str
    at: datetime


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose for which somebody looked at an account.

    `kind`: case, escalation or reason. `looked` is what was read under it (account, events and their source, risk,
    pin …); empty where the right was taken and not used.
    """

    id: int
    account: str
    login: str
    name: str
    level: int
    role: str
    kind: str
    case_id: int | None
    case_ref: str
    reason: str
    first_at: datetime
    last_at: datetime
    looked: tuple[str, ...] = ()
    reveals: tuple[Reveal, ...] = ()


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What a lead must see the same day. `about` is the login that it is about."""

    id: int
    at: datetime
    kind: str
    about: str
    about_name: str
    case_id: int | None
    text: str


class SourceLine(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one source, for the line under the timeline.

    ``percent`` is how much of the time was read so far, None where nobody can say; ``failed_at`` is since when it
    gives no answer.
    """

    name: str
    state: SourceState
    events: int = 0
    why: str = ""
    percent: int | None = None
    failed_at: datetime | None = None


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of a rule over events. `severity`: low, medium, or high (an alarm that would hold up a withdrawal).

    `why` says what was found, `innocent` what would explain it harmlessly, `events` the ids that caused it.
    """

    rule: str
    title: str
    severity: str
    why: str
    innocent: str
    events: tuple[str, ...]


class TimelineView(msgspec.Struct, frozen=True, kw_only=True):
    """Events newest first and gaps, with the state of every source and the marks of the rules."""

    events: tuple[Event, ...]
    gaps: tuple[Gap, ...]
    sources: tuple[SourceLine, ...]
    marks: tuple[Mark, ...] = ()


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the account but its events. Contacts are masked here already."""

    case: CaseRow | None
    account: Account
    risk: Risk | None
    risk_problem: str
    reply_to: Contact | None
    reply_to_masked: str
    trouble_since: datetime
    pins: tuple[Pin, ...] = ()
    labels: tuple[Label, ...] = ()
    notes: tuple[Note, ...] = ()
    procedure: Procedure | None = None
    account_problem: str = ""
    #: When the right to look ends by itself: set for a typed reason; a case may be looked at while it is held.
    view_until: datetime | None = None


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


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the audit."""

    chain: str
    seq: int
    at: datetime
    actor: str
    level: int | None
    event: str
    outcome: str
    object: str
    payload: str
    hash: str


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A mail template in the client's language with its English twin beside it. Holes are ``{name}``."""

    key: str
    language: str
    title: str
    subject: str
    body: str
    english_subject: str
    english_body: str


class Verdict(StrEnum):
    """What the analyst commits to."""

    RIGHTFUL_OWNER = "rightful_owner"
    TAKEOVER = "takeover"
    CANNOT_TELL = "cannot_tell"
    NOT_A_PROBLEM = "not_a_problem"


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
