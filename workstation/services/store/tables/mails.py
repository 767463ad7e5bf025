"""Mail in and out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from workstation.services.store.tables.columns import LIST, SCHEMA, instant, listed, reference, words


class Mail(SQLModel, table=True):
    """Mail in and out. An outgoing row is the outbox: its recipient and text are frozen when it is queued.

    Mail of the house to its own people (a page to leads) belongs to no case.
    """

    __tablename__ = "mail"
    __table_args__ = (
        CheckConstraint(listed("direction", "in", "out"), name="direction_known"),
        CheckConstraint(
            "CASE direction WHEN 'in' THEN state = 'received' ELSE "
            + listed("state", "queued", "sending", "sent", "unknown", "recalled", "failed")
            + " END",
            name="state_known",
        ),
        CheckConstraint("direction = 'out' OR case_id IS NOT NULL", name="what_came_in_has_a_case"),
        # Anybody may write one of our ids into a mail: an incoming mail never stands in the way of an outgoing one.
        Index("out_once", "message_id", unique=True, postgresql_where=text("direction = 'out'")),
        Index("in_once", "message_id", text("sha256(raw)"), unique=True, postgresql_where=text("direction = 'in'")),
        Index("mail_thread", "case_id", "id"),
        Index("mail_outbox", "id", postgresql_where=text("state IN ('queued', 'sending')")),
        {"schema": SCHEMA},
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    case_id: int | None = Field(sa_column=reference("case_file.id", kind=BigInteger, nullable=True))
    direction: str = Field(sa_column=words())
    state: str = Field(sa_column=words())
    at: datetime = Field(sa_column=instant(default=True))
    message_id: str = Field(sa_column=words())
    in_reply_to: str = Field(sa_column=words(default=True))
    refs: str = Field(sa_column=words(default=True))
    sender: str = Field(sa_column=words(default=True))
    recipient: str = Field(sa_column=words(default=True))
    subject: str = Field(sa_column=words(default=True))
    body: str = Field(sa_column=words(default=True))
    language: str = Field(sa_column=words(default=True))
    authenticity: str = Field(sa_column=words(default=True))
    attachments: list[str] = Field(sa_column=Column(JSONB, nullable=False, server_default=LIST))
    raw: bytes | None = Field(sa_column=Column(LargeBinary))
    author: str = Field(sa_column=words(default=True))
    recall_until: datetime | None = Field(sa_column=instant(nullable=True))
    not_before: datetime | None = Field(sa_column=instant(nullable=True))
    why: str = Field(sa_column=words(default=True))


class InboxCursor(SQLModel, table=True):
    """How far the courier has read the mailbox."""

    __tablename__ = "inbox_cursor"
    __table_args__ = {"schema": SCHEMA}
    name: str = Field(sa_column=words(key=True))
    cursor: str = Field(sa_column=words())
