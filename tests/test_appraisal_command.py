"""`tingjian appraisal` as its users meet it: table, one agent worked out, workbook, files with bad rows."""
from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from typer.testing import CliRunner

from review.figures import Sheet, figures
from store.lake import Lake
from store.reviews.database import Database
from tests import generated
from tingjian import app


def _run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["appraisal", *map(str, arguments)], env={"COLUMNS": "200"})
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    calls = generated.calls(400, 4, first=date(2026, 10, 1), days=31)
    made = generated.workspace(tmp_path / "w", calls)
    generated.published(Database.open(made.root), calls.head(60))
    (tmp_path / "assessments.csv").write_text("工号,月份,考核得分\n8000,2026-10,95\n8001,2026-10,88\n8002,October,90\n", encoding="gb18030")
    return made


def test_the_table_the_spread_and_the_refused_row(lake: Lake, tmp_path: Path) -> None:
    code, shown, said = _run("-w", lake.root, "--month", "2026-10", "--assessments", tmp_path / "assessments.csv")
    assert code == 1 and 'assessments.csv line 4: month is "October", not a month; write it as 2026-11' in said
    assert "The other 2 rows are used." in said and "expected spread" in shown and "no assessment" in shown


def test_one_agent_is_worked_out_with_its_cards_and_calls(lake: Lake, tmp_path: Path) -> None:
    code, shown, _ = _run("-w", lake.root, "--month", "2026-10", "--assessments", tmp_path / "assessments.csv", "--agent", "8000")
    cards = lake.calls().collect().head(60).filter(pl.col("agent_id") == "8000")
    monitoring = f"{round(cards['score'].mean() + 1e-9, 2):g}"
    assert f"result = (95 + {monitoring}) / 2" in shown and "assessments line 2" in shown
    assert all(call in shown for call in cards["call_id"]) and code == 1


def test_the_workbook_and_the_lines_hold_what_the_figures_rest_on(lake: Lake, tmp_path: Path) -> None:
    book, lines = tmp_path / "a.xlsx", tmp_path / "a.jsonl"
    for out in (book, lines):
        _run("-w", lake.root, "--month", "2026-10", "--assessments", tmp_path / "assessments.csv", "--out", out)
    sheets = openpyxl.load_workbook(book)
    assert sheets.sheetnames == ["绩效", "等级分布", "计算", "依据", "未采用的行"]
    assert [cell.value for cell in sheets["未采用的行"][2]][:4] == ["assessments.csv", 4, "month", "October"]
    assert {row[1] for row in sheets["依据"].iter_rows(min_row=2, values_only=True)} == {"考核", "监听"}
    first = json.loads(lines.read_text(encoding="utf-8").splitlines()[0])
    assert first["agent_id"] == "8000" and first["rests_on"][0]["source"] == "assessments line 2"


def test_nothing_in_a_workbook_is_taken_for_a_formula() -> None:
    made = figures([Sheet("x", pl.DataFrame({"agent_name": ["=1+1"], "line": [["+a", "b"]], "value": [-1.5]}))])
    row = next(iter(openpyxl.load_workbook(io.BytesIO(made))["x"].iter_rows(min_row=2)))
    assert [(cell.value, cell.data_type) for cell in row] == [("'=1+1", "s"), ("'+a；b", "s"), (-1.5, "n")]


@pytest.mark.parametrize(("arguments", "message"), [
    (["--month", "October"], "write it as 2026-10"), (["--month", "2026-10", "--agent", "9"], "No agent 9 in 2026-10"),
    (["--month", "2026-10", "--assessments", "nowhere.csv"], "cannot be read")])
def test_mistakes_are_told(arguments: list[str], message: str, lake: Lake) -> None:
    with pytest.raises(Exception, match=message):
        _run("-w", lake.root, *arguments)


def test_a_piped_table_cuts_no_word(capsys: pytest.CaptureFixture[str]) -> None:
    from review.sample_command import table

    table(["agent", "monitoring", "to note"], [["8023", "91.25", "no assessment; no reviewed random card; two months under 70; three complaints or more; 2 cards under appeal"]],
          numbers=(1,))
    head, row = capsys.readouterr().out.splitlines()
    assert "monitoring" in head and row.rstrip().endswith("91.25  no assessment; no reviewed random card; two months under 70; "
                                                          "three complaints or more; 2 cards under appeal")
