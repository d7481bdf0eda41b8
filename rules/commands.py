"""`tingjian rules …`: list a pack, show a rule, run the examples, try a sentence."""
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rules.engine import Engine

app = typer.Typer(help="The rule pack: list, show, test, probe.", no_args_is_help=True)
PackOption = Annotated[Path | None, typer.Option("--pack", help="Directory of rule files instead of the configured one")]


def _open(pack: Path | None, with_meaning: bool = False) -> Engine:
    from rules.engine import Engine
    from settings import Settings

    scoring, meaning = Settings().scoring, None
    if with_meaning and scoring.meaning:
        from rules.meaning.predict import Meaning

        meaning = Meaning.load()
    return Engine.open(pack or scoring.rule_pack, tuple(scoring.organisations), meaning, scoring.review_below)


@app.command("list")
def list_rules(pack: PackOption = None) -> None:
    """All rules: id, kind, who, status, severity, title."""
    for rule in _open(pack).pack.rules.values():
        typer.echo(f"{rule.id}\t{rule.kind}\t{rule.who}\t{rule.status}\t{rule.severity}\t{rule.title}")


@app.command()
def show(rule: str, pack: PackOption = None) -> None:
    """One rule as JSON, with the file and line where it stands."""
    from records import Problem

    loaded = _open(pack).pack
    if rule not in loaded.rules:
        raise Problem(f"there is no rule {rule}; `tingjian rules list` prints all")
    found = loaded.rules[rule].model_dump(mode="json", by_alias=True, exclude_defaults=True)
    typer.echo(json.dumps({"where_written": loaded.places[rule], **found}, ensure_ascii=False, indent=2))


@app.command()
def schema(form: Annotated[bool, typer.Option("--form", help="Of form files instead of rule files")] = False) -> None:
    """JSON Schema of a rule file, for editors that complete and check YAML by one."""
    from rules.form import Form
    from rules.schema import Rule

    if form:
        described = Form.model_json_schema()
    else:
        rule = Rule.model_json_schema(ref_template="#/$defs/{model}")
        parts = rule.pop("$defs")
        short = {"where": {"enum": ["opening", "closing", "anywhere"]},
                 "find": {"type": "array", "items": {"type": "string"}}}
        for field, instead in short.items():
            rule["properties"][field] = {"anyOf": [rule["properties"][field], instead]}
        described = {"type": "object", "additionalProperties": False, "required": ["rules"],
                     "properties": {"rules": {"type": "array", "items": {"$ref": "#/$defs/Rule"}}},
                     "$defs": {**parts, "Rule": rule}}
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
    typer.echo(json.dumps(described, ensure_ascii=False, indent=2))


@app.command()
def test(pack: PackOption = None) -> None:
    """Run the examples beside every rule; exit code 1 when one does not come out as written."""
    from rich.console import Console
    from rich.table import Table

    from rules.examples import run

    results = run(_open(pack))
    table = Table("rule", "pass", "fail", "known misses")
    for result in results:
        bad = {group: sum(g == group for g, _, _ in result.wrong) for group in ("pass", "fail")}
        cells = [f"{result.counts[g] - bad[g]}/{result.counts[g]}" for g in ("pass", "fail")]
        table.add_row(result.rule, *cells, str(result.known_misses), style="red" if result.wrong else None)
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    for result in results:
        for group, said, verdict in result.wrong:
            typer.echo(f"{result.rule}: {group} example {said!r} came out as {verdict}", err=True)
        for said in result.learnt:
            typer.echo(f"{result.rule}: {said!r} is no miss any more; move it to its examples", err=True)
    if any(result.wrong for result in results):
        raise typer.Exit(1)


@app.command()
def probe(file: Annotated[Path, typer.Argument(help="JSON Lines {rule, who, text, before?, after?}; - is standard input")],
          pack: PackOption = None) -> None:
    """Does each turn contain what its rule looks for? One answer a line, in order; bad lines answer with `error`."""
    engine = _open(pack, with_meaning=True)
    try:
        lines = sys.stdin.readlines() if str(file) == "-" else file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        from records import Problem

        raise Problem(f"{file}: cannot be read: {error}; give a UTF-8 file of JSON Lines") from error
    failed = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            asked = json.loads(line)
            answer = engine.probe(asked["rule"], asked.get("who", "agent"), asked["text"], asked.get("before"),
                                  asked.get("after"))
            said = {"label": answer.label, "confidence": answer.confidence, "match": answer.match}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            failed = True
            reason = f"no rule {error}" if isinstance(error, KeyError) else str(error)
            said = {"label": 0, "confidence": 0.0, "match": None, "error": reason}
            typer.echo(f"{file} line {number}: {reason}; a line is {{\"rule\", \"who\", \"text\"}}", err=True)
        typer.echo(json.dumps(said, ensure_ascii=False))
    if failed:
        raise typer.Exit(1)
