"""How fast, how much memory, how right: `tingjian run` beside bare faster-whisper, on the same files with the same model.

    python bench/throughput.py [--minutes 30] [--model whisper-base] [--repeat 1] [--only NAME …]

The sample recordings are repeated, each copy a little softer and shifted so that none is a duplicate, until there are so
many minutes; the stereo ones make the comparison, the mono ones a second set for ours alone.
Each contender runs in a process of its own, one after the other:

    tingjian run        the whole command: reading, recognition, guards, roles, rules, cards, the lake
    transcriber         only the part of it that makes transcripts
    file by file        faster-whisper's WhisperModel, a channel after the other, two threads, voice filter, word times
    batched             its BatchedInferencePipeline in batches of 8, otherwise the same

Standard output has a table a set: seconds of audio a second, of the whole process and without its start-up; seconds of audio
a second of CPU (that figure holds on a busy machine too); peak memory of the process and its children together; share of
wrong characters (numerals and marks unified).
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import spent  # noqa: E402 - found by the path above

SAMPLES = ROOT / "data" / "sample"
THREADS = 2
BARE = {"language": "zh", "beam_size": 5, "vad_filter": True, "word_timestamps": True}
STEREO = ("tingjian run", "transcriber", "file by file", "batched")
MONO = ("tingjian run", "transcriber")
DIGITS = str.maketrans("零幺一二三四五六七八九", "01123456789")


def gold() -> dict[str, list[str]]:
    """Per call what each speaker says, as one string a speaker."""
    calls = [json.loads(line)["transcript"] for line in (SAMPLES / "gold.jsonl").read_text("utf-8").splitlines()]
    return {call["call_id"]: ["".join(turn["text"] for turn in call["turns"] if turn["speaker"] == speaker)
                              for speaker in ("agent", "customer")] for call in calls}


def prepare(folder: Path, minutes: float) -> dict[str, float]:
    """Fills folder/stereo and folder/mono with copies of the samples; returns the seconds of each set."""
    import soundfile

    from pipeline import channels, decode
    sources: dict[str, list[tuple[str, np.ndarray]]] = {"stereo": [], "mono": []}
    for path in sorted((SAMPLES / "recordings").iterdir()):
        try:
            with decode.decode(path, max_hours=1) as audio:
                sound = np.stack([audio.read(channel) for channel in range(audio.channels)], axis=1)
                sources[channels.layout(audio).kind].append((path.stem, sound))
        except decode.Refused:
            continue                    # the sample that is broken on purpose
    seconds = dict.fromkeys(sources, 0.0)
    for kind, wanted in (("stereo", minutes * 60), ("mono", minutes * 15)):
        (folder / kind).mkdir()
        copy = 0
        while seconds[kind] < wanted:
            name, sound = sources[kind][copy % len(sources[kind])]
            turn = copy // len(sources[kind])
            shifted = np.concatenate((np.zeros((37 * turn, sound.shape[1]), np.float32), sound * 0.98 ** turn))[::2]
            soundfile.write(folder / kind / f"{name}-{turn}.wav", shifted, 8000, subtype="PCM_16")
            seconds[kind] += len(shifted) / 8000
            copy += 1
    return seconds


def weights(model: str) -> str:
    from models import shelf
    from settings import Settings
    return str(shelf.locate(model, Settings().models))


def contend(name: str, folder: Path, model: str) -> None:
    """Runs one contender in this process; prints the moment its models are loaded, then what it heard, as JSON Lines."""
    os.environ["TINGJIAN_MODELS__RECOGNISER"] = model
    paths = sorted(folder.iterdir())
    if name == "transcriber":
        from pipeline.transcribe import Transcriber
        from records import Call, Recording, Transcript
        from settings import Settings
        transcriber = Transcriber.from_settings(Settings())
        print(json.dumps({"ready": time.time()}), flush=True)
        for _, made in transcriber.run([Recording(call=Call(call_id=path.stem), path=str(path)) for path in paths]):
            if isinstance(made, Transcript):
                heard = ["".join(turn.text for turn in made.turns if turn.speaker == who) for who in ("agent", "customer")]
                print(json.dumps({"call": made.call_id, "heard": heard}))
        return
    from faster_whisper import BatchedInferencePipeline, WhisperModel, decode_audio
    whisper = WhisperModel(weights(model), device="cpu", compute_type="int8", cpu_threads=THREADS)
    options: dict[str, Any] = dict(BARE)
    speak: Any = whisper.transcribe
    if name == "batched":
        speak = BatchedInferencePipeline(whisper).transcribe
        options["batch_size"] = 8
    print(json.dumps({"ready": time.time()}), flush=True)
    for path in paths:
        sides = decode_audio(str(path), split_stereo=True)
        heard = ["".join(segment.text for segment in speak(side, **options)[0]) for side in sides]
        print(json.dumps({"call": path.stem, "heard": heard}))


def command(name: str, folder: Path, model: str, scratch: Path) -> list[str]:
    if name == "tingjian run":
        return [str(Path(sys.executable).parent / "tingjian"), "run", str(folder), "--workspace", str(scratch / "workspace")]
    return [sys.executable, __file__, "--contend", name, "--folder", str(folder), "--model", model]


def measure(name: str, folder: Path, model: str, seconds: float) -> dict[str, Any]:
    """One contender in a fresh process: pace, peak memory of it and its children, errors."""
    environment = {**os.environ, "TINGJIAN_MODELS__RECOGNISER": model}
    with tempfile.TemporaryDirectory() as scratch:
        run = spent.by(command(name, folder, model, Path(scratch)), environment)
        rows = [json.loads(line) for line in run.out.splitlines() if line.startswith("{")]
        if name == "tingjian run":
            rows = exported(Path(scratch))
    if run.status not in (0, 1) or not rows:
        tried = " ".join(command(name, folder, model, Path()))
        raise SystemExit(f"{name} ended with {run.status} and gave {len(rows)} rows; see what it says: {tried}")
    ready = next((row["ready"] for row in rows if "ready" in row), None)
    return {"contender": name, "pace": seconds / run.wall,
            "pace_loaded": seconds / (run.wall - (ready - run.began)) if ready else None,
            "pace_cpu": seconds / run.cpu, "peak_mb": run.peak / 2**20, "cer": error_rate([row for row in rows if "call" in row])}


def exported(scratch: Path) -> list[dict[str, Any]]:
    file = scratch / "transcripts.jsonl"
    subprocess.run([str(Path(sys.executable).parent / "tingjian"), "export", "--workspace", str(scratch / "workspace"),
                    "--transcripts", str(file)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env=os.environ | {"TINGJIAN_PRIVACY__MASKING": "display"})
    calls = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [{"call": call["call_id"], "heard": ["".join(turn["text"] for turn in call["turns"] if turn["speaker"] == who)
                                                for who in ("agent", "customer")]} for call in calls]


def error_rate(rows: list[dict[str, Any]]) -> float:
    """Wrong characters over spoken ones, the better of both ways to name the speakers (the bare ones know none)."""
    truth = gold()
    wrong = spoken = 0
    for row in rows:
        said = truth.get(row["call"].rsplit("-", 1)[0])
        if said is None:
            continue
        want, heard = "".join(map(plain, said)), [plain(text) for text in row["heard"]]
        wrong += min(distance(want, "".join(heard)), distance(want, "".join(reversed(heard))))
        spoken += len(want)
    return wrong / max(1, spoken)


def plain(text: str) -> str:
    from pipeline.turns import simplified
    return re.sub(r"[^0-9a-z一-鿿]", "", simplified(text).lower().translate(DIGITS))


def distance(one: str, other: str) -> int:
    """Edits from one to the other."""
    row = np.arange(len(other) + 1)
    letters = np.array([ord(letter) for letter in other])
    for index, letter in enumerate(one, 1):
        best = np.minimum(row[:-1] + (letters != ord(letter)), row[1:] + 1)
        best = np.concatenate(([index], best))
        # an insertion costs one more than its left neighbour: a running minimum of (cost - place)
        row = np.minimum.accumulate(best - np.arange(len(best))) + np.arange(len(best))
    return int(row[-1])


def show(kind: str, seconds: float, rows: list[dict[str, Any]]) -> None:
    print(f"\n{kind}: {seconds / 60:.1f} minutes of audio")
    print(f"{'':14}{'audio s/s':>11}{'loaded':>9}{'a CPU s':>9}{'peak MB':>9}{'CER':>8}")
    for row in rows:
        loaded = f"{row['pace_loaded']:.1f}" if row["pace_loaded"] else "–"
        figures = f"{row['pace']:11.1f}{loaded:>9}{row['pace_cpu']:9.1f}{row['peak_mb']:9.0f}{row['cer']:8.1%}"
        print(f"{row['contender']:14}{figures}", flush=True)


def machine() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] \
        if info.exists() else []
    cpu = names[0] if names else platform.processor()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory, load = psutil.virtual_memory().total / 2**30, os.getloadavg()[0]
    return f"{cores} cores of {cpu}, {memory:.0f} GB, load {load:.1f}, {platform.platform()}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=30, help="of stereo audio; a quarter of it mono")
    arguments.add_argument("--model", default="whisper-base")
    arguments.add_argument("--repeat", type=int, default=1, help="runs of each contender; the best one counts")
    arguments.add_argument("--only", nargs="*", help="contenders to run, else all")
    arguments.add_argument("--contend", help=argparse.SUPPRESS)
    arguments.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.contend:
        contend(options.contend, options.folder, options.model)
        return
    print(machine())
    weights(options.model)              # fetched before anyone's clock runs
    with tempfile.TemporaryDirectory() as scratch:
        seconds = prepare(Path(scratch), options.minutes)
        for kind, contenders in (("stereo", STEREO), ("mono", MONO)):
            rows = []
            for name in [each for each in contenders if not options.only or each in options.only]:
                runs = [measure(name, Path(scratch) / kind, options.model, seconds[kind]) for _ in range(options.repeat)]
                rows.append(max(runs, key=lambda run: run["pace"]))
            show(kind, seconds[kind], rows)


if __name__ == "__main__":
    main()
