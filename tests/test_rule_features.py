"""The packs in docs/examples work as they say, and show every field there is."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from records import Transcript, Turn
from rules.engine import Engine
from rules.examples import run
from rules.schema import (
    Anchor,
    Condition,
    Count,
    Decide,
    Each,
    Effective,
    Example,
    Override,
    Part,
    Rate,
    Repair,
    Rule,
    Unless,
    Where,
)
from rules.slots import NAMES

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
PACKS = sorted({file.parent for file in EXAMPLES.rglob("*.yaml") if "rules:" in file.read_text(encoding="utf-8")})
# Shown elsewhere: a worked example in docs/rules.md has coach, like and notes.
ELSEWHERE = {"coach", "like", "unlike", "notes", "meaning", "sounds", "known_miss", "passing", "failing", "window", "distinct"}


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_the_examples_of_the_packs_in_the_docs_come_out_as_written(pack: Path) -> None:
    results = run(Engine.open(pack))
    assert [(result.rule, result.wrong, result.learnt) for result in results if result.wrong or result.learnt] == []
    assert all(result.counts["pass"] >= 2 and result.counts["fail"] >= 2 for result in results)


def test_every_field_of_the_language_is_shown() -> None:
    text = (EXAMPLES / "features" / "features.yaml").read_text(encoding="utf-8")
    entries = (Rule, Where, Anchor, Part, Unless, Repair, Condition, Count, Rate, Each, Decide, Effective, Override, Example)
    fields = {name for entry in entries for name in entry.model_fields} - ELSEWHERE
    assert {name for name in fields if not re.search(rf"\b{name}:", text)} == set()
    slots = NAMES - {"number"}
    assert {slot for slot in slots if f"{{{slot}}}" not in text and f"[{slot}]" not in text} == set()


def outcome(rule: str, *turns: Turn, **call: object) -> tuple[str, str]:
    engine = Engine.open(EXAMPLES / "features")
    found = engine.view(Transcript.model_validate({"call_id": "c", **call, "turns": turns})).outcome(rule)
    return found.verdict, found.reason


def said(text: str, start: float | None = None, who: str = "agent") -> Turn:
    return Turn.model_validate({"speaker": who, "text": text, "start": start, "end": None if start is None else start + 2})


@pytest.mark.parametrize(("rule", "turns", "call", "verdict", "reason"), [
    ("demo.applies", (said("请您稍等", 0),), {"direction": "outbound"}, "not_applicable", "只查呼入电话"),
    ("demo.applies", (said("请您稍等"),), {"line": "宽带"}, "not_applicable", "没有时间信息"),
    ("demo.applies", (said("您好", 0),), {"line": "宽带"}, "not_applicable", "没有请客户等待"),
    ("demo.applies", (said("您好", 0),), {}, "not_applicable", "没有业务数据"),
    ("demo.effective", (said("您好"),), {"started_at": "2026-02-28T09:00:00+08:00"}, "not_applicable", "规则在 2026-02-28 不生效"),
    ("demo.lines", (said("您好"),), {"line": "外语", "duration": 9}, "not_applicable", "业务线 外语 不检查此项"),
    ("demo.metadata", (said("您好"),), {}, "not_applicable", "没有振铃时长数据"),
    ("demo.each", (said("您好"), said("喂", None, "customer")), {}, "not_applicable", "请客户等待：没有出现"),
    ("demo.silence", (said("您好"),), {}, "not_applicable", "没有时间信息"),
    ("demo.silence", (said("查", 0, "customer"), said("三十", 22)), {}, "fail", "1 处静默超过 10 秒"),
    ("demo.together", (said("您好"), said("喂", None, "customer")), {}, "fail", "2 项中做到 0 项；缺：第一次等待后致谢、等待前先说明"),
    ("demo.weak", (said("您好请讲"),), {}, "pass", "说法较弱，得一半分"),
    ("demo.sequence", (said("请您稍等"),), {}, "fail", "缺少：第一次等待后致谢"),
])
def test_what_does_not_apply_or_is_missing_says_why(
        rule: str, turns: tuple[Turn, ...], call: dict, verdict: str, reason: str) -> None:
    assert outcome(rule, *turns, **call) == (verdict, reason)
