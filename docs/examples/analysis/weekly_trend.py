"""In which teams does a rule go up? Calls a thousand by week and team, the last week against the four before.

    python weekly_trend.py WORKSPACE [RULE]

Reads two tables, of them three and two columns, and joins nothing but the two results. `tingjian trends` adds what a share needs to
be believed: intervals, significance, and the correction for having asked about so many teams.
"""
import sys

import polars as pl

workspace, rule = sys.argv[1], (sys.argv[2:] or ["taboo.refusal"])[0]
week = pl.col("day").str.to_date("%Y-%m-%d").dt.truncate("1w")
dated = pl.col("day") != "unknown"

calls = pl.scan_delta(f"{workspace}/calls").filter(dated).group_by("team", week=week).agg(calls=pl.len())
hits = pl.scan_delta(f"{workspace}/hits").filter(dated, pl.col("rule") == rule).group_by("team", week=week).agg(hit=pl.len())
trend = calls.join(hits, on=["team", "week"], how="left", nulls_equal=True).with_columns(pl.col("hit").fill_null(0)).sort("team", "week")
trend = trend.collect(engine="streaming")

last = trend["week"].max()
table = trend.group_by("team").agg(
    calls=pl.col("calls").filter(pl.col("week") == last).sum(),
    now=1000 * pl.col("hit").filter(pl.col("week") == last).sum() / pl.col("calls").filter(pl.col("week") == last).sum(),
    before=1000 * pl.col("hit").filter(pl.col("week") < last).tail(4).sum() / pl.col("calls").filter(pl.col("week") < last).tail(4).sum(),
).with_columns(pl.col("now", "before").round(1)).sort("now", descending=True, nulls_last=True)
print(f"{rule}, calls a thousand, week of {last} and the four before")
with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
    print(table)
