"""Whether a rule's verdicts may still be confirmed unread, from how often reviewers agreed with it.

A share of few reviews says little, so its interval decides (Wilson 1927, 95 %): a rule loses trust only when even the
optimistic end lies under the threshold, and wins it back only when even the cautious end reaches it. Between the two nothing
changes; chance alone does not move a rule back and forth.
"""
from __future__ import annotations

from typing import Literal, NamedTuple

from insight.estimates import wilson


class Trust(NamedTuple):
    """`share` of agreement with its interval; `says`: "lost", "won", or None where it stays as it was."""

    share: float
    low: float
    high: float
    says: Literal["lost", "won"] | None


def trust(agreed: int, decided: int, threshold: float, least: int) -> Trust | None:
    """None without a decided verdict; under `least` of them nothing is said."""
    if not decided:
        return None
    low, high = wilson(agreed, decided)
    says = None if decided < least else "lost" if high < threshold else "won" if low >= threshold else None
    return Trust(agreed / decided, low, high, says)
