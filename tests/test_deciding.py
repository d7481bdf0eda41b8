"""Windows, counts, dates and business lines: what becomes of a rule's hits."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from records import Finding, Transcript
from rules.engine import Engine

Row = tuple[str, str] | tuple[str, str, float, float]
BASE = {"kind": "check", "who": "agent", "title": "测", "why": "测", "source": ["S0"]}
HOLD = {"id": "t.hold", **BASE, "kind": "signal", "find": ["请稍等"]}


@pytest.fixture
def decided(tmp_path: Path):
    """Decide one rule (fields over BASE, id t.rule) beside others, for turns given as (who, text[, start, end])."""
    def decide(rule: dict, rows: list[Row], *others: dict, **more: object) -> Finding:
        text = json.dumps({"rules": [*others, {"id": "t.rule", **BASE, **rule}]}, ensure_ascii=False)
        (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
        who = {"A": "agent", "C": "customer"}
        turns = [{"speaker": who[row[0]], "text": row[1], **dict(zip(("start", "end"), row[2:], strict=False))}
                 for row in rows]
        view = Engine.open(tmp_path).view(Transcript.model_validate({"call_id": "c", "turns": turns, **more}))
        return view.finding("t.rule", view.outcome("t.rule"))
    return decide


def turns_of(found: Finding) -> list[int | None]:
    return [e.turn for e in found.evidence]


@pytest.mark.parametrize(("line", "said", "verdict"), [
    (None, ["您好"], "pass"), ("gold", ["您好"], "pass"),
    ("off", ["您好"], "not_applicable"), ("twice", ["您好"], "fail"), ("twice", ["您好", "您好"], "pass"),
    ("late", ["您好", "一", "二", "三"], "fail"), ("late", ["一", "二", "三", "您好"], "pass"),
])
def test_a_business_line_may_have_a_rule_otherwise(decided, line: str | None, said: list[str], verdict: str) -> None:
    rule = {"find": ["您好"], "lines": {
        "off": {"enabled": False}, "twice": {"decide": {"count": {"at_least": 2}}},
        "late": {"where": {"window": "closing"}}}}
    found = decided(rule, [("A", text) for text in said], line=line)
    assert found.verdict == verdict
    assert ("业务线 off" in found.reason) == (line == "off")


@pytest.mark.parametrize(("line", "verdict"), [(None, "fail"), ("slow", "pass"), ("strict", "fail")])
def test_a_business_line_may_have_its_own_limit(decided, line: str | None, verdict: str) -> None:
    rule = {"limits": {"limit": 10}, "decide": {"operator": "metadata_at_most", "params": {"field": "answered_after"}},
            "lines": {"slow": {"limits": {"limit": 20}}, "strict": {"limits": {"limit": 5}}}}
    assert decided(rule, [("A", "您好")], line=line, answered_after=15).verdict == verdict


@pytest.mark.parametrize(("count", "said", "verdict", "value"), [
    ({"at_least": 2}, ["王女士您好王女士", "好"], "pass", 2),
    ({"at_least": 2, "distinct": "turns"}, ["王女士您好王女士", "好"], "fail", 1),
    ({"at_least": 2, "distinct": "turns"}, ["王女士", "王女士"], "pass", 2),
    ({"at_most": 1}, ["王女士", "王女士"], "fail", 2),
    ({"at_most": 1}, ["王女士"], "pass", 1), ({"at_least": 1, "at_most": 1}, ["好"], "fail", 0),
])
def test_hits_or_turns_are_counted(decided, count: dict, said: list[str], verdict: str, value: float) -> None:
    found = decided({"find": ["王女士"], "decide": {"count": count}}, [("A", text) for text in said])
    assert (found.verdict, found.value) == (verdict, value)


@pytest.mark.parametrize(("hits", "verdict"), [(2, "pass"), (3, "needs_review"), (4, "needs_review"), (5, "fail")])
def test_a_rate_counts_hits_a_minute_of_the_speakers_own_speech(decided, hits: int, verdict: str) -> None:
    rows: list[Row] = [("A", "那个啥" if i < hits else "好的", 20.0 * i, 20.0 * i + 10) for i in range(6)]
    rows.append(("C", "那个啥", 130.0, 190.0))
    found = decided({"kind": "taboo", "find": ["那个啥"], "decide": {"rate": {"at_most": 4, "review_from": 2}}}, rows)
    assert (found.verdict, found.value, len(found.evidence)) == (verdict, hits, hits)


def test_a_rate_needs_times(decided) -> None:
    found = decided({"find": ["那个啥"], "decide": {"rate": {"at_most": 4}}}, [("A", "那个啥")])
    assert (found.verdict, found.reason) == ("not_applicable", "没有时间信息")


@pytest.mark.parametrize(("said", "side", "verdict", "evidence"), [
    (["A请稍等", "C好", "A久等了"], "after", "pass", [2]), (["A请稍等", "C好", "A查到了"], "after", "fail", [0]),
    (["A请稍等", "A久等了", "A请稍等", "C好", "C喂", "A久等了"], "after", "fail", [2]),
    (["A久等了", "A请稍等"], "after", "fail", [1]),
    (["A久等了", "A请稍等"], "before", "pass", [0]), (["A久等了", "A请稍等"], "around", "pass", [0]),
    (["A查到了"], "after", "not_applicable", []),
])
def test_every_hit_of_another_rule_needs_one(
        decided, said: list[str], side: str, verdict: str, evidence: list[int]) -> None:
    rule = {"find": ["久等了"], "decide": {"each": {"of": "t.hold", "side": side, "within": {"turns": 2}}}}
    found = decided(rule, [(text[0], text[1:]) for text in said], HOLD)
    assert (found.verdict, turns_of(found)) == (verdict, evidence)


@pytest.mark.parametrize(("said", "verdict", "missing"), [
    (["我理解您", "规定是这样", "不过可以换货"], "pass", ""), (["规定是这样", "我理解您", "不过可以换货"], "fail", "第二步"),
    (["我理解您，规定是这样", "不过可以换货"], "pass", ""), (["我理解您", "规定是这样"], "fail", "第三步"),
    (["我理解您", "规定是这样", "好", "好", "不过可以换货"], "fail", "第三步"), (["您好"], "fail", "第一步"),
])
def test_steps_come_one_after_another(decided, said: list[str], verdict: str, missing: str) -> None:
    steps = [{"id": f"t.{name}", **BASE, "kind": "signal", "title": title, "find": [phrase]} for name, title, phrase in
             (("one", "第一步", "我理解您"), ("two", "第二步", "规定是这样"), ("three", "第三步", "可以换货"))]
    rule = {"decide": {"sequence": [{"rule": "t.one"}, {"rule": "t.two", "within": {"turns": 2}},
                                    {"rule": "t.three", "within": {"turns": 2}}]}}
    found = decided(rule, [("A", text) for text in said], *steps)
    assert found.verdict == verdict
    assert missing in found.reason


TALK = [("A", "久等了"), ("A", "请稍等"), ("C", "好"), ("A", "久等了"),
        ("A", "请稍等"), ("C", "嗯"), ("C", "嗯"), ("A", "久等了")]


@pytest.mark.parametrize(("where", "turns"), [
    ({"after": {"rule": "t.hold"}}, [3, 7]), ({"after": {"rule": "t.hold", "hit": "first"}}, [3, 7]),
    ({"after": {"rule": "t.hold", "hit": "last"}}, [7]), ({"after": {"rule": "t.hold", "hit": 2}}, [7]),
    ({"after": {"rule": "t.hold", "hit": 3}}, []), ({"after": {"rule": "t.hold", "hit": "every"}}, [7]),
    ({"after": {"rule": "t.hold", "within": {"turns": 2}}}, [3]),
    ({"after": {"rule": "t.hold", "within": {"turns": 0}}}, []),
    ({"before": {"rule": "t.hold"}}, [0, 3]), ({"before": {"rule": "t.hold", "hit": "first"}}, [0]),
    ({"before": {"rule": "t.hold", "hit": "every"}}, [0]),
    ({"around": {"rule": "t.hold", "hit": "last", "within": {"turns": 1}}}, [3]),
    ({"first": {"turns": 1}}, [0]), ({"last": {"turns": 1}}, [7]),
    ({"first": {"turns": 3}, "after": {"rule": "t.hold"}}, [3]),
])
def test_a_window_beside_another_rules_hits(decided, where: dict, turns: list[int]) -> None:
    found = decided({"kind": "taboo", "find": ["久等了"], "where": where}, TALK, HOLD)
    assert turns_of(found) == turns


@pytest.mark.parametrize(("same", "verdict"), [(True, "pass"), (False, "fail")])
def test_the_anchors_own_turn_may_be_left_out(decided, same: bool, verdict: str) -> None:
    rule = {"find": ["一分钟"], "where": {"around": {"rule": "t.hold", "same_turn": same}}}
    assert decided(rule, [("A", "请稍等一分钟"), ("C", "好")], HOLD).verdict == verdict


@pytest.mark.parametrize(("seconds", "verdict"), [(20, "pass"), (19, "fail")])
def test_seconds_are_counted_from_end_to_start(decided, seconds: float, verdict: str) -> None:
    rule = {"find": ["久等了"], "where": {"after": {"rule": "t.hold", "within": {"seconds": seconds}}}}
    rows: list[Row] = [("A", "请稍等", 0.0, 3.0), ("C", "好", 3.0, 4.0), ("A", "久等了", 23.0, 25.0)]
    assert decided(rule, rows, HOLD).verdict == verdict


def test_seconds_do_not_count_without_times(decided) -> None:
    rule = {"find": ["久等了"], "where": {"after": {"rule": "t.hold", "within": {"seconds": 1}}}}
    assert decided(rule, [("A", "请稍等"), ("C", "好"), ("A", "久等了")], HOLD).verdict == "pass"


@pytest.mark.parametrize(("where", "verdict"), [
    ({"first": {"seconds": 10}}, "fail"), ({"first": {"seconds": 30}}, "pass"), ({"last": {"seconds": 10}}, "pass"),
    ({"last": {"seconds": 1}}, "fail"), ({"window": "opening"}, "fail"),
])
def test_first_and_last_seconds(decided, where: dict, verdict: str) -> None:
    rows: list[Row] = [("A", "喂", 0.0, 3.0), ("C", "查话费", 3.0, 19.0), ("A", "您好", 20.0, 22.0), ("C", "好", 23.0, 24.5)]
    assert decided({"find": ["您好"], "where": where}, rows).verdict == verdict


@pytest.mark.parametrize(("day", "verdict"), [
    ("2026-01-31", "not_applicable"), ("2026-02-01", "pass"), ("2026-06-30", "pass"), ("2026-07-01", "not_applicable"),
])
def test_a_rule_holds_from_a_day_to_a_day(decided, day: str, verdict: str) -> None:
    rule = {"find": ["您好"], "effective": {"since": "2026-02-01", "until": "2026-06-30"}}
    found = decided(rule, [("A", "您好")], started_at=f"{day}T23:30:00+08:00")
    assert found.verdict == verdict
    assert (day in found.reason) == (verdict == "not_applicable")


@pytest.mark.parametrize(("condition", "more", "verdict", "reason"), [
    ({"rule": "t.hold"}, {}, "not_applicable", "没有出现"), ({"rule": "t.hold", "verdict": ["none"]}, {}, "pass", ""),
    ({"direction": "outbound"}, {}, "not_applicable", "只查呼出电话"),
    ({"direction": "outbound"}, {"direction": "outbound"}, "pass", ""),
    ({"has": ["duration"]}, {}, "not_applicable", "没有通话时长数据"), ({"has": ["duration"]}, {"duration": 3}, "pass", ""),
    ({"times": True}, {}, "not_applicable", "没有时间信息"),
    ({"operator": "both_speak", "reason": "无人应答"}, {}, "not_applicable", "无人应答"),
])
def test_what_a_rule_needs_to_apply(decided, condition: dict, more: dict, verdict: str, reason: str) -> None:
    found = decided({"find": ["您好"], "applies": [condition]}, [("A", "您好")], HOLD, **more)
    assert found.verdict == verdict
    assert reason in found.reason


@pytest.mark.parametrize(("told", "verdict", "reason"), [
    ({"released_by": "agent"}, "fail", "坐席先挂机"), ({"released_by": "customer"}, "pass", "客户先挂机"),
    ({}, "not_applicable", "没有挂机方数据"),
])
def test_what_is_known_of_a_call_is_told_in_a_reviewers_words(decided, told: dict[str, str], verdict: str, reason: str) -> None:
    rule = {"decide": {"operator": "metadata_equals", "params": {"field": "released_by", "values": ["customer"]}}}
    found = decided(rule, [("A", "您好")], **told)
    assert (found.verdict, found.reason) == (verdict, reason)
