"""assignment, views, corrections, follow-ups"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.reviews.said import make_index

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # In place: a copy of the table in its stead (batch mode) would take the rows that refer to it along when the old one goes.
    op.add_column("card", sa.Column("kind", sa.String(length=12), nullable=False, server_default="recording"))
    op.execute("ALTER TABLE card ADD COLUMN assigned_to INTEGER CONSTRAINT card_assigned_to REFERENCES person (id)")
    op.add_column("card", sa.Column("assigned_on", sa.String(length=10), nullable=True))
    op.add_column("item", sa.Column("heard_verdict", sa.String(length=16), nullable=True))
    for name, column in (("held", "holder_id"), ("assigned", "assigned_to")):
        some = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, "card", [column], sqlite_where=some, postgresql_where=some)
    op.create_index("reviewed", "card", ["reviewer_id", "published_at"])
    op.create_index("of_agent", "card", ["agent_id", "day"])
    waits = sa.text("state IN ('open', 'claimed')")
    op.create_index("waiting", "card", ["picked", "triage", "call_id"], sqlite_where=waits, postgresql_where=waits)
    op.create_index("waiting_any", "card", ["triage", "call_id"], sqlite_where=waits, postgresql_where=waits)

    op.create_table(
        "correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=200), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("machine_speaker", sa.String(length=8), nullable=False),
        sa.Column("machine_text", sa.Text(), nullable=False),
        sa.Column("speaker", sa.String(length=8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["card.call_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"))
    op.create_index("ix_correction_call_id", "correction", ["call_id"])
    op.create_table(
        "redraft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=200), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("draft", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["card.call_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["until"], ["correction.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"))
    op.create_index("ix_redraft_call_id", "redraft", ["call_id"])

    op.create_table(
        "said",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["card.call_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("call_id"))
    make_index(op.get_bind())

    op.create_table(
        "view",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("query", sa.String(length=600), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id", "name"))
    op.create_index("ix_view_person_id", "view", ["person_id"])

    op.create_table(
        "followup",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("agent_name", sa.String(length=64), nullable=True),
        sa.Column("team", sa.String(length=64), nullable=True),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("call_id", sa.String(length=200), nullable=True),
        sa.Column("todo", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("due_on", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("closed_why", sa.String(length=12), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["card.call_id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("agent_id", "item"))
    op.create_index("followups", "followup", ["state", "team", "due_on"])
    op.create_table(
        "followup_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("followup_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["followup_id"], ["followup.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"))
    op.create_index("ix_followup_note_followup_id", "followup_note", ["followup_id"])
