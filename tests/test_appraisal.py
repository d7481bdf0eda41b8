"""The monthly appraisal, figure by figure, against examples worked out by hand; the handbooks' borders stand among them."""
from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from insight import appraisal, delivered
from insight.appraisal import Month, Sources, appraise, spread, trail
from insight.delivered import Read
from insight.reviewed import CARDS
from records import Problem
from settings import Appraisal

OCTOBER = Month(2026, 10)
NO_CALLS = {"call_id": pl.String, "day": pl.String, "agent_id": pl.String, "agent_name": pl.String, "team": pl.String,
            "duration": pl.Float64, "started_at": pl.String}


def cards(*scores: tuple[str, float | None] | tuple[str, float | None, str] | tuple[str, float | None, str, str],
          day: str = "2026-10-15") -> pl.DataFrame:
    """Cards as (agent, score, picked, state)."""
    rows = [{"call_id": f"c-{day[-5:]}-{n}", "day": day, "agent_id": agent, "score": score, "picked": (*more, "random")[0],
             "state": (*more, "random", "published")[1] if len(more) > 1 else "published"} for n, (agent, score, *more) in enumerate(scores)]
    return pl.DataFrame(rows, schema_overrides=CARDS).select(
        pl.col(name) if rows and name in rows[0] else pl.lit(None, dtype=kind).alias(name) for name, kind in CARDS.items())


def calls(agents: dict[str, tuple[int, float]], day: str = "2026-10-15") -> pl.LazyFrame:
    """So many calls of so many seconds an agent."""
    rows = [(f"{agent}-{n}", day, agent, f"N{agent}", "T", seconds, f"{day}T09:00:00+08:00")
            for agent, (number, seconds) in agents.items() for n in range(number)]
    return pl.DataFrame(rows, schema=NO_CALLS, orient="row").lazy()


def told(sheet: delivered.Sheet, *rows: dict[str, Any]) -> Read:
    """A delivered file with these rows, its lines numbered from 2."""
    empty = delivered.nothing(sheet)
    made = [dict.fromkeys(empty.rows.columns) | {"line": n} | row for n, row in enumerate(rows, 2)]
    return Read(pl.DataFrame(made, schema=empty.rows.schema), empty.refused)


def assessed(score: float, agent: str = "1", month: str = "2026-10") -> dict[str, Any]:
    return {"agent_id": agent, "month": month, "score": score}


def order(number: int = 1, agent: str | None = "1", at: datetime = datetime(2026, 10, 15, tzinfo=UTC), **more: Any) -> dict[str, Any]:
    return {"order_id": f"o-{number}", "agent_id": agent, "opened_at": at} | more


def one(sources: Sources, policy: Appraisal | None = None, agent: str = "1") -> dict[str, Any]:
    return appraise(sources, OCTOBER, policy or Appraisal()).filter(pl.col("agent_id") == agent).row(0, named=True)


@pytest.mark.parametrize(("assessment", "scores", "result", "grade"), [
    (92.0, [98.0], 95.0, "A"),                  # (92 + 98) / 2 = 95 exactly
    (94.9, [95.1], 95.0, "A"),                  # 190 / 2, although no binary fraction is either
    (92.0, [97.98], 94.99, "B"),                # 189.98 / 2
    (92.0, [97.0], 94.5, "B"),                  # between the handbook's 94 and 95
    (80.0, [90.0, 90.0, 90.0], 85.0, "B"),      # exactly 85
    (80.0, [89.98], 84.99, "C"), (80.0, [89.0], 84.5, "C"), (70.0, [90.0], 80.0, "C"),
    (70.0, [89.98], 79.99, "D"), (0.0, [0.0], 0.0, "D"), (100.0, [100.0], 100.0, "A"),
    (90.0, [80.0, 90.0, 91.0], 88.5, "B"),      # monitoring 261 / 3 = 87
    (90.0, [90.0, 90.0, 91.0], 90.17, "B"),     # 90.333… is shown and used as 90.33; 180.33 / 2 = 90.165, halves up
])
def test_result_and_grade(assessment: float, scores: list[float], result: float, grade: str) -> None:
    row = one(Sources(calls({}), cards(*(("1", score) for score in scores)), assessments=told(delivered.ASSESSMENTS, assessed(assessment))))
    assert (row["result"], row["grade"], row["cards"]) == (result, grade, len(scores))


@pytest.mark.parametrize(("before", "now", "flagged"), [
    (69.99, 69.99, True), (70.0, 69.0, False), (69.0, 70.0, False), (None, 60.0, False), (60.0, 60.0, True)])
def test_two_months_running_under_seventy(before: float | None, now: float, flagged: bool) -> None:
    old = [("1", before)] if before is not None else []
    both = pl.concat([cards(("1", now)), cards(*old, day="2026-09-15")] if old else [cards(("1", now))])
    months = [assessed(now), *([assessed(before, month="2026-09")] if before is not None else [])]
    row = one(Sources(calls({}), both, assessments=told(delivered.ASSESSMENTS, *months)))
    assert (row["two_low"], row["result_before"]) == (flagged, before)


@pytest.mark.parametrize(("orders", "complaints", "deduction", "bonus", "dismissal"), [
    ([], 0, 0, 1.0, False),
    ([order()], 1, 5, 0.5, False),
    ([order(1), order(2)], 2, 10, 0.0, False),
    ([order(1), order(2, major=True), order(3)], 3, 20, 0.0, True),
    ([order(major=True)], 1, 10, 0.5, False),
    ([order(upheld=False)], 0, 0, 1.0, False),                                  # the agent was not at fault
    ([order(complaint=False)], 0, 0, 1.0, False),                               # some other work order
    ([order(at=datetime(2026, 9, 30, 15, 59, tzinfo=UTC))], 0, 0, 1.0, False),  # 23:59 on 30 September in China
    ([order(at=datetime(2026, 9, 30, 16, 0, tzinfo=UTC))], 1, 5, 0.5, False),   # midnight: October
    ([order(agent=None)], 0, 0, 1.0, False),
])
def test_complaints_bonus_and_dismissal(orders: list[dict[str, Any]], complaints: int, deduction: int, bonus: float,
                                        dismissal: bool) -> None:
    row = one(Sources(calls({"1": (1, 60.0)}), cards(), orders=told(delivered.WORK_ORDERS, *orders)))
    assert (row["complaints"], row["deduction"], row["bonus_share"], row["dismissal"]) == (complaints, deduction, bonus, dismissal)


@pytest.mark.parametrize(("policy", "result", "grade"), [("apart", 96.0, "A"), ("result", 91.0, "B")])
def test_points_for_complaints_stand_apart_or_lower_the_result(policy: Any, result: float, grade: str) -> None:
    sources = Sources(calls({}), cards(("1", 96.0)), assessments=told(delivered.ASSESSMENTS, assessed(96.0)),
                      orders=told(delivered.WORK_ORDERS, order()))
    row = one(sources, Appraisal(complaint_points=policy))
    assert (row["result"], row["grade"], row["deduction"]) == (result, grade, 5)


@pytest.mark.parametrize(("mine", "other", "over", "points"), [
    # Two agents with as many calls: the mean lies in the middle.
    (200.0, 200.0, 0.0, 5), (180.0, 220.0, -20.0, 5), (200.02, 200.0, 0.01, 3),
    (280.0, 200.0, 40.0, 3),            # mean 240: exactly 40 s over
    (280.02, 200.0, 40.01, 1),
    (360.0, 200.0, 80.0, 1),            # mean 280: exactly 80 s over
    (360.02, 200.0, 80.01, 0)])
def test_talk_time_against_the_centres_mean(mine: float, other: float, over: float, points: int) -> None:
    row = one(Sources(calls({"1": (4, mine), "2": (4, other)}), cards()))
    assert (row["talk_over"], row["talk_points"]) == (over, points)


def test_the_centres_mean_is_over_calls_not_over_agents() -> None:
    row = one(Sources(calls({"1": (1, 300.0), "2": (3, 100.0)}), cards()))      # (300 + 3 × 100) / 4
    assert (row["talk_mean"], row["talk_over"], row["talk_points"]) == (150.0, 150.0, 0)


@pytest.mark.parametrize(("mine", "other", "under", "points"), [
    (500, 500, 0.0, 10), (600, 500, -50.0, 10), (499, 500, 0.5, 6),
    (400, 600, 100.0, 6), (399, 600, 100.5, 2),         # exactly 100 under the mean of 500
    (300, 700, 200.0, 2), (299, 700, 200.5, 0)])
def test_volume_against_the_mean(mine: int, other: int, under: float, points: int) -> None:
    volumes = told(delivered.VOLUMES, {"agent_id": "1", "month": "2026-10", "calls": mine}, {"agent_id": "2", "month": "2026-10", "calls": other})
    row = one(Sources(calls({}), cards(), volumes=volumes))
    assert (row["volume_under"], row["volume_points"]) == (under, points)


def test_points_are_talk_and_volume_less_complaints() -> None:
    sources = Sources(calls({"1": (2, 100.0), "2": (2, 100.0)}), cards(), orders=told(delivered.WORK_ORDERS, order()))
    assert one(sources)["points"] == 5 + 10 - 5


def test_volume_comes_from_the_file_where_it_says_it_else_from_the_workspace() -> None:
    volumes = told(delivered.VOLUMES, {"agent_id": "1", "month": "2026-10", "calls": 900, "talk_seconds": 150.0},
                   {"agent_id": "2", "month": "2026-09", "calls": 5})
    sources = Sources(calls({"1": (2, 100.0), "2": (3, 100.0)}), cards(), volumes=volumes)
    assert [one(sources, agent=agent)[name] for agent in "12" for name in ("calls", "talk_seconds")] == [900, 150.0, 3, 100.0]


def test_only_the_random_sample_is_monitoring_unless_told_otherwise() -> None:
    sources = Sources(calls({}), cards(("1", 90.0), ("1", 0.0, "risk")), assessments=told(delivered.ASSESSMENTS, assessed(90.0)))
    assert one(sources)["result"] == 90.0 and one(sources, Appraisal(monitoring="all"))["result"] == 67.5


def test_what_is_lacking_is_told_and_not_graded() -> None:
    row = one(Sources(calls({"1": (1, 60.0)}), cards(("1", 90.0, "risk"))))
    assert (row["result"], row["grade"], row["lacks"]) == (None, None, ["assessment", "monitoring"])


def test_cards_under_appeal_are_counted_and_told() -> None:
    row = one(Sources(calls({}), cards(("1", 90.0, "random", "appealed"), ("1", 80.0))))
    assert (row["monitoring"], row["cards"], row["appeals"]) == (85.0, 2, 1)


def test_whoever_left_before_the_month_or_came_after_is_not_appraised() -> None:
    agents = told(delivered.AGENTS, {"agent_id": "1", "left_on": date(2026, 9, 30)}, {"agent_id": "2", "hired_on": date(2026, 11, 1)},
                  {"agent_id": "3", "left_on": date(2026, 10, 1), "agent_name": "李娜"})
    table = appraise(Sources(calls({}), cards(), agents=agents), OCTOBER, Appraisal())
    assert table.select("agent_id", "agent_name").rows() == [("3", "李娜")]


def test_the_spread_against_the_expected_one() -> None:
    grades = ["A"] * 2 + ["B"] * 36 + ["C"] * 1 + ["D"] * 1 + [None]
    rows = spread(pl.DataFrame({"grade": grades})).rows()
    assert rows == [("A", 2, 5.0, 2.0, 5.0, True), ("B", 36, 90.0, 80.0, 90.0, True), ("C", 1, 2.5, 5.0, 10.0, False),
                    ("D", 1, 2.5, 2.0, 5.0, True)]


def test_every_figure_leads_to_its_calls_and_lines() -> None:
    sources = Sources(calls({"1": (2, 100.0)}), cards(("1", 90.0), ("1", 40.0, "risk"), ("2", 70.0)),
                      assessments=told(delivered.ASSESSMENTS, assessed(92.0)),
                      orders=told(delivered.WORK_ORDERS, order(1, major=True, call_id="c-9"), order(2, upheld=False)))
    assert trail(sources, OCTOBER, Appraisal(), "1").rows() == [
        ("1", "assessment", "assessments line 2", 92.0, True, ""),
        ("1", "complaint", "o-1 (work_orders line 2)", 10.0, True, "major c-9"),
        ("1", "complaint", "o-2 (work_orders line 3)", 5.0, False, "not upheld, not counted"),
        ("1", "monitoring", "c-10-15-0", 90.0, True, ""), ("1", "monitoring", "c-10-15-1", 40.0, False, "risk-picked, not counted")]
    assert appraisal.calls_of(sources, OCTOBER, "1")["duration"].to_list() == [100.0, 100.0]


@pytest.mark.parametrize("text", ["2026", "2026-13", "October"])
def test_what_is_no_month_is_told(text: str) -> None:
    with pytest.raises(Problem, match="write it as 2026-10"):
        Month.of(text)


def test_who_took_no_call_lowers_no_mean_and_earns_nothing_for_talking_briefly() -> None:
    """(100 + 300) / 2 = 200 calls, and (100 × 120 + 300 × 200) / 400 = 180 s: agent 3 was away."""
    told_ = told(delivered.VOLUMES, *({"agent_id": agent, "month": "2026-10", "calls": number, "talk_seconds": seconds}
                                      for agent, number, seconds in (("1", 100, 120.0), ("2", 300, 200.0), ("3", 0, 0.0))))
    away = one(Sources(calls({}), cards(), volumes=told_), agent="3")
    assert (away["volume_mean"], away["talk_mean"], away["talk_seconds"], away["talk_points"]) == (200.0, 180.0, None, None)
    assert away["points"] is None and "talk" in away["lacks"]
    alone = one(Sources(calls({}), cards(), volumes=told(delivered.VOLUMES, {"agent_id": "1", "month": "2026-10", "calls": 0, "talk_seconds": 0.0})))
    assert (alone["talk_mean"], alone["volume_mean"], alone["volume_points"]) == (None, None, None)


@pytest.mark.parametrize("text", ["0000-10", "0001-01", "2026-00", "2026-13", "2026/10", ""])
def test_what_is_no_month_is_told_so(text: str) -> None:
    with pytest.raises(Problem, match="is no month; write it as 2026-10"):
        Month.of(text)


def test_of_nobody_graded_no_spread_is_right_or_wrong() -> None:
    assert spread(appraise(Sources(calls({"1": (1, 60.0)}), cards()), OCTOBER, Appraisal()))["inside"].to_list() == [None] * 4


def test_a_directory_of_files_that_is_not_there_is_told_so(tmp_path: Any) -> None:
    assert appraisal.in_folder(tmp_path / "none") == {}
    with pytest.raises(Problem, match="none is no directory"):
        appraisal.in_folder(tmp_path / "none", named=True)


def test_no_figure_worked_out_is_under_a_mean_by_less_than_nothing() -> None:
    """Agent 1: 20 calls of 100 s, agent 2: 10 of 160 s; the means are 15 calls and 120 s."""
    from review.appraisal_words import worked_out

    sources = Sources(calls({"1": (20, 100.0), "2": (10, 160.0)}), cards())
    first, second = (worked_out(one(sources, agent=agent), Appraisal(), "en") for agent in ("1", "2"))
    assert "talk time: 100 s, the centre's mean 120 s, 20 s under it: 5 points" in first and "volume: 20, the mean 15, 5 over it: 10 points" in first
    assert "talk time: 160 s, the centre's mean 120 s, 40 s over it: 3 points" in second and "volume: 10, the mean 15, 5 under it: 6 points" in second
    assert "话务量 20，平均 15，高于均值 5：10 分" in worked_out(one(sources), Appraisal(), "zh")
