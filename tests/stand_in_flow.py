"""A flow that notes the environment its run gets: tests/test_deployments.py runs it as the scheduled ones are run."""
import json
import os
from pathlib import Path

from prefect import flow


@flow(name="note-environment", persist_result=False)
def note_environment(into: str) -> None:
    Path(into).write_text(json.dumps(dict(os.environ)), encoding="utf-8")
