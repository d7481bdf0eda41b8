"""Trends: counted right, changes told only where they are sure and large, phrases found that nobody named, nobody's name among them."""
from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from scipy.stats import fisher_exact, norm
from typer.testing import CliRunner

from bench.generated_lake import NAMES, NEW, RULES, Plan, generate
from insight.comparing import compare, lift, wilson
from insight.rising import rising
from insight.trends import Question, changes, last_over, span_of, together, trend
from insight.wanted import Span, Wanted, lexicon, patterns
from records import Problem
from review.trends import _rules, hidden
from store.lake import Lake
from tests.test_lake import done
from tingjian import app

LAST_WEEK = date(2026, 11, 16)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    yield generate(tmp_path_factory.mktemp("trends") / "w", Plan(calls=24_000, days=42, agents=48, spoken=42, turns=6))


# -- comparing -----------------------------------------------------------------------------------------------------------


def test_two_shares_are_compared_as_worked_out_by_hand() -> None:
    one = compare([60], [1000], [30], [1000]).row(0, named=True)
    pooled = math.sqrt(0.045 * 0.955 * 2 / 1000)
    spread = math.sqrt(1 / 60 - 1 / 1000 + 1 / 30 - 1 / 1000)
    assert one["ratio"] == pytest.approx(2) and one["p"] == pytest.approx(2 * norm.sf(0.03 / pooled))
    assert one["ratio_low"] == pytest.approx(2 * math.exp(-1.959964 * spread)) and one["ratio_high"] == pytest.approx(2 * math.exp(1.959964 * spread))
    assert one["h"] == pytest.approx(2 * math.asin(math.sqrt(0.06)) - 2 * math.asin(math.sqrt(0.03))) and one["change"] == "up"


def test_few_expected_hits_are_tested_exactly() -> None:
    one = compare([5], [40], [0], [40]).row(0, named=True)
    assert one["p"] == pytest.approx(2 * fisher_exact([[5, 35], [0, 40]], alternative="greater").pvalue)


@pytest.mark.parametrize(("hits", "calls", "before", "calls_before", "change"), [
    (20, 29, 1, 1000, "few"), (20, 1000, 1, 29, "few"),                 # a quiet day does not shout
    (300, 1000, 150, 1000, "up"), (150, 1000, 300, 1000, "down"), (155, 1000, 150, 1000, "same"),
    (53_000, 100_000, 50_000, 100_000, "same"),                         # sure, and too small to matter
    (0, 1000, 0, 1000, "same")])
def test_a_change_is_told_only_with_calls_enough_surely_and_where_it_matters(
        hits: int, calls: int, before: int, calls_before: int, change: str) -> None:
    assert compare([hits], [calls], [before], [calls_before])["change"].to_list() == [change]


def test_asked_often_enough_chance_alone_does_not_become_news() -> None:
    """One p of 0.01 among a hundred is what chance brings; alone it would be news."""
    alone = compare([26], [1000], [10], [1000])
    many = compare([26] + [20] * 99, [1000] * 100, [10] + [20] * 99, [1000] * 100)
    assert alone["p"][0] == pytest.approx(many["p"][0]) and alone["p"][0] < 0.01
    assert alone["change"][0] == "up" and many["change"][0] == "same"


def test_wilson_holds_for_none_of_ten_and_for_no_calls() -> None:
    low, high = wilson([0, 0], [10, 0])
    assert (low[0], round(float(high[0]), 4)) == (0, 0.2775) and (low[1], high[1]) == (0, 1)


def test_lift_is_that_of_the_table_with_its_interval() -> None:
    value, low, high = lift(30, 100, 200, 1000) or (0, 0, 0)
    spread = math.sqrt(1 / 30 - 1 / 100 - 1 / 200 + 2 * 30 / (100 * 200) - 1 / 1000)
    assert (value, low, high) == pytest.approx((1.5, 1.5 * math.exp(-1.959964 * spread), 1.5 * math.exp(1.959964 * spread)))
    assert lift(0, 0, 10, 100) is None


# -- what is counted -----------------------------------------------------------------------------------------------------

SAID = {"a": "我要投诉你们", "b": "我，要的投訴啊", "c": "我要头诉", "d": "我先要问投诉的事", "e": "打一二三一五", "f": "打12315"}


@pytest.mark.parametrize(("phrases", "by_sound", "found"), [
    (("我要投诉",), False, "ab"), (("我要投诉",), True, "abc"), (("12315",), False, "ef"), (("我…投诉",), False, "abd"),
    (("{我要|先要}投诉", "一二三一五"), False, "abef")])
def test_phrases_are_found_as_rules_normalise_them(tmp_path: Path, phrases: tuple[str, ...], by_sound: bool, found: str) -> None:
    lake = Lake.create(tmp_path / "w")
    with lake.writing():
        lake.commit([done(tmp_path, call, words, started_at="2026-11-20T09:00:00+08:00") for call, words in SAID.items()])
    question = Question(Wanted("x", phrases=phrases, by_sound=by_sound, who="agent"), Span("2026-11-16", "2026-11-22"))
    table = trend(lake, question)
    assert (table["calls"].to_list(), table["with_it"].to_list()) == ([6], [len(found)])
    assert sorted(table["examples"][0]) == sorted(found)[:3]
    assert trend(lake, Question(Wanted("x", phrases=phrases, who="customer"), question.span))["with_it"].sum() == (6 if "投诉" in phrases else 0) or "投诉" in phrases[0]


@pytest.mark.parametrize("phrase", ["", "的了", "{我", "{}"])
def test_what_is_no_phrase_is_refused_with_its_reason(phrase: str) -> None:
    with pytest.raises(Problem, match="phrase"):
        patterns([phrase])


def test_a_lexicon_is_a_file_or_a_rules_phrases(tmp_path: Path) -> None:
    rules = _rules()
    file = tmp_path / "words.txt"
    file.write_text("# 退订\n新套餐\n退订  # 取消\n\n", encoding="utf-8")
    assert lexicon(str(file)) == ("新套餐", "退订")
    part = lexicon("closing.understood:clear_to_you", rules)
    assert part and set(part) < set(lexicon("closing.understood", rules))
    for wrong in ("no.such", "closing.understood:nothing"):
        with pytest.raises(Problem, match="lexicon"):
            lexicon(wrong, rules)


def test_every_call_is_counted_once_in_its_week_and_team(lake: Lake) -> None:
    table = trend(lake, Question(Wanted("", rules=("taboo.refusal",)), span_of(lake, "week"), "week", "team"))
    truth = lake.rows("hits").filter(pl.col("rule") == "taboo.refusal").collect()
    assert table["calls"].sum() == lake.rows("calls").collect().height and table["with_it"].sum() == truth.height
    assert table["hits"].sum() == truth["hits"].sum()
    row = table.filter(pl.col("period") == LAST_WEEK, pl.col("group") == "B2").row(0, named=True)
    assert row["change"] == "up" and row["per_thousand"] == pytest.approx(1000 * row["with_it"] / row["calls"])
    behind = lake.rows("hits").filter(pl.col("call_id").is_in(row["examples"]), pl.col("rule") == "taboo.refusal").collect()
    assert behind.height == 3 and set(behind["team"]) == {"B2"}


@pytest.mark.parametrize(("period", "rows"), [("day", 30), ("week", 6), ("month", 2)])
def test_periods_are_those_of_the_calendar(lake: Lake, period: str, rows: int) -> None:
    table = trend(lake, Question(Wanted("", rules=("taboo.vague",)), span_of(lake, period), period))  # type: ignore[arg-type]
    assert table.height == rows and table["partial"].to_list()[-1] == (period == "month")
    assert set(table["group"]) == {""} and table["before"][0] is None and table["change"][0] == "few"


@pytest.mark.parametrize(("first", "until", "period", "begin"), [
    ("2026-01-01", "2026-11-22", "week", "2026-11-16"), ("2026-01-01", "2026-11-20", "week", "2026-11-09"), ("2026-11-16", "2026-11-20", "week", "2026-11-16"),
    ("2026-11-15", "2026-11-20", "week", "2026-11-09"), ("2026-01-01", "2026-11-30", "month", "2026-11-01"), ("2026-01-01", "2026-11-29", "month", "2026-10-01"),
    ("2026-01-01", "2026-11-20", "day", "2026-11-20")])
def test_the_last_period_is_one_that_is_over_unless_there_is_no_other(first: str, until: str, period: str, begin: str) -> None:
    assert last_over(Span(first, until), date.fromisoformat(until), period).isoformat() == begin  # type: ignore[arg-type]


def test_several_rules_count_a_call_once_and_an_only_leaves_the_others_out(lake: Lake) -> None:
    span = span_of(lake, "month")
    either = trend(lake, Question(Wanted("", rules=("taboo.vague", "hold.request")), span, "month", None, (("team", "A1"),)))
    calls = lake.rows("hits").filter(pl.col("rule").is_in(["taboo.vague", "hold.request"]), pl.col("team") == "A1").collect()
    assert either["with_it"].sum() == calls["call_id"].n_unique() < calls.height
    assert either["calls"].sum() == lake.rows("calls").filter(pl.col("team") == "A1").collect().height


def test_of_all_rules_and_teams_the_one_that_changed_stands_first(lake: Lake) -> None:
    table = changes(lake, list(RULES), "week", LAST_WEEK, "team")
    assert table.row(0, named=True)["rule"] == "taboo.refusal" and table["group"][0] == "B2" and table["change"][0] == "up"
    assert table.filter(pl.col("change") == "up").height == 1 and table.height == 8 * len(RULES)


def test_complaints_come_with_low_scores_and_long_calls(lake: Lake) -> None:
    found = {row["outcome"]: row for row in together(lake, Question(Wanted("", rules=("complaint.raised",)), span_of(lake, "week"))).iter_rows(named=True)}
    assert set(found) == {"low_score", "long_call"}
    assert found["low_score"]["lift_low"] > 3 and found["long_call"]["lift_low"] > 1.5
    vague = together(lake, Question(Wanted("", rules=("taboo.vague",)), span_of(lake, "week"))).row(by_predicate=pl.col("outcome") == "complaint", named=True)
    assert vague["lift_low"] < 1 < vague["lift_high"]


# -- phrases that rose ---------------------------------------------------------------------------------------------------

NOW, THEN = Span("2026-11-16", "2026-11-22"), Span("2026-10-19", "2026-11-15")


def test_the_phrase_that_nobody_named_is_found_whole_and_alone(lake: Lake) -> None:
    first, *others = rising(lake, NOW, THEN, hidden)
    assert first.phrase == NEW and first.before == 0 and first.times is None and first.q < 1e-6 and "新套餐" in first.variants
    assert not any(NEW in one.phrase or "套餐" in one.phrase for one in others)
    said = lake.rows("turns").filter(pl.col("call_id").is_in(list(first.examples)), pl.col("text").str.contains(NEW)).collect()
    assert said["call_id"].n_unique() == 3


def test_nothing_rises_where_nothing_changed_or_calls_are_few(lake: Lake) -> None:
    assert rising(lake, Span("2026-11-09", "2026-11-15"), Span("2026-10-12", "2026-11-08"), hidden) == []
    assert rising(lake, Span("2026-12-01", "2026-12-02"), THEN, hidden) == []


def test_no_customers_name_rises_however_often_it_is_said(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "w")
    rows = []
    for number in range(160):
        now = number < 60
        name = NAMES[0] if now else NAMES[1 + number % 7]
        words = f"您好{name}先生" + ("系统升级之后登录不上" if now and number % 2 else "请问有什么可以帮您")
        rows.append(done(tmp_path, f"c{number:03}", words, started_at=f"2026-11-{17 if now else 10}T09:00:00+08:00", customer_name=name,
                         agent_id=str(number % 5)))
    with lake.writing():
        lake.commit(rows)
    told = rising(lake, NOW, Span("2026-11-09", "2026-11-15"), hidden, "agent")
    assert any("登录" in one.phrase for one in told)
    assert not any(NAMES[0][1:] in said for one in told for said in (one.phrase, *one.variants))
    unmasked = rising(lake, NOW, Span("2026-11-09", "2026-11-15"), lambda texts, *_: texts, "agent")
    assert any(NAMES[0][1:] in said for one in unmasked for said in (one.phrase, *one.variants))


# -- the command ---------------------------------------------------------------------------------------------------------


def test_trends_writes_page_workbook_parquet_and_picture(lake: Lake, tmp_path: Path) -> None:
    files = {kind: tmp_path / f"t.{kind}" for kind in ("html", "xlsx", "parquet", "png")}
    told = CliRunner().invoke(app, [
        "trends", "-w", str(lake.root), "--rule", "taboo.refusal", "--phrase", "=HYPERLINK", "--by", "team", "--html", str(files["html"]), "--excel", str(files["xlsx"]),
        "--parquet", str(files["parquet"]), "--png", str(files["png"]), "--workbench", "http://bench:8710/"])
    assert told.exit_code == 0, told.output
    assert "B2" in told.output and "上升" in told.output
    page = files["html"].read_text(encoding="utf-8")
    assert "http://bench:8710/calls/" in page and "echarts" in page and "<script src" not in page and "=HYPERLINK" in page
    sheet = openpyxl.load_workbook(files["xlsx"])["趋势 1"]
    assert sheet["A1"].value == "周期" and not any(cell.data_type == "f" for row in sheet for cell in row)
    numbers = pl.read_parquet(files["parquet"])
    assert numbers["title"].n_unique() == 2 and numbers["calls"].sum() == 2 * lake.rows("calls").collect().height
    from PIL import Image
    assert Image.open(io.BytesIO(files["png"].read_bytes())).width > 1000


def test_without_a_name_trends_says_what_changed_and_what_rose(lake: Lake, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["trends", "-w", str(lake.root), "--by", "team", "--english", "--html", str(tmp_path / "o.html"), "--excel", str(tmp_path / "o.xlsx")])
    assert told.exit_code == 0, told.output
    assert NEW in told.output and "taboo.refusal" in told.output and "Phrases that rose" in told.output
    assert openpyxl.load_workbook(tmp_path / "o.xlsx").sheetnames[0] == "Rules that changed" and NEW in (tmp_path / "o.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("options", "message"), [
    (["--rule", "taboo.refusals"], "Near it: taboo.refusal"), (["--by", "colour"], "team, agent, line or tier"), (["--period", "year"], "day, week or month"),
    (["--who", "me"], "agent, customer or any"), (["--since", "soon"], "not a day"), (["--since", "2027-01-01"], "no day is left"), (["--png", "x.png"], "name one"),
    (["--phrase", "{我"], "not closed")])
def test_wrong_usage_is_one_message(lake: Lake, options: list[str], message: str) -> None:
    told = CliRunner().invoke(app, ["trends", "-w", str(lake.root), *options])
    assert isinstance(told.exception, Problem) and message in str(told.exception)


@pytest.mark.parametrize("columns", [80, 110, 400])
def test_a_narrow_terminal_leaves_columns_out_and_cuts_no_number_and_no_call_id(lake: Lake, columns: int) -> None:
    from rich.console import Console

    from review.trends import study
    from review.trends_view import study_terminal

    span = Span("2026-11-09", "2026-11-22")
    one = study(lake, Wanted("生硬拒绝", rules=("taboo.refusal",)), span, "week", "team", ())
    out = Console(width=columns, file=io.StringIO(), record=True)
    out.print(study_terminal(one, "en"))
    text = out.export_text()
    b2 = one.table.filter(pl.col("group") == "B2", pl.col("period") == LAST_WEEK).row(0, named=True)
    line = next(line for line in text.splitlines() if line.startswith("B2"))
    assert "…" not in text and b2["examples"][0] in line and f"{b2['per_thousand']:.1f}" in line and "up" in line
    assert ("Cohen's h" in text) is (columns == 400)


def test_a_charts_groups_stand_in_the_same_order_and_colour_every_time(lake: Lake) -> None:
    from review.trends import study
    from review.trends_view import chart

    one = study(lake, Wanted("生硬拒绝", rules=("taboo.refusal",)), Span("2026-11-09", "2026-11-22"), "week", "team", ())
    alike = one.table.with_columns(calls=pl.lit(5))            # no group has more calls than another
    orders = {tuple(row["name"] for row in chart(replace(one, table=alike.sample(fraction=1, shuffle=True, seed=seed)), "zh")["series"]) for seed in range(8)}
    assert len(orders) == 1 and list(*orders) == sorted(*orders)


def test_a_team_that_is_not_there_is_told_with_those_that_are(lake: Lake) -> None:
    told = CliRunner().invoke(app, ["trends", "-w", str(lake.root), "--team", "ZZ"])
    assert isinstance(told.exception, Problem) and str(told.exception).startswith("No calls of team ZZ from ")
    assert "By --team there are: A1, A2, B1" in str(told.exception)


@pytest.mark.parametrize("dated", [False, True])
def test_where_no_call_says_when_it_began_people_are_told_what_to_do(tmp_path: Path, dated: bool) -> None:
    lake = Lake.create(tmp_path / "w")
    with lake.writing():
        lake.commit([done(tmp_path, "c-1", "我要投诉", **({"started_at": "2026-11-20T09:00:00+08:00"} if dated else {}))])
    told = CliRunner().invoke(app, ["trends", "-w", str(lake.root)])
    assert told.exit_code == 0 if dated else "give started_at in the manifest" in str(told.exception)
