"""A workspace of generated calls: many enough for statistics, made in a second, the same for the same seed.

Half the agents are busy in the morning, volumes differ, and the calls that triage picks out are really worse, so that a sample that is
not random shows. What was said is left out: these calls have no transcripts.
"""
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from deltalake import write_deltalake

from store import tables
from store.lake import Lake
from store.reviews.database import Database
from store.reviews.schema import Card, Item, Person

HOURS = np.arange(8, 20)
LINES = ("broadband", "mobile", "billing")


def calls(number: int = 2000, agents: int = 12, first: date = date(2026, 11, 16), days: int = 7, seed: int = 0) -> pl.DataFrame:
    """Rows of the table `calls`; scores fall and fatal ones abound where `risky` calls are, some 4 %."""
    random = np.random.default_rng(seed)
    agent = random.choice(agents, number, p=_volumes(agents))
    busy = np.where(np.arange(agents)[:, None] % 2, np.linspace(1, 3, len(HOURS)), np.linspace(3, 1, len(HOURS)))
    hour = np.array([random.choice(HOURS, p=busy[one] / busy[one].sum()) for one in agent])
    day = random.integers(0, days, number)
    fatal = random.random(number) < 0.04
    score = np.where(fatal, 0.0, np.clip(random.normal(91 - agent % 5, 5, number), 40, 100).round(1))
    begins = [datetime(first.year, first.month, first.day) + timedelta(days=int(d), hours=int(h), minutes=int(m))
              for d, h, m in zip(day, hour, random.integers(0, 60, number), strict=True)]
    return pl.DataFrame({
        "call_id": [f"c-{n:06}" for n in range(number)], "day": [f"{one:%Y-%m-%d}" for one in begins],
        "agent_id": [f"{8000 + one}" for one in agent], "agent_name": [f"坐席{one}" for one in agent],
        "team": [f"T{one % 3}" for one in agent], "line": random.choice(LINES, number, p=(0.6, 0.39, 0.01)),
        "customer_tier": random.choice(("VIP", "全球通", "普通"), number), "direction": "inbound",
        "started_at": [f"{one:%Y-%m-%dT%H:%M:%S}+08:00" for one in begins], "duration": random.gamma(4, 50, number).round(1),
        "score": score, "fatal": fatal, "form": "inbound", "rules_version": "r1",
        "band": ["below_standard" if one < 80 else "good" for one in score],
        "finished_at": datetime(2026, 11, 25, tzinfo=UTC)})


def workspace(root: Path, made: pl.DataFrame) -> Lake:
    """A workspace with these calls, an item each, and a finding where a complaint (every 50th call) was raised."""
    lake = Lake.create(root)
    here = made.with_columns(recognition_batch=pl.lit("b"), scoring_batch=pl.lit("b"))
    _write(root, "calls", here)
    items = made.select("call_id", "day", position=pl.lit(0), item=pl.lit("greeting"), mode=pl.lit("auto"), batch_id=pl.lit("b"),
                        verdict=pl.when(pl.int_range(pl.len()) % 10 == 0).then(pl.lit("needs_review")).otherwise(pl.lit("pass")))
    _write(root, "items", items)
    raised = made.gather_every(50).select("call_id", "day", rule=pl.lit("complaint.raised"), verdict=pl.lit("found"),
                                          confidence=pl.lit(0.9), position=pl.lit(0), batch_id=pl.lit("b"))
    _write(root, "findings", raised)
    _write(root, "hits", raised.with_columns(hits=pl.lit(1)))
    return lake


def _write(root: Path, name: str, frame: pl.DataFrame) -> None:
    schema = tables.TABLES[name]
    whole = frame.select((pl.col(column) if column in frame.columns else pl.lit(None)).cast(kind).alias(column)
                         for column, kind in schema.items())
    write_deltalake(str(root / name), whole, mode="append", schema_mode="merge")


def _volumes(agents: int) -> np.ndarray:
    volumes = np.linspace(1, 4, agents)
    return volumes / volumes.sum()


def published(database: Database, rows: pl.DataFrame, picked: str = "random", state: str = "published", lines: bool = False) -> None:
    """Cards of `rows` (as `calls` makes them), reviewed by `rui` with the calls' own scores; an item each where `lines`."""
    with database.writing() as session:
        reviewer = session.query(Person).filter_by(login="rui").one_or_none()
        if reviewer is None:
            reviewer = Person(login="rui", name="芮", role="reviewer", created_at=datetime(2026, 1, 1, tzinfo=UTC))
            session.add(reviewer)
            session.flush()
        for row in rows.iter_rows(named=True):
            session.add(Card(
                **{name: row[name] for name in ("call_id", "day", "agent_id", "agent_name", "team", "line", "started_at", "duration",
                                                "form", "fatal", "score", "band")},
                draft_version="r1", machine_score=row["score"], complaint=False, unsure=0, triage=0.0, reasons=[], picked=picked,
                state=state, reviewer_id=reviewer.id if state == "published" else None,
                published_at=datetime(2026, 11, 25, tzinfo=UTC) if state == "published" else None))
            if lines:
                failed = "fail" if row["score"] < 80 else "pass"
                session.add(Item(call_id=row["call_id"], item="greeting", position=0, title="开头语", max_points=10.0,
                                 rules=["greeting.salutation"], machine_verdict="pass", machine_confidence=0.9, fatal=False,
                                 human_verdict=failed, final_verdict=failed))
