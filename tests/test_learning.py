"""What reviewers' overrides teach: agreement over time, calibrated confidences, proposals that a person takes over."""
from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from insight import learning, refitting
from insight.lessons import LESSONS, bare, lessons, truths
from insight.reviewed import ITEMS
from records import Finding, Problem, Transcript, Turn
from rules import amending, calibrating
from rules.engine import Engine
from rules.pack import BUILT_IN, load
from rules.schema import Rule

RULES = """# 我们自己的规则
rules:
  - id: taboo.refusal
    title: 生硬拒绝
    kind: taboo
    who: agent
    why: 客户无路可走
    source: [S1]
    severity: major
    status: stable
    find: [没办法]     # 只有一句
    coach: 先说能做什么
    examples: {pass: [我帮您查], fail: [没办法]}
  - id: closing.thanks
    title: 感谢
    kind: check
    who: agent
    why: 礼貌
    source: [S1]
    severity: minor
    status: stable
    where: closing
    find:
      any:
        - phrases: [感谢您的来电]
    unless: {quoted: true}
    coach: 说谢谢
    examples: {pass: [感谢您的来电], fail: [好]}
  - id: taboo.filler
    title: 口头禅
    kind: taboo
    who: agent
    why: 听着累
    source: [S1]
    severity: minor
    status: stable
    find:
      phrases:
        - 那个
    decide: {count: {at_most: 3}}
    coach: 少说
    examples: {pass: [好], fail: [那个那个，那个那个，那个那个，那个那个]}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.yaml").write_text(RULES, encoding="utf-8")
    return tmp_path / "rules"


def finding(rule: str, verdict: Any) -> Finding:
    return Finding.of(rule=rule, verdict=verdict, value=None, confidence=0.9, evidence=(), reason="")


@pytest.mark.parametrize(("final", "verdicts", "told"), [
    ("pass", ["fail"], ["pass"]), ("fail", ["pass"], ["fail"]), ("not_applicable", ["fail", "pass"], ["not_applicable"] * 2),
    ("pass", ["pass", "fail", "not_applicable"], ["pass", "pass"]),         # an item that passes is kept by each rule that applies
    ("fail", ["pass", "fail"], ["fail"]),                                   # the one that fails
    ("fail", ["pass", "pass"], []), ("fail", ["fail", "fail"], []),         # which of the two, nobody said
    ("fail", ["pass", "not_applicable"], ["fail"])])
def test_what_an_item_says_of_its_rules(final: str, verdicts: list[str], told: list[str]) -> None:
    made = truths(final, [finding(f"r{n}", verdict) for n, verdict in enumerate(verdicts)])
    assert [truth for _, truth in made] == told


def _items(*rows: tuple[str, str, list[str], str, str]) -> pl.DataFrame:
    """Lines as (call, day published, rules, machine, human)."""
    made = [(call, day, "v", "i", "t", rules, machine, human, human, 0.9, "", datetime.fromisoformat(day).replace(tzinfo=UTC))
            for call, day, rules, machine, human in rows]
    return pl.DataFrame(made, schema=ITEMS, orient="row")


def test_agreement_over_time_by_rule() -> None:
    """Week of 2 November: 3 of 4 agree, one false alarm; of the week after one miss. AC1 of the first by hand: shares pass 5/8, fail 3/8, so
    chance = (5/8 × 3/8 + 3/8 × 5/8) / 2 = 0.234375, and (0.75 − 0.234375) / (1 − 0.234375) = 0.673469."""
    rows = learning.agreement(_items(
        ("a", "2026-11-02", ["r"], "pass", "pass"), ("b", "2026-11-03", ["r", "s"], "pass", "pass"), ("c", "2026-11-04", ["r"], "fail", "fail"),
        ("d", "2026-11-08", ["r"], "fail", "pass"), ("e", "2026-11-09", ["r"], "pass", "fail"))).rows(named=True)
    first, second, other = rows
    assert (first["rule"], str(first["since"]), first["reviews"], first["agreed"], first["alarms"], first["missed"]) == (
        "r", "2026-11-02", 4, 3, 1, 0)
    assert first["ac1"] == pytest.approx(0.673469, abs=1e-6)
    assert (str(second["since"]), second["missed"], other["rule"], other["reviews"]) == ("2026-11-09", 1, "s", 1)


def test_lessons_are_of_the_rules_in_force_and_never_unsure(pack: Path) -> None:
    engine = Engine.open(pack, review_below=0.999)
    call = Transcript(call_id="c", turns=(Turn(speaker="agent", text="这个我没办法"),))
    assert engine.findings(engine.view(call))[0].verdict == "needs_review"
    row = lessons(bare(engine), [call], _items(("c", "2026-11-02", ["taboo.refusal"], "needs_review", "pass"))).row(0, named=True)
    assert (row["rule"], row["verdict"], row["truth"], row["turns"]) == ("taboo.refusal", "fail", "pass", [0])


def _lessons(rows: list[dict[str, Any]]) -> pl.DataFrame:
    made = [dict.fromkeys(LESSONS) | {"call_id": f"c{n:04}", "day": "2026-11-02", "rule": "r", "verdict": "fail", "confidence": 0.9, "turns": []} | row
            for n, row in enumerate(rows)]
    return pl.DataFrame(made, schema=LESSONS)


@pytest.mark.parametrize("number", [200, 1000])
def test_a_fitted_calibration_says_what_reviews_say(number: int, tmp_path: Path) -> None:
    """The rule is half as often right as it says: 0.9 means 45 %. Platt for few reviews, isotonic for many."""
    random = np.random.default_rng(1)
    sure = random.uniform(0.5, 1.0, number).round(3)
    right = random.random(number) < sure / 2
    content = refitting.calibration(_lessons([{"confidence": float(one), "truth": "fail" if ok else "pass"} for one, ok in zip(sure, right, strict=True)]))
    (curve,) = content["curves"]
    assert curve["after"] < curve["before"] and curve["reviews"] == number and ("slope" in curve) == (number < refitting.MANY_REVIEWS)
    (file := tmp_path / "c.json").write_text(json.dumps(content), encoding="utf-8")
    read = calibrating.load(file)
    for one in (0.6, 0.75, 0.9):
        assert read.of("r", "fail", one) == pytest.approx(one / 2, abs=0.12)
    assert read.of("r", "pass", 0.9) == read.of("other", "fail", 0.9) == 0.9        # nothing is known of these


@pytest.mark.parametrize(("reviews", "wrong"), [(49, 20), (200, 4), (200, 0)])
def test_few_reviews_fit_nothing(reviews: int, wrong: int) -> None:
    rows = [{"truth": "pass" if n < wrong else "fail", "confidence": 0.5 + n / 1000} for n in range(reviews)]
    assert refitting.calibration(_lessons(rows))["curves"] == []


def test_what_is_calibrated_already_gets_no_curve() -> None:
    random = np.random.default_rng(2)
    sure = random.uniform(0.5, 1.0, 400)
    rows = [{"confidence": float(one), "truth": "fail" if random.random() < one else "pass"} for one in sure]
    content = refitting.calibration(_lessons(rows))
    assert all(curve["before"] - curve["after"] < 0.01 for curve in content["curves"])


def test_a_calibration_makes_verdicts_unsure_and_the_version_another(pack: Path, tmp_path: Path) -> None:
    content = {"form": calibrating.FORM, "curves": [{"rule": "taboo.refusal", "verdict": "fail", "x": [0.5, 1.0], "y": [0.1, 0.3]}]}
    (file := tmp_path / "c.json").write_text(json.dumps(content), encoding="utf-8")
    call = Transcript(call_id="c", turns=(Turn(speaker="agent", text="这个我没办法"),))
    plain, fitted = Engine.open(pack), Engine.open(pack, calibration=file)
    verdicts = [engine.findings(engine.view(call))[0].verdict for engine in (plain, fitted)]
    assert verdicts == ["fail", "needs_review"] and plain.version != fitted.version


@pytest.mark.parametrize("text", ["", "{}", '{"form": "x"}', '{"form": "tingjian-calibration-1", "curves": [{"rule": "r", "verdict": "fail", "x": [1, 0], "y": [1, 0]}]}'])
def test_what_is_no_calibration_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(text, encoding="utf-8")
    with pytest.raises(Problem, match="is no calibration"):
        calibrating.load(tmp_path / "c.json")


def test_a_limit_that_reviewers_set_otherwise_is_proposed(pack: Path) -> None:
    """The rule fails from 4 on; reviewers pass 4 and 5 and fail from 6 on. One of them saw it otherwise."""
    rules = load(pack).rules
    rows = [{"rule": "taboo.filler", "value": float(value), "verdict": "fail" if value > 3 else "pass", "truth": "fail" if value > 5 else "pass"}
            for value in range(10) for _ in range(4)] + [{"rule": "taboo.filler", "value": 5.0, "verdict": "fail", "truth": "fail"}]
    (one,) = learning.limits(_lessons(rows), rules)
    assert (one.kind, one.name, one.value, len(one.better), one.worse) == ("limit", "at_most", 5.0, 8, ("c0040",))
    assert learning.limits(_lessons(rows[:20]), rules) == []        # few overrides are chance


def _turns(said: dict[str, str], speaker: str = "agent") -> pl.DataFrame:
    return pl.DataFrame([(call, 0, speaker, text) for call, text in said.items()], schema=["call_id", "turn", "speaker", "text"], orient="row")


def test_a_phrase_of_false_alarms_is_proposed_as_an_exception(pack: Path) -> None:
    said = {f"c{n:04}": "没办法，这个我马上给您登记" if n < 6 else "没办法，您自己想想吧" for n in range(12)}
    rows = [{"rule": "taboo.refusal", "truth": "pass" if n < 6 else "fail", "turns": [0]} for n in range(12)]
    one, *_ = learning.phrases(_lessons(rows), _turns(said), load(pack).rules)
    assert one.kind == "except" and one.phrase in "这个我马上给您登记" and len(one.phrase) >= 5
    assert (len(one.better), one.worse) == (6, ()) and one.said["c0000"].startswith("没办法")


def test_a_phrase_that_the_rule_misses_is_proposed_with_what_speaks_against(pack: Path) -> None:
    said = {f"c{n:04}": "多谢您打过来" if n < 8 else "请稍等" for n in range(16)} | {"c0015": "多谢您打过来"}
    rows = [{"rule": "closing.thanks", "verdict": "fail", "truth": "pass" if n < 8 else "fail"} for n in range(16)]
    one, *_ = learning.phrases(_lessons(rows), _turns(said), load(pack).rules)
    assert (one.kind, one.phrase, len(one.better), one.worse) == ("add", "多谢您打过来", 8, ("c0015",))
    assert learning.phrases(_lessons(rows), _turns(said, "customer"), load(pack).rules) == []      # the customer's words are not the agent's


def test_what_two_overrides_share_is_no_proposal(pack: Path) -> None:
    rows = [{"rule": "closing.thanks", "verdict": "fail", "truth": "pass" if n < 2 else "fail"} for n in range(16)]
    assert learning.phrases(_lessons(rows), _turns({f"c{n:04}": "多谢您打过来" if n < 2 else "好" for n in range(16)}), load(pack).rules) == []


def _verdict(pack: Path, rule: str, text: str) -> str:
    engine = Engine.open(pack)
    call = Transcript(call_id="c", turns=(Turn(speaker="customer", text="好"), Turn(speaker="agent", text=text)))
    return {one.rule: one.verdict for one in engine.findings(engine.view(call))}[rule]


@pytest.mark.parametrize(("rule", "phrase", "before", "after"), [
    ("taboo.refusal", "这事我做不来", "pass", "fail"), ("closing.thanks", "多谢您打过来", "fail", "pass")])
def test_an_accepted_phrase_is_found_from_then_on(rule: str, phrase: str, before: str, after: str, pack: Path) -> None:
    assert _verdict(pack, rule, phrase) == before
    amending.add_phrase(pack, rule, phrase)
    amending.add_phrase(pack, rule, "再来一句吧")
    assert _verdict(pack, rule, phrase) == _verdict(pack, rule, "再来一句吧") == after
    assert "# 只有一句" in (pack / "mine.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("rule", "said", "phrase", "before", "after"), [
    ("taboo.refusal", "没办法，我马上登记", "我马上登记", "fail", "pass"),
    ("closing.thanks", "不用感谢您的来电", "不用感谢", "pass", "fail")])
def test_an_accepted_exception_holds_from_then_on(rule: str, said: str, phrase: str, before: str, after: str, pack: Path) -> None:
    assert _verdict(pack, rule, said) == before
    for one in (phrase, "另外一句"):
        amending.except_phrase(pack, rule, one)
    assert _verdict(pack, rule, said) == after


def test_an_accepted_limit_goes_into_the_pack_or_the_settings(pack: Path, tmp_path: Path) -> None:
    assert _verdict(pack, "taboo.filler", "那个，那个，那个，那个") == "fail"
    done = amending.change_limit(pack, "taboo.filler", "at_most", 5)
    assert _verdict(pack, "taboo.filler", "那个，那个，那个，那个") == "pass"
    assert (pack / "mine.yaml").read_text(encoding="utf-8").splitlines()[done.line - 1].strip() == "decide: {count: {at_most: 5}}"
    toml = tmp_path / "tingjian.toml"
    toml.write_text("[speech]\nbeam_size = 3\n", encoding="utf-8")
    amending.set_limit(toml, "taboo.filler", "at_most", 5)
    assert toml.read_text(encoding="utf-8").endswith('[scoring.limits."taboo.filler"]\nat_most = 5\n')
    with pytest.raises(Problem, match="already; write there: at_most = 6"):
        amending.set_limit(toml, "taboo.filler", "at_most", 6)


def test_every_rule_of_the_built_in_pack_can_be_amended_or_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the whole pack: phrases go in where a rule finds by phrases, the others are refused with what to write by hand."""
    pack = tmp_path / "rules"
    pack.mkdir()
    for file in BUILT_IN.glob("*.yaml"):
        (pack / file.name).write_bytes(file.read_bytes())
    done = refused = 0
    with pytest.raises(Problem, match="built-in rules are not changed"):
        amending.add_phrase(BUILT_IN, "taboo.refusal", "x")
    monkeypatch.setattr(amending, "load", lambda directory: None)       # the whole pack takes a while: once, at the end
    for rule in ("taboo.refusal", "taboo.abuse", "greeting.salutation", "closing.thanks", "hold.request", "complaint.empathy", "voice.rate"):
        for change in (amending.add_phrase, amending.except_phrase):
            try:
                change(pack, rule, "听检学到的一句话")
                done += 1
            except Problem as problem:
                refused += 1
                assert "by hand" in str(problem), problem
    assert done >= 8 and done + refused == 14 and isinstance(load(pack).rules["taboo.refusal"], Rule)
