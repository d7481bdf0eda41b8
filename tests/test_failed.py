"""What failed is listed with code, reason, tries and what becomes of it; `retry` makes the next run take it again."""
from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tingjian
from flows import job
from flows.job import Job, Summary
from records import Problem
from settings import Settings
from store.lake import Lake
from tests.stand_ins import StubScorer, StubTranscriber


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(job, "RETRY_PAUSE", 0.0)
    folder = tmp_path / "calls"
    folder.mkdir()
    for name, sound in (("a", b"a"), ("b", b"bad"), ("c", b"busy"), ("d", b"bad")):
        (folder / f"{name}.wav").write_bytes(sound * 50)
    run(folder, tmp_path)
    return folder


def run(folder: Path, tmp_path: Path) -> tuple[Summary, list[str]]:
    transcriber = StubTranscriber(passes=99)
    with Job(folder, tmp_path / "w", Settings(), load=lambda _: (transcriber, StubScorer())) as one:
        return job.run_batches(one, pause=0.0), transcriber.asked


def tingjian_says(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(tingjian.app, list(arguments))
    if isinstance(done.exception, Problem):
        raise done.exception
    return done.exit_code, done.stdout


def test_failed_calls_are_listed_for_people_and_for_programs(calls: Path, tmp_path: Path) -> None:
    workspace = str(tmp_path / "w")
    code, table = tingjian_says("failed", "--workspace", workspace)
    assert code == 1 and "3 failed: not_audio 2, busy 1" in table and "tingjian retry" in table
    _, lines = tingjian_says("failed", "--workspace", workspace, "--as", "jsonl")
    told = {row["call_id"]: row for row in map(json.loads, lines.splitlines())}
    assert set(told) == {"b", "c", "d"} and told["b"]["tries"] == 1 and told["b"]["recording"] == str(calls / "b.wav")
    assert (told["c"]["next_run"], told["b"]["next_run"].split()[0]) == ("tries it again by itself", "leaves")
    _, text = tingjian_says("failed", "--workspace", workspace, "--as", "csv", "--code", "busy")
    assert [(row["call_id"], row["code"], row["reason"]) for row in csv.DictReader(io.StringIO(text))] == [("c", "busy", "busy")]


def test_recordings_that_were_not_ready_are_told_beside_the_failures_until_they_are_done(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "late.wav").write_bytes(b"good" * 50)
    settled = {"settle_seconds": 3600.0}
    for sources, told in ((settled, "late is not ready yet: it was written"), ({"settle_seconds": 0.0}, "")):
        with Job(tmp_path / "calls", tmp_path / "w", Settings.model_validate({"sources": sources}),
                 load=lambda _: (StubTranscriber(), StubScorer())) as one:
            job.run_batches(one, pause=0.0)
        done = CliRunner().invoke(tingjian.app, ["failed", "--workspace", str(tmp_path / "w")])
        assert (done.exit_code, done.stdout) == (0, "no failed calls\n")
        assert told in done.stderr and bool(told) == bool(done.stderr)


def test_a_workspace_without_failures_says_so(tmp_path: Path) -> None:
    Lake.create(tmp_path / "w")
    assert tingjian_says("failed", "--workspace", str(tmp_path / "w")) == (0, "no failed calls\n")
    assert "nothing is tried again" in tingjian_says("retry", "--workspace", str(tmp_path / "w"))[1]


def test_tries_are_counted_by_runs_since_the_first(calls: Path, tmp_path: Path) -> None:
    before = {one.failure.call_id: one for one in Lake.open(tmp_path / "w").failed()}
    _, asked = run(calls, tmp_path)
    after = {one.failure.call_id: one for one in Lake.open(tmp_path / "w").failed()}
    assert set(asked) == {"c"}
    assert {name: one.tries for name, one in after.items()} == {"b": 1, "c": 2, "d": 1}
    assert {name: one.since for name, one in after.items()} == {name: one.since for name, one in before.items()}


@pytest.mark.parametrize(("arguments", "expected"), [
    ((), {"b", "c", "d"}), (("b",), {"b", "c"}), (("--code", "not_audio"), {"b", "c", "d"}), (("--code", "nothing"), {"c"})])
def test_retry_makes_the_next_run_take_hopeless_calls_again(
        calls: Path, tmp_path: Path, arguments: tuple[str, ...], expected: set[str]) -> None:
    code, told = tingjian_says("retry", "--workspace", str(tmp_path / "w"), *arguments)
    assert code == 0 and ("nothing" in arguments or f"tingjian run {calls}" in told)
    assert set(run(calls, tmp_path)[1]) == expected, "c is tried in any case"
    assert set(run(calls, tmp_path)[1]) == {"c"}, "asked once, tried once"


def test_a_mended_call_leaves_the_list(calls: Path, tmp_path: Path) -> None:
    (calls / "b.wav").write_bytes(b"sound")
    run(calls, tmp_path)
    assert [one.failure.call_id for one in Lake.open(tmp_path / "w").failed()] == ["c", "d"]


def test_a_call_that_did_not_fail_cannot_be_retried(calls: Path, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="z: not among the failed calls"):
        tingjian_says("retry", "--workspace", str(tmp_path / "w"), "z", "b")
    assert not any(one.again for one in Lake.open(tmp_path / "w").failed())


def test_retry_now_runs_the_sources_at_once(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, str]] = []
    monkeypatch.setattr("flows.commands.run", lambda source, workspace: ran.append((source, workspace)))
    assert tingjian_says("retry", "--workspace", str(tmp_path / "w"), "--now", "b")[0] == 0
    assert ran == [(str(calls), str(tmp_path / "w"))]


def test_failures_of_an_older_workspace_are_read_and_written(calls: Path, tmp_path: Path) -> None:
    import polars as pl

    table = str(tmp_path / "w" / "failures")
    pl.read_delta(table).drop("tries", "since", "again").write_delta(
        table, mode="overwrite", delta_write_options={"schema_mode": "overwrite"})
    assert [(one.tries, one.again, one.since == one.failed_at) for one in Lake.open(tmp_path / "w").failed()] == [(1, False, True)] * 3
    run(calls, tmp_path)
    assert [one.tries for one in Lake.open(tmp_path / "w").failed()] == [1, 2, 1]
