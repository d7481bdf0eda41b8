"""Delivered CSV files: good rows are used, bad ones named with line, reason and remedy."""
from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from insight import delivered
from records import Problem

DOCS = Path(__file__).parent.parent / "docs" / "insight.md"


def _file(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    file = tmp_path / "some.csv"
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize(("cell", "reason"), [
    ("8001,2026-13,90", 'some.csv line 3: month is "2026-13", not a month; write it as 2026-11'),
    (",2026-11,90", "some.csv line 3: agent_id is empty; fill it in"),
    ("8001,2026-11,", "some.csv line 3: score is empty; write a number"),
    ("8001,2026-11,100.5", 'some.csv line 3: score is "100.5", not a number from 0 to 100; write a number'),
    ("8001,2026-11,NaN", 'some.csv line 3: score is "NaN", not a number from 0 to 100; write a number'),
    ("8000,2026-10,90", 'some.csv line 3: agent_id month is "8000 2026-10" as on line 2 already; remove one of the two; the first is used'),
])
def test_a_bad_row_is_named_and_the_others_are_used(cell: str, reason: str, tmp_path: Path) -> None:
    file = _file(tmp_path, f"agent_id,month,score\n8000,2026-10,88.5\n{cell}\n8002,2026年11月,77\n")
    got = delivered.read(file, delivered.ASSESSMENTS)
    assert got.messages() == [reason, "The other 2 rows are used."]
    assert got.rows.rows() == [(2, "8000", "2026-10", 88.5), (4, "8002", "2026-11", 77.0)]


def test_lines_are_those_of_the_file_where_cells_hold_line_breaks(tmp_path: Path) -> None:
    file = _file(tmp_path, 'agent_id,agent_name,hired_on\r\n1,"Li\r\nNa",2026-1-5\r\n\r\n2,,yesterday\r\n')
    got = delivered.read(file, delivered.AGENTS)
    assert got.rows["hired_on"].to_list() == [date(2026, 1, 5)]
    assert got.refused.select("line", "value").rows() == [(5, "yesterday")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_headings_and_encodings(encoding: str, tmp_path: Path) -> None:
    got = delivered.read(_file(tmp_path, "姓名,工号,入职日期,备注\n李娜,8023,2026/11/2,无\n", encoding), delivered.AGENTS)
    assert got.rows.select("agent_id", "agent_name", "hired_on").rows() == [("8023", "李娜", date(2026, 11, 2))]


@pytest.mark.parametrize(("cell", "moment"), [
    ("2026-11-20T09:12:00+08:00", datetime(2026, 11, 20, 1, 12, tzinfo=UTC)), ("2026/11/2 9:05", datetime(2026, 11, 2, 1, 5, tzinfo=UTC)),
    ("2026-11-20T01:12:00Z", datetime(2026, 11, 20, 1, 12, tzinfo=UTC)), ("2026-02-30 10:00", None), ("2026-11-20 25:00", None)])
def test_times_without_an_offset_are_chinas(cell: str, moment: datetime | None, tmp_path: Path) -> None:
    got = delivered.read(_file(tmp_path, f"order_id,opened_at\no-1,{cell}\n"), delivered.WORK_ORDERS)
    assert (got.rows["opened_at"].to_list() or [None]) == [moment] and len(got.refused) == (moment is None)


def test_what_ends_before_it_began_is_refused(tmp_path: Path) -> None:
    file = _file(tmp_path, "order_id,opened_at,closed_at\no-1,2026-11-20 10:00,2026-11-20 09:59\no-2,2026-11-20 10:00,2026-11-20 10:00\n")
    got = delivered.read(file, delivered.WORK_ORDERS)
    assert got.rows["order_id"].to_list() == ["o-2"]
    assert got.messages()[0] == ('some.csv line 2: closed_at is "2026-11-20 09:59", before opened_at; '
                                 "see which of the two is wrong, opened_at or closed_at")


def test_yes_and_no_in_both_languages_and_nothing_else(tmp_path: Path) -> None:
    rows = "\n".join(f"o-{n},2026-11-20 10:00,{cell}" for n, cell in enumerate(("是", "No", "1", "", "maybe")))
    got = delivered.read(_file(tmp_path, "order_id,opened_at,major\n" + rows), delivered.WORK_ORDERS)
    assert got.rows["major"].to_list() == [True, False, True, None] and got.refused["value"].to_list() == ["maybe"]


@pytest.mark.parametrize(("data", "message"), [
    (b"agent_id,score\n1,2\n", "has no column month"), (b"", "is no CSV table"), (b"\xff\xfe\x00\x81", "neither UTF-8 nor GB 18030")])
def test_a_file_that_cannot_be_used_at_all(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_bytes(data)
    with pytest.raises(Problem, match=message):
        delivered.read(tmp_path / "some.csv", delivered.ASSESSMENTS)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="cannot be read"):
        delivered.read(tmp_path / "nowhere.csv", delivered.AGENTS)


@pytest.mark.parametrize("sheet", delivered.SHEETS, ids=lambda sheet: sheet.name)
def test_every_column_is_documented(sheet: delivered.Sheet) -> None:
    text = DOCS.read_text(encoding="utf-8")
    part = text.split(f"#### `{sheet.name}`")[1].split("####")[0]
    assert [column.name for column in sheet.columns if f"| `{column.name}` | {column.chinese} |" not in part] == []
