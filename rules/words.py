"""Patterns over segmented words: spaCy's Matcher over jieba's words, only for turns that some phrase has pointed to."""
from __future__ import annotations

import json
import logging
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


def check(patterns: list[list[dict[str, Any]]]) -> None:
    """Raise ValueError, spaCy's, where a pattern is not one."""
    _matcher(json.dumps(patterns, ensure_ascii=False))


def find(patterns: list[list[dict[str, Any]]], text: str) -> list[tuple[int, int]]:
    """Character spans of all matches in `text`."""
    document = _language().make_doc(text)
    spans = _matcher(json.dumps(patterns, ensure_ascii=False))(document, as_spans=True)
    return [(span.start_char, span.end_char) for span in spans]
