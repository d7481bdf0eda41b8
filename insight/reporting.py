"""What a daily, weekly or monthly report says, as numbers: for the centre, a team or an agent. Rendering is review/report.py's.

All of it is counted from the machine's drafts, since reviewers hear a small part; the workbench's dashboard has what people confirmed.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

import polars as pl

from insight.comparing import compare
from insight.rising import Hide, Rise, rising
from insight.trends import COMPLAINT, LONG_CALL, LOW_SCORE, Period, begin_of, changes, days_there, end_of, last_over
from insight.wanted import GROUPS, By, Span
from records import Problem
from store.lake import Lake

Kind = Literal["daily", "weekly", "monthly"]
PERIODS: dict[Kind, Period] = {"daily": "day", "weekly": "week", "monthly": "month"}
COURSE: dict[Kind, int] = {"daily": 14, "weekly": 12, "monthly": 12}        # periods that charts go back
BACKGROUND: dict[Kind, int] = {"daily": 14, "weekly": 28, "monthly": 92}    # days that phrases are compared with
BANDS = ("excellent", "good", "needs_improvement", "below_standard")
MOST_TO_ACT = 30
MOST_PROBLEMS = 10
SAMPLE = 5_000          # calls in which phrases that rose are looked for


@dataclass(frozen=True)
class Figures:
    """Of some calls: how many, mean draft score, share under 80, calls with a fatal item, with a complaint, mean length in seconds."""

    calls: int
    mean_score: float | None
    low_share: float | None
    fatal: int
    complaints: int
    mean_talk: float | None


@dataclass(frozen=True)
class Report:
    """`course` has a row a period (period, calls, mean_score), `bands` calls by band, `problems` the rules broken most (rule, with_it,
    per_thousand, before, ratio …), `to_act` calls (call_id, agent_id, team, score, reasons), `groups` a row a team or agent, `needs` what
    each of them breaks more often than the others."""

    kind: Kind
    span: Span
    only: tuple[tuple[By, str], ...]
    figures: Figures
    before: Figures
    course: pl.DataFrame
    bands: dict[str, int]
    problems: pl.DataFrame
    to_act: pl.DataFrame
    groups_by: By | None
    groups: pl.DataFrame
    needs: pl.DataFrame
    rises: list[Rise] = field(default_factory=list)


def report(lake: Lake, kind: Kind, checks: list[str], hide: Hide, day: date | None = None, only: tuple[tuple[By, str], ...] = ()) -> Report:
    """The report of the period that holds `day`; without one of the last that is over. `checks` are the rules that can be broken.

    The weekly one is for all and names no agent: its rows are teams. Problem where the period or the team or agent has no calls.
    """
    there = days_there(lake)
    last = date.fromisoformat(there.until)
    period = PERIODS[kind]
    begin = begin_of(day, period) if day else last_over(there, last, period)
    span = Span(begin.isoformat(), min(end_of(begin, period), last).isoformat())
    told = _figures(lake, span, only)
    if not told.calls:
        whom = "、".join(value for _, value in only)
        raise Problem(f"No calls {f'of {whom} ' if whom else ''}from {span.since} to {span.until}; {lake.root} has calls from {there.since} to {there.until}.")
    earlier = _earlier(begin, kind)
    scopes = {by for by, _ in only}
    groups_by: By | None = None if "agent" in scopes else "team" if kind == "weekly" or not scopes else "agent"
    if "team" in scopes and kind == "weekly":
        groups_by = None
    problems = changes(lake, checks, period, begin, None, only, until=last).filter(pl.col("with_it") > 0).sort(
        "with_it", "rule", descending=[True, False]).head(MOST_PROBLEMS)
    before = Span((begin - timedelta(days=BACKGROUND[kind])).isoformat(), (begin - timedelta(days=1)).isoformat())
    return Report(
        kind, span, only, told, _figures(lake, earlier, only), _course(lake, kind, begin, last, only), _bands(lake, span, only), problems,
        _to_act(lake, span, only) if kind == "daily" else _nobody(), groups_by,
        _groups(lake, span, only, groups_by) if groups_by else pl.DataFrame(), _needs(lake, span, only, groups_by, checks) if groups_by else pl.DataFrame(),
        rising(lake, span, before, hide, "customer", only, most=10, most_calls=SAMPLE))


def _earlier(begin: date, kind: Kind) -> Span:
    """What the figures are compared with: the same weekday a week ago, the week or the month before."""
    period = PERIODS[kind]
    first = begin - timedelta(days=7) if kind == "daily" else begin_of(begin - timedelta(days=1), period)
    return Span(first.isoformat(), end_of(first, period).isoformat())


def _calls(lake: Lake, span: Span, only: tuple[tuple[By, str], ...]) -> pl.LazyFrame:
    return lake.rows("calls").filter(span.holds, *(pl.col(GROUPS[by]) == value for by, value in only))


def _hits(lake: Lake, span: Span, only: tuple[tuple[By, str], ...]) -> pl.LazyFrame:
    return lake.rows("hits").filter(span.holds, *(pl.col(GROUPS[by]) == value for by, value in only))


def _figures(lake: Lake, span: Span, only: tuple[tuple[By, str], ...]) -> Figures:
    row = _calls(lake, span, only).select(*_measures()).collect(engine="streaming").row(0, named=True)
    complaints = _hits(lake, span, only).filter(pl.col("rule") == COMPLAINT, pl.col("verdict") == "found").select(pl.len()).collect(engine="streaming").item()
    return Figures(row["calls"], row["mean_score"], row["low_share"], row["fatal"] or 0, complaints, row["mean_talk"])


def _measures() -> list[pl.Expr]:
    return [pl.len().alias("calls"), pl.col("score").mean().alias("mean_score"), (pl.col("score") < LOW_SCORE).mean().alias("low_share"),
            pl.col("fatal").sum().alias("fatal"), pl.col("duration").mean().alias("mean_talk")]


def _course(lake: Lake, kind: Kind, begin: date, last: date, only: tuple[tuple[By, str], ...]) -> pl.DataFrame:
    period, first = PERIODS[kind], begin
    for _ in range(COURSE[kind] - 1):
        first = begin_of(first - timedelta(days=1), period)
    span = Span(first.isoformat(), min(end_of(begin, period), last).isoformat())
    every = {"day": "1d", "week": "1w", "month": "1mo"}[period]
    return _calls(lake, span, only).group_by(period=pl.col("day").str.to_date("%Y-%m-%d").dt.truncate(every)).agg(
        *_measures()).collect(engine="streaming").sort("period")


def _bands(lake: Lake, span: Span, only: tuple[tuple[By, str], ...]) -> dict[str, int]:
    told = dict(_calls(lake, span, only).group_by("band").agg(pl.len()).collect(engine="streaming").iter_rows())
    return {band: told.get(band, 0) for band in BANDS}


def _to_act(lake: Lake, span: Span, only: tuple[tuple[By, str], ...]) -> pl.DataFrame:
    """The calls that somebody should do something about tomorrow, the gravest first: a fatal item, a complaint, a very low score."""
    complained = _hits(lake, span, only).filter(pl.col("rule") == COMPLAINT, pl.col("verdict") == "found").select(
        "call_id", complained=pl.lit(True)).unique()
    calls = _calls(lake, span, only).select("call_id", "agent_id", "agent_name", "team", "started_at", "score", "duration", "fatal").join(
        complained, on="call_id", how="left").with_columns(pl.col("complained", "fatal").fill_null(False))
    low = (pl.col("score") < LOW_SCORE).fill_null(False)
    weight = 4 * pl.col("fatal").cast(pl.Int8) + 2 * pl.col("complained").cast(pl.Int8) + low.cast(pl.Int8)
    reasons = pl.concat_list(pl.when(pl.col("fatal")).then(pl.lit("fatal")), pl.when(pl.col("complained")).then(pl.lit("complaint")),
                             pl.when(low).then(pl.lit("low_score")), pl.when(pl.col("duration") > LONG_CALL).then(pl.lit("long_call"))).list.drop_nulls()
    return calls.with_columns(weight=weight, reasons=reasons).filter(pl.col("fatal") | pl.col("complained") | (pl.col("score") < LOW_SCORE - 20)).sort(
        "weight", "score", "call_id", descending=[True, False, False], nulls_last=True).head(MOST_TO_ACT).drop("weight", "complained").collect(engine="streaming")


def _nobody() -> pl.DataFrame:
    return pl.DataFrame(schema={"call_id": pl.String, "reasons": pl.List(pl.String)})


def _groups(lake: Lake, span: Span, only: tuple[tuple[By, str], ...], by: By) -> pl.DataFrame:
    column = GROUPS[by]
    return _calls(lake, span, only).group_by(group=pl.col(column)).agg(
        *_measures(), name=(pl.col("agent_name") if by == "agent" else pl.col(column)).last()).collect(engine="streaming").sort(
        "mean_score", "group", nulls_last=True)


def _needs(lake: Lake, span: Span, only: tuple[tuple[By, str], ...], by: By, checks: list[str]) -> pl.DataFrame:
    """For each team or agent the rule broken most surely more often than by the others: group, rule, with_it, calls, ratio, q; only what
    `compare` calls up, so that nobody is sent to a training because of three calls."""
    column = GROUPS[by]
    calls = _calls(lake, span, only).group_by(group=pl.col(column)).agg(calls=pl.len()).collect(engine="streaming")
    hits = _hits(lake, span, only).filter(pl.col("verdict") == "fail", pl.col("rule").is_in(checks)).group_by(
        "rule", group=pl.col(column)).agg(with_it=pl.len(), examples=pl.col("call_id").head(3)).collect(engine="streaming")
    table = hits.join(calls, on="group", nulls_equal=True).with_columns(all_with=pl.col("with_it").sum().over("rule"))
    if table.is_empty():
        return table
    everybody = int(calls["calls"].sum())
    others = table.select(k=pl.col("all_with") - pl.col("with_it"), n=everybody - pl.col("calls"))
    table = table.hstack(compare(table["with_it"], table["calls"], others["k"], others["n"]))
    return table.filter(pl.col("change") == "up").sort("q", "rule").unique("group", keep="first", maintain_order=True).sort("group")
