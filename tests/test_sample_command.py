"""`tingjian sample` as its users meet it: plan, file, queue, coverage, estimates."""
from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from insight import judging
from store.lake import Lake
from store.plans import Plans
from store.reviews.database import Database
from store.reviews.schema import Audit, Card
from tests import benches, generated
from tingjian import app


def _run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["sample", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return generated.workspace(tmp_path / "w", generated.calls(600, 6))


def test_a_plan_as_a_table_and_a_file_of_each_kind(lake: Lake, tmp_path: Path) -> None:
    agents = tmp_path / "agents.csv"
    agents.write_text("agent_id,hired_on\n8000,2026-11-16\n8001,soon\n", encoding="utf-8")
    for ending, reads in (("csv", pl.read_csv), ("jsonl", pl.read_ndjson), ("parquet", pl.read_parquet)):
        out = tmp_path / f"plan.{ending}"
        code, shown, said = _run("-w", lake.root, "--agents", agents, "--out", out)
        assert code == 0 and "Seed 2026-W47" in shown and 'agents.csv line 3: hired_on is "soon", not a date' in said
        table = reads(out)
        everything = lake.calls().filter(pl.col("agent_id") == "8000").collect()
        assert table.filter(pl.col("picked") == "random", pl.col("agent_id").cast(pl.String) == "8000").height == everything.height


def test_the_queue_follows_a_kept_plan_and_what_is_reviewed_stays(lake: Lake) -> None:
    database = Database.open(lake.root)
    calls = lake.calls().collect()
    generated.published(database, calls.head(100), "random")
    generated.published(database, calls.slice(100), "random", state="open")
    code, _, said = _run("-w", lake.root, "--into-queue")
    random = set(Plans(lake.root).named("2026-W47").random["call_id"])
    with database.reading() as session:
        waiting = {card.call_id: card.picked for card in session.query(Card).filter_by(state="open")}
        assert session.query(Card).filter_by(state="published", picked="random").count() == 100
        assert session.query(Audit).filter_by(action="sample.planned", subject="2026-W47").count() == 1
    assert code == 0 and "now marked random" in said
    assert {call_id for call_id, picked in waiting.items() if picked == "random"} == random & set(waiting)


def test_calls_that_come_in_later_follow_the_kept_plan(tmp_path: Path) -> None:
    root = tmp_path / "w"
    lake = benches.bench(root).lake
    for file in root.glob("reviews.sqlite*"):
        file.unlink()
    days = lake.calls().filter(pl.col("day") != "unknown").select(pl.col("day").min(), last=pl.col("day").max()).collect().row(0)
    assert _run("-w", root, "--since", days[0], "--until", days[1], "--keep")[0] == 0
    benches.over(root).fill_queue()
    random = set(next(iter(Plans(root))).random["call_id"])
    with Database.open(root).reading() as session:
        assert random and {card.call_id for card in session.query(Card) if card.picked == "random"} == random


def test_coverage_and_estimates_of_a_reviewed_plan(lake: Lake) -> None:
    assert _run("-w", lake.root, "--keep", "--monitor", "rui")[0] == 0
    plan = Plans(lake.root).named("2026-W47")
    calls = lake.calls().collect()
    heard = calls.join(plan.calls.select("call_id"), on="call_id", how="semi")
    generated.published(Database.open(lake.root), heard.head(heard.height - 1), lines=True)
    code, shown, _ = _run("-w", lake.root, "--coverage")
    assert code == 0 and f"{heard.height - 1} of {heard.height} heard" in shown and "1 of 6 agents are short, together by 1" in shown.replace("\n", " ")
    code, shown, _ = _run("-w", lake.root, "--estimate")
    assert code == 0 and "mean score" in shown and "fails: 开头语" in shown


def test_a_kept_plan_is_drawn_again_to_the_same_calls_or_it_is_told_why_not(lake: Lake) -> None:
    assert _run("-w", lake.root, "--keep", "--seed", "any", "--monitor", "rui")[0] == 0
    code, shown, _ = _run("-w", lake.root, "--verify")
    assert code == 0 and "the same" in shown
    file = lake.root / "plans" / "2026-W47.calls.parquet"
    calls = pl.read_parquet(file)
    calls.with_columns(call_id=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("c-nicer")).otherwise("call_id")).write_parquet(file)
    code, _, said = _run("-w", lake.root, "--verify")
    assert code == 1 and "somebody changed the plan" in said
    generated.workspace(lake.root, generated.calls(50, 6, seed=1).with_columns(pl.col("call_id").str.replace("c-", "late-")))
    code, _, said = _run("-w", lake.root, "--verify")
    assert code == 1 and "Calls came" in said


def test_coverage_needs_no_kept_plan_estimates_do(lake: Lake) -> None:
    code, shown, said = _run("-w", lake.root, "--coverage")
    assert code == 0 and "No plan is kept" in said and "6 of 6 agents are short" in shown
    with pytest.raises(Exception, match="no chances are known"):
        _run("-w", lake.root, "--estimate")


@pytest.mark.parametrize(("arguments", "message"), [
    (["--week", "47"], "is no week"), (["--since", "2026-11-31"], "not a day"), (["--until", "2026-11-30"], "goes with --since"),
    (["--week", "2026-W47", "--since", "2026-11-16"], "not both"), (["--since", "2026-11-18", "--until", "2026-11-16"], "is before"),
    (["--week", "2026-W01"], "No calls from 2025-12-29"), (["--out", "plan.xls"], "ends in .csv, .jsonl or .parquet")])
def test_mistakes_are_told(arguments: list[str], message: str, lake: Lake) -> None:
    with pytest.raises(Exception, match=message):
        _run("-w", lake.root, *arguments)


def test_the_interval_of_a_mean_score_of_few_calls_stays_within_what_a_card_can_have() -> None:
    few = judging.mean_score(pl.DataFrame({"score": [100.0, 70.0, 100.0], "weight": [1.0, 1.0, 1.0]}))
    none = judging.mean_score(pl.DataFrame({"score": [0.0, 30.0, 0.0], "weight": [1.0, 1.0, 1.0]}))
    assert (few.value, few.high) == (90.0, 100.0) and (none.value, none.low) == (10.0, 0.0)
    assert few.low is not None and 0 < few.low < 90 and judging.mean_score(pl.DataFrame({"score": [50.0], "weight": [1.0]})).high is None
