"""The lake keeps each call once, whole batches or nothing, and gives back the records it was given."""
from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable

import store.lake
from records import Failure, Problem
from store.lake import AudioFile, Lake, Result
from store.opened import Opened
from tests.stand_ins import draft, recording, transcript

DETAILS = ("transcripts", "turns", "removed", "drafts", "items", "findings")


def done(folder: Path, call_id: str, words: str = "您好", rules: str = "sha256:rules-1", **told: object) -> Result:
    one = recording(folder, call_id, **told)
    said = transcript(one.call, words)
    return Result(one, AudioFile("sha-" + call_id, 10, 1), "stub-1", said, draft(said, rules), scorer_version=rules)


def raw_rows(lake: Lake, name: str) -> int:
    import polars as pl
    return pl.read_delta(str(lake.root / name)).height


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "workspace")


def test_records_come_back_exactly_as_they_were_committed(lake: Lake, tmp_path: Path) -> None:
    one = done(tmp_path, "c'1\"; --", started_at="2026-11-20T00:12:00+08:00", organisation=["甲", "乙"], answered_after=4.2)
    with lake.writing():
        lake.commit([one])
    assert lake.transcript("c'1\"; --") == one.transcript
    assert lake.draft("c'1\"; --") == one.draft
    assert list(lake.transcripts()) == [one.transcript] and list(lake.drafts()) == [one.draft]
    row = lake.calls().collect().row(0, named=True)
    assert (row["day"], row["organisation"], row["score"], row["review_items"]) == ("2026-11-20", ["甲", "乙"], 91.5, 1)


@pytest.mark.parametrize(("started_at", "day"), [
    ("2026-11-20T23:59:00+08:00", "2026-11-20"), ("2026-11-20", "2026-11-20"), ("2026/11/20 9:00", "2026-11-20"),
    (None, "unknown"), ("", "unknown"), ("yesterday", "unknown"), ("2026-13-40", "unknown")])
def test_a_call_lies_on_the_day_it_began(started_at: str | None, day: str) -> None:
    assert store.tables.day_of(started_at) == day


def test_a_call_committed_again_replaces_the_older_one_even_on_another_day(lake: Lake, tmp_path: Path) -> None:
    with lake.writing():
        lake.commit([done(tmp_path, "a"), done(tmp_path, "b", started_at="2026-11-20T09:00:00+08:00")])
        lake.commit([done(tmp_path, "b", "新的", started_at="2026-11-21T09:00:00+08:00")])
    assert lake.calls().collect()["call_id"].to_list() == ["a", "b"]
    assert lake.transcript("b").turns[0].text == "新的"
    assert {lake.transcript("b", day).turns[0].text for day in ("2026-11-20", "2026-11-21", "unknown")} == {"新的"}
    assert lake.turns().collect().height == 4
    assert {name: raw_rows(lake, name) for name in DETAILS} == dict(zip(DETAILS, (2, 4, 2, 2, 6, 6), strict=True))


def test_a_workspace_without_the_measures_of_the_voice_takes_them_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        columns = {name: kind for name, kind in store.tables.TURNS.items() if name not in ("speech", "rate", "pitch")}
        older.setitem(store.tables.TABLES, "turns", columns)
        lake = Lake.create(tmp_path / "older")
        with lake.writing():
            lake.commit([done(tmp_path, "a")])
    with lake.writing():
        lake.commit([done(tmp_path, "b")])
    turns = lake.turns().collect()
    assert set(store.tables.TURNS) - {"batch_id"} == set(turns.columns)
    assert turns["call_id"].to_list() == ["a", "a", "b", "b"]


def test_a_workspace_without_hits_is_given_them_from_its_findings(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "older")
    with lake.writing():
        lake.commit([done(tmp_path, "a", team="A2"), done(tmp_path, "b", started_at="2026-11-20T09:00:00+08:00")])
    written = lake.rows("hits").collect().sort("call_id", "rule")
    assert written.select("call_id", "rule", "verdict", "hits", "team").rows() == [
        ("a", "closing.farewell", "fail", 1, "A2"), ("a", "hold.request", "found", 1, "A2"),
        ("b", "closing.farewell", "fail", 1, None), ("b", "hold.request", "found", 1, None)]
    shutil.rmtree(lake.root / "hits")
    assert lake.rows("hits").collect().sort("call_id", "rule").equals(written)
    with lake.writing():
        lake.commit([done(tmp_path, "a", team="B1")])
    kept = lake.rows("hits").collect().sort("call_id", "rule")
    assert kept["team"].to_list() == ["B1", "B1", None, None] and raw_rows(lake, "hits") == 4


def test_scoring_again_keeps_the_stored_words(lake: Lake, tmp_path: Path) -> None:
    first = done(tmp_path, "a")
    again = replace(done(tmp_path, "a", rules="sha256:rules-2"), recognised=False)
    with lake.writing():
        lake.commit([first])
        lake.commit([again])
    assert lake.transcript("a") == first.transcript
    assert lake.draft("a").rules_version == "sha256:rules-2"
    assert raw_rows(lake, "turns") == 2 and raw_rows(lake, "items") == 3


@pytest.mark.parametrize("dies_at", ["transcripts", "turns", "removed", "drafts", "items", "findings", "hits", "calls", "cleaning"])
def test_a_batch_that_dies_anywhere_is_invisible_or_whole_and_leaves_nothing_behind(
        dies_at: str, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lake.writing():
        lake.commit([done(tmp_path, "a", "旧的"), done(tmp_path, "b")])

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    def write(target: str, *rest: object, **options: object) -> None:
        if Path(target).name == dies_at:
            raise Killed
        real(target, *rest, **options)

    real = store.lake.write_deltalake
    with monkeypatch.context() as patch:
        patch.setattr(store.lake, "write_deltalake", write)
        if dies_at == "cleaning":
            patch.setattr(Lake, "_delete", die)
        with pytest.raises(Killed), lake.writing():
            lake.commit([done(tmp_path, "a", "新的"), done(tmp_path, "c")])
    after = dies_at == "cleaning"
    assert lake.call_ids() == (["a", "b", "c"] if after else ["a", "b"])
    assert lake.transcript("a").turns[0].text == ("新的" if after else "旧的")
    assert lake.turns().collect().height == (6 if after else 4)
    for name in ("turns", "hits"):
        assert sorted(lake.rows(name).collect()["call_id"]) == sorted(["a", "b", *(["c"] if after else [])] * 2)
    with lake.writing():
        assert raw_rows(lake, "turns") == (6 if after else 4)
        lake.commit([done(tmp_path, "a", "新的"), done(tmp_path, "c")])
    assert lake.call_ids() == ["a", "b", "c"]
    assert {name: raw_rows(lake, name) for name in DETAILS} == dict(zip(DETAILS, (3, 6, 3, 3, 9, 9), strict=True))


def test_failures_are_kept_until_the_call_is_done(lake: Lake, tmp_path: Path) -> None:
    one = recording(tmp_path, "a")
    failure = Failure(call_id="a", recording=one.path, code="not_audio", message="not audio")
    with lake.writing():
        lake.commit([Result(one, AudioFile("", 3, 4), "stub-1", failure=failure)], "calls.csv")
        kept = lake.failed()
        assert [(failed.failure, failed.source, failed.audio.size) for failed in kept] == [(failure, "calls.csv", 3)]
        lake.commit([done(tmp_path, "a")], "calls.csv")
    assert lake.failed() == []


def test_failures_of_a_source_that_lists_them_no_more_are_forgotten(lake: Lake, tmp_path: Path) -> None:
    failure = Failure(call_id="a", code="duplicate", message="twice")
    other = Result(recording(tmp_path, "b"), AudioFile(), "stub-1", failure=failure)
    with lake.writing():
        lake.settle_failures("one.csv", [store.lake.Failed(failure, "one.csv", AudioFile(), "")])
        lake.commit([other], "two.csv")
        lake.settle_failures("one.csv", [])
    assert [failed.source for failed in lake.failed()] == ["two.csv"]


def test_a_second_writer_is_told_who_holds_the_workspace(lake: Lake) -> None:
    program = f"import sys; from store.lake import Lake\nwith Lake.open({str(lake.root)!r}).writing():\n" \
              "    print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(Problem, match=f"process {holder.pid} on "), lake.writing():
            pass
    finally:
        holder.kill()
        holder.communicate()
    with lake.writing():
        assert lake.call_ids() == []


def test_the_disk_being_full_is_a_problem_with_a_remedy_and_changes_nothing(
        lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.lake, "write_deltalake", full)
    with lake.writing(), pytest.raises(Problem, match="Make room"):
        lake.commit([done(tmp_path, "a")])
    assert lake.call_ids() == []


@pytest.mark.parametrize(("prepare", "message"), [
    (lambda root: (root / "letter.txt").write_text("x"), "not empty"),
    (lambda root: (root / "version").write_text("99\n"), "lake version 99"),
])
def test_what_is_no_workspace_of_ours_is_left_alone(prepare: object, message: str, tmp_path: Path) -> None:
    prepare(tmp_path)  # type: ignore[operator]
    with pytest.raises(Problem, match=message):
        Lake.create(tmp_path)
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize("workspace", ["s3://bucket/lake", "{tmp}/file/below", "{tmp}/nothing"])
def test_a_workspace_that_cannot_be_opened_says_why(workspace: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Problem, match=r"must be a directory|is no workspace"):
        Lake.open(workspace.format(tmp=tmp_path))
    if "nothing" not in workspace:
        with pytest.raises(Problem):
            Lake.create(workspace.format(tmp=tmp_path))


def test_an_unknown_call_is_answered_with_near_ones_and_a_failed_one_with_its_reason(lake: Lake, tmp_path: Path) -> None:
    failure = Failure(call_id="call-9", recording="x", code="empty", message="the file is empty")
    with lake.writing():
        lake.commit([done(tmp_path, "call-001"),
                     Result(recording(tmp_path, "call-9"), AudioFile(), "stub-1", failure=failure)])
    with pytest.raises(Problem, match="Near it: call-001"):
        lake.draft("call-01")
    with pytest.raises(Problem, match="the file is empty"):
        lake.draft("call-9")


def test_a_table_kept_open_takes_in_what_was_committed_since_also_after_its_history_was_cleared(lake: Lake, tmp_path: Path) -> None:
    day = "2026-11-20"

    def come(call_id: str) -> None:
        with lake.writing():
            lake.commit([done(tmp_path, call_id, started_at=f"{day}T09:00:00+08:00")])

    come("a")
    kept = Opened(lake.root / "drafts")
    assert len(kept.files(day)) == 1 and kept.files("2026-11-21") == ()
    come("b")
    assert len(kept.files(day)) == 2
    come("c")
    table = DeltaTable(str(lake.root / "drafts"))
    table.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds"})      # as erasing does
    table.create_checkpoint()
    table.cleanup_metadata()
    assert len(kept.files(day)) == 3
