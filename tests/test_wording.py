"""Every rule's verdicts read as a reviewer would say them: what must not be said is never 做到 or 未做到."""
from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

from pipeline.scorecard import said
from review import wording
from review.workbench import words
from rules.engine import Engine
from rules.examples import judge


@pytest.fixture(scope="module")
def sentences() -> list[tuple[str, str, str, str]]:
    """(rule, kind, verdict, sentence) of all examples of the built-in rules."""
    engine = Engine.open()
    told = []
    for rule in engine.pack.rules.values():
        for example in (*rule.examples.passing, *rule.examples.failing):
            verdict, reason = judge(engine, rule, example)
            told.append((rule.id, rule.kind, verdict, said(rule.title, verdict, reason)))
    return told


def test_no_taboo_is_said_to_be_done_or_not_done(sentences: list[tuple[str, str, str, str]]) -> None:
    taboos = {sentence for _, kind, _, sentence in sentences if kind == "taboo"}
    assert [sentence for sentence in taboos if "做到" in sentence or not re.search("：(没有发现|出现 [0-9]+ 处|不?通过（.+）)$", sentence)] == []
    assert "推诿：没有发现" in taboos and "推诿：出现 1 处" in taboos


def test_every_verdict_of_every_rule_is_a_whole_sentence(sentences: list[tuple[str, str, str, str]]) -> None:
    checks = [(rule, verdict, sentence) for rule, kind, verdict, sentence in sentences if kind == "check"]
    assert {verdict for _, verdict, _ in checks} == {"pass", "fail"}
    assert [one for one in checks if not re.search("：(做到了|没有做到|不?通过（.+）)$", one[2])] == []
    twice = re.compile("没有没有|没有不|未未|（（|））$|没有叫错：未")
    assert [one for one in checks if twice.search(one[2])] == []


@pytest.mark.parametrize(("title", "verdict", "reason", "sentence"), [
    ("称呼正确", "fail", "称“先生”，客户是女性", "称呼正确：不通过（称“先生”，客户是女性）"),
    ("推诿", "needs_review", "可能有，把握不足，请人听一下", "推诿：待复核（可能有，把握不足，请人听一下）"),
    ("语速", "not_applicable", "没有时间信息", "语速：不适用（没有时间信息）"),
    ("问候", "pass", "", "问候：通过")])
def test_a_verdict_comes_with_its_reason(title: str, verdict: str, reason: str, sentence: str) -> None:
    assert said(title, verdict, reason) == sentence


def test_no_word_of_the_workbench_is_told_in_two_ways() -> None:
    """Each topic has its module of words; a key that two of them tell differently would change pages of the other."""
    told: dict[str, tuple[str, str]] = {}
    clashes = []
    for module in pkgutil.iter_modules(words.__path__):
        for key, pair in importlib.import_module(f"review.workbench.words.{module.name}").WORDS.items():
            if told.setdefault(key, pair) != pair:
                clashes.append(f"{module.name}: {key}")
    assert clashes == []


def test_bands_and_verdicts_are_called_the_same_everywhere() -> None:
    for key in ("excellent", "good", "needs_improvement", "below_standard", "pass", "fail", "not_applicable", "needs_review"):
        assert words.say(key) == wording.say(key) != key
