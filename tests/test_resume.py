"""`kill -9` at any moment, then the same run again: the lake of an undisturbed run, nothing twice."""
from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import polars as pl
import pytest

from store.lake import Lake

ROOT = Path(__file__).parent.parent
CALLS = 12
PROCESSED_WHEN = ["finished_at", "audio_mtime_ns"]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve second-long recordings, three of which make a batch; one is no sound at all."""
    folder = tmp_path_factory.mktemp("calls")
    for number in range(CALLS):
        with wave.open(str(folder / f"call-{number:02}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(random.Random(number).randbytes(16000))
    (folder / "bad.wav").write_bytes(b"bad" * 30)
    return folder


def start(calls: Path, workspace: Path, seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.slow_run", str(calls), str(workspace), str(seconds)], cwd=ROOT,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(calls: Path, workspace: Path) -> None:
    run = start(calls, workspace, 0.0)
    _, err = run.communicate(timeout=120)
    assert run.returncode == 0, err.decode()


def contents(workspace: Path) -> dict[str, pl.DataFrame]:
    lake = Lake.open(workspace)
    frames = {"calls": lake.calls(), "turns": lake.turns(), "items": lake.items(), "findings": lake.findings(),
              "removed": lake.removed(), "failures": lake.failures().drop("failed_at")}
    held = {name: frame.collect().drop(PROCESSED_WHEN, strict=False) for name, frame in frames.items()}
    held["transcripts"] = pl.DataFrame({"json": [one.model_dump_json() for one in lake.transcripts()]})
    held["drafts"] = pl.DataFrame({"json": [one.model_dump_json() for one in lake.drafts()]})
    return held


def raw_heights(workspace: Path) -> dict[str, int]:
    return {name: pl.read_delta(str(workspace / name)).height for name in
            ("calls", "turns", "removed", "transcripts", "drafts", "items", "findings", "failures")}


@pytest.fixture(scope="module")
def undisturbed(calls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("undisturbed") / "workspace"
    finish(calls, workspace)
    return workspace


# Calls after whose end the process is killed, and seconds after that: in a call, before, at and after a commit.
@pytest.mark.parametrize(("after_calls", "seconds"), [
    (0, 0.0), (1, 0.02), (3, 0.0), (3, 0.01), (4, 0.03), (6, 0.02), (6, 0.04), (9, 0.06), (12, 0.01)])
def test_killed_and_run_again_the_lake_is_that_of_an_undisturbed_run(
        after_calls: int, seconds: float, calls: Path, undisturbed: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    run = start(calls, workspace, 0.02)
    assert run.stdout is not None
    for _ in range(after_calls):
        assert run.stdout.readline() == b"call\n"
    time.sleep(seconds)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    finish(calls, workspace)
    expected, held = contents(undisturbed), contents(workspace)
    for name, frame in expected.items():
        assert frame.equals(held[name]), name
    assert held["calls"].height == CALLS and held["failures"].height == 1
    assert raw_heights(workspace) == raw_heights(undisturbed), "nothing is left of the killed batch"
    assert list((workspace / "journal").glob("*")) == []
