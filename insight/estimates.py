"""What the heard calls say of all calls: with intervals, and weighted so that choosing the risky ones biases nothing.

A call's weight is one over its chance to be heard. The riskiest calls of a period are chosen by rule, so each of them had the
chance 1; every other call had its chance in the random sample. Weighted so (Horvitz and Thompson 1952; the ratio is Hájek's 1971),
both kinds of calls are used and the estimate is of all calls of the period.
"""
from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import polars as pl

Z95 = 1.959964


@dataclass(frozen=True)
class Estimate:
    """A share (0 to 1) or a mean with its 95 % interval, and the number of calls it rests on; None without any."""

    value: float | None
    low: float | None
    high: float | None
    calls: int


def wilson(hits: float, number: float, z: float = Z95) -> tuple[float, float]:
    """Wilson (1927): the interval of a share; honest for few calls and for shares near 0 and 1. `number` may be an effective one."""
    if number <= 0:
        return 0.0, 1.0
    share = hits / number
    middle = share + z * z / (2 * number)
    half = z * sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    below = 1 + z * z / number
    return max(0.0, (middle - half) / below), min(1.0, (middle + half) / below)


def share(marks: pl.Series) -> Estimate:
    """The share of true marks among equally likely calls."""
    known = marks.drop_nulls()
    if known.is_empty():
        return Estimate(None, None, None, 0)
    hits = int(known.sum())
    low, high = wilson(hits, len(known))
    return Estimate(hits / len(known), low, high, len(known))


def weights(planned: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """`planned` with `weight`: 1 over the chance, and 0 for calls of no known chance (a line's own pick that was no risk).

    `planned` has call_id, agent_id, picked, probability, risky and `heard`; `calls` agent_id and the number of all `calls`. Planned
    calls that were not heard are made up for by the heard ones of the same agent and kind, else by those of that kind of all
    agents: who hears the risky ones first must not have them stand for the others. Weights of heard calls sum to the calls of the
    agents who have any heard; all are 0 while of one kind nothing is heard, since then nothing can be said of all calls.
    """
    certain = planned.filter("risky").group_by("agent_id").agg(certain=pl.len())
    kind = planned.with_columns(
        kind=pl.when("risky").then(pl.lit("risky")).when(pl.col("picked") == "random").then(pl.lit("random")).otherwise(pl.lit("apart")))
    heard = kind.filter("heard").group_by("agent_id", "kind").agg(used=pl.len())
    table = (kind.join(calls.select("agent_id", "calls"), on="agent_id", how="left").join(certain, on="agent_id", how="left")
             .join(heard, on=["agent_id", "kind"], how="left").with_columns(pl.col("certain").fill_null(0)))
    of_kind = pl.when(pl.col("kind") == "risky").then(pl.col("certain")).otherwise(pl.col("calls") - pl.col("certain"))
    weight = pl.when(pl.col("heard") & (pl.col("kind") != "apart")).then(of_kind / pl.col("used")).otherwise(0.0)
    weighed = table.with_columns(weight=weight)
    agents = weighed.filter(pl.col("weight") > 0).select("agent_id", pl.col("calls") - pl.col("certain"), pl.col("certain")).unique()
    stands_for = weighed.group_by("kind").agg(pl.col("weight").sum())
    wanted = {"risky": float(agents["certain"].sum()), "random": float(agents["calls"].sum())}
    has = dict(stands_for.iter_rows())
    if any(number and not has.get(name) for name, number in wanted.items()):
        return weighed.with_columns(weight=pl.lit(0.0)).drop("kind", "calls", "certain", "used")
    scale = {name: number / has[name] for name, number in wanted.items() if has.get(name)}
    times = pl.col("kind").replace_strict(scale, default=1.0, return_dtype=pl.Float64)
    return weighed.with_columns(weight=pl.col("weight") * times).drop("kind", "calls", "certain", "used")


def weighted_share(table: pl.DataFrame, mark: str) -> Estimate:
    """The share of all calls for which `mark` (boolean) holds; Wilson's interval over the effective number of calls (Kish)."""
    known = table.filter((pl.col("weight") > 0) & pl.col(mark).is_not_null())
    if known.is_empty():
        return Estimate(None, None, None, 0)
    value = _hajek(known, pl.col(mark).cast(pl.Float64))
    effective = float(known["weight"].sum()) ** 2 / float((known["weight"] ** 2).sum())
    low, high = wilson(value * effective, effective)
    return Estimate(value, low, high, len(known))


def weighted_mean(table: pl.DataFrame, column: str) -> Estimate:
    """The mean of `column` over all calls; the interval by linearisation, as if heard calls were drawn independently."""
    known = table.filter((pl.col("weight") > 0) & pl.col(column).is_not_null())
    if known.is_empty():
        return Estimate(None, None, None, 0)
    value = _hajek(known, pl.col(column))
    if len(known) < 2:
        return Estimate(value, None, None, 1)
    spread = known.select(((pl.col("weight") * (pl.col(column) - value)) ** 2).sum()).item()
    half = Z95 * sqrt(spread * len(known) / (len(known) - 1)) / float(known["weight"].sum())
    return Estimate(value, value - half, value + half, len(known))


def _hajek(known: pl.DataFrame, value: pl.Expr) -> float:
    return float(known.select((pl.col("weight") * value).sum() / pl.col("weight").sum()).item())
