"""What a run tells of itself while it goes on and after it: a file in `status/` of the workspace, and a line in the log an event.

A file a source, since runs over several sources may go on side by side. Metrics, health and notices are all made of these files,
so a run need not be alive to be asked about. Neither they nor the log hold anything that a person said or is called: call_ids, codes
and figures, and why a file waits.
"""
from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field, ValidationError

from flows.plan import Plan, waiting_since
from records import Problem
from store.lake import Result

if TYPE_CHECKING:
    from flows.job import Summary

FOLDER = "status"
TOLD_EVERY = 30.0       # seconds between writes while a long batch goes on

log = logging.getLogger("flows.run")


class Totals(BaseModel):
    """Over all runs of a source; only ever rising."""

    calls: int = 0
    audio_seconds: float = 0.0
    guarded: int = 0
    failures: dict[str, int] = Field(default_factory=dict)


class Status(BaseModel):
    """The last run over a source, or the one that goes on; `run` stands for the source without naming it. Times are UTC; `audio_seconds` of the calls done and kept,
    `heard_seconds` also of the batch in work, `elapsed` seconds of the clock;
    `failures` by code, of all calls listed as failed; `queue_since`: the oldest call that waits to be recognised; `not_ready`: recordings
    that wait, each as a sentence; `empty`: why the source held nothing, and `listed_at` when it last held a call."""

    run: str
    state: Literal["running", "finished", "stopped", "broken"] = "running"
    error: str = ""
    host: str = ""
    process: int = 0
    began_at: datetime
    told_at: datetime
    ended_at: datetime | None = None
    planned_calls: int = 0
    planned_seconds: float = 0.0
    done: int = 0
    rescored: int = 0
    finished_before: int = 0
    waiting: int = 0
    erased: int = 0
    left: int = 0
    audio_seconds: float = 0.0
    heard_seconds: float = 0.0
    elapsed: float = 0.0
    guarded: int = 0
    failures: dict[str, int] = Field(default_factory=dict)
    queue_since: datetime | None = None
    not_ready: list[str] = Field(default_factory=list)
    empty: str = ""
    listed_at: datetime | None = None
    totals: Totals = Totals()

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    @property
    def pace(self) -> float:
        """Seconds of audio a second; 0 before the first call."""
        return self.heard_seconds / self.elapsed if self.elapsed else 0.0


def run_of(source: str) -> str:
    """What stands for a source, by its key (pipeline/sources.py), in status files and metrics."""
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def read(workspace: Path) -> list[Status]:
    """The status of each source's last run, the newest last; files that cannot be read are left out."""
    found = [status for file in (workspace / FOLDER).glob("*.json") if (status := _read(file)) is not None]
    return sorted(found, key=lambda one: one.began_at)


def _read(file: Path) -> Status | None:
    try:
        return Status.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


class Noting:
    """Keeps the status of a run up to date; told by the job, from any thread. A disk that is full does not end the run here."""

    def __init__(self, workspace: Path, source: str):
        run = run_of(source)
        self._file = workspace / FOLDER / f"{run}.json"
        before = _read(self._file)
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._written = 0.0
        now = datetime.now(UTC)
        self.status = Status(run=run, host=socket.gethostname(), process=os.getpid(), began_at=now, told_at=now,
                             listed_at=before.listed_at if before else None, totals=before.totals if before else Totals())
        log.info("run began", extra={"event": "run.began"})

    def planned(self, plan: Plan) -> None:
        since = waiting_since(plan)
        with self._lock:
            status = self.status
            status.planned_calls, status.planned_seconds = plan.to_recognise + plan.to_score, plan.seconds
            status.listed_at = status.began_at
            status.finished_before = plan.finished
            status.failures = dict(Counter(one.failure.code for one in plan.known_failures))
            status.queue_since = datetime.fromtimestamp(since, UTC) if since is not None else None
        log.info("%d calls to recognise, %d to score again, %d finished before", plan.to_recognise, plan.to_score, plan.finished,
                 extra={"event": "run.planned", "calls": plan.to_recognise + plan.to_score, "seconds": round(plan.seconds, 1)})
        self._write()

    def audio(self, seconds: float) -> None:
        self.status.heard_seconds += seconds
        if time.monotonic() - self._written >= TOLD_EVERY:
            self._write()

    def kept(self, results: Sequence[Result]) -> None:
        with self._lock:
            for result in results:
                self._count(result)
        self._write()

    def finished(self, summary: Summary, stopped: bool) -> None:
        with self._lock:
            status = self.status
            status.state = "stopped" if stopped else "finished"
            status.waiting, status.erased, status.left = len(summary.waiting), summary.erased, summary.left
            status.not_ready = [one.message for one in summary.waiting]
            status.failures = dict(Counter(failure.code for failure in summary.failures))
            status.ended_at = datetime.now(UTC)
            if not summary.left:
                status.queue_since = None
        log.info("run ended: %d done, %d scored again, %d failed", summary.done, summary.rescored, len(summary.failures),
                 extra={"event": "run.ended", "calls": summary.done, "failed": len(summary.failures), "waiting": len(summary.waiting)})
        self._write()

    def nothing(self, why: str) -> None:
        """The run found nothing in its source, which is no mistake: a morning without calls, or a share that is not mounted."""
        with self._lock:
            self.status.state, self.status.empty, self.status.ended_at = "finished", why, datetime.now(UTC)
        log.info("run ended: the source is empty", extra={"event": "run.ended", "calls": 0, "failed": 0, "waiting": 0})
        self._write()

    def broken(self, error: BaseException) -> None:
        """The run ended with an error; of what the user can mend the sentence is kept, of others the kind alone."""
        with self._lock:
            if self.status.ended_at is not None:
                return
            self.status.state, self.status.ended_at = "broken", datetime.now(UTC)
            self.status.error = str(error) if isinstance(error, Problem) else type(error).__name__
        log.error("run broke: %s", self.status.error, extra={"event": "run.broken"})
        self._write()

    def _count(self, result: Result) -> None:
        status, totals, call_id = self.status, self.status.totals, result.recording.call.call_id
        if result.failure is not None:
            code = result.failure.code
            status.failures[code] = status.failures.get(code, 0) + 1
            totals.failures[code] = totals.failures.get(code, 0) + 1
            log.warning("call failed", extra={"event": "call.failed", "call_id": call_id, "code": code, "stage": result.failure.stage})
            return
        assert result.transcript is not None
        totals.calls += 1
        if not result.recognised:
            status.rescored += 1
            log.info("call scored again", extra={"event": "call.rescored", "call_id": call_id})
            return
        seconds = result.transcript.duration or 0.0
        guarded = sum(len(removal.text) for removal in result.transcript.removed)
        status.done, status.audio_seconds, status.guarded = status.done + 1, status.audio_seconds + seconds, status.guarded + guarded
        totals.audio_seconds, totals.guarded = totals.audio_seconds + seconds, totals.guarded + guarded
        log.info("call done", extra={"event": "call.done", "call_id": call_id, "seconds": round(seconds, 1)})

    def _write(self) -> None:
        with self._lock:
            self._written = time.monotonic()
            self.status.told_at = datetime.now(UTC)
            self.status.elapsed = time.monotonic() - self._began
            part = self._file.with_suffix(".part")
            try:
                part.parent.mkdir(exist_ok=True)
                part.write_text(json.dumps(self.status.model_dump(mode="json"), ensure_ascii=False, indent=1), encoding="utf-8")
                part.replace(self._file)
            except OSError as fault:
                log.warning("the status cannot be written: %s", fault.strerror)
