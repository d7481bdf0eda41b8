"""Recognition on a GPU: batches across calls beside one chunk at a time and beside faster-whisper's own pipelines.

    python -m bench.gpu [--minutes 60] [--types float16 …] [--passes 16 64 …] [--workers 1 2 …] [--only chunks chain bare parts]

The stereo sample calls are repeated (bench/throughput.py: each copy softer and shifted) and written as 8 kHz WAV. Lines printed:

    chunks      the recogniser alone: the voice of all calls, cut into chunks beforehand, `workers` threads, passes of `pass` chunks
    parts       what one pass spends where: spectra on the cores; encoding, decoding, alignment on the device
    chain       the product's whole way from the files to transcripts, all its stages
    one by one, batched     faster-whisper's WhisperModel and BatchedInferencePipeline, a channel after the other, from the files

Figures: seconds of audio (length of the calls) a second, models loaded before; memory of the device above what it held before, MiB,
at its most; share of wrong characters. `--device cpu` tries the command where there is no GPU.
"""
from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.throughput import BARE, error_rate, machine, prepare, weights
from models import machine as machines
from models import shelf
from models.machine import Plan
from models.recogniser import Segment
from models.voice_activity import VoiceActivity
from models.whisper import Whisper
from pipeline import decode, speech
from settings import Models, Settings, Speech

LOOKS = 0.05        # seconds between two looks at the device's memory
WARM = 40           # chunks recognised before a clock runs
BARE_CHANNELS_PASS = 16     # faster-whisper's batches


class Piece(NamedTuple):
    """A chunk of one channel of one call: float32 at 16 kHz."""

    call: str
    channel: int
    start: float
    sound: np.ndarray


class Row(NamedTuple):
    """One line of the table; `heard` a call: what each channel said."""

    name: str
    seconds: float
    memory: int
    heard: dict[str, list[str]]


def device() -> str:
    """The GPU in words, as nvidia-smi has it; empty without one."""
    return _smi("name,driver_version,memory.total")


def _smi(what: str) -> str:
    try:
        return subprocess.run(["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"], check=True, text=True,
                              capture_output=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ""


@contextmanager
def watched() -> Iterator[Callable[[], int]]:
    """While it runs the device's memory is looked at; gives a function that tells the most above the beginning, MiB."""
    def used() -> int:
        return int(_smi("memory.used") or 0)

    before = most = used()
    over = threading.Event()

    def look() -> None:
        nonlocal most
        while before and not over.wait(LOOKS):
            most = max(most, used())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield lambda: most - before
    finally:
        over.set()
        watcher.join()


def cut(paths: list[Path]) -> list[Piece]:
    """The voice of every channel in chunks, as the pipeline cuts it."""
    detector = VoiceActivity()

    def one(path: Path) -> list[Piece]:
        with decode.decode(path, max_hours=1) as audio:
            return [Piece(path.stem, channel, chunk.pieces[0].start, speech.samples(audio, chunk)) for channel in range(audio.channels)
                    for chunk in speech.pack(speech.find_voice(audio, channel, detector), channel, audio.duration, 30.0)]

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(itertools.chain.from_iterable(pool.map(one, paths)))


def opened(options: argparse.Namespace, kind: str, workers: int, size: int) -> Whisper:
    directory = shelf.locate(options.model, Models())
    plan = Plan(options.device, kind, workers, 1, size, "bench.gpu")
    return Whisper(options.model, directory, "", Speech(), plan)


def chunks(whisper: Whisper, pieces: list[Piece]) -> dict[str, list[str]]:
    """All pieces through the recogniser, handed over as the crew does: so many at once as it asks for, from its own threads."""
    groups = [range(begin, min(begin + whisper.batch, len(pieces))) for begin in range(0, len(pieces), whisper.batch)]
    found: dict[int, Segment] = {}

    def do(group: range) -> None:
        found.update(zip(group, whisper.recognise([pieces[index].sound for index in group]), strict=True))

    with ThreadPoolExecutor(whisper.workers) as pool:
        list(pool.map(do, groups))
    heard: dict[str, list[str]] = {piece.call: ["", ""] for piece in pieces}
    for index in sorted(found, key=lambda index: pieces[index].start):
        heard[pieces[index].call][pieces[index].channel] += found[index].text
    return heard


def chain(whisper: Whisper, paths: list[Path]) -> dict[str, list[str]]:
    """The product's way: decoding in processes of its own, channels, voice, recognition, guards, roles, turns, voice measures."""
    from pipeline.decoders import Decoders
    from pipeline.transcribe import Transcriber
    from records import Call, Recording, Transcript

    heard: dict[str, list[str]] = {}
    with Decoders() as decoders:
        transcriber = Transcriber(whisper, VoiceActivity(), Settings().models, decoders=decoders)
        for _, made in transcriber.run([Recording(call=Call(call_id=path.stem), path=str(path)) for path in paths]):
            assert isinstance(made, Transcript), made
            heard[made.call_id] = ["".join(turn.text for turn in made.turns if turn.speaker == who) for who in ("agent", "customer")]
    return heard


def bare(speak: Callable[..., Any], paths: list[Path], **more: Any) -> dict[str, list[str]]:
    from faster_whisper import decode_audio

    return {path.stem: ["".join(segment.text for segment in speak(side, **BARE, **more)[0])
                        for side in decode_audio(str(path), split_stereo=True)] for path in paths}


def parts(whisper: Whisper, pieces: list[Piece]) -> dict[str, float]:
    """Seconds that one pass spends in the cores' spectra, and in the device's encoding, decoding and alignment."""
    import ctranslate2

    part = sorted(pieces, key=lambda piece: -len(piece.sound))[:whisper.batch // 4 or 1]
    spent: dict[str, float] = {}
    began = time.perf_counter()
    features = np.stack(list(whisper._map(lambda piece: whisper._mel(piece.sound, 3000), part)))
    spent["spectra"], began = time.perf_counter() - began, time.perf_counter()
    encoded = whisper._net.encode(ctranslate2.StorageView.from_array(features))
    spent["encode (begun)"], began = time.perf_counter() - began, time.perf_counter()
    tries = whisper._decode(encoded, whisper._prompts([()] * len(part)))
    spent["decode"], began = time.perf_counter() - began, time.perf_counter()
    words = whisper._align(encoded, [each["tokens"] for each in tries], [3000] * len(part))
    spent["align"] = time.perf_counter() - began
    spent["tokens"], spent["words"] = sum(len(each["tokens"]) for each in tries), sum(map(len, words))
    return spent


def measured(name: str, do: Callable[[], dict[str, list[str]]]) -> Row:
    with watched() as memory:
        began = time.perf_counter()
        heard = do()
        return Row(name, time.perf_counter() - began, memory(), heard)


def show(row: Row, lengths: dict[str, float], log: Path | None) -> None:
    """One line of the table, and with what was heard to `log`."""
    audio = sum(lengths[call] for call in row.heard)
    wrong = error_rate([{"call": call, "heard": heard} for call, heard in row.heard.items()])
    print(f"{row.name:44}{audio / 60:8.1f}{row.seconds:9.2f}{audio / row.seconds:11.1f}{row.memory:9d}{wrong:9.2%}", flush=True)
    if log:
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**row._asdict(), "audio": audio, "cer": wrong}, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="of stereo calls")
    parser.add_argument("--bare-calls", type=int, default=20, help="calls that faster-whisper's own pipelines are given; it takes long")
    parser.add_argument("--model", default="whisper-base")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--types", nargs="+", default=["float16"])
    parser.add_argument("--passes", nargs="+", type=int, default=[16, 32, 64, 128])
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--only", nargs="+", default=["chunks", "parts", "chain", "bare"])
    parser.add_argument("--log", type=Path, help="file to which every row is added as JSON, with what was heard")
    options = parser.parse_args()
    here = machines.inspect()
    print(f"{machine()}\nGPU: {device() or 'none'}; computes in {', '.join(here.gpu_types) or '–'}", flush=True)
    weights(options.model)
    with tempfile.TemporaryDirectory() as scratch:
        prepare(Path(scratch), options.minutes)
        measure(options, sorted((Path(scratch) / "stereo").iterdir()))


def measure(options: argparse.Namespace, paths: list[Path]) -> None:
    began = time.perf_counter()
    pieces = cut(paths)
    lengths = {path.stem: _length(path) for path in paths}
    said = sum(len(piece.sound) for piece in pieces) / 16000
    print(f"{len(paths)} calls, {sum(lengths.values()) / 60:.1f} minutes; {len(pieces)} chunks, {said / 60:.1f} minutes of voice, found in "
          f"{time.perf_counter() - began:.1f} s\n{'':44}{'minutes':>8}{'seconds':>9}{'audio s/s':>11}{'MiB':>9}{'CER':>9}", flush=True)
    plans = list(itertools.product(options.types, options.passes, options.workers))
    for kind, size, workers in plans:
        whisper = opened(options, kind, workers, size)
        whisper.recognise([piece.sound for piece in pieces[:WARM]])
        label = f"{kind}, passes of {size}, {workers} at once"
        if "chunks" in options.only:
            show(measured(f"chunks: {label}", lambda whisper=whisper: chunks(whisper, pieces)), lengths, options.log)
        if "parts" in options.only:
            spent = parts(whisper, pieces)
            print("    a pass: " + ", ".join(f"{name} {value:.3f}" for name, value in spent.items()), flush=True)
        if "chain" in options.only:
            show(measured(f"chain: {label}", lambda whisper=whisper: chain(whisper, paths)), lengths, options.log)
        del whisper
    if "bare" in options.only:
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        kind = options.types[0]
        whisper = WhisperModel(weights(options.model), device=options.device, compute_type=kind)
        some = paths[:options.bare_calls]
        pipeline = BatchedInferencePipeline(whisper)
        bare(whisper.transcribe, paths[:1])
        show(measured(f"one by one: faster-whisper, {kind}", lambda: bare(whisper.transcribe, some)), lengths, options.log)
        show(measured(f"batched: faster-whisper, {kind}, {BARE_CHANNELS_PASS}",
                      lambda: bare(pipeline.transcribe, some, batch_size=BARE_CHANNELS_PASS)), lengths, options.log)


def _length(path: Path) -> float:
    import soundfile

    return float(soundfile.info(path).duration)


if __name__ == "__main__":
    main()
