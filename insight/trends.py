"""Trends: how often a thing is in the calls, by day, week or month, and whether that changed.

Polars reads the lake lazily: only the days asked for, only the columns needed. A change is told only where both periods have
calls enough, the difference survives the correction for how often was asked, and it is large enough to matter (comparing.py).
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import polars as pl

from insight.comparing import compare, lift, wilson
from insight.wanted import GROUPS, By, Span, Wanted, counted
from records import Problem
from store.lake import Lake
from store.tables import UNKNOWN_DAY

Period = Literal["day", "week", "month"]
EVERY: dict[Period, str] = {"day": "1d", "week": "1w", "month": "1mo"}
BACK: dict[Period, int] = {"day": 30, "week": 12, "month": 12}
EXAMPLES = 3            # calls kept behind each point, those with the most hits first
LOW_SCORE = 80.0        # domain.md section 2: below it needs improvement at best
LONG_CALL = 300.0       # seconds: the limit of call.duration
COMPLAINT = "complaint.raised"
Only = Mapping[By, str]
"""Calls of one team, agent, line, tier alone."""


@dataclass(frozen=True)
class Question:
    """What is counted by which period of the calendar, for whom; `by` makes a line of each team, agent, line or tier."""

    wanted: Wanted
    span: Span
    period: Period = "week"
    by: By | None = None
    only: tuple[tuple[By, str], ...] = ()


def days_there(lake: Lake) -> Span:
    """The first and the last day with calls; Problem for a workspace without any dated call."""
    days = lake.rows("calls").filter(pl.col("day") != UNKNOWN_DAY).select(first=pl.col("day").min(), last=pl.col("day").max())
    first, last = days.collect(engine="streaming").row(0)
    if first is None:
        raise Problem(f"{lake.root} has no call that says when it began (started_at), so there is nothing to follow over time; "
                      "give started_at in the manifest (2026-11-20T09:12:00+08:00), then run again.")
    return Span(first, last)


def span_of(lake: Lake, period: Period, since: str | None = None, until: str | None = None) -> Span:
    """The days asked for: whole periods, without `since` the last BACK of them up to `until` or the last day there is."""
    there = days_there(lake)
    last = _day(until, "--until") or date.fromisoformat(there.until)
    first = _day(since, "--since")
    if first is None:
        first = begin_of(last, period)
        for _ in range(BACK[period] - 1):
            first = begin_of(first - timedelta(days=1), period)
    if first > last:
        raise Problem(f"--since {first} lies after {last}: no day is left.")
    return Span(begin_of(first, period).isoformat(), last.isoformat())


def begin_of(day: date, period: Period) -> date:
    """The first day of the calendar day, week (from Monday) or month that holds `day`."""
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[period]


def end_of(begin: date, period: Period) -> date:
    """The last day of the period that begins on `begin`."""
    if period == "month":
        return begin_of(begin + timedelta(days=31), "month") - timedelta(days=1)
    return begin + timedelta(days={"day": 0, "week": 6}[period])


def last_over(there: Span, until: date, period: Period) -> date:
    """The first day of the last period that is over on `until`; where calls begin later, of the one that is going on."""
    begin = begin_of(until, period)
    before = begin_of(begin - timedelta(days=1), period)
    return before if end_of(begin, period) > until and end_of(before, period).isoformat() >= there.since else begin


def trend(lake: Lake, question: Question) -> pl.DataFrame:
    """A row a period and group that has calls, the oldest first.

    `period` (its first day), `group` ("" where not grouped, None where calls do not say), `calls`, `with_it`, `hits`, `per_thousand`
    calls with its 95 % interval `low`, `high`, `hits_a_call` (of those that have it), `before` (calls a thousand in the period
    before), ratio … change as `compare` gives them, `partial` (the period is not over in the span), `examples` (call ids).
    """
    column = GROUPS[question.by] if question.by else None
    calls = _calls(lake, question, column).group_by("period", "group").agg(calls=pl.len()).collect(engine="streaming")
    found = _narrowed(counted(lake, question.wanted, question.span), question.only)
    found = found.with_columns(period=_period(question.period), group=_group(column))
    best = pl.col("call_id").sort_by(["hits", "call_id"], descending=[True, False]).head(EXAMPLES)
    hits = found.group_by("period", "group").agg(with_it=pl.len(), hits=pl.col("hits").sum(), examples=best).collect(engine="streaming")
    table = calls.join(hits, on=["period", "group"], how="left", nulls_equal=True).with_columns(
        pl.col("with_it", "hits").fill_null(0)).sort("period", "group")
    table = _before(table, question.period)
    low, high = wilson(table["with_it"], table["calls"])
    last = date.fromisoformat(question.span.until)
    partial = [end_of(begin, question.period) > last for begin in table["period"]]
    return table.with_columns(
        per_thousand=1000 * pl.col("with_it") / pl.col("calls"), low=pl.Series(1000 * low), high=pl.Series(1000 * high),
        hits_a_call=pl.when(pl.col("with_it") > 0).then(pl.col("hits") / pl.col("with_it")), partial=pl.Series(partial, dtype=pl.Boolean),
        examples=pl.col("examples").fill_null(pl.lit([], dtype=pl.List(pl.String))))


def changes(lake: Lake, rules: Sequence[str], period: Period, begin: date, by: By | None = None,
            only: tuple[tuple[By, str], ...] = (), until: date | None = None) -> pl.DataFrame:
    """All `rules` in the period that begins on `begin` against the one before, by group: the columns of `trend` and `rule`.

    One correction over all of it, so that of sixty rules and twenty teams those stand out that would by no chance. Those that
    changed come first, the surest before the others. `until` is the last day with calls, for `partial`.
    """
    previous = begin_of(begin - timedelta(days=1), period)
    last = min(end_of(begin, period), until or date.max)
    span = Span(previous.isoformat(), last.isoformat())
    question = Question(Wanted("", rules=tuple(rules)), span, period, by, only)
    column = GROUPS[by] if by else None
    calls = _calls(lake, question, column).group_by("period", "group").agg(calls=pl.len()).collect(engine="streaming")
    found = _narrowed(lake.rows("hits").filter(span.holds, pl.col("rule").is_in(list(rules))), only)
    found = found.with_columns(period=_period(period), group=_group(column))
    best = pl.col("call_id").sort_by(["hits", "call_id"], descending=[True, False]).head(EXAMPLES)
    hits = found.group_by("period", "group", "rule").agg(
        with_it=pl.len(), hits=pl.col("hits").sum(), examples=best).collect(engine="streaming")
    table = calls.join(hits.select("rule").unique(), how="cross").join(
        hits, on=["period", "group", "rule"], how="left", nulls_equal=True).with_columns(pl.col("with_it", "hits").fill_null(0))
    table = _before(table, period, "rule").filter(pl.col("period") == begin)
    low, high = wilson(table["with_it"], table["calls"])
    table = table.drop("ratio", "ratio_low", "ratio_high", "h", "p", "q", "change").hstack(
        compare(*(table[name] for name in ("with_it", "calls", "with_before", "calls_before"))))
    rank = pl.col("change").replace_strict({"up": 0, "down": 1, "same": 2, "few": 3}, return_dtype=pl.Int8)
    return table.with_columns(
        per_thousand=1000 * pl.col("with_it") / pl.col("calls"), low=pl.Series(1000 * low), high=pl.Series(1000 * high),
        hits_a_call=pl.when(pl.col("with_it") > 0).then(pl.col("hits") / pl.col("with_it")),
        partial=pl.lit(end_of(begin, period) > last), examples=pl.col("examples").fill_null(pl.lit([], dtype=pl.List(pl.String))),
    ).sort(rank, "q", -pl.col("with_it").cast(pl.Int64), "rule", nulls_last=True)


def together(lake: Lake, question: Question) -> pl.DataFrame:
    """With what it comes: `outcome` (low_score, complaint, long_call), `calls` with both, `share` among calls that have it, `usual`
    among all, `lift` and its 95 % interval `lift_low`, `lift_high`. A lift of 2: twice as often as in calls at large; what
    causes what it does not say."""
    found = _narrowed(counted(lake, question.wanted, question.span), question.only).select("call_id").collect(engine="streaming")
    complaints = lake.rows("hits").filter(question.span.holds, pl.col("rule") == COMPLAINT, pl.col("verdict") == "found")
    complained = complaints.select("call_id").unique()
    calls = _narrowed(lake.rows("calls").filter(question.span.holds), question.only).select("call_id", "score", "duration")
    calls = calls.join(found.lazy().unique().with_columns(has=True), on="call_id", how="left").join(
        complained.with_columns(complaint=True), on="call_id", how="left")
    outcomes = {"low_score": pl.col("score") < LOW_SCORE, "complaint": pl.col("complaint").fill_null(False),
                "long_call": pl.col("duration") > LONG_CALL}
    has = pl.col("has").fill_null(False)
    counts = [expression for name, outcome in outcomes.items() for known in [outcome.is_not_null()] for expression in (
        known.sum().alias(f"{name} calls"), (known & has).sum().alias(f"{name} has"),
        outcome.sum().alias(f"{name} all"), (outcome & has).sum().alias(f"{name} both"))]
    told = calls.select(counts).collect(engine="streaming").row(0, named=True)
    rows = []
    for name in outcomes:
        if question.wanted.rules == (COMPLAINT,) and name == "complaint":
            continue
        both, having, with_outcome, total = (told[f"{name} {part}"] for part in ("both", "has", "all", "calls"))
        times = lift(both, having, with_outcome, total) or (None, None, None)
        rows.append({"outcome": name, "calls": both, "share": both / having if having else None,
                     "usual": with_outcome / total if total else None, "lift": times[0], "lift_low": times[1], "lift_high": times[2]})
    return pl.DataFrame(rows, schema={"outcome": pl.String, "calls": pl.Int64, "share": pl.Float64, "usual": pl.Float64,
                                      "lift": pl.Float64, "lift_low": pl.Float64, "lift_high": pl.Float64})


def agent_names(lake: Lake, span: Span) -> dict[str, str]:
    """The last name delivered with each agent's id."""
    told = lake.rows("calls").filter(span.holds, pl.col("agent_name").is_not_null()).group_by("agent_id").agg(
        name=pl.col("agent_name").last())
    return dict(told.collect(engine="streaming").iter_rows())


def _calls(lake: Lake, question: Question, column: str | None) -> pl.LazyFrame:
    rows = _narrowed(lake.rows("calls").filter(question.span.holds), question.only)
    return rows.select(period=_period(question.period), group=_group(column))


def _narrowed(rows: pl.LazyFrame, only: tuple[tuple[By, str], ...]) -> pl.LazyFrame:
    for by, value in only:
        rows = rows.filter(pl.col(GROUPS[by]) == value)
    return rows


def _period(period: Period) -> pl.Expr:
    return pl.col("day").str.to_date("%Y-%m-%d").dt.truncate(EVERY[period])


def _group(column: str | None) -> pl.Expr:
    return pl.col(column) if column else pl.lit("")


def _before(table: pl.DataFrame, period: Period, *more: str) -> pl.DataFrame:
    """Each row with what its group had in the calendar period before, and the comparison over all rows."""
    keys = ["period", "group", *more]
    following = pl.col("period").dt.offset_by(EVERY[period])
    earlier = table.select(following, *keys[1:], calls_before=pl.col("calls"), with_before=pl.col("with_it"))
    table = table.join(earlier, on=keys, how="left", nulls_equal=True, maintain_order="left").with_columns(
        pl.col("calls_before", "with_before").fill_null(0))
    compared = compare(table["with_it"], table["calls"], table["with_before"], table["calls_before"])
    before = pl.when(pl.col("calls_before") > 0).then(1000 * pl.col("with_before") / pl.col("calls_before"))
    return table.with_columns(before=before).hstack(compared)


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Problem(f"{option} {text}: not a day; write it as 2026-11-20.") from None
