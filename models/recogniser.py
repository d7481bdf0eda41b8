"""What a recogniser is to the rest of Tingjian, and which ones there are.

A second recogniser is an adapter beside `whisper.py` and a row in RECOGNISERS; nothing else changes.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from records import Problem, Word
from settings import Models, Speech

SAMPLE_RATE = 16000  # Hz, of all samples given to a recogniser


@dataclass(frozen=True)
class Segment:
    """What was heard in one chunk of sound. Times are seconds from the chunk's start.

    `words` are in order; their texts, joined, are `text` (punctuation hangs on the word before it). `avg_logprob` is the
    mean natural log probability of a token, `compression_ratio` bytes of UTF-8 over bytes after zlib (loops lie high),
    `no_speech_prob` the recogniser's own doubt that anything was said; `temperature` above 0 tells that it had to try again.
    """

    text: str
    start: float
    end: float
    words: tuple[Word, ...] = ()
    avg_logprob: float = 0.0
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0
    temperature: float = 0.0


class Recogniser(Protocol):
    """Speech to words. `recognise` may be called from `workers` threads at once, best with `batch` chunks a call.

    `version` names the weights and every option that shapes the text; `window` is the longest chunk in seconds.
    """

    name: str
    version: str
    window: float
    workers: int
    batch: int

    def recognise(self, chunks: Sequence[np.ndarray]) -> list[Segment]:
        """One segment a chunk, in order. A chunk is float32 mono in [-1, 1] at 16 kHz, at most `window` seconds."""
        ...


def _whisper(models: Models, speech: Speech) -> Recogniser:
    from models.whisper import Whisper

    return Whisper.open(models, speech)


# The family, which is the name up to its first hyphen ("whisper" of "whisper-base"), and what opens it.
RECOGNISERS: dict[str, Callable[[Models, Speech], Recogniser]] = {
    "whisper": _whisper,
}


def open_recogniser(models: Models, speech: Speech) -> Recogniser:
    """Loads the recogniser that the settings name; its weights are fetched when need be. Raises records.Problem."""
    opener = RECOGNISERS.get(models.recogniser.split("-")[0])
    if opener is None:
        known = ", ".join(f"{family}-…" for family in RECOGNISERS)
        raise Problem(f'settings, models.recogniser: no recogniser is called "{models.recogniser}"; there are {known}. '
                      "`tingjian doctor` lists the names.")
    return opener(models, speech)
