"""Who may look at which account, why, and who did; filled by ``rules/65_views.sql`` alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Integer, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from workstation.services.store.tables.columns import SCHEMA, instant, listed, reference, words


class ViewTicket(SQLModel, table=True):
    """The right of one database backend to read one account for one purpose; the token itself is not kept.

    `kind`: case (held), escalation, reason (typed), or search, which is about no account and counts once.
    """

    __tablename__ = "view_ticket"
    __table_args__ = (
        CheckConstraint(listed("kind", "case", "escalation", "reason", "search"), name="kind_known"),
        CheckConstraint("length(token_sha256) = 32", name="token_is_sha256"),
        CheckConstraint("(kind IN ('case', 'escalation')) = (case_id IS NOT NULL)", name="of_a_case"),
        CheckConstraint("kind <> 'reason' OR length(reason) BETWEEN 20 AND 2000", name="reason_is_said"),
        UniqueConstraint("token_sha256", name="token_once"),
        Index("view_ticket_person", "person_id", "issued"),
        Index("view_ticket_account", "account_id", "issued"),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    token_sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    login: str = Field(sa_column=reference("staff.login"))
    person_id: str = Field(sa_column=words())
    backend_pid: int = Field(sa_column=Column(Integer, nullable=False))
    backend_start: datetime = Field(sa_column=instant())
    kind: str = Field(sa_column=words())
    account_id: str = Field(sa_column=words())
    case_id: int | None = Field(sa_column=reference("case_file.id", kind=BigInteger, nullable=True))
    reason: str = Field(sa_column=words(default=True))
    issued: datetime = Field(sa_column=instant(default=True))
    expires: datetime = Field(sa_column=instant())
    #: Who presented it first, as the reader sees him: nobody else can from then on.
    peer: str = Field(sa_column=words(default=True))
    ended: datetime | None = Field(sa_column=instant(nullable=True))


class ViewUse(SQLModel, table=True):
    """What the reader gave out under a ticket, or refused; each thing once a ticket. Append-only."""

    __tablename__ = "view_use"
    __table_args__ = (UniqueConstraint("ticket_id", "what", "detail", name="each_thing_once"), {"schema": SCHEMA})
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    ticket_id: int = Field(sa_column=reference("view_ticket.id", kind=BigInteger))
    at: datetime = Field(sa_column=instant(default=True))
    what: str = Field(sa_column=words())
    detail: str = Field(sa_column=words(default=True))


class ViewMeter(SQLModel, table=True):
    """One row a person, locked while a ticket is issued: two terminals cannot both take the last free view."""

    __tablename__ = "view_meter"
    __table_args__ = {"schema": SCHEMA}
    person_id: str = Field(sa_column=words(key=True))
    at: datetime = Field(sa_column=instant(default=True))


class RevealGrant(SQLModel, table=True):
    """One field of one account that one backend may see unmasked, for a minute. Append-only."""

    __tablename__ = "reveal_grant"
    __table_args__ = (
        CheckConstraint(listed("field", "email", "phone", "name"), name="field_known"),
        CheckConstraint("length(reason) BETWEEN 20 AND 2000", name="reason_is_said"),
        Index("reveal_grant_account", "account_id", "at"),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    login: str = Field(sa_column=reference("staff.login"))
    backend_pid: int = Field(sa_column=Column(Integer, nullable=False))
    backend_start: datetime = Field(sa_column=instant())
    account_id: str = Field(sa_column=words())
    case_id: int = Field(sa_column=reference("case_file.id", kind=BigInteger))
    field: str = Field(sa_column=words())
    reason: str = Field(sa_column=words())
    at: datetime = Field(sa_column=instant(default=True))
    until: datetime = Field(sa_column=instant())


class WatchedAccount(SQLModel, table=True):
    """An account that alerts at once when somebody opens it; a lead or the installer put it here."""

    __tablename__ = "watched_account"
    __table_args__ = {"schema": SCHEMA}
    account_id: str = Field(sa_column=words(key=True))
    why: str = Field(sa_column=words())
    by: str = Field(sa_column=words())
    at: datetime = Field(sa_column=instant(default=True))


class Recipient(SQLModel, table=True):
    """The address on record of a case's client, frozen by the reader; no workstation is given it."""

    __tablename__ = "recipient"
    __table_args__ = (
        CheckConstraint("address ~ '^[^\\s@<>,;]+@[^\\s@<>,;]+$'", name="one_address"),
        {"schema": SCHEMA},
    )
    case_id: int = Field(sa_column=reference("case_file.id", key=True, kind=BigInteger))
    account_id: str = Field(sa_column=words())
    address: str = Field(sa_column=words())
    salutation: str = Field(sa_column=words(default=True))
    frozen: datetime = Field(sa_column=instant(default=True))
    ticket_id: int = Field(sa_column=reference("view_ticket.id", kind=BigInteger))
