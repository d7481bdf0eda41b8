"""The sampling plan: which calls of a period are heard, drawn so that it can be drawn again and defended (domain.md section 3).

Each agent's calls are a stratum with a quota. Within it the draw is systematic: calls in the order of their hour (random
within the hour), one random start an agent, every (calls / quota)-th call taken. So every call of an agent has the same,
exactly known chance quota / calls, the hours of the sample follow the hours of the work, and the choice of one agent's calls
says nothing of another's. Chance comes from the seed, the agents' ids and the calls' ids alone: same seed, same calls, same
plan, on every machine.
"""
from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from records import Problem
from settings import Sampling
from store.tables import UNKNOWN_DAY

NO_AGENT = ""           # the stratum of calls whose agent nobody told
HOUR = r"^\s*\d{4}\D\d{1,2}\D\d{1,2}[T ]+(\d{1,2})"
LOW_GRADES = ("C", "D")


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both in it."""

    first: date
    last: date

    @classmethod
    def week(cls, text: str) -> Period:
        """An ISO week such as 2026-W47; Problem for what is none."""
        if match := re.fullmatch(r"(\d{4})-?W(\d{1,2})", text.strip(), re.IGNORECASE):
            try:
                monday = date.fromisocalendar(int(match[1]), int(match[2]), 1)
                return cls(monday, monday + timedelta(days=6))
            except ValueError:
                pass
        raise Problem(f"{text} is no week; write it as 2026-W47.")

    @classmethod
    def week_of(cls, day: date) -> Period:
        monday = day - timedelta(days=day.weekday())
        return cls(monday, monday + timedelta(days=6))

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def name(self) -> str:
        """2026-W47 for a whole week, else both days: the plan's name in the workspace."""
        if self == self.week_of(self.first):
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02}"
        return f"{self.first}_{self.last}"

    @property
    def inside(self) -> pl.Expr:
        """The condition on `day` by which the lake reads no other partitions."""
        return (pl.col("day") != UNKNOWN_DAY) & pl.col("day").is_between(pl.lit(str(self.first)), pl.lit(str(self.last)))


def population(calls: pl.LazyFrame, period: Period) -> pl.DataFrame:
    """The calls a plan may draw from, by call_id: call_id, day, hour (-1 unknown), agent_id, agent_name, team, line."""
    hour = pl.col("started_at").str.extract(HOUR, 1).cast(pl.Int8, strict=False).fill_null(-1).alias("hour")
    return (calls.filter(period.inside)
            .select("call_id", "day", hour, pl.col("agent_id").fill_null(NO_AGENT), "agent_name", "team", "line")
            .sort("call_id").collect())


def digest(calls: pl.DataFrame) -> str:
    """SHA-256 over what the draw rests on, so that a plan can be checked against the calls it was drawn from."""
    lines = calls.select(pl.concat_str("call_id", "agent_id", pl.col("hour").cast(pl.String), separator="\t")).to_series()
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def quotas(calls: pl.DataFrame, period: Period, policy: Sampling, agents: pl.DataFrame | None = None,
           scores: pl.DataFrame | None = None, at_least: int = 0) -> pl.DataFrame:
    """How many calls of each agent are drawn, and why.

    `calls` as `population` gives them; `agents` has agent_id, hired_on, grade (each may be null), `scores` agent_id and the
    mean reviewed `score`. `at_least` raises the whole plan to so many calls, in proportion to what is left of each agent.
    Gives agent_id, agent_name, team, calls, share, quota, why (stable words: new, weak, change, monitors), by agent_id.
    """
    table = calls.group_by("agent_id").agg(
        pl.col("agent_name").drop_nulls().first(), pl.col("team").drop_nulls().first(), calls=pl.len()).sort("agent_id")
    table = _joined(table, agents, {"hired_on": pl.Date, "grade": pl.String})
    table = _joined(table, scores, {"score": pl.Float64})
    weak = ((pl.col("score") < policy.weak_below) | pl.col("grade").is_in(LOW_GRADES)).fill_null(False)
    changed = max((one.factor for one in policy.changes if _counts(one.since, one.weeks, period)), default=1.0)
    factor = pl.when(weak).then(policy.weak_factor).otherwise(1.0) * changed
    usual = pl.min_horizontal(pl.max_horizontal(pl.lit(policy.share_at_most), pl.lit(policy.share)), policy.share * factor)
    newness = _newness(policy, period, weak)
    table = table.with_columns(share=pl.max_horizontal(usual, pl.when(newness > 0).then(policy.share + (1 - policy.share) * newness)),
                               least=policy.per_week * factor * period.days / 7)
    wanted = pl.max_horizontal((pl.col("share") * pl.col("calls") - 1e-9).ceil(),
                               pl.when(pl.col("agent_id") != NO_AGENT).then((pl.col("least") - 1e-9).ceil()).otherwise(0))
    why = pl.concat_list(
        pl.when(newness > 0).then(pl.lit("new")), pl.when(weak).then(pl.lit("weak")),
        pl.when(pl.lit(changed > 1)).then(pl.lit("change"))).list.drop_nulls()
    table = table.with_columns(quota=pl.min_horizontal(wanted, "calls").cast(pl.Int64), why=why)
    return _raised(table, at_least).select("agent_id", "agent_name", "team", "calls", "share", "quota", "why")


def draw(calls: pl.DataFrame, quota: pl.DataFrame, seed: str) -> pl.DataFrame:
    """`calls`, in the same order, with `probability` (the chance to be drawn) and `drawn`.

    `quota` as `quotas` gives it. Whole numbers throughout, so exactly `quota` calls of each agent are drawn.
    """
    starts = pl.DataFrame({"agent_id": quota["agent_id"], "start": [
        _hash(f"{seed}\0{agent}") % max(number, 1) for agent, number in quota.select("agent_id", "calls").iter_rows()]},
        schema={"agent_id": pl.String, "start": pl.Int64})
    placed = (calls.with_columns(chance=_chances(len(calls), seed))
              .join(quota.select("agent_id", "calls", "quota"), on="agent_id", how="left", maintain_order="left")
              .join(starts, on="agent_id", how="left", maintain_order="left")
              .with_columns(rank=pl.struct("hour", "chance").rank("ordinal").over("agent_id").cast(pl.Int64) - 1))
    crossed = (_steps(pl.col("rank") + 1) - _steps(pl.col("rank"))) >= 1
    return placed.with_columns(probability=pl.col("quota") / pl.col("calls"), drawn=crossed).drop(
        "chance", "calls", "quota", "start", "rank")


def missing_lines(drawn: pl.DataFrame, seed: str) -> pl.DataFrame:
    """A call of each line that the draw left out, by chance but apart from the sample: all business types are to be heard."""
    bare = drawn.group_by("line").agg(pl.col("drawn").any()).filter(~pl.col("drawn") & pl.col("line").is_not_null())
    left = drawn.with_columns(chance=_chances(len(drawn), f"{seed}\0line")).join(bare.select("line"), on="line", how="semi")
    return left.sort("chance").unique("line", keep="first").sort("call_id").drop("chance")


def parted(call_ids: Sequence[str], monitors: Sequence[str], days: Sequence[date], seed: str) -> pl.DataFrame:
    """Calls to monitors and days in turn after a shuffle: call_id, monitor, check_on; shares differ by one call at most."""
    order = np.argsort(_chances(len(call_ids), f"{seed}\0monitor").to_numpy(), kind="stable")
    slots = [(monitor, day) for day in days for monitor in monitors]
    at = np.empty(len(call_ids), dtype=np.int64)
    at[order] = np.arange(len(call_ids)) % max(len(slots), 1)
    return pl.DataFrame({"call_id": list(call_ids), "slot": at}, schema={"call_id": pl.String, "slot": pl.Int64}).join(
        pl.DataFrame({"slot": range(len(slots)), "monitor": [one for one, _ in slots], "check_on": [day for _, day in slots]},
                     schema={"slot": pl.Int64, "monitor": pl.String, "check_on": pl.Date}),
        on="slot", how="left", maintain_order="left").drop("slot")


def balance(drawn: pl.DataFrame, column: str) -> pl.DataFrame:
    """How the sample lies over an attribute: `column`, calls, drawn, expected (the sum of chances), for the plan's defence."""
    return drawn.group_by(column).agg(calls=pl.len(), drawn=pl.col("drawn").sum(), expected=pl.col("probability").sum()).sort(column)


def _joined(table: pl.DataFrame, other: pl.DataFrame | None, columns: dict[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    here = {name: kind for name, kind in columns.items() if other is not None and name in other.columns}
    if other is not None and here:
        table = table.join(other.select("agent_id", *here).unique("agent_id", keep="last"), on="agent_id", how="left")
    return table.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in columns.items() if name not in here).sort("agent_id")


def _counts(since: date, weeks: int, period: Period) -> bool:
    return since <= period.last and period.first < since + timedelta(weeks=weeks)


def _newness(policy: Sampling, period: Period, weak: pl.Expr) -> pl.Expr:
    """1 for an agent whose every call is heard, falling to 0; by whole weeks since hiring. A weak one does not taper."""
    weeks = (pl.lit(period.first) - pl.col("hired_on")).dt.total_days().clip(0) // 7
    span = max(policy.new_weeks - policy.new_full_weeks, 1)
    falling = ((policy.new_weeks - weeks) / (span + 1)).clip(0, 1)
    full = (weeks < policy.new_full_weeks) | weak
    newness = pl.when(weeks >= policy.new_weeks).then(0.0).when(full).then(1.0).otherwise(falling)
    return pl.when(pl.col("hired_on") <= pl.lit(period.last)).then(newness).otherwise(0.0).fill_null(0.0)


def _raised(table: pl.DataFrame, at_least: int) -> pl.DataFrame:
    """The quotas brought to `at_least` together, where the calls are enough: largest remainders, so the sum is exact."""
    left = (table["calls"] - table["quota"]).to_numpy()
    extra = min(max(at_least - int(table["quota"].sum()), 0), int(left.sum()))
    if not extra:
        return table
    exact = extra * left / left.sum()
    more = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - more), kind="stable")
    more[order[:extra - int(more.sum())]] += 1
    raised = pl.Series(more)
    return table.with_columns(
        quota=pl.col("quota") + raised,
        why=pl.when(raised > 0).then(pl.col("why").list.concat(pl.lit(["monitors"]))).otherwise(pl.col("why")))


def _steps(rank: pl.Expr) -> pl.Expr:
    return (rank * pl.col("quota") + pl.col("start")) // pl.col("calls")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _chances(number: int, seed: str) -> pl.Series:
    """A random number a call, in the order of their ids: the raw stream of Philox, which no version of NumPy may change."""
    key = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16])
    return pl.Series("chance", np.random.Philox(key=key).random_raw(number), dtype=pl.UInt64)
