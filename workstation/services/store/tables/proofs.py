"""What proves a client, what the broker attests of an account, and what the client answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

from workstation.services.store.tables.columns import SCHEMA, instant, listed, reference, words
from workstation.services.store.tables.policies import CLASSES


class ProofTable(SQLModel, table=True):
    """A class of evidence tied to a pinned item; append-only, and hashed into every request of its case.

    One item stands for one class: two classes that rest on the same item would not be independent.
    """

    __tablename__ = "proof"
    __table_args__ = (
        CheckConstraint(listed("class", *CLASSES), name="class_known"),
        CheckConstraint("length(note) BETWEEN 10 AND 2000", name="note_is_said"),
        UniqueConstraint("evidence_id", name="one_class_an_item"),
        Index("proof_of", "case_id"),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    case_id: int = Field(sa_column=reference("case_file.id", kind=BigInteger))
    kind: str = Field(sa_column=Column("class", Text, nullable=False))
    evidence_id: int = Field(sa_column=reference("evidence.id", kind=BigInteger))
    note: str = Field(sa_column=words())
    by: str = Field(sa_column=reference("staff.login"))
    by_person: str = Field(sa_column=words())
    at: datetime = Field(sa_column=instant(default=True))


class AccountFact(SQLModel, table=True):
    """What the broker read of an account with its own credential, at the database's time. Addresses are hashes."""

    __tablename__ = "account_fact"
    __table_args__ = (Index("account_fact_newest", "account_id", "id"), {"schema": SCHEMA})
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    account_id: str = Field(sa_column=words())
    etag: str = Field(sa_column=words())
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    read_at: datetime = Field(sa_column=instant(default=True))
    read_by: str = Field(sa_column=words())


class FactWanted(SQLModel, table=True):
    """An account whose facts somebody waits for; the broker takes it."""

    __tablename__ = "fact_wanted"
    __table_args__ = {"schema": SCHEMA}
    account_id: str = Field(sa_column=words(key=True))
    asked_by: str = Field(sa_column=words())
    asked: datetime = Field(sa_column=instant(default=True))


class VetoNotice(SQLModel, table=True):
    """The client was told of a request, and until when he can stop it."""

    __tablename__ = "veto_notice"
    __table_args__ = {"schema": SCHEMA}
    request_id: UUID = Field(sa_column=reference("request.id", key=True, kind=PG_UUID(as_uuid=True)))
    told: datetime = Field(sa_column=instant(default=True))
    channels: int = Field(sa_column=Column(Integer, nullable=False))


class VetoMail(SQLModel, table=True):
    """A mail of such a notice."""

    __tablename__ = "veto_mail"
    __table_args__ = {"schema": SCHEMA}
    request_id: UUID = Field(sa_column=reference("veto_notice.request_id", key=True, kind=PG_UUID(as_uuid=True)))
    mail_id: int = Field(sa_column=reference("mail.id", key=True, kind=BigInteger))


class VetoAnswer(SQLModel, table=True):
    """A link that was used, by the SHA-256 of its token: a second time is a replay. Append-only."""

    __tablename__ = "veto_answer"
    __table_args__ = (CheckConstraint("length(token) = 32", name="token_is_sha256"), {"schema": SCHEMA})
    token: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    request_id: UUID = Field(sa_column=reference("request.id", kind=PG_UUID(as_uuid=True)))
    result: str = Field(sa_column=words())
    at: datetime = Field(sa_column=instant(default=True))


class VetoCursor(SQLModel, table=True):
    """How far the broker has read the clients' answers."""

    __tablename__ = "veto_cursor"
    __table_args__ = {"schema": SCHEMA}
    name: str = Field(sa_column=words(key=True))
    cursor: str = Field(sa_column=words())
