"""What an investigation finds: the client's claims against the log, marks judged, notes on events, kept queries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from workstation.services.store.tables.columns import LIST, SCHEMA, instant, listed, reference, words

CLAIM_VERDICTS = ("open", "supported", "contradicted", "cannot_know", "withdrawn")


class ClaimTable(SQLModel, table=True):
    """A statement of the client, and what the log says of it."""

    __tablename__ = "claim"
    __table_args__ = (
        CheckConstraint(listed("verdict", *CLAIM_VERDICTS), name="verdict_known"),
        CheckConstraint("length(said) BETWEEN 3 AND 500", name="said_is_bounded"),
        CheckConstraint("(verdict = 'open') = (judged_by IS NULL)", name="judged_by_somebody"),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    case_id: int = Field(sa_column=reference("case_file.id", kind=BigInteger))
    said: str = Field(sa_column=words())
    mail_id: int | None = Field(sa_column=Column(BigInteger))
    verdict: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'open'")))
    why: str = Field(sa_column=words(default=True))
    added_by: str = Field(sa_column=words())
    added: datetime = Field(sa_column=instant(default=True))
    judged_by: str | None = Field(sa_column=words(nullable=True))
    judged: datetime | None = Field(sa_column=instant(nullable=True))


class ClaimPin(SQLModel, table=True):
    """The evidence that a claim's verdict rests on."""

    __tablename__ = "claim_pin"
    __table_args__ = {"schema": SCHEMA}
    claim_id: int = Field(sa_column=reference("claim.id", key=True, kind=BigInteger))
    evidence_id: int = Field(sa_column=reference("evidence.id", key=True, kind=BigInteger))


class MarkJudgement(SQLModel, table=True):
    """Whether a rule was right about an account; the newest of a case and rule counts. Append-only."""

    __tablename__ = "mark_judgement"
    __table_args__ = (
        CheckConstraint(listed("verdict", "right", "wrong"), name="verdict_known"),
        Index("mark_judgement_rule", "rule", "at"),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    case_id: int = Field(sa_column=reference("case_file.id", kind=BigInteger))
    rule: str = Field(sa_column=words())
    #: SHA-256 of the rules as they were.
    rulebook: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    verdict: str = Field(sa_column=words())
    why: str = Field(sa_column=words(default=True))
    events: list[str] = Field(sa_column=Column(JSONB, nullable=False, server_default=LIST))
    by: str = Field(sa_column=words())
    at: datetime = Field(sa_column=instant(default=True))


class EventNote(SQLModel, table=True):
    """A note on one event of a case. Append-only."""

    __tablename__ = "event_note"
    __table_args__ = (
        CheckConstraint("length(text) BETWEEN 1 AND 2000", name="text_is_bounded"),
        Index("event_note_case", "case_id"),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    case_id: int = Field(sa_column=reference("case_file.id", kind=BigInteger))
    source: str = Field(sa_column=words())
    event_id: str = Field(sa_column=words())
    text: str = Field(sa_column=words())
    by: str = Field(sa_column=words())
    at: datetime = Field(sa_column=instant(default=True))


class SavedQuery(SQLModel, table=True):
    """A query kept under a name: by one person for himself, or for everybody who works a kind of case."""

    __tablename__ = "saved_query"
    __table_args__ = (
        CheckConstraint("length(name) BETWEEN 1 AND 60", name="name_is_bounded"),
        CheckConstraint("length(query) BETWEEN 1 AND 4000", name="query_is_bounded"),
        Index("saved_query_mine", "owner", "name", unique=True, postgresql_where=text("kind = ''")),
        Index("saved_query_kind", "kind", "name", unique=True, postgresql_where=text("kind <> ''")),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    owner: str = Field(sa_column=reference("staff.login"))
    kind: str = Field(sa_column=words(default=True))
    name: str = Field(sa_column=words())
    query: str = Field(sa_column=words())
    at: datetime = Field(sa_column=instant(default=True))
