"""calibration sessions, cases, rule health"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "assist",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("agreed", sa.Integer(), nullable=False),
        sa.Column("decided", sa.Integer(), nullable=False),
        sa.Column("below", sa.Float(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(), nullable=True),
        sa.Column("lifted_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id")
    )
    op.create_index("ix_assist_name", "assist", ["name"], unique=False)

    op.create_table(
        "calibration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("opened_by", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("closes_at", sa.DateTime(), nullable=True),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("gold_id", sa.Integer(), nullable=True),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["gold_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["opened_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id")
    )

    op.create_table(
        "pause",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(), nullable=True),
        sa.Column("lifted_by", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id")
    )
    op.create_index("ix_pause_person_id", "pause", ["person_id"], unique=False)

    op.create_table(
        "shadowing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newcomer_id", sa.Integer(), nullable=False),
        sa.Column("experienced_id", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["experienced_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["newcomer_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id")
    )
    op.create_index("ix_shadowing_newcomer_id", "shadowing", ["newcomer_id"], unique=False)

    op.create_table(
        "blind_call",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("calibration_id", sa.Integer(), nullable=True),
        sa.Column("shadowing_id", sa.Integer(), nullable=True),
        sa.Column("call_id", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["calibration_id"], ["calibration.id"]),
        sa.ForeignKeyConstraint(["call_id"], ["card.call_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["shadowing_id"], ["shadowing.id"]),
        sa.PrimaryKeyConstraint("id")
    )
    op.create_index("ix_blind_call_calibration_id", "blind_call", ["calibration_id"], unique=False)
    op.create_index("ix_blind_call_call_id", "blind_call", ["call_id"], unique=False)
    op.create_index("ix_blind_call_shadowing_id", "blind_call", ["shadowing_id"], unique=False)

    op.create_table(
        "example",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=200), nullable=False),
        sa.Column("starts", sa.Float(), nullable=True),
        sa.Column("ends", sa.Float(), nullable=True),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=True),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["card.call_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["made_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id")
    )
    op.create_index("ix_example_call_id", "example", ["call_id"], unique=False)
    op.create_index("ix_example_rule", "example", ["rule"], unique=False)

    op.create_table(
        "blind_card",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("blind_call_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["blind_call_id"], ["blind_call.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("blind_call_id", "person_id")
    )
    op.create_index("ix_blind_card_person_id", "blind_card", ["person_id"], unique=False)

    op.create_table(
        "example_tag",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["example.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", "tag")
    )
    op.create_index("ix_example_tag_tag", "example_tag", ["tag"], unique=False)

    op.create_table(
        "blind_verdict",
        sa.Column("blind_card_id", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["blind_card_id"], ["blind_card.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("blind_card_id", "item")
    )
    op.create_index("ix_card_published_at", "card", ["published_at"], unique=False)
    op.create_index("outcome", "item", ["item", "final_verdict"], unique=False)
