"""What the workers of tests' clusters load: the stand-ins, which do by the names of calls what happens to real workers."""
from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from flows.job import Scoring, Transcribing
from records import Failure, Recording, Transcript
from settings import Settings
from tests.stand_ins import StubScorer, StubTranscriber

SECONDS_A_CALL = 0.05
HANGS = 60


class Wild(StubTranscriber):
    """Leaves a line for each call in `done.log` beside it. "deadly-…" kills its worker, "once-…" does so at its first try,
    "slow-…" hangs at its first try."""

    def run(self, recordings: Sequence[Recording], on_audio: Callable[[float], None] = lambda seconds: None,
            seconds_limit: object = None) -> Iterator[tuple[Recording, Transcript | Failure]]:
        for one in recordings:
            kind, path = one.call.call_id.split("-")[0], Path(one.path)
            with (path.parent / "done.log").open("a") as log:
                log.write(f"{one.call.call_id} {os.getpid()}\n")
            first = path.with_suffix(".tried")
            if kind in ("once", "slow") and not first.exists():
                first.touch()
                if kind == "slow":
                    time.sleep(HANGS)
                os.kill(os.getpid(), signal.SIGKILL)
            if kind == "deadly":
                os.kill(os.getpid(), signal.SIGKILL)
        yield from super().run(recordings, on_audio)


def slow(settings: Settings) -> tuple[Transcribing, Scoring]:
    return Wild(seconds=SECONDS_A_CALL), StubScorer()


def of_this_host(settings: Settings) -> tuple[Transcribing, Scoring]:
    """Another version in every process."""
    return StubTranscriber(version=f"{socket.gethostname()}-{os.getpid()}"), StubScorer()
