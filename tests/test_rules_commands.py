"""`tingjian rules`: list, show, schema, test, probe, over a small pack of one's own."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from records import Problem
from rules.commands import app
from rules.form import BUILT_IN as FORMS
from rules.pack import BUILT_IN as RULES

PACK = """rules:
  - id: t.hello
    title: 问候
    kind: check
    who: agent
    why: 测
    source: [S0]
    find: [您好]
    examples:
      pass: [您好，请讲]
      fail: [喂]
      known_miss: [嗨]
  - {id: t.angry, title: 投诉, kind: signal, who: customer, why: 测, source: [S0], severity: minor, find: [我要投诉]}
"""
DOCS = Path(__file__).parent.parent / "docs"
runner = CliRunner()


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "t.yaml").write_text(PACK, encoding="utf-8")
    return tmp_path / "pack"


def rules(*words: str, **more: str) -> Result:
    return runner.invoke(app, list(words), **more)


def test_list_is_a_table_of_the_rules(pack: Path) -> None:
    lines = rules("list", "--pack", str(pack)).stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["规则", "名称", "类型", "对象", "轻重", "状态"], ["t.hello", "问候", "检查项", "坐席", "一般", "启用"],
        ["t.angry", "投诉", "信号", "客户", "轻微", "启用"], ["共", "2", "条；tingjian", "rules", "show", "规则", "看其中一条"]]


@pytest.mark.parametrize(("words", "ids"), [
    ([], ["t.hello", "t.angry"]), (["--who", "customer"], ["t.angry"]), (["--kind", "check"], ["t.hello"]),
    (["--group", "t,x"], ["t.hello", "t.angry"]), (["--group", "x"], []), (["--status", "deprecated"], [])])
def test_list_keeps_what_the_filters_ask_for(pack: Path, words: list[str], ids: list[str]) -> None:
    assert [rule["id"] for rule in json.loads(rules("list", "--json", *words, "--pack", str(pack)).stdout)] == ids


def test_a_filter_that_no_rule_can_meet_is_a_problem_that_names_the_words(pack: Path) -> None:
    refused = rules("list", "--status", "stabel", "--pack", str(pack)).exception
    assert isinstance(refused, Problem)
    assert "experimental, stable, deprecated" in str(refused)


@pytest.mark.parametrize("words", [["list"], ["list", "--english"], ["show", "taboo.refusal"], ["show", "hold.reason"]])
def test_tables_and_descriptions_of_the_built_in_pack_fit_100_columns(words: list[str]) -> None:
    lines = rules(*words).stdout.splitlines()
    assert len(lines) > 40 and max(map(cell_len, lines)) <= 100


def test_show_as_json_has_the_rule_with_its_place(pack: Path) -> None:
    shown = json.loads(rules("show", "t.angry", "--json", "--pack", str(pack)).stdout)
    assert shown["where_written"] == f"{pack / 't.yaml'}:13"
    assert (shown["find"], shown["kind"]) == ({"phrases": ["我要投诉"]}, "signal")


def test_an_unknown_rule_is_a_problem_that_names_the_remedy(pack: Path) -> None:
    refused = rules("show", "t.none", "--pack", str(pack)).exception
    assert isinstance(refused, Problem)
    assert "no rule t.none; " in str(refused) and "`tingjian rules list`" in str(refused)


def test_a_broken_pack_is_a_problem(pack: Path) -> None:
    (pack / "t.yaml").write_text(PACK.replace("kind: check", "kind: chek"), encoding="utf-8")
    refused = rules("list", "--pack", str(pack)).exception
    assert isinstance(refused, Problem)
    assert "t.yaml line 4" in str(refused)


def test_test_runs_the_examples_and_succeeds(pack: Path) -> None:
    result = rules("test", "--pack", str(pack))
    assert result.exit_code == 0
    assert "t.hello" in result.stdout and "1/1" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(("old", "new", "code", "says"), [
    ("pass: [您好，请讲]", "pass: [您好，请讲, 早]", 1, "t.hello: pass example '早' came out as fail"),
    ("fail: [喂]", "fail: [喂您好]", 1, "t.hello: fail example '喂您好' came out as pass"),
    ("known_miss: [嗨]", "known_miss: [嗨您好]", 0, "'嗨您好' is no miss any more"),
])
def test_test_names_what_came_out_otherwise(pack: Path, old: str, new: str, code: int, says: str) -> None:
    (pack / "t.yaml").write_text(PACK.replace(old, new), encoding="utf-8")
    result = rules("test", "--pack", str(pack))
    assert result.exit_code == code
    assert says in result.stderr


QUESTIONS = [{"rule": "t.hello", "who": "agent", "text": "您好，请讲"}, {"rule": "t.hello", "who": "agent", "text": "喂"},
             {"rule": "t.hello", "who": "customer", "text": "您好"},
             {"rule": "t.angry", "who": "customer", "text": "我要投诉", "before": "请讲", "after": "抱歉"}]


def test_probe_answers_a_line_a_question_in_order(pack: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked.jsonl"
    asked.write_text("\n".join(json.dumps(q, ensure_ascii=False) for q in QUESTIONS) + "\n\n", encoding="utf-8")
    result = rules("probe", str(asked), "--pack", str(pack))
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [(a["label"], a["match"]) for a in answers] == [(1, "exact"), (0, None), (0, None), (1, "exact")]
    assert all(0 < a["confidence"] <= 1 for a in answers)


@pytest.mark.parametrize("bad", ['{"rule": "t.none", "text": "您好"}', "{", '{"rule": "t.hello"}', "[]"])
def test_a_bad_line_is_answered_with_its_error_and_the_others_go_on(pack: Path, bad: str) -> None:
    good = json.dumps(QUESTIONS[0], ensure_ascii=False)
    result = rules("probe", "-", "--pack", str(pack), input=f"{good}\n{bad}\n{good}\n")
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [a["label"] for a in answers] == [1, 0, 1]
    assert answers[1]["error"] and "- line 2: " in result.stderr


def test_a_missing_file_is_a_problem(pack: Path, tmp_path: Path) -> None:
    refused = rules("probe", str(tmp_path / "none.jsonl"), "--pack", str(pack)).exception
    assert isinstance(refused, Problem)
    assert "none.jsonl: cannot be read" in str(refused)


@pytest.mark.parametrize(("words", "folder"), [
    (["schema"], RULES), (["schema"], DOCS / "examples" / "features"), (["schema", "--form"], FORMS)])
def test_the_schema_takes_the_files_that_come_along_and_refuses_a_slip(words: list[str], folder: Path) -> None:
    described = json.loads(rules(*words).stdout)
    Draft202012Validator.check_schema(described)
    check = Draft202012Validator(described)
    for path in folder.glob("*.yaml"):
        value = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
        assert [error.message for error in check.iter_errors(value)] == []
        assert not check.is_valid(value | {"colour": "red"})
