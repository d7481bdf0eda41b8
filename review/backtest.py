"""`tingjian rules backtest`: what a changed rule pack would change over the stored calls. Writes nothing to the workspace.

Mounted by tingjian.py among the commands of `rules`. It stands here because it brings together the scorer (pipeline), the
comparison (insight) and a page.
"""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from review.commands import English, Workspace

if TYPE_CHECKING:
    from insight.backtest import Backtest, Compared
    from pipeline.scorecard import Scorer
    from records import Failure
    from settings import Settings
    from store.lake import Lake

CHUNK = 200             # calls read and scored together
ALONE_UP_TO = 2000      # calls that one process scores alone: loading both packs costs another as much as 500 calls


def backtest(
    new_pack: Annotated[Path, typer.Argument(help="Directory with the changed rule files (all of them, not only the changed)")],
    workspace: Workspace,
    since: Annotated[str | None, typer.Option(help="Only calls of this day (2026-11-20) and later")] = None,
    forms: Annotated[Path | None, typer.Option(help="Directory with changed form files; else the present ones")] = None,
    html: Annotated[Path | None, typer.Option(help="Also write a page with all examples to this file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables")] = False,
    english: English = False,
) -> None:
    """What would change if these rules were in force: per rule, per agent, with examples. Nothing is written down."""
    import json
    import sys
    from contextlib import nullcontext

    from rich.console import Console

    from review.backtest_view import WIDTH, backtest_page, tables
    from review.commands import _language, _write
    from settings import Settings
    from store.lake import Lake, first_day

    first, language = first_day(since), _language(english)
    errors = Console(file=sys.stderr)
    with errors.status("scoring") if errors.is_terminal else nullcontext():
        trial = try_pack(Lake.open(workspace), Settings(), new_pack, forms, first)
    told = About(str(new_pack), workspace, first or "", trial.undated)
    if html:
        _write(html, backtest_page(trial.backtest, trial.titles, told, language).encode())
    if as_json:
        print(json.dumps({"pack": told.pack, "workspace": workspace, "since": first, "undated": trial.undated,
                          "rules_version_before": trial.versions[0], "rules_version_after": trial.versions[1],
                          **trial.backtest.as_dict()}, ensure_ascii=False))
    else:
        out = Console(highlight=False, markup=False)
        if not out.is_terminal:
            out = Console(highlight=False, markup=False, width=WIDTH)
        out.print(tables(trial.backtest, trial.titles, told, language))
    for failure in trial.failures:
        errors.print(f"failed: {failure.message} [{failure.code}]", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1 if trial.failures else 0)


class About(NamedTuple):
    """What was tried over what, for headings. `undated` calls say no day and stayed out of `since`."""

    pack: str
    workspace: str
    since: str
    undated: int


@dataclass
class Trial:
    backtest: Backtest
    titles: dict[str, str]              # of both packs' rules, by id
    versions: tuple[str, str]           # rules_version before and after
    undated: int = 0
    failures: list[Failure] = field(default_factory=list)


class Case(NamedTuple):
    """A call to compare; `current`: its stored draft is what the rules in force make."""

    call_id: str
    form_asked: str | None
    current: bool


def try_pack(lake: Lake, settings: Settings, new_pack: Path, forms: Path | None = None, since: str | None = None,
             workers: int | None = None) -> Trial:
    """Every stored call since a day (2026-11-20) by the rules of `settings` and by those of `new_pack`.

    Raises Problem with every mistake in the rule and form files, with file and line. `workers` is processes; None takes
    all cores where there are calls enough. A call that one of the two cannot score is among the failures.
    """
    from insight.backtest import Backtest

    changed = with_pack(settings, new_pack, forms)
    before, after = _scorers(settings, changed)
    trial = Trial(Backtest(), before.titles | after.titles, (before.version, after.version))
    cases, trial.undated = _cases(lake, before.version, since)
    chunks = [cases[start:start + CHUNK] for start in range(0, len(cases), CHUNK)]
    cores = workers or (1 if len(cases) <= ALONE_UP_TO else os.cpu_count() or 1)
    for compared, failed in _done(lake, settings, changed, chunks, cores, (before, after)):
        trial.backtest.extend(compared)
        trial.failures += failed
    return trial


def with_pack(settings: Settings, pack: Path, forms: Path | None) -> Settings:
    scoring = settings.scoring.model_copy(update={"rule_pack": pack, "forms": forms or settings.scoring.forms})
    return settings.model_copy(update={"scoring": scoring})


def _scorers(settings: Settings, changed: Settings) -> tuple[Scorer, Scorer]:
    from pipeline.scorecard import Scorer
    from records import Problem
    from rules.meaning.predict import Meaning
    from rules.pack import load

    pack = changed.scoring.rule_pack
    layers = [Meaning.of_pack(own) if settings.scoring.meaning else None for own in (settings.scoring.rule_pack, pack)]
    before = Scorer.from_settings(settings, layers[0])
    try:
        return before, Scorer.from_settings(changed, layers[1])
    except Problem as problem:
        load(pack)      # its own mistakes, as they are; without any, what is wrong lies in the forms
        if changed.scoring.forms != settings.scoring.forms:
            raise
        raise Problem(f"{problem}\nThe forms do not go with the rules of {pack}; give others with --forms.") from problem


def _cases(lake: Lake, version: str, since: str | None) -> tuple[list[Case], int]:
    """Calls day by day, and how many say no day although one is asked for."""
    rows = lake.calls().select("day", "call_id", "form_asked", "scorer_version").collect().sort("day", "call_id").rows()
    dated = [row for row in rows if since is None or row[0][:1].isdigit()]
    return [Case(call_id, form, made_by == version) for day, call_id, form, made_by in dated
            if since is None or day >= since], len(rows) - len(dated)


Done = tuple[list["Compared"], list["Failure"]]


def _done(lake: Lake, settings: Settings, changed: Settings, chunks: Sequence[Sequence[Case]], cores: int,
          scorers: tuple[Scorer, Scorer]) -> Iterator[Done]:
    """Chunks compared, in order, in this process or in several: Polars' threads do not survive a fork, so these are fresh."""
    if cores == 1 or len(chunks) < 2:
        for chunk in chunks:
            yield compare_chunk(lake, chunk, *scorers)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(cores, len(chunks)), get_context("spawn"), _load, (str(lake.root), settings, changed)) as pool:
        yield from pool.map(_compare_here, chunks)


_here: list[Callable[[Sequence[Case]], Done]] = []


def _load(root: str, settings: Settings, changed: Settings) -> None:
    from store.lake import Lake

    lake, (before, after) = Lake.open(root), _scorers(settings, changed)
    _here[:] = [lambda chunk: compare_chunk(lake, chunk, before, after)]


def _compare_here(chunk: Sequence[Case]) -> Done:
    return _here[0](chunk)


def compare_chunk(lake: Lake, chunk: Sequence[Case], before: Scorer, after: Scorer) -> Done:
    """The calls of a chunk under both scorers; the stored draft stands for the first where it is current."""
    from insight.backtest import compare
    from pipeline import faults
    from records import Failure, Problem

    compared, failed = [], []
    cases = {case.call_id: case for case in chunk}
    stored = {draft.call_id: draft for draft in lake.drafts([case.call_id for case in chunk if case.current])}
    for transcript in lake.transcripts(list(cases)):
        form = cases[transcript.call_id].form_asked
        try:
            old = stored.get(transcript.call_id) or before.draft(transcript, form)
            compared.append(compare(transcript, old, after.draft(transcript, form)))
        except Exception as fault:
            why = str(fault) if isinstance(fault, Problem) else f"scoring failed with {faults.told(fault)}"
            failed.append(Failure(call_id=transcript.call_id, code="form" if isinstance(fault, Problem) else "internal_error",
                                  stage="scoring", message=f"{transcript.call_id}: {why}. The other calls go on"))
    return compared, failed
