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
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

from workstation.services.store.tables.columns import SCHEMA, TRUE, ZERO, instant, listed, reference, words


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


class Factor(SQLModel, table=True):
    """A person's step-up factor: a FIDO2 public key, or a TOTP secret that only the broker can decrypt."""

    __tablename__ = "factor"
    __table_args__ = (CheckConstraint(listed("kind", "fido2", "totp"), name="kind_known"), {"schema": SCHEMA})
    login: str = Field(sa_column=reference("staff.login", key=True))
    kind: str = Field(sa_column=words(key=True))
    cred_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    last_counter: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=ZERO))
    enabled: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=TRUE))


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
