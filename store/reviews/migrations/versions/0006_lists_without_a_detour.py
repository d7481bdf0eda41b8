"""indices of the queue: what waits in a band or longest and what is under appeal, in the list's order; not the one by state any more; how often
an agent was heard lately

Without statistics, which a SQLite file has none of, its planner took the index by state for whatever waits and sorted it all.
"""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.drop_index("queue", table_name="card")
    waits = sa.text("state IN ('open', 'claimed')")
    for name, columns, where in (("waiting_band", ["machine_band", "triage", "call_id"], waits),
                                 ("waiting_oldest", ["picked", "day", "call_id"], waits),
                                 ("under_appeal", ["triage", "call_id"], sa.text("state = 'appealed'"))):
        op.create_index(name, "card", columns, unique=False, sqlite_where=where, postgresql_where=where)
    op.drop_index("ix_card_published_at", table_name="card")
    op.create_index("published", "card", ["published_at", "agent_id"], unique=False)
