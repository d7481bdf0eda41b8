"""`tingjian score`: one file, many lines, and a broken one among good ones."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pipeline.commands import app
from records import Problem

GOOD = {"call_id": "c-1", "turns": [{"speaker": "agent", "text": "您好，请讲"}, {"speaker": "customer", "text": "查话费"}]}
runner = CliRunner()
main = typer.main.get_command(app)


def test_one_transcript_is_printed_as_one_object(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(GOOD, indent=1, ensure_ascii=False), encoding="utf-8-sig")
    result = runner.invoke(app, [str(tmp_path / "one.json")])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["call_id"] == "c-1"


def test_several_are_an_array_or_with_jsonl_a_draft_a_line(tmp_path: Path) -> None:
    lines = tmp_path / "calls.jsonl"
    lines.write_text("".join(json.dumps(GOOD | {"call_id": i}) + "\n" for i in "abc"), encoding="utf-8")
    assert [d["call_id"] for d in json.loads(runner.invoke(app, [str(lines)]).stdout)] == ["a", "b", "c"]
    result = runner.invoke(app, [str(lines), "--jsonl", "--form", "outbound"])
    drafts = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(d["call_id"], d["form"]) for d in drafts] == [("a", "outbound"), ("b", "outbound"), ("c", "outbound")]


@pytest.mark.parametrize(("line", "says"), [
    ('{"call_id": "x", "turns": [', "not JSON"), ('{"turns": []}', "call_id"),
    ('{"call_id": "x", "turns": [{"speaker": "me", "text": ""}]}',
     "turns.0.speaker"), ("[]", "line 2"), ("7", "line 2")])
def test_a_broken_line_is_named_and_the_others_are_scored(tmp_path: Path, line: str, says: str) -> None:
    lines = tmp_path / "calls.jsonl"
    lines.write_text("\n".join([json.dumps(GOOD), line, json.dumps(GOOD)]), encoding="utf-8")
    result = runner.invoke(app, [str(lines), "--jsonl"])
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 2
    assert "calls.jsonl line 2" in result.stderr and says in result.stderr


def test_a_missing_file_is_named_and_the_others_are_scored(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(GOOD), encoding="utf-8")
    result = runner.invoke(app, [str(tmp_path / "none.json"), str(tmp_path / "one.json")])
    assert result.exit_code == 1
    assert "none.json: cannot be read" in result.stderr
    assert json.loads(result.stdout)["call_id"] == "c-1"


def test_an_unknown_form_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(GOOD), encoding="utf-8")
    result = runner.invoke(app, [str(tmp_path / "one.json"), "--form", "nothing"])
    assert isinstance(result.exception, Problem)
