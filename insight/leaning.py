"""Whether a reviewer scores steadily higher or lower than the reference (the median of all, or a gold card), and how surely.

domain.md section 4 asks that such a reviewer be found. One strict card is chance, so three things must come together: every one
of the last sessions points the same way, the 95 % interval of the mean difference leaves zero out, and the mean is large
enough to matter.
"""
from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import Literal, NamedTuple

SESSIONS = 3            # the last ones that are weighed
LEAST_SESSIONS = 2      # "steadily" needs more than one


class Leaning(NamedTuple):
    """Mean difference in points over `calls` calls of the last sessions, its 95 % interval (None below two calls), and whether it is steady."""

    mean: float
    low: float | None
    high: float | None
    calls: int
    sessions: int
    steady: Literal["high", "low"] | None


def leaning(sessions: Sequence[Sequence[float]], points: float) -> Leaning | None:
    """`sessions`: a reviewer's differences to the reference, call by call, the newest session last; `points` the least mean
    that counts. None without a difference."""
    weighed = [session for session in sessions if session][-SESSIONS:]
    differences = [one for session in weighed for one in session]
    if not differences:
        return None
    mean = fmean(differences)
    low, high = _interval(differences)
    same_way = len({fmean(session) > 0 for session in weighed}) == 1
    steady = (len(weighed) >= LEAST_SESSIONS and same_way and abs(mean) >= points
              and low is not None and high is not None and (low > 0 or high < 0))
    return Leaning(mean, low, high, len(differences), len(weighed), ("high" if mean > 0 else "low") if steady else None)


def _interval(differences: list[float]) -> tuple[float | None, float | None]:
    """Student's 95 % interval of the mean."""
    from scipy.stats import t  # loads for half a second, and only calibration needs it

    if len(differences) < 2:
        return None, None
    mean, half = fmean(differences), float(t.ppf(0.975, len(differences) - 1)) * stdev(differences) / sqrt(len(differences))
    return mean - half, mean + half
