"""SenseVoice and Paraformer, Mandarin recognisers of Alibaba, through sherpa-onnx.

Both write a whole chunk in one pass, without a decoder that could loop or invent, and give each token the time at which it
begins. They know neither prompt nor punctuation of their own here: text is what was said (numerals in words, so that a staff
number stays 六二幺七), marks come from pauses as wherever a recogniser gives none.

Unverified with real weights: they were not to be had where this was written. What is tested is the way through the real
library, with a model of our own in SenseVoice's form (tests/test_sherpa.py).
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import machine, shelf
from models.recogniser import SAMPLE_RATE, Segment, compression_ratio, signature
from records import Problem, Word
from settings import Models, Speech

VERSION = 1             # of this adapter: raise it when the same weights give other text
WINDOW = 30.0           # seconds; both models take any length, but were trained on utterances
LONGEST_TOKEN = 0.4     # seconds; the models tell where a token begins, not where it ends
PIECE, CONTINUED = "▁", "@@"    # how SenseVoice marks a word's first piece, and Paraformer any piece but the last
BUILDERS = {"sensevoice": "from_sense_voice", "paraformer": "from_paraformer"}


class Sherpa:
    """A loaded SenseVoice or Paraformer; see models.recogniser.Recogniser."""

    window = WINDOW
    batch = 1           # sherpa-onnx pads a batch to its longest: on a CPU a chunk a worker wastes nothing

    @classmethod
    def open(cls, models: Models, speech: Speech) -> Sherpa:
        """Finds the weights on the shelf and loads them. Raises records.Problem where the library or they are missing."""
        library()
        directory = shelf.locate(models.recogniser, models)
        plan = machine.plan(models, speech, machine.inspect(), 0)
        return cls(models.recogniser, directory, shelf.version(models.recogniser), speech, plan.workers)

    def __init__(self, name: str, directory: Path, weights: str, speech: Speech, workers: int) -> None:
        self.name, self.weights, self.workers = name, weights, workers
        self.options = options(speech)
        self.version = signature(name, weights, VERSION, self.options)
        family = name.split("-")[0]
        model = next(str(directory / file) for file in ("model.int8.onnx", "model.onnx") if (directory / file).is_file())
        asked: dict[str, Any] = {"tokens": str(directory / "tokens.txt"), "num_threads": 1}
        if family == "sensevoice":
            asked |= {"model": model, "language": speech.language, "use_itn": False}
        else:
            asked |= {"paraformer": model}
        self._net = getattr(library().OfflineRecognizer, BUILDERS[family])(**asked)

    def recognise(self, chunks: Sequence[np.ndarray], hints: Sequence[Sequence[str]] = ()) -> list[Segment]:
        """As models.recogniser.Recogniser; `hints` are of no use to these models."""
        return [self._one(chunk) for chunk in chunks]

    def _one(self, chunk: np.ndarray) -> Segment:
        stream = self._net.create_stream()
        stream.accept_waveform(SAMPLE_RATE, np.ascontiguousarray(chunk, np.float32))
        self._net.decode_stream(stream)
        result = stream.result
        logs = [float(each) for each in getattr(result, "ys_log_probs", ())]
        words = timed(list(result.tokens), list(result.timestamps), len(chunk) / SAMPLE_RATE, logs)
        text = "".join(word.text for word in words).strip()
        return Segment(
            text=text, start=words[0].start if words else 0.0, end=words[-1].end if words else 0.0, words=tuple(words),
            avg_logprob=float(np.mean(logs)) if logs else 0.0, compression_ratio=compression_ratio(text))


def version(models: Models, speech: Speech, weights: str) -> str:
    """The version of an opened Sherpa, told without opening it."""
    return signature(models.recogniser, weights, VERSION, options(speech))


def options(speech: Speech) -> dict[str, Any]:
    """What shapes the text besides the weights."""
    return {"language": speech.language, "written_numerals": False}


def timed(tokens: Sequence[str], starts: Sequence[float], duration: float, logs: Sequence[float] = ()) -> list[Word]:
    """Tokens as words with times in seconds; pieces of a foreign word are joined to one word.

    A model that gives no times (`starts` of another length) gets its tokens spread evenly over the chunk; `logs` are natural
    log probabilities a token, where the model tells them.
    """
    if len(starts) != len(tokens):
        starts = [duration * index / len(tokens) for index in range(len(tokens))]
    words: list[Word] = []
    pieces = any(token.startswith((PIECE, " ")) for token in tokens)     # whether the model marks where a word begins
    joining = False
    for index, token in enumerate(tokens):
        following = starts[index + 1] if index + 1 < len(starts) else duration
        start, end = float(starts[index]), float(min(following, starts[index] + LONGEST_TOKEN))
        confidence = round(math.exp(logs[index]), 3) if len(logs) == len(tokens) else None
        body = token.removeprefix(PIECE).removesuffix(CONTINUED)
        first = token.startswith((PIECE, " "))
        if words and not first and (joining or (pieces and _latin(body) and _latin(words[-1].text.strip()))):
            last = words[-1]
            sure = None if confidence is None else round(min(confidence, last.confidence or 1.0), 3)
            words[-1] = last.model_copy(update={"text": last.text + body, "end": max(end, start), "confidence": sure})
        elif body.strip():
            text = " " + body.strip() if _latin(body.strip()) and words else body.strip()
            words.append(Word(text=text, start=start, end=max(end, start), confidence=confidence))
        joining = token.endswith(CONTINUED)
    return words


def _latin(text: str) -> bool:
    return text.isascii() and text.isalpha()


def library() -> Any:
    """The module sherpa_onnx. Raises records.Problem with the command that installs it."""
    try:
        import sherpa_onnx
    except ImportError as fault:
        raise Problem("SenseVoice and Paraformer run through sherpa-onnx, which is not installed here "
                      f"({fault}): pip install 'tingjian[sherpa]', or set models.recogniser to whisper-base.") from fault
    return sherpa_onnx
