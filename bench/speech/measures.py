"""Figures of one recording: what was heard (turns) beside its truth. All counts, so that they add up over recordings.

Error rate: edits over characters said, in the comparable form of normal.py; stereo channel by channel, mono all in one.
"""
from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import permutations

import numpy as np
from scipy.optimize import linear_sum_assignment

from bench.speech.align import Mark, Pair, align, call_word_pairs, marks, right
from bench.speech.truth import Truth
from records import Turn

SIDES = ("agent", "customer")
FRAME = 0.01        # seconds: diarisation is compared frame by frame
COLLAR = 0.25       # seconds around every true start and end that a lenient diarisation error leaves out
SHORT = 3           # characters: a back-channel


class Aligned:
    """A recording's true and heard characters paired, one part a channel (mono: one part in all)."""

    def __init__(self, truth: Truth, heard: Sequence[Turn]):
        self.truth = truth
        self.parts: list[tuple[list[Mark], list[Mark], list[Pair]]] = []
        for channel in truth.channels:
            said, got = marks(truth.said(channel)), marks([turn for turn in heard if (turn.channel or 0) == channel])
            self.parts.append((said, got, align(said, got)))

    def errors(self) -> Counter[str]:
        """`said`, `wrong` (substituted), `missing`, `added` characters, the first three also by voice as "said zm_yunxi"."""
        counts: Counter[str] = Counter()
        for channel, (said, heard, pairs) in zip(self.truth.channels, self.parts, strict=True):
            voices = self._voices(channel)
            last = voices[said[0].turn] if said else ""
            for pair in pairs:
                if pair.said is not None:
                    last = voices[said[pair.said].turn]
                    counts["said"] += 1
                    counts[f"said {last}"] += 1
                kind = ("added" if pair.said is None else "missing" if pair.heard is None
                        else "" if right(pair, said, heard) else "wrong")
                if kind:
                    counts[kind] += 1
                    counts[f"error {last}"] += bool(last)       # what was added goes to whoever spoke before it
        return counts

    def _voices(self, channel: int) -> list[str]:
        both = zip(self.truth.transcript.turns, self.truth.voices, strict=True)
        return [voice for turn, voice in both if self.truth.mono or turn.channel == channel]

    def attribution(self) -> Counter[tuple[str, str]]:
        """How many characters heard rightly were said by the first and given to the second."""
        return Counter((said[pair.said].speaker, heard[pair.heard].speaker)
                       for said, heard, pairs in self.parts for pair in pairs
                       if pair.said is not None and pair.heard is not None and right(pair, said, heard))

    def invented(self) -> tuple[int, float]:
        """Characters heard where nobody speaks (and not heard rightly), and seconds of such stretches, over the channels."""
        characters, seconds = 0, 0.0
        for channel, (said, heard, pairs) in zip(self.truth.channels, self.parts, strict=True):
            quiet = list(self.truth.quiet(channel))
            seconds += sum(end - start for start, end in quiet)
            characters += sum(
                any(start <= heard[pair.heard].time < end for start, end in quiet)
                for pair in pairs if pair.heard is not None and not right(pair, said, heard))
        return characters, seconds

    def interjections(self) -> Counter[str]:
        """Back-channels: `said`, `heard` (all their characters), `placed` (and given to who said them), over agent and customer."""
        counts: Counter[str] = Counter()
        for said, heard, pairs in self.parts:
            size = Counter(mark.turn for mark in said)
            got, placed = Counter[int](), Counter[int]()
            for pair in pairs:
                if pair.said is not None and pair.heard is not None and right(pair, said, heard):
                    got[said[pair.said].turn] += 1
                    placed[said[pair.said].turn] += said[pair.said].speaker == heard[pair.heard].speaker
            speakers = {mark.turn: mark.speaker for mark in said}
            for turn, characters in size.items():
                if characters <= SHORT and speakers[turn] in SIDES:
                    counts["said"] += 1
                    counts["heard"] += got[turn] == characters
                    counts["placed"] += placed[turn] == characters
        return counts


def word_diarisation(attributed: Counter[tuple[str, str]], named: bool = True) -> tuple[int, int]:
    """Characters given to another than who said them, and all that were heard rightly, of agent and customer.

    With `named` false the better of both ways to name the two counts: what telling voices apart costs, without the roles.
    """
    all_of = sum(count for (who, _), count in attributed.items() if who in SIDES)
    ways = permutations(SIDES) if not named else [SIDES]
    best = max(sum(attributed[who, given] for who, given in zip(SIDES, way, strict=True)) for way in ways)
    return all_of - best, all_of


def roles_right(attributed: Counter[tuple[str, str]]) -> bool | None:
    """Whether agent and customer are named right: more characters given right than swapped. None unless both were heard."""
    if not all(any(count for (who, _), count in attributed.items() if who == side) for side in SIDES):
        return None
    kept = sum(attributed[side, side] for side in SIDES)
    return kept > attributed["agent", "customer"] + attributed["customer", "agent"]


def diarisation(said: Iterable[Turn], heard: Iterable[Turn], seconds: float, collar: float = 0.0) -> tuple[float, float]:
    """(wrong, spoken) seconds: missed, false and confused time, speakers named the best way; overlaps count double.

    `collar` seconds on both sides of every true start and end are left out.
    """
    truth, found = _tracks(said, seconds), _tracks(heard, seconds)
    counted = np.ones(int(seconds / FRAME) + 1, bool)
    for turn in said if collar else ():
        for edge in (turn.start or 0.0, turn.end or 0.0):
            counted[max(0, round((edge - collar) / FRAME)):round((edge + collar) / FRAME)] = False
    true, got = np.stack(list(truth.values()))[:, counted], np.stack(list(found.values()))[:, counted]
    shared = (true[:, None] & got[None]).sum(2)
    right_time = shared[linear_sum_assignment(-shared)].sum()
    wrong = np.maximum(true.sum(0), got.sum(0)).sum() - right_time
    return float(wrong * FRAME), float(true.sum() * FRAME)


def _tracks(turns: Iterable[Turn], seconds: float) -> dict[str, np.ndarray]:
    tracks: dict[str, np.ndarray] = {}
    for turn in turns:
        track = tracks.setdefault(turn.speaker, np.zeros(int(seconds / FRAME) + 1, bool))
        track[round((turn.start or 0.0) / FRAME):round((turn.end or 0.0) / FRAME)] = True
    return tracks or {"": np.zeros(int(seconds / FRAME) + 1, bool)}


def reliability(pairs: Iterable[tuple[float, bool]], bins: int = 10) -> tuple[list[tuple[float, float, int, float, float]], float]:
    """Rows (from, to, words, mean confidence, share right) of the bins that hold words, and the expected calibration error:
    the mean distance of both, weighted by words. Words whose confidence is no number, as bare recognisers give them, are left out."""
    both = np.array([(sure, good) for sure, good in pairs if math.isfinite(sure)], float).reshape(-1, 2)
    place = np.clip((both[:, 0] * bins).astype(int), 0, bins - 1)
    rows = []
    for index in range(bins):
        inside = both[place == index]
        if len(inside):
            rows.append((index / bins, (index + 1) / bins, len(inside), float(inside[:, 0].mean()), float(inside[:, 1].mean())))
    error = sum(words * abs(sure - good) for _, _, words, sure, good in rows) / max(1, len(both))
    return rows, float(error)


def confidence_pairs(truth: Truth, heard: Sequence[Turn]) -> list[tuple[float, bool]]:
    """(confidence, right) of the words heard in a recording."""
    return call_word_pairs(truth.transcript.turns, heard)
