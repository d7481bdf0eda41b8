"""Recordings to run over, runs in processes of their own, and whether two workspaces hold the same."""
from __future__ import annotations

import random
import subprocess
import sys
import wave
from pathlib import Path

import polars as pl

from store.lake import Lake
from tests import slow_run

ROOT = Path(__file__).parents[2]
CALLS = 12
WHEN = ["finished_at", "audio_mtime_ns"]
OF_FAILURES = ["failed_at", "since"]
TABLES = ("calls", "turns", "removed", "transcripts", "drafts", "items", "findings", "hits", "failures")


def recordings(folder: Path, calls: int = CALLS, prefix: str = "call") -> Path:
    """Second-long recordings, three of which make a batch of tests/slow_run.py; one more is no sound at all."""
    folder.mkdir(parents=True)
    for number in range(calls):
        with wave.open(str(folder / f"{prefix}-{number:02}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(random.Random(f"{prefix}{number}").randbytes(16000))
    (folder / f"{prefix}-bad.wav").write_bytes(b"bad" * 30)
    return folder


def start(source: Path, workspace: Path, seconds: float, program: str = "tests.slow_run") -> subprocess.Popen[bytes]:
    """A run whose stand-in for recognition takes so many seconds a call; prints "begun", then "call" for each."""
    return subprocess.Popen([sys.executable, "-m", program, str(source), str(workspace), str(seconds)], cwd=ROOT,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(source: Path, workspace: Path) -> None:
    """A run that nothing disturbs, in this process; the one after a kill finds only what the killed one left on disk."""
    slow_run.run(source, workspace, 0.0)


def contents(workspace: Path) -> dict[str, pl.DataFrame]:
    """All that a reader can see, but the times at which it was done."""
    lake = Lake.open(workspace)
    frames = {"calls": lake.calls(), "turns": lake.turns(), "items": lake.items(), "findings": lake.findings(),
              "removed": lake.removed(), "hits": lake.rows("hits").sort(pl.all()), "failures": lake.failures().drop(OF_FAILURES)}
    held = {name: frame.collect().drop(WHEN, strict=False) for name, frame in frames.items()}
    held["transcripts"] = pl.DataFrame({"json": [one.model_dump_json() for one in lake.transcripts()]})
    held["drafts"] = pl.DataFrame({"json": [one.model_dump_json() for one in lake.drafts()]})
    return held


def same(expected: Path, workspace: Path) -> None:
    """Readers see the same in both, and nothing else lies in the tables: no row twice, nothing of a batch that died."""
    wanted, held = contents(expected), contents(workspace)
    for name, frame in wanted.items():
        assert frame.equals(held[name]), f"{name} differs:\n{frame}\n{held[name]}"
    assert heights(expected) == heights(workspace), "something is left of a batch that died"
    assert list((workspace / "journal").glob("*")) == []


def heights(workspace: Path) -> dict[str, int]:
    return {name: pl.read_delta(str(workspace / name)).height for name in TABLES}
