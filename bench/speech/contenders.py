"""Who is measured, each in a process of its own: ours, and bare faster-whisper file by file and with its batched pipeline.

    python -m bench.speech.contenders NAME TRUTHS.jsonl      (started by `run`; settings by the environment)

The process prints the moment its models are loaded, then a line a recording: its name and the turns heard. The bare ones get every
channel alone and know no speakers.
"""
from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from bench import spent
from bench.speech import ROOT
from bench.speech.truth import Truth
from records import Record, Transcript, Turn, Word

OURS, ALONE, BATCHED = "Tingjian", "faster-whisper, file by file", "faster-whisper, batched"
NAMES = (OURS, ALONE, BATCHED)
THREADS = 2
BARE = {"language": "zh", "beam_size": 5, "vad_filter": True, "word_timestamps": True}


class Run(Record):
    """One contender over some recordings. `wall` and `cpu` in seconds of the whole process, `loading` the wall time before its
    models were there; `peak` in bytes, its children included; `heard` by name of the recording, `failed` the reason for those without a transcript."""

    contender: str
    model: str
    compute: str = "int8"
    audio: float
    wall: float
    cpu: float
    loading: float
    peak: int
    heard: dict[str, Transcript]
    failed: dict[str, str] = Field(default_factory=dict)


def run(contender: str, model: str, truths: Sequence[Truth], compute: str) -> Run:
    """Runs a contender in a fresh process. Raises RuntimeError with the end of what it said when it fails."""
    environment = {**os.environ, "TINGJIAN_MODELS__RECOGNISER": model, "TINGJIAN_MODELS__COMPUTE_TYPE": compute,
                   "PYTHONPATH": str(ROOT), "PYANNOTE_METRICS_ENABLED": "0"}
    with tempfile.TemporaryDirectory() as scratch:
        todo, errors = Path(scratch) / "truths.jsonl", Path(scratch) / "errors.txt"
        todo.write_text("".join(truth.model_dump_json() + "\n" for truth in truths), "utf-8")
        with errors.open("w") as said:
            done = spent.by([sys.executable, "-m", "bench.speech.contenders", contender, str(todo)], environment, said, ROOT)
        if done.status:
            raise RuntimeError(f"{contender} with {model} ended with {done.status}: {errors.read_text()[-2000:]}")
    rows = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
    ready = next(row["ready"] for row in rows if "ready" in row)
    return Run(contender=contender, model=model, compute=compute, audio=sum(truth.seconds for truth in truths), wall=done.wall,
               cpu=done.cpu, loading=ready - done.began, peak=done.peak,
               heard={row["name"]: Transcript.model_validate(row["heard"]) for row in rows if "heard" in row},
               failed={row["name"]: row["failed"] for row in rows if "failed" in row})


def ours(truths: Sequence[Truth]) -> Iterator[tuple[str, Transcript | str]]:
    """The product's way from recordings to transcripts, with what a manifest would say of the calls, channels left open."""
    from pipeline.transcribe import Transcriber
    from records import Call, Recording
    from settings import Settings

    transcriber = Transcriber.from_settings(Settings())
    _ready()
    known = {truth.name: Call(**truth.transcript.model_dump(include=set(Call.model_fields))) for truth in truths}
    recordings = [Recording(call=known[truth.name], path=truth.path) for truth in truths]
    for recording, made in transcriber.run(recordings):
        yield recording.call.call_id, made if isinstance(made, Transcript) else made.message


def bare(truths: Sequence[Truth], batched: bool) -> Iterator[tuple[str, Transcript]]:
    """faster-whisper as its documentation has it, with voice filter and word times, two threads."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel, decode_audio

    from models import shelf
    from settings import Settings

    models = Settings().models
    whisper = WhisperModel(str(shelf.locate(models.recogniser, models)), device="cpu", cpu_threads=THREADS,
                           compute_type=models.compute_type)
    speak: Any = BatchedInferencePipeline(whisper).transcribe if batched else whisper.transcribe
    options = {**BARE, "batch_size": 8} if batched else BARE
    _ready()
    for truth in truths:
        sides = [decode_audio(truth.path)] if truth.mono else decode_audio(truth.path, split_stereo=True)
        turns = [_turn(segment, channel) for channel, side in enumerate(sides) for segment in speak(side, **options)[0]]
        yield truth.name, Transcript(call_id=truth.name, turns=tuple(turns))


def _turn(segment: Any, channel: int) -> Turn:
    words = tuple(Word(text=word.word, start=word.start, end=word.end, confidence=word.probability)
                  for word in segment.words or ())
    return Turn(speaker="unknown", text=segment.text, start=segment.start, end=segment.end, channel=channel, words=words)


def _ready() -> None:
    print(json.dumps({"ready": time.time()}), flush=True)


def main() -> None:
    name, todo = sys.argv[1:]
    truths = [Truth.model_validate_json(line) for line in Path(todo).read_text("utf-8").splitlines()]
    for call, heard in ours(truths) if name == OURS else bare(truths, name == BATCHED):
        found = {"failed": heard} if isinstance(heard, str) else {"heard": heard.model_dump(mode="json")}
        print(json.dumps({"name": call, **found}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
