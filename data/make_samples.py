"""Makes data/sample from data/scripts: recordings, manifest.csv and gold.jsonl.

    python data/make_samples.py WEIGHTS            all calls
    python data/make_samples.py WEIGHTS --only sample-003 --cache /tmp/spoken
    python data/make_samples.py WEIGHTS --only     labels and manifest alone, nothing spoken

WEIGHTS is the directory with Kokoro's weights (voices.py). The times in gold.jsonl come out the same on every machine; the
samples differ in the last bits. Needs the packages of the dependency group `voices` (pip install --group voices).
"""
from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from dialogue import Script, gold, perform, read, recorded, timed_again
from telephone import RATE
from voices import Speaker

HERE = Path(__file__).resolve().parent
COLUMNS: tuple[str, ...] = (
    "call_id", "recording", "organisation", "agent_id", "agent_name", "team", "line", "customer_name",
    "customer_gender", "customer_tier", "direction", "started_at", "answered_after", "released_by", "agent_channel")
BROKEN = {"call_id": "sample-015", "recording": "recordings/sample-015.wav", "agent_id": "8023", "direction": "inbound",
          "started_at": "2026-11-25T10:40:00+08:00"}
BROKEN_TEXT = "This file has only the name of a recording. It is here to be refused with a reason.\n"


def write_recording(path: Path, channels: np.ndarray, codec: str, bit_rate: int | None = None) -> None:
    """Samples (channels, n) in [-1, 1] at 8 kHz to a file; the container follows from the suffix, `codec` is PyAV's name."""
    layout = "stereo" if len(channels) == 2 else "mono"
    samples = np.round(np.clip(channels, -1, 1) * 32767).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = cast(av.AudioStream, container.add_stream(codec, rate=RATE))
        stream.codec_context.layout = layout
        if bit_rate:
            stream.codec_context.bit_rate = bit_rate
        for start in range(0, samples.shape[1], RATE):
            frame = av.AudioFrame.from_ndarray(samples[:, start:start + RATE].T.reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def row(script: Script) -> dict[str, Any]:
    """The call's line of the manifest; what the script does not say stays empty."""
    line = script.line
    known = {key: ";".join(value) if isinstance(value, list) else value for key, value in script.call.items()}
    told = line.agent_on if line.layout == "stereo" and line.named_in_manifest else ""
    return {**known, "recording": f"recordings/{line.file}", "agent_channel": told}


def write_manifest(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def earlier(labelled: Path) -> dict[str, dict[str, Any]]:
    """Calls of an earlier gold.jsonl by id."""
    lines = labelled.read_text("utf-8").splitlines() if labelled.exists() else []
    return {call["transcript"]["call_id"]: call for call in map(json.loads, lines)}


def speak(script: Script, speaker: Speaker, recordings: Path) -> dict[str, Any]:
    """Performs a script, writes its recording and returns its line of gold.jsonl."""
    performance = perform(script, speaker.say)
    labelled = gold(script, performance.turns, performance.duration)
    path = recordings / script.line.file
    write_recording(path, recorded(script, performance), script.line.codec, script.line.bit_rate)
    size = path.stat().st_size / 1024
    print(f"{script.call_id}  {performance.duration:6.1f} s  {size:6.0f} KiB  {path.name}", file=sys.stderr)
    return labelled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="directory with Kokoro's config.json, kokoro-fp16.onnx and voices/")
    parser.add_argument("--only", nargs="*", help="speak these calls; the others keep their sound and times")
    parser.add_argument("--cache", type=Path, help="keep spoken turns here, for working on the scripts")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()

    sample = HERE / "sample"
    recordings = sample / "recordings"
    recordings.mkdir(parents=True, exist_ok=True)
    scripts = [read(path) for path in sorted((HERE / "scripts").glob("*.yaml"))]
    before = earlier(sample / "gold.jsonl")
    speaker = Speaker(given.weights, given.cache, given.threads)
    calls = []
    for script in scripts:
        if given.only is None or script.call_id in given.only:
            calls.append(speak(script, speaker, recordings))
        else:
            spoken = before[script.call_id]["transcript"]
            calls.append(gold(script, timed_again(script, spoken), spoken["duration"]))
    (sample / "gold.jsonl").write_text("".join(json.dumps(call, ensure_ascii=False) + "\n" for call in calls), "utf-8")
    (sample / BROKEN["recording"]).write_text(BROKEN_TEXT, "utf-8")
    write_manifest(sample / "manifest.csv", [*(row(script) for script in scripts), BROKEN])


if __name__ == "__main__":
    main()
