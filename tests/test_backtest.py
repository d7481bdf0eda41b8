"""Trying changed rules over stored calls: what would change, where and why, and nothing of it is kept."""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tingjian
from insight.backtest import EXAMPLES, Backtest, Compared, Standing, compare
from pipeline.scorecard import Scorer
from records import Call, Draft, Evidence, Finding, Problem, Recording, Transcript, Turn
from review.backtest import try_pack
from settings import Scoring, Settings
from store.lake import AudioFile, Lake, Result

PACK = """rules:
  - {id: t.hello, title: 问候, kind: check, who: agent, why: 测, source: [S0], find: [您好]}
  - {id: t.rude, title: 顶撞, kind: taboo, who: agent, why: 测, source: [S0], find: [自己看]}
  - {id: t.angry, title: 投诉, kind: signal, who: customer, why: 测, source: [S0], find: [我要投诉]}
"""
CHANGED = """rules:
  - {id: t.hello, title: 问候, kind: check, who: agent, why: 测, source: [S0], find: [早上好]}
  - {id: t.rude, title: 顶撞, kind: taboo, who: agent, why: 测, source: [S0], find: [自己看, 不归我管]}
  - {id: t.wait, title: 稍等, kind: signal, who: agent, why: 测, source: [S0], find: [稍等]}
"""
FORM = """id: inbound
version: "1"
title: 呼入
sections:
  - title: 用语
    items:
      - {id: hello, title: 问候, weight: 40, rules: [t.hello]}
      - {id: rude, title: 顶撞, weight: 60, rules: [t.rude]}
"""
CALLS = {  # call: agent, day, what the agent says, what the customer says
    "a-1": ("8023", "2026-11-10", "您好，请讲", "我要投诉"),
    "a-2": ("8023", "2026-11-11", "早上好，请稍等", "好"),
    "b-1": ("9001", "2026-11-12", "您好，这不归我管<b>", "嗯"),
    "b-2": ("9001", None, "您好早上好", "嗯"),
}


def write(directory: Path, name: str, text: str) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(text, encoding="utf-8")
    return directory


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(scoring=Scoring(rule_pack=write(tmp_path / "pack", "t.yaml", PACK), meaning=False,
                                    forms=write(tmp_path / "forms", "f.yaml", FORM)))


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    return write(tmp_path / "changed", "t.yaml", CHANGED)


def call(call_id: str) -> Transcript:
    agent, day, said, answered = CALLS[call_id]
    turns = (Turn(speaker="agent", text=said, start=0.5, end=3.0), Turn(speaker="customer", text=answered, start=3.5, end=4.0))
    return Transcript(call_id=call_id, agent_id=agent, turns=turns, started_at=day and f"{day}T09:00:00+08:00")


@pytest.fixture
def lake(tmp_path: Path, settings: Settings) -> Lake:
    lake, scorer = Lake.create(tmp_path / "workspace"), Scorer.from_settings(settings)
    with lake.writing():
        lake.commit([stored(call(call_id), scorer.draft(call(call_id)), scorer.version) for call_id in CALLS])
    return lake


def stored(said: Transcript, draft: Draft, version: str, form: str | None = None) -> Result:
    recording = Recording(call=Call.model_validate(said.model_dump()), path=f"/gone/{said.call_id}.wav")
    return Result(recording, AudioFile(), "stub", said, draft, scorer_version=version, form_asked=form)


@pytest.fixture
def tried(lake: Lake, settings: Settings, changed: Path) -> Backtest:
    return try_pack(lake, settings, changed).backtest


# rule, verdict before, verdict after: the calls in which that changes
EXPECTED = {
    ("t.hello", "pass", "fail"): ["a-1", "b-1"], ("t.hello", "fail", "pass"): ["a-2"],
    ("t.rude", "pass", "fail"): ["b-1"], ("t.angry", "found", None): ["a-1"], ("t.wait", None, "found"): ["a-2"]}


def test_findings_that_change_are_counted_by_rule_and_kind(tried: Backtest) -> None:
    counted = {(name, *kind): count for name, rule in tried.rules.items() for kind, count in rule.kinds.items()}
    assert counted == {kind: len(calls) for kind, calls in EXPECTED.items()}
    examples = {(name, *kind): [one.call_id for one in held]
                for name, rule in tried.rules.items() for kind, held in rule.examples.items()}
    assert {kind: sorted(calls) for kind, calls in examples.items()} == EXPECTED
    assert (tried.findings, tried.changed, tried.scores.calls) == (6, 3, 4)
    hits = {name: (rule.hits_before, rule.hits_after) for name, rule in tried.rules.items()}
    assert hits == {"t.hello": (1, 2), "t.rude": (0, 1), "t.angry": (1, 0), "t.wait": (0, 1)}


def test_an_example_says_where_it_was_said_and_why_both_sides_decide_so(tried: Backtest) -> None:
    one = tried.rules["t.rude"].examples["pass", "fail"][0]
    assert (one.call_id, one.turn, one.speaker) == ("b-1", 0, "agent") and one.start and 0.5 < one.start < 3.0
    assert (one.text, one.heard, one.heard_by) == ("您好，这不归我管<b>", "不归我管", "after")
    assert one.reason_before and one.reason_after and one.reason_before != one.reason_after
    gone = tried.rules["t.hello"].examples["pass", "fail"][0]
    assert (gone.heard, gone.heard_by) == ("您好", "before")


def test_scores_move_by_call_and_by_agent(tried: Backtest) -> None:
    scores = tried.scores
    assert (scores.up, scores.down, scores.means) == (1, 2, (90.0, 65.0))
    assert {name: (a.changed, a.scores.up, a.scores.down, a.scores.means) for name, a in tried.agents.items()} == {
        "8023": (2, 1, 1, (80.0, 80.0)), "9001": (1, 0, 1, (100.0, 50.0))}
    assert tried.agents["9001"].rules == {"t.hello": 1, "t.rude": 1}
    assert [(one.call_id, one.shift) for one in tried.shifted] == [("b-1", -100.0), ("a-1", -40.0), ("a-2", 40.0)]


def test_the_rules_in_force_change_nothing(lake: Lake, settings: Settings, tmp_path: Path) -> None:
    same = try_pack(lake, settings, tmp_path / "pack")
    assert (same.backtest.scores.calls, same.backtest.changed, same.versions[0]) == (4, 0, same.versions[1])


def test_a_stored_draft_of_older_rules_is_not_taken_for_that_of_the_present_ones(
        lake: Lake, settings: Settings, tmp_path: Path) -> None:
    odd = Scorer.from_settings(settings).draft(call("a-1")).model_copy(update={"score": 1.0, "findings": ()})
    with lake.writing():
        lake.commit([stored(call("a-1"), odd, "sha256:older")])
    assert try_pack(lake, settings, tmp_path / "pack").backtest.changed == 0


def test_the_stored_draft_stands_for_the_present_rules_where_they_made_it(
        lake: Lake, settings: Settings, tmp_path: Path) -> None:
    scorer = Scorer.from_settings(settings)
    odd = scorer.draft(call("a-1")).model_copy(update={"score": 1.0})
    with lake.writing():
        lake.commit([stored(call("a-1"), odd, scorer.version)])
    assert try_pack(lake, settings, tmp_path / "pack").backtest.scores.up == 1


def test_since_leaves_older_and_undated_calls_out(lake: Lake, settings: Settings, changed: Path) -> None:
    trial = try_pack(lake, settings, changed, since="2026-11-11")
    assert (trial.backtest.scores.calls, trial.undated) == (2, 1)


def test_several_processes_give_what_one_gives(lake: Lake, settings: Settings, changed: Path, tried: Backtest,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review.backtest.CHUNK", 1)
    assert try_pack(lake, settings, changed, workers=2).backtest.as_dict() == tried.as_dict()


def test_nothing_is_written_to_the_workspace(lake: Lake, settings: Settings, changed: Path) -> None:
    def files() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in lake.root.rglob("*")}

    with lake.writing():        # not even the writer's lock is asked for
        before = files()
        try_pack(lake, settings, changed)
        assert files() == before


def test_a_call_that_cannot_be_scored_is_named_and_the_others_go_on(lake: Lake, settings: Settings, changed: Path) -> None:
    scorer = Scorer.from_settings(settings)
    with lake.writing():
        lake.commit([stored(call("a-1"), scorer.draft(call("a-1")), "sha256:older", form="mine")])
    trial = try_pack(lake, settings, changed)
    assert [(one.call_id, one.code) for one in trial.failures] == [("a-1", "form")] and "no form mine" in trial.failures[0].message
    assert trial.backtest.scores.calls == 3


@pytest.mark.parametrize(("pack", "forms", "message"), [
    (CHANGED.replace("kind: taboo", "kind: tabboo"), None, r"changed/t\.yaml line 3, .*kind"),
    (CHANGED.replace("早上好", "{"), None, r"changed/t\.yaml line 2"),
    ("rules: [", None, r"changed/t\.yaml line \d"),
    (CHANGED.replace("t.rude", "t.unkind"), None, r"f\.yaml line 8.*no rule t\.rude[\s\S]*--forms"),
    (CHANGED, FORM.replace("weight: 40", "weight: 41"), r"other/f\.yaml line 1.*add up to 101"),
])
def test_mistakes_in_the_changed_files_are_one_problem_with_file_and_line(
        pack: str, forms: str | None, message: str, lake: Lake, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=message):
        try_pack(lake, settings, write(tmp_path / "changed", "t.yaml", pack),
                 write(tmp_path / "other", "f.yaml", forms) if forms else None)


def test_a_directory_without_rules_is_a_problem(lake: Lake, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no rule files"):
        try_pack(lake, settings, tmp_path / "nowhere")


# -- the comparison by itself -----------------------------------------------------------------------------------------


def one_rule(verdict: str, value: float | None = None, confidence: float = 1.0, places: int = 0) -> Draft:
    evidence = tuple(Evidence(rule="t.rude", turn=0, text="自己看") for _ in range(places))
    finding = Finding.model_validate({"rule": "t.rude", "verdict": verdict, "value": value, "confidence": confidence,
                                      "evidence": evidence})
    return Draft(call_id="a-1", form="inbound", form_version="1", rules_version="x", score=None, band=None, fatal=False,
                 items=(), findings=(finding,))


@pytest.mark.parametrize(("before", "after", "differs"), [
    (one_rule("fail", 2), one_rule("fail", 3), True),
    (one_rule("fail", 1, places=1), one_rule("fail", 1, places=2), True),
    (one_rule("pass", 0.0001), one_rule("pass", 0.2), False),
    (one_rule("fail", 2, confidence=0.7), one_rule("fail", 2, confidence=0.9), False),
    (one_rule("found", 1.00001), one_rule("found", 1.00002), False),
    (one_rule("pass"), one_rule("needs_review"), True),
    (one_rule("pass"), one_rule("not_applicable"), True)])
def test_what_counts_as_a_change(before: Draft, after: Draft, differs: bool) -> None:
    assert bool(compare(call("a-1"), before, after).changes) is differs


def test_calls_without_a_score_move_nothing() -> None:
    nothing, some = Standing(None, None, False), Standing(90.0, "good", True)
    result = Backtest().extend([Compared("a", None, None, nothing, some), Compared("b", None, None, some, nothing)])
    assert (result.scores.means, result.scores.up, result.scores.down, result.changed) == (None, 0, 0, 2)
    assert (result.scores.newly_fatal, result.scores.no_longer_fatal, list(result.agents)) == (1, 1, [""])


def test_examples_are_few_and_each_in_words_of_its_own() -> None:
    result = Backtest()
    for number in range(4 * EXAMPLES):
        said = f"自己看{number // 2}"
        transcript = Transcript(call_id=f"c-{number}", turns=(Turn(speaker="agent", text=said),))
        result.add(compare(transcript, one_rule("pass"), one_rule("fail", 1, places=1)))
    held = result.rules["t.rude"].examples["pass", "fail"]
    assert [one.text for one in held] == [f"自己看{number}" for number in range(EXAMPLES)]
    assert result.rules["t.rude"].changed == 4 * EXAMPLES


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def command(lake: Lake, settings: Settings, changed: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("TINGJIAN_SCORING__RULE_PACK", str(settings.scoring.rule_pack))
    monkeypatch.setenv("TINGJIAN_SCORING__FORMS", str(settings.scoring.forms))
    monkeypatch.setenv("TINGJIAN_SCORING__MEANING", "false")

    def run(*options: str) -> str:
        done = CliRunner().invoke(tingjian.app, ["rules", "backtest", str(changed), "-w", str(lake.root), *options])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    return run


def test_the_table_has_rules_agents_and_examples(command: Callable[..., str]) -> None:
    shown = re.sub(r"\s+", " ", command())
    for piece in ("通话 4", "平均分 90.0 → 65.0", "顶撞 t.rude 命中通话 0 → 1", "通过 → 不通过 2", "无此规则 → 有 1",
                  "b-1 00:00 坐席：您好，这不归我管<b>", "8023 2 2 80.0 → 80.0 1 1", "b-1 9001 100 → 0 -100"):
        assert piece in shown, piece


def test_the_page_is_self_contained_and_escapes_what_was_said(command: Callable[..., str], tmp_path: Path) -> None:
    command("--html", str(tmp_path / "out" / "page.html"))
    page = (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
    assert '您好，这<mark class="fail">不归我管</mark>&lt;b&gt;' in page and '<mark class="pass">您好</mark>' in page
    assert not re.search(r"(src|href)=|https?://|url\(|@import", page)
    assert "<b>顶撞</b> <code>t.rude</code>" in page and "90.0 → 65.0" in page


def test_english_headings_and_json_come_on_request(command: Callable[..., str], tried: Backtest) -> None:
    assert "calls that change" in command("--english")
    answer = json.loads(command("--json"))
    assert answer["rules"] == json.loads(json.dumps(tried.as_dict()["rules"])) and answer["calls_changed"] == 3
    assert answer["rules_version_before"] != answer["rules_version_after"]


def test_a_pack_that_changes_nothing_says_so(command: Callable[..., str], settings: Settings, changed: Path) -> None:
    (changed / "t.yaml").write_text(PACK, encoding="utf-8")
    assert "没有任何变化" in command()
