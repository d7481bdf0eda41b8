"""Numbers of rules are set by the installation, by business lines and organisations; what cannot be is refused with its place."""
from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.scorecard import Scorer
from records import Problem, Transcript, Turn
from rules.engine import Engine
from rules.pack import load
from settings import Scoring, Settings

RULE = """rules:
  - id: a.ring
    title: 接听
    kind: check
    who: any
    why: 测
    source: [S0]
    limits: {limit: 10}
    decide: {operator: metadata_at_most, params: {field: answered_after}}
"""
COUNT = """rules:
  - {id: a.name, title: 称呼, kind: check, who: agent, why: 测, source: [S0], find: [王先生], decide: {count: {at_least: 2}}}
  - {id: a.hum, title: 口头禅, kind: taboo, who: agent, why: 测, source: [S0], find: [那个呢], decide: {rate: {at_most: 12}}}
"""
LINES = RULE + """    lines: {宽带: {limits: {limit: 20}}, 夜班: {enabled: false}}
    organisations: {嘟嘟驿站: {limits: {limit: 30}}, 飞燕快递: {enabled: false}}
"""


def pack(tmp_path: Path, text: str) -> Path:
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def verdict(engine: Engine, rule: str, turns: int = 1, **call: object) -> tuple[str, str]:
    """The rule's verdict and reason over a call of so many agent turns of a second each."""
    said = tuple(Turn(speaker="agent", text="王先生，那个呢", start=2.0 * i, end=2.0 * i + 1) for i in range(turns))
    outcome = engine.view(Transcript.model_validate({"call_id": "c", **call, "turns": said})).outcome(rule)
    return outcome.verdict, outcome.reason


@pytest.mark.parametrize(("limits", "wanted"), [({}, "fail"), ({"a.ring": {"limit": 16}}, "pass"), ({"a.ring": {"limit": 12}}, "fail")])
def test_a_number_of_the_settings_goes_before_that_of_the_pack(tmp_path: Path, limits: dict, wanted: str) -> None:
    assert verdict(Engine.open(pack(tmp_path, RULE), limits=limits), "a.ring", answered_after=16)[0] == wanted


@pytest.mark.parametrize(("rule", "limits", "wanted"), [
    ("a.name", {}, "pass"), ("a.name", {"at_least": 3}, "fail"), ("a.hum", {}, "fail"), ("a.hum", {"at_most": 80}, "pass")])
def test_the_numbers_of_a_count_and_of_a_rate_can_be_set_too(tmp_path: Path, rule: str, limits: dict, wanted: str) -> None:
    assert verdict(Engine.open(pack(tmp_path, COUNT), limits={rule: limits}), rule, turns=2)[0] == wanted


@pytest.mark.parametrize(("call", "wanted"), [
    ({}, "fail"), ({"line": "宽带"}, "pass"), ({"line": "夜班"}, "not_applicable"), ({"line": "话费"}, "fail"),
    ({"organisation": "嘟嘟驿站", "answered_after": 25}, "pass"), ({"line": "宽带", "answered_after": 25}, "fail"),
    ({"line": "宽带", "organisation": "嘟嘟驿站", "answered_after": 25}, "pass"),
    ({"line": "宽带", "organisation": "飞燕快递"}, "not_applicable")])
def test_a_line_has_numbers_of_its_own_and_an_organisation_goes_before_it(tmp_path: Path, call: dict, wanted: str) -> None:
    engine = Engine.open(pack(tmp_path, LINES))
    assert verdict(engine, "a.ring", **{"answered_after": 16, **call})[0] == wanted


def test_an_organisation_may_decide_by_an_operator_of_its_own(tmp_path: Path) -> None:
    other = RULE + ("    organisations: {嘟嘟驿站: {decide: {operator: metadata_equals, params: {field: released_by, "
                    "values: [customer]}}}}\n")
    engine = Engine.open(pack(tmp_path, other))
    assert verdict(engine, "a.ring", organisation="嘟嘟驿站", released_by="agent", answered_after=3) == ("fail", "坐席先挂机")
    assert verdict(engine, "a.ring", released_by="agent", answered_after=3)[0] == "pass"


def test_a_line_may_look_elsewhere(tmp_path: Path) -> None:
    text = COUNT.replace("find: [王先生], decide: {count: {at_least: 2}}", "find: [王先生], where: opening, lines: {慢: {where: {last: {turns: 1}}}}")
    engine = Engine.open(pack(tmp_path, text))
    assert [verdict(engine, "a.name", turns=4, **call)[0] for call in ({}, {"line": "慢"})] == ["pass", "pass"]
    places = [[hit.turn for hit in engine.view(Transcript.model_validate({
        "call_id": "c", "line": line, "turns": [{"speaker": "agent", "text": "王先生"}] * 4})).hits("a.name")] for line in ("快", "慢")]
    assert places == [[0, 1], [3]]


@pytest.mark.parametrize(("text", "line", "says"), [
    (LINES.replace("{limit: 20}", "{limt: 20}"), 10, "a.ring has no limit limt to override; it has limit"),
    (LINES.replace("{limit: 30}", "{seconds: 30}"), 11, "no limit seconds"),
    (RULE.replace("    limits: {limit: 10}\n", ""), 2, "the operator metadata_at_most needs limits: {limit: …}"),
    (RULE.replace("{limit: 10}", "{limits: 10}"), 8, "needs limits: {limit: …}"),
    (RULE.replace("metadata_at_most, params: {field: answered_after}", "speaking_rate"), 8, "needs limits: {slowest: …}"),
])
def test_a_number_that_nothing_uses_or_that_is_missing_is_refused_with_its_line(
        tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(Problem, match=f"rules.yaml line {line}") as refused:
        load(pack(tmp_path, text))
    assert says in str(refused.value)


@pytest.mark.parametrize(("limits", "says"), [
    ({"a.rng": {"limit": 1}}, "tingjian.toml line 4, scoring.limits: there is no rule a.rng; perhaps a.ring; `tingjian rules list`"),
    ({"a.ring": {"seconds": 1}}, "Settings, scoring.limits: a.ring has no limit seconds; it has limit = 10")])
def test_a_setting_that_no_rule_has_is_refused_with_file_line_and_remedy(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict, says: str) -> None:
    settings = tmp_path / "tingjian.toml"
    settings.write_text('[scoring]\nmeaning = false\n\n[scoring.limits."a.rng"]\nlimit = 1\n', encoding="utf-8")
    monkeypatch.setenv("TINGJIAN_SETTINGS", str(settings))
    with pytest.raises(Problem) as refused:
        load(pack(tmp_path, RULE), limits)
    assert says in str(refused.value)


def test_the_settings_file_says_them_and_refuses_what_is_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "tingjian.toml"
    settings.write_text('[scoring.limits."hold.check_back"]\nhold = 45\n', encoding="utf-8")
    monkeypatch.setenv("TINGJIAN_SETTINGS", str(settings))
    assert Settings().scoring.limits == {"hold.check_back": {"hold": 45.0}}
    settings.write_text('[scoring.limits."hold.check_back"]\nhold = -1\n', encoding="utf-8")
    with pytest.raises(ValidationError):
        Settings()


def test_a_changed_number_changes_the_version_of_the_cards() -> None:
    def version(limits: dict) -> str:
        return Scorer.from_settings(Settings(scoring=Scoring(meaning=False, limits=limits))).version

    assert version({}) == version({}) != version({"voice.rate": {"fastest": 300}}) != version({"voice.rate": {"fastest": 320}})
