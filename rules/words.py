"""Patterns over segmented words: spaCy's Matcher over jieba's words, only for turns that some phrase has pointed to."""
from __future__ import annotations

import json
import logging
import re
from functools import cache
from typing import Any

import jieba
from spacy.lang.zh import Chinese
from spacy.language import Language
from spacy.matcher import Matcher


@cache
def _language() -> Language:
    jieba.setLogLevel(logging.WARNING)
    return Chinese.from_config({"nlp": {"tokenizer": {"segmenter": "jieba"}}})


@cache
def _matcher(patterns: str) -> Matcher:
    matcher = Matcher(_language().vocab, validate=True)
    matcher.add("words", json.loads(patterns))
    return matcher


ALLOWED = frozenset({"TEXT", "LOWER", "LENGTH", "OP"})
ORDINARY = ("好的", "嗯", "我想问一下这个月的费用", "三十块钱", "您稍等", "没有了谢谢")
"""Turns of any call; a pattern that is found in all of them says nothing."""


def check(patterns: list[list[dict[str, Any]]]) -> None:
    """Raise ValueError where a pattern is none, asks for what segmented words do not have, or matches any words."""
    for pattern in patterns:
        for token in pattern:
            if other := sorted(set(token) - ALLOWED):
                raise ValueError(f"{', '.join(other)} is not known of jieba's words; use TEXT, LOWER, LENGTH and OP")
    try:
        _matcher(json.dumps(patterns, ensure_ascii=False))
        everywhere = all(find(patterns, text) for text in ORDINARY)
    except re.error as error:
        raise ValueError(f"REGEX is not a regular expression: {error}") from error
    if everywhere:
        raise ValueError("it matches any words, so every call; make it say more")


def find(patterns: list[list[dict[str, Any]]], text: str) -> list[tuple[int, int]]:
    """Character spans of all matches in `text`."""
    document = _language().make_doc(text)
    spans = _matcher(json.dumps(patterns, ensure_ascii=False))(document, as_spans=True)
    return [(span.start_char, span.end_char) for span in spans]
