"""The audit, and facts about the store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import INET
from sqlmodel import Field, SQLModel

from workstation.services.store.tables.columns import SCHEMA, instant, words


class AuditHead(SQLModel, table=True):
    """The end of each login's chain. Nobody has a right on it."""

    __tablename__ = "audit_head"
    __table_args__ = {"schema": SCHEMA}
    chain: str = Field(sa_column=words(key=True))
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
    chain: str = Field(sa_column=words(key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    ts: datetime = Field(sa_column=instant())
    actor: str = Field(sa_column=words())
    person: str | None = Field(sa_column=Column(Text))
    level: int | None = Field(sa_column=Column(SmallInteger))
    app: str | None = Field(sa_column=Column(Text))
    client: str | None = Field(sa_column=Column(INET))
    backend_pid: int = Field(sa_column=Column(Integer, nullable=False))
    event: str = Field(sa_column=words())
    outcome: str = Field(sa_column=words())
    object: str = Field(sa_column=words(default=True))
    payload: str = Field(sa_column=words())
    prev_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class StoreMeta(SQLModel, table=True):
    """Facts about this store: the name of the policy set, the fingerprint of the rules."""

    __tablename__ = "store_meta"
    __table_args__ = {"schema": SCHEMA}
    key: str = Field(sa_column=words(key=True))
    value: str = Field(sa_column=words())
