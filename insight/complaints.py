"""Complaint indicators (domain.md section 5, from S4 and S1), each with its target and the cases behind it.

Made from a file of work orders and from the calls in which `complaint.raised` was found. A step that is not done yet counts as missed once
its time is over, and not at all before that.
"""
from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from insight.appraisal import ZONE

RULE = "complaint.raised"
FIRST_REPLY = 48                                            # hours
EFFECTIVE_REPLY = {"VIP": 8, "全球通": 24, "others": 48}      # hours by the customer's tier
SATISFIED = {"VIP": 95.0, "全球通": 90.0, "others": 85.0}     # percent by tier
ON_THE_SPOT, IN_TIME, WHOLE = 80.0, 95.0, 96.0              # percent
UNANSWERED = 72                                             # hours: three days (S1)
PROMPT = 100.0      # the handbook sets a time for every reply and no share that may be late

INDICATORS: dict[str, tuple[str, str]] = {
    "first_reply": ("48 小时内首次回复", "first reply within 48 h"),
    "effective_reply": ("限时内有效回复", "effective reply in time (VIP 8 h, 全球通 24 h, others 48 h)"),
    "on_the_spot": ("现场解决率", "solved on the spot"),
    "work_orders_in_time": ("工单及时率", "work orders closed in time"),
    "whole_process": ("全流程及时率", "whole process in time"),
    "satisfied": ("客户满意率", "customers satisfied"),
    "per_million": ("百万客户投诉率（投诉／百万通话）", "complaints per million calls"),
    "tagged_per_million": ("百万通话投诉倾向", "calls with a complaint raised, per million"),
    "unrecorded": ("有投诉无工单的通话", "calls with a complaint raised and no work order"),
    "unanswered": ("三天仍无答复", "no answer after three days"),
}
TABLE = {"indicator": pl.String, "tier": pl.String, "numerator": pl.Int64, "denominator": pl.Int64, "value": pl.Float64,
         "target": pl.Float64, "met": pl.Boolean}
CASES = {"indicator": pl.String, "tier": pl.String, "order_id": pl.String, "line": pl.Int64, "call_id": pl.String, "agent_id": pl.String,
         "customer_tier": pl.String, "opened_at": pl.Datetime("us", "UTC"), "hours": pl.Float64}
COUNTED = {**CASES, "hit": pl.Boolean}


@dataclass(frozen=True)
class Figures:
    """`table`: an indicator (and tier) a row, with columns as TABLE: percent, but for the ones per million and `unanswered`, a number.
    `met` is null where there is no target or no case. `cases`: what missed, columns as CASES; `hours` is how long it took or has taken.
    `counted`: what an indicator was made of, columns as COUNTED: all of its denominator, `hit` what is in the numerator too; of the ones per
    million the numerator alone, since the denominator is all calls."""

    table: pl.DataFrame
    cases: pl.DataFrame
    counted: pl.DataFrame


def indicators(orders: pl.DataFrame, tagged: pl.DataFrame, calls: int, first: date, last: date, now: datetime) -> Figures:
    """The figures of work orders opened, and calls made, from `first` to `last` (China's days), as they stand at `now`.

    `orders` are rows of the sheet work_orders, `tagged` the calls with a complaint raised (call_id, day, agent_id), `calls` how many
    calls there were in all."""
    here = _steps(orders.filter(pl.col("opened_at") <= now), now)
    day = pl.col("opened_at").dt.convert_time_zone(ZONE).dt.date()
    upto = here.filter(day <= last)
    mine = upto.filter(day >= first)
    complaints = mine.filter(pl.col("complaint").fill_null(True))
    parts = [
        _share("first_reply", complaints, "first_in_time", "first_hours", PROMPT),
        *(_share("effective_reply", _tier(complaints, tier), "effective_in_time", "effective_hours", PROMPT, tier) for tier in EFFECTIVE_REPLY),
        _share("on_the_spot", complaints, "solved_on_the_spot", "closed_hours", ON_THE_SPOT),
        _share("work_orders_in_time", mine, "closed_in_time", "closed_hours", IN_TIME),
        _share("whole_process", mine, "whole_in_time", "closed_hours", WHOLE),
        *(_share("satisfied", _tier(complaints, tier), "satisfied", "closed_hours", target, tier) for tier, target in SATISFIED.items()),
        _per_million("per_million", _cases("per_million", complaints, "closed_hours"), calls),
        _per_million("tagged_per_million", _of_calls("tagged_per_million", tagged), calls),
        _unrecorded(tagged, orders), _unanswered(upto.filter(pl.col("complaint").fill_null(True)))]
    return Figures(*(pl.concat(getattr(part, name) for part in parts) for name in ("table", "cases", "counted")))


def tagged_calls(hits: pl.LazyFrame, calls: pl.LazyFrame, first: date, last: date) -> pl.DataFrame:
    """Calls of these days in which a complaint was raised: call_id, day, agent_id."""
    inside = pl.col("day").is_between(pl.lit(str(first)), pl.lit(str(last)))
    raised = hits.filter(inside & (pl.col("rule") == RULE) & (pl.col("verdict") == "found")).select("call_id")
    return calls.filter(inside).select("call_id", "day", "agent_id").join(raised, on="call_id", how="semi").collect().sort("call_id")


def _steps(orders: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Each step of each order: `…_in_time` true, false, or null (not due yet, or nothing says when it is due)."""
    tier = pl.col("customer_tier").str.strip_chars().str.to_uppercase()
    tier = pl.when(tier.str.starts_with("VIP")).then(pl.lit("VIP")).when(tier == "全球通").then(pl.lit("全球通")).otherwise(pl.lit("others"))
    at = pl.lit(now).cast(pl.Datetime("us", "UTC"))

    def taken(column: str) -> pl.Expr:
        return (pl.coalesce(column, at) - pl.col("opened_at")).dt.total_seconds() / 3600

    def in_time(column: str, limit: pl.Expr) -> pl.Expr:
        return pl.when(taken(column) > limit).then(False).when(pl.col(column).is_not_null()).then(True)
    due = (pl.col("due_at") - pl.col("opened_at")).dt.total_seconds() / 3600
    # Who got an effective reply, or whose case was closed, was replied to by then, also where nobody noted a first reply.
    orders = orders.with_columns(first_reply_at=pl.coalesce("first_reply_at", "effective_reply_at", "closed_at"))
    steps = orders.with_columns(tier=tier).with_columns(
        limit=pl.col("tier").replace_strict(EFFECTIVE_REPLY, return_dtype=pl.Float64),
        first_hours=taken("first_reply_at"), effective_hours=taken("effective_reply_at"), closed_hours=taken("closed_at"))
    steps = steps.with_columns(
        first_in_time=in_time("first_reply_at", pl.lit(float(FIRST_REPLY))), effective_in_time=in_time("effective_reply_at", pl.col("limit")),
        closed_in_time=pl.when(due.is_not_null()).then(in_time("closed_at", due)))
    done = [pl.col("first_in_time"), pl.col("effective_in_time"),
            pl.when(pl.col("due_at").is_null() & pl.col("closed_at").is_not_null()).then(True).otherwise(pl.col("closed_in_time"))]
    return steps.with_columns(whole_in_time=pl.all_horizontal(done))      # false where any step is, null where one is open still


def _share(name: str, orders: pl.DataFrame, mark: str, hours: str, target: float, tier: str | None = None) -> Figures:
    known = orders.filter(pl.col(mark).is_not_null())
    hits, number = int(known[mark].sum()), known.height
    value = round(100 * hits / number, 2) if number else None
    met = 100 * hits >= target * number if number else None
    return Figures(_row(name, tier, hits, number, value, target, met), _cases(name, known.filter(~pl.col(mark)), hours, tier),
                   _counted(pl.concat(_cases(name, known.filter(pl.col(mark) == hit), hours, tier).with_columns(hit=pl.lit(hit)) for hit in (False, True))))


def _per_million(name: str, found: pl.DataFrame, calls: int) -> Figures:
    value = round(1e6 * found.height / calls, 2) if calls else None
    return Figures(_row(name, None, found.height, calls, value, None, None), _cases(name), _counted(found.with_columns(hit=pl.lit(True))))


def _unrecorded(tagged: pl.DataFrame, orders: pl.DataFrame) -> Figures:
    bare = tagged.join(orders.filter(pl.col("call_id").is_not_null()).select("call_id"), on="call_id", how="anti").sort("call_id")
    cases, all_of_them = _of_calls("unrecorded", bare), _of_calls("unrecorded", tagged)
    value = round(100 * bare.height / tagged.height, 2) if tagged.height else None
    return Figures(_row("unrecorded", None, bare.height, tagged.height, value, None, None), cases,
                   _counted(all_of_them.with_columns(hit=pl.col("call_id").is_in(bare["call_id"].to_list()))))


def _unanswered(complaints: pl.DataFrame) -> Figures:
    """Also cases of earlier days: whoever waits still, waits."""
    silent = complaints.filter(pl.all_horizontal(pl.col("first_reply_at", "effective_reply_at", "closed_at").is_null()))
    late = silent.filter(pl.col("first_hours") > UNANSWERED)
    return Figures(_row("unanswered", None, late.height, silent.height, float(late.height), 0.0, late.height == 0),
                   _cases("unanswered", late, "first_hours"),
                   _counted(_cases("unanswered", silent, "first_hours").with_columns(hit=pl.col("order_id").is_in(late["order_id"].to_list()))))


def _of_calls(name: str, calls: pl.DataFrame) -> pl.DataFrame:
    """Calls without a work order, in the columns of CASES."""
    here = calls.select("call_id", "agent_id")
    return here.select(pl.lit(name).alias("indicator"), *(pl.col(column) if column in here.columns else pl.lit(None).alias(column)
                                                          for column in list(CASES)[1:])).cast(CASES)  # type: ignore[arg-type]


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.cast(COUNTED)  # type: ignore[arg-type]


def _tier(orders: pl.DataFrame, tier: str) -> pl.DataFrame:
    return orders.filter(pl.col("tier") == tier)


def _row(name: str, tier: str | None, hits: int, number: int, value: float | None, target: float | None, met: bool | None) -> pl.DataFrame:
    return pl.DataFrame([(name, tier, hits, number, value, target, met)], schema=TABLE, orient="row")


def _cases(name: str, orders: pl.DataFrame | None = None, hours: str = "", tier: str | None = None) -> pl.DataFrame:
    if orders is None:
        return pl.DataFrame(schema=CASES)
    return orders.select(pl.lit(name).alias("indicator"), pl.lit(tier, dtype=pl.String).alias("tier"), "order_id", "line", "call_id", "agent_id", "customer_tier", "opened_at",
                         pl.col(hours).round(2).alias("hours")).sort("hours", "order_id", descending=[True, False])

