"""`tingjian run`, the main job, and `tingjian rescore`."""
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from records import Problem

if TYPE_CHECKING:
    from rich.console import Console

    from flows.job import Job, Summary
    from flows.rescore import Rescored
    from settings import Settings


def run(
    source: Annotated[str, typer.Argument(help="Folder of recordings, manifest (.csv, .parquet), manifests/{date}.csv, "
                                          "s3://bucket/prefix, postgresql://user@host/database#table")],
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="Directory for the results; made if need be")],
    model: Annotated[str | None, typer.Option(help="Recogniser instead of the settings', such as whisper-small")] = None,
    form: Annotated[str | None, typer.Option(help="Scorecard for all calls instead of the one that fits each")] = None,
    workers: Annotated[str | None, typer.Option(help="Recogniser workers here, 0 is one a core; or tcp://HOST:8786, a Dask "
                                                "scheduler whose workers do the calls")] = None,
    local_workers: Annotated[int | None, typer.Option(min=0, help="A cluster on this machine of so many workers")] = None,
    batch_seconds: Annotated[float | None, typer.Option(min=1, help="Seconds of audio in one batch (one commit)")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show Prefect's and the stages' logs")] = False,
) -> None:
    """Recordings to transcripts to draft scorecards. Safe to run again: finished calls are skipped."""
    from flows import exporting, logs
    from settings import Settings

    settings = _with_options(Settings(), model, workers, batch_seconds, local_workers)
    logs.set_up(settings, verbose)
    summary = _run(source, workspace, settings, form, verbose)
    exporting.leave(settings, workspace)
    _report(summary, source, workspace)
    raise typer.Exit(130 if summary.left else 1 if summary.failures else 0)


def _with_options(settings: Settings, model: str | None, workers: str | None, batch_seconds: float | None,
                  local_workers: int | None) -> Settings:
    """The settings with what the command line says put over them."""
    here = int(workers) if workers and workers.isdecimal() else None
    if workers and here is None and "://" not in workers:
        raise typer.BadParameter(f'--workers is "{workers}"; write a number, or a scheduler\'s address such as tcp://10.0.0.5:8786')
    given = {"models": {"recogniser": model}, "speech": {"workers": here}, "monitoring": {"batch_seconds": batch_seconds},
             "cluster": {"scheduler": workers if here is None else None, "local_workers": local_workers}}
    changed = {section: getattr(settings, section).model_copy(
        update={name: value for name, value in values.items() if value is not None}) for section, values in given.items()}
    return settings.model_copy(update=changed)


def _run(source: str, workspace: str, settings: Settings, form: str | None, verbose: bool) -> Summary:
    """The flow; models load and the first batch begins while Prefect starts. Without work neither is begun."""
    import sys

    from flows.cluster import spread
    from flows.engine import Server
    from flows.job import Job
    from flows.progress import Shown

    with Shown(sys.stderr) as progress, spread(settings, form, progress.note) as (over_all, load), \
            Job(source, workspace, over_all, form=form, progress=progress, load=load) as job, _stops_on_interrupt(job):
        if not job.plan.batches:
            return job.finish()
        with Server(settings, verbose) as server:
            address = server.address()
            if address is None:
                from flows.job import run_batches

                progress.note("Prefect did not start; the calls are done without its records.")
                return run_batches(job)
            from flows.engine import connected
            from flows.monitor import begun, monitor_calls

            with connected(address), begun(job):
                try:
                    monitor_calls(job.source, job.workspace, job.form)
                except Problem:
                    raise
                except Exception:
                    if server.answers():
                        raise
                    from flows.job import run_batches

                    progress.note("Prefect's server is gone; the calls go on without its records.")
                    return run_batches(job)
        return job.summary


class _stops_on_interrupt:
    """The first Ctrl-C keeps what is done and ends; the second ends at once (what is not committed is done again)."""

    def __init__(self, job: Job):
        self.job = job

    def __enter__(self) -> None:
        import signal

        self.before = signal.signal(signal.SIGINT, self._stop)

    def __exit__(self, *_: object) -> None:
        import signal

        signal.signal(signal.SIGINT, self.before)

    def _stop(self, *_: object) -> None:
        if self.job.stopping.is_set():
            raise KeyboardInterrupt
        self.job.stopping.set()
        self.job.progress.note("Stopping; finished calls are being kept. Ctrl-C again ends at once.")


def _report(summary: Summary, source: str, workspace: str) -> None:
    """The table of figures on standard output; failures with their reasons on standard error."""
    from rich.console import Console
    from rich.table import Table

    from flows.report import rows

    out, err = Console(), Console(stderr=True)
    if not (summary.done or summary.rescored or summary.left):
        out.print(f"nothing to do: {summary.finished_before} calls are finished; add recordings to {source}, or change the "
                  "rules, and run again", highlight=False, markup=False, soft_wrap=True)
    else:
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for row in rows(summary):
            table.add_row(row["what"], row["value"])
        out.print(table, highlight=False)
    for one in summary.waiting:
        err.print(f"not ready yet: {one.message} [{one.code}]", highlight=False, markup=False, soft_wrap=True)
    for failure in summary.failures:
        err.print(f"failed: {failure.call_id or failure.recording}: {failure.message} [{failure.code}]", highlight=False,
                  markup=False, soft_wrap=True)
    if summary.left:
        err.print(f"Stopped with {summary.left} calls left; the same command goes on where this one ended.", highlight=False)
    elif summary.done or summary.rescored:
        out.print(f"Look at a card: tingjian show CALL --workspace {workspace}", highlight=False, markup=False,
                  soft_wrap=True)


def rescore(
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")],
    since: Annotated[str | None, typer.Option(help="Only calls of this day (2026-11-20) and later")] = None,
) -> None:
    """Score all stored calls by the rules in force, without recognising again. Stopped, it goes on where it ended."""
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from flows import rescore as scoring
    from pipeline.scorecard import Scorer
    from settings import Settings
    from store.lake import Lake, first_day

    first = first_day(since)
    lake = Lake.open(workspace)
    scorer = Scorer.from_settings(Settings())
    errors = Console(file=sys.stderr)
    columns = (TextColumn("scoring"), BarColumn(bar_width=28), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=None)
        done = scoring.rescore(lake, scorer, first, on_batch=lambda count, of: bar.update(task, completed=count, total=of))
    _report_rescored(done, errors)
    raise typer.Exit(1 if done.failures else 0)


def _report_rescored(done: Rescored, errors: Console) -> None:
    from rich.console import Console
    from rich.table import Table

    from flows.report import rescored_rows

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for row in rescored_rows(done.scores, done.current, done.undated, len(done.failures)):
        table.add_row(row["what"], row["value"])
    Console().print(table, highlight=False)
    for failure in done.failures:
        errors.print(f"failed: {failure.message} [{failure.code}]", highlight=False, markup=False, soft_wrap=True)
