"""A sampling plan made where reviews are: agents heard more after low scores, and the queue marked by what was drawn."""
from __future__ import annotations

from datetime import timedelta

import polars as pl

from insight import reviewed
from insight.sampling import Period
from store.plans import Plan
from store.reviews import audit
from store.reviews.database import Database
from store.reviews.sampled import mark

SCORED_BEFORE = timedelta(weeks=4)      # reviews before the period that tell who is weak
ENOUGH = 3                              # of them from which a mean says anything


def scores(database: Database, period: Period) -> pl.DataFrame:
    """Each agent's mean reviewed score over the random calls of the four weeks before the period: agent_id, score, reviews."""
    with database.reading() as session:
        cards = reviewed.cards(session, period.first - SCORED_BEFORE, period.first - timedelta(days=1))
    means = cards.filter(pl.col("picked") == "random").group_by("agent_id").agg(pl.col("score").mean(), reviews=pl.col("score").count())
    return means.filter(pl.col("reviews") >= ENOUGH)


def into_queue(database: Database, plan: Plan, who: str) -> tuple[int, int]:
    """Marks the plan's days in the queue and logs it; how many calls that nobody has begun are random and risk-picked now."""
    with database.writing() as session:
        marked = mark(session, str(plan.first), str(plan.last), plan.random["call_id"].to_list())
        audit.note(session, who, "sample.planned", plan.name, seed=plan.seed, population=plan.population, random=len(plan.random))
    return marked
