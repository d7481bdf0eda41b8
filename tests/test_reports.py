"""Reports: right numbers, what to act on first, no names where all read, files that open everywhere."""
from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pypdfium2
import pytest
from typer.testing import CliRunner

from bench.generated_lake import NEW, Plan, generate
from insight.reporting import report
from records import Problem
from review.report import _checks, write_report
from review.trends import hidden
from store.lake import Lake
from tests.test_lake import done
from tingjian import app


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    yield generate(tmp_path_factory.mktemp("reports") / "w", Plan(calls=12_000, days=40, agents=32, spoken=40, turns=6))


def test_the_weekly_report_counts_the_week_that_is_over(lake: Lake) -> None:
    told = report(lake, "weekly", _checks(), hidden)
    calls = lake.rows("calls").filter(pl.col("day").is_between(pl.lit("2026-11-16"), pl.lit("2026-11-22"))).collect()
    assert told.span == ("2026-11-16", "2026-11-22") and told.figures.calls == calls.height == sum(told.bands.values())
    assert told.figures.mean_score == pytest.approx(calls["score"].mean()) and told.figures.low_share == pytest.approx((calls["score"] < 80).mean())
    assert told.course["calls"].to_list()[-1] == calls.height and told.before.calls == told.course["calls"].to_list()[-2]
    assert [one.phrase for one in told.rises] == [NEW]
    worst = told.problems.row(0, named=True)
    assert worst["rule"] == "closing.anything_else" and 250 < worst["per_thousand"] < 350
    assert told.needs.filter(pl.col("group") == "B2")["rule"].to_list() == ["taboo.refusal"]


def test_the_daily_report_begins_with_what_to_act_on(lake: Lake) -> None:
    told = report(lake, "daily", _checks(), hidden, date(2026, 11, 18))
    complained = lake.rows("hits").filter(pl.col("day") == "2026-11-18", pl.col("rule") == "complaint.raised").collect()["call_id"]
    assert set(complained) <= set(told.to_act["call_id"]) and told.figures.complaints == complained.len()
    assert told.to_act["score"].to_list()[0] == told.to_act.filter(pl.col("reasons").list.contains("complaint"))["score"].min()
    assert told.before.calls == lake.rows("calls").filter(pl.col("day") == "2026-11-11").collect().height, "the same weekday a week before"


@pytest.mark.parametrize(("kind", "only", "groups"), [
    ("daily", (), "team"), ("daily", (("team", "B2"),), "agent"), ("weekly", (), "team"), ("weekly", (("team", "B2"),), None),
    ("monthly", (), "team"), ("monthly", (("team", "B2"),), "agent"), ("monthly", (("agent", "7003"),), None)])
def test_a_report_is_of_the_centre_a_team_or_an_agent_and_the_weekly_names_nobody(lake: Lake, kind: str, only: tuple, groups: str | None) -> None:
    told = report(lake, kind, _checks(), hidden, date(2026, 11, 18), only)  # type: ignore[arg-type]
    assert told.groups_by == groups and (told.groups.is_empty() or told.groups["calls"].sum() == told.figures.calls)
    assert kind == "daily" or told.to_act.is_empty()


def test_the_weekly_files_hold_no_agents_name(lake: Lake, tmp_path: Path) -> None:
    for team in (None, "B2"):
        page, book, paper = write_report(lake, "weekly", tmp_path, team)
        assert "坐席7" not in page.read_text(encoding="utf-8") and "坐席7" not in _text(paper.read_bytes())
        assert not any("坐席7" in str(cell.value) for sheet in openpyxl.load_workbook(book) for row in sheet for cell in row)


def test_pdf_holds_its_letters_and_its_text_can_be_selected_in_both_languages(lake: Lake, tmp_path: Path) -> None:
    for language, title, words in (("zh", "质检日报", "明天要处理的通话"), ("en", "Daily report", "To act on tomorrow")):
        files = write_report(lake, "daily", tmp_path, "B2", day=date(2026, 11, 18), language=language, formats=["pdf"])  # type: ignore[arg-type]
        assert files[0].name == f"daily-2026-11-18-team-B2{'' if language == 'zh' else '-en'}.pdf"
        text = _text(files[0].read_bytes())
        assert title in text and words in text and "询问其他需要" in text
        content = files[0].read_bytes()
        assert b"/FontFile2" in content and len(content) < 500_000
        page = pypdfium2.PdfDocument(content)[0].render(scale=0.5).to_numpy()
        assert (page < 128).mean() > 0.002, "something is drawn"


def test_the_page_stands_alone_and_its_calls_open_in_the_workbench(lake: Lake, tmp_path: Path) -> None:
    page = write_report(lake, "daily", tmp_path, formats=["html"], workbench="http://bench:8710")[0].read_text(encoding="utf-8")
    assert 'href="http://bench:8710/calls/g-' in page and "<script src" not in page and "<link" not in page
    assert page.count('class="report-chart"') == 2


def test_the_pages_charts_name_their_axes_and_english_lists_have_english_commas(lake: Lake, tmp_path: Path) -> None:
    page = next(file for file in write_report(lake, "daily", tmp_path, language="en", formats=["html"])).read_text(encoding="utf-8")
    script = page[page.rindex("<script>"):]
    assert all(f"name: told.{name}" in script for name in ("words.calls, nameLocation", "words.score, nameLocation", "unit, nameLocation"))
    body = page[page.index("<body>"):page.rindex("<script>")].split("<script>")[0]
    assert "、" not in body and ">Call<" in body and ">Score<" in body and "a week ago: " in body and "complaint, score under 80" in body


def test_no_cell_is_a_formula_whatever_an_agent_is_called(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "w")
    with lake.writing():
        lake.commit([done(tmp_path, "=1+1", "我要投诉", started_at="2026-11-20T09:00:00+08:00", agent_id="=cmd|' /C calc'!A0", agent_name="<script>", team="@SUM(A1)")])
    page, book, paper = write_report(lake, "daily", tmp_path / "out", "@SUM(A1)")
    sheets = openpyxl.load_workbook(book)
    assert not any(cell.data_type == "f" for sheet in sheets for row in sheet for cell in row)
    assert "<script>" not in page.read_text(encoding="utf-8").split("<h1>")[1].split("</main>")[0].replace("<script type", "") and paper.stat().st_size > 1000
    assert {file.parent for file in (page, book, paper)} == {tmp_path / "out"}


def test_the_command_prints_its_files_and_keeps_them_in_the_workspace(lake: Lake) -> None:
    told = CliRunner().invoke(app, ["report", "monthly", "--workspace", str(lake.root), "--agent", "7003", "--formats", "xlsx", "--english"])
    assert told.exit_code == 0, told.output
    file = Path(told.output.strip())
    assert file == lake.root / "reports" / "monthly-2026-10-01-agent-7003-en.xlsx" and openpyxl.load_workbook(io.BytesIO(file.read_bytes())).sheetnames[0] == "Main figures"


@pytest.mark.parametrize(("options", "message"), [
    (["yearly"], "daily, weekly or monthly"), (["daily", "--team", "B2", "--agent", "7003"], "not both"), (["daily", "--date", "soon"], "not a day"),
    (["daily", "--team", "Z9"], "No calls of Z9"), (["daily", "--formats", "doc"], "html, xlsx, pdf")])
def test_wrong_usage_is_one_message(lake: Lake, options: list[str], message: str) -> None:
    told = CliRunner().invoke(app, ["report", *options, "--workspace", str(lake.root)])
    assert isinstance(told.exception, Problem) and message in str(told.exception)


def _text(content: bytes) -> str:
    paper = pypdfium2.PdfDocument(content)
    return "".join(paper[number].get_textpage().get_text_range() for number in range(len(paper))).replace("\r\n", "")
