"""Recordings that are hard on the process that reads them."""
from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from flows.job import Load, Scoring, Transcribing, monitor
from models.recogniser import Segment
from models.voice_activity import VoiceActivity
from pipeline.decoders import Decoders
from pipeline.transcribe import Transcriber
from records import Word
from settings import Models, Settings
from store.lake import Lake
from tests.faults.lakes import ROOT
from tests.stand_ins import StubScorer
from tests.test_decode import recording

KINDS = {"segfault": "decoder_crashed", "abort": "decoder_crashed", "hog": "decoder_memory"}


class Recogniser:
    """Says 您好 to every chunk; the rest of the way is the real one."""

    name, version, window, workers, batch = "stub", "stub:1", 30.0, 2, 1

    def recognise(self, chunks: Sequence[np.ndarray], hints: Sequence[Sequence[str]] = ()) -> list[Segment]:
        return [Segment("您好", 0.0, 1.0, (Word(text="您好", start=0.0, end=0.6, confidence=0.9),)) for _ in chunks]


def crashing(folder: Path, thorough: bool) -> str:
    """Files at which the decoder really dies, in a run whose other calls go through the real stages."""
    (folder / "calls").mkdir()
    for name in ("a", "b", "c"):
        recording(folder / "calls" / f"{name}.wav", channels=2)
    for name in KINDS:
        shutil.copy(folder / "calls" / "a.wav", folder / "calls" / f"{name}.wav")
    with Decoders(program="tests.wild_decoder") as decoders:
        transcriber = Transcriber(Recogniser(), VoiceActivity(), Models(diariser="clustering"), decoders=decoders)

        def load(settings: Settings) -> tuple[Transcribing, Scoring]:
            return transcriber, StubScorer()

        return _crashed(folder, load)


def _crashed(folder: Path, load: Load) -> str:
    summary = monitor(folder / "calls", folder / "w", Settings(), load=load)
    assert {one.call_id: one.code for one in summary.failures} == KINDS, summary.failures
    assert Lake.open(folder / "w").call_ids() == ["a", "b", "c"]
    again = monitor(folder / "calls", folder / "w", Settings(), load=load)
    assert (again.done, again.finished_before, len(again.failures)) == (0, 3, 3)
    assert [one.tries for one in Lake.open(folder / "w").failed()] == [1, 1, 1], "put aside: not tried again by itself"
    Lake.open(folder / "w").ask_again(lambda one: True)
    monitor(folder / "calls", folder / "w", Settings(), load=load)
    assert [one.tries for one in Lake.open(folder / "w").failed()] == [2, 2, 2], "asked for: tried again"
    return (f"{', '.join(KINDS)}: each put aside with its reason, the other 3 calls done, the process alive; not tried again until "
            "`tingjian retry`")


def long_recording(folder: Path, thorough: bool) -> str:
    """Eight hours (in the short form six minutes) of two speakers; `tests.faults.poison` does it and counts its memory."""
    hours = 8.0 if thorough else 0.1
    done = subprocess.run([sys.executable, "-m", "tests.faults.poison", str(folder), str(hours)], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _long(folder: Path, hours: float) -> None:
    with Decoders() as decoders:
        transcriber = Transcriber(Recogniser(), VoiceActivity(), Models(), decoders=decoders, limit=lambda seconds: 60 + seconds)
        _write(folder / "short.wav", 0.02)
        _write(folder / "long.wav", hours)
        monitor(folder / "short.wav", folder / "w", Settings(), load=lambda _: (transcriber, StubScorer()))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        summary = monitor(folder / "long.wav", folder / "w", Settings(), load=lambda _: (transcriber, StubScorer()))
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert summary.done == 1, summary.failures
    duration = Lake.open(folder / "w").transcript("long").duration or 0.0
    assert abs(duration - hours * 3600) < 60 and more < 600, (duration, more)
    decoder = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    assert decoder < 400, decoder
    print(f"{duration / 3600:.1f} h done; {more:.0f} MB beyond a call of a minute, its decoder at most {decoder:.0f} MB")


def _write(path: Path, hours: float) -> None:
    """8 kHz stereo; a tone that comes and goes stands for speech, and costs the stages before recognition as much."""
    t = np.arange(8000 * 60) / 8000
    tone = 6000 * np.sin(2 * np.pi * (180 + 40 * np.sin(t)) * t) * (np.sin(2 * np.pi * t / 20) > 0)
    block = np.stack([tone, tone[::-1]], axis=1).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        for _ in range(max(1, round(hours * 60))):
            file.writeframes(block)


if __name__ == "__main__":
    _long(Path(sys.argv[1]), float(sys.argv[2]))
