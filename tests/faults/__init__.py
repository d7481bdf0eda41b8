"""Faults that are really made, and what must be true after them.

    make test-faults                    all of them at full length and those of ONLY_FULL, a line each
    python -m tests.faults [NAME …]     the same, or some of them
    tests/test_faults.py                the shorter forms, in `make test`

A fault is a function of a fresh folder and of whether it may take its time; it raises AssertionError where the promise is broken
and returns a sentence with what was seen.
"""
from __future__ import annotations

import importlib
from pathlib import Path

FAULTS = {
    "kill-9 at random moments": "tests.faults.dying:killed",
    "a worker of a cluster killed": "tests.faults.dying:worker_killed",
    "the coordinator of a cluster killed": "tests.faults.dying:coordinator_killed",
    "Prefect's server killed during a run": "tests.faults.away:server_gone",
    "the review database away for a while": "tests.faults.away:database_gone",
    "the clock moved back and forward": "tests.faults.away:clock_moved",
    "disk full": "tests.faults.disk:full",
    "a recording replaced while it is done": "tests.faults.disk:replaced",
    "two runs at once on one workspace": "tests.faults.company:two_runs",
    "a file that crashes its decoder": "tests.faults.poison:crashing",
    "a recording of eight hours": "tests.faults.poison:long_recording",
}
# What has no form that is short enough for `make test`.
ONLY_FULL = {
    "a worker of a cluster lags, a call kills its workers": "tests.faults.dying:worker_lags",
    "a worker of Prefect killed with its run": "tests.faults.worker:run_by_worker",
}


def make(name: str, folder: Path, thorough: bool) -> str:
    module, _, function = (FAULTS | ONLY_FULL)[name].partition(":")
    return getattr(importlib.import_module(module), function)(folder, thorough)
