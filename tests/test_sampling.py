"""The sampling plan keeps its promises: quotas, chances, hours, the same plan from the same seed; estimates are not biased."""
from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2, chisquare

from insight import estimates, planning
from insight.reviewed import CARDS
from insight.sampling import Period, digest, draw, missing_lines, parted, population, quotas
from insight.triage import risks, triage
from records import Problem
from settings import Change, Sampling
from store.lake import Lake
from store.plans import Plan, Plans
from tests import benches, generated

WEEK = Period(date(2026, 11, 16), date(2026, 11, 22))
SEEDS = [f"seed-{number}" for number in range(200)]
POLICY = Sampling(monitors=["rui", "rong"], per_day=5)
AGENTS = pl.DataFrame({"agent_id": ["8003", "8004", "8005"], "hired_on": [date(2026, 11, 16), date(2026, 10, 12), None],
                       "grade": [None, None, "D"]}, schema={"agent_id": pl.String, "hired_on": pl.Date, "grade": pl.String})


@pytest.fixture(scope="module")
def week() -> pl.DataFrame:
    return population(generated.calls().lazy(), WEEK)


@pytest.fixture(scope="module")
def drawn(week: pl.DataFrame) -> list[pl.DataFrame]:
    """The plan of one week by 200 seeds."""
    table = quotas(week, WEEK, POLICY, AGENTS, at_least=120)
    return [draw(week, table, seed) for seed in SEEDS]


def test_every_quota_is_met_by_every_seed(week: pl.DataFrame, drawn: list[pl.DataFrame]) -> None:
    table = quotas(week, WEEK, POLICY, AGENTS, at_least=120)
    assert table["quota"].sum() >= 120 and (table["quota"] >= 3).all()
    for one in drawn:
        taken = one.filter("drawn").group_by("agent_id").agg(taken=pl.len()).sort("agent_id")
        assert taken["taken"].to_list() == table["quota"].to_list()


def test_hours_follow_the_hours_of_the_work(drawn: list[pl.DataFrame]) -> None:
    by_hour = pl.concat(drawn).group_by("hour").agg(pl.col("drawn").sum(), pl.col("probability").sum()).sort("hour")
    assert chisquare(by_hour["drawn"].to_numpy(), by_hour["probability"].to_numpy()).pvalue > 0.01
    strayed = 0
    for one in drawn:
        hours = one.group_by("hour").agg(pl.col("drawn").sum(), pl.col("probability").sum())
        strayed += chisquare(hours["drawn"].to_numpy(), hours["probability"].to_numpy()).pvalue < 0.05
    assert strayed <= 10       # 5 % of 200 by chance alone; systematic draws stray less


@pytest.mark.parametrize("column", ["day", "line"])
def test_days_and_lines_get_their_part(drawn: list[pl.DataFrame], column: str) -> None:
    table = pl.concat(drawn).group_by(column).agg(pl.col("drawn").sum(), pl.col("probability").sum())
    assert chisquare(table["drawn"].to_numpy(), table["probability"].to_numpy()).pvalue > 0.01


def test_each_call_is_drawn_as_often_as_its_chance_says(drawn: list[pl.DataFrame]) -> None:
    times = np.sum([one["drawn"].to_numpy() for one in drawn], axis=0)
    chance = drawn[0]["probability"].to_numpy()
    unsure = chance < 1
    away = ((times - 200 * chance)[unsure] ** 2 / (200 * chance * (1 - chance))[unsure]).sum()
    assert chi2.sf(away, unsure.sum()) > 0.001 and (times[~unsure] == 200).all()


def test_the_same_seed_and_calls_give_the_same_plan_in_any_order(week: pl.DataFrame) -> None:
    table = quotas(week, WEEK, POLICY)
    again = population(generated.calls().sample(fraction=1, shuffle=True, seed=1).lazy(), WEEK)
    assert draw(again, table, "a").equals(draw(week, table, "a")) and digest(again) == digest(week)
    assert not draw(week, table, "b").equals(draw(week, table, "a"))


def test_a_draw_is_what_it_was_when_this_was_written() -> None:
    """A plan must be drawn again years later, by newer libraries: nothing of the draw may change."""
    calls = pl.DataFrame({"call_id": [f"c-{n:02}" for n in range(40)], "agent_id": ["1", "2"] * 20, "agent_name": None, "team": None,
                          "hour": [n % 7 + 9 for n in range(40)]})
    taken = draw(calls, quotas(calls, WEEK, Sampling()), "2026-W47").filter("drawn")
    assert taken["call_id"].to_list() == ["c-00", "c-01", "c-04", "c-16", "c-17", "c-33"]


@pytest.mark.parametrize(("calls", "hired", "score", "grade", "changes", "quota", "why"), [
    (20, None, None, None, [], 3, []),                                      # at least three a week
    (100, None, None, None, [], 5, []),                                     # 5 % of 100
    (101, None, None, None, [], 6, []),                                     # 5.05, never fewer than the share
    (2, None, None, None, [], 2, []),                                       # no more than there are
    (100, date(2026, 11, 16), None, None, [], 100, ["new"]),                # hired this week: every call
    (100, date(2026, 11, 9), None, None, [], 89, ["new"]),                  # second week: 0.05 + 0.95 × 7/8 = 0.88125
    (100, date(2026, 9, 28), None, None, [], 17, ["new"]),                  # eighth week: 0.05 + 0.95 × 1/8 = 0.16875
    (100, date(2026, 9, 21), None, None, [], 5, []),                        # after eight weeks as others
    (100, date(2026, 11, 9), 70.0, None, [], 100, ["new", "weak"]),         # a weak new one does not taper
    (20, None, 79.9, None, [], 6, ["weak"]), (20, None, 80.0, None, [], 3, []),
    (100, None, None, "C", [], 10, ["weak"]), (100, None, None, "B", [], 5, []),
    (100, None, None, None, [("2026-11-22", 1)], 8, ["change"]),            # 5 × 1.5 = 7.5
    (100, None, None, None, [("2026-11-23", 4)], 5, []), (100, None, None, None, [("2026-11-09", 1)], 5, []),
    (200, None, 60.0, None, [("2026-11-01", 4)], 30, ["weak", "change"]),   # 5 % × 2 × 1.5: 15 % at most
])
def test_the_handbooks_frequencies(calls: int, hired: date | None, score: float | None, grade: str | None,
                                   changes: list[tuple[str, int]], quota: int, why: list[str]) -> None:
    made = pl.DataFrame({"call_id": [str(n) for n in range(calls)], "agent_id": "1", "agent_name": "a", "team": "t"})
    agents = pl.DataFrame({"agent_id": ["1"], "hired_on": [hired], "grade": [grade]},
                          schema={"agent_id": pl.String, "hired_on": pl.Date, "grade": pl.String})
    scores = pl.DataFrame({"agent_id": ["1"], "score": [score]}, schema={"agent_id": pl.String, "score": pl.Float64})
    policy = Sampling(changes=[Change(since=date.fromisoformat(day), weeks=weeks, what="x") for day, weeks in changes])
    row = quotas(made, WEEK, policy, agents, scores).row(0, named=True)
    assert (row["quota"], row["why"]) == (quota, why)


def test_a_day_asks_for_one_call_of_each_agent_at_least() -> None:
    made = pl.DataFrame({"call_id": ["1", "2"], "agent_id": "1", "agent_name": "a", "team": "t"})
    assert quotas(made, Period(WEEK.first, WEEK.first), Sampling())["quota"].to_list() == [1]


def test_calls_of_nobody_known_are_drawn_by_the_share_alone() -> None:
    made = pl.DataFrame({"call_id": [str(n) for n in range(100)], "agent_id": "", "agent_name": None, "team": None})
    assert quotas(made, WEEK, Sampling())["quota"].to_list() == [5]


def test_monitors_get_their_five_a_day_and_no_one_much_more(tmp_path: Path) -> None:
    lake = generated.workspace(tmp_path / "w", generated.calls())
    plan = planning.make(lake, WEEK, Sampling(monitors=["rui", "rong", "lan"], share=0.01, per_week=1), "s")
    shares = plan.calls.group_by("monitor", "check_on").agg(pl.len())
    assert len(shares) == 15 and shares["len"].min() >= 5 and shares["len"].max() - shares["len"].min() <= 1
    assert {day.weekday() for day in shares["check_on"]} <= set(range(5)) and shares["check_on"].min() > WEEK.last


def test_monitors_shares_are_part_of_the_seed() -> None:
    calls, days = [str(n) for n in range(20)], [date(2026, 11, 23), date(2026, 11, 24)]
    assert parted(calls, ["a", "b"], days, "s").equals(parted(calls, ["a", "b"], days, "s"))
    assert parted(calls, [], days, "s")["monitor"].null_count() == 20


def test_risky_calls_stand_apart_and_every_line_is_heard(tmp_path: Path) -> None:
    lake = generated.workspace(tmp_path / "w", generated.calls())
    plan = planning.make(lake, WEEK, Sampling(risk_per_week=50), "s")
    risk = plan.calls.filter(pl.col("picked") == "risk")
    assert plan.calls["call_id"].is_unique().all() and plan.calls["risky"].sum() == 50
    assert risk["risk"].min() > 500 and set(plan.calls["line"]) == set(generated.LINES)
    assert len(plan.random) == plan.quotas["quota"].sum()


def test_a_line_that_chance_left_out_is_heard_apart() -> None:
    table = pl.DataFrame({"call_id": ["a", "b", "c", "d"], "line": ["x", "y", "y", None], "drawn": [True, False, False, False]})
    assert missing_lines(table, "s")["line"].to_list() == ["y"]


def test_the_lakes_triage_is_the_cards_triage(tmp_path: Path) -> None:
    lake = benches.bench(tmp_path / "w").lake
    told = {row["call_id"]: (row["risk"], row["reasons"]) for row in
            risks(lake.calls(), lake.items(), lake.findings()).collect().iter_rows(named=True)}
    for draft in lake.drafts():
        assert told[draft.call_id] == tuple(triage(draft)), draft.call_id


def test_a_plan_is_kept_once_and_another_needs_a_reason(tmp_path: Path) -> None:
    lake = generated.workspace(tmp_path / "w", generated.calls(300, 4))
    plans = Plans(lake.root)
    first = planning.make(lake, WEEK, Sampling(), "a")
    assert plans.keep(first) and not plans.keep(planning.make(lake, WEEK, Sampling(), "a"))
    with pytest.raises(Problem, match="Drawing until it pleases"):
        plans.keep(planning.make(lake, WEEK, Sampling(), "b"))
    assert plans.keep(planning.make(lake, WEEK, Sampling(), "b", reason="calls came late"))
    assert plans.named("2026-W47").seed == "b" and plans.named("2026-W47.1").seed == "a" and [one.name for one in plans] == ["2026-W47"]
    with pytest.raises(Problem, match="may not overlap"):
        plans.keep(planning.make(lake, Period(WEEK.first, WEEK.first), Sampling(), "a"))
    with pytest.raises(Problem, match=r"no plan 2026-W50 .*kept: 2026-W47"):
        plans.named("2026-W50")


def test_a_kept_plan_says_what_is_random(tmp_path: Path) -> None:
    lake = generated.workspace(tmp_path / "w", generated.calls(300, 4))
    plan = planning.make(lake, WEEK, Sampling(), "a")
    Plans(lake.root).keep(plan)
    picked = Plans(lake.root).picked()
    assert picked.of(plan.random["call_id"][0], "2026-11-18") == "random"
    assert picked.of("somebody else", "2026-11-18") == "risk" and picked.of("somebody else", "2026-11-23") is None


def _cards(plan: Plan, call_ids: list[str], picked: str = "random") -> pl.DataFrame:
    """Reviewed cards of these calls, as the review database gives them."""
    return pl.DataFrame({"call_id": call_ids, "agent_id": ["8000"] * len(call_ids), "picked": [picked] * len(call_ids)},
                        schema={name: kind for name, kind in CARDS.items() if name in ("call_id", "agent_id", "picked")})


def test_coverage_says_who_is_short_by_how_many(tmp_path: Path) -> None:
    lake = generated.workspace(tmp_path / "w", generated.calls(300, 4))
    plan = planning.make(lake, WEEK, Sampling(monitors=["rui"], per_day=1), "a")
    mine = plan.random.filter(pl.col("agent_id") == "8000")["call_id"].to_list()
    others = plan.random.filter(pl.col("agent_id") != "8000")["call_id"].to_list()
    rows = planning.coverage(plan, _cards(plan, [*mine[1:], *others])).rows(named=True)
    assert [(row["agent_id"], row["short"]) for row in rows] == [("8000", 1), ("8001", 0), ("8002", 0), ("8003", 0)]
    tally = planning.monitors(plan, _cards(plan, []), date(2026, 11, 24)).row(0, named=True)
    due_monday = plan.calls.filter(pl.col("check_on") == date(2026, 11, 23))
    assert (tally["planned"], tally["heard"], tally["overdue"]) == (len(plan.calls), 0, len(due_monday))


def test_without_a_kept_plan_any_random_card_counts_and_no_risk_picked_one(tmp_path: Path) -> None:
    lake = generated.workspace(tmp_path / "w", generated.calls(300, 4))
    plan = planning.make(lake, WEEK, Sampling(), "a")
    for picked, heard in (("random", 2), ("risk", 0)):
        rows = planning.coverage(plan, _cards(plan, ["x", "y"], picked), kept=False).filter(pl.col("agent_id") == "8000")
        assert rows["heard"].item() == heard and rows["short"].item() == rows["quota"].item() - heard


@pytest.mark.parametrize("text", ["2026-W54", "2026-47", "next week"])
def test_what_is_no_week_is_told_so(text: str) -> None:
    with pytest.raises(Problem, match="write it as 2026-W47"):
        Period.week(text)


@pytest.mark.parametrize(("hits", "number", "low", "high"), [
    (0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (1, 50, 0.0035, 0.1050), (0, 0, 0.0, 1.0)])
def test_wilsons_interval(hits: int, number: int, low: float, high: float) -> None:
    """Values by the formula worked out by hand (z = 1.96)."""
    assert estimates.wilson(hits, number) == pytest.approx((low, high), abs=5e-4)


def test_weighted_estimates_are_not_biased_by_triage_and_plain_ones_are(tmp_path: Path) -> None:
    """The share of fatal calls and the mean score over 200 plans, each with its riskiest calls: fatal ones come first by choice."""
    lake: Lake = generated.workspace(tmp_path / "w", generated.calls())
    calls = lake.calls().collect()
    policy = Sampling(risk_per_week=40)
    table = quotas(population(calls.lazy(), WEEK), WEEK, policy)
    riskiest = planning._riskiest(lake, WEEK, policy)
    week = population(calls.lazy(), WEEK)
    truth_share, truth_mean = calls["fatal"].mean(), calls["score"].mean()
    plain, weighted, means, held = [], [], [], 0
    for seed in SEEDS:
        drawn = draw(week, table, seed)
        heard = planning._picked(drawn, riskiest, drawn.head(0)).with_columns(heard=pl.lit(True)).join(
            calls.select("call_id", "fatal", "score"), on="call_id")
        whole = estimates.weights(heard, table)
        plain.append(heard["fatal"].mean())
        estimate = estimates.weighted_share(whole, "fatal")
        weighted.append(estimate.value)
        held += estimate.low <= truth_share <= estimate.high
        means.append(estimates.weighted_mean(whole, "score").value)
    assert np.mean(plain) > 3 * truth_share                        # unweighted: several times too bad
    standard = np.std(weighted) / np.sqrt(len(SEEDS))
    assert abs(np.mean(weighted) - truth_share) < 4 * standard + 1e-4
    assert abs(np.mean(means) - truth_mean) < 4 * np.std(means) / np.sqrt(len(SEEDS)) + 1e-3
    assert held >= 180                                             # 95 % intervals hold in 90 % at least


def test_calls_not_heard_are_made_up_for_by_the_same_agents() -> None:
    planned = pl.DataFrame({
        "call_id": list("abcde"), "agent_id": ["1", "1", "1", "2", "2"], "picked": ["random", "random", "risk", "random", "line"],
        "probability": [0.2] * 5, "risky": [False, False, True, False, False], "heard": [True, False, True, True, True]})
    weighed = estimates.weights(planned, pl.DataFrame({"agent_id": ["1", "2"], "calls": [11, 10]}))
    assert dict(weighed.select("call_id", "weight").iter_rows()) == {"a": 10.0, "b": 0.0, "c": 1.0, "d": 10.0, "e": 0.0}


@pytest.mark.parametrize(("heard", "weights"), [
    ("abcdef", {"a": 4, "b": 4, "c": 2, "d": 3, "e": 3, "f": 4}),     # all: 8 / 2, 2 / 1 …: 10 + 10 calls in all
    ("abcef", {"a": 4, "b": 4, "c": 2, "e": 6, "f": 4}),              # one of two: the agent's other one stands for it
    ("cdef", {"c": 2, "d": 14 / 6 * 3, "e": 14 / 6 * 3, "f": 4}),     # of agent 1 risky ones alone: the other agent's stand for the 8
    ("cf", {}), ("abde", {}),                                         # of one kind nothing: nothing can be said of all calls
])
def test_whoever_hears_the_risky_calls_first_gets_no_worse_an_estimate(heard: str, weights: dict[str, float]) -> None:
    """Agent 1 has 10 calls, 2 of them among the riskiest (c heard for both); agent 2 has 10, 4 of them (f)."""
    planned = pl.DataFrame({
        "call_id": list("abcxdefyzw"), "agent_id": list("1111222222"), "picked": ["random", "random", "risk", "risk", *["random"] * 2, *["risk"] * 4],
        "risky": [False, False, True, True, False, False, True, True, True, True]}).with_columns(heard=pl.col("call_id").is_in(list(heard)))
    weighed = estimates.weights(planned, pl.DataFrame({"agent_id": ["1", "2"], "calls": [10, 10]}))
    got = {call: weight for call, weight in weighed.select("call_id", "weight").iter_rows() if weight}
    assert got == pytest.approx(weights)
