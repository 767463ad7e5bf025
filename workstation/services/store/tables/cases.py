"""Cases and what analysts add to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from workstation.services.store.tables.columns import LIST, OBJECT, SCHEMA, ZERO, instant, listed, reference, words

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


class ProcedureTable(SQLModel, table=True):
    """A version of the procedure of one kind of case; `steps` is a list of {key, text, needs_pin, required}."""

    __tablename__ = "procedure"
    __table_args__ = {"schema": SCHEMA}
    kind: str = Field(sa_column=words(key=True))
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    title: str = Field(sa_column=words())
    steps: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))


class CaseFile(SQLModel, table=True):
    """One client's problem. A holder has it for as long as the lease lasts."""

    __tablename__ = "case_file"
    __table_args__ = (
        CheckConstraint(listed("kind", *CASE_KINDS), name="kind_known"),
        CheckConstraint(listed("status", "open", "waiting", "closed"), name="status_known"),
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
    kind: str = Field(sa_column=words())
    account_id: str = Field(sa_column=words())
    team: str = Field(sa_column=words())
    language: str = Field(sa_column=words(default=True))
    subject: str = Field(sa_column=words(default=True))
    excerpt: str = Field(sa_column=words(default=True))
    status: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'open'")))
    opened_at: datetime = Field(sa_column=instant(default=True))
    trouble_since: datetime = Field(sa_column=instant(default=True))
    due_at: datetime | None = Field(sa_column=instant(nullable=True))
    risk: int | None = Field(sa_column=Column(SmallInteger))
    funds_usd: float | None = Field(sa_column=Column(Float))
    holder: str | None = Field(sa_column=reference("staff.login", nullable=True))
    lease_until: datetime | None = Field(sa_column=instant(nullable=True))
    escalated_to: int | None = Field(sa_column=Column(SmallInteger))
    snooze_until: datetime | None = Field(sa_column=instant(nullable=True))
    snooze_reason: str = Field(sa_column=words(default=True))
    waiting_since: datetime | None = Field(sa_column=instant(nullable=True))
    outcome: str = Field(sa_column=words(default=True))
    procedure_version: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("1")))
    first_message_id: str | None = Field(sa_column=Column(Text, unique=True))
    version: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("1")))


class CaseTouch(SQLModel, table=True):
    """Who worked on a case; such a person never approves an act in it."""

    __tablename__ = "case_touch"
    __table_args__ = {"schema": SCHEMA}
    case_id: int = Field(sa_column=reference("case_file.id", key=True, kind=BigInteger))
    person_id: str = Field(sa_column=words(key=True))


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
    case_id: int = Field(sa_column=reference("case_file.id", kind=BigInteger))
    source: str = Field(sa_column=words())
    event_id: str = Field(sa_column=words())
    summary: str = Field(sa_column=words())
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    added_by: str = Field(sa_column=words())
    added: datetime = Field(sa_column=instant(default=True))


class LabelTable(SQLModel, table=True):
    """Whose a device, network or session is, as the case's analyst sees it."""

    __tablename__ = "label"
    __table_args__ = (
        CheckConstraint(listed("kind", "device", "network", "session"), name="kind_known"),
        CheckConstraint(listed("verdict", "owner", "intruder", "unknown"), name="verdict_known"),
        {"schema": SCHEMA},
    )
    case_id: int = Field(sa_column=reference("case_file.id", key=True, kind=BigInteger))
    kind: str = Field(sa_column=words(key=True))
    value: str = Field(sa_column=words(key=True))
    verdict: str = Field(sa_column=words())
    by: str = Field(sa_column=words())
    at: datetime = Field(sa_column=instant(default=True))


class NoteTable(SQLModel, table=True):
    """A note on a case; append-only."""

    __tablename__ = "note"
    __table_args__ = (CheckConstraint("length(text) BETWEEN 1 AND 20000", name="text_fits"), {"schema": SCHEMA})
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    case_id: int = Field(sa_column=reference("case_file.id", kind=BigInteger))
    by: str = Field(sa_column=words())
    at: datetime = Field(sa_column=instant(default=True))
    text: str = Field(sa_column=words())


class StepDone(SQLModel, table=True):
    """A step of the procedure that was done, with the pin that shows it where one is required."""

    __tablename__ = "step_done"
    __table_args__ = {"schema": SCHEMA}
    case_id: int = Field(sa_column=reference("case_file.id", key=True, kind=BigInteger))
    step: str = Field(sa_column=words(key=True))
    by: str = Field(sa_column=words())
    at: datetime = Field(sa_column=instant(default=True))
    evidence_id: int | None = Field(sa_column=reference("evidence.id", kind=BigInteger, nullable=True))


class PacketTable(SQLModel, table=True):
    """What an escalation carries, with the facts as they stood when it was forwarded."""

    __tablename__ = "packet"
    __table_args__ = (
        CheckConstraint(listed("state", "draft", "forwarded", "returned", "taken"), name="state_known"),
        {"schema": SCHEMA},
    )
    case_id: int = Field(sa_column=reference("case_file.id", key=True, kind=BigInteger))
    finding: str = Field(sa_column=words(default=True))
    verdict: str = Field(sa_column=words(default=True))
    act: str = Field(sa_column=words(default=True))
    params: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False, server_default=OBJECT))
    wants: str = Field(sa_column=words(default=True))
    facts: list[dict[str, str]] = Field(sa_column=Column(JSONB, nullable=False, server_default=LIST))
    by: str = Field(sa_column=words(default=True))
    forwarded_at: datetime | None = Field(sa_column=instant(nullable=True))
    returned_note: str = Field(sa_column=words(default=True))
    state: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'draft'")))
    version: int = Field(sa_column=Column(Integer, nullable=False, server_default=ZERO))


class Guidance(SQLModel, table=True):
    """A question to the seniors about a case that stays with its analyst; answered once."""

    __tablename__ = "guidance"
    __table_args__ = (
        CheckConstraint("length(question) BETWEEN 10 AND 4000", name="question_is_one"),
        Index("guidance_open", "case_id", unique=True, postgresql_where=text("answered IS NULL")),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    case_id: int = Field(sa_column=reference("case_file.id", kind=BigInteger))
    by: str = Field(sa_column=words())
    asked: datetime = Field(sa_column=instant(default=True))
    question: str = Field(sa_column=words())
    answered: datetime | None = Field(sa_column=instant(nullable=True))
    answered_by: str = Field(sa_column=words(default=True))


class ImportedEvent(SQLModel, table=True):
    """An event that was imported from a file into an account's timeline, raw bytes kept; append-only."""

    __tablename__ = "imported_event"
    __table_args__ = (Index("imported_by_time", "account_id", "time_us"), {"schema": SCHEMA})
    account_id: str = Field(sa_column=words(key=True))
    source: str = Field(sa_column=words(key=True))
    event_id: str = Field(sa_column=words(key=True))
    time_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    imported_by: str = Field(sa_column=words())
    imported_at: datetime = Field(sa_column=instant(default=True))
