"""The worked example of docs/rules.md does what the page says, command by command."""
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tingjian
from pipeline.scorecard import Scorer
from records import Call, Recording, Transcript, Turn
from rules.pack import load
from settings import Scoring, Settings
from store.lake import AudioFile, Lake, Result

PAGE = (Path(__file__).parent.parent / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLE = PAGE[PAGE.index("## A first rule"):PAGE.index("## The fields of a rule")]
SAID = {"told": "您好，客服中心，本次通话会录音，请问有什么可以帮您", "silent": "您好，客服中心，请问有什么可以帮您"}


def block(kind: str, within: str) -> str:
    """The text of the fenced block of a kind that has these words."""
    return next(found for found in re.findall(rf"```{kind}\n(.*?)```", EXAMPLE, re.DOTALL) if within in found)


def run(command: str) -> str:
    result = CliRunner().invoke(tingjian.app, command.split()[1:])
    assert result.exit_code == 0, result.output
    return result.stdout


def console(command: str) -> tuple[str, str]:
    """What a documented command prints, and what the page says that it prints."""
    first, _, output = block("console", command).partition("\n")
    return run(first.removeprefix("$ ")), output


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TINGJIAN_SETTINGS", str(tmp_path / "tingjian.toml"))
    lake, scorer = Lake.create(tmp_path / "W"), Scorer.from_settings(Settings())
    calls = [Transcript(call_id=name, turns=(Turn(speaker="agent", text=said), Turn(speaker="customer", text="我查一下话费")))
             for name, said in SAID.items()]
    with lake.writing():
        lake.commit([Result(Recording(call=Call(call_id=one.call_id), path=f"/{one.call_id}.wav"), AudioFile("s", 1, 2), "stub", one,
                            scorer.draft(one), scorer_version=scorer.version) for one in calls])
    return tmp_path


def test_the_worked_example_runs_from_nothing_to_a_card(here: Path) -> None:
    printed, told = console("rules copy my-qc")
    assert printed == told
    rule = here / "my-qc" / "rules" / "own.yaml"
    rule.write_text(block("yaml", "own.recorded                #"), encoding="utf-8")
    for command in ("rules test own.recorded", "rules probe asked.jsonl"):
        (here / "asked.jsonl").write_text(block("json", "own.recorded"), encoding="utf-8")
        printed, told = console(command)
        assert [line.rstrip() for line in printed.splitlines()] == told.splitlines()

    mended = rule.read_text(encoding="utf-8").replace("unless: {turn", "unless: {question: true, turn")
    rule.write_text(mended.replace("我帮您登记]", "我帮您登记, 您有通话录音吗]"), encoding="utf-8")
    assert "9 examples, 0 wrong" in run("tingjian rules test own.recorded --pack my-qc/rules")

    printed, _ = console("rules backtest my-qc/rules")
    assert "录音告知  own.recorded  命中通话 0 → 1" in printed and "silent" in printed
    assert "own.recorded" in (here / "changes.html").read_text(encoding="utf-8")

    form = here / "my-qc" / "forms" / "inbound.yaml"
    items = block("yaml", "id: recorded")
    greeting = next(line for line in form.read_text(encoding="utf-8").splitlines(keepends=True) if "id: greeting" in line)
    form.write_text(form.read_text(encoding="utf-8").replace(greeting, items), encoding="utf-8")
    (here / "tingjian.toml").write_text("\n".join(block("console", "rules copy").splitlines()[-3:]), encoding="utf-8")
    rule.write_text(rule.read_text(encoding="utf-8").replace("status: experimental", "status: stable"), encoding="utf-8")
    assert points() == {"told": 2.0, "silent": 0.0}
    assert run("tingjian rescore --workspace W")
    shown = run("tingjian show silent --workspace W")
    assert "录音告知：没有做到" in shown and "本次通话会录音" in shown


def points() -> dict[str, float | None]:
    scorer = Scorer.from_settings(Settings())
    return {name: next(item.points for item in scorer.draft(Transcript(call_id=name, turns=(
        Turn(speaker="agent", text=said), Turn(speaker="customer", text="我查一下话费")))).items if item.id == "recorded")
        for name, said in SAID.items()}


def test_what_the_copy_holds_is_what_vs_code_needs(here: Path) -> None:
    run("tingjian rules copy my-qc")
    settings = json.loads((here / "my-qc" / ".vscode" / "settings.json").read_text(encoding="utf-8"))
    assert all((here / "my-qc" / schema).exists() for schema in settings["yaml.schemas"])
    assert load(here / "my-qc" / "rules").rules.keys() == load().rules.keys()


def test_a_copied_form_for_one_line_is_chosen_there_and_the_same_choice_twice_is_refused(here: Path) -> None:
    run("tingjian rules copy my-qc")
    forms = here / "my-qc" / "forms"
    copied = (forms / "inbound.yaml").read_text(encoding="utf-8").replace("id: inbound", "id: broadband", 1)
    (forms / "broadband.yaml").write_text(copied, encoding="utf-8")
    settings = Settings(scoring=Scoring(forms=forms, meaning=False))
    line = next(number for number, text in enumerate(copied.splitlines(), 1) if text.startswith("choose:"))
    with pytest.raises(tingjian.Problem, match=rf"inbound.yaml line {line}, choose: the form broadband is meant for the same calls"):
        Scorer.from_settings(settings)
    (forms / "broadband.yaml").write_text(copied.replace("{direction: inbound}", "{direction: inbound, line: [宽带]}"), encoding="utf-8")
    scorer = Scorer.from_settings(settings)
    chosen = [scorer.draft(Transcript(call_id="c", line=line, turns=(Turn(speaker="agent", text="您好"),))).form
              for line in ("宽带", "话费", None)]
    assert chosen == ["broadband", "inbound", "inbound"]


def test_every_field_of_rules_and_forms_is_on_the_page() -> None:
    from rules import form, schema

    entries = [entry for module in (schema, form) for entry in vars(module).values()
               if isinstance(entry, type) and issubclass(entry, schema.Entry)]
    names = {field.alias or name for entry in entries for name, field in entry.model_fields.items()}
    assert {name for name in names if not re.search(rf"\b{name}\b", PAGE)} == set()
