"""Whose voice a phrase sounds like, when some of the call's phrases are believed to be the agent's and others the customer's.

Nothing is known of the voices beforehand and no cosine is good or bad in itself: each stretch of sound is compared with all the
others of the same call, the sides by what is believed of them so far, and how far that comparison separates the two sides in
this call says what it is worth. Alike voices thus count little and leave the decision to the words, clear ones decide. A side
may have several voices (a colleague takes over): it is the nearest ones that count.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.diariser import Print

CONTRAST = 8.0          # how much more a voice with a cosine one higher counts, as a power of e
APART = 1.6             # seconds between middles from which on two stretches share no sound
MOST = 1500             # stretches that others are compared with: of longer calls every n-th
SECONDS = 1.5           # of sound behind one independent judgement of a voice
SURE = 4.0              # log odds that a single stretch of sound says at most
FEWEST = 0.8            # seconds of each side below which there is nothing to compare with


class Likeness:
    """Compares stretches of sound (Print) for phrases (start, end; seconds), both of one call."""

    def __init__(self, prints: Sequence[Print], phrases: Sequence[tuple[float, float]]) -> None:
        begin, end = (np.array([each[side] for each in prints]).reshape(-1, 1) for side in (0, 1))
        first, last = (np.array([each[side] for each in phrases]) for side in (0, 1))
        self._shared = np.clip(np.minimum(last, end) - np.maximum(first, begin), 0, None)       # (prints, phrases), seconds
        self._seconds = np.minimum((end - begin)[:, 0], self._shared.sum(axis=1))
        self._some = np.arange(0, len(prints), max(1, -(-len(prints) // MOST)))
        if len(prints):
            vectors = np.stack([each.vector for each in prints]).astype(np.float32)
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
            middle = (begin + end)[:, 0] / 2
            self._near = np.exp(CONTRAST * (vectors @ vectors[self._some].T - 1))
            self._near[np.abs(middle[:, None] - middle[self._some]) < APART] = 0

    def odds(self, agent: np.ndarray) -> tuple[np.ndarray, float]:
        """For each phrase the log odds that its voice is the agent's side's, given how likely (0 to 1) each phrase is the agent's
        as far as is known; and how much better two sides explain the sound than one (nats)."""
        phrases = self._shared.shape[1]
        share = self._shared @ agent / np.maximum(self._shared.sum(axis=1), 1e-9)
        weights = np.stack([self._seconds * share, self._seconds * (1 - share)])
        if weights.sum() == 0 or weights.sum(axis=1).min() < FEWEST:
            return np.zeros(phrases), 0.0
        known = weights[:, self._some]
        sides = np.log(self._near @ known.T + 1e-9) - np.log(known.sum(axis=1) + 1e-9)
        score = sides[:, 0] - sides[:, 1]
        mean = weights @ score / weights.sum(axis=1)
        spread = float((weights * (score - mean[:, None]) ** 2).sum() / weights.sum()) + 1e-6
        if mean[0] <= mean[1]:
            return np.zeros(phrases), 0.0
        odds = np.clip((mean[0] - mean[1]) * (score - mean.mean()) / spread, -SURE, SURE)
        total = weights.sum(axis=0)
        overall = float(total @ (score - total @ score / total.sum()) ** 2 / total.sum()) + 1e-6
        return self._shared.T @ odds / SECONDS, 0.5 * float(np.log(overall / spread) * total.sum()) / SECONDS
