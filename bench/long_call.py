"""How much memory a long call takes on its whole way to a transcript: the peak beyond what the models take.

    python bench/long_call.py --hours 4 [--mono] [--speech 0.1]

The call is a sample call of two speakers, repeated with pauses between, so that `--speech` of the time there is a call and the
rest is a quiet line: what grows with a call's length is its samples, its words and (mono) its speakers' spans, not how
much of it is speech. The models are loaded and a short call is done first; what comes on top is printed.
"""
from __future__ import annotations

import argparse
import resource
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from pipeline.decode import decode
from pipeline.transcribe import Transcriber
from records import Call, Failure, Recording
from settings import Monitoring, Settings

SAMPLE = Path(__file__).parent.parent / "data" / "sample" / "recordings" / "sample-001.wav"
RATE = 16000


def peak() -> float:
    """Largest resident size so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(path: Path, hours: float, speech: float, mono: bool) -> None:
    """The sample call again and again with a quiet line between, 16-bit PCM."""
    with decode(SAMPLE, max_hours=1) as audio:
        call = np.stack([audio.read(0), audio.read(1)], axis=1)
    if mono:
        call = call.sum(axis=1, keepdims=True) / 2
    quiet = np.random.default_rng(1).normal(0, 0.0005, (int(len(call) * (1 / speech - 1)), call.shape[1]))
    block = (np.concatenate([call, quiet]).clip(-1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(block.shape[1])
        file.setsampwidth(2)
        file.setframerate(RATE)
        for _ in range(max(1, round(hours * 3600 * RATE / len(block)))):
            file.writeframes(block.tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--speech", type=float, default=0.1, help="share of the time in which there is a call")
    parser.add_argument("--mono", action="store_true")
    options = parser.parse_args()
    settings = Settings(monitoring=Monitoring(time_limit_factor=10))
    transcriber = Transcriber.from_settings(settings)
    with tempfile.TemporaryDirectory() as folder:
        short, long = Path(folder) / "short.wav", Path(folder) / "long.wav"
        write(short, 0.02, 1.0, options.mono)
        write(long, options.hours, options.speech, options.mono)
        list(transcriber.run([Recording(call=Call(call_id="short"), path=str(short))]))
        before, began = peak(), time.perf_counter()
        (_, outcome), = transcriber.run([Recording(call=Call(call_id="long"), path=str(long))])
        if isinstance(outcome, Failure):
            raise SystemExit(f"{outcome.code}: {outcome.message}")
        print(f"{options.hours:g} h {'mono' if options.mono else 'stereo'}, {options.speech:.0%} of it a call: {len(outcome.turns)} turns in "
              f"{time.perf_counter() - began:.0f} s; peak {peak():.0f} MB, {peak() - before:.0f} MB beyond models and a short call")


if __name__ == "__main__":
    main()
