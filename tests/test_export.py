"""Exports give back what is in the lake, and no spreadsheet takes what was said for a formula."""
from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path

import openpyxl
import polars as pl
import pytest

import tingjian
from records import Draft, Transcript
from review.workbook import safe, workbook
from store.lake import AudioFile, Lake, Result
from tests.stand_ins import draft, recording, transcript


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    lake = Lake.create(tmp_path / "workspace")
    results = []
    for call_id in ("a", "=b"):
        one = recording(tmp_path, call_id, agent_name="=HYPERLINK(\"x\")", started_at="2026-11-20T09:00:00+08:00")
        said = transcript(one.call)
        results.append(Result(one, AudioFile("sha", 1, 2), "stub-1", said, draft(said), scorer_version="r"))
    with lake.writing():
        lake.commit(results)
    return tmp_path / "workspace"


def command(*arguments: str | Path) -> None:
    tingjian.app([str(argument) for argument in arguments], standalone_mode=False)


def test_json_lines_are_the_records_of_the_contract(workspace: Path, tmp_path: Path) -> None:
    drafts, transcripts = tmp_path / "out" / "drafts.jsonl", tmp_path / "out" / "transcripts.jsonl"
    command("export", "--workspace", workspace, "--drafts", drafts, "--transcripts", transcripts)
    lake = Lake.open(workspace)
    assert [Draft.model_validate_json(line) for line in drafts.read_text("utf-8").splitlines()] == list(lake.drafts())
    assert [Transcript.model_validate_json(line) for line in transcripts.read_text("utf-8").splitlines()] == list(
        lake.transcripts())
    first = json.loads(drafts.read_text("utf-8").splitlines()[1])
    assert first["items"][0]["evidence"][0]["text"] == "您好" and first["state"] == "draft"


def test_a_dash_is_standard_output(workspace: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    command("export", "--workspace", workspace, "--drafts", "-")
    assert [json.loads(line)["call_id"] for line in capsysbinary.readouterr().out.splitlines()] == ["=b", "a"]


def test_parquet_has_the_tables_without_bookkeeping(workspace: Path, tmp_path: Path) -> None:
    command("export", "--workspace", workspace, "--parquet", tmp_path / "pq")
    held = {file.stem: pl.read_parquet(file) for file in (tmp_path / "pq").glob("*.parquet")}
    assert {name: frame.height for name, frame in held.items()} == {
        "calls": 2, "turns": 4, "items": 6, "findings": 6, "hits": 4, "removed": 2, "failures": 0}
    assert not any("batch" in column for frame in held.values() for column in frame.columns)


@pytest.mark.parametrize("text", [
    "=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "　=1", "＝cmd|' /C calc'!A0", "＋1", "－1", "＠x"])
def test_what_begins_like_a_formula_stays_text(text: str) -> None:
    assert safe(text).startswith("'")


@pytest.mark.parametrize("text", ["您好", "8023", "a=b", "", "（-1）"])
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert safe(text) == text


def test_the_workbook_has_three_sheets_with_chinese_headings_and_no_formula(workspace: Path, tmp_path: Path) -> None:
    command("export", "--workspace", workspace, "--excel", tmp_path / "cards.xlsx")
    book = openpyxl.load_workbook(tmp_path / "cards.xlsx")
    assert book.sheetnames == ["汇总", "评分项", "规则结果"]
    assert [cell.value for cell in book["汇总"][1]][:4] == ["通话编号", "开始时间", "工号", "坐席姓名"]
    assert book["汇总"]["A2"].value == "'=b" and book["汇总"]["D2"].value == "'=HYPERLINK(\"x\")"
    assert {cell.data_type for sheet in book for row in sheet for cell in row} <= {"s", "n", "d"}
    verdicts = [row[4].value for row in book["评分项"].iter_rows(min_row=2)]
    assert verdicts == ["通过", "不通过", "人工评定"] * 2
    assert book["汇总"]["B2"].value == datetime(2026, 11, 20, 9) and book["汇总"]["B2"].number_format == "yyyy-mm-dd hh:mm"
    assert book["评分项"]["F2"].value == 8 and book["评分项"]["J2"].value == "00:00 坐席 您好 （原词）"
    assert all(sheet.freeze_panes == "B2" and sheet.auto_filter.ref for sheet in book)


def test_a_cell_never_gets_longer_than_excel_reads(tmp_path: Path) -> None:
    said = transcript(recording(tmp_path, "a").call)
    long = draft(said)
    item = long.items[1].model_copy(update={"reason": "长" * 40_000})
    book = openpyxl.load_workbook(io.BytesIO(workbook([(long.model_copy(update={"items": (item,)}), said)])))
    assert len(book["评分项"]["I2"].value) == 32_000


def test_what_is_exported_is_its_owners_only(workspace: Path, tmp_path: Path) -> None:
    command("export", "-w", workspace, "--drafts", tmp_path / "d.jsonl", "--excel", tmp_path / "x.xlsx", "--parquet", tmp_path / "pq")
    command("page", "-w", workspace, "-o", tmp_path / "pages")
    files = [tmp_path / "d.jsonl", tmp_path / "x.xlsx", *(tmp_path / "pq").iterdir(), tmp_path / "pages" / "a.html"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600} and (tmp_path / "pages").stat().st_mode & 0o777 == 0o700
