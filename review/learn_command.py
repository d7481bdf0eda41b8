"""`tingjian learn`: what reviewers' overrides teach. It shows; a person accepts."""
from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import polars as pl

    from insight.learning import Proposal
    from rules.engine import Engine
    from settings import Settings
    from store.lake import Lake

FEW = 20                # reviews under which a rule's agreement says little
SHOWN = 3               # calls named on each side of a proposal


def learn(
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")],
    rule: Annotated[str | None, typer.Option(help="One rule: its agreement week by week, and proposals for it alone")] = None,
    pack: Annotated[Path | None, typer.Option("--pack", help="Directory of rule files instead of the configured one")] = None,
    calibrate: Annotated[Path | None, typer.Option(help="Fit the rules' confidences to the reviews and write them to this file")] = None,
    accept: Annotated[str | None, typer.Option(help="Id of a proposal to take over into --pack, or into tingjian.toml")] = None,
    settings_file: Annotated[Path, typer.Option("--settings", help="Where an accepted limit is written")] = Path("tingjian.toml"),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the proposals to a .jsonl file")] = None,
) -> None:
    """Agreement of machine and reviewers by rule, and proposals from overrides with the calls that speak for and against each.

    Rules are asked anew about every reviewed call. Nothing changes but by --accept, which writes into a pack of yours."""
    import polars as pl

    from insight import learning, lessons, refitting
    from records import Problem
    from settings import Settings
    from store.lake import Lake

    lake, settings = Lake.open(workspace), Settings()
    items = _items(lake, settings)
    if items.is_empty():
        raise Problem(f"No reviewed cards in {lake.root}; publish some in `tingjian review`, then run this again.")
    if rule is not None:
        items = items.filter(pl.col("rules").list.contains(rule))
    _show_agreement(items.filter(pl.col("machine") != "needs_review"), rule)
    engine = lessons.bare(_engine(settings, pack))
    if rule is not None and rule not in engine.pack.rules:
        raise Problem(f"There is no rule {rule}; `tingjian rules list` prints all.")
    learnt = _lessons(engine, lake, items)
    learnt = learnt if rule is None else learnt.filter(pl.col("rule") == rule)
    if calibrate is not None:
        _calibrate(refitting.calibration(learnt), calibrate)
    wrong = learnt.filter(pl.col("verdict") != pl.col("truth"))["rule"].unique()
    proposals = learning.limits(learnt, engine.pack.rules)
    proposals += learning.phrases(learnt.filter(pl.col("rule").is_in(wrong.implode())), _turns(lake, learnt), engine.pack.rules)
    if accept is not None:
        return _accept(accept, proposals, pack or settings.scoring.rule_pack, settings_file, workspace)
    _show(proposals, settings)
    if out is not None:
        out.write_text("".join(json.dumps(_told(one), ensure_ascii=False) + "\n" for one in proposals), encoding="utf-8")
    return None


def _items(lake: Lake, settings: Settings) -> pl.DataFrame:
    import polars as pl

    from insight import reviewed
    from review.sample_command import reviews

    database = reviews(lake, settings)
    if database is None:
        return pl.DataFrame(schema=reviewed.ITEMS)
    with database.reading() as session:
        return reviewed.items(session)


def _engine(settings: Settings, pack: Path | None) -> Engine:
    from days import Days
    from rules.engine import Engine

    scoring, meaning = settings.scoring, None
    directory = pack or scoring.rule_pack
    if scoring.meaning:
        from rules.meaning.predict import Meaning

        meaning = Meaning.of_pack(directory)
    return Engine.open(directory, tuple(scoring.organisations), meaning, 0.0, scoring.limits, days=Days(settings.calendar))


def _lessons(engine: Engine, lake: Lake, items: pl.DataFrame) -> pl.DataFrame:
    """The rules' verdicts now beside the reviewers', with a bar on standard error."""
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from insight.lessons import lessons

    held = set(lake.call_ids())
    calls = sorted(set(items["call_id"]) & held)
    errors = Console(file=sys.stderr)
    columns = (TextColumn("asking the rules anew"), BarColumn(bar_width=28), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=len(calls))
        return lessons(engine, lake.transcripts(calls), items, lambda number: bar.update(task, completed=number))


def _turns(lake: Lake, learnt: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    here = pl.col("day").is_in(learnt["day"].unique().implode()) & pl.col("call_id").is_in(learnt["call_id"].unique().implode())
    return lake.rows("turns").filter(here).select("call_id", "turn", "speaker", "text").collect()


def _show_agreement(items: pl.DataFrame, rule: str | None) -> None:
    from insight.learning import agreement
    from review.sample_command import table

    rows = agreement(items, "1w" if rule else "100y")
    rows = rows.sort("ac1", "rule") if rule is None else rows
    table(["rule", *(["week"] if rule else []), "reviews", "agreed", "AC1", "false alarms", "missed", ""], [
        [row["rule"], *([str(row["since"])] if rule else []), str(row["reviews"]), f"{row['share']:.0%}",
         "–" if row["ac1"] is None else f"{row['ac1']:.2f}", str(row["alarms"]), str(row["missed"]), "few" if row["reviews"] < FEW else ""]
        for row in rows.iter_rows(named=True)], numbers=(2, 3, 4, 5, 6) if rule else (1, 2, 3, 4, 5))


def _calibrate(content: dict[str, object], file: Path) -> None:
    curves = content["curves"]
    assert isinstance(curves, list)
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"\n{file}: {len(curves)} curves from {content['reviews']} verdicts, version {content['version']}.")
    for curve in curves:
        typer.echo(f"  {curve['rule']} {curve['verdict']}: {curve['agreed']} of {curve['reviews']} right; squared error {curve['before']:.3f} → "
                   f"{curve['after']:.3f} on reviews held out")
    if curves:
        typer.echo(f"Let it count, in tingjian.toml, then rescore:\n[scoring]\ncalibration = \"{file}\"")
    else:
        typer.echo("No rule has enough reviews, or none would be surer of what it says; confidences stay as they are.")


def _show(proposals: list[Proposal], settings: Settings) -> None:
    hidden = settings.privacy.masking != "off"
    if not proposals:
        typer.echo("\nNothing to propose: too few overrides that have something in common.")
    for one in proposals:
        typer.echo(f"\n{one.id}  {one.rule}: {one.change}")
        for sign, calls, words in (("+", one.better, "then as the reviewer said"), ("-", one.worse, "then no longer")):
            typer.echo(f"  {sign} {len(calls)} {words}" + (": " if calls else ""), nl=False)
            typer.echo("; ".join(call + _said(one, call, hidden) for call in calls[:SHOWN]) + (" …" if len(calls) > SHOWN else ""))
    if proposals:
        typer.echo("\nTake one over: tingjian learn … --accept ID --pack MY-RULES/rules (a limit without --pack goes into "
                   "tingjian.toml); what it changes over all calls: tingjian rules backtest MY-RULES/rules -w WORKSPACE")


def _said(one: Proposal, call: str, hidden: bool) -> str:
    from pipeline.masking import mask

    words = (one.said or {}).get(call)
    return "" if not words else f" “{mask(words) if hidden else words}”"


def _told(one: Proposal) -> dict[str, object]:
    return {"id": one.id, "rule": one.rule, "kind": one.kind, "change": one.change, "name": one.name, "value": one.value, "phrase": one.phrase,
            "for": list(one.better), "against": list(one.worse)}


def _accept(wanted: str, proposals: list[Proposal], pack: Path | None, settings_file: Path, workspace: str) -> None:
    from records import Problem
    from rules.amending import add_phrase, change_limit, except_phrase, set_limit

    one = next((proposal for proposal in proposals if proposal.id == wanted), None)
    if one is None:
        raise Problem(f"There is no proposal {wanted} (any more); `tingjian learn -w {workspace}` lists them.")
    if one.kind == "limit":
        assert one.value is not None
        done = (change_limit(pack, one.rule, one.name, one.value) if pack is not None
                else set_limit(settings_file, one.rule, one.name, one.value))
    elif pack is None:
        raise Problem("The built-in rules are not changed; copy them (tingjian rules copy MY-RULES) and give --pack MY-RULES/rules.")
    else:
        done = (add_phrase if one.kind == "add" else except_phrase)(pack, one.rule, one.phrase)
    typer.echo(f"{done.file} line {done.line}: {one.rule}, {one.change}")
    if pack is None:
        typer.echo(f"Make the stored calls' cards anew by it: tingjian rescore --workspace {workspace}")
    else:
        typer.echo(f"Test it: tingjian rules test --pack {pack}\n"
                   f"See what it changes over the stored calls: tingjian rules backtest {pack} --workspace {workspace}")
