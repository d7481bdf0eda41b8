"""`tingjian learn` as its users meet it: agreement, proposals with calls on both sides, taking one over, calibrating."""
from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from records import Call, Draft, Problem, Recording, Transcript, Turn
from rules import calibrating
from store.lake import AudioFile, Lake, Result
from store.reviews.database import Database
from store.reviews.schema import Card, Item
from tests.test_learning import RULES
from tingjian import app

FALSE = "没办法，这个我马上给您登记，王先生的手机13912345678"
TRUE = "没办法，您自己想想吧"


def _run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["learn", *map(str, arguments)], env={"TINGJIAN_SCORING__MEANING": "false", "COLUMNS": "160"})
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A pack, and a workspace of sixty reviewed calls: 没办法 is a refusal in half of them, and none where something is offered after it."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.yaml").write_text(RULES, encoding="utf-8")
    lake = Lake.create(tmp_path / "w")
    results = []
    for n in range(60):
        call = Call(call_id=f"c-{n:02}", started_at="2026-11-02T09:00:00+08:00", agent_id="8000")
        transcript = Transcript(**call.model_dump(), turns=(Turn(speaker="agent", text=FALSE if n % 2 else TRUE),))
        draft = Draft(call_id=call.call_id, form="f", form_version="1", rules_version="r", score=90.0, band="good", fatal=False, items=(), findings=())
        results.append(Result(Recording(call=call, path="x"), AudioFile("0" * 64, 1, 1), "t", transcript, draft, scorer_version="s"))
    with lake.writing():
        lake.commit(results)
    with Database.open(lake.root).writing() as session:
        for n in range(60):
            session.add(Card(call_id=f"c-{n:02}", day="2026-11-02", agent_id="8000", form="f", draft_version="r", fatal=False, complaint=False,
                             unsure=0, triage=0.0, reasons=[], picked="random", state="published", score=90.0, band="good",
                             published_at=datetime(2026, 11, 3, tzinfo=UTC) + timedelta(days=n // 10)))
            truth = "pass" if n % 2 else "fail"
            session.add(Item(call_id=f"c-{n:02}", item="refusal", position=0, title="拒绝", max_points=5.0, rules=["taboo.refusal"],
                             machine_verdict="fail", machine_confidence=0.9, fatal=False, human_verdict=truth, final_verdict=truth))
    return tmp_path


def test_agreement_proposals_and_taking_one_over(home: Path) -> None:
    out = home / "p.jsonl"
    code, shown, _ = _run("-w", home / "w", "--pack", home / "rules", "--out", out)
    assert code == 0 and re.search(r"taboo.refusal +60 +50%", shown) and "+ 30 then as the reviewer said" in shown and "13912345678" not in shown
    first = json.loads(out.read_text(encoding="utf-8").splitlines()[0])
    assert (first["kind"], len(first["for"]), first["against"]) == ("except", 30, [])
    code, shown, _ = _run("-w", home / "w", "--pack", home / "rules", "--accept", first["id"])
    assert code == 0 and "rules backtest" in shown and first["phrase"] in (home / "rules" / "mine.yaml").read_text(encoding="utf-8")
    assert "Nothing to propose" in _run("-w", home / "w", "--pack", home / "rules")[1]      # learnt


def test_one_rule_week_by_week_and_a_calibration(home: Path) -> None:
    code, shown, _ = _run("-w", home / "w", "--pack", home / "rules", "--rule", "taboo.refusal", "--calibrate", home / "c.json")
    assert code == 0 and "2026-11-02" in shown and "30 of 60 right" in shown
    (curve,) = json.loads((home / "c.json").read_text(encoding="utf-8"))["curves"]
    assert (curve["rule"], curve["verdict"], curve["reviews"]) == ("taboo.refusal", "fail", 60)
    assert calibrating.load(home / "c.json").of("taboo.refusal", "fail", 0.95) == pytest.approx(0.5)


@pytest.mark.parametrize(("arguments", "message"), [
    (["--accept", "nothing"], "no proposal nothing"), (["--rule", "taboo.none"], "There is no rule taboo.none")])
def test_mistakes_are_told(arguments: list[str], message: str, home: Path) -> None:
    with pytest.raises(Problem, match=message):
        _run("-w", home / "w", "--pack", home / "rules", *arguments)


def test_without_reviews_there_is_nothing_to_learn(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="No reviewed cards"):
        _run("-w", Lake.create(tmp_path / "w").root)
