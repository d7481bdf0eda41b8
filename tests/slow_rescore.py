"""A rescore with a slow stand-in for scoring, to be killed by tests/test_rescore.py: WORKSPACE VERSION SECONDS-A-CALL."""
import sys
import time

from flows.rescore import rescore
from records import Draft, Transcript
from store.lake import Lake
from tests.stand_ins import StubScorer


class SlowScorer(StubScorer):
    def __init__(self, version: str, seconds: float) -> None:
        super().__init__(version)
        self.seconds = seconds

    def draft(self, transcript: Transcript, form: str | None = None) -> Draft:
        time.sleep(self.seconds)
        print(transcript.call_id, flush=True)
        return super().draft(transcript, form)


if __name__ == "__main__":
    workspace, version, seconds = sys.argv[1:]
    rescore(Lake.open(workspace), SlowScorer(version, float(seconds)), batch=3)
