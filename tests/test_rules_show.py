"""`tingjian rules show` puts every field of a rule into words that a QC lead reads, in Chinese and in English."""
from __future__ import annotations

import pytest

from rules.describing import OPERATORS, SLOTS, Language, Told, describe, headline
from rules.learnt import learnt
from rules.meaning.predict import Meaning
from rules.operators import TABLE
from rules.pack import load
from rules.schema import Rule
from rules.slots import NAMES
from rules.weighing import Layer

BASE = {"id": "a.one", "title": "一", "kind": "check", "who": "agent", "why": "为了客户", "source": ["S0", "内部通知"],
        "find": ["您好"]}
TITLES = {"a.one": "一", "hold.request": "请客户等待", "hold.return": "返回时致谢"}


def told(changes: dict, language: Language = "zh") -> str:
    passages = describe(Rule.model_validate(BASE | changes), Told(TITLES, {"holds": "finds every hold"}), language)
    return "\n".join(f"{passage.heading}\n" + "\n".join(passage.lines) for passage in passages)


@pytest.mark.parametrize(("changes", "chinese", "english"), [
    ({}, "全程坐席说的话", "anything the agent says"),
    ({}, "S0 呼叫中心监控、考核与服务技能手册；内部通知", "S0 monitoring and service-skill handbook; 内部通知"),
    ({}, "找到一处就通过", "one hit passes"),
    ({"kind": "taboo"}, "出现一处就不通过", "a hit fails"),
    ({"where": "opening"}, "坐席的前两句；有时间信息时，还须在开口后 15 秒之内", "the first 2 turns of the agent"),
    ({"where": "closing", "who": "customer"}, "客户的最后三句", "the last 3 turns of the customer"),
    ({"where": {"first": {"turns": 3, "seconds": 30}}}, "坐席开头3 句且30 秒之内", "the first 3 turns and 30 s"),
    ({"where": {"after": {"rule": "hold.request", "hit": 2, "within": {"turns": 4}, "same_turn": False}}},
     "请客户等待 hold.request 第 2 次之后 4 句之内（不含那一句本身）", "after the 2nd hit of 请客户等待 hold.request"),
    ({"where": {"around": {"rule": "hold.request", "hit": "every"}}}, "每一次前后", "around every hit"),
    ({"effective": {"since": "2026-01-01", "until": "2026-06-30"}}, "通话日期在 2026-06-30 及以前", "calls of 2026-01-01 and later"),
    ({"applies": [{"direction": "outbound"}, {"has": ["started_at"]}, {"times": True}]}, "只查呼出", "outbound only"),
    ({"applies": [{"rule": "hold.request", "verdict": ["found"], "reason": "没有等待"}]},
     "请客户等待 hold.request 的结论是 有（否则：没有等待）", "comes out as found (else: 没有等待)"),
    ({"find": {"any": [{"name": "full", "phrases": ["工号{staff_number}"], "weak": True, "confidence": 0.7}], "at_least": 1}},
     "full （弱说法，得一半分；把握 0.7）", "full (weak: half points, 0.7 sure)"),
    ({"find": ["工号{staff_number}"]}, "{staff_number} 工号，如 8023", "{staff_number} staff number, 8023"),
    ({"find": {"any": [{"phrases": ["甲乙"]}, {"phrases": ["丙丁"]}], "at_least": 2}}, "至少有其中 2 项：", "at least 2 of"),
    ({"find": {"all": [{"regex": "甲+"}], "none": [{"slots": ["phone"]}]}}, "不能有：\n  出现：{phone}", "none of"),
    ({"find": {"words": [[{"TEXT": "投诉"}]], "candidates": ["投诉"]}}, "词语句式（先要有：投诉）", "word patterns"),
    ({"unless": {"quoted": True, "negated": True, "question": True, "before": ["不用"], "hit_of": ["hold.request"]}},
     "前面有：不用", "quoted: 您说"),
    ({"unless": {"repair": {"rule": "hold.return", "within": {"turns": 2}}}}, "2 句之内补救了：返回时致谢 hold.return", "taken back"),
    ({"decide": {"count": {"at_least": 2, "at_most": 5, "distinct": "turns"}}}, "至少 2 句，至多 5 句", "at least 2 turns"),
    ({"decide": {"rate": {"at_most": 12, "review_from": 9}}}, "每分钟至多 12 次，超过 9 次请人复核", "at most 12 a minute"),
    ({"decide": {"each": {"of": "hold.request", "within": {"turns": 3}}}}, "请客户等待 hold.request 每出现一次，之后 3 句之内都要有",
     "after every hit"),
    ({"decide": {"sequence": [{"rule": "hold.request"}, {"rule": "hold.return", "within": {"turns": 4}}]}},
     "依次：请客户等待 hold.request → 返回时致谢 hold.return（4 句之内）", "in this order"),
    ({"decide": {"operator": "holds", "params": {"consent": "hold.return"}}},
     "找出每次请客户等待：请求、答应、中间告知、返回 [holds]\n  consent：返回时致谢 hold.return", "finds every hold [holds]"),
    ({"limits": {"silence": 8}}, "silence = 8\n改数值：在 tingjian.toml 里写 [scoring.limits.\"a.one\"]", "to change them"),
    ({"limits": {"silence": 8}, "lines": {"宽带": {"limits": {"silence": 12}}, "夜班": {"enabled": False}}},
     "业务线 宽带：silence = 12\n业务线 夜班：不检查", "line 宽带"),
    ({"like": ["请问需要我做什么"], "coach": "“您好。”", "notes": "注意方言。"}, "意思相近的说法：请问需要我做什么", "means the same"),
    ({"examples": {"pass": ["您好"], "fail": [{"say": "喂", "before": "有人吗", "call": {"duration": 3}}], "known_miss": ["嗨"]}},
     "  · （对方：有人吗）\n    喂\n    〔duration 3〕\n已知会判错\n  · 嗨", "known misses"),
])
def test_every_field_is_told_in_words(changes: dict, chinese: str, english: str) -> None:
    assert chinese in told(changes)
    assert english in told(changes, "en")


def test_the_headline_tells_kind_speaker_weight_and_status() -> None:
    rule = Rule.model_validate(BASE | {"severity": "fatal", "status": "deprecated"})
    assert (headline(rule), headline(rule, "en")) == ("检查项 · 坐席 · 致命 · 停用中", "check · agent · fatal · deprecated")


def test_every_operator_and_every_slot_has_words() -> None:
    assert set(OPERATORS) == set(TABLE)
    assert set(SLOTS) == NAMES


def test_what_the_layer_learnt_is_told_by_telling_words_and_only_where_it_is_asked() -> None:
    meaning, rules = Meaning.load(), load().rules
    layer = Layer(meaning, rules)
    thanks = learnt(meaning, layer, rules["closing.thanks"])
    assert thanks is not None and thanks.sentences is not None and min(thanks.sentences) > 50
    assert any("谢" in feature for feature in thanks.telling) and not any("感谢" in feature for feature in thanks.against)
    assert learnt(meaning, layer, rules["voice.rate"]) is None
