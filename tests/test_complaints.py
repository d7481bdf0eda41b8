"""Complaint indicators against examples worked out by hand, with their borders."""
from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from typer.testing import CliRunner

from insight import delivered
from insight.complaints import INDICATORS, Figures, indicators, tagged_calls
from tests import generated
from tingjian import app

OPENED = datetime(2026, 10, 10, 2, tzinfo=UTC)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
NOBODY = pl.DataFrame(schema={"call_id": pl.String, "day": pl.String, "agent_id": pl.String})
TIMES = ("first_reply_at", "effective_reply_at", "closed_at", "due_at")


def orders(*rows: dict[str, Any]) -> pl.DataFrame:
    """Work orders; times may be hours after the opening."""
    empty = delivered.nothing(delivered.WORK_ORDERS).rows
    made = []
    for number, row in enumerate(rows):
        opened = row.get("opened_at", OPENED)
        timed = {name: opened + timedelta(hours=value) for name, value in row.items() if name in TIMES and isinstance(value, int | float)}
        made.append(dict.fromkeys(empty.columns) | {"line": number + 2, "order_id": f"o-{number}", "opened_at": opened} | row | timed)
    return pl.DataFrame(made, schema=empty.schema)


def of(*rows: dict[str, Any], now: datetime = NOW, tagged: pl.DataFrame = NOBODY, calls: int = 0) -> Figures:
    return indicators(orders(*rows), tagged, calls, date(2026, 10, 1), date(2026, 10, 31), now)


def figure(figures: Figures, name: str, tier: str | None = None) -> tuple[Any, ...]:
    """numerator, denominator, value, target, met"""
    wanted = figures.table.filter((pl.col("indicator") == name) & pl.col("tier").eq_missing(pl.lit(tier)))
    return wanted.row(0)[2:]


S = 1 / 3600            # a second


@pytest.mark.parametrize(("hours", "now", "told"), [
    ([48.0], NOW, (1, 1, 100.0, 100.0, True)), ([48 + S], NOW, (0, 1, 0.0, 100.0, False)),
    ([1.0, 2.0, 50.0], NOW, (2, 3, 66.67, 100.0, False)),
    ([None], OPENED + timedelta(hours=48), (0, 0, None, 100.0, None)),                      # not due yet
    ([None], OPENED + timedelta(hours=48, seconds=1), (0, 1, 0.0, 100.0, False))])          # no reply and too late
def test_first_reply_within_48_hours(hours: list[float | None], now: datetime, told: tuple[Any, ...]) -> None:
    assert figure(of(*({"first_reply_at": one} for one in hours), now=now), "first_reply") == told


@pytest.mark.parametrize(("answer", "told"), [
    ({"effective_reply_at": 20}, (1, 1, 100.0, 100.0, True)), ({"closed_at": 30}, (1, 1, 100.0, 100.0, True)), ({"closed_at": 49}, (0, 1, 0.0, 100.0, False)),
    ({"first_reply_at": 50, "closed_at": 51}, (0, 1, 0.0, 100.0, False))])
def test_who_was_answered_was_replied_to_also_where_nobody_noted_a_first_reply(answer: dict[str, Any], told: tuple[Any, ...]) -> None:
    assert figure(of(answer), "first_reply") == told


@pytest.mark.parametrize(("tier", "limit", "written"), [
    ("VIP", 8, "VIP"), ("VIP", 8, "vip"), ("VIP", 8, "VIP客户"), ("全球通", 24, "全球通"), ("others", 48, "普通"), ("others", 48, None)])
def test_effective_reply_by_tier(tier: str, limit: int, written: str | None) -> None:
    figures = of({"customer_tier": written, "effective_reply_at": limit}, {"customer_tier": written, "effective_reply_at": limit + S})
    assert figure(figures, "effective_reply", tier) == (1, 2, 50.0, 100.0, False)
    late = figures.cases.filter(pl.col("indicator") == "effective_reply").row(0, named=True)
    assert (late["order_id"], late["line"], late["hours"]) == ("o-1", 3, float(limit))


@pytest.mark.parametrize(("column", "indicator", "good", "bad", "target", "met"), [
    ("solved_on_the_spot", "on_the_spot", 4, 1, 80.0, True), ("solved_on_the_spot", "on_the_spot", 79, 21, 80.0, False)])
def test_solved_on_the_spot(column: str, indicator: str, good: int, bad: int, target: float, met: bool) -> None:
    figures = of(*({column: True} for _ in range(good)), *({column: False} for _ in range(bad)), {column: None})
    assert figure(figures, indicator) == (good, good + bad, 100 * good / (good + bad), target, met)


@pytest.mark.parametrize(("tier", "good", "number", "met"), [
    ("VIP", 19, 20, True), ("VIP", 94, 100, False), ("全球通", 9, 10, True), ("全球通", 89, 100, False), ("others", 17, 20, True),
    ("others", 84, 100, False)])
def test_satisfaction_by_tier(tier: str, good: int, number: int, met: bool) -> None:
    figures = of(*({"customer_tier": tier, "satisfied": one < good} for one in range(number)), {"customer_tier": tier})
    assert figure(figures, "satisfied", tier)[:2] == (good, number) and figure(figures, "satisfied", tier)[4] is met


@pytest.mark.parametrize(("good", "number", "met"), [(19, 20, True), (94, 100, False)])
def test_work_orders_in_time_whether_complaints_or_not(good: int, number: int, met: bool) -> None:
    rows = [{"due_at": 72, "closed_at": 72 if one < good else 72 + S, "complaint": bool(one % 2)} for one in range(number)]
    figures = of(*rows, {"closed_at": 5}, {"due_at": 1000})         # without a due time, and not due yet: not counted
    assert figure(figures, "work_orders_in_time") == (good, number, 100 * good / number, 95.0, met)


@pytest.mark.parametrize(("row", "counted"), [
    ({"first_reply_at": 1, "effective_reply_at": 2, "closed_at": 3, "due_at": 3}, (1, 1)),
    ({"first_reply_at": 1, "effective_reply_at": 2, "closed_at": 3}, (1, 1)),                       # due at no set time
    ({"first_reply_at": 1, "effective_reply_at": 49, "closed_at": 50, "due_at": 60}, (0, 1)),       # one step late
    ({"first_reply_at": 1, "effective_reply_at": 2, "closed_at": 70, "due_at": 60}, (0, 1)),
    ({"first_reply_at": 1, "effective_reply_at": 2, "due_at": 1000}, (0, 0))])                      # still open, in time so far
def test_the_whole_process_is_in_time_when_every_step_is(row: dict[str, Any], counted: tuple[int, int]) -> None:
    assert figure(of(row), "whole_process")[:2] == counted


@pytest.mark.parametrize(("good", "met"), [(96, True), (95, False)])
def test_the_whole_process_wants_96_of_a_hundred(good: int, met: bool) -> None:
    done = {"first_reply_at": 1, "effective_reply_at": 2, "closed_at": 3}
    assert figure(of(*[done] * good, *[done | {"first_reply_at": 49}] * (100 - good)), "whole_process") == (good, 100, float(good), 96.0, met)


def test_complaints_per_million_calls() -> None:
    figures = of({}, {}, {"complaint": False}, calls=800_000)
    assert figure(figures, "per_million") == (2, 800_000, 2.5, None, None)
    assert figure(of(), "per_million") == (0, 0, None, None, None)


@pytest.mark.parametrize(("row", "hours", "late"), [
    ({}, 72, 0), ({}, 72 + 1 / 3600, 1), ({"first_reply_at": 100}, 200, 0), ({"complaint": False}, 200, 0),
    ({"opened_at": datetime(2026, 9, 1, tzinfo=UTC)}, 200, 1)])         # from before the month, and still waiting
def test_no_answer_after_three_days(row: dict[str, Any], hours: float, late: int) -> None:
    figures = of(row, now=OPENED + timedelta(hours=hours))
    assert figure(figures, "unanswered")[0] == late and figure(figures, "unanswered")[4] is (late == 0)
    assert figures.cases.filter(pl.col("indicator") == "unanswered").height == late


def test_the_month_is_chinas() -> None:
    rows = [{"opened_at": datetime(2026, 9, 30, 15, 59, tzinfo=UTC)}, {"opened_at": datetime(2026, 9, 30, 16, tzinfo=UTC)},
            {"opened_at": datetime(2026, 10, 31, 15, 59, tzinfo=UTC)}, {"opened_at": datetime(2026, 10, 31, 16, tzinfo=UTC)}]
    assert figure(of(*rows, calls=1), "per_million")[0] == 2


def test_tagged_calls_without_a_work_order_are_listed(tmp_path: Path) -> None:
    lake = generated.workspace(tmp_path / "w", generated.calls(200, 4, first=date(2026, 10, 1), days=20))
    tagged = tagged_calls(lake.rows("hits"), lake.rows("calls"), date(2026, 10, 1), date(2026, 10, 31))
    assert tagged["call_id"].to_list() == ["c-000000", "c-000050", "c-000100", "c-000150"]
    figures = of({"call_id": "c-000050"}, tagged=tagged, calls=200)
    assert figure(figures, "unrecorded") == (3, 4, 75.0, None, None) and figure(figures, "tagged_per_million")[:3] == (4, 200, 20_000.0)
    assert figures.cases.filter(pl.col("indicator") == "unrecorded")["call_id"].to_list() == ["c-000000", "c-000100", "c-000150"]


def test_every_indicator_has_its_row_and_words() -> None:
    assert set(of().table["indicator"]) == set(INDICATORS)


def test_the_command(tmp_path: Path) -> None:
    lake = generated.workspace(tmp_path / "w", generated.calls(200, 4, first=date(2026, 10, 1), days=20))
    (tmp_path / "o.csv").write_text("工单号,受理时间,投诉,首次回复时间,满意\no-1,2026-10-02 09:00,是,2026-10-05 09:00,是\no-2,soon,,,\n", encoding="gb18030")
    for ending in ("jsonl", "xlsx"):
        done = CliRunner().invoke(app, ["complaints", "-w", str(lake.root), "--month", "2026-10", "--work-orders", str(tmp_path / "o.csv"),
                                        "--as-of", "2026-11-01", "--cases", "first_reply", "--out", str(tmp_path / f"c.{ending}")], env={"COLUMNS": "160"})
        assert done.exit_code == 1 and "o.csv line 3: opened_at" in done.stderr and "o-1" in done.stdout and "72.00" in done.stdout
    headings = [cell.value for sheet in openpyxl.load_workbook(tmp_path / "c.xlsx") for cell in sheet[1]]
    assert headings.count("级别") == 2 and all(re.search("[\u4e00-\u9fff]", heading) for heading in headings)
    rows = {row["indicator"]: row for row in map(json.loads, (tmp_path / "c.jsonl").read_text(encoding="utf-8").splitlines()) if not row["tier"]}
    assert rows["first_reply"]["met"] is False and rows["first_reply"]["cases"][0]["order_id"] == "o-1" and rows["per_million"]["value"] == 5000.0
