"""A run with a slow stand-in for recognition, to be killed by tests/test_resume.py: SOURCE WORKSPACE SECONDS-A-CALL."""
import sys

from flows.job import Progress, monitor
from settings import Monitoring, Settings
from tests.stand_ins import StubScorer, StubTranscriber


class Loud(Progress):
    def call(self, failed: bool) -> None:
        print("call", flush=True)


if __name__ == "__main__":
    source, workspace, seconds = sys.argv[1:]

    monitor(source, workspace, Settings(monitoring=Monitoring(batch_seconds=3.5)), progress=Loud(),
            load=lambda _: (StubTranscriber(seconds=float(seconds)), StubScorer()))
