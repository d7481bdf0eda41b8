"""The flow `monitor_calls`: recordings in, drafts in the lake, a table of what happened. A thin wrapper of job.py.

A batch is a task; a batch with faults that may pass is tried again by Prefect, other faults are not. The truth about what
is done is the lake, never Prefect's records: a run without Prefect would leave the same lake.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.states import Completed, Failed

from flows import exporting, logs, notices
from flows.cluster import spread
from flows.job import RETRY_PAUSE, Job, MayPass, Summary
from flows.report import rows
from pipeline.manifest import Empty
from settings import Settings

SETTLE_SECONDS = 60.0       # of scheduled runs, where [sources] does not say

# Jobs that the command line has begun already: models load and the first batch runs while Prefect starts.
_begun: dict[tuple[str, str], Job] = {}


def _may_pass(_task: Any, _run: Any, state: Any) -> bool:
    try:
        state.result()
    except MayPass:
        return True
    except BaseException:
        return False
    return False


@task(name="batch", retry_condition_fn=_may_pass, retry_delay_seconds=RETRY_PAUSE, persist_result=False)
def do_batch(number: int, source: str, workspace: str) -> None:
    """One batch of calls, recognised, scored and committed."""
    _begun[source, workspace].batch(number)


@flow(name="monitor-calls", persist_result=False, on_crashed=[notices.broke])     # of other ends it tells itself
def monitor_calls(source: str, workspace: str, form: str | None = None) -> Any:
    """Everything in `source` that is not finished in `workspace`, by the settings of this machine."""
    job = _begun.get((source, workspace))
    if job is not None:
        _run(job)
        return None
    return _scheduled(source, workspace, form)


@contextmanager
def begun(job: Job) -> Iterator[None]:
    """Within, `monitor_calls` of the job's source and workspace goes on with this job."""
    _begun[job.source, job.workspace] = job
    try:
        yield
    finally:
        del _begun[job.source, job.workspace]


def _scheduled(source: str, workspace: str, form: str | None) -> Any:
    """A run that nobody watches: files still being written wait, an empty source is no mistake, and people are told at its end."""
    settings = patient(Settings())
    logs.set_up(settings)
    try:
        with spread(settings, form) as (over_all, load), \
                Job(source, workspace, over_all, form=form, load=load) as job, begun(job):
            try:
                summary = _run(job)
            except Empty as nothing:
                job.noting.nothing(str(nothing))
                return Completed(message=f"Nothing to do: {nothing}")
    except Exception as fault:
        exporting.leave(settings, workspace)
        if settings.notify.urls and settings.notify.when != "never":
            notices.send(settings, *notices.of_break(type(fault).__name__))
        raise
    exporting.leave(settings, workspace)
    if notices.wanted(settings, summary):
        notices.send(settings, *notices.of_run(summary))
    if summary.failures and not (summary.done or summary.rescored or summary.finished_before):
        return Failed(message=f"No call could be done. {_description(summary)}")
    return Completed(message=_description(summary))


def patient(settings: Settings) -> Settings:
    """The settings with the pause that files of a scheduled run must have stood still for."""
    if settings.sources.settle_seconds is not None:
        return settings
    return settings.model_copy(update={"sources": settings.sources.model_copy(update={"settle_seconds": SETTLE_SECONDS})})


def _run(job: Job) -> Summary:
    batches = job.plan.batches
    shown = _Shown(job) if len(batches) > 1 else None
    for number in range(len(batches)):
        if job.stopping.is_set():
            break
        tries = job.settings.monitoring.retries
        do_batch.with_options(retries=tries)(number, job.source, job.workspace)
        if shown:
            shown.after(number)
    summary = job.finish()
    create_table_artifact(rows(summary), key="monitored-calls", description=f"{_description(summary)}\n\n{_link(job.settings)}")
    return summary


class _Shown:
    """How far a run of several batches is, on its page in Prefect: a bar, and a line with pace and links."""

    def __init__(self, job: Job):
        self.job = job
        self._total = sum(len(batch.recordings) for batch in job.plan.batches)
        self._done = 0
        made = create_progress_artifact(progress=0.0, key="progress", description=f"{self._total} calls")
        self._bar: UUID = made      # type: ignore[assignment]

    def after(self, number: int) -> None:
        self._done += len(self.job.plan.batches[number].recordings)
        status = self.job.noting.status
        update_progress_artifact(self._bar, progress=100.0 * self._done / self._total)      # type: ignore[unused-coroutine]
        create_markdown_artifact(
            f"{self._done} of {self._total} calls · {status.heard_seconds / 3600:.1f} of {status.planned_seconds / 3600:.1f} h of audio · "
            f"{status.pace:.1f} × real time · {status.failed} failed\n\n"
            f"{_link(self.job.settings)}", key="pace", description="How far, and how fast")


def _link(settings: Settings) -> str:
    review = settings.review
    return f"[Review workbench]({(review.url or f'http://{review.address}:{review.port}').rstrip('/')}/queue)"


def _description(summary: Summary) -> str:
    reasons = Counter(failure.code for failure in summary.failures)
    failed = ", ".join(f"{code} {count}" for code, count in reasons.most_common()) or "none"
    waiting = f"; not ready yet: {len(summary.waiting)}" if summary.waiting else ""
    return f"{summary.done} calls done, {summary.rescored} scored again; failed: {failed}{waiting}"
