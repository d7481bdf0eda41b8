"""What `tingjian compact` brings: a lake of many small batches before and after it, asked the same questions.

    python bench/compaction.py [--calls 4000] [--batch 20] [--days 4] [--keep DIR]

The sample calls' true transcripts, again and again under new ids, are committed in batches of `--batch` over `--days` days, as a
pick-up by the hour leaves them. Printed are files and megabytes in use, and the median of seven answers in milliseconds; then what
the compaction itself took: seconds, CPU seconds, and how far it raised the process's peak memory.
"""
from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import polars as pl

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pipeline.scorecard import Scorer  # noqa: E402
from records import Call, Recording, Transcript  # noqa: E402
from settings import Scoring, Settings  # noqa: E402
from store import compacting, tables  # noqa: E402
from store.lake import AudioFile, Lake, Result  # noqa: E402


def fill(lake: Lake, calls: int, batch: int, days: int) -> None:
    """Sample calls under new ids, the days one after the other."""
    scorer = Scorer.from_settings(Settings(scoring=Scoring(meaning=False)))
    lines = (ROOT / "data" / "sample" / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    samples = [Transcript.model_validate(json.loads(line)["transcript"]) for line in lines]
    drafts = [scorer.draft(sample) for sample in samples]
    with lake.running("bench"):
        for start in range(0, calls, batch):
            lake.commit([_result(number, samples, drafts, f"2026-11-{1 + number * days // calls:02}") for number in range(start, min(start + batch, calls))])


def _result(number: int, samples: list[Transcript], drafts: list, day: str) -> Result:
    sample, call_id = samples[number % len(samples)], f"g-{number * 0x9E3779B97F4A7C15 % 2**64:016x}"
    said = sample.model_copy(update={"call_id": call_id, "started_at": f"{day}T10:00:00+08:00"})
    recording = Recording(call=Call.model_validate(said.model_dump()), path=f"/recordings/{call_id}.wav")
    return Result(recording, AudioFile(f"{number:064}", 1, 1), "true-words", said,
                  drafts[number % len(samples)].model_copy(update={"call_id": call_id}), scorer_version="bench")


def questions(lake: Lake) -> dict[str, Callable[[], object]]:
    told = lake.calls().select("call_id", "day").collect()
    call_id, day = told.row(told.height // 2)
    return {
        "a call's transcript and card": lambda: (lake.transcript(call_id, day), lake.draft(call_id, day)),
        "who was checked, by agent": lambda: lake.rows("calls").group_by("agent_id").agg(pl.col("score").mean()).collect(),
        "a rule by day": lambda: lake.rows("hits").filter(pl.col("rule") == "hold.request").group_by("day").len().collect(),
        "a word in all turns": lambda: lake.rows("turns").filter(pl.col("text").str.contains("套餐")).select(pl.len()).collect(),
        "all transcripts of a day": lambda: len(list(lake.transcripts(told.filter(day=day)["call_id"].to_list()))),
        "a batch's plan": lambda: lake.known(told["call_id"].head(20).to_list())}


def ask(lake: Lake) -> dict[str, float]:
    """Milliseconds, the median of seven."""
    spent = {}
    for what, answer in questions(lake).items():
        times = []
        for _ in range(7):
            began = time.perf_counter()
            answer()
            times.append(1000 * (time.perf_counter() - began))
        spent[what] = median(times)
    return spent


def in_use(lake: Lake) -> tuple[int, float]:
    """Files that the tables are made of, and their MB."""
    sizes = [size for name in tables.TABLES for size in compacting.files(lake.root / name)["size"]]
    return len(sizes), sum(sizes) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--keep", type=Path, help="a folder for the lake, which stays")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.create(options.keep or Path(folder) / "w")
        if not lake.call_ids():
            fill(lake, options.calls, options.batch, options.days)
        before, files, megabytes = ask(lake), *in_use(lake)
        began, cpu, peak = time.perf_counter(), time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with lake.running(compacting.WORK):
            compacting.compact(lake)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1e3
        after, now_files, now_megabytes = ask(lake), *in_use(lake)
    print(f"{options.calls} calls in batches of {options.batch} over {options.days} days; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':32}{'before':>9}{'after':>9}")
    print(f"{'files':32}{files:9}{now_files:9}\n{'MB':32}{megabytes:9.1f}{now_megabytes:9.1f}")
    for what, spent in before.items():
        print(f"{what + ', ms':32}{spent:9.0f}{after[what]:9.0f}")
    print(f"compaction: {took:.1f} s, {cpu:.1f} CPU s, peak memory raised by {peak:.0f} MB")


if __name__ == "__main__":
    main()
