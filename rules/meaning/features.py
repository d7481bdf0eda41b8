"""What a turn is described by: n-grams of characters and of toneless syllables, all turns of a call at once in NumPy.

An n-gram is known by a 64-bit hash, rolled over the call's code points, so that no Python loop runs over characters and the
model keeps hashes instead of strings. Syllables are folded to what northern and southern speakers and recognisers mix up
(`rules.text.near_sound`); a character without a reading stands for itself.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .text import BEGIN, END

CHARACTERS, SYLLABLES = 4, 3  # longest n-grams
KINDS = CHARACTERS + SYLLABLES
_FACTOR, _SOUND_SEED = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
_LAST = 0xFFFF  # code points beyond the basic plane (emoji, rare characters) all read as this one


class Grams(NamedTuple):
    """`hashes[i, k]` is the n-gram of kind `k` that begins at character `i`, 0 where it would leave the turn.

    Kinds 0 … 3 are characters, n = 1 … 4, kinds 4 … 6 syllables, n = 1 … 3. Turn `t` has the rows `starts[t]:starts[t + 1]`.
    """

    hashes: NDArray[np.uint64]
    starts: NDArray[np.int64]


def _rolled(codes: NDArray[np.uint64], left: NDArray[np.int64], longest: int, seed: np.uint64) -> NDArray[np.uint64]:
    out = np.zeros((len(codes), longest), np.uint64)
    rolled = np.full(len(codes), seed)
    for n in range(1, longest + 1):
        rolled = rolled[: len(codes) - n + 1] * _FACTOR + codes[n - 1:]
        mixed = rolled ^ (rolled >> np.uint64(31))
        mixed *= _FACTOR
        mixed ^= mixed >> np.uint64(29)
        out[: len(mixed), n - 1] = np.where(left[: len(mixed)] >= n, mixed, 0)
    return out


def grams(folded: Sequence[str], sounds: NDArray[np.uint32]) -> Grams:
    """N-grams of folded texts; `sounds[code point]` is the number of its folded syllable, or the code point itself."""
    text = "".join(f"{BEGIN}{turn}{END}" for turn in folded)
    lengths = np.fromiter((len(turn) + 2 for turn in folded), np.int64, len(folded))
    starts = np.concatenate(([0], np.cumsum(lengths)))
    codes = np.minimum(np.frombuffer(text.encode("utf-32-le", "replace"), "<u4"), _LAST)
    left = np.repeat(starts[1:], lengths) - np.arange(len(codes))
    hashes = np.hstack((_rolled(codes.astype(np.uint64), left, CHARACTERS, np.uint64(1)),
                        _rolled(sounds[codes].astype(np.uint64), left, SYLLABLES, _SOUND_SEED)))
    return Grams(hashes, starts)


class Vocabulary:
    """The n-grams that carry weight: from hash to row, 0 for an unknown one. Linear probing, vectorised."""

    _BITS = 20

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        self.keys = keys
        self._table = np.zeros(1 << self._BITS, np.int32)
        self._rows = np.concatenate((np.zeros(1, np.uint64), keys))
        waiting = np.arange(1, len(keys) + 1, dtype=np.int32)
        self._probes = 0
        while len(waiting):
            slots = self._slots(self._rows[waiting], self._probes)
            free = self._table[slots] == 0
            self._table[slots[free]] = waiting[free]
            waiting = waiting[self._table[slots] != waiting]
            self._probes += 1

    def __len__(self) -> int:
        return len(self.keys)

    def _slots(self, hashes: NDArray[np.uint64], probe: int) -> NDArray[np.int64]:
        return ((hashes >> np.uint64(64 - self._BITS)).astype(np.int64) + probe) & ((1 << self._BITS) - 1)

    def rows(self, hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The row of each hash, same shape; 0 where the vocabulary has none."""
        flat = hashes.ravel()
        found = np.zeros(len(flat), np.int32)
        places = np.flatnonzero(flat)
        wanted = flat[places]
        for probe in range(self._probes):
            candidates = self._table[self._slots(wanted, probe)]
            right = self._rows[candidates] == wanted
            found[places[right]] = candidates[right]
            go_on = (candidates != 0) & ~right
            places, wanted = places[go_on], wanted[go_on]
            if not len(places):
                break
        return found.reshape(hashes.shape)


def matrix(found: Grams, vocabulary: Vocabulary) -> csr_array:
    """Turns × (1 + vocabulary) float32, each turn's n-grams counted and damped by its length (long turns hold more of them).

    Column 0 gathers what is unknown; its weight is 0.
    """
    rows = vocabulary.rows(found.hashes)
    lengths = np.diff(found.starts)
    values = np.repeat(damping(lengths), lengths * KINDS)
    ends = (found.starts * KINDS).astype(np.int32)
    return csr_array((values, rows.ravel(), ends), shape=(len(lengths), len(vocabulary) + 1))


def damping(lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """The factor of a turn's n-grams: its characters to the power −0.35, 1 for eight of them."""
    return ((np.maximum(lengths, 6) / 8.0) ** -0.35 / 3).astype(np.float32)
