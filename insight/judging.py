"""What reviewers found in the heard calls of a plan, carried over to all its calls: bands, scores, items that fail."""
from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import polars as pl

from insight.estimates import Estimate, share, weighted_mean, weighted_share, weights
from store.plans import RANDOM, Plan

Words = tuple[str, str]
"""Chinese, English."""
BANDS: dict[str, Words] = {
    "excellent": ("优秀（95 分起）", "excellent, from 95"), "good": ("良好（90 分起）", "good, from 90"),
    "needs_improvement": ("需改进（80 分起）", "needs improvement, from 80"), "below_standard": ("未达标（80 分以下）", "below standard, under 80")}
MOST = 100.0            # points of a card (pipeline/scorecard.py)
ITEMS = 10              # those that fail most


class Row(NamedTuple):
    """`whole` weighs all heard calls; `random` is the random ones alone, each counting the same. `key` names what is estimated: score, a
    band, or an item's title."""

    what: Words
    whole: Estimate
    random: Estimate
    percent: bool = True
    key: str = "score"


def estimates_of(plan: Plan, cards: pl.DataFrame, items: pl.DataFrame | None) -> list[Row]:
    """Mean score, bands, and the items that fail most. `cards` and `items` as insight/reviewed.py gives them."""
    table = _weighed(plan, cards)
    random = table.filter(pl.col("heard") & (pl.col("picked") == RANDOM))
    rows = [Row(("平均分", "mean score"), mean_score(table), mean_score(random.with_columns(weight=pl.lit(1.0))), False)]
    for band, words in BANDS.items():
        marked = pl.col("band") == band
        rows.append(Row(words, weighted_share(table.with_columns(mark=marked), "mark"), share(random.select(marked).to_series()), key=band))
    return rows + (_failing(table, items) if items is not None else [])


def mean_score(table: pl.DataFrame) -> Estimate:
    """The mean score; of few calls its interval would reach over the most there is, or under 0."""
    mean = weighted_mean(table, "score")
    return mean if mean.low is None or mean.high is None else replace(mean, low=max(0.0, mean.low), high=min(MOST, mean.high))


def behind(plan: Plan, cards: pl.DataFrame, items: pl.DataFrame, key: str, alone: bool, marked: bool) -> list[str]:
    """The calls that a row's estimate rests on, of the random ones `alone` or of all; only those `marked`: of the band, or whose item
    failed. `key` as Row has it; none for an unknown one."""
    table = _weighed(plan, cards)
    if key == "score" or key in BANDS:
        table = table.with_columns(mark=pl.col("score").is_not_null() if key == "score" else pl.col("band") == key)
    else:
        table = _failed(table, items.filter(pl.col("title") == key))
    counted = pl.col("heard") & (pl.col("picked") == RANDOM) if alone else pl.col("weight") > 0
    known = pl.col("mark") if marked or key == "score" else pl.col("mark").is_not_null()
    return table.filter(counted & known)["call_id"].to_list()


def _weighed(plan: Plan, cards: pl.DataFrame) -> pl.DataFrame:
    """The plan's calls with score, band, `heard` and what each stands for."""
    heard = plan.calls.join(cards.select("call_id", "score", "band"), on="call_id", how="left", maintain_order="left").with_columns(
        heard=pl.col("call_id").is_in(cards["call_id"].to_list()))
    return weights(heard, plan.quotas)


def _failed(table: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """`mark`: whether the item failed; null where the call's card has no such item."""
    return table.join(lines.select("call_id", mark=pl.col("final") == "fail").unique("call_id"), on="call_id", how="left")


def _failing(table: pl.DataFrame, items: pl.DataFrame) -> list[Row]:
    rows = []
    for (title,), lines in items.group_by(["title"], maintain_order=True):
        joined = _failed(table, lines)
        random = joined.filter(pl.col("picked") == RANDOM, pl.col("mark").is_not_null())
        rows.append(Row((f"不通过：{title}", f"fails: {title}"), weighted_share(joined, "mark"), share(random["mark"]), key=str(title)))
    return sorted((row for row in rows if row.whole.value), key=lambda row: -(row.whole.value or 0))[:ITEMS]
