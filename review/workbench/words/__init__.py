"""The workbench's words in Chinese and English, a module a topic; what is in none is looked up in review/wording.py."""
from __future__ import annotations

from review.wording import Language
from review.wording import say as say_elsewhere
from review.workbench.words import api, appraisal, calibration, cases, figures, log, pages, trends, work

WORDS: dict[str, tuple[str, str]] = {**pages.WORDS, **api.WORDS, **work.WORDS, **calibration.WORDS, **cases.WORDS, **figures.WORDS, **log.WORDS, **trends.WORDS, **appraisal.WORDS}


def say(word: str | None, language: Language = "zh") -> str:
    """A word in the reader's language; what has no translation stays as it is."""
    pair = WORDS.get(word or "")
    return pair[language == "en"] if pair else say_elsewhere(word, language)
