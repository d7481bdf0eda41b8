"""The lake's small files are put together: the same rows, beside readers and writers, and whatever moment it is killed at."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Thread

import polars as pl
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from flows import retention
from records import Problem
from settings import Settings
from store import compacting, erasing, tables
from store.compacting import WORK, compact, files
from store.lake import Lake, Result
from tests.faults.lakes import ROOT, contents
from tests.test_lake import done
from tingjian import app

DAY = "2026-11-20T09:00:00+08:00"


def batches(lake: Lake, folder: Path, count: int = 9, first: int = 0) -> list[Result]:
    """Commits of two calls each, one of a day and one that says none; every third call is then scored again."""
    made = []
    for number in range(first, first + count):
        one = [done(folder, f"a{number}", f"第{number}通", started_at=DAY, customer_name="王建国"), done(folder, f"b{number}")]
        lake.commit(one)
        made += one
    lake.commit([replace(one, recognised=False, scorer_version="rules-2") for one in made[::3]])
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = Lake.create(tmp_path_factory.mktemp("made") / "w")
    with lake.writing():
        batches(lake, lake.root.parent)
    return lake.root


@pytest.fixture
def lake(made: Path, tmp_path: Path) -> Lake:
    return Lake.open(shutil.copytree(made, tmp_path / "w"))


def parquet(lake: Lake) -> list[Path]:
    return [path for path in lake.root.rglob("*.parquet") if "_delta_log" not in path.parts]


def in_use(lake: Lake) -> int:
    return sum(files(lake.root / name).height for name in tables.TABLES)


def same(before: dict[str, pl.DataFrame], lake: Lake) -> None:
    after = contents(lake.root)
    assert all(frame.equals(after[name]) for name, frame in before.items())


def test_many_small_files_become_one_a_day_and_hold_the_same_rows(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    before, many, used = contents(lake.root), parquet(lake), in_use(lake)
    assert before["calls"].height == 18
    run = CliRunner().invoke(app, ["compact", "--workspace", str(lake.root)])
    assert run.exit_code == 0 and "turns 2026-11-20: 9 files are 1" in run.output, run.output
    same(before, lake)
    assert all(files(lake.root / name)["day"].sort().to_list() == ["2026-11-20", "unknown"] for name in ("turns", "transcripts"))
    assert set(many) < set(parquet(lake)), "a reader may still be in them"
    with lake.running(WORK):
        assert compact(lake).days == 0
    monkeypatch.setattr(compacting, "GRACE", 0)
    assert "no day of a table has many small files" in CliRunner().invoke(app, ["compact", "--workspace", str(lake.root)]).output
    assert len(parquet(lake)) == in_use(lake) < used
    same(before, lake)


def test_calls_are_replaced_in_files_that_were_put_together(lake: Lake, tmp_path: Path) -> None:
    with lake.running(WORK):
        compact(lake)
        lake.commit([done(tmp_path, "a3", "新的", started_at="2026-11-21T09:00:00+08:00")])
    assert lake.transcript("a3").turns[0].text == "新的" and lake.transcript("a4").turns[0].text == "第4通"
    assert lake.calls().collect().height == 18 and lake.turns().collect().height == 36


def test_a_reader_that_had_begun_goes_on_and_a_run_commits_beside_it(lake: Lake, tmp_path: Path) -> None:
    begun = DeltaTable(str(lake.root / "turns"))
    before = contents(lake.root)["turns"].sort(pl.all())
    other = Lake.open(lake.root)
    with other.running("a source"):
        writer = Thread(target=batches, args=(other, tmp_path, 9, 100))
        writer.start()
        with lake.running(WORK):
            compact(lake)
            while writer.is_alive():
                compact(lake)
            compact(lake)
        writer.join()
        with pytest.raises(Problem, match="in use"), Lake.open(lake.root).writing():
            pass
    assert pl.read_delta(begun).drop("batch_id").sort(pl.all()).equals(before)
    assert lake.call_ids() == sorted(f"{kind}{number}" for kind in "ab" for number in [*range(9), *range(100, 109)])
    assert [len(list(rows)) for rows in (lake.transcripts(), lake.drafts())] == [36, 36] and lake.turns().collect().height == 72
    assert all(count < compacting.MANY for count in files(lake.root / "turns").group_by("day").len()["len"])


def test_a_workspace_held_by_one_alone_is_left_and_so_is_one_being_compacted(lake: Lake) -> None:
    for held in (lake.writing(), lake.running(WORK)):
        with held:
            told = CliRunner().invoke(app, ["compact", "--workspace", str(lake.root)])
            assert isinstance(told.exception, Problem) and f"process {os.getpid()} on" in str(told.exception)


@pytest.mark.parametrize("after", [3, 99])
def test_killed_before_the_old_files_are_deleted_nothing_is_lost(after: int, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 after so many days were put together, or between the last day of the first table and the deletion of its old files."""
    before = contents(lake.root)
    program = (
        "import os, sys\nfrom store import compacting\nfrom store.lake import Lake\n"
        "die = lambda *_: os.kill(os.getpid(), 9)\ndays = []\nwhole = compacting._day\n"
        "def day(*given):\n    days.append(1)\n    return whole(*given) if len(days) <= int(sys.argv[2]) else die()\n"
        "compacting._day = day\nif int(sys.argv[2]) > 9: compacting.tables.TABLES.pop('calls'); compacting._sweep = die\n"
        "lake = Lake.open(sys.argv[1])\nwith lake.running('compaction'): compacting.compact(lake)\n")
    killed = subprocess.run([sys.executable, "-c", program, str(lake.root), str(after)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [name for name in ("transcripts", "turns", "items") if files(lake.root / name).height == 2] == ["transcripts"]
    old = set(parquet(lake))
    same(before, lake)
    monkeypatch.setattr(compacting, "GRACE", 0)
    with lake.running(WORK):
        compact(lake)
    same(before, lake)
    assert len(parquet(lake)) == in_use(lake) < len(old)


def test_what_a_killed_writer_left_goes_when_it_is_old_and_with_an_erasure_at_once(lake: Lake) -> None:
    fresh, old = (lake.root / "turns" / "day=2026-11-20" / f"part-{name}.parquet" for name in ("fresh", "old"))
    for file in (fresh, old):
        file.write_bytes("王建国".encode())
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    with lake.running(WORK):
        compact(lake)
    assert fresh.exists() and not old.exists()
    with lake.writing():
        erasing.erase_calls(lake, ["a1"], who="test", reason="asked")
    assert not fresh.exists() and "a1" not in lake.call_ids()


def test_retention_puts_the_files_together_when_it_has_deleted(lake: Lake) -> None:
    told: list[str] = []
    retention.run(str(lake.root), Settings(), True, told.append)
    assert not any(line.startswith("tables:") for line in told)
    retention.run(str(lake.root), Settings(), False, told.append)
    assert any("small files became" in line for line in told) and files(lake.root / "turns").height == 2
