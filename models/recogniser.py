"""What a recogniser is to the rest of Tingjian, and which ones there are.

A further recogniser is an adapter beside `whisper.py` and `sherpa.py` and a row in RECOGNISERS; nothing else changes.
"""
from __future__ import annotations

import functools
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from models import machine, shelf
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

    def recognise(self, chunks: Sequence[np.ndarray], hints: Sequence[Sequence[str]] = ()) -> list[Segment]:
        """One segment a chunk, in order. A chunk is float32 mono in [-1, 1] at 16 kHz, at most `window` seconds.

        `hints` are, a chunk, the words that its call may well hold (names, numbers); none, or as many as there are chunks.
        They are advice: a recogniser may do without, and never writes them because they were given.
        """
        ...


class Family(NamedTuple):
    """How recognisers of one family are opened, and the version that an opened one will have, told from the name and the
    version of its weights without loading anything."""

    open: Callable[[Models, Speech], Recogniser]
    version: Callable[[Models, Speech, str], str]


def _whisper(models: Models, speech: Speech) -> Recogniser:
    from models.whisper import Whisper

    return Whisper.open(models, speech)


def _whisper_version(models: Models, speech: Speech, weights: str) -> str:
    from models import whisper

    return whisper.version(models, speech, weights)


def _sherpa(models: Models, speech: Speech) -> Recogniser:
    from models.sherpa import Sherpa

    return Sherpa.open(models, speech)


def _sherpa_version(models: Models, speech: Speech, weights: str) -> str:
    from models import sherpa

    return sherpa.version(models, speech, weights)


# The family is the name up to its first hyphen: "whisper" of "whisper-base".
RECOGNISERS: dict[str, Family] = {
    "whisper": Family(_whisper, _whisper_version),
    "sensevoice": Family(_sherpa, _sherpa_version),
    "paraformer": Family(_sherpa, _sherpa_version),
}


def open_recogniser(models: Models, speech: Speech) -> Recogniser:
    """Loads the recogniser that the settings name; its weights are fetched when need be. Raises records.Problem."""
    chosen = resolve(models)
    return _family(chosen).open(chosen, speech)


def known_version(models: Models, speech: Speech) -> str | None:
    """The `version` that `open_recogniser` would give, told in milliseconds; None where the weights are not here yet.

    Raises records.Problem as `open_recogniser` does, for a name that is not known or weights that are not what they should be.
    """
    chosen = resolve(models)
    family, found = _family(chosen), shelf.find(chosen.recogniser, chosen)
    return family.version(chosen, speech, found.version) if found else None


def resolve(models: Models) -> Models:
    """The same settings with a recogniser's name in place of "auto" (models.machine.choose says which and why)."""
    if models.recogniser != "auto":
        return models
    return models.model_copy(update={"recogniser": machine.choose(models, machine.inspect(), lambda name: here(name, models)).name})


def here(name: str, models: Models) -> bool:
    """Whether a model's weights are on this machine and are what they should be."""
    try:
        return shelf.find(name, models) is not None
    except Problem:
        return False


def _family(models: Models) -> Family:
    family = RECOGNISERS.get(models.recogniser.split("-")[0])
    if family is None:
        known = ", ".join(f"{name}-…" for name in RECOGNISERS)
        raise Problem(f'settings, models.recogniser: no recogniser is called "{models.recogniser}"; there are {known} and '
                      '"auto". `tingjian doctor` lists the names.')
    return family


def signature(name: str, weights: str, adapter: int, options: Mapping[str, Any]) -> str:
    """A recogniser's version: its name and twelve hex digits for the adapter's version, the weights and the options."""
    shaping = json.dumps([adapter, weights, options], ensure_ascii=False)
    return f"{name}:{hashlib.sha256(shaping.encode()).hexdigest()[:12]}"


def compression_ratio(text: str) -> float:
    """Bytes of UTF-8 over bytes after zlib, Whisper's measure of repetition; 0 for no text."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


class OnDemand:
    """A recogniser of which name and version are known at once; anything else loads it. Load it before threads share it."""

    def __init__(self, models: Models, speech: Speech, version: str) -> None:
        self.name, self.version = models.recogniser, version
        self._load = functools.cache(lambda: open_recogniser(models, speech))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._load(), name)


def on_demand(models: Models, speech: Speech) -> Recogniser:
    """The recogniser of the settings, loaded only when it is used: its version, which says what is done already, costs nothing.

    Where its weights are not here yet they are fetched, and it is loaded, now. Raises records.Problem.
    """
    chosen = resolve(models)
    version = known_version(chosen, speech)
    return cast(Recogniser, OnDemand(chosen, speech, version)) if version else open_recogniser(chosen, speech)
