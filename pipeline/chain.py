"""A chain of phrases, each of one of two speakers: how likely each is whose, and the likeliest course of the whole.

`odds` (n,) are the log odds of the first speaker for each phrase by itself, `changes` (n - 1,) those of a change of speaker
between neighbours.
"""
from __future__ import annotations

import numpy as np


def likely(odds: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Probability (n,) that each phrase is the first speaker's, all others considered (forward-backward)."""
    own, stay, change = _logs(odds, changes)
    forward, backward = np.zeros_like(own), np.zeros_like(own)
    forward[0] = own[0]
    for at in range(1, len(own)):
        forward[at] = own[at] + np.logaddexp(forward[at - 1] + stay[at - 1], forward[at - 1, ::-1] + change[at - 1])
    for at in range(len(own) - 2, -1, -1):
        onward = own[at + 1] + backward[at + 1]
        backward[at] = np.logaddexp(onward + stay[at], onward[::-1] + change[at])
    both = forward + backward
    return np.exp(both[:, 0] - np.logaddexp(both[:, 0], both[:, 1]))


def course(odds: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """The likeliest course (Viterbi): True (n,) where the first speaker speaks."""
    own, stay, change = _logs(odds, changes)
    best, came = own.copy(), np.zeros(own.shape, bool)
    for at in range(1, len(own)):
        kept, turned = best[at - 1] + stay[at - 1], best[at - 1, ::-1] + change[at - 1]
        came[at] = turned > kept
        best[at] += np.maximum(kept, turned)
    state = int(best[-1].argmax())
    states = [state]
    for at in range(len(own) - 1, 0, -1):
        state ^= int(came[at, state])
        states.append(state)
    return np.array(states[::-1]) == 0


def weight(first: np.ndarray, odds: np.ndarray, changes: np.ndarray) -> float:
    """Log probability of a course (n,) of True and False."""
    own, stay, change = _logs(odds, changes)
    turned = first[1:] != first[:-1]
    return float(np.where(first, own[:, 0], own[:, 1]).sum() + np.where(turned, change, stay).sum())


def _logs(odds: np.ndarray, changes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log probabilities of both speakers (n, 2), of staying and of changing (n - 1,)."""
    return -np.logaddexp(0, np.stack([-odds, odds], axis=1)), -np.logaddexp(0, changes), -np.logaddexp(0, -changes)
