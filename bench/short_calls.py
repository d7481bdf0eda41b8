"""What a short call costs beyond its audio: many short calls beside a few long ones that hold the same sound.

    python bench/short_calls.py [--calls 300] [--seconds 4] [--long 5] [--command] [--in-process | --decode-only]

Both sets go through flows.job in this process, models loaded before, one after the other: reading, recognition, cards, the lake.
Printed are CPU seconds by stage (CPU holds on a busy machine, wall time does not), what a short call costs more than its
share of a long one, and how busy the cores were. A recogniser works in threads of its own, as do the lake's libraries;
their CPU is read from /proc and told apart by the threads' names; decoding has processes of its own, read there too (with
`--in-process` it happens here, as it once did: what the processes cost is the difference). `--command` runs the whole of `tingjian run` on both sets too,
with its start and Prefect, each in a process of its own. `--decode-only` recognises nothing: each short call is decoded here and
then in a decoder's own process, in turn, which is all that `--in-process` changes and holds on a busy machine too.
"""
from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from flows.job import monitor  # noqa: E402
from pipeline import channels, decode, pitch, speech  # noqa: E402
from pipeline.decoders import Decoders  # noqa: E402
from pipeline.scorecard import Scorer  # noqa: E402
from pipeline.transcribe import Transcriber, _Call  # pyright: ignore[reportPrivateUsage] # noqa: E402
from settings import Settings  # noqa: E402
from store.lake import Lake  # noqa: E402

Stages = defaultdict[str, float]      # CPU seconds
SAMPLES = ROOT / "data" / "sample" / "recordings"
RATE = 8000
# Stage → what does it. A recogniser's own threads count as recognition, those of the lake's libraries as the lake.
STAGES: dict[str, tuple[Any, str]] = {
    "decode": (decode, "decode"), "channels": (channels, "layout"), "diarisation": (Transcriber, "diarise"),
    "voice activity": (speech, "find_voice"), "pitch": (pitch, "track"), "guards, roles, turns": (_Call, "_transcript"), "rules, card": (Scorer, "draft"),
    "lake": (Lake, "commit"), "plan": (Lake, "known")}
LAKES_THREADS = ("polars", "tokio", "jemalloc", "rayon")


def prepare(folder: Path, calls: int, seconds: float, long: int) -> None:
    """folder/short with `calls` stereo calls of `seconds`, cut from the samples where somebody speaks, and folder/long
    with the same sound in `long` calls."""
    for name in ("short", "long"):
        (folder / name).mkdir()
    sources = []
    for path in sorted(SAMPLES.iterdir()):
        try:
            with decode.decode(path, max_hours=1) as audio:
                if channels.layout(audio).kind == "stereo":
                    sources.append(np.stack([audio.read(0), audio.read(1)], axis=1)[::2])
        except decode.Refused:
            continue
    size, joined = int(seconds * RATE), []
    for number in range(calls):
        source = sources[number % len(sources)]
        places = range(0, len(source) - size, size)
        start = sorted(places, key=lambda at: -float(np.abs(source[at:at + size]).mean()))[number // len(sources) % len(places)]
        piece = source[start:start + size] * 0.99 ** (number // 50)
        joined.append(piece)
        soundfile.write(folder / "short" / f"short-{number:04}.wav", piece, RATE, subtype="PCM_16")
    for number, part in enumerate(np.array_split(np.arange(calls), long)):
        soundfile.write(folder / "long" / f"long-{number:02}.wav", np.concatenate([joined[at] for at in part]), RATE,
                        subtype="PCM_16")


@contextmanager
def timed(spent: Stages, recogniser: Any) -> Iterator[None]:
    """Within, the CPU seconds of each stage are added to `spent`."""
    def watched(stage: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def doing(*given: Any, **options: Any) -> Any:
            began = time.thread_time()
            try:
                return do(*given, **options)
            finally:
                spent[stage] += time.thread_time() - began      # only CPython's own lock guards this: close enough
        return doing

    places = STAGES | {"recognition": (recogniser, "recognise")}
    before = {stage: getattr(where, name) for stage, (where, name) in places.items()}
    for stage, (where, name) in places.items():
        setattr(where, name, watched(stage, before[stage]))
    try:
        yield
    finally:
        for stage, (where, name) in places.items():
            setattr(where, name, before[stage])


def foreign_threads() -> Stages:
    """CPU seconds so far of the threads that libraries began, by stage."""
    ours = {thread.native_id for thread in threading.enumerate()}
    spent: Stages = defaultdict(float)
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) not in ours:
            name, _, fields = (task / "stat").read_text().partition("(")[2].rpartition(")")
            ticks = sum(map(int, fields.split()[11:13]))
            spent["lake" if name.startswith(LAKES_THREADS) else "recognition"] += ticks / os.sysconf("SC_CLK_TCK")
    return spent


def decoders_cpu(decoders: Decoders | None) -> float:
    """CPU seconds so far of the decoder processes that are at rest."""
    spent = 0.0
    for process in decoders._idle if decoders else []:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        spent += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return spent


def measure(source: Path, transcriber: Transcriber, scorer: Scorer, settings: Settings) -> dict[str, Any]:
    """One run over a set, into a workspace of its own."""
    spent: Stages = defaultdict(float)
    with tempfile.TemporaryDirectory() as workspace, timed(spent, transcriber.recogniser):
        apart = decoders_cpu(transcriber.decoders)
        threads, cpu, began = foreign_threads(), time.process_time(), time.perf_counter()
        summary = monitor(source, workspace, settings, load=lambda _: (transcriber, scorer))
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        now, apart = foreign_threads(), decoders_cpu(transcriber.decoders) - apart
    spent["decode"] += apart
    cpu += apart
    for stage in now:
        spent[stage] += max(0.0, now[stage] - threads[stage])
    spent["everything else"] = cpu - sum(spent.values())
    return {"stages": spent, "cpu": cpu, "wall": wall, "calls": summary.done, "failed": len(summary.failures),
            "seconds": summary.seconds}


def decode_only(source: Path) -> None:
    """What decoding costs a call here and in a process of its own: CPU of both sides, ms, and the start of that process."""
    files, spent = sorted(source.iterdir()), {"here": 0.0, "apart, here": 0.0}
    with Decoders() as decoders:
        began = time.perf_counter()
        decoders.probe(files[0])
        start, first = time.perf_counter() - began, decoders_cpu(decoders)
        for file in files:
            before = time.process_time()
            with decode.decode(file, max_hours=1):
                spent["here"] += time.process_time() - before
            before = time.process_time()
            with decoders.decode(file, max_hours=1, seconds=60):
                spent["apart, here"] += time.process_time() - before
        theirs = decoders_cpu(decoders) - first
    here, waiting, other = (1000 * one / len(files) for one in (*spent.values(), theirs))
    print(f"{len(files)} calls decoded, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}: {here:.2f} CPU ms a call in this "
          f"process; {waiting + other:.2f} in one of its own ({other:.2f} there, {waiting:.2f} here): {waiting + other - here:+.2f} ms a call; "
          f"the process starts once, in {start:.1f} s and {1000 * first:.0f} CPU ms")


def whole_command(source: Path) -> dict[str, float]:
    """CPU and wall seconds of `tingjian run` with all its children."""
    with tempfile.TemporaryDirectory() as workspace:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run([str(Path(sys.executable).parent / "tingjian"), "run", str(source), "--workspace", workspace],
                              capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(f"tingjian run ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    return {"cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, "wall": time.perf_counter() - began}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--long", type=int, default=5)
    parser.add_argument("--command", action="store_true", help="the whole of `tingjian run` as well")
    parser.add_argument("--in-process", action="store_true", help="decode here instead of in processes of its own")
    parser.add_argument("--decode-only", action="store_true", help="what the decoders' processes cost, and nothing else")
    options = parser.parse_args()
    settings, cores = Settings(), len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), options.calls, options.seconds, options.long)
        if options.decode_only:
            decode_only(Path(folder) / "short")
            return
        scorer, transcriber = Scorer.from_settings(settings), Transcriber.from_settings(settings)
        if options.in_process:
            transcriber.decoders = None
        transcriber.recogniser.recognise([np.zeros(16000, np.float32)])     # loaded, and the libraries' threads begun
        transcriber.diarise(np.zeros(16000, np.float32))                    # a call with one silent channel needs it
        sets = {name: measure(Path(folder) / name, transcriber, scorer, settings) for name in ("long", "short")}
        show(sets, options.calls, cores)
        if options.command:
            for name in sets:
                figures = whole_command(Path(folder) / name)
                print(f"tingjian run, {name}: {figures['cpu']:.1f} CPU s, {figures['wall']:.1f} s; start, Prefect and end "
                      f"{figures['cpu'] - sets[name]['cpu']:.1f} CPU s of it")


def show(sets: dict[str, dict[str, Any]], calls: int, cores: int) -> None:
    long, short = sets["long"], sets["short"]
    print(f"{calls} calls, {short['seconds']:.0f} s of audio, beside {long['calls']} calls, {long['seconds']:.0f} s; "
          f"{cores} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'CPU seconds':24}{'long':>9}{'short':>9}{'more a call, ms':>18}")
    for stage in sorted(short["stages"], key=lambda each: -short["stages"][each]):
        mine, theirs = short["stages"][stage], long["stages"][stage]
        print(f"{stage:24}{theirs:9.2f}{mine:9.2f}{1000 * (mine - theirs) / calls:18.1f}")
    print(f"{'all':24}{long['cpu']:9.2f}{short['cpu']:9.2f}{1000 * (short['cpu'] - long['cpu']) / calls:18.1f}")
    for name, one in sets.items():
        print(f"{name}: {one['seconds'] / one['cpu']:.1f} s of audio a CPU second, {one['seconds'] / one['wall']:.1f} a second, "
              f"cores {one['cpu'] / one['wall'] / cores:.0%} busy with us, {one['failed']} failed")


if __name__ == "__main__":
    main()
