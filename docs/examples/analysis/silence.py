"""Do calls with long silences or slow answers end in complaints? Turns by call, beside the signal `complaint.raised`.

    python silence.py WORKSPACE

Turns are the largest table: only the columns asked for are read. The join on the batches that hold is the careful way, right even
while a run is writing.
"""
import sys

import polars as pl

workspace = sys.argv[1]
calls = pl.scan_delta(f"{workspace}/calls").select("call_id", "duration", recognised="recognition_batch", scored="scoring_batch")
turns = pl.scan_delta(f"{workspace}/turns").select("call_id", "batch_id", "speaker", "silence", "latency")
hits = pl.scan_delta(f"{workspace}/hits").filter(pl.col("rule") == "complaint.raised", pl.col("verdict") == "found")

measured = turns.join(calls, left_on=["call_id", "batch_id"], right_on=["call_id", "recognised"], how="inner").group_by("call_id").agg(
    silence=pl.col("silence").max().fill_null(0.0), latency=pl.col("latency").filter(pl.col("speaker") == "agent").median())
complained = hits.join(calls, left_on=["call_id", "batch_id"], right_on=["call_id", "scored"], how="semi").select(
    "call_id", complained=pl.lit(True)).unique()
longest = pl.col("silence")
band = pl.when(longest < 3).then(pl.lit("0–3 s")).when(longest < 10).then(pl.lit("3–10 s")).otherwise(pl.lit("from 10 s"))
table = measured.join(complained, on="call_id", how="left").with_columns(pl.col("complained").fill_null(False)).group_by(longest_silence=band).agg(
    calls=pl.len(), complaints=pl.col("complained").sum(), a_thousand=(1000 * pl.col("complained").mean()).round(1),
    median_answer=pl.col("latency").median().round(2)).sort("longest_silence").collect(engine="streaming")
with pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
    print(table)
