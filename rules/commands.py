"""`tingjian rules …`: list a pack, show a rule, run the examples, try a sentence."""
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from rules.editor import copy
from rules.teaching import train

if TYPE_CHECKING:
    from rich.console import Console

    from rules.engine import Engine
    from rules.schema import Rule

WIDTH = 100     # columns that the tables keep to
app = typer.Typer(help="The rule pack: list, show, copy, test, probe, backtest, train.", no_args_is_help=True)
app.command()(train)
app.command()(copy)
PackOption = Annotated[Path | None, typer.Option("--pack", help="Directory of rule files instead of the configured one")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs")]
English = Annotated[bool, typer.Option("--english", help="English headings instead of Chinese ones")]


def _open(pack: Path | None, with_meaning: bool = False) -> Engine:
    from days import Days
    from rules.engine import Engine
    from settings import Settings

    settings = Settings()
    scoring, meaning = settings.scoring, None
    if with_meaning and scoring.meaning:
        from rules.meaning.predict import Meaning

        meaning = Meaning.of_pack(pack or scoring.rule_pack)
        if scoring.embeddings is not None:
            from rules.meaning.embedding import Embedded

            meaning = Embedded.open(meaning, scoring.embeddings)
    return Engine.open(pack or scoring.rule_pack, tuple(scoring.organisations), meaning, scoring.review_below, scoring.limits,
                       days=Days(settings.calendar))


@app.command("list")
def list_rules(
    pack: PackOption = None,
    group: Annotated[str | None, typer.Option(help="Only a family, such as hold or taboo (several: hold,transfer)")] = None,
    status: Annotated[str | None, typer.Option(help="Only experimental, stable or deprecated rules")] = None,
    who: Annotated[str | None, typer.Option(help="Only rules about the words of agent, customer or any")] = None,
    kind: Annotated[str | None, typer.Option(help="Only check, taboo or signal")] = None,
    as_json: AsJson = False,
    english: English = False,
) -> None:
    """All rules, family by family: id, title, kind, whose words, severity, status."""
    rules = [rule for rule in _open(pack).pack.rules.values() if _wanted(rule, group, status, who, kind)]
    rules.sort(key=lambda rule: rule.id.split(".")[0])
    if as_json:
        fields = {"id", "title", "kind", "who", "severity", "status"}
        typer.echo(json.dumps([rule.model_dump(include=fields) for rule in rules], ensure_ascii=False, indent=2))
        return
    from rich.table import Table

    from rules.describing import KINDS, SEVERITY, STATUS, WHO

    headings = ("id", "title", "kind", "who", "severity", "status") if english else ("规则", "名称", "类型", "对象", "轻重", "状态")
    table = Table(*headings, box=None, padding=(0, 2, 0, 0), header_style="bold")
    for rule in rules:
        cells = ((KINDS, rule.kind), (WHO, rule.who), (SEVERITY, rule.severity), (STATUS, rule.status))
        table.add_row(rule.id, rule.title, *(words[word][english] for words, word in cells))
    console = _console()
    console.print(table)
    console.print(f"{len(rules)} rules" if english else f"共 {len(rules)} 条；tingjian rules show 规则 看其中一条")


def _wanted(rule: Rule, group: str | None, status: str | None, who: str | None, kind: str | None) -> bool:
    """Whether a rule passes the filters; a word that no rule can have is a Problem that names those there are."""
    from records import Problem
    from rules.describing import KINDS, STATUS, WHO

    for option, given, words, value in (("--status", status, STATUS, rule.status), ("--who", who, WHO, rule.who),
                                        ("--kind", kind, KINDS, rule.kind)):
        if given is not None and given not in words:
            raise Problem(f"{option} {given}: there is no such; write {', '.join(words)}")
        if given not in (None, value):
            return False
    return group is None or rule.id.split(".")[0] in {one.strip().removesuffix(".") for one in group.split(",")}


@app.command()
def show(
    rule: Annotated[str, typer.Argument(help="The rule's id, such as hold.return")],
    pack: PackOption = None,
    as_json: AsJson = False,
    english: English = False,
) -> None:
    """One rule in plain words: what for, whose words, where, what is looked for, exceptions, limits, examples."""
    engine = _open(pack, with_meaning=not as_json)
    found = _named(engine, rule)
    if as_json:
        told = found.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        typer.echo(json.dumps({"where_written": engine.pack.places[rule], **told}, ensure_ascii=False, indent=2))
        return
    _show(engine, found, english)


def _named(engine: Engine, rule: str) -> Rule:
    """The rule of an id; raises Problem, naming the nearest ones, where there is none."""
    from difflib import get_close_matches

    from records import Problem

    rules = engine.pack.rules
    if rule not in rules:
        near = "、".join(get_close_matches(rule, rules, 3, 0.5))
        raise Problem(f"there is no rule {rule}; {f'perhaps {near}; ' if near else ''}`tingjian rules list` prints all")
    return rules[rule]


def _show(engine: Engine, rule: Rule, english: bool) -> None:
    from rich.text import Text

    from rules.describing import Told, describe, headline
    from rules.operators import TABLE

    learnt = None
    if (layer := engine.knowledge.layer) is not None:
        from rules.learnt import learnt as known
        from rules.meaning.predict import Meaning

        learnt = known(cast(Meaning, layer.meaning), layer, rule)
    titles = {other.id: other.title for other in engine.pack.rules.values()}
    told = Told(titles, {name: row.does for name, row in TABLE.items()}, learnt)
    language = "en" if english else "zh"
    console = _console()
    console.print(Text.assemble((rule.title, "bold"), f"  {rule.id}"))
    console.print(Text(f"{headline(rule, language)} · {engine.pack.places[rule.id]}", "dim"))
    for passage in describe(rule, told, language):
        console.print(Text.assemble("\n", (passage.heading, "bold"), (f"  {passage.field}", "bright_black")))
        for line in passage.lines:
            bare = line.lstrip(" ")
            margin = 2 + len(line) - len(bare)
            for row in Text(bare).wrap(console, console.width - margin, overflow="fold"):
                console.print(" " * margin + row.plain.rstrip())


def _console() -> Console:
    """The terminal, at most WIDTH columns wide; a pipe has that width."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return console


@app.command()
def schema(form: Annotated[bool, typer.Option("--form", help="Of form files instead of rule files")] = False) -> None:
    """JSON Schema of a rule file, for editors that complete and check YAML by one."""
    from rules.editor import schema_of

    typer.echo(json.dumps(schema_of(form), ensure_ascii=False, indent=2))


@app.command()
def test(rule: Annotated[list[str] | None, typer.Argument(help="Only these rules; without any, all")] = None,
         pack: PackOption = None) -> None:
    """Run the examples beside every rule; exit code 1 when one does not come out as written."""
    from rich.table import Table

    from rules.examples import run_rule
    from rules.teaching import not_learnt
    from settings import Settings

    engine = _open(pack)
    results = [run_rule(engine, _named(engine, one)) for one in rule or engine.pack.rules]
    table = Table("rule", "pass", "fail", "known misses")
    for result in results:
        bad = {group: sum(g == group for g, _, _ in result.wrong) for group in ("pass", "fail")}
        cells = [f"{result.counts[g] - bad[g]}/{result.counts[g]}" for g in ("pass", "fail")]
        table.add_row(result.rule, *cells, str(result.known_misses), style="red" if result.wrong else None)
    _console().print(table)
    examples, wrong = sum(sum(one.counts.values()) for one in results), sum(len(one.wrong) for one in results)
    typer.echo(f"{len(results)} rules, {examples} examples, {wrong} wrong, {sum(one.known_misses for one in results)} known misses")
    for result in results:
        for group, said, verdict in result.wrong:
            typer.echo(f"{result.rule}: {group} example {said!r} came out as {verdict}", err=True)
        for said in result.learnt:
            typer.echo(f"{result.rule}: {said!r} is no miss any more; move it to its examples", err=True)
    if note := not_learnt(engine.pack, pack or Settings().scoring.rule_pack):
        typer.echo(note, err=True)
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
