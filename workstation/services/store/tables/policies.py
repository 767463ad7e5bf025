"""The policy beyond its acts: reasons, evidence, blockers, limits, its version, and who signed which."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Integer,
    Interval,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from workstation.services.store.tables.columns import SCHEMA, TRUE, instant, listed, reference, words

CLASSES = ("proofing", "possession", "callback")


class PolicyReason(SQLModel, table=True):
    """A reason code that may be given for an act."""

    __tablename__ = "policy_reason"
    __table_args__ = {"schema": SCHEMA}
    act: str = Field(sa_column=reference("policy.act", key=True))
    code: str = Field(sa_column=words(key=True))


class PolicyNeed(SQLModel, table=True):
    """Evidence that an act needs: of every `need` number one of the classes listed under it."""

    __tablename__ = "policy_need"
    __table_args__ = (CheckConstraint(listed("class", *CLASSES), name="class_known"), {"schema": SCHEMA})
    act: str = Field(sa_column=reference("policy.act", key=True))
    need: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    kind: str = Field(sa_column=Column("class", Text, primary_key=True))


class PolicyBlocker(SQLModel, table=True):
    """A fact of the account that stops an act for a time. `unknown_needs`: the class that an unknown fact needs."""

    __tablename__ = "policy_blocker"
    __table_args__ = (
        CheckConstraint(
            listed("code", "sim_swap", "contact_change", "password_change", "mailbox", "never_wrote", "no_channel"),
            name="code_known",
        ),
        CheckConstraint(listed("unknown_needs", "", *CLASSES), name="class_known"),
        {"schema": SCHEMA},
    )
    act: str = Field(sa_column=reference("policy.act", key=True))
    code: str = Field(sa_column=words(key=True))
    span: timedelta = Field(sa_column=Column("span", Interval, nullable=False))
    unknown_needs: str = Field(sa_column=words(default=True))


class PolicyLimit(SQLModel, table=True):
    """A number of the policy; the unit is in its name."""

    __tablename__ = "policy_limit"
    __table_args__ = {"schema": SCHEMA}
    name: str = Field(sa_column=words(key=True))
    value: int = Field(sa_column=Column(BigInteger, nullable=False))


class PolicyHead(SQLModel, table=True):
    """The version in force and what it calls itself; one row, hashed with the rest."""

    __tablename__ = "policy_head"
    __table_args__ = (CheckConstraint("one", name="one_row"), {"schema": SCHEMA})
    one: bool = Field(sa_column=Column(Boolean, primary_key=True, server_default=TRUE))
    version: int = Field(sa_column=Column(Integer, nullable=False))
    says: str = Field(sa_column=Column("text", Text, nullable=False))


class PolicyKey(SQLModel, table=True):
    """The public key with which a person signs policies (Ed25519, 32 bytes). Revoked ones stay, for the past."""

    __tablename__ = "policy_key"
    __table_args__ = (CheckConstraint("length(public_key) = 32", name="key_is_ed25519"), {"schema": SCHEMA})
    public_key: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    person_id: str = Field(sa_column=words())
    login: str = Field(sa_column=reference("staff.login"))
    enrolled: datetime = Field(sa_column=instant(default=True))
    enrolled_by: str = Field(sa_column=words())
    revoked: datetime | None = Field(sa_column=instant(nullable=True))


class PolicyEdition(SQLModel, table=True):
    """One policy that was in force: its hash, the one before it, and the two signatures; append-only.

    The policy that a release brings has no signatures; its hash is known to every copy of the program.
    """

    __tablename__ = "policy_edition"
    __table_args__ = (
        CheckConstraint("length(hash) = 32 AND length(prev_hash) = 32", name="hash_is_sha256"),
        CheckConstraint(
            "key1 IS NULL AND key2 IS NULL AND signature1 IS NULL AND signature2 IS NULL AND person1 IS NULL "
            "AND person2 IS NULL OR length(signature1) = 64 AND length(signature2) = 64 AND person1 <> person2",
            name="two_people_sign",
        ),
        UniqueConstraint("hash", name="hash_once"),
        {"schema": SCHEMA},
    )
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    says: str = Field(sa_column=Column("text", Text, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    prev_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    person1: str | None = Field(sa_column=Column(Text))
    key1: bytes | None = Field(sa_column=reference("policy_key.public_key", kind=LargeBinary, nullable=True))
    signature1: bytes | None = Field(sa_column=Column(LargeBinary))
    person2: str | None = Field(sa_column=Column(Text))
    key2: bytes | None = Field(sa_column=reference("policy_key.public_key", kind=LargeBinary, nullable=True))
    signature2: bytes | None = Field(sa_column=Column(LargeBinary))
    installed: datetime = Field(sa_column=instant(default=True))
    installed_by: str = Field(sa_column=words())
