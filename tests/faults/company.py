"""Runs that meet on one workspace."""
from __future__ import annotations

import csv
from pathlib import Path

from flows.job import monitor
from records import Problem
from settings import Settings
from store.lake import Lake
from tests.faults.lakes import contents, finish, recordings, same, start
from tests.stand_ins import StubScorer, StubTranscriber


def two_runs(folder: Path, thorough: bool) -> str:
    """Two over the same source: the second is told who is at it, and ends. Two (five) over different sources: both go on."""
    names = ["east", "west", "north", "south", "home"][:5 if thorough else 2]
    sources = [recordings(folder / name, prefix=name) for name in names]
    for source in sources:
        finish(source, folder / "one-after-the-other")
    first = start(sources[0], folder / "w", 0.1)
    assert first.stdout is not None and first.stdout.readline() == b"begun\n"
    try:
        monitor(sources[0], folder / "w", Settings(), load=lambda _: (StubTranscriber(), StubScorer()))
    except Problem as problem:
        assert f"process {first.pid} on" in str(problem) and str(sources[0]) in str(problem) and "\n" not in str(problem), problem
    else:
        raise AssertionError("two runs over one source")
    others = [start(source, folder / "w", 0.03) for source in sources[1:]]
    for run in [first, *others]:
        _, err = run.communicate(timeout=120)
        assert run.returncode == 0, err.decode()
    same(folder / "one-after-the-other", folder / "w")
    _one_call_in_two_sources(folder)
    return f"the second over the same source ended with one message; {len(sources)} sources at once, and the lake is as one after the other"


def _one_call_in_two_sources(folder: Path) -> None:
    """The same call of the same recording, listed by two manifests that run at the same time, is there once."""
    calls = recordings(folder / "shared", 6)
    for name in ("a", "b"):
        with (calls / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["call_id", "recording"], *([path.stem, path.name] for path in sorted(calls.glob("*.wav")))])
    runs = [start(calls / f"{name}.csv", folder / "both", 0.05) for name in ("a", "b")]
    for run in runs:
        _, err = run.communicate(timeout=120)
        assert run.returncode == 0, err.decode()
    held = contents(folder / "both")
    assert held["calls"].height == len(held["transcripts"]) == 6 and held["items"].height == 18
    assert list((folder / "both" / "journal").glob("*")) == []
    assert [one.failure.call_id for one in Lake.open(folder / "both").failed()] == ["call-bad"]
