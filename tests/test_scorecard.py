"""From findings to points: what counts, what waits, and what brings a card to nothing."""
from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.scorecard import Scorer, band, fill
from records import Evidence, Finding, Problem, Transcript
from rules.deciding import WEAK
from rules.form import Bands, FormItem
from settings import Scoring, Settings

RULES = """rules:
  - {id: t.hello, title: 问候, kind: check, who: agent, why: 测, source: [S0], where: opening, find: [您好]}
  - {id: t.offer, title: 询问, kind: check, who: agent, why: 测, source: [S0],
     find: {any: [{phrases: [可以帮您]}, {phrases: [请讲], weak: true}]}}
  - {id: t.out, title: 呼出, kind: check, who: agent, why: 测, source: [S0], applies: [{direction: outbound}],
     find: [方便吗]}
  - {id: t.curse, title: 辱骂, kind: taboo, who: agent, why: 测, source: [S0], find: [混蛋东西]}
  - {id: t.angry, title: 投诉, kind: signal, who: customer, why: 测, source: [S0], find: [我要投诉]}
"""
FORM = """id: {id}
version: "1"
title: 表
choose: {choose}
sections:
  - title: 节
    items:
      - {{id: hello, title: 问候, weight: 20, rules: [t.hello]}}
      - {{id: offer, title: 询问, weight: 20, rules: [t.offer]}}
      - {{id: out, title: 呼出, weight: 20, rules: [t.out]}}
      - {{id: correct, title: 正确, weight: 40, mode: human}}
fatal: [t.curse]
adjustments: [{{id: bonus, title: 加分, points: 3}}, {{id: rude, title: 扣分, points: -5, rules: [t.curse]}}]
"""


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    at = Path(tmp_path_factory.mktemp("scoring"))
    for folder in ("pack", "forms"):
        (at / folder).mkdir()
    (at / "pack" / "t.yaml").write_text(RULES, encoding="utf-8")
    for name, choose in (("inbound", "{direction: inbound}"), ("outbound", "{direction: outbound}"),
                         ("complaint", "{direction: inbound, found: t.angry}")):
        (at / "forms" / f"{name}.yaml").write_text(FORM.format(id=name, choose=choose), encoding="utf-8")
    return Scorer.from_settings(Settings(scoring=Scoring(rule_pack=at / "pack", forms=at / "forms")))


def call(*agent: str, customer: str = "好", **more: object) -> Transcript:
    turns = [{"speaker": "agent", "text": text} for text in agent] + [{"speaker": "customer", "text": customer}]
    return Transcript.model_validate({"call_id": "c", "turns": turns, **more})


@pytest.mark.parametrize(("said", "score", "band"), [
    (["您好，有什么可以帮您"], 100.0, "excellent"), (["您好"], 50.0, "below_standard"),
    (["您好请讲"], 75.0, "below_standard"),
    (["喂"], 0.0, "below_standard"), (["您好，有什么可以帮您", "混蛋东西"], 0.0, "below_standard"),
])
def test_only_what_applies_and_is_decided_counts(scorer: Scorer, said: list[str], score: float, band: str) -> None:
    draft = scorer.draft(call(*said))
    assert (draft.score, draft.band) == (score, band)
    assert draft.fatal == (said[-1] == "混蛋东西")


def test_a_draft_says_how_many_points_wait_for_a_person(scorer: Scorer) -> None:
    assert scorer.draft(call("您好请讲")).open_points == 40


def test_items_say_why_they_have_their_verdict(scorer: Scorer) -> None:
    items = {item.id: item for item in scorer.draft(call("您好请讲")).items}
    assert (items["hello"].verdict, items["hello"].points) == ("pass", 20)
    assert (items["offer"].verdict, items["offer"].points) == ("pass", 10)
    assert (items["out"].verdict, items["out"].points, items["out"].reason) == ("not_applicable", None, "只查呼出电话")
    assert (items["correct"].verdict, items["correct"].points, items["correct"].mode) == ("needs_review", None, "human")
    assert (items["bonus"].verdict, items["bonus"].points, items["bonus"].max_points) == ("needs_review", None, 0)
    assert "询问" in items["offer"].reason and items["offer"].evidence[0].text == "请讲"


def test_there_is_one_finding_for_every_rule(scorer: Scorer) -> None:
    verdicts = {f.rule: f.verdict for f in scorer.draft(call("您好")).findings}
    assert verdicts == {
        "t.hello": "pass", "t.offer": "fail", "t.out": "not_applicable", "t.curse": "pass", "t.angry": "none"}


@pytest.mark.parametrize(("transcript", "form"), [
    (call("您好"), "inbound"), (call("您好", direction="outbound"), "outbound"),
    (call("您好", customer="我要投诉"), "complaint"),
    (call("您好", customer="我要投诉", direction="outbound"), "outbound"),
])
def test_a_call_chooses_its_form(scorer: Scorer, transcript: Transcript, form: str) -> None:
    assert scorer.draft(transcript).form == form
    assert scorer.draft(transcript, "outbound").form == "outbound"


def test_an_unknown_form_is_a_problem(scorer: Scorer) -> None:
    with pytest.raises(Problem, match="no form nothing; there are complaint, inbound, outbound"):
        scorer.draft(call("您好"), "nothing")


def test_a_call_in_which_nobody_speaks_has_no_score(scorer: Scorer) -> None:
    draft = scorer.draft(Transcript(call_id="c", turns=()))
    assert (draft.score, draft.band) == (None, None)


@pytest.mark.parametrize(("score", "name"), [
    (100, "excellent"), (95, "excellent"), (94.9, "good"), (90, "good"), (89.9, "needs_improvement"),
    (80, "needs_improvement"),
    (79.9, "below_standard"), (0, "below_standard")])
def test_bands(score: float, name: str) -> None:
    assert band(score, Bands()) == name


def finding(rule: str, verdict: str, hits: int = 0, value: float | None = None) -> Finding:
    return Finding.model_validate({"rule": rule, "verdict": verdict, "value": value,
                                   "evidence": [Evidence(rule=rule)] * hits})


@pytest.mark.parametrize(("points", "verdicts", "verdict", "earned"), [
    ("share", ["pass", "pass"], "pass", 10), ("share", ["pass", "fail"], "fail", 5), ("all", ["pass", "fail"], "fail", 0),
    ("share", ["pass", "not_applicable"], "pass", 10), ("share", ["pass", "needs_review"], "needs_review", None),
    ("all", ["fail", "needs_review"], "fail", 0), ("share", ["fail", "needs_review"], "needs_review", None),
    ("deduct", ["fail", "pass"], "fail", 4), ("deduct", ["fail", "fail"], "fail", 0),
    ("share", ["not_applicable", "not_applicable"], "not_applicable", None),
])
def test_verdicts_become_points(points: str, verdicts: list[str], verdict: str, earned: float | None) -> None:
    item = FormItem.model_validate({"id": "i", "title": "项", "weight": 10, "rules": ["a.a", "a.b"], "points": points,
                                    "per_hit": 3 if points == "deduct" else 0})
    findings = {rule: finding(rule, v, hits=2 if v == "fail" else 0) for rule, v in zip(item.rules, verdicts, strict=True)}
    filled = fill(item, "节", findings, {"a.a": "甲", "a.b": "乙"})
    assert (filled.verdict, filled.points) == (verdict, earned)


@pytest.mark.parametrize(("reason", "points"), [(WEAK, 5), ("间隔中位数 0.5 秒", 10)])
def test_only_a_weak_pass_earns_half_whatever_was_measured(reason: str, points: float) -> None:
    item = FormItem(id="i", title="项", weight=10, rules=["a.a"])
    half = finding("a.a", "pass", value=0.5).model_copy(update={"reason": reason})
    assert fill(item, "节", {"a.a": half}, {"a.a": "甲"}).points == points


def test_an_assist_item_is_prepared_and_left_to_the_person() -> None:
    item = FormItem(id="i", title="项", weight=10, rules=["a.a"], mode="assist")
    filled = fill(item, "节", {"a.a": finding("a.a", "fail", hits=1)}, {"a.a": "甲"})
    assert (filled.verdict, filled.points, len(filled.evidence)) == ("needs_review", None, 1)


def test_a_draft_survives_being_written_and_read(scorer: Scorer) -> None:
    draft = scorer.draft(call("您好请讲", "混蛋东西"))
    assert type(draft).model_validate_json(draft.model_dump_json()) == draft


@pytest.mark.parametrize("change", [{"organisations": ["飞燕快递"]}, {"review_below": 0.7}], ids=str)
def test_settings_that_change_verdicts_change_the_version(change: dict[str, object]) -> None:
    plain = Scoring(meaning=False)
    changed = plain.model_copy(update=change)
    assert Scorer.from_settings(Settings(scoring=plain)).version != Scorer.from_settings(Settings(scoring=changed)).version


@pytest.mark.parametrize(("status", "score", "fatal", "reason"), [
    ("stable", 0.0, True, "问候：做到了；套话：没有做到"),
    ("experimental", 100.0, False, "问候：做到了；套话：没有做到（试行，不计分）"),
    ("deprecated", 100.0, False, "问候：做到了")])
def test_a_rule_on_trial_is_told_but_takes_no_points_and_a_deprecated_one_is_not_asked(
        tmp_path: Path, status: str, score: float, fatal: bool, reason: str) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "forms").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(f"""rules:
  - {{id: a.hello, title: 问候, kind: check, who: agent, why: 测, source: [S0], status: stable, find: [您好]}}
  - {{id: a.set, title: 套话, kind: check, who: agent, why: 测, source: [S0], status: {status}, find: [很高兴为您服务]}}
""", encoding="utf-8")
    (tmp_path / "forms" / "f.yaml").write_text("""id: f
version: "1"
title: 表
sections:
  - title: 节
    items: [{id: one, title: 甲, weight: 100, rules: [a.hello, a.set]}]
fatal: [a.set]
""", encoding="utf-8")
    settings = Settings(scoring=Scoring(rule_pack=tmp_path / "rules", forms=tmp_path / "forms", meaning=False))
    call = Transcript.model_validate({"call_id": "c", "turns": [{"speaker": "agent", "text": "您好"}]})
    made = Scorer.from_settings(settings).draft(call)
    assert (made.score, made.fatal, made.items[0].reason) == (score, fatal, reason)
