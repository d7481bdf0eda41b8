"""What runs by itself, as Prefect flows: thin, typed, each doing what a command does. Which runs when: deployments.py.

`monitor_calls` (monitor.py) is the main one. Sampling, reports and appraisal are commands of other rooms, which this one does
not import: they run as the processes that an operator would start, their output goes into the run's log.
"""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from flows import notices
from flows.report import rescored_rows
from records import Problem
from settings import Settings

PARTLY = 1      # exit code: some calls failed, the others are done

# Patterns, since Prefect's server checks those of a schema but no formats.
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Week = Annotated[str, Field(pattern=r"^\d{4}-W\d{2}$")]
Month = Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]


@flow(name="rescore-calls", persist_result=False, on_failure=[notices.broke], on_crashed=[notices.broke])
def rescore_calls(workspace: str, since: Day | None = None) -> State:
    """Scores the stored calls (of the day `since` and later) by the rules in force, without recognising again."""
    from flows.rescore import rescore
    from pipeline.scorecard import Scorer
    from store.lake import Lake, first_day

    done = rescore(Lake.open(workspace), Scorer.from_settings(Settings()), first_day(since))
    create_table_artifact(rescored_rows(done.scores, done.current, done.undated, len(done.failures)), key="rescored-calls",
                          description="What the scores and bands of the stored calls became")
    return Completed(message=f"{done.scores.calls} scored again, {done.current} current before, {len(done.failures)} failed")


@flow(name="sample-calls", persist_result=False, on_failure=[notices.broke], on_crashed=[notices.broke])
def sample_calls(workspace: str, week: Week | None = None, into_queue: bool = True) -> State:
    """The sampling plan of an ISO week (2026-W47; the newest call's without one), its calls marked in the review queue."""
    return _command(["sample", "--workspace", workspace, *_option("--week", week), "--into-queue" if into_queue else "--keep"])


@flow(name="make-report", persist_result=False, on_failure=[notices.broke], on_crashed=[notices.broke])
def make_report(workspace: str, period: Literal["due", "daily", "weekly", "monthly"] = "due") -> State:
    """The report of the last day, week or month, kept in the workspace; `due` is the daily one, on Mondays the week's and on the first
    the month's too. Whom [notify] names is told where they are."""
    settings = Settings()
    today = _today()
    made: list[str] = []
    for one in due(today) if period == "due" else [period]:
        end = _command(["report", one, "--workspace", workspace])
        if end.is_failed():
            return end
        made.append(one)
    if settings.notify.urls and settings.notify.when == "always":
        notices.send(settings, *notices.of_reports(made, f"{workspace}/reports"))
    return Completed(message=f"{', '.join(made)} in {workspace}/reports")


def due(today: date) -> list[str]:
    """The reports that are made on a day."""
    return ["daily", *(["weekly"] if today.weekday() == 0 else []), *(["monthly"] if today.day == 1 else [])]


@flow(name="appraise", persist_result=False, on_failure=[notices.broke], on_crashed=[notices.broke])
def appraise(workspace: str, month: Month | None = None) -> State:
    """The appraisal of a month (2026-11; the month before today without one)."""
    return _command(["appraisal", "--workspace", workspace, "--month", month or _month_before(_today())])


@flow(name="retain", persist_result=False, on_failure=[notices.broke], on_crashed=[notices.broke])
def retain(workspace: str, dry_run: bool = False) -> State:
    """Deletes what is past its time ([retention]) and not on hold; then puts the lake's small files together; with
    `dry_run` only tells what would go."""
    from flows.retention import run

    return Completed(message=run(workspace, Settings(), dry_run, get_run_logger().info))


def _today() -> date:
    """The day where the centre is: at seven in Shanghai on the first, the machine's own clock may still be in the month before."""
    return datetime.now(ZoneInfo(Settings().schedule.timezone)).date()


def _month_before(today: date) -> str:
    return f"{today.year - (today.month == 1)}-{(today.month - 2) % 12 + 1:02}"


def _option(name: str, value: str | None) -> list[str]:
    return [name, value] if value else []


def _command(arguments: Sequence[str]) -> State:
    """Runs `tingjian …` and tells its output line by line; Failed where it did not do its work."""
    log = get_run_logger()
    last = ""
    with subprocess.Popen([sys.executable, "-m", "tingjian", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                last = line.strip()
                log.info("%s", last)
    if process.returncode not in (0, PARTLY):
        return Failed(message=f"tingjian {arguments[0]} ended with {process.returncode}: {last}")
    return Completed(message=last[:200])


def asked(settings: Settings) -> tuple[str, str]:
    """Source and workspace of the scheduled runs. Raises Problem where the settings do not say."""
    schedule = settings.schedule
    if not schedule.source or not schedule.workspace:
        missing = " and ".join(name for name, value in (("source", schedule.source), ("workspace", schedule.workspace)) if not value)
        raise Problem(f"tingjian.toml has no {missing} under [schedule]: say what the scheduled runs listen to and where they "
                      'keep it, source = "/data/recordings" and workspace = "/data/quality".')
    return schedule.source, str(schedule.workspace)
