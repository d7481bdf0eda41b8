"""Workers, threads and chunks a pass for one recogniser on this CPU: what `models.machine.plan` chooses by.

    python -m bench.passes [whisper-small]

The channels of the sample recordings are cut to 12 s of sound and recognised under each plan, the first one again at the end, since a
machine may have grown busy meanwhile. Printed: seconds of sound a second, seconds of CPU, characters heard (the same for all, or a
plan hears something else).
"""
from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from bench.throughput import SAMPLES, machine
from models import shelf
from models.machine import Plan
from models.recogniser import SAMPLE_RATE
from models.whisper import PASSES, Whisper
from settings import Settings

LENGTH = 12 * SAMPLE_RATE
QUIET = 0.01            # root mean square below which a piece holds no speech
PLANS = ((2, 1, 1), (2, 1, 2), (2, 1, 4), (1, 2, 1), (1, 2, 4), (1, 2, 8), (2, 1, 1))


def pieces(folder: Path) -> list[np.ndarray]:
    """Pieces of speech of at most 12 s, mono float32 at 16 kHz, of all samples that can be read."""
    found = []
    for path in sorted(folder.rglob("*.wav")):
        try:
            sound, rate = soundfile.read(path, always_2d=True, dtype="float32")
        except soundfile.LibsndfileError:
            continue  # one sample is broken on purpose
        for channel in sound.T:
            whole = np.repeat(channel, SAMPLE_RATE // rate)
            cut = [whole[start:start + LENGTH] for start in range(0, len(whole) - LENGTH // 3, LENGTH)]
            found += [piece for piece in cut if np.sqrt(np.mean(piece ** 2)) > QUIET]
    return found


def main(name: str = "whisper-small") -> None:
    settings, chunks = Settings(), pieces(SAMPLES)
    seconds = sum(map(len, chunks)) / SAMPLE_RATE
    print(f"{machine()}\n{name}, int8: {len(chunks)} pieces, {seconds:.0f} s\nworkers  threads  chunks a pass  s a second  CPU s  characters")
    for workers, threads, batch in PLANS:
        plan = Plan("cpu", "int8", workers, threads, batch, "")
        model = Whisper(name, shelf.locate(name, settings.models), shelf.version(name), settings.speech, plan)
        model.recognise(chunks[:1])
        handed = batch * PASSES if batch > 1 else 1
        began, spent = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(workers) as pool:
            heard = list(pool.map(model.recognise, [chunks[at:at + handed] for at in range(0, len(chunks), handed)]))
        elapsed, spent = time.perf_counter() - began, time.process_time() - spent
        characters = sum(len(segment.text) for group in heard for segment in group)
        print(f"{workers:7}  {threads:7}  {batch:13}  {seconds / elapsed:10.1f}  {spent:5.1f}  {characters:10}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
