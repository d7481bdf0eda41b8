"""Retention deletes what is past its time and nothing on hold, tells before it does, and can be killed and run again."""
from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from flows import retention
from flows.job import Job, run_batches
from flows.retention import due
from records import Problem
from settings import Settings
from store import erasing
from store.erasing import deletions
from store.holds import Holds
from store.lake import AudioFile, Lake, Result
from store.reviews.schema import Audit, Card
from tests.benches import bench as made_bench
from tests.stand_ins import StubScorer, StubTranscriber, draft, recording, transcript
from tingjian import app

TODAY = date(2026, 11, 25)


def kept(**days: Any) -> Settings:
    return Settings.model_validate({"retention": days})


def lake_of(root: Path, today: date = TODAY) -> Lake:
    """Calls that are 1, 10, 100 and 400 days old, the last one of the line broadband; and one that says no day."""
    lake = Lake.create(root / "w")
    told: dict[str, dict[str, str]] = {f"d{age}": {"started_at": f"{today - timedelta(days=age)}T23:30:00+08:00", "agent_id": f"a{age}"}
                                       for age in (1, 10, 100, 400)}
    told["d400"] |= {"line": "broadband", "customer_name": "王建国"}
    told["undated"] = {}
    results = []
    for name, facts in told.items():
        one = recording(root / "calls", name, None, **facts)
        words = transcript(one.call)
        results.append(Result(one, AudioFile("0" * 64, 1, 1), "stub", words, draft(words), scorer_version="sha256:rules-1"))
    with lake.writing():
        lake.commit(results)
    return lake


@pytest.mark.parametrize(("days", "expected"), [
    ({}, {}),
    ({"recordings": 30}, {"d100": {"recordings"}, "d400": {"recordings"}}),
    ({"recordings": 10}, {"d100": {"recordings"}, "d400": {"recordings"}}),
    ({"recordings": 9}, {"d10": {"recordings"}, "d100": {"recordings"}, "d400": {"recordings"}}),
    ({"words": 50, "cards": 365}, {"d100": {"words"}, "d400": {"words", "cards"}}),
    ({"cards": 365}, {"d400": {"words", "cards"}}),
    ({"words": 365, "lines": {"broadband": {"words": 500}}}, {}),
    ({"lines": {"broadband": {"words": 30}}}, {"d400": {"words"}}),
    ({"recordings": 0}, {"d1": {"recordings"}, "d10": {"recordings"}, "d100": {"recordings"}, "d400": {"recordings"}})])
def test_what_is_past_its_time_by_kind_line_and_border(days: dict[str, Any], expected: dict[str, set[str]], tmp_path: Path) -> None:
    found = due(lake_of(tmp_path), kept(**days).retention, TODAY)
    assert found.calls == expected and not found.held


@pytest.mark.parametrize(("kind", "value"), [("call", "d400"), ("customer", "王建国"), ("agent", "a400"), ("line", "broadband")])
def test_what_is_on_hold_stays_until_it_is_taken_off(kind: str, value: str, tmp_path: Path) -> None:
    lake = lake_of(tmp_path)
    holds = Holds(lake.root)
    assert holds.add(kind, value, "case 118", "boss") and not holds.add(kind, value, "again", "boss")
    found = due(lake, kept(recordings=30).retention, TODAY)
    assert (set(found.calls), found.held) == ({"d100"}, {"d400"})
    assert holds.remove(kind, value, "settled", "boss") and not holds.remove(kind, value, "settled", "boss")
    assert set(due(lake, kept(recordings=30).retention, TODAY).calls) == {"d100", "d400"}
    assert [json.loads(line)["event"] for line in (lake.root / "holds.jsonl").read_text().splitlines()] == ["add", "remove"]
    assert (lake.root / "holds.jsonl").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("text", "said"), [
    ("kind,value,reason\ncall,x,\n", r"holds.csv line 2: .*why"), ("kind,value,reason\nteam,x,y\n", "no hold by team"),
    ("kind,value\ncall,x\n", "no column reason")])
def test_a_list_of_holds_with_a_mistake_holds_nothing(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "holds.csv").write_text(text)
    with pytest.raises(Problem, match=said):
        Holds(tmp_path).add_file(tmp_path / "holds.csv", "boss")
    assert Holds(tmp_path).current() == []


def test_sound_that_would_outlive_its_card_is_refused() -> None:
    with pytest.raises(Problem, match="write at most as many days for recordings"):
        retention.check(kept(recordings=300, cards=100).retention)
    retention.check(kept(recordings=30, cards=100, lines={"x": {"recordings": 100}}).retention)


def test_a_dry_run_tells_what_would_go_and_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lake_of(tmp_path, date.today())
    monkeypatch.setenv("TINGJIAN_RETENTION__RECORDINGS", "30")
    monkeypatch.setenv("TINGJIAN_RETENTION__CARDS", "365")
    run = CliRunner()
    held = run.invoke(app, ["hold", "add", "agent", "a400", "--reason", "case 118", "--workspace", str(lake.root)])
    assert "put on hold" in held.output and "a400" in run.invoke(app, ["hold", "list", "--workspace", str(lake.root)]).output
    told = run.invoke(app, ["retention", "--dry-run", "--workspace", str(lake.root)])
    assert told.exit_code == 0 and "recordings: 1 calls of" in told.output and "on hold: 1 calls stay" in told.output
    listed = run.invoke(app, ["retention", "--dry-run", "--list", "--workspace", str(lake.root)])
    assert [line.split(",")[0] for line in listed.output.splitlines()] == ["call_id", "d100"]
    assert len(lake.call_ids()) == 5 and len(list((tmp_path / "calls").iterdir())) == 5 and deletions(lake) == []
    done = run.invoke(app, ["retention", "--workspace", str(lake.root)])
    assert "1 calls lost what was past its time, 1 are on hold" in done.output
    assert sorted(path.stem for path in (tmp_path / "calls").iterdir()) == ["d1", "d10", "d400", "undated"]
    assert "0 calls lost" in run.invoke(app, ["retention", "--workspace", str(lake.root)]).output


class Killed(BaseException):
    pass


def test_killed_in_the_middle_and_run_again_everything_past_its_time_is_gone(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lake_of(tmp_path, date.today())
    whole = erasing._rows

    def dies(*given: Any) -> None:
        whole(*given)
        raise Killed

    monkeypatch.setattr(erasing, "_rows", dies)
    settings = kept(recordings=50, words=50, cards=365)
    with pytest.raises(Killed):
        retention.run(str(lake.root), settings, False, print)
    monkeypatch.setattr(erasing, "_rows", whole)
    told: list[str] = []
    retention.run(str(lake.root), settings, False, told.append)
    assert "1 deletions that were cut short are completed" in told
    assert lake.call_ids() == ["d1", "d10", "d100", "undated"]
    assert {one.call_id for one in lake.transcripts()} == {"d1", "d10", "undated"}
    assert not (tmp_path / "calls" / "d400.wav").exists() and not (tmp_path / "calls" / "d100.wav").exists()
    assert retention.run(str(lake.root), settings, False, told.append).startswith("0 calls")


def test_what_was_erased_is_not_done_again_though_its_recording_is_there(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    for name in ("a", "b"):
        (tmp_path / "calls" / f"{name}.wav").write_bytes(name.encode() * 50)

    def run() -> Any:
        with Job(tmp_path / "calls", tmp_path / "w", Settings(), load=lambda _: (StubTranscriber(), StubScorer())) as job:
            return run_batches(job, pause=0.0)

    assert run().done == 2
    lake = Lake.open(tmp_path / "w")
    with lake.writing():
        erasing.erase_calls(lake, ["a"], what={"cards"}, who="test", reason="past its time")
    again = run()
    assert (again.done, again.finished_before, again.erased) == (0, 1, 1) and lake.call_ids() == ["b"]


def test_recordings_past_their_time_of_calls_that_failed_are_told_since_they_stay(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "a.wav").write_bytes(b"bad" * 50)
    with Job(tmp_path / "calls", tmp_path / "w", Settings(), load=lambda _: (StubTranscriber(), StubScorer())) as job:
        run_batches(job, pause=0.0)
    lake, now = Lake.open(tmp_path / "w"), datetime.now(UTC)
    told = retention.of_failed(lake, kept(recordings=10).retention, now + timedelta(days=12))
    assert told.startswith("failed: 1 recordings") and str(tmp_path / "calls" / "a.wav") in told
    assert retention.of_failed(lake, kept(recordings=10).retention, now + timedelta(days=10)) == ""
    assert retention.of_failed(lake, kept(words=10).retention, now + timedelta(days=12)) == "", "no time is set for them"


def test_sound_that_cannot_be_deleted_is_tried_again_and_its_card_stays_to_lead_to_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lake_of(tmp_path, datetime.now(ZoneInfo("Asia/Shanghai")).date())
    really = Path.unlink

    def away(path: Path, missing_ok: bool = False) -> None:
        if path.name == "d400.wav":
            raise PermissionError(30, "Read-only file system")
        really(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", away)
        for days in ({"recordings": 30}, {"recordings": 30, "words": 30, "cards": 30}):
            with pytest.raises(Problem, match=r"1 keep their sound; .* First: the recording of d400 could not be deleted"):
                retention.run(str(lake.root), kept(**days), False, lambda _: None)
            assert (tmp_path / "calls" / "d400.wav").exists() and not (tmp_path / "calls" / "d100.wav").exists()
    assert set(lake.call_ids()) == {"d1", "d10", "d400", "undated"} and lake.draft("d400"), "the card leads to the sound"
    assert lake.turns().collect().filter(pl.col("call_id") == "d400").is_empty(), "its words need not wait"
    assert {tuple(one["what"]) for one in deletions(lake) if one["call_id"] == "d400"} == {("words",)}
    retention.run(str(lake.root), kept(recordings=30, words=30, cards=30), False, lambda _: None)
    assert not (tmp_path / "calls" / "d400.wav").exists() and "d400" not in lake.call_ids()
    assert {tuple(one["what"]) for one in deletions(lake) if one["call_id"] == "d400"} == {("words",), ("cards", "recordings", "words")}


def test_a_call_whose_sound_was_deleted_is_no_failure_where_a_manifest_still_lists_it(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    for name in ("old", "new"):
        (calls / f"{name}.wav").write_bytes(name.encode() * 50)
    (calls / "manifest.csv").write_text("call_id,recording,started_at\nold,old.wav,2026-01-05T10:00:00+08:00\nnew,new.wav,\n")

    def run() -> Any:
        with Job(calls, tmp_path / "w", Settings(), load=lambda _: (StubTranscriber(), StubScorer())) as job:
            return run_batches(job, pause=0.0)

    assert run().done == 2
    retention.run(str(tmp_path / "w"), kept(recordings=10), False, lambda _: None)
    assert not (calls / "old.wav").exists()
    after = run()
    assert (after.failures, after.finished_before, after.erased) == ([], 1, 1)
    lake = Lake.open(tmp_path / "w")
    assert lake.failed() == [] and lake.call_ids() == ["new", "old"], "its words and card are still there"
    (calls / "new.wav").unlink()
    assert [one.code for one in run().failures] == ["not_found"], "one that nobody deleted here is missed"


def test_a_card_in_somebodys_hands_waits_and_the_log_tells_of_the_others(tmp_path: Path) -> None:
    bench = made_bench(tmp_path / "w")
    with bench.database.writing() as session:
        session.execute(update(Card).where(Card.call_id == "sample-002").values(state="claimed"))
    undated = {"sample-013"}        # says no day, so it counts as of today, when it was recognised
    before = set(bench.lake.call_ids()) - undated
    told: list[str] = []
    retention.run(str(bench.lake.root), kept(cards=0, words=0), False, told.append)
    assert any(line.startswith("in hand: 1 calls stay") for line in told)
    assert set(bench.lake.call_ids()) == {"sample-002"} | undated
    with bench.database.reading() as session:
        assert set(session.scalars(select(Card.call_id))) == {"sample-002"} | undated
        assert set(session.scalars(select(Audit.subject).where(Audit.action == "call.erased"))) == before - {"sample-002"}
    bench.database.engine.dispose()


def test_a_call_without_a_day_counts_from_its_recognition_in_the_centres_time(tmp_path: Path) -> None:
    """Recognised at half past midnight in Shanghai, which is the day before in UTC, it is not a day too old."""
    lake = lake_of(tmp_path)
    at = lake.calls().filter(pl.col("call_id") == "undated").select("finished_at").collect().item()
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):        # 25 hours apart: never the same day
        there = at.astimezone(ZoneInfo(zone)).date()
        assert "undated" not in due(lake, kept(cards=0).retention, there, zone=zone).calls
        assert "undated" in due(lake, kept(cards=0).retention, there + timedelta(days=1), zone=zone).calls
