"""A workspace is scored again from its transcripts: every call once, none recognised, killed at any moment or not."""
from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import tingjian
from flows.job import Job, run_batches
from flows.rescore import rescore
from records import Draft, Failure, Problem, Recording, Transcript
from settings import Settings
from store.lake import AudioFile, Failed, Lake, Result
from tests.stand_ins import StubScorer, StubTranscriber, draft, recording, transcript

ROOT = Path(__file__).parent.parent
OLD, NEW = "sha256:rules-1", "sha256:rules-2"
SCORED_WHEN = ["finished_at"]


class Deaf(StubTranscriber):
    """A transcriber that must not be asked."""

    def run(self, recordings: Sequence[Recording], *_: object, **__: object) -> Iterator[tuple[Recording, Transcript | Failure]]:
        raise AssertionError(f"{[one.call.call_id for one in recordings]} would be recognised")


class Harsh(StubScorer):
    """Takes 11.5 points off every second call, and fails on one call that it is told."""

    def __init__(self, version: str = NEW, broken: str = "") -> None:
        super().__init__(version)
        self.broken = broken
        self.asked: list[str] = []

    def draft(self, transcript: Transcript, form: str | None = None) -> Draft:
        self.asked.append(transcript.call_id)
        if transcript.call_id == self.broken:
            raise ZeroDivisionError("no turns")
        made = super().draft(transcript, form)
        harsh = int(transcript.call_id[-1]) % 2
        return made.model_copy(update={"score": 80.0, "band": "needs_improvement"}) if harsh else made


def days(count: int) -> Iterator[tuple[str, str | None]]:
    for number in range(count):
        yield f"call-{number:02}", None if number == 0 else f"2026-11-{10 + number:02}T09:00:00+08:00"


@pytest.fixture
def calls(tmp_path: Path) -> list[Recording]:
    return [recording(tmp_path / "calls", call_id, started_at=began) for call_id, began in days(10)]


@pytest.fixture
def lake(tmp_path: Path, calls: list[Recording]) -> Lake:
    """Ten calls of ten days, the first of no known day, scored by the old rules."""
    lake = Lake.create(tmp_path / "workspace")
    results = []
    for one in calls:
        said = transcript(one.call)
        results.append(Result(one, AudioFile("aa", 100, 1), "stub-1", said, draft(said, OLD), scorer_version=OLD))
    with lake.writing():
        lake.commit(results)
    return lake


def versions(lake: Lake) -> list[str]:
    return lake.calls().collect()["scorer_version"].to_list()


def raw_heights(lake: Lake) -> dict[str, int]:
    return {name: pl.read_delta(str(lake.root / name)).height for name in
            ("calls", "turns", "removed", "transcripts", "drafts", "items", "findings")}


def test_every_call_is_scored_once_and_the_figures_say_what_moved(lake: Lake) -> None:
    heights, words = raw_heights(lake), list(lake.transcripts())
    scorer = Harsh()
    done = rescore(lake, scorer, batch=4)
    assert sorted(scorer.asked) == lake.call_ids() and versions(lake) == [NEW] * 10
    assert (done.scores.calls, done.scores.up, done.scores.down, done.current) == (10, 0, 5, 0)
    assert done.scores.moved == [("good", "needs_improvement", 5)]
    assert done.scores.means == pytest.approx((91.5, 85.75))
    assert {one.rules_version for one in lake.drafts()} == {NEW}
    assert list(lake.transcripts()) == words and raw_heights(lake) == heights, "no row twice, no word touched"


def test_what_is_current_is_left_alone(lake: Lake) -> None:
    rescore(lake, Harsh())
    before = sorted(path for path in lake.root.rglob("*.json") if path.name != "lock.json")
    again = Harsh()
    done = rescore(lake, again)
    assert (again.asked, done.scores.calls, done.current) == ([], 0, 10)
    assert sorted(path for path in lake.root.rglob("*.json") if path.name != "lock.json") == before, "no new commit"


@pytest.mark.parametrize("after_calls", [1, 3, 4, 8])
def test_killed_in_the_middle_and_run_again_every_call_is_scored_once(after_calls: int, lake: Lake) -> None:
    heights = raw_heights(lake)
    command = [sys.executable, "-m", "tests.slow_rescore", str(lake.root), NEW, "0.1"]
    killed = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert killed.stdout is not None
    for _ in range(after_calls):
        assert killed.stdout.readline().startswith(b"call-")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    kept = versions(lake).count(NEW)
    assert kept % 3 == 0 and kept <= after_calls, "batches of three, whole or not at all"
    again = rescore(Lake.open(lake.root), StubScorer(NEW), batch=3)
    assert (again.scores.calls, again.current) == (10 - kept, kept)
    assert versions(lake) == [NEW] * 10 and raw_heights(lake) == heights
    assert list((lake.root / "journal").glob("*")) == []


def test_after_a_rescore_a_run_over_the_source_has_nothing_to_do(tmp_path: Path, lake_of_run: Path) -> None:
    lake = Lake.open(tmp_path / "ran")
    rescore(lake, StubScorer(NEW))
    with Job(lake_of_run, lake.root, Settings(), load=lambda _: (Deaf(), StubScorer(NEW))) as job:
        summary = run_batches(job)
    assert (summary.done, summary.rescored, summary.finished_before) == (0, 0, 3)


@pytest.fixture
def lake_of_run(tmp_path: Path) -> Path:
    """A folder of three recordings that a run has done into `ran`."""
    for name in ("a", "b", "c"):
        recording(tmp_path / "source", name)
    with Job(tmp_path / "source", tmp_path / "ran", Settings(), load=lambda _: (StubTranscriber(), StubScorer(OLD))) as job:
        run_batches(job)
    return tmp_path / "source"


def test_recordings_that_are_gone_do_not_matter(lake_of_run: Path, tmp_path: Path) -> None:
    for file in lake_of_run.iterdir():
        file.unlink()
    assert rescore(Lake.open(tmp_path / "ran"), StubScorer(NEW)).scores.calls == 3


def test_since_takes_the_calls_of_that_day_and_later(lake: Lake) -> None:
    done = rescore(lake, Harsh(), since="2026-11-17")
    assert (done.scores.calls, done.undated) == (3, 1)
    assert versions(lake) == [OLD] * 7 + [NEW] * 3


def test_a_call_that_cannot_be_scored_keeps_its_card_and_is_tried_again(lake: Lake) -> None:
    done = rescore(lake, Harsh(broken="call-04"))
    assert [one.call_id for one in done.failures] == ["call-04"] and "ZeroDivisionError in " in done.failures[0].message
    assert lake.draft("call-04").rules_version == OLD and versions(lake).count(NEW) == 9
    assert rescore(lake, Harsh()).scores.calls == 1


def test_the_form_that_a_call_was_asked_to_be_scored_on_stays(lake: Lake, calls: list[Recording]) -> None:
    said = transcript(calls[1].call)
    with lake.writing():
        lake.commit([Result(calls[1], AudioFile(), "stub-1", said, draft(said, OLD, "mine"), scorer_version=OLD,
                            form_asked="mine")])
    rescore(lake, Harsh())
    assert (lake.draft("call-01").form, lake.draft("call-02").form) == ("mine", "inbound")
    assert lake.known(["call-01"])["call-01"].form_asked == "mine"


def test_failures_of_recognition_are_not_forgotten(lake: Lake, calls: list[Recording]) -> None:
    def failed(stage: str, number: int) -> Failed:
        failure = Failure(call_id=f"call-{number:02}", recording=calls[number].path, code="x", message="x", stage=stage)
        return Failed(failure, "source", AudioFile(), "stub-1")

    with lake.writing():
        lake.settle_failures("source", [failed("decode", 1), failed("scoring", 2)])
    rescore(lake, Harsh())
    assert [one.failure.call_id for one in lake.failed()] == ["call-01"]


def test_two_writers_at_once_are_refused(lake: Lake) -> None:
    with lake.writing(), pytest.raises(Problem, match="is in use"):
        rescore(Lake.open(lake.root), Harsh())


def test_the_command_scores_with_the_rules_in_force_and_opens_no_recogniser(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.transcribe.Transcriber.from_settings", None)     # would raise if called
    for current in (0, 10):
        done = CliRunner().invoke(tingjian.app, ["rescore", "--workspace", str(lake.root)])
        assert done.exit_code == 0, done.output
        rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
        assert f"scored again, not recognised again {10 - current}" in rows and f"current before {current}" in rows
    assert len(set(versions(lake))) == 1 and OLD not in versions(lake)


@pytest.mark.parametrize(("arguments", "message"), [
    (["--since", "yesterday"], "write it as 2026-11-20"),
    (["--workspace", "/nowhere"], "is no workspace")])
def test_a_mistake_is_one_problem(arguments: list[str], message: str, lake: Lake) -> None:
    refused = CliRunner().invoke(tingjian.app, ["rescore", "--workspace", str(lake.root), *arguments])
    assert isinstance(refused.exception, Problem) and message in str(refused.exception)
