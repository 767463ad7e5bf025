"""The first tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "account_fact",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "read_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("read_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_index("account_fact_newest", "account_fact", ["account_id", "id"], unique=False, schema="wsd")
    op.create_table(
        "audit",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ts", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("level", sa.SmallInteger(), nullable=True),
        sa.Column("app", sa.Text(), nullable=True),
        sa.Column("client", postgresql.INET(), nullable=True),
        sa.Column("backend_pid", sa.Integer(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "seq"),
        sa.UniqueConstraint("prev_hash", name="no_fork"),
        schema="wsd",
    )
    op.create_index("audit_object", "audit", ["object", "ts"], unique=False, schema="wsd")
    op.create_index("audit_time", "audit", ["ts"], unique=False, schema="wsd")
    op.create_table(
        "audit_head",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain"),
        schema="wsd",
    )
    op.create_table(
        "checkpoint",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("made", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("witnesses", sa.SmallInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "kept", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("mailed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(root) = 32", name="root_is_sha256"),
        sa.CheckConstraint("size > 0 AND records >= 0 AND witnesses >= 0", name="counts_are_counts"),
        sa.PrimaryKeyConstraint("origin", "size"),
        schema="wsd",
    )
    op.create_table(
        "fact_wanted",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column(
            "asked", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("account_id"),
        schema="wsd",
    )
    op.create_table(
        "imported_event",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column(
            "imported_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("account_id", "source", "event_id"),
        schema="wsd",
    )
    op.create_index("imported_by_time", "imported_event", ["account_id", "time_us"], unique=False, schema="wsd")
    op.create_table(
        "inbox_cursor",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        schema="wsd",
    )
    op.create_table(
        "method_policy",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("max_tier", sa.SmallInteger(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("unless_owns", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("kind IN ('fido2', 'idp', 'totp')", name="kind_known"),
        sa.CheckConstraint("level BETWEEN 1 AND 3", name="level_known"),
        sa.CheckConstraint("max_tier IN (0, 2, 3)", name="tier_known"),
        sa.PrimaryKeyConstraint("kind", "level"),
        schema="wsd",
    )
    op.create_table(
        "notary_state",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "seen", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("witness", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("trouble", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("one", name="one_row"),
        sa.PrimaryKeyConstraint("one"),
        schema="wsd",
    )
    op.create_table(
        "policy",
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("approvals", sa.SmallInteger(), nullable=False),
        sa.Column("cooldown", sa.Interval(), nullable=False),
        sa.Column("min_level", sa.SmallInteger(), nullable=False),
        sa.Column("approver_level", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("reversible", sa.Boolean(), nullable=False),
        sa.Column("param", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("approvals_more", sa.SmallInteger(), nullable=False),
        sa.Column("approve_within", sa.Interval(), nullable=False),
        sa.Column("execute_within", sa.Interval(), nullable=False),
        sa.Column("vetoable", sa.Boolean(), nullable=False),
        sa.Column("hold", sa.Interval(), nullable=False),
        sa.CheckConstraint("param IN ('', 'hold', 'factor')", name="param_known"),
        sa.CheckConstraint("approvals_more >= approvals", name="more_is_more"),
        sa.CheckConstraint("tier <> 3 OR vetoable", name="a_reset_can_be_stopped"),
        sa.CheckConstraint("tier BETWEEN 0 AND 4", name="tier_known"),
        sa.CheckConstraint("tier NOT IN (2, 3) OR approvals >= 1", name="loosening_needs_two"),
        sa.PrimaryKeyConstraint("act"),
        schema="wsd",
    )
    op.create_table(
        "policy_head",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("one", name="one_row"),
        sa.PrimaryKeyConstraint("one"),
        schema="wsd",
    )
    op.create_table(
        "policy_limit",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        schema="wsd",
    )
    op.create_table(
        "procedure",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("kind", "version"),
        schema="wsd",
    )
    op.create_table(
        "recovery_key",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "made", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("used", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest", name="key_once"),
        schema="wsd",
    )
    op.create_table(
        "staff",
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("role", sa.Text(), server_default=sa.text("'analyst'"), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("email", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("cut", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("'-infinity'"), nullable=False),
        sa.Column("methods", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("accounts", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.CheckConstraint("role IN ('analyst', 'lead', 'auditor')", name="role_known"),
        sa.CheckConstraint("level BETWEEN 1 AND 3", name="level_known"),
        sa.PrimaryKeyConstraint("login"),
        schema="wsd",
    )
    op.create_table(
        "store_meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        schema="wsd",
    )
    op.create_table(
        "veto_cursor",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        schema="wsd",
    )
    op.create_table(
        "view_meter",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("person_id"),
        schema="wsd",
    )
    op.create_table(
        "watched_account",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("account_id"),
        schema="wsd",
    )
    op.create_table(
        "case_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True, start=48001), nullable=False),
        sa.Column("ref", sa.Text(), sa.Computed("'CS-' || id", persisted=True), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("subject", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("excerpt", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column(
            "opened_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "trouble_since",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("risk", sa.SmallInteger(), nullable=True),
        sa.Column("funds_usd", sa.Float(), nullable=True),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("lease_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("escalated_to", sa.SmallInteger(), nullable=True),
        sa.Column("snooze_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("snooze_reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("waiting_since", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("procedure_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("first_message_id", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('access_lost', 'second_factor_lost', 'account_takeover', 'suspicious_activity', 'withdrawal_hold', 'settings_lock', 'contact_change', 'phishing_report', 'other')",
            name="kind_known",
        ),
        sa.CheckConstraint("status <> 'closed' OR outcome <> ''", name="closed_with_outcome"),
        sa.CheckConstraint("status IN ('open', 'waiting', 'closed')", name="status_known"),
        sa.CheckConstraint("(holder IS NULL) = (lease_until IS NULL)", name="lease_has_holder"),
        sa.CheckConstraint("risk BETWEEN 0 AND 100", name="risk_is_percent"),
        sa.ForeignKeyConstraint(
            ["holder"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("first_message_id"),
        schema="wsd",
    )
    op.create_index(
        "case_queue",
        "case_file",
        ["team", "status"],
        unique=False,
        schema="wsd",
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index(
        "one_open_case",
        "case_file",
        ["account_id", "kind"],
        unique=True,
        schema="wsd",
        postgresql_where=sa.text("status <> 'closed' AND account_id <> ''"),
    )
    op.create_table(
        "challenge",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("backend_pid", sa.Integer(), nullable=False),
        sa.Column("backend_start", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("bind", sa.LargeBinary(), nullable=True),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("issued", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("proof", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("used", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("offer", sa.UUID(), nullable=True),
        sa.CheckConstraint("length(bind) = 32", name="bind_is_sha256"),
        sa.CheckConstraint("length(nonce) = 32", name="nonce_is_256_bits"),
        sa.CheckConstraint("octet_length(proof::text) <= 8192", name="proof_is_small"),
        sa.CheckConstraint("offer IS NULL OR bind IS NULL", name="offer_or_bind"),
        sa.ForeignKeyConstraint(
            ["login"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("challenge", name="challenge_once"),
        schema="wsd",
    )
    op.create_index(
        "challenge_open",
        "challenge",
        ["issued"],
        unique=False,
        schema="wsd",
        postgresql_where=sa.text("used IS NULL AND proof IS NOT NULL"),
    )
    op.create_table(
        "change",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("proposer", sa.Text(), nullable=False),
        sa.Column("proposer_person", sa.Text(), nullable=False),
        sa.Column("proposed", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("confirmer", sa.Text(), nullable=True),
        sa.Column("confirmer_person", sa.Text(), nullable=True),
        sa.Column("confirmed", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'done') = (confirmer_person IS NOT NULL)", name="done_by_two"),
        sa.CheckConstraint(
            "kind IN ('factor', 'grant', 'level', 'enrol', 'enable', 'disable', 'methods', 'method_policy', 'seal')",
            name="kind_known",
        ),
        sa.CheckConstraint("state IN ('unproved', 'open', 'done', 'withdrawn')", name="state_known"),
        sa.CheckConstraint("(confirmer_person IS NULL) = (confirmed IS NULL)", name="confirmed_when"),
        sa.CheckConstraint("confirmed <= expires", name="in_time"),
        sa.CheckConstraint("confirmer_person <> proposer_person", name="four_eyes"),
        sa.ForeignKeyConstraint(
            ["proposer"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_index(
        "change_open",
        "change",
        ["subject"],
        unique=False,
        schema="wsd",
        postgresql_where=sa.text("state IN ('unproved', 'open')"),
    )
    op.create_table(
        "factor",
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cred_id", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("last_counter", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("label", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "added", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("ended", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('fido2', 'idp', 'totp')", name="kind_known"),
        sa.ForeignKeyConstraint(
            ["login"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("login", "kind", "cred_id"),
        schema="wsd",
    )
    op.create_table(
        "grant_of",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "given", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_use", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("until > given", name="ends_after_it_begins"),
        sa.ForeignKeyConstraint(
            ["act"],
            ["wsd.policy.act"],
        ),
        sa.ForeignKeyConstraint(
            ["login"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_index(
        "one_live_grant",
        "grant_of",
        ["login", "act"],
        unique=True,
        schema="wsd",
        postgresql_where=sa.text("ended IS NULL"),
    )
    op.create_table(
        "policy_blocker",
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("span", sa.Interval(), nullable=False),
        sa.Column("unknown_needs", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "code IN ('sim_swap', 'contact_change', 'password_change', 'mailbox', 'never_wrote', 'no_channel')",
            name="code_known",
        ),
        sa.CheckConstraint("unknown_needs IN ('', 'proofing', 'possession', 'callback')", name="class_known"),
        sa.ForeignKeyConstraint(
            ["act"],
            ["wsd.policy.act"],
        ),
        sa.PrimaryKeyConstraint("act", "code"),
        schema="wsd",
    )
    op.create_table(
        "policy_key",
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column(
            "enrolled", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("enrolled_by", sa.Text(), nullable=False),
        sa.Column("revoked", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("length(public_key) = 32", name="key_is_ed25519"),
        sa.ForeignKeyConstraint(
            ["login"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("public_key"),
        schema="wsd",
    )
    op.create_table(
        "policy_need",
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("need", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.CheckConstraint("class IN ('proofing', 'possession', 'callback')", name="class_known"),
        sa.ForeignKeyConstraint(
            ["act"],
            ["wsd.policy.act"],
        ),
        sa.PrimaryKeyConstraint("act", "need", "class"),
        schema="wsd",
    )
    op.create_table(
        "policy_reason",
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["act"],
            ["wsd.policy.act"],
        ),
        sa.PrimaryKeyConstraint("act", "code"),
        schema="wsd",
    )
    op.create_table(
        "throttle",
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("fails", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("locked_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["login"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("login"),
        schema="wsd",
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("seen_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("seen", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_index(
        "alert_new", "alert", ["team", "at"], unique=False, schema="wsd", postgresql_where=sa.text("seen IS NULL")
    )
    op.create_table(
        "case_touch",
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "person_id"),
        schema="wsd",
    )
    op.create_table(
        "elevation",
        sa.Column("challenge_id", sa.UUID(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("backend_pid", sa.Integer(), nullable=False),
        sa.Column("backend_start", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("bind", sa.LargeBinary(), nullable=True),
        sa.Column("started", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_use", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("fresh", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("max_tier", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["challenge_id"],
            ["wsd.challenge.id"],
        ),
        sa.PrimaryKeyConstraint("challenge_id"),
        schema="wsd",
    )
    op.create_index("elevation_of", "elevation", ["login", "backend_pid", "started"], unique=False, schema="wsd")
    op.create_table(
        "emergency",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("account_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("started", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("told", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reviewer", sa.Text(), nullable=True),
        sa.Column("reviewer_person", sa.Text(), nullable=True),
        sa.Column("reviewed", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("verdict", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("review_text", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("(reviewed IS NULL) = (verdict = '')", name="reviewed_with_a_verdict"),
        sa.CheckConstraint("ends <= started + interval '30 min'", name="thirty_minutes"),
        sa.CheckConstraint("verdict IN ('', 'justified', 'not_justified')", name="verdict_known"),
        sa.CheckConstraint("drill OR case_id IS NOT NULL", name="of_a_case"),
        sa.CheckConstraint("length(reason) BETWEEN 20 AND 2000", name="reason_is_said"),
        sa.CheckConstraint("reviewer_person <> person_id", name="four_eyes"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.ForeignKeyConstraint(
            ["login"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_index("emergency_of", "emergency", ["person_id", "started"], unique=False, schema="wsd")
    op.create_table(
        "evidence",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column(
            "added", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("octet_length(raw) <= 16777216", name="raw_is_bounded"),
        sa.CheckConstraint("sha256 = sha256(raw)", name="hash_is_of_raw"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id", "source", "event_id", name="pinned_once"),
        schema="wsd",
    )
    op.create_table(
        "guidance",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column(
            "asked", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answered", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("length(question) BETWEEN 10 AND 4000", name="question_is_one"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_index(
        "guidance_open",
        "guidance",
        ["case_id"],
        unique=True,
        schema="wsd",
        postgresql_where=sa.text("answered IS NULL"),
    )
    op.create_table(
        "label",
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("kind IN ('device', 'network', 'session')", name="kind_known"),
        sa.CheckConstraint("verdict IN ('owner', 'intruder', 'unknown')", name="verdict_known"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "kind", "value"),
        schema="wsd",
    )
    op.create_table(
        "mail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("in_reply_to", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("refs", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("sender", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("recipient", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("subject", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("body", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("language", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("authenticity", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "attachments",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("author", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("recall_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("not_before", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("why", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "CASE direction WHEN 'in' THEN state = 'received' ELSE state IN ('queued', 'sending', 'sent', 'unknown', 'recalled', 'failed') END",
            name="state_known",
        ),
        sa.CheckConstraint("direction = 'out' OR case_id IS NOT NULL", name="what_came_in_has_a_case"),
        sa.CheckConstraint("direction IN ('in', 'out')", name="direction_known"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_index(
        "in_once",
        "mail",
        ["message_id", sa.literal_column("sha256(raw)")],
        unique=True,
        schema="wsd",
        postgresql_where=sa.text("direction = 'in'"),
    )
    op.create_index(
        "mail_outbox",
        "mail",
        ["id"],
        unique=False,
        schema="wsd",
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )
    op.create_index("mail_thread", "mail", ["case_id", "id"], unique=False, schema="wsd")
    op.create_index(
        "out_once", "mail", ["message_id"], unique=True, schema="wsd", postgresql_where=sa.text("direction = 'out'")
    )
    op.create_table(
        "note",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("length(text) BETWEEN 1 AND 20000", name="text_fits"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_table(
        "packet",
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("finding", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("verdict", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("act", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "params", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("wants", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("forwarded_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("returned_note", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'forwarded', 'returned', 'taken')", name="state_known"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.PrimaryKeyConstraint("case_id"),
        schema="wsd",
    )
    op.create_table(
        "policy_edition",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person1", sa.Text(), nullable=True),
        sa.Column("key1", sa.LargeBinary(), nullable=True),
        sa.Column("signature1", sa.LargeBinary(), nullable=True),
        sa.Column("person2", sa.Text(), nullable=True),
        sa.Column("key2", sa.LargeBinary(), nullable=True),
        sa.Column("signature2", sa.LargeBinary(), nullable=True),
        sa.Column(
            "installed",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("installed_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "key1 IS NULL AND key2 IS NULL AND signature1 IS NULL AND signature2 IS NULL AND person1 IS NULL AND person2 IS NULL OR length(signature1) = 64 AND length(signature2) = 64 AND person1 <> person2",
            name="two_people_sign",
        ),
        sa.CheckConstraint("length(hash) = 32 AND length(prev_hash) = 32", name="hash_is_sha256"),
        sa.ForeignKeyConstraint(
            ["key1"],
            ["wsd.policy_key.public_key"],
        ),
        sa.ForeignKeyConstraint(
            ["key2"],
            ["wsd.policy_key.public_key"],
        ),
        sa.PrimaryKeyConstraint("version"),
        sa.UniqueConstraint("hash", name="hash_once"),
        schema="wsd",
    )
    op.create_table(
        "request",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("reason_text", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("requester_person", sa.Text(), nullable=False),
        sa.Column("account_etag", sa.Text(), nullable=False),
        sa.Column("evidence_hash", sa.LargeBinary(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("not_before", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("approve_by", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("why", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("policy", sa.LargeBinary(), nullable=False),
        sa.Column("approvals", sa.SmallInteger(), nullable=False),
        sa.Column("vetoable_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("facts_id", sa.BigInteger(), nullable=True),
        sa.Column("break_glass", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'executing', 'executed', 'failed', 'unknown', 'refused', 'vetoed', 'expired')",
            name="state_known",
        ),
        sa.CheckConstraint("length(reason_text) BETWEEN 20 AND 2000", name="reason_is_said"),
        sa.ForeignKeyConstraint(
            ["act"],
            ["wsd.policy.act"],
        ),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.ForeignKeyConstraint(
            ["facts_id"],
            ["wsd.account_fact.id"],
        ),
        sa.ForeignKeyConstraint(
            ["requester"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("id", "requester_person", "request_hash", "approve_by", name="what_is_approved"),
        schema="wsd",
    )
    op.create_index(
        "one_open_request",
        "request",
        ["account_id"],
        unique=True,
        schema="wsd",
        postgresql_where=sa.text("state IN ('pending', 'executing', 'unknown') AND tier >= 2"),
    )
    op.create_index("request_facts", "request", ["facts_id"], unique=False, schema="wsd")
    op.create_index(
        "request_live",
        "request",
        ["state"],
        unique=False,
        schema="wsd",
        postgresql_where=sa.text("state IN ('pending', 'executing', 'unknown')"),
    )
    op.create_index("request_of", "request", ["requester", "created"], unique=False, schema="wsd")
    op.create_table(
        "reveal_grant",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("backend_pid", sa.Integer(), nullable=False),
        sa.Column("backend_start", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("field IN ('email', 'phone', 'name')", name="field_known"),
        sa.CheckConstraint("length(reason) BETWEEN 20 AND 2000", name="reason_is_said"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.ForeignKeyConstraint(
            ["login"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="wsd",
    )
    op.create_index("reveal_grant_account", "reveal_grant", ["account_id", "at"], unique=False, schema="wsd")
    op.create_table(
        "view_ticket",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("backend_pid", sa.Integer(), nullable=False),
        sa.Column("backend_start", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "issued", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("expires", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("peer", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("ended", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("(kind IN ('case', 'escalation')) = (case_id IS NOT NULL)", name="of_a_case"),
        sa.CheckConstraint("kind <> 'reason' OR length(reason) BETWEEN 20 AND 2000", name="reason_is_said"),
        sa.CheckConstraint("kind IN ('case', 'escalation', 'reason', 'search')", name="kind_known"),
        sa.CheckConstraint("length(token_sha256) = 32", name="token_is_sha256"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.ForeignKeyConstraint(
            ["login"],
            ["wsd.staff.login"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_sha256", name="token_once"),
        schema="wsd",
    )
    op.create_index("view_ticket_account", "view_ticket", ["account_id", "issued"], unique=False, schema="wsd")
    op.create_index("view_ticket_person", "view_ticket", ["person_id", "issued"], unique=False, schema="wsd")
    op.create_table(
        "approval",
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("requester_person", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("approve_by", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("approver", sa.Text(), nullable=False),
        sa.Column("approver_person", sa.Text(), nullable=False),
        sa.Column("decided", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("execute_by", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("approver_person <> requester_person", name="four_eyes"),
        sa.CheckConstraint("decided <= approve_by", name="in_time"),
        sa.ForeignKeyConstraint(
            ["approver"],
            ["wsd.staff.login"],
        ),
        sa.ForeignKeyConstraint(
            ["request_id", "requester_person", "request_hash", "approve_by"],
            ["wsd.request.id", "wsd.request.requester_person", "wsd.request.request_hash", "wsd.request.approve_by"],
            name="of_exactly_this_request",
        ),
        sa.PrimaryKeyConstraint("request_id", "approver_person"),
        schema="wsd",
    )
    op.create_table(
        "execution",
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=False),
        sa.Column("claimed", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("etag_before", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("etag_after", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("readback", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("settled", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("told", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("hold_state", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("hold_key", sa.UUID(), nullable=True),
        sa.Column("hold_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("hold_next", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("hold_why", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("hold_state IN ('', 'due', 'set', 'refused')", name="hold_known"),
        sa.CheckConstraint("outcome IN ('executed', 'failed', 'unknown')", name="outcome_known"),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["wsd.request.id"],
        ),
        sa.PrimaryKeyConstraint("request_id"),
        schema="wsd",
    )
    op.create_index(
        "hold_due",
        "execution",
        ["hold_next"],
        unique=False,
        schema="wsd",
        postgresql_where=sa.text("hold_state = 'due'"),
    )
    op.create_table(
        "proof",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("evidence_id", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("by_person", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("class IN ('proofing', 'possession', 'callback')", name="class_known"),
        sa.CheckConstraint("length(note) BETWEEN 10 AND 2000", name="note_is_said"),
        sa.ForeignKeyConstraint(
            ["by"],
            ["wsd.staff.login"],
        ),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.ForeignKeyConstraint(
            ["evidence_id"],
            ["wsd.evidence.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("evidence_id", name="one_class_an_item"),
        schema="wsd",
    )
    op.create_index("proof_of", "proof", ["case_id"], unique=False, schema="wsd")
    op.create_table(
        "recipient",
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("salutation", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "frozen", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("address ~ '^[^\\s@<>,;]+@[^\\s@<>,;]+$'", name="one_address"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["wsd.view_ticket.id"],
        ),
        sa.PrimaryKeyConstraint("case_id"),
        schema="wsd",
    )
    op.create_table(
        "step_done",
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("evidence_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["wsd.case_file.id"],
        ),
        sa.ForeignKeyConstraint(
            ["evidence_id"],
            ["wsd.evidence.id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "step"),
        schema="wsd",
    )
    op.create_table(
        "veto_answer",
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("length(token) = 32", name="token_is_sha256"),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["wsd.request.id"],
        ),
        sa.PrimaryKeyConstraint("token"),
        schema="wsd",
    )
    op.create_table(
        "veto_notice",
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column(
            "told", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["wsd.request.id"],
        ),
        sa.PrimaryKeyConstraint("request_id"),
        schema="wsd",
    )
    op.create_table(
        "view_use",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["wsd.view_ticket.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ticket_id", "what", "detail", name="each_thing_once"),
        schema="wsd",
    )
    op.create_table(
        "veto_mail",
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("mail_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mail_id"],
            ["wsd.mail.id"],
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["wsd.veto_notice.request_id"],
        ),
        sa.PrimaryKeyConstraint("request_id", "mail_id"),
        schema="wsd",
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("veto_mail", schema="wsd")
    op.drop_table("view_use", schema="wsd")
    op.drop_table("veto_notice", schema="wsd")
    op.drop_table("veto_answer", schema="wsd")
    op.drop_table("step_done", schema="wsd")
    op.drop_table("recipient", schema="wsd")
    op.drop_index("proof_of", table_name="proof", schema="wsd")
    op.drop_table("proof", schema="wsd")
    op.drop_index("hold_due", table_name="execution", schema="wsd", postgresql_where=sa.text("hold_state = 'due'"))
    op.drop_table("execution", schema="wsd")
    op.drop_table("approval", schema="wsd")
    op.drop_index("view_ticket_person", table_name="view_ticket", schema="wsd")
    op.drop_index("view_ticket_account", table_name="view_ticket", schema="wsd")
    op.drop_table("view_ticket", schema="wsd")
    op.drop_index("reveal_grant_account", table_name="reveal_grant", schema="wsd")
    op.drop_table("reveal_grant", schema="wsd")
    op.drop_index("request_of", table_name="request", schema="wsd")
    op.drop_index(
        "request_live",
        table_name="request",
        schema="wsd",
        postgresql_where=sa.text("state IN ('pending', 'executing', 'unknown')"),
    )
    op.drop_index("request_facts", table_name="request", schema="wsd")
    op.drop_index(
        "one_open_request",
        table_name="request",
        schema="wsd",
        postgresql_where=sa.text("state IN ('pending', 'executing', 'unknown') AND tier >= 2"),
    )
    op.drop_table("request", schema="wsd")
    op.drop_table("policy_edition", schema="wsd")
    op.drop_table("packet", schema="wsd")
    op.drop_table("note", schema="wsd")
    op.drop_index("out_once", table_name="mail", schema="wsd", postgresql_where=sa.text("direction = 'out'"))
    op.drop_index("mail_thread", table_name="mail", schema="wsd")
    op.drop_index(
        "mail_outbox", table_name="mail", schema="wsd", postgresql_where=sa.text("state IN ('queued', 'sending')")
    )
    op.drop_index("in_once", table_name="mail", schema="wsd", postgresql_where=sa.text("direction = 'in'"))
    op.drop_table("mail", schema="wsd")
    op.drop_table("label", schema="wsd")
    op.drop_index("guidance_open", table_name="guidance", schema="wsd", postgresql_where=sa.text("answered IS NULL"))
    op.drop_table("guidance", schema="wsd")
    op.drop_table("evidence", schema="wsd")
    op.drop_index("emergency_of", table_name="emergency", schema="wsd")
    op.drop_table("emergency", schema="wsd")
    op.drop_index("elevation_of", table_name="elevation", schema="wsd")
    op.drop_table("elevation", schema="wsd")
    op.drop_table("case_touch", schema="wsd")
    op.drop_index("alert_new", table_name="alert", schema="wsd", postgresql_where=sa.text("seen IS NULL"))
    op.drop_table("alert", schema="wsd")
    op.drop_table("throttle", schema="wsd")
    op.drop_table("policy_reason", schema="wsd")
    op.drop_table("policy_need", schema="wsd")
    op.drop_table("policy_key", schema="wsd")
    op.drop_table("policy_blocker", schema="wsd")
    op.drop_index("one_live_grant", table_name="grant_of", schema="wsd", postgresql_where=sa.text("ended IS NULL"))
    op.drop_table("grant_of", schema="wsd")
    op.drop_table("factor", schema="wsd")
    op.drop_index(
        "change_open", table_name="change", schema="wsd", postgresql_where=sa.text("state IN ('unproved', 'open')")
    )
    op.drop_table("change", schema="wsd")
    op.drop_index(
        "challenge_open",
        table_name="challenge",
        schema="wsd",
        postgresql_where=sa.text("used IS NULL AND proof IS NOT NULL"),
    )
    op.drop_table("challenge", schema="wsd")
    op.drop_index(
        "one_open_case",
        table_name="case_file",
        schema="wsd",
        postgresql_where=sa.text("status <> 'closed' AND account_id <> ''"),
    )
    op.drop_index("case_queue", table_name="case_file", schema="wsd", postgresql_where=sa.text("status <> 'closed'"))
    op.drop_table("case_file", schema="wsd")
    op.drop_table("watched_account", schema="wsd")
    op.drop_table("view_meter", schema="wsd")
    op.drop_table("veto_cursor", schema="wsd")
    op.drop_table("store_meta", schema="wsd")
    op.drop_table("staff", schema="wsd")
    op.drop_table("recovery_key", schema="wsd")
    op.drop_table("procedure", schema="wsd")
    op.drop_table("policy_limit", schema="wsd")
    op.drop_table("policy_head", schema="wsd")
    op.drop_table("policy", schema="wsd")
    op.drop_table("notary_state", schema="wsd")
    op.drop_table("method_policy", schema="wsd")
    op.drop_table("inbox_cursor", schema="wsd")
    op.drop_index("imported_by_time", table_name="imported_event", schema="wsd")
    op.drop_table("imported_event", schema="wsd")
    op.drop_table("fact_wanted", schema="wsd")
    op.drop_table("checkpoint", schema="wsd")
    op.drop_table("audit_head", schema="wsd")
    op.drop_index("audit_time", table_name="audit", schema="wsd")
    op.drop_index("audit_object", table_name="audit", schema="wsd")
    op.drop_table("audit", schema="wsd")
    op.drop_index("account_fact_newest", table_name="account_fact", schema="wsd")
    op.drop_table("account_fact", schema="wsd")
