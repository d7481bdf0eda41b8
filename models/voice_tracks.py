"""From stretches of speech to who speaks in each frame: short windows are embedded and grouped, the nearest one decides."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.diariser import RATE, Print
from models.voice_groups import group
from models.voiceprint import Voiceprint

# Measured by bench/diarisation.py: half the hop costs twice the time and confuses no fewer speakers.
WINDOW, HOP = 1.5, 1.0      # seconds: what one embedding hears, and from one to the next
STEP = 0.02                 # seconds of a frame
SAME_VOICE = 0.85           # cosine of two ECAPA centroids from which they are one voice

Stretch = tuple[int, int]   # first sample and one past the last


class Tracks(NamedTuple):
    """`speaks` is boolean (speakers, frames of STEP), at most one speaker in a frame; `centroids` (speakers, dimension);
    `prints` are the windows' embeddings."""

    speaks: np.ndarray
    centroids: np.ndarray
    prints: tuple[Print, ...] = ()


def follow(voices: Voiceprint, samples: np.ndarray, stretches: list[Stretch], speakers: int) -> Tracks:
    """Who of at most `speakers` voices speaks in each frame of the given stretches of speech, 16 kHz samples."""
    numbered = [(window, number) for number, stretch in enumerate(stretches) for window in _windows(*stretch)]
    windows = [window for window, _ in numbered]
    total = len(samples) // round(STEP * RATE) + 1
    if not windows:
        return Tracks(np.zeros((0, total), bool), np.zeros((0, 1), np.float32))
    vectors = voices.embed([samples[start:end] for start, end in windows])
    seconds = np.array([(end - start) / RATE for start, end in windows])
    sure = seconds >= voices.shortest
    groups = group(vectors, np.where(sure, seconds, 0.0) if sure.any() else seconds, speakers,
                   same_voice=SAME_VOICE if voices.name == "ecapa" else 2.0)
    likest = _score(windows, vectors @ groups.centroids.T, total).argmax(0)
    prints = tuple(Print(start / RATE, end / RATE, number, vector)
                   for ((start, end), number), vector in zip(numbered, vectors, strict=True))
    return Tracks((likest == np.arange(len(groups.centroids))[:, None]) & frames_of(stretches, total), groups.centroids, prints)


def frames_of(stretches: list[Stretch], total: int) -> np.ndarray:
    """Boolean track of `total` frames: inside a stretch or not."""
    frame = round(STEP * RATE)
    inside = np.zeros(total, bool)
    for start, end in stretches:
        inside[start // frame:end // frame + 1] = True
    return inside


def _windows(start: int, end: int) -> list[Stretch]:
    """A stretch as overlapping windows; one that is hardly longer than a window is a window by itself."""
    window, hop = round(WINDOW * RATE), round(HOP * RATE)
    if end - start <= window + hop // 2:
        return [(start, end)]
    return [(first, first + window) for first in [*range(start, end - window - hop // 4, hop), end - window]]


def _score(windows: list[Stretch], likeness: np.ndarray, total: int) -> np.ndarray:
    """Likeness (windows, speakers) spread over frames: a window knows most about its middle."""
    frame = round(STEP * RATE)
    score = np.zeros((likeness.shape[1], total))
    for (start, end), cosines in zip(windows, likeness, strict=True):
        first, last = start // frame, min(total, end // frame + 1)
        score[:, first:last] += cosines[:, None] * np.hanning(last - first + 2)[1:-1]
    return score
