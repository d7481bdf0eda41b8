"""How likely each word is right: a recogniser's own probabilities put right by what the benchmark showed.

Whisper is sure of what it invents and unsure of rare names. A logistic regression over what is known of a word (its own
probability, its neighbours', the chunk's, its rate, the sound's range of levels) gives the share of such words that were right.
`python -m bench.confidence` fits it on calls with known words and writes confidence.json, one entry a recogniser; a recogniser
without an entry keeps its own probabilities.
"""
from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from records import Word

FILE = "confidence.json"
# What a word is judged by, in the order of `features`.
FEATURES = ("log odds", "log odds before", "log odds after", "lowest near", "chunk", "compression", "no speech", "again",
            "seconds a character", "short", "range", "digit", "latin", "first", "last")
NEAR = 2                # words on either side that are near
FRAME = 400             # samples, 25 ms
LOWEST, HIGHEST = 0.003, 0.997      # a probability is no nearer to 0 and 1 than this


class Calibration(NamedTuple):
    """Weights of the features after (x - centre) / spread; None leaves probabilities as they are."""

    version: str | None = None
    centre: np.ndarray | None = None
    spread: np.ndarray | None = None
    weights: np.ndarray | None = None
    bias: float = 0.0

    def applied(self, words: Sequence[Word], chunk: Mapping[str, Any], sound: np.ndarray) -> list[Word]:
        """The same words, each with how likely it is right; `chunk` and `sound` as for `features`."""
        if self.weights is None or not words:
            return list(words)
        sure = self.probability(features(words, chunk, sound))
        return [word.model_copy(update={"confidence": round(float(one), 3)}) for word, one in zip(words, sure, strict=True)]

    def probability(self, rows: np.ndarray) -> np.ndarray:
        """Rows of features (n, len(FEATURES)) to probabilities (n)."""
        assert self.weights is not None and self.centre is not None and self.spread is not None
        return 1 / (1 + np.exp(-((rows - self.centre) / self.spread @ self.weights + self.bias)))


@functools.cache
def load(name: str) -> Calibration:
    """The calibration of a recogniser by name, the empty one where none was fitted."""
    entry = json.loads((files("models") / FILE).read_text("utf-8")).get(name)
    if entry is None or tuple(entry["features"]) != FEATURES:
        return Calibration()
    version = hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:8]
    centre, spread, weights = (np.array(entry[key]) for key in ("centre", "spread", "weights"))
    return Calibration(version, centre, spread, weights, float(entry["bias"]))


def features(words: Sequence[Word], chunk: Mapping[str, Any], sound: np.ndarray) -> np.ndarray:
    """What is known of each word, float64 (len(words), len(FEATURES)).

    `words` carry the recogniser's own probabilities; `chunk` has avg_logprob, compression_ratio, no_speech_prob and temperature of
    the decoding; `sound` is the chunk, float32 at 16 kHz.
    """
    odds = _log_odds(np.array([0.5 if word.confidence is None else word.confidence for word in words]))
    padded = np.concatenate((np.full(NEAR, odds.mean()), odds, np.full(NEAR, odds.mean())))
    count = len(words)
    window = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEAR + 1)
    letters = [word.text.strip(" ，。？！、,.?!") for word in words]
    pace = np.array([(word.end - word.start) / max(1, len(text)) for word, text in zip(words, letters, strict=True)])
    whole = np.ones(count)
    return np.column_stack((
        odds, padded[NEAR - 1:NEAR - 1 + count], padded[NEAR + 1:NEAR + 1 + count], window.min(axis=1),
        whole * float(chunk["avg_logprob"]), whole * float(chunk["compression_ratio"]),
        whole * np.log10(max(1e-6, float(chunk["no_speech_prob"]))), whole * (float(chunk["temperature"]) > 0),
        np.clip(pace, 0, 1), pace < 0.06, whole * _range(sound),
        [any(letter.isdigit() for letter in text) for text in letters],
        [bool(text) and text.isascii() and not text.isdigit() for text in letters],
        np.arange(count) == 0, np.arange(count) == count - 1)).astype(float)


def _log_odds(probability: np.ndarray) -> np.ndarray:
    inside = np.clip(probability, LOWEST, HIGHEST)
    return np.log(inside / (1 - inside))


def _range(sound: np.ndarray) -> float:
    """Decibels between the loud and the soft frames of a chunk, at most 60: what a noisy line lacks."""
    count = len(sound) // FRAME
    if count < 4:
        return 30.0
    power = np.square(sound[:count * FRAME].reshape(count, FRAME), dtype=np.float64).mean(axis=1) + 1e-12
    low, high = np.percentile(power, (10, 90))
    return float(min(60.0, 10 * np.log10(high / low)))
