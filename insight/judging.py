"""What reviewers found in the heard calls of a plan, carried over to all its calls: bands, scores, items that fail."""
from __future__ import annotations

from typing import NamedTuple

import polars as pl

from insight.estimates import Estimate, share, weighted_mean, weighted_share, weights
from store.plans import RANDOM, Plan

BANDS = {"excellent": "excellent, 95–100", "good": "good, 90–94", "needs_improvement": "needs improvement, 80–89",
         "below_standard": "below standard, under 80"}
ITEMS = 10              # those that fail most


class Row(NamedTuple):
    """`whole` weighs all heard calls; `random` is the random ones alone, each counting the same."""

    what: str
    whole: Estimate
    random: Estimate
    percent: bool = True


def estimates_of(plan: Plan, cards: pl.DataFrame, items: pl.DataFrame | None) -> list[Row]:
    """Mean score, bands, and the items that fail most. `cards` and `items` as insight/reviewed.py gives them."""
    heard = plan.calls.join(cards.select("call_id", "score", "band"), on="call_id", how="left", maintain_order="left").with_columns(
        heard=pl.col("call_id").is_in(cards["call_id"].to_list()))
    table = weights(heard, plan.quotas)
    random = table.filter(pl.col("heard") & (pl.col("picked") == RANDOM))
    rows = [Row("mean score", weighted_mean(table, "score"), weighted_mean(random.with_columns(weight=pl.lit(1.0)), "score"), False)]
    for band, words in BANDS.items():
        marked = pl.col("band") == band
        rows.append(Row(words, weighted_share(table.with_columns(mark=marked), "mark"), share(random.select(marked).to_series())))
    return rows + (_failing(table, items) if items is not None else [])


def _failing(table: pl.DataFrame, items: pl.DataFrame) -> list[Row]:
    rows = []
    for (title,), lines in items.group_by(["title"], maintain_order=True):
        failed = lines.select("call_id", mark=pl.col("final") == "fail").unique("call_id")
        joined = table.join(failed, on="call_id", how="left")
        random = joined.filter(pl.col("picked") == RANDOM, pl.col("mark").is_not_null())
        rows.append(Row(f"fails: {title}", weighted_share(joined, "mark"), share(random["mark"])))
    return sorted((row for row in rows if row.whole.value), key=lambda row: -(row.whole.value or 0))[:ITEMS]
