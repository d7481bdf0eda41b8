"""The flow `monitor_calls`: recordings in, drafts in the lake, a table of what happened. A thin wrapper of job.py.

A batch is a task; a batch with faults that may pass is tried again by Prefect, other faults are not. The truth about what
is done is the lake, never Prefect's records: a run without Prefect would leave the same lake.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact

from flows.job import RETRY_PAUSE, Job, MayPass, Summary
from flows.report import rows
from settings import Settings

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


@flow(name="monitor-calls", persist_result=False)
def monitor_calls(source: str, workspace: str, form: str | None = None) -> None:
    """Everything in `source` that is not finished in `workspace`, by the settings of this machine."""
    job = _begun.get((source, workspace))
    if job is not None:
        _run(job)
        return
    with Job(source, workspace, Settings(), form=form) as job, begun(job):
        _run(job)


@contextmanager
def begun(job: Job) -> Iterator[None]:
    """Within, `monitor_calls` of the job's source and workspace goes on with this job."""
    _begun[job.source, job.workspace] = job
    try:
        yield
    finally:
        del _begun[job.source, job.workspace]


def _run(job: Job) -> None:
    for number in range(len(job.plan.batches)):
        if job.stopping.is_set():
            break
        tries = job.settings.monitoring.retries
        do_batch.with_options(retries=tries)(number, job.source, job.workspace)
    summary = job.finish()
    create_table_artifact(rows(summary), key="monitored-calls", description=_description(summary))


def _description(summary: Summary) -> str:
    reasons = Counter(failure.code for failure in summary.failures)
    failed = ", ".join(f"{code} {count}" for code, count in reasons.most_common()) or "none"
    return f"{summary.done} calls done, {summary.rescored} scored again; failed: {failed}"
