"""turns that people split and joined, and corrections taken back"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("correction", sa.Column("span", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("correction", sa.Column("pieces", sa.Text(), nullable=True))
    op.add_column("correction", sa.Column("undoes", sa.Integer(), nullable=True))
