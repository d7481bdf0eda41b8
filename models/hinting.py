"""Words that a call may well hold, given to Whisper as what was said before, and the proof that it did not just repeat them.

Whisper writes on from the text that it is told came before. Told the company's and the people's names it spells them as they
are spelt; on sound that it cannot make out it may also write the told text itself. So a chunk whose text is mostly told words
is decoded again without them (Whisper._again), and what is heard then counts.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

MOST_TOKENS = 80        # of hints before a chunk: each is read once a chunk, and a long list makes Whisper write lists
ECHOED = 0.5            # share of a text's characters that are told words, from which it may be an echo
MARKS = re.compile("[，。、；,.;]")
LETTERS = re.compile(r"[^0-9a-z一-鿿]")


def opening(hints: Iterable[str]) -> str:
    """The hints as one text to come before, empty for none."""
    told = list(dict.fromkeys(hint.strip() for hint in hints if hint.strip()))
    return "。".join(told) + "。" if told else ""


def echoes(text: str, hints: Sequence[str]) -> bool:
    """Whether `text` may be the hints given back: at least two of them, or one that stands nearly alone, make up most of it."""
    said = LETTERS.sub("", text.lower())
    parts = [part for hint in hints for part in MARKS.split(hint.lower())]
    told = sorted({letters for part in parts if (letters := LETTERS.sub("", part))}, key=len, reverse=True)
    if not said or not told:
        return False
    left = said
    for hint in told:
        left = left.replace(hint, "")
    return 1 - len(left) / len(said) >= ECHOED
