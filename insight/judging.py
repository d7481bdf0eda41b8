"""What reviewers found in the heard calls of a plan, carried over to all its calls: bands, scores, items that fail."""
from __future__ import annotations

from typing import NamedTuple

import polars as pl

from insight.estimates import Estimate, share, weighted_mean, weighted_share, weights
from store.plans import RANDOM, Plan

Words = tuple[str, str]
"""Chinese, English."""
BANDS: dict[str, Words] = {
    "excellent": ("优秀（95 分起）", "excellent, from 95"), "good": ("良好（90 分起）", "good, from 90"),
    "needs_improvement": ("需改进（80 分起）", "needs improvement, from 80"), "below_standard": ("未达标（80 分以下）", "below standard, under 80")}
ITEMS = 10              # those that fail most


class Row(NamedTuple):
    """`whole` weighs all heard calls; `random` is the random ones alone, each counting the same."""

    what: Words
    whole: Estimate
    random: Estimate
    percent: bool = True


def estimates_of(plan: Plan, cards: pl.DataFrame, items: pl.DataFrame | None) -> list[Row]:
    """Mean score, bands, and the items that fail most. `cards` and `items` as insight/reviewed.py gives them."""
    heard = plan.calls.join(cards.select("call_id", "score", "band"), on="call_id", how="left", maintain_order="left").with_columns(
        heard=pl.col("call_id").is_in(cards["call_id"].to_list()))
    table = weights(heard, plan.quotas)
    random = table.filter(pl.col("heard") & (pl.col("picked") == RANDOM))
    rows = [Row(("平均分", "mean score"), weighted_mean(table, "score"), weighted_mean(random.with_columns(weight=pl.lit(1.0)), "score"), False)]
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
        rows.append(Row((f"不通过：{title}", f"fails: {title}"), weighted_share(joined, "mark"), share(random["mark"])))
    return sorted((row for row in rows if row.whole.value), key=lambda row: -(row.whole.value or 0))[:ITEMS]
