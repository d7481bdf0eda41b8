"""`tingjian rescore`: every stored call scored anew by the rules in force, from its transcript; no recording is opened.

A call whose draft the rules in force made is left as it is, so a rescore that was stopped or killed goes on where it ended:
each batch is one commit (store/lake.py).
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import typer

from flows.job import Scoring
from flows.plan import RESCORED_AT_ONCE
from insight.backtest import Scores, Standing, standing
from records import Call, Draft, Failure, Problem, Recording, Transcript
from store.lake import Known, Lake, Result


@dataclass
class Rescored:
    """What a rescore did. `current` calls needed nothing, `undated` ones say no day and stayed out of `since`."""

    current: int = 0
    undated: int = 0
    scores: Scores = field(default_factory=Scores)
    failures: list[Failure] = field(default_factory=list)


def rescore(lake: Lake, scorer: Scoring, since: str | None = None, batch: int = RESCORED_AT_ONCE,
            on_batch: Callable[[int, int], None] = lambda done, of: None) -> Rescored:
    """Scores what is not current, `batch` calls a commit; `since` is a day such as 2026-11-20, the first one taken.

    A call whose scoring fails keeps its old draft and is tried again by the next rescore. `on_batch` is told calls done and
    calls to do. Raises Problem where a form that calls were asked to be scored on is gone, before anything is written.
    """
    with lake.writing():
        frame = lake.calls().select("call_id", "day", "scorer_version", "form_asked", "score", "band", "fatal", "form").collect()
        done = Rescored()
        stale = []
        for row in frame.sort("day", "call_id").iter_rows(named=True):
            if since and not row["day"][:1].isdigit():
                done.undated += 1
            elif since and row["day"] < since:
                continue
            elif row["scorer_version"] == scorer.version:
                done.current += 1
            else:
                stale.append(row)
        _forms_exist(scorer, {row["form_asked"] for row in stale if row["form_asked"]})
        before = {row["call_id"]: Standing(row["score"], row["band"], row["fatal"], row["form"]) for row in stale}
        call_ids = list(before)
        for start in range(0, len(call_ids), batch):
            results = list(_scored(lake, scorer, call_ids[start:start + batch], done.failures))
            lake.commit(results)
            for result in results:
                assert result.draft is not None
                done.scores.add(before[result.draft.call_id], standing(result.draft))
            on_batch(min(start + batch, len(call_ids)), len(call_ids))
    return done


def _scored(lake: Lake, scorer: Scoring, call_ids: Sequence[str], failures: list[Failure]) -> Iterator[Result]:
    known = lake.known(call_ids)
    for transcript in lake.transcripts(call_ids):
        held = known[transcript.call_id]
        try:
            draft = scorer.draft(transcript, held.form_asked)
        except Problem:
            raise
        except Exception as fault:
            failures.append(Failure(
                call_id=transcript.call_id, recording=held.recording, code="internal_error", stage="scoring",
                message=f"{transcript.call_id}: scoring failed with {type(fault).__name__}: {fault}; its old card stays"))
            continue
        yield _result(held, transcript, draft, scorer.version)


def _result(held: Known, transcript: Transcript, draft: Draft, version: str) -> Result:
    call = Call.model_validate(transcript.model_dump(include=set(Call.model_fields)))
    recording = Recording(call=call, path=held.recording, agent_channel=held.agent_channel)   # type: ignore[arg-type]
    return Result(recording, held.audio, held.transcriber_version, transcript=transcript, draft=draft, scorer_version=version,
                  form_asked=held.form_asked, recognised=False, metadata_sha256=held.metadata_sha256)


def _forms_exist(scorer: Scoring, forms: set[str]) -> None:
    if (check := getattr(scorer, "form", None)) is not None:
        for form in sorted(forms):
            check(form)


def day(value: str | None) -> str | None:
    """An option's day as 2026-11-20; Problem for what is none."""
    from datetime import date

    try:
        return date.fromisoformat(value).isoformat() if value else None
    except ValueError:
        raise Problem(f"--since {value}: not a day; write 2026-11-20.") from None


def rescore_command(
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")],
    since: Annotated[str | None, typer.Option(help="Only calls of this day (2026-11-20) and later")] = None,
) -> None:
    """Score all stored calls by the rules in force, without recognising again. Stopped, it goes on where it ended."""
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    from pipeline.scorecard import Scorer
    from settings import Settings

    first = day(since)
    lake = Lake.open(workspace)
    scorer = Scorer.from_settings(Settings())
    console = Console(file=sys.stderr)
    columns = ("scoring", BarColumn(bar_width=28), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("scoring", total=None)
        done = rescore(lake, scorer, first, on_batch=lambda count, of: bar.update(task, completed=count, total=of))
    _report(done, console)
    raise typer.Exit(1 if done.failures else 0)


def _report(done: Rescored, errors) -> None:
    from rich.console import Console
    from rich.table import Table

    from flows.report import rescored_rows

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for row in rescored_rows(done.scores, done.current, done.undated, len(done.failures)):
        table.add_row(row["what"], row["value"])
    Console().print(table, highlight=False)
    for failure in done.failures:
        errors.print(f"failed: {failure.message} [{failure.code}]", highlight=False, markup=False, soft_wrap=True)
