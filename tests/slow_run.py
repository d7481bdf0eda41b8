"""A run with a slow stand-in for recognition, to be disturbed by tests/faults: SOURCE WORKSPACE SECONDS-A-CALL."""
import sys
from pathlib import Path

from flows.job import Progress, monitor
from flows.plan import Plan
from records import Problem
from settings import Monitoring, Settings
from tests.stand_ins import StubScorer, StubTranscriber


class Loud(Progress):
    def planned(self, plan: Plan) -> None:
        print("begun", flush=True)

    def call(self, failed: bool) -> None:
        print("call", flush=True)


def run(source: str | Path, workspace: str | Path, seconds: float, progress: Progress | None = None) -> None:
    monitor(source, workspace, Settings(monitoring=Monitoring(batch_seconds=3.5)), progress=progress,
            load=lambda _: (StubTranscriber(seconds=seconds), StubScorer()))


if __name__ == "__main__":
    source, workspace, seconds = sys.argv[1:]
    try:
        run(source, workspace, float(seconds), Loud())
    except Problem as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
