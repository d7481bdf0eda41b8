"""A rule file with a mistake is refused with file, line and remedy."""
from __future__ import annotations

from pathlib import Path

import pytest

from records import Problem
from rules.form import load as load_forms
from rules.pack import load
from rules.phrases import Literal, Malformed, Slot, expand
from rules.slots import NAMES

RULE = """rules:
  - id: a.one
    title: 一
    kind: check
    who: agent
    why: 为了测试
    source: [S0]
"""
FIND = RULE + "    find: [您好]\n"


def pack(tmp_path: Path, text: str) -> Path:
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("text", "line", "says"), [
    (FIND + "    wher: opening\n", 9, "no such field"),
    (FIND.replace("    title: 一\n", ""), 2, "required"),
    (FIND.replace("kind: check", "kind: chek"), 4, "Input should be 'check', 'signal' or 'taboo'"),
    (RULE, 2, "nothing decides this rule"),
    (RULE + "    find: {any: []}\n", 8, "nothing to find"),
    (RULE + "    find: {none: [{phrases: [您好]}]}\n", 8, "matches every turn"),
    (RULE + "    find: ['[您][好]']\n", 8, "match everything"),
    (RULE + "    find: [的了]\n", 8, "match everything"),
    (RULE + "    find: [好的]\n", 8, "comes down to '好'"),
    (RULE + "    find: ['{您好']\n", 8, "not closed"),
    (RULE + "    find: ['您好}']\n", 8, "without an opening"),
    (RULE + "    find: ['您清楚{吗|了}']\n", 8, "only particles"),
    (RULE + "    find: ['{您…|你}好']\n", 8, "inside brackets"),
    (RULE + "    find: ['工号{number_of_staff}']\n", 8, "no slot"),
    (RULE + "    find: [您好, 您好]\n", 8, "twice"),
    (RULE + "    find: {regex: '(?<=a)b'}\n", 8, "RE2"),
    (RULE + "    find: {regex: '.*'}\n", 8, "every call"),
    (RULE + "    find: {words: [[{TEXTT: 投诉}]], candidates: [投诉]}\n", 8, "TEXTT is not known"),
    (RULE + "    find: {any: [{phrases: [您好]}], at_least: 2}\n", 8, "can never be"),
    (RULE + f"    find: ['{'{一|二|三|四|五|六|七|八|九|十}' * 4}']\n", 8, "more than 3000"),
    (RULE + "    find: ['=的']\n", 8, "single character"),
    (RULE + "    find: {phrases: [您好], wekk: true}\n", 8, "perhaps weak is meant"),
    (FIND.replace("    kind:", "    statsu: stable\n    kind:"), 4, "perhaps status is meant"),
    (RULE + "    find: 您好\n", 2, "write find: [您好]"),
    (RULE + "    find: {words: [[{TEXT: [投诉]}]], candidates: [投诉]}\n", 8, "not a pattern over words"),
    (RULE + "    find: {words: [[{}]], candidates: [投诉]}\n", 8, "every call"),
    (RULE + "    find: {words: [[{TEXT: {REGEX: '('}}]], candidates: [投诉]}\n", 8, "not a regular expression"),
    (RULE + "    find: {words: [[{TEXT: 投诉, POS: VERB}]], candidates: [投诉]}\n", 8, "use TEXT, LOWER, LENGTH and OP"),
    (FIND + "    where: {after: {rule: a.oen}}\n", 9, "perhaps a.one is meant"),
    (FIND + "    where: {after: {rule: a.one, hit: 0}}\n", 9, "a number from 1"),
    (FIND + "    decide: {count: {}}\n", 9, "give at_least"),
    (FIND + "    decide: {count: {at_least: 3, at_most: 2}}\n", 9, "no number is"),
    (FIND + "    decide: {rate: {at_most: 5, review_from: 9}}\n", 9, "not below at_most"),
    (FIND + "    decide: {operator: metadata_at_most, params: {field: ringing}}\n    limits: {limit: 3}\n", 9, "'answered_after' or"),
    (FIND + "    decide: {operator: metadata_equals, params: {field: lien, values: [a]}}\n", 9, "no field of a call"),
    (FIND + "    effective: {since: 2026-06-01, until: 2026-01-01}\n", 9, "before since"),
    (FIND + "    applies: [{}]\n", 9, "a condition needs"),
    (FIND + "    applies: [{has: [cutsomer_name]}]\n", 9, "no field of a call"),
    (FIND + "    applies: [{operator: holds}]\n", 9, "no operator for applies"),
    (FIND + "    applies: [{times: true, verdict: [pass]}]\n", 9, "whose verdict"),
    (FIND + "    lines: {宽带: {}}\n", 9, "nothing is otherwise"),
    (FIND + "    like: [您好]\n    unlike: [您好]\n", 2, "in like and in unlike"),
    (FIND + "    examples: {pass: [{say: 您好, call: {directon: outbound}}]}\n", 9, "no field of a call"),
    (FIND + "    examples: {fail: ['']}\n", 9, "at least 1 character"),
    (FIND + "    where: {after: {rule: a.two}}\n", 9, "no rule a.two"),
    (FIND + "    unless: {hit_of: [a.two]}\n", 9, "no rule a.two"),
    (FIND + "    decide: {count: {at_least: 1}, rate: {at_most: 3}}\n", 9, "exactly one"),
    (FIND + "    decide: {operator: guess}\n", 9, "no operator guess"),
    (FIND + "    decide: {operator: metadata_at_most, params: {feld: duration}}\n", 9, "no such field"),
    (FIND + "    where: {before: {rule: a.one}}\n", 2, "circle"),
    (FIND + FIND.removeprefix("rules:\n"), 9, "already a rule"),
    (FIND + "    title: 二\n", 9, "given twice"),
    (FIND.replace("why: 为了测试", "why: &x 测试").replace("title: 一", "title: 一"), 6, "aliases"),
    (FIND.replace("why: 为了测试", "why: !!python/name:os.system x"), 6, "not allowed"),
    ("rules: [\n", 2, "not YAML"),
    ("- id: a.one\n", 1, "a rule file is"),
])
def test_a_mistake_in_a_rule_file_is_refused_with_file_line_and_remedy(
        tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(Problem) as refused:
        load(pack(tmp_path, text))
    assert f"rules.yaml line {line}" in str(refused.value)
    assert says in str(refused.value)


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(FIND + "    wher: opening\n", encoding="utf-8")
    (tmp_path / "two.yaml").write_text(FIND.replace("kind: check", "kind: chek"), encoding="utf-8")
    with pytest.raises(Problem, match=r"(?s)one\.yaml line 9.*two\.yaml line 4"):
        load(tmp_path)


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no rule files"):
        load(tmp_path)


def test_rules_that_refer_to_each_other_come_after_what_they_need(tmp_path: Path) -> None:
    second = FIND.removeprefix("rules:\n").replace("a.one", "a.two")
    first = FIND + "    where: {after: {rule: a.two}}\n"
    assert list(load(pack(tmp_path, first + second)).rules) == ["a.two", "a.one"]


def test_the_version_changes_with_a_rule_and_only_then(tmp_path: Path) -> None:
    version = load(pack(tmp_path, FIND)).version
    assert load(pack(tmp_path, FIND)).version == version
    assert load(pack(tmp_path, FIND.replace("您好", "你好"))).version != version


@pytest.mark.parametrize(("template", "runs", "gaps"), [
    ("请问[还]有{什么|啥}", {"请问还有什么", "请问还有啥", "请问有什么", "请问有啥"}, ()),
    ("{帮{您|你}|为您}", {"帮您", "帮你", "为您"}, ()),
    ("您…{清楚|明白}吗", {"您", "清楚吗", "明白吗"}, (8,)),
    ("您……好", {"您", "好"}, (20,)),
    ("请您的稍等了", {"请您稍等"}, ()),
])
def test_a_template_stands_for_its_phrases(template: str, runs: set[str], gaps: tuple[int, ...]) -> None:
    expanded = expand(template, NAMES)
    assert len(expanded) == 1
    found = {"".join(e.key for e in run if isinstance(e, Literal)) for stretch in expanded[0].stretches for run in stretch}
    assert (found, expanded[0].gaps) == (runs, gaps)


def test_a_slot_stands_between_words() -> None:
    assert expand("工号{staff_number}号", NAMES)[0].stretches == (((Literal("工号"), Slot("staff_number"), Literal("号")),),)


def test_a_stretch_that_may_be_missing_leaves_one_wider_gap() -> None:
    readings = {(len(t.stretches), t.gaps) for t in expand("您…[都]…清楚", NAMES)}
    assert readings == {(3, (8, 8)), (2, (16,))}


def test_a_gap_cannot_be_made_strict() -> None:
    with pytest.raises(Malformed, match="no gaps"):
        expand("=好的…行", NAMES)


FORM = """id: one
version: "1"
title: 表
sections:
  - title: 节
    items:
      - {id: first, title: 甲, weight: 60, rules: [a.one]}
      - {id: second, title: 乙, weight: 40, mode: human}
"""


@pytest.mark.parametrize(("text", "line", "says"), [
    (FORM.replace("weight: 60", "weight: 50"), 1, "add up to 90"),
    (FORM.replace("a.one", "a.two"), 7, "no rule a.two"),
    (FORM.replace("mode: human", "mode: auto"), 8, "needs rules"),
    (FORM.replace("id: second", "id: first"), 1, "used twice"),
    (FORM + "fatal: [a.two]\n", 9, "no rule a.two"),
    (FORM + "choose: {found: a.one}\n", 9, "no signal"),
    (FORM + "colour: red\n", 9, "no such field"),
])
def test_a_mistake_in_a_form_is_refused_with_file_line_and_remedy(tmp_path: Path, text: str, line: int, says: str) -> None:
    (tmp_path / "pack").mkdir()
    rules = load(pack(tmp_path / "pack", FIND)).rules
    (tmp_path / "form.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Problem) as refused:
        load_forms(tmp_path, rules)
    assert f"form.yaml line {line}" in str(refused.value)
    assert says in str(refused.value)
