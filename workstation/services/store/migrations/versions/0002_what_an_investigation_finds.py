"""What an investigation finds"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "saved_query",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 60", name="name_is_bounded"),
        sa.CheckConstraint("length(query) BETWEEN 1 AND 4000", name="query_is_bounded"),
        sa.ForeignKeyConstraint(
            ["owner"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_index(
        "saved_query_kind",
        "saved_query",
        ["kind", "name"],
        unique=True,
        schema="wsd",
        postgresql_where=sa.text("kind <> ''"),
    )
    op.create_index(
        "saved_query_mine",
        "saved_query",
        ["owner", "name"],
        unique=True,
        schema="wsd",
        postgresql_where=sa.text("kind = ''"),
    )
    op.create_table(
        "claim",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("mail_id", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("why", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column(
            "added", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("judged_by", sa.Text(), nullable=True),
        sa.Column("judged", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("(verdict = 'open') = (judged_by IS NULL)", name="judged_by_somebody"),
        sa.CheckConstraint(
            "verdict IN ('open', 'supported', 'contradicted', 'cannot_know', 'withdrawn')", name="verdict_known"
        ),
        sa.CheckConstraint("length(said) BETWEEN 3 AND 500", name="said_is_bounded"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_table(
        "event_note",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("length(text) BETWEEN 1 AND 2000", name="text_is_bounded"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_index("event_note_case", "event_note", ["case_id"], unique=False, schema="wsd")
    op.create_table(
        "mark_judgement",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rulebook", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "events", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("verdict IN ('right', 'wrong')", name="verdict_known"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_index("mark_judgement_rule", "mark_judgement", ["rule", "at"], unique=False, schema="wsd")
    op.create_table(
        "claim_pin",
        sa.Column("claim_id", sa.BigInteger(), nullable=False),
        sa.Column("evidence_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_id"],
            ["wsd.claim.id"],
        ),
        sa.ForeignKeyConstraint(
            ["evidence_id"],
            ["wsd.evidence.id"],
        ),
        sa.PrimaryKeyConstraint("claim_id", "evidence_id"),
        schema="wsd",
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("claim_pin", schema="wsd")
    op.drop_index("mark_judgement_rule", table_name="mark_judgement", schema="wsd")
    op.drop_table("mark_judgement", schema="wsd")
    op.drop_index("event_note_case", table_name="event_note", schema="wsd")
    op.drop_table("event_note", schema="wsd")
    op.drop_table("claim", schema="wsd")
    op.drop_index("saved_query_mine", table_name="saved_query", schema="wsd", postgresql_where=sa.text("kind = ''"))
    op.drop_index("saved_query_kind", table_name="saved_query", schema="wsd", postgresql_where=sa.text("kind <> ''"))
    op.drop_table("saved_query", schema="wsd")
