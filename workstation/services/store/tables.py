"""The tables, as SQLModel knows them; the source from which migrations are made.

All of them live in schema ``wsd``, owned by ``ws_owner``, and nobody who signs in may write to them:
writes go through the functions of ``rules/*.sql``, which check level, lease, hash and time and write
the audit in the same transaction. What SQL can declare (four eyes, deadlines, single use) is declared
here, so that not even the owner's own code can break it.

This module costs 0.3 s to import: migrations, administration and tests use it, the workstation does not.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

SCHEMA = "wsd"
_NOW = text("clock_timestamp()")
_TRUE, _FALSE, _ZERO, _EMPTY, _OBJECT = text("true"), text("false"), text("0"), text("''"), text("'{}'::jsonb")

CASE_KINDS = (
    "access_lost",
    "second_factor_lost",
    "account_takeover",
    "suspicious_activity",
    "withdrawal_hold",
    "settings_lock",
    "contact_change",
    "phishing_report",
    "other",
)


def _at(*, default: bool = False, nullable: bool = False) -> Column[Any]:
    return Column(TIMESTAMP(timezone=True), nullable=nullable, server_default=_NOW if default else None)


def _text(*, key: bool = False, nullable: bool = False, default: bool = False) -> Column[Any]:
    return Column(Text, primary_key=key, nullable=nullable, server_default=_EMPTY if default else None)


def _ref(target: str, *, key: bool = False, kind: Any = None, nullable: bool = False) -> Column[Any]:
    return Column(kind or Text, ForeignKey(f"{SCHEMA}.{target}"), primary_key=key, nullable=nullable)


def _listed(column: str, *values: str) -> str:
    return f"{column} IN ({', '.join(repr(v) for v in values)})"


class Staff(SQLModel, table=True):
    """A login and the person behind it. Two logins may be one person: four eyes looks at the person."""

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint("level BETWEEN 1 AND 3", name="level_known"),
        CheckConstraint(_listed("role", "analyst", "lead", "auditor"), name="role_known"),
        {"schema": SCHEMA},
    )
    login: str = Field(sa_column=_text(key=True))
    person_id: str = Field(sa_column=_text())
    name: str = Field(sa_column=_text())
    level: int = Field(sa_column=Column(SmallInteger, nullable=False))
    role: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'analyst'")))
    team: str = Field(sa_column=_text())
    languages: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    enabled: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=_TRUE))


class Factor(SQLModel, table=True):
    """A person's step-up factor: a FIDO2 public key, or a TOTP secret that only the broker can decrypt."""

    __tablename__ = "factor"
    __table_args__ = (CheckConstraint(_listed("kind", "fido2", "totp"), name="kind_known"), {"schema": SCHEMA})
    login: str = Field(sa_column=_ref("staff.login", key=True))
    kind: str = Field(sa_column=_text(key=True))
    cred_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    last_counter: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=_ZERO))
    enabled: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=_TRUE))


class Throttle(SQLModel, table=True):
    """Failed step-ups of a login; counted in the broker's own transaction, so no ROLLBACK hides them."""

    __tablename__ = "throttle"
    __table_args__ = {"schema": SCHEMA}
    login: str = Field(sa_column=_ref("staff.login", key=True))
    fails: int = Field(sa_column=Column(Integer, nullable=False, server_default=_ZERO))
    locked_until: datetime | None = Field(sa_column=_at(nullable=True))


class Challenge(SQLModel, table=True):
    """What a proof answers: bound to one login and one database backend, and to one hash where `bind` is set."""

    __tablename__ = "challenge"
    __table_args__ = (
        CheckConstraint("length(bind) = 32", name="bind_is_sha256"),
        CheckConstraint("length(nonce) = 32", name="nonce_is_256_bits"),
        CheckConstraint("octet_length(proof::text) <= 8192", name="proof_is_small"),
        UniqueConstraint("challenge", name="challenge_once"),
        Index("challenge_open", "issued", postgresql_where=text("used IS NULL AND proof IS NOT NULL")),
        {"schema": SCHEMA},
    )
    id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), primary_key=True))
    login: str = Field(sa_column=_ref("staff.login"))
    backend_pid: int = Field(sa_column=Column(Integer, nullable=False))
    backend_start: datetime = Field(sa_column=_at())
    bind: bytes | None = Field(sa_column=Column(LargeBinary))
    nonce: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    challenge: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    issued: datetime = Field(sa_column=_at())
    expires: datetime = Field(sa_column=_at())
    proof: dict[str, Any] | None = Field(sa_column=Column(JSONB))
    used: datetime | None = Field(sa_column=_at(nullable=True))
    result: str | None = Field(sa_column=Column(Text))


class Elevation(SQLModel, table=True):
    """One proved step-up of one backend. Inserted by the broker, so no open user transaction can hold it up."""

    __tablename__ = "elevation"
    __table_args__ = (Index("elevation_of", "login", "backend_pid", "started"), {"schema": SCHEMA})
    challenge_id: UUID = Field(sa_column=_ref("challenge.id", key=True, kind=PG_UUID(as_uuid=True)))
    login: str = Field(sa_column=_text())
    backend_pid: int = Field(sa_column=Column(Integer, nullable=False))
    backend_start: datetime = Field(sa_column=_at())
    bind: bytes | None = Field(sa_column=Column(LargeBinary))
    started: datetime = Field(sa_column=_at())
    last_use: datetime = Field(sa_column=_at())
    method: str = Field(sa_column=_text())
    fresh: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=_TRUE))


class Policy(SQLModel, table=True):
    """What an act needs. Changed by migrations only; tiers as in docs/security.md."""

    __tablename__ = "policy"
    __table_args__ = (
        CheckConstraint("tier BETWEEN 0 AND 4", name="tier_known"),
        CheckConstraint("tier NOT IN (2, 3) OR approvals >= 1", name="loosening_needs_two"),
        CheckConstraint(_listed("param", "", "hold", "factor"), name="param_known"),
        {"schema": SCHEMA},
    )
    act: str = Field(sa_column=_text(key=True))
    tier: int = Field(sa_column=Column(SmallInteger, nullable=False))
    approvals: int = Field(sa_column=Column(SmallInteger, nullable=False))
    cooldown: timedelta = Field(sa_column=Column(Interval, nullable=False))
    min_level: int = Field(sa_column=Column(SmallInteger, nullable=False))
    approver_level: int = Field(sa_column=Column(SmallInteger, nullable=False))
    title: str = Field(sa_column=_text())
    effect: str = Field(sa_column=_text())
    reversible: bool = Field(sa_column=Column(Boolean, nullable=False))
    param: str = Field(sa_column=_text(default=True))


class ProcedureTable(SQLModel, table=True):
    """A version of the procedure of one kind of case; `steps` is a list of {key, text, needs_pin, required}."""

    __tablename__ = "procedure"
    __table_args__ = {"schema": SCHEMA}
    kind: str = Field(sa_column=_text(key=True))
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    title: str = Field(sa_column=_text())
    steps: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))


class CaseFile(SQLModel, table=True):
    """One client's problem. A holder has it for as long as the lease lasts."""

    __tablename__ = "case_file"
    __table_args__ = (
        CheckConstraint(_listed("kind", *CASE_KINDS), name="kind_known"),
        CheckConstraint(_listed("status", "open", "waiting", "closed"), name="status_known"),
        CheckConstraint("risk BETWEEN 0 AND 100", name="risk_is_percent"),
        CheckConstraint("(holder IS NULL) = (lease_until IS NULL)", name="lease_has_holder"),
        CheckConstraint("status <> 'closed' OR outcome <> ''", name="closed_with_outcome"),
        Index(
            "one_open_case",
            "account_id",
            "kind",
            unique=True,
            postgresql_where=text("status <> 'closed' AND account_id <> ''"),
        ),
        Index("case_queue", "team", "status", postgresql_where=text("status <> 'closed'")),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True, start=48_001), primary_key=True))
    ref: str = Field(sa_column=Column(Text, Computed("'CS-' || id", persisted=True)))
    kind: str = Field(sa_column=_text())
    account_id: str = Field(sa_column=_text())
    team: str = Field(sa_column=_text())
    language: str = Field(sa_column=_text(default=True))
    subject: str = Field(sa_column=_text(default=True))
    excerpt: str = Field(sa_column=_text(default=True))
    status: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'open'")))
    opened_at: datetime = Field(sa_column=_at(default=True))
    trouble_since: datetime = Field(sa_column=_at(default=True))
    due_at: datetime | None = Field(sa_column=_at(nullable=True))
    risk: int | None = Field(sa_column=Column(SmallInteger))
    funds_usd: float | None = Field(sa_column=Column(Float))
    holder: str | None = Field(sa_column=_ref("staff.login", nullable=True))
    lease_until: datetime | None = Field(sa_column=_at(nullable=True))
    escalated_to: int | None = Field(sa_column=Column(SmallInteger))
    snooze_until: datetime | None = Field(sa_column=_at(nullable=True))
    snooze_reason: str = Field(sa_column=_text(default=True))
    waiting_since: datetime | None = Field(sa_column=_at(nullable=True))
    outcome: str = Field(sa_column=_text(default=True))
    procedure_version: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("1")))
    first_message_id: str | None = Field(sa_column=Column(Text, unique=True))
    version: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("1")))


class CaseTouch(SQLModel, table=True):
    """Who worked on a case; such a person never approves an act in it."""

    __tablename__ = "case_touch"
    __table_args__ = {"schema": SCHEMA}
    case_id: int = Field(sa_column=_ref("case_file.id", key=True, kind=BigInteger))
    person_id: str = Field(sa_column=_text(key=True))


class Evidence(SQLModel, table=True):
    """A pinned event with its raw bytes; append-only, and hashed into every request of its case."""

    __tablename__ = "evidence"
    __table_args__ = (
        CheckConstraint("sha256 = sha256(raw)", name="hash_is_of_raw"),
        CheckConstraint("octet_length(raw) <= 16777216", name="raw_is_bounded"),
        UniqueConstraint("case_id", "source", "event_id", name="pinned_once"),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    case_id: int = Field(sa_column=_ref("case_file.id", kind=BigInteger))
    source: str = Field(sa_column=_text())
    event_id: str = Field(sa_column=_text())
    summary: str = Field(sa_column=_text())
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    added_by: str = Field(sa_column=_text())
    added: datetime = Field(sa_column=_at(default=True))


class LabelTable(SQLModel, table=True):
    """Whose a device, network or session is, as the case's analyst sees it."""

    __tablename__ = "label"
    __table_args__ = (
        CheckConstraint(_listed("kind", "device", "network", "session"), name="kind_known"),
        CheckConstraint(_listed("verdict", "owner", "intruder", "unknown"), name="verdict_known"),
        {"schema": SCHEMA},
    )
    case_id: int = Field(sa_column=_ref("case_file.id", key=True, kind=BigInteger))
    kind: str = Field(sa_column=_text(key=True))
    value: str = Field(sa_column=_text(key=True))
    verdict: str = Field(sa_column=_text())
    by: str = Field(sa_column=_text())
    at: datetime = Field(sa_column=_at(default=True))


class NoteTable(SQLModel, table=True):
    """A note on a case; append-only."""

    __tablename__ = "note"
    __table_args__ = (CheckConstraint("length(text) BETWEEN 1 AND 20000", name="text_fits"), {"schema": SCHEMA})
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    case_id: int = Field(sa_column=_ref("case_file.id", kind=BigInteger))
    by: str = Field(sa_column=_text())
    at: datetime = Field(sa_column=_at(default=True))
    text: str = Field(sa_column=_text())


class StepDone(SQLModel, table=True):
    """A step of the procedure that was done, with the pin that shows it where one is required."""

    __tablename__ = "step_done"
    __table_args__ = {"schema": SCHEMA}
    case_id: int = Field(sa_column=_ref("case_file.id", key=True, kind=BigInteger))
    step: str = Field(sa_column=_text(key=True))
    by: str = Field(sa_column=_text())
    at: datetime = Field(sa_column=_at(default=True))
    evidence_id: int | None = Field(sa_column=_ref("evidence.id", kind=BigInteger, nullable=True))


class PacketTable(SQLModel, table=True):
    """What an escalation carries, with the facts as they stood when it was forwarded."""

    __tablename__ = "packet"
    __table_args__ = (
        CheckConstraint(_listed("state", "draft", "forwarded", "returned", "taken"), name="state_known"),
        {"schema": SCHEMA},
    )
    case_id: int = Field(sa_column=_ref("case_file.id", key=True, kind=BigInteger))
    finding: str = Field(sa_column=_text(default=True))
    verdict: str = Field(sa_column=_text(default=True))
    act: str = Field(sa_column=_text(default=True))
    params: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False, server_default=_OBJECT))
    wants: str = Field(sa_column=_text(default=True))
    facts: list[dict[str, str]] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'[]'::jsonb")))
    by: str = Field(sa_column=_text(default=True))
    forwarded_at: datetime | None = Field(sa_column=_at(nullable=True))
    returned_note: str = Field(sa_column=_text(default=True))
    state: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'draft'")))
    version: int = Field(sa_column=Column(Integer, nullable=False, server_default=_ZERO))


class Mail(SQLModel, table=True):
    """Mail in and out. An outgoing row is the outbox: its recipient and text are frozen when it is queued."""

    __tablename__ = "mail"
    __table_args__ = (
        CheckConstraint(_listed("direction", "in", "out"), name="direction_known"),
        CheckConstraint(
            "CASE direction WHEN 'in' THEN state = 'received' ELSE "
            + _listed("state", "queued", "sending", "sent", "unknown", "recalled", "failed")
            + " END",
            name="state_known",
        ),
        UniqueConstraint("message_id", name="message_once"),
        Index("mail_thread", "case_id", "id"),
        Index("mail_outbox", "id", postgresql_where=text("state IN ('queued', 'sending')")),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    case_id: int = Field(sa_column=_ref("case_file.id", kind=BigInteger))
    direction: str = Field(sa_column=_text())
    state: str = Field(sa_column=_text())
    at: datetime = Field(sa_column=_at(default=True))
    message_id: str = Field(sa_column=_text())
    in_reply_to: str = Field(sa_column=_text(default=True))
    refs: str = Field(sa_column=_text(default=True))
    sender: str = Field(sa_column=_text(default=True))
    recipient: str = Field(sa_column=_text(default=True))
    subject: str = Field(sa_column=_text(default=True))
    body: str = Field(sa_column=_text(default=True))
    language: str = Field(sa_column=_text(default=True))
    authenticity: str = Field(sa_column=_text(default=True))
    attachments: list[str] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'[]'::jsonb")))
    raw: bytes | None = Field(sa_column=Column(LargeBinary))
    author: str = Field(sa_column=_text(default=True))
    recall_until: datetime | None = Field(sa_column=_at(nullable=True))
    not_before: datetime | None = Field(sa_column=_at(nullable=True))
    why: str = Field(sa_column=_text(default=True))


class InboxCursor(SQLModel, table=True):
    """How far the courier has read the mailbox."""

    __tablename__ = "inbox_cursor"
    __table_args__ = {"schema": SCHEMA}
    name: str = Field(sa_column=_text(key=True))
    cursor: str = Field(sa_column=_text())


class ImportedEvent(SQLModel, table=True):
    """An event that was imported from a file into an account's timeline, raw bytes kept; append-only."""

    __tablename__ = "imported_event"
    __table_args__ = (Index("imported_by_time", "account_id", "time_us"), {"schema": SCHEMA})
    account_id: str = Field(sa_column=_text(key=True))
    source: str = Field(sa_column=_text(key=True))
    event_id: str = Field(sa_column=_text(key=True))
    time_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    imported_by: str = Field(sa_column=_text())
    imported_at: datetime = Field(sa_column=_at(default=True))


class RequestTable(SQLModel, table=True):
    """An act that was asked for. Immutable but for its state; `request_hash` covers all that is approved."""

    __tablename__ = "request"
    __table_args__ = (
        CheckConstraint("length(reason_text) BETWEEN 20 AND 2000", name="reason_is_said"),
        CheckConstraint(
            _listed(
                "reason_code",
                "LOST_DEVICE",
                "LOST_PASSKEY",
                "FALSE_POSITIVE_LOCK",
                "CLIENT_REQUEST_VERIFIED",
                "DECEASED_ESTATE",
                "LEGAL_ORDER",
                "INTERNAL_ERROR",
                "COMPROMISE_CONTAINMENT",
            ),
            name="reason_known",
        ),
        CheckConstraint(
            _listed("state", "pending", "executing", "executed", "failed", "unknown", "refused", "vetoed", "expired"),
            name="state_known",
        ),
        UniqueConstraint("id", "requester_person", "request_hash", "approve_by", name="what_is_approved"),
        Index("request_live", "state", postgresql_where=text("state IN ('pending', 'executing', 'unknown')")),
        Index(
            "one_open_request",
            "account_id",
            unique=True,
            postgresql_where=text("state IN ('pending', 'executing', 'unknown') AND tier >= 2"),
        ),
        {"schema": SCHEMA},
    )
    id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), primary_key=True))
    case_id: int = Field(sa_column=_ref("case_file.id", kind=BigInteger))
    act: str = Field(sa_column=_ref("policy.act"))
    tier: int = Field(sa_column=Column(SmallInteger, nullable=False))
    account_id: str = Field(sa_column=_text())
    params: str = Field(sa_column=_text())
    reason_code: str = Field(sa_column=_text())
    reason_text: str = Field(sa_column=_text())
    requester: str = Field(sa_column=_ref("staff.login"))
    requester_person: str = Field(sa_column=_text())
    account_etag: str = Field(sa_column=_text())
    evidence_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    request_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created: datetime = Field(sa_column=_at())
    not_before: datetime = Field(sa_column=_at())
    approve_by: datetime = Field(sa_column=_at())
    state: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'pending'")))
    why: str = Field(sa_column=_text(default=True))
    version: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("1")))


class Approval(SQLModel, table=True):
    """Four eyes, declared: requester, hash and deadline are copied through the foreign key.

    A further constraint, ``reciprocal_24h``, needs a range type and is in ``rules/40_acts.sql``.
    """

    __tablename__ = "approval"
    __table_args__ = (
        ForeignKeyConstraint(
            ["request_id", "requester_person", "request_hash", "approve_by"],
            [f"{SCHEMA}.request.{c}" for c in ("id", "requester_person", "request_hash", "approve_by")],
            name="of_exactly_this_request",
        ),
        CheckConstraint("approver_person <> requester_person", name="four_eyes"),
        CheckConstraint("decided <= approve_by", name="in_time"),
        {"schema": SCHEMA},
    )
    request_id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), primary_key=True))
    requester_person: str = Field(sa_column=_text())
    request_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    approve_by: datetime = Field(sa_column=_at())
    approver: str = Field(sa_column=_ref("staff.login"))
    approver_person: str = Field(sa_column=_text(key=True))
    decided: datetime = Field(sa_column=_at())
    execute_by: datetime = Field(sa_column=_at())


class Execution(SQLModel, table=True):
    """The one time that a request was let out; its primary key makes a second time impossible."""

    __tablename__ = "execution"
    __table_args__ = (
        CheckConstraint(_listed("outcome", "executed", "failed", "unknown"), name="outcome_known"),
        {"schema": SCHEMA},
    )
    request_id: UUID = Field(sa_column=_ref("request.id", key=True, kind=PG_UUID(as_uuid=True)))
    claimed_by: str = Field(sa_column=_text())
    claimed: datetime = Field(sa_column=_at())
    etag_before: str = Field(sa_column=_text())
    outcome: str | None = Field(sa_column=Column(Text))
    reference: str = Field(sa_column=_text(default=True))
    etag_after: str = Field(sa_column=_text(default=True))
    readback: str = Field(sa_column=_text(default=True))
    settled: datetime | None = Field(sa_column=_at(nullable=True))
    told: datetime | None = Field(sa_column=_at(nullable=True))


class AuditHead(SQLModel, table=True):
    """The end of each login's chain. Nobody has a right on it."""

    __tablename__ = "audit_head"
    __table_args__ = {"schema": SCHEMA}
    chain: str = Field(sa_column=_text(key=True))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Audit(SQLModel, table=True):
    """One record (PCI DSS 10.2.2, OWASP ASVS 16.2), hashed with the one before it in its login's chain.

    `payload` is text and not jsonb: its bytes are hashed and must survive upgrades unchanged.
    """

    __tablename__ = "audit"
    __table_args__ = (
        UniqueConstraint("prev_hash", name="no_fork"),
        Index("audit_time", "ts"),
        Index("audit_object", "object", "ts"),
        {"schema": SCHEMA},
    )
    chain: str = Field(sa_column=_text(key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    ts: datetime = Field(sa_column=_at())
    actor: str = Field(sa_column=_text())
    person: str | None = Field(sa_column=Column(Text))
    level: int | None = Field(sa_column=Column(SmallInteger))
    app: str | None = Field(sa_column=Column(Text))
    client: str | None = Field(sa_column=Column(INET))
    backend_pid: int = Field(sa_column=Column(Integer, nullable=False))
    event: str = Field(sa_column=_text())
    outcome: str = Field(sa_column=_text())
    object: str = Field(sa_column=_text(default=True))
    payload: str = Field(sa_column=_text())
    prev_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class StoreMeta(SQLModel, table=True):
    """Facts about this store: the name of the policy set, the fingerprint of the rules."""

    __tablename__ = "store_meta"
    __table_args__ = {"schema": SCHEMA}
    key: str = Field(sa_column=_text(key=True))
    value: str = Field(sa_column=_text())
