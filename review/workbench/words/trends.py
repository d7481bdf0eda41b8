"""The trends' place in the navigation; the page's own words are those of `tingjian trends` (review/trend_words.py)."""
from __future__ import annotations

from review.trend_words import WORDS as TREND_WORDS

WORDS: dict[str, tuple[str, str]] = {"trends": TREND_WORDS["trends"]}
