"""What the notary told the store, for people to look at; the truth is what it signed and keeps elsewhere."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, LargeBinary, SmallInteger
from sqlmodel import Field, SQLModel

from workstation.services.store.tables.columns import SCHEMA, TRUE, instant, words


class CheckpointTable(SQLModel, table=True):
    """A checkpoint that was signed: how many, the root over all of them, and the signed note; append-only."""

    __tablename__ = "checkpoint"
    __table_args__ = (
        CheckConstraint("size > 0 AND records >= 0 AND witnesses >= 0", name="counts_are_counts"),
        CheckConstraint("length(root) = 32", name="root_is_sha256"),
        {"schema": SCHEMA},
    )
    origin: str = Field(sa_column=words(key=True))
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    root: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    made: datetime = Field(sa_column=instant())
    records: int = Field(sa_column=Column(BigInteger, nullable=False))
    witnesses: int = Field(sa_column=Column(SmallInteger, nullable=False))
    note: str = Field(sa_column=words())
    kept: datetime = Field(sa_column=instant(default=True))
    mailed: bool = Field(sa_column=Column(Boolean, nullable=False))


class NotaryState(SQLModel, table=True):
    """When the notary last looked, and what troubles it; one row."""

    __tablename__ = "notary_state"
    __table_args__ = (CheckConstraint("one", name="one_row"), {"schema": SCHEMA})
    one: bool = Field(sa_column=Column(Boolean, primary_key=True, server_default=TRUE))
    seen: datetime = Field(sa_column=instant(default=True))
    witness: str = Field(sa_column=words(default=True))
    trouble: str = Field(sa_column=words(default=True))
