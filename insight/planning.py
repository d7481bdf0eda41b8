"""From the lake to a plan: the random sample, the riskiest calls on top and apart, monitors and days, and how it is kept to."""
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl

from days import Days
from insight.sampling import NO_AGENT, Period, digest, draw, missing_lines, parted, population, quotas
from insight.triage import risks
from records import Problem
from settings import Sampling
from store.lake import Lake
from store.plans import CALLS, LINE, QUOTAS, RANDOM, RISK, Plan
from store.tables import UNKNOWN_DAY


def newest_week(lake: Lake) -> Period:
    """The week of the newest call that has a day; Problem where none has."""
    day = lake.rows("calls").filter(pl.col("day") != UNKNOWN_DAY).select(pl.col("day").max()).collect().item()
    if day is None:
        raise Problem(f"No call in {lake.root} has a day; give started_at in the manifest, then run again.")
    return Period.week_of(date.fromisoformat(day))


def make(lake: Lake, period: Period, policy: Sampling, seed: str, agents: pl.DataFrame | None = None,
         scores: pl.DataFrame | None = None, reason: str = "", days: Days | None = None) -> Plan:
    """The plan of a period; Problem where it has no calls. `agents` and `scores` as `sampling.quotas` takes them."""
    calls = population(lake.rows("calls"), period)
    if calls.is_empty():
        raise Problem(f"No calls from {period.first} to {period.last} in {lake.root}; choose other days with --week or --since.")
    checked = check_days(period, days or Days())
    least = len(policy.monitors) * len(checked) * policy.per_day
    table = quotas(calls, period, policy, agents, scores, least)
    drawn = draw(calls, table, seed)
    picked = _picked(drawn, _riskiest(lake, period, policy), missing_lines(drawn, seed))
    shares = parted(picked["call_id"].to_list(), policy.monitors, checked, seed)
    picked = picked.join(shares, on="call_id", how="left", maintain_order="left")
    return Plan(period.name, period.first, period.last, seed, digest(calls),
                picked.select(pl.col(name).cast(kind) for name, kind in CALLS.items()),
                table.select(pl.col(name).cast(kind) for name, kind in QUOTAS.items()),
                policy.model_dump(mode="json"), datetime.now(UTC).isoformat(timespec="seconds"), reason)


def drawn_again(lake: Lake, plan: Plan) -> tuple[bool, bool]:
    """A kept plan drawn anew from its seed and quotas: are the calls still those it was drawn from, and is the random sample the same?
    Where calls came, went or changed their agent since, the sample cannot be the same, and that is no fault of the plan."""
    calls = population(lake.rows("calls"), Period(plan.first, plan.last))
    drawn = draw(calls, plan.quotas, plan.seed).filter("drawn")
    return digest(calls) == plan.population, drawn["call_id"].sort().equals(plan.random["call_id"].sort())


def check_days(period: Period, calendar: Days) -> list[date]:
    """The days on which a period's calls are checked: for each of its working days one working day after it."""
    working = sum(not calendar.off(period.first + timedelta(days=n)) for n in range(period.days))
    days: list[date] = []
    day = period.last
    while len(days) < max(working, 1):
        day += timedelta(days=1)
        if not calendar.off(day):
            days.append(day)
    return days


def coverage(plan: Plan, cards: pl.DataFrame, kept: bool = True) -> pl.DataFrame:
    """How far a plan is kept to, an agent a row, the furthest behind first: agent_id, agent_name, team, calls, quota, heard,
    short (of the random sample), risk and risk_heard. `cards` are the reviewed ones of its days (`reviewed.cards`); of a plan
    that is not `kept` every card of the random sample counts, since nobody was asked to hear these calls and no others."""
    marked = plan.calls.with_columns(done=pl.col("call_id").is_in(cards["call_id"].to_list()))
    random = pl.col("picked") == RANDOM
    by_agent = marked.group_by("agent_id").agg(
        heard=(pl.col("done") & random).sum(), risk=(~random).sum(), risk_heard=(pl.col("done") & ~random).sum())
    if not kept:
        theirs = cards.filter(random).group_by(pl.col("agent_id").fill_null(NO_AGENT)).agg(heard=pl.len())
        by_agent = by_agent.drop("heard").join(theirs, on="agent_id", how="full", coalesce=True)
    count = pl.col("heard", "risk", "risk_heard").fill_null(0).cast(pl.Int64)
    return (plan.quotas.select("agent_id", "agent_name", "team", "calls", "quota").join(by_agent, on="agent_id", how="left")
            .with_columns(count).with_columns(short=(pl.col("quota") - pl.col("heard")).clip(0))
            .sort(["short", "agent_id"], descending=[True, False]))


def monitors(plan: Plan, cards: pl.DataFrame, today: date) -> pl.DataFrame:
    """A monitor a row: monitor, planned, heard, overdue (to be checked before `today` and not yet heard)."""
    heard = pl.col("call_id").is_in(cards["call_id"].to_list())
    return (plan.calls.filter(pl.col("monitor").is_not_null()).group_by("monitor")
            .agg(planned=pl.len(), heard=heard.sum(), overdue=(~heard & (pl.col("check_on") < today)).sum()).sort("monitor"))


def _riskiest(lake: Lake, period: Period, policy: Sampling) -> pl.DataFrame:
    """The riskiest calls of the period: call_id, risk, reasons. Ties go by call_id, so the choice is the same every time."""
    number = -(-policy.risk_per_week * period.days // 7)
    table = risks(*(lake.rows(name).filter(period.inside) for name in ("calls", "items", "findings")))
    return table.filter(pl.col("reasons").list.len() > 0).sort(["risk", "call_id"], descending=[True, False]).head(number).collect()


def _picked(drawn: pl.DataFrame, riskiest: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """What is to be heard, the random sample first; a call that is both random and risky is in the sample, and marked."""
    all_calls = drawn.join(riskiest.with_columns(risky=True), on="call_id", how="left", maintain_order="left")
    all_calls = all_calls.with_columns(pl.col("risky").fill_null(False))
    why = (pl.when(pl.col("drawn")).then(pl.lit(RANDOM)).when(pl.col("risky")).then(pl.lit(RISK))
           .when(pl.col("call_id").is_in(lines["call_id"].to_list())).then(pl.lit(LINE)))
    order = pl.col("picked").replace_strict({RANDOM: 0, RISK: 1, LINE: 2}, return_dtype=pl.Int8)
    return (all_calls.with_columns(picked=why).filter(pl.col("picked").is_not_null())
            .sort([order, pl.when(pl.col("picked") == RISK).then(-pl.col("risk")), "day", "call_id"]))


def unnamed(plan: Plan) -> int:
    """Calls of the period whose agent nobody told: they are drawn by the share alone."""
    return int(plan.quotas.filter(pl.col("agent_id") == NO_AGENT)["calls"].sum())
