"""Words to turns: who said what from when to when, in simplified characters, punctuated.

A turn ends when its speaker pauses for long or the other one says something in between. Turns of two speakers may overlap: a
word belongs to its own speaker's turn, also while the other one talks.
"""
from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from records import Speaker, Turn, Word

PAUSE = 0.8             # seconds of silence that end a turn
BREATH = 0.35           # seconds of silence that stand as a comma
LONGEST = 60.0          # seconds; a monologue is cut at its next comma
BACKCHANNEL = 3         # characters; an interjection of the other no longer than this does not cut a turn in two
ENDS, COMMAS = "。？！…?!", "，、；：,"
HALF_WIDTH = {",": "，", ".": "。", "?": "？", "!": "！", ":": "：", ";": "；"}
MARKS = re.compile(r"(?<![0-9])[,.?!:;]|[,.?!:;](?![0-9])")      # a point between digits belongs to the number
# What makes a sentence a question although nobody wrote a question mark.
ASKING_ENDS = ("吗", "呢", "么", "吧", "没有", "是不是", "对不对", "好不好", "行不行", "可不可以")
ASKING = ("什么", "怎么", "多少", "哪里", "哪儿", "哪个", "几点", "为什么", "请问", "是不是", "能不能", "有没有", "可不可以")


class Said(NamedTuple):
    """A word and who said it, on which channel."""

    word: Word
    speaker: Speaker
    channel: int


@functools.cache
def _simplifier() -> Any:
    import opencc

    return opencc.OpenCC("t2s")


def simplified(text: str) -> str:
    """Traditional characters to simplified ones."""
    return _simplifier().convert(text)


def turns(said: Iterable[Said]) -> tuple[Turn, ...]:
    """Turns in order of their start."""
    groups = _groups(sorted(said, key=lambda each: (each.word.start, each.word.end)))
    made = [turn for group in groups if (turn := _turn(group))]
    return tuple(sorted(made, key=lambda turn: (turn.start or 0.0, turn.end or 0.0)))


def _groups(said: Sequence[Said]) -> list[list[Said]]:
    groups: list[list[Said]] = []
    open_groups: dict[tuple[int, Speaker], list[Said]] = {}
    for each in said:
        key = (each.channel, each.speaker)
        group = open_groups.get(key)
        if group is None or _ends(group, each, [other for k, other in open_groups.items() if k != key]):
            group = open_groups[key] = []
            groups.append(group)
        group.append(each)
    return groups


def _ends(group: list[Said], following: Said, others: list[list[Said]]) -> bool:
    """Whether `following` begins a new turn of the same speaker."""
    last, start = group[-1].word, following.word.start
    if start - last.end >= PAUSE:
        return True
    if last.end - group[0].word.start > LONGEST and last.text[-1:] in ENDS + COMMAS:
        return True
    # The other one took over in between, and not just with a 嗯.
    return any(last.end <= other[0].word.start and other[-1].word.end <= start + 0.2
               and sum(len(each.word.text) for each in other) > BACKCHANNEL for other in others)


def _turn(group: Sequence[Said]) -> Turn | None:
    words = [word for each in group if (word := _clean(each.word)).text]
    text = punctuated(words)
    if not text.strip(ENDS + COMMAS):
        return None
    start, end = words[0].start, max(word.end for word in words)
    sure = [word.confidence for word in words if word.confidence is not None]
    bare = tuple(word.model_copy(update={"text": bare_text}) for word in words
                 if (bare_text := word.text.strip(ENDS + COMMAS + " ")))
    return Turn(speaker=group[0].speaker, text=text, start=start, end=end, channel=group[0].channel, words=bare,
                confidence=round(sum(sure) / len(sure), 3) if sure else None)


def _clean(word: Word) -> Word:
    text = simplified(word.text).replace("�", "").lstrip("-—·")
    return word.model_copy(update={"text": text if text.isascii() else text.replace(" ", "")})


def punctuated(words: Sequence[Word]) -> str:
    """The words as text: their own punctuation where they have some, else by pauses and particles; always closed."""
    parts: list[str] = []
    for index, word in enumerate(words):
        parts.append(word.text)
        following = words[index + 1] if index + 1 < len(words) else None
        if following is not None and following.start - word.end >= BREATH and word.text[-1:] not in ENDS + COMMAS:
            parts.append("，")
    text = MARKS.sub(lambda mark: HALF_WIDTH[mark[0]], "".join(parts))
    text = text.strip().lstrip(ENDS + COMMAS).rstrip(COMMAS + " ")
    if text and text[-1] not in ENDS:
        text += "？" if asks(text) else "。"
    return text


def asks(text: str) -> bool:
    """Whether an unpunctuated sentence is a question, by its last clause."""
    clause = text
    for mark in ENDS + COMMAS:
        clause = clause.rsplit(mark, 1)[-1]
    return clause.endswith(ASKING_ENDS) or any(word in clause for word in ASKING)
