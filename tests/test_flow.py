"""A run does what is new, leaves what is finished, scores again where only the rules changed, tries again what may pass."""
from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from flows import job
from flows.job import Job, Summary, monitor
from flows.plan import Versions, make_plan
from records import Call, Problem, Recording
from settings import Monitoring, Settings
from store.lake import Lake
from tests.stand_ins import StubScorer, StubTranscriber

SETTINGS = Settings(monitoring=Monitoring(batch_seconds=0.5))     # the stub's files have no length: all in one batch


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "RETRY_PAUSE", 0.0)


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.wav").write_bytes(name.encode() * 50)
    return folder


class Bench:
    """Runs over one workspace, counting what the transcriber was asked."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.asked: list[str] = []

    def run(self, source: Path, form: str | None = None, rules: str = "sha256:rules-1", settings: Settings = SETTINGS,
            **stub: Any) -> Summary:
        transcriber = StubTranscriber(**stub)
        self.asked = transcriber.asked
        with Job(source, self.workspace, settings, form=form, load=lambda _: (transcriber, StubScorer(rules))) as one:
            return job.run_batches(one, pause=0.0)

    @property
    def lake(self) -> Lake:
        return Lake.open(self.workspace)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "workspace")


def test_a_second_run_recognises_nothing(bench: Bench, calls: Path) -> None:
    first = bench.run(calls)
    assert (first.done, first.finished_before, bench.asked) == (3, 0, ["a", "b", "c"])
    before = sorted(path for path in bench.workspace.rglob("*.json") if path.name != "lock.json")
    second = bench.run(calls)
    assert (second.done, second.rescored, second.finished_before, bench.asked) == (0, 0, 3, [])
    assert sorted(path for path in bench.workspace.rglob("*.json") if path.name != "lock.json") == before, "no new commit"


def test_a_batch_begins_with_its_longest_call_and_batches_keep_the_order_of_the_source(calls: Path, tmp_path: Path) -> None:
    seconds = {"a": 5.0, "b": 30.0, "c": 20.0, "d": 50.0}
    recordings = [Recording(call=Call(call_id=name), path=str(calls / f"{name}.wav")) for name in seconds]
    plan = make_plan(recordings, [], Lake.create(tmp_path / "w"), Versions("t", "s"), "here", 60.0,
                     lambda recording: seconds[recording.call.call_id])
    assert [[one.call.call_id for one in batch.recordings] for batch in plan.batches] == [["b", "c", "a"], ["d"]]
    assert [batch.seconds for batch in plan.batches] == [55.0, 50.0]


def test_new_calls_are_done_and_the_others_left(bench: Bench, calls: Path) -> None:
    bench.run(calls)
    (calls / "d.wav").write_bytes(b"d" * 50)
    assert bench.run(calls).done == 1 and bench.asked == ["d"]


def test_changed_sound_is_recognised_again_and_replaces_the_old_call(bench: Bench, calls: Path) -> None:
    bench.run(calls)
    (calls / "b.wav").write_bytes(b"another" * 50)
    bench.run(calls)
    assert bench.asked == ["b"] and bench.lake.call_ids() == ["a", "b", "c"]
    assert "another" in bench.lake.transcript("b").turns[0].text


def test_a_touched_or_moved_file_with_the_same_sound_is_not_recognised_again(bench: Bench, calls: Path) -> None:
    bench.run(calls)
    (calls / "a.wav").touch()
    moved = calls.rename(calls.parent / "moved")
    summary = bench.run(moved)
    assert (bench.asked, summary.rescored) == ([], 3)
    assert bench.lake.calls().collect()["recording"].to_list()[0] == str(moved / "a.wav")
    assert bench.run(moved).finished_before == 3


@pytest.mark.parametrize("change", [{"rules": "sha256:rules-2"}, {"form": "complaint"}])
def test_new_rules_or_another_form_score_the_stored_words(change: dict[str, str], bench: Bench, calls: Path) -> None:
    bench.run(calls)
    words = list(bench.lake.transcripts())
    summary = bench.run(calls, **change)
    assert (summary.done, summary.rescored, bench.asked) == (0, 3, [])
    assert list(bench.lake.transcripts()) == words
    assert {(one.rules_version, one.form) for one in bench.lake.drafts()} == {
        (change.get("rules", "sha256:rules-1"), change.get("form", "inbound"))}


def test_another_model_recognises_everything_again(bench: Bench, calls: Path) -> None:
    bench.run(calls)
    assert bench.run(calls, version="stub-2").done == 3
    assert bench.asked == ["a", "b", "c"]


def test_what_the_manifest_tells_anew_reaches_transcript_and_card_without_recognition(bench: Bench, calls: Path) -> None:
    def manifest(name: str) -> Path:
        with (calls / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["call_id", "recording", "customer_name"], ["a", "a.wav", name]])
        return calls / "manifest.csv"

    bench.run(manifest("王建国"))
    summary = bench.run(manifest("王国建"))
    assert (summary.done, summary.rescored, bench.asked) == (0, 1, [])
    assert bench.lake.transcript("a").customer_name == "王国建"
    assert bench.run(manifest("王国建")).finished_before == 1


def test_a_fault_that_may_pass_is_tried_again_in_the_same_run(bench: Bench, calls: Path) -> None:
    (calls / "b.wav").write_bytes(b"busy")
    summary = bench.run(calls, passes=3)
    assert (summary.done, summary.failures, bench.asked) == (3, [], ["a", "b", "c", "b", "b"])


def test_a_fault_that_stays_is_reported_and_tried_again_in_the_next_run(bench: Bench, calls: Path) -> None:
    (calls / "b.wav").write_bytes(b"busy")
    summary = bench.run(calls, passes=99)
    assert bench.asked.count("b") == 1 + SETTINGS.monitoring.retries
    assert [failure.call_id for failure in summary.failures] == ["b"] and summary.done == 2
    again = bench.run(calls, passes=1)
    assert (again.done, again.failures, bench.asked) == (1, [], ["b"])
    assert bench.lake.failed() == []


def test_a_hopeless_call_is_listed_each_time_but_not_tried_again_until_it_changes(bench: Bench, calls: Path) -> None:
    (calls / "b.wav").write_bytes(b"bad")
    assert [failure.code for failure in bench.run(calls).failures] == ["not_audio"]
    again = bench.run(calls)
    assert ([failure.code for failure in again.failures], bench.asked) == (["not_audio"], [])
    (calls / "b.wav").write_bytes(b"mended")
    assert bench.run(calls).failures == [] and bench.asked == ["b"]
    assert bench.lake.failures().collect().is_empty()


def test_a_failed_call_that_left_the_source_is_forgotten(bench: Bench, calls: Path) -> None:
    (calls / "b.wav").write_bytes(b"bad")
    bench.run(calls)
    (calls / "b.wav").unlink()
    assert bench.run(calls).failures == [] and bench.lake.failed() == []


def test_batches_hold_so_many_seconds_of_audio(tmp_path: Path) -> None:
    from flows.plan import _by_length
    from tests.stand_ins import recording

    all_of = [recording(tmp_path, name) for name in "abcdef"]
    seconds = dict(zip("abcdef", (50, 50, 1, 300, 10, 20), strict=True))
    batches = list(_by_length(all_of, 100, lambda one: seconds[one.call.call_id]))
    assert ["".join(one.call.call_id for one in batch.recordings) for batch in batches] == ["ab", "c", "d", "fe"]


@pytest.mark.parametrize("asked_after_the_stop", [False, True])
def test_a_stopped_run_keeps_what_is_done_and_the_next_goes_on(bench: Bench, calls: Path, asked_after_the_stop: bool) -> None:
    class Stopping(job.Progress):
        heard = 0

        def audio(self, seconds: float) -> None:
            self.heard += 1
            if self.heard == 2:
                one.stopping.set()

    transcriber = StubTranscriber()
    with Job(calls, bench.workspace, SETTINGS, progress=Stopping(), load=lambda _: (transcriber, StubScorer())) as one:
        assert not asked_after_the_stop or (one.plan and one.stopping.wait(60))
        summary = job.run_batches(one)
    assert (summary.done, summary.left) == (2, 1)
    assert bench.lake.call_ids() == ["a", "b"]
    assert bench.run(calls).done == 1 and bench.asked == ["c"]


def test_a_scorer_that_breaks_on_one_call_costs_only_that_call(bench: Bench, calls: Path) -> None:
    class Breaking(StubScorer):
        def draft(self, transcript: Any, form: str | None = None) -> Any:
            if transcript.call_id == "b":
                raise ZeroDivisionError("by zero")
            return super().draft(transcript, form)

    summary = monitor(calls, bench.workspace, SETTINGS, load=lambda _: (StubTranscriber(), Breaking()))
    assert summary.done == 2
    assert [(failure.call_id, failure.stage) for failure in summary.failures] == [("b", "scoring")]


def test_a_source_that_is_not_there_is_a_problem(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="does not exist"):
        bench.run(tmp_path / "nowhere")
