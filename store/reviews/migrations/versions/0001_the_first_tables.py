"""the first tables"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id")
    )
    op.create_index("ix_attempt_key", "attempt", ["key"], unique=False)

    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id")
    )
    op.create_index("ix_audit_subject", "audit", ["subject"], unique=False)
    op.create_index("ix_audit_who", "audit", ["who"], unique=False)

    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=True),
        sa.Column("agent_id", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("login")
    )
    op.create_table(
        "card",
        sa.Column("call_id", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.String(length=40), nullable=True),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=True),
        sa.Column("agent_name", sa.String(length=64), nullable=True),
        sa.Column("team", sa.String(length=64), nullable=True),
        sa.Column("line", sa.String(length=64), nullable=True),
        sa.Column("direction", sa.String(length=8), nullable=True),
        sa.Column("duration", sa.Float(), nullable=True),
        sa.Column("form", sa.String(length=64), nullable=False),
        sa.Column("draft_version", sa.String(length=80), nullable=False),
        sa.Column("machine_score", sa.Float(), nullable=True),
        sa.Column("machine_band", sa.String(length=20), nullable=True),
        sa.Column("fatal", sa.Boolean(), nullable=False),
        sa.Column("complaint", sa.Boolean(), nullable=False),
        sa.Column("unsure", sa.Integer(), nullable=False),
        sa.Column("triage", sa.Float(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("picked", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("holder_id", sa.Integer(), nullable=True),
        sa.Column("held_until", sa.DateTime(), nullable=True),
        sa.Column("reviewer_id", sa.Integer(), nullable=True),
        sa.Column("published_at", sa.DateTime(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("appeal_until", sa.DateTime(), nullable=True),
        sa.Column("seen_at", sa.DateTime(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("band", sa.String(length=20), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("draft", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["holder_id"], ["person.id"], ),
        sa.ForeignKeyConstraint(["reviewer_id"], ["person.id"], ),
        sa.PrimaryKeyConstraint("call_id")
    )
    op.create_index("ix_card_agent_id", "card", ["agent_id"], unique=False)
    op.create_index("ix_card_day", "card", ["day"], unique=False)
    op.create_index("ix_card_line", "card", ["line"], unique=False)
    op.create_index("ix_card_reviewer_id", "card", ["reviewer_id"], unique=False)
    op.create_index("ix_card_team", "card", ["team"], unique=False)
    op.create_index("queue", "card", ["state", "picked", "triage"], unique=False)

    op.create_table(
        "ticket",
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ),
        sa.PrimaryKeyConstraint("secret_sha256")
    )
    op.create_index("ix_ticket_person_id", "ticket", ["person_id"], unique=False)

    op.create_table(
        "appeal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=200), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["card.call_id"], ),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"], ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("call_id", "item")
    )
    op.create_index("ix_appeal_call_id", "appeal", ["call_id"], unique=False)

    op.create_table(
        "hit",
        sa.Column("call_id", sa.String(length=200), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["card.call_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", "rule")
    )
    op.create_index("ix_hit_rule", "hit", ["rule"], unique=False)

    op.create_table(
        "item",
        sa.Column("call_id", sa.String(length=200), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("max_points", sa.Float(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("machine_verdict", sa.String(length=16), nullable=False),
        sa.Column("machine_points", sa.Float(), nullable=True),
        sa.Column("machine_confidence", sa.Float(), nullable=False),
        sa.Column("fatal", sa.Boolean(), nullable=False),
        sa.Column("bonus", sa.Float(), nullable=True),
        sa.Column("human_verdict", sa.String(length=16), nullable=True),
        sa.Column("human_points", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("final_verdict", sa.String(length=16), nullable=True),
        sa.Column("final_points", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["card.call_id"], ),
        sa.PrimaryKeyConstraint("call_id", "item")
    )
