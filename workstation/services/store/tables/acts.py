"""Acts: policy, request, approval, execution."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Interval,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

from workstation.services.store.tables.columns import SCHEMA, instant, listed, reference, words


class Policy(SQLModel, table=True):
    """What an act needs; tiers as in docs/security.md. Changed by a file that two people sign (docs/policy.md).

    `approvals_more` are needed where much is at stake: a balance above the limit or unknown, or a passkey that goes.
    """

    __tablename__ = "policy"
    __table_args__ = (
        CheckConstraint("tier BETWEEN 0 AND 4", name="tier_known"),
        CheckConstraint("tier NOT IN (2, 3) OR approvals >= 1", name="loosening_needs_two"),
        CheckConstraint("approvals_more >= approvals", name="more_is_more"),
        CheckConstraint("tier <> 3 OR vetoable", name="a_reset_can_be_stopped"),
        CheckConstraint(listed("param", "", "hold", "factor"), name="param_known"),
        {"schema": SCHEMA},
    )
    act: str = Field(sa_column=words(key=True))
    tier: int = Field(sa_column=Column(SmallInteger, nullable=False))
    approvals: int = Field(sa_column=Column(SmallInteger, nullable=False))
    cooldown: timedelta = Field(sa_column=Column(Interval, nullable=False))
    min_level: int = Field(sa_column=Column(SmallInteger, nullable=False))
    approver_level: int = Field(sa_column=Column(SmallInteger, nullable=False))
    title: str = Field(sa_column=words())
    effect: str = Field(sa_column=words())
    reversible: bool = Field(sa_column=Column(Boolean, nullable=False))
    param: str = Field(sa_column=words(default=True))
    approvals_more: int = Field(sa_column=Column(SmallInteger, nullable=False))
    approve_within: timedelta = Field(sa_column=Column(Interval, nullable=False))
    execute_within: timedelta = Field(sa_column=Column(Interval, nullable=False))
    vetoable: bool = Field(sa_column=Column(Boolean, nullable=False))
    hold: timedelta = Field(sa_column=Column(Interval, nullable=False))


class RequestTable(SQLModel, table=True):
    """An act that was asked for. Immutable but for its state; `request_hash` covers all that is approved."""

    __tablename__ = "request"
    __table_args__ = (
        CheckConstraint("length(reason_text) BETWEEN 20 AND 2000", name="reason_is_said"),
        CheckConstraint(
            listed("state", "pending", "executing", "executed", "failed", "unknown", "refused", "vetoed", "expired"),
            name="state_known",
        ),
        UniqueConstraint("id", "requester_person", "request_hash", "approve_by", name="what_is_approved"),
        Index("request_of", "requester", "created"),
        Index("request_facts", "facts_id"),
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
    case_id: int = Field(sa_column=reference("case_file.id", kind=BigInteger))
    act: str = Field(sa_column=reference("policy.act"))
    tier: int = Field(sa_column=Column(SmallInteger, nullable=False))
    account_id: str = Field(sa_column=words())
    params: str = Field(sa_column=words())
    reason_code: str = Field(sa_column=words())
    reason_text: str = Field(sa_column=words())
    requester: str = Field(sa_column=reference("staff.login"))
    requester_person: str = Field(sa_column=words())
    account_etag: str = Field(sa_column=words())
    evidence_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    request_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created: datetime = Field(sa_column=instant())
    not_before: datetime = Field(sa_column=instant())
    approve_by: datetime = Field(sa_column=instant())
    state: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'pending'")))
    why: str = Field(sa_column=words(default=True))
    version: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("1")))
    policy: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    approvals: int = Field(sa_column=Column(SmallInteger, nullable=False))
    vetoable_until: datetime | None = Field(sa_column=instant(nullable=True))
    facts_id: int | None = Field(sa_column=reference("account_fact.id", kind=BigInteger, nullable=True))
    break_glass: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=text("false")))


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
    requester_person: str = Field(sa_column=words())
    request_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    approve_by: datetime = Field(sa_column=instant())
    approver: str = Field(sa_column=reference("staff.login"))
    approver_person: str = Field(sa_column=words(key=True))
    decided: datetime = Field(sa_column=instant())
    execute_by: datetime = Field(sa_column=instant())


class Execution(SQLModel, table=True):
    """The one time that a request was let out; its primary key makes a second time impossible."""

    __tablename__ = "execution"
    __table_args__ = (
        CheckConstraint(listed("outcome", "executed", "failed", "unknown"), name="outcome_known"),
        Index("hold_due", "hold_next", postgresql_where=text("hold_state = 'due'")),
        CheckConstraint(listed("hold_state", "", "due", "set", "refused"), name="hold_known"),
        {"schema": SCHEMA},
    )
    request_id: UUID = Field(sa_column=reference("request.id", key=True, kind=PG_UUID(as_uuid=True)))
    claimed_by: str = Field(sa_column=words())
    claimed: datetime = Field(sa_column=instant())
    etag_before: str = Field(sa_column=words())
    outcome: str | None = Field(sa_column=Column(Text))
    reference: str = Field(sa_column=words(default=True))
    etag_after: str = Field(sa_column=words(default=True))
    readback: str = Field(sa_column=words(default=True))
    settled: datetime | None = Field(sa_column=instant(nullable=True))
    told: datetime | None = Field(sa_column=instant(nullable=True))
    #: Withdrawals rest after a tier-3 act: '' none, due, set, or refused by the account system for good.
    hold_state: str = Field(sa_column=words(default=True))
    hold_key: UUID | None = Field(sa_column=Column(PG_UUID(as_uuid=True)))
    hold_until: datetime | None = Field(sa_column=instant(nullable=True))
    hold_next: datetime | None = Field(sa_column=instant(nullable=True))
    hold_why: str = Field(sa_column=words(default=True))
