"""What a run tells of itself: status, metrics, JSON logs, notices, health. None of it holds a name or a word that was said."""
from __future__ import annotations

import io
import json
import logging
import os
import urllib.request
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from flows import exporting, health, logs, metrics, monitor, notices, status
from flows.job import Job, Summary, run_batches
from records import Problem
from settings import Settings
from tests.hooked import listening
from tests.stand_ins import StubScorer, StubTranscriber

NAME = "王机密"


def told(**sections: Any) -> Settings:
    return Settings.model_validate({"monitoring": {"batch_seconds": 0.5, "retries": 0}, **sections})


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    lines = ["call_id,recording,customer_name,started_at"]
    for name, content in {"a": b"good", "b": b"bad", "c": b"fine"}.items():
        (folder / f"{name}.wav").write_bytes(content * 50)
        lines.append(f"{name},{name}.wav,{NAME},2026-11-20T09:12:00+08:00")
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def run(source: Path, workspace: Path, settings: Settings | None = None, **stub: Any) -> Summary:
    with Job(source, workspace, settings or told(), load=lambda _: (StubTranscriber(**stub), StubScorer())) as job:
        return run_batches(job, pause=0.0)


def test_a_run_leaves_its_figures_and_totals_only_rise(calls: Path, tmp_path: Path) -> None:
    run(calls, tmp_path / "w")
    (first,) = status.read(tmp_path / "w")
    assert (first.state, first.planned_calls, first.done, first.failures, first.audio_seconds) == ("finished", 3, 2, {"not_audio": 1}, 120.0)
    assert first.guarded == 2 * len("请订阅") and first.ended_at and first.queue_since is None
    assert (first.totals.calls, first.totals.failures) == (2, {"not_audio": 1})
    (calls / "c.wav").write_bytes(b"else" * 50)
    run(calls, tmp_path / "w")
    (second,) = status.read(tmp_path / "w")
    assert (second.done, second.finished_before, second.failures) == (1, 1, {"not_audio": 1}), "listed again, not tried again"
    assert (second.totals.calls, second.totals.audio_seconds, second.totals.failures) == (3, 180.0, {"not_audio": 1})


def test_a_run_that_breaks_says_with_what(calls: Path, tmp_path: Path) -> None:
    with pytest.raises(Problem):
        run(calls / "nothing", tmp_path / "w")
    (one,) = status.read(tmp_path / "w")
    assert one.state == "broken" and "does not exist" in one.error


def test_metrics_tell_counts_reasons_pace_and_the_age_of_the_queue(calls: Path, tmp_path: Path) -> None:
    run(calls, tmp_path / "w", seconds=0.01)
    text = generate_latest(metrics.registry(tmp_path / "w")).decode()
    figures = {line.rsplit(" ", 1)[0].replace(_run(tmp_path), "RUN"): float(line.rsplit(" ", 1)[1])
               for line in text.splitlines() if not line.startswith("#")}
    assert figures['tingjian_calls_total{run="RUN"}'] == 2 and figures['tingjian_audio_seconds_total{run="RUN"}'] == 120
    assert figures['tingjian_failures_total{reason="not_audio",run="RUN"}'] == 1
    assert figures['tingjian_guarded_characters_total{run="RUN"}'] == 6
    assert figures['tingjian_run_state{run="RUN",state="finished"}'] == 1 and figures['tingjian_queue_age_seconds{run="RUN"}'] == 0
    assert 0 < figures['tingjian_run_real_time_factor{run="RUN"}'] < 1


def _run(tmp_path: Path) -> str:
    return status.read(tmp_path / "w")[0].run


def test_while_calls_wait_the_queue_has_the_age_of_the_oldest(calls: Path, tmp_path: Path) -> None:
    with Job(calls, tmp_path / "w", told(), load=lambda _: (StubTranscriber(seconds=0.2), StubScorer())) as job:
        assert job.plan.batches
        age = generate_latest(metrics.registry(tmp_path / "w")).decode().split("tingjian_queue_age_seconds{")[1].split()[1]
    began = datetime.fromisoformat("2026-11-20T09:12:00+08:00")
    assert abs(float(age) - (datetime.now(UTC) - began).total_seconds()) < 60


def test_metrics_lie_in_the_text_file_and_are_answered_over_http(calls: Path, tmp_path: Path) -> None:
    run(calls, tmp_path / "w")
    (tmp_path / "collector").mkdir()
    exporting.leave(told(observing={"textfile": str(tmp_path / "collector")}), tmp_path / "w")
    left = (tmp_path / "collector" / "tingjian.prom").read_text()
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        taken = other.server_port
        with pytest.raises(Problem, match="set another"), exporting.answering(told(observing={"port": taken}), tmp_path / "w"):
            pass
    with exporting.answering(told(observing={"port": taken}), tmp_path / "w") as address:
        assert address
        answered = urllib.request.urlopen(address).read().decode()
    assert "tingjian_calls_total" in left and "tingjian_calls_total" in answered
    exporting.leave(told(observing={"textfile": str(tmp_path / "nowhere")}), tmp_path / "w")       # told in the log, not fatal
    with exporting.answering(told(observing={"port": 0}), tmp_path / "w") as none:
        assert none is None


def test_json_logs_are_one_object_a_line_with_call_ids_and_reasons_and_no_names(
        calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    try:
        logs.set_up(told(observing={"log": "json"}))
        root.handlers[0].setStream(stream)      # type: ignore[attr-defined]
        run(calls, tmp_path / "w")
        try:
            raise ValueError(NAME)
        except ValueError:
            logging.getLogger("flows.run").exception("a stage broke")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines if "event" in line] == [
        "run.began", "run.planned", "call.done", "call.failed", "call.done", "run.ended"]
    failed = next(line for line in lines if line.get("event") == "call.failed")
    assert (failed["call_id"], failed["code"], failed["level"]) == ("b", "not_audio", "warning")
    assert lines[-1]["exception"] == "ValueError"
    assert NAME not in stream.getvalue() and "您好" not in stream.getvalue()
    assert NAME not in "".join(path.read_text() for path in (tmp_path / "w" / "status").iterdir())


# Notices --------------------------------------------------------------------------------------------------------------

@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    with listening() as heard:
        yield heard


def test_the_nights_summary_reaches_a_webhook_with_figures_and_reasons(
        calls: Path, tmp_path: Path, receiver: tuple[str, list[dict[str, Any]]]) -> None:
    address, heard = receiver
    settings = told(notify={"urls": [address]})
    summary = run(calls, tmp_path / "w")
    assert notices.wanted(settings, summary) and notices.send(settings, *notices.of_run(summary))
    assert heard[0]["title"] == "听检：完成 2 通，失败 1 通"
    assert "not_audio 1" in heard[0]["message"] and "2 calls done, 0 scored again, 1 failed" in heard[0]["message"]
    assert NAME not in json.dumps(heard, ensure_ascii=False)


def test_who_cannot_be_reached_costs_no_run_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    settings = told(notify={"urls": ["json://user:secret@127.0.0.1:9", "nonsense"]})
    assert not notices.send(settings, *notices.of_break("OSError"))
    assert "address 1 of 2" in caplog.text and "address 2 of 2" in caplog.text and "secret" not in caplog.text
    assert "user:secret" not in repr(settings)


@pytest.mark.parametrize(("when", "summary", "expected"), [
    ("always", Summary(done=1), True), ("always", Summary(finished_before=9), False), ("failures", Summary(done=1), False),
    ("failures", Summary(left=3), True), ("never", Summary(left=3), False)])
def test_people_are_told_when_they_want_to_be(when: str, summary: Summary, expected: bool) -> None:
    assert notices.wanted(told(notify={"urls": ["json://x"], "when": when}), summary) == expected
    assert not notices.wanted(told(notify={"when": when}), summary), "nobody to tell"


# Health ---------------------------------------------------------------------------------------------------------------

@pytest.fixture
def workspace(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(health, "_models", lambda settings: iter(()))
    (calls / "b.wav").write_bytes(b"good" * 50)
    run(calls, tmp_path / "w")
    return tmp_path / "w"


def wrong(workspace: Path, now: datetime | None = None, **observing: Any) -> dict[str, str]:
    """The checks that are not well: what was seen, by name; each must say what to do."""
    found = [one for one in health.examine(workspace, told(observing={"free_gb": 0.0, **observing}), now) if not one.well]
    assert all(one.remedy for one in found)
    return {one.name: one.seen for one in found}


def altered(workspace: Path, **fields: Any) -> None:
    file = next((workspace / "status").iterdir())
    file.write_text(json.dumps(json.loads(file.read_text()) | fields, default=str), encoding="utf-8")


def test_a_good_night_is_well(workspace: Path) -> None:
    assert wrong(workspace) == {}


def test_a_missing_run_a_bad_night_and_a_full_disk_are_told(workspace: Path) -> None:
    later = datetime.now(UTC) + timedelta(hours=30)
    assert "began 30 h ago" in wrong(workspace, later)["last run"]
    altered(workspace, failures={"not_audio": 2, "truncated": 1})
    assert wrong(workspace)["failures"] == "3 of 6 (50%): not_audio 2, truncated 1"
    assert "failures" not in wrong(workspace, failed_share=0.5)
    assert "GB free" in wrong(workspace, free_gb=1e9, failed_share=1)["disk"]


def test_a_run_by_hand_hides_neither_a_schedule_that_stands_still_nor_a_broken_run_over_another_source(
        workspace: Path, calls: Path, tmp_path: Path) -> None:
    by_hand = calls / "a.wav"
    run(by_hand, workspace)
    (nightly,) = (one for one in status.read(workspace) if one.run == status.run_of(str(calls)))
    file = workspace / "status" / f"{nightly.run}.json"
    file.write_text(json.dumps(nightly.model_dump(mode="json") | {"state": "broken", "error": "OSError"}), encoding="utf-8")
    assert wrong(workspace)["run"] == f"over another source (run {nightly.run} of the metrics) broke: OSError"
    old = datetime.now(UTC) - timedelta(hours=30)
    file.write_text(json.dumps(nightly.model_copy(update={"began_at": old}).model_dump(mode="json")), encoding="utf-8")
    assert wrong(workspace) == {}, "not scheduled: an old run is over"
    scheduled = told(observing={"free_gb": 0.0}, schedule={"source": str(calls), "workspace": str(workspace)})
    assert [(one.name, one.seen[:15]) for one in health.examine(workspace, scheduled) if not one.well] == [("last run", "began 30 h ago:")]
    elsewhere = told(observing={"free_gb": 0.0}, schedule={"source": str(tmp_path / "x"), "workspace": str(workspace)})
    assert [one.seen for one in health.examine(workspace, elsewhere) if not one.well] == ["no run over [schedule] source has been here"]


def test_a_source_that_is_empty_for_long_is_told_and_for_a_morning_is_well(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_models", lambda settings: iter(()))
    monkeypatch.setattr("flows.monitor.spread", lambda settings, form: nullcontext((settings, lambda _: (StubTranscriber(), StubScorer()))))
    workspace = tmp_path / "w"
    (calls / "b.wav").write_bytes(b"good" * 50)
    run(calls, workspace)
    (calls / "manifest.csv").rename(tmp_path / "manifest.csv")
    for file in calls.iterdir():
        file.unlink()
    ended = monitor._scheduled(str(calls), str(workspace), None)
    assert "Nothing to do" in ended.message
    (told_of,) = status.read(workspace)
    assert told_of.state == "finished" and told_of.ended_at and told_of.totals.calls == 3
    assert wrong(workspace) == {}
    later = datetime.now(UTC) + timedelta(hours=20)
    altered(workspace, listed_at=datetime.now(UTC) - timedelta(hours=10))
    assert "empty since 30 h" in wrong(workspace, later)["source"] and "holds no recordings" in wrong(workspace, later)["source"]


def test_a_killed_a_stuck_and_a_broken_run_are_told_apart(workspace: Path) -> None:
    altered(workspace, state="running", process=2 ** 22 + 1)
    assert "was killed" in wrong(workspace)["run"]
    altered(workspace, process=os.getpid())
    assert wrong(workspace) == {}
    altered(workspace, told_at=datetime.now(UTC) - timedelta(minutes=90))
    assert "told nothing for 90 min" in wrong(workspace)["run"]
    altered(workspace, state="broken", error="OSError")
    assert wrong(workspace)["run"] == "broke: OSError"


def test_what_is_no_workspace_and_deletions_cut_short_are_told(workspace: Path, tmp_path: Path) -> None:
    assert "is no workspace" in wrong(tmp_path / "nowhere")["workspace"]
    (workspace / "erasing").mkdir()
    (workspace / "erasing" / "x.json").write_text("{}")
    assert wrong(workspace) == {"deletions": "1 were cut short"}
