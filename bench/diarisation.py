"""Measures the diarisers on the sample calls: error rate and speed, mono mix of both channels, exact times from gold.jsonl.

    python bench/diarisation.py [--step 0.25 0.5] [--calls 6]

One JSON line for each way: diarisation error rate (missed, false alarm, confused; shares of the spoken time, no collar), and
processor seconds for a second of sound. Settings as for `tingjian`.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from models.clustering_diariser import ClusteringDiariser
from models.diariser import RATE, Diariser
from models.pyannote_diariser import OVERLAP, PyannoteDiariser
from models.voiceprint import Timbre
from pipeline.decode import decode
from settings import Settings

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "sample"
FRAME = 0.01     # seconds
Call = tuple[str, np.ndarray, list[tuple[float, float, str]]]


def calls(most: int) -> Iterator[Call]:
    """Name, mono samples at 16 kHz, turns (start, end, speaker) of the sample calls with two speakers."""
    recordings = {path.stem: path for path in (SAMPLES / "recordings").iterdir()}
    done = 0
    for line in (SAMPLES / "gold.jsonl").read_text("utf-8").splitlines():
        transcript = json.loads(line)["transcript"]
        turns = [(t["start"], t["end"], t["speaker"]) for t in transcript["turns"] if t.get("start") is not None]
        path = recordings.get(transcript["call_id"])
        if path is None or len({speaker for _, _, speaker in turns}) != 2 or done == most:
            continue
        with decode(path, max_hours=1) as audio:
            mono = np.sum([audio.read(channel) for channel in range(audio.channels)], axis=0)
        done += 1
        yield transcript["call_id"], resample_poly(mono, RATE, audio.sample_rate).astype(np.float32), turns


def error(spans: Sequence[tuple[float, float, int]], turns: list[tuple[float, float, str]], seconds: float) -> np.ndarray:
    """Missed, false alarm and confused time as shares of the spoken time, at the better naming of the speakers."""
    who = sorted({speaker for _, _, speaker in turns})
    said = np.zeros((2, int(seconds / FRAME) + 1), bool)
    found = np.zeros_like(said)
    for start, end, speaker in turns:
        said[who.index(speaker), int(start / FRAME):int(end / FRAME)] = True
    for start, end, speaker in spans:
        found[speaker, int(start / FRAME):int(end / FRAME)] = True
    ways = []
    for order in permutations(range(2)):
        mine, theirs = found[list(order)].sum(0), said.sum(0)
        right = (found[list(order)] & said).sum(0)
        ways.append([np.clip(theirs - mine, 0, None).sum(), np.clip(mine - theirs, 0, None).sum(),
                     (np.minimum(mine, theirs) - right).sum()])
    return min(np.array(ways) / said.sum(), key=sum)


def measure(name: str, diariser: Diariser, data: list[Call]) -> None:
    diariser.diarise(data[0][1][:10 * RATE])
    begin, errors = time.process_time(), {}
    for call, samples, turns in data:
        errors[call] = error(diariser.diarise(samples).spans, turns, len(samples) / RATE)
    took = (time.process_time() - begin) / sum(len(samples) / RATE for _, samples, _ in data)
    mean = np.mean(list(errors.values()), axis=0)
    print(json.dumps({"way": name, "error": round(float(mean.sum()), 3), "missed": round(float(mean[0]), 3),
                      "false_alarm": round(float(mean[1]), 3), "confused": round(float(mean[2]), 3),
                      "seconds_a_second": round(took, 3),
                      "confused_by_call": {call: round(float(shares[2]), 3) for call, shares in errors.items()}}),
          flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", type=float, nargs="*", default=[OVERLAP], help="steps of the segmentation window")
    parser.add_argument("--calls", type=int, default=99, help="at most so many calls")
    options = parser.parse_args()
    models = Settings().models
    data = list(calls(options.calls))
    for step in options.step:
        measure(f"pyannote, step {step}", PyannoteDiariser(models, 1, step), data)
    clustering = ClusteringDiariser(models, 1)
    measure("clustering, ecapa", clustering, data)
    clustering._voices = Timbre()
    measure("clustering, timbre", clustering, data)


if __name__ == "__main__":
    main()
