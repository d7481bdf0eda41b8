"""Flows that tests/test_deployments.py runs as the scheduled ones are run: one notes the environment of its run, one dies of it."""
import json
import os
import signal
from pathlib import Path

from prefect import flow

from flows import notices


@flow(name="note-environment", persist_result=False)
def note_environment(into: str) -> None:
    Path(into).write_text(json.dumps(dict(os.environ)), encoding="utf-8")


@flow(name="die", persist_result=False, on_crashed=[notices.broke])
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
