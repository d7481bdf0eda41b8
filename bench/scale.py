"""What many calls cost beside recognition, and what a second worker brings.

    python bench/scale.py [--quick] [--calls 5000] [--stub-seconds 0.05] [--audio-hours 1]

1. Short calls of four seconds through all the real stages but recognition, for which a stand-in of stated time is put (it waits,
   taking no processor): our overhead a call, with the first 500 calls and with all of them, so that growth shows; memory at both.
   Alone, then on a cluster of two workers on this machine.
2. The samples again and again, each time a little softer (so that every recording has its own hash), to so many hours of audio,
   with the recogniser of the settings: alone and on two workers, and the speed-up. Where alone already uses all cores, two
   workers on the same machine cannot be twice as fast: what is lost is what the cluster costs.
"""
from __future__ import annotations

import argparse
import functools
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

from pipeline.memory import steady  # noqa: E402

steady()        # before anything heavy is imported, as the command line does

from flows.cluster import spread  # noqa: E402
from flows.job import Load, Progress, Scoring, Summary, Transcribing, load_models, monitor  # noqa: E402
from models.recogniser import Segment  # noqa: E402
from models.voice_activity import VoiceActivity  # noqa: E402
from pipeline import channels, decode  # noqa: E402
from pipeline.decoders import Decoders  # noqa: E402
from pipeline.scorecard import Scorer  # noqa: E402
from pipeline.transcribe import Transcriber  # noqa: E402
from records import Word  # noqa: E402
from settings import Cluster, Settings  # noqa: E402

SAMPLES = ROOT / "data" / "sample" / "recordings"
RATE, SECONDS, FIRST = 8000, 4.0, 500
STUB = "TINGJIAN_BENCH_STUB_SECONDS"


class Stub:
    """A recogniser that waits for the stated time a chunk and says the same."""

    name, version, window, batch = "stub", "stub:1", 30.0, 1

    def __init__(self, workers: int):
        self.workers, self._seconds = workers, float(os.environ[STUB])

    def recognise(self, chunks: Sequence[np.ndarray], hints: Sequence[Sequence[str]] = ()) -> list[Segment]:
        time.sleep(self._seconds * len(chunks))
        words = (Word(text="您好", start=0.1, end=0.5, confidence=0.9), Word(text="请讲", start=0.6, end=1.0, confidence=0.9))
        return [Segment("您好请讲", 0.0, 1.0, words) for _ in chunks]


def load_stub(settings: Settings) -> tuple[Transcribing, Scoring]:
    workers = settings.speech.workers or len(os.sched_getaffinity(0))
    return Transcriber(Stub(workers), VoiceActivity(), settings.models, decoders=Decoders()), Scorer.from_settings(settings)


@functools.cache
def sounds() -> list[np.ndarray]:
    """The stereo samples at 8 kHz, shape (samples, 2)."""
    found = []
    for path in sorted(SAMPLES.iterdir()):
        try:
            with decode.decode(path, max_hours=1) as audio:
                if channels.layout(audio).kind == "stereo":
                    found.append(np.stack([audio.read(0), audio.read(1)], axis=1)[::2])
        except decode.Refused:
            continue
    return found


def short_calls(folder: Path, calls: int) -> Path:
    folder.mkdir()
    size = int(SECONDS * RATE)
    loud = [max((sound[at:at + size] for at in range(0, len(sound) - size, size)), key=lambda piece: float(np.abs(piece).mean(0).min()))
            for sound in sounds()]
    for number in range(calls):
        soundfile.write(folder / f"short-{number:05}.wav", loud[number % len(loud)] * 0.9999 ** number, RATE, subtype="PCM_16")
    return folder


def hours_of_calls(folder: Path, hours: float) -> Path:
    folder.mkdir()
    seconds, number = 0.0, 0
    while seconds < hours * 3600:
        sound = sounds()[number % len(sounds())]
        soundfile.write(folder / f"call-{number:03}.wav", sound * 0.995 ** (number // len(sounds())), RATE, subtype="PCM_16")
        seconds, number = seconds + len(sound) / RATE, number + 1
    return folder


class Watch(Progress):
    """Time, processor time and memory when so many calls were done."""

    def __init__(self) -> None:
        self.calls, self.marks, self._lock = 0, {}, threading.Lock()
        self.began = time.perf_counter()

    def call(self, failed: bool) -> None:
        with self._lock:
            self.calls += 1
            if self.calls % FIRST == 0:
                self.marks[self.calls] = (time.perf_counter() - self.began, memory())


def memory() -> float:
    """Resident size of this process now, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def night(source: Path, settings: Settings, load: Load, workers: int) -> dict[str, Any]:
    """One run into a workspace of its own; 0 workers is this process alone."""
    settings = settings.model_copy(update={"cluster": Cluster(local_workers=workers)})
    with tempfile.TemporaryDirectory() as workspace, spread(settings, None, load=load) as (over_all, loader):
        watch = Watch()
        cpu = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        summary: Summary = monitor(source, workspace, over_all, progress=watch, load=loader)
        wall = time.perf_counter() - watch.began
        own = resource.getrusage(resource.RUSAGE_SELF)
        files = sum(1 for _ in Path(workspace).rglob("*.parquet"))
        commits = len(list((Path(workspace) / "calls" / "_delta_log").glob("*.json")))
    return {"summary": summary, "wall": wall, "cpu": own.ru_utime + own.ru_stime - cpu[0].ru_utime - cpu[0].ru_stime,
            "marks": watch.marks, "files": files, "commits": commits}


def stub_night(source: Path, calls: int, seconds: float, workers: int) -> None:
    os.environ[STUB] = str(seconds)
    threads = len(os.sched_getaffinity(0))
    made = night(source, Settings(), load_stub, workers)
    where = f"{workers} workers" if workers else "alone"
    waited = 2 * seconds / threads      # two channels a call, as many stand-ins at once as there are cores
    print(f"{where}: {made['summary'].done} calls in {made['wall']:.0f} s, {1000 * made['wall'] / calls:.1f} ms a call of which the "
          f"stand-in {1000 * waited:.1f}: ours {1000 * (made['wall'] / calls - waited):.1f} ms; this process {1000 * made['cpu'] / calls:.1f} CPU ms "
          f"a call; {made['commits']} commits, {made['files']} files; {len(made['summary'].failures)} failed")
    before = (0.0, 0.0)
    for count, (at, size) in sorted(made["marks"].items()):
        if count in (FIRST, calls) or count % (FIRST * 5) == 0:
            print(f"  after {count:5} calls: {size:.0f} MB; {1000 * (at - before[0]) / max(1, count - before[1]):.1f} ms a call since")
            before = (at, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1,000 calls, five minutes of audio")
    parser.add_argument("--calls", type=int)
    parser.add_argument("--stub-seconds", type=float, default=0.05, help="what the stand-in takes for a channel of a short call")
    parser.add_argument("--audio-hours", type=float)
    options = parser.parse_args()
    calls = options.calls or (1000 if options.quick else 5000)
    hours = options.audio_hours if options.audio_hours is not None else (1 / 12 if options.quick else 1.0)
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        source = short_calls(Path(folder) / "short", calls)
        print(f"{calls} calls of {SECONDS:g} s; recognition is a stand-in of {1000 * options.stub_seconds:g} ms a channel")
        for workers in (0, 2):
            stub_night(source, calls, options.stub_seconds, workers)
        if hours:
            source = hours_of_calls(Path(folder) / "night", hours)
            walls = []
            for workers in (0, 2):
                made = night(source, Settings(), load_models, workers)
                summary = made["summary"]
                walls.append(made["wall"])
                print(f"{'2 workers' if workers else 'alone'}: {summary.seconds / 3600:.2f} h of audio in {made['wall']:.0f} s, "
                      f"{summary.seconds / made['wall']:.1f} × real time, {len(summary.failures)} failed")
            print(f"speed-up of two workers on this machine: {walls[0] / walls[1]:.2f}")


if __name__ == "__main__":
    # As a module, so that workers import the same functions.
    from bench import scale

    scale.main()
