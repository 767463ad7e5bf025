"""People, their step-up factors, challenges and elevations."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

from workstation.services.store.tables.columns import SCHEMA, TRUE, ZERO, instant, listed, reference, words

#: What two people change together.
CHANGES = ("factor", "grant", "level", "enrol", "enable", "disable", "methods", "method_policy", "seal")


class Staff(SQLModel, table=True):
    """A login and the person behind it. Two logins may be one person: four eyes looks at the person."""

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint("level BETWEEN 1 AND 3", name="level_known"),
        CheckConstraint(listed("role", "analyst", "lead", "auditor"), name="role_known"),
        {"schema": SCHEMA},
    )
    login: str = Field(sa_column=words(key=True))
    person_id: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    level: int = Field(sa_column=Column(SmallInteger, nullable=False))
    role: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'analyst'")))
    team: str = Field(sa_column=words())
    languages: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    enabled: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=TRUE))
    email: str = Field(sa_column=words(default=True))
    #: Elevations that began before this are void.
    cut: datetime = Field(
        sa_column=Column(TIMESTAMP(timezone=True), nullable=False, server_default=text("'-infinity'"))
    )
    #: The step-up methods of this person: NULL is what the policy gives to the level, else exactly these.
    methods: list[str] | None = Field(sa_column=Column(ARRAY(Text)))
    #: Client accounts that are this person's own: whoever opens one is reported, and the person cannot.
    accounts: list[str] | None = Field(sa_column=Column(ARRAY(Text)))


class Factor(SQLModel, table=True):
    """A person's step-up factor.

    `data` is a FIDO2 public key, a TOTP secret that only the broker can decrypt, or issuer and subject at the
    identity provider as JSON.
    """

    __tablename__ = "factor"
    __table_args__ = (CheckConstraint(listed("kind", "fido2", "idp", "totp"), name="kind_known"), {"schema": SCHEMA})
    login: str = Field(sa_column=reference("staff.login", key=True))
    kind: str = Field(sa_column=words(key=True))
    cred_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    last_counter: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=ZERO))
    enabled: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=TRUE))
    label: str = Field(sa_column=words(default=True))
    added: datetime = Field(sa_column=instant(default=True))
    ended: datetime | None = Field(sa_column=instant(nullable=True))


class MethodPolicy(SQLModel, table=True):
    """Up to which tier a step-up method counts for a level; 0 is not at all. Two people change it."""

    __tablename__ = "method_policy"
    __table_args__ = (
        CheckConstraint(listed("kind", "fido2", "idp", "totp"), name="kind_known"),
        CheckConstraint("max_tier IN (0, 2, 3)", name="tier_known"),
        CheckConstraint("level BETWEEN 1 AND 3", name="level_known"),
        {"schema": SCHEMA},
    )
    kind: str = Field(sa_column=words(key=True))
    level: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    max_tier: int = Field(sa_column=Column(SmallInteger, nullable=False))
    #: 1 is the best; what is offered first.
    rank: int = Field(sa_column=Column(SmallInteger, nullable=False))
    #: Off for a person who owns a factor of this kind: nobody falls back from a key to a code.
    unless_owns: str = Field(sa_column=words(default=True))


class Throttle(SQLModel, table=True):
    """Failed step-ups of a login; counted in the broker's own transaction, so no ROLLBACK hides them."""

    __tablename__ = "throttle"
    __table_args__ = {"schema": SCHEMA}
    login: str = Field(sa_column=reference("staff.login", key=True))
    fails: int = Field(sa_column=Column(Integer, nullable=False, server_default=ZERO))
    locked_until: datetime | None = Field(sa_column=instant(nullable=True))


class Challenge(SQLModel, table=True):
    """What a proof answers: bound to one login and one database backend, and to one hash where `bind` is set."""

    __tablename__ = "challenge"
    __table_args__ = (
        CheckConstraint("length(bind) = 32", name="bind_is_sha256"),
        CheckConstraint("length(nonce) = 32", name="nonce_is_256_bits"),
        CheckConstraint("octet_length(proof::text) <= 8192", name="proof_is_small"),
        UniqueConstraint("challenge", name="challenge_once"),
        # What is offered as a new factor proves itself by itself, and elevates nobody.
        CheckConstraint("offer IS NULL OR bind IS NULL", name="offer_or_bind"),
        Index("challenge_open", "issued", postgresql_where=text("used IS NULL AND proof IS NOT NULL")),
        {"schema": SCHEMA},
    )
    id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), primary_key=True))
    login: str = Field(sa_column=reference("staff.login"))
    backend_pid: int = Field(sa_column=Column(Integer, nullable=False))
    backend_start: datetime = Field(sa_column=instant())
    bind: bytes | None = Field(sa_column=Column(LargeBinary))
    nonce: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    challenge: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    issued: datetime = Field(sa_column=instant())
    expires: datetime = Field(sa_column=instant())
    proof: dict[str, Any] | None = Field(sa_column=Column(JSONB))
    used: datetime | None = Field(sa_column=instant(nullable=True))
    result: str | None = Field(sa_column=Column(Text))
    offer: UUID | None = Field(sa_column=Column(PG_UUID(as_uuid=True)))


class Elevation(SQLModel, table=True):
    """One proved step-up of one backend. Inserted by the broker, so no open user transaction can hold it up."""

    __tablename__ = "elevation"
    __table_args__ = (Index("elevation_of", "login", "backend_pid", "started"), {"schema": SCHEMA})
    challenge_id: UUID = Field(sa_column=reference("challenge.id", key=True, kind=PG_UUID(as_uuid=True)))
    login: str = Field(sa_column=words())
    backend_pid: int = Field(sa_column=Column(Integer, nullable=False))
    backend_start: datetime = Field(sa_column=instant())
    bind: bytes | None = Field(sa_column=Column(LargeBinary))
    started: datetime = Field(sa_column=instant())
    last_use: datetime = Field(sa_column=instant())
    method: str = Field(sa_column=words())
    fresh: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=TRUE))
    max_tier: int = Field(sa_column=Column(SmallInteger, nullable=False))


class Change(SQLModel, table=True):
    """A change to people that needs a second person: a factor, a grant, a level, a login.

    Four eyes as with acts: proposer and confirmer are people, not logins, and `hash` covers all that is confirmed.
    A further constraint, ``change_reciprocal_24h``, needs a range type and is in ``rules/60_people.sql``.
    """

    __tablename__ = "change"
    __table_args__ = (
        CheckConstraint(
            listed("kind", *CHANGES),
            name="kind_known",
        ),
        CheckConstraint(listed("state", "unproved", "open", "done", "withdrawn"), name="state_known"),
        CheckConstraint("confirmer_person <> proposer_person", name="four_eyes"),
        CheckConstraint("confirmed <= expires", name="in_time"),
        CheckConstraint("(state = 'done') = (confirmer_person IS NOT NULL)", name="done_by_two"),
        CheckConstraint("(confirmer_person IS NULL) = (confirmed IS NULL)", name="confirmed_when"),
        Index("change_open", "subject", postgresql_where=text("state IN ('unproved', 'open')")),
        {"schema": SCHEMA},
    )
    id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), primary_key=True))
    kind: str = Field(sa_column=words())
    subject: str = Field(sa_column=words())
    payload: str = Field(sa_column=words())
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    proposer: str = Field(sa_column=reference("staff.login"))
    proposer_person: str = Field(sa_column=words())
    proposed: datetime = Field(sa_column=instant())
    expires: datetime = Field(sa_column=instant())
    state: str = Field(sa_column=words())
    confirmer: str | None = Field(sa_column=Column(Text))
    confirmer_person: str | None = Field(sa_column=Column(Text))
    confirmed: datetime | None = Field(sa_column=instant(nullable=True))


class GrantOf(SQLModel, table=True):
    """An act that a Level 2 analyst may ask for, until when, and by whom that was given."""

    __tablename__ = "grant_of"
    __table_args__ = (
        CheckConstraint("until > given", name="ends_after_it_begins"),
        Index("one_live_grant", "login", "act", unique=True, postgresql_where=text("ended IS NULL")),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    login: str = Field(sa_column=reference("staff.login"))
    act: str = Field(sa_column=reference("policy.act"))
    given_by: str = Field(sa_column=words())
    confirmed_by: str = Field(sa_column=words(default=True))
    given: datetime = Field(sa_column=instant(default=True))
    until: datetime = Field(sa_column=instant())
    last_use: datetime | None = Field(sa_column=instant(nullable=True))
    ended: datetime | None = Field(sa_column=instant(nullable=True))
    ended_by: str = Field(sa_column=words(default=True))


class Emergency(SQLModel, table=True):
    """One breaking of the glass: 30 minutes, absolute, then a review by another person."""

    __tablename__ = "emergency"
    __table_args__ = (
        CheckConstraint("reviewer_person <> person_id", name="four_eyes"),
        CheckConstraint("ends <= started + interval '30 min'", name="thirty_minutes"),
        CheckConstraint("drill OR case_id IS NOT NULL", name="of_a_case"),
        CheckConstraint("length(reason) BETWEEN 20 AND 2000", name="reason_is_said"),
        CheckConstraint(listed("verdict", "", "justified", "not_justified"), name="verdict_known"),
        CheckConstraint("(reviewed IS NULL) = (verdict = '')", name="reviewed_with_a_verdict"),
        Index("emergency_of", "person_id", "started"),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    login: str = Field(sa_column=reference("staff.login"))
    person_id: str = Field(sa_column=words())
    case_id: int | None = Field(sa_column=reference("case_file.id", kind=BigInteger, nullable=True))
    account_id: str = Field(sa_column=words(default=True))
    incident: str = Field(sa_column=words())
    reason: str = Field(sa_column=words())
    drill: bool = Field(sa_column=Column(Boolean, nullable=False))
    started: datetime = Field(sa_column=instant())
    ends: datetime = Field(sa_column=instant())
    told: datetime | None = Field(sa_column=instant(nullable=True))
    reviewer: str | None = Field(sa_column=Column(Text))
    reviewer_person: str | None = Field(sa_column=Column(Text))
    reviewed: datetime | None = Field(sa_column=instant(nullable=True))
    verdict: str = Field(sa_column=words(default=True))
    review_text: str = Field(sa_column=words(default=True))


class Alert(SQLModel, table=True):
    """What a team's leads must see the same day; `about` is a login, `seen_by` the lead who took note."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("alert_new", "team", "at", postgresql_where=text("seen IS NULL")),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    at: datetime = Field(sa_column=instant(default=True))
    team: str = Field(sa_column=words())
    kind: str = Field(sa_column=words())
    about: str = Field(sa_column=words(default=True))
    case_id: int | None = Field(sa_column=reference("case_file.id", kind=BigInteger, nullable=True))
    text: str = Field(sa_column=words())
    seen_by: str = Field(sa_column=words(default=True))
    seen: datetime | None = Field(sa_column=instant(nullable=True))


class RecoveryKey(SQLModel, table=True):
    """The digest of a sealed key with which two people together bring back a lost factor."""

    __tablename__ = "recovery_key"
    __table_args__ = (UniqueConstraint("digest", name="key_once"), {"schema": SCHEMA})
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    person_id: str = Field(sa_column=words())
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    made: datetime = Field(sa_column=instant(default=True))
    used: datetime | None = Field(sa_column=instant(nullable=True))
