"""What was heard beside what was said, character by character.

`marks` turns turns into a stream of comparable characters (normal.py), each with its time, speaker and word; `align` pairs two
streams at the lowest number of edits, never characters further apart than REACH seconds; `word_pairs` gives what a calibration of
word confidences needs.

Times of single characters are proportional within a turn (within a word where words have times): the times of turns are exact,
those of the words inside are not, and nothing here depends on them by more than REACH.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from bench.speech.normal import normal
from records import Turn, Word

REACH = 5.0         # seconds: a character heard further away than this from where it was said is another one
INTERJECTION = 3    # characters: a turn no longer than this stands inside the turn that it interrupts, not after it
FAR = 1_000_000


class Mark(NamedTuple):
    """One comparable character: when, by whom, in which word (index over all words of the stream), how sure."""

    text: str
    time: float
    speaker: str
    turn: int
    word: int = -1
    confidence: float | None = None


class Pair(NamedTuple):
    """Places in the two streams that stand for each other; None where one has nothing."""

    said: int | None
    heard: int | None


def marks(turns: Iterable[Turn]) -> list[Mark]:
    """The characters of `turns` in the order in which they were said, interjections where they fell."""
    stream: list[Mark] = []
    words = 0
    for index, turn in sorted(enumerate(turns), key=lambda each: each[1].start or 0.0):
        mine, words = _of_turn(turn, index, words)
        if not mine:
            continue
        place = len(stream)
        if len(mine) <= INTERJECTION:
            while place and stream[place - 1].time > mine[0].time:
                place -= 1
        stream[place:place] = mine
    return stream


def _of_turn(turn: Turn, index: int, words: int) -> tuple[list[Mark], int]:
    start = turn.start or 0.0
    pieces = list(turn.words)
    worded = bool(pieces) and normal("".join(word.text for word in pieces)).text == normal(turn.text).text
    if not worded:      # no words, or a text that was put right after them: the text counts
        pieces = [Word(text=turn.text, start=start, end=turn.end if turn.end is not None else start)]
    owner = [number for number, word in enumerate(pieces) for _ in word.text]
    offset = [place for word in pieces for place in range(len(word.text))]
    found = normal("".join(word.text for word in pieces))
    out = []
    for letter, place in zip(found.text, found.origin, strict=True):
        word = pieces[owner[place]]
        share = (offset[place] + 0.5) / len(word.text)
        out.append(Mark(letter, word.start + share * (word.end - word.start), turn.speaker, index,
                        words + owner[place] if worded else -1, word.confidence))
    return out, words + len(turn.words)


def align(said: Sequence[Mark], heard: Sequence[Mark], reach: float = REACH) -> list[Pair]:
    """Pairs of equal or mistaken characters, deletions (heard None) and insertions (said None), in order.

    The alignment has the lowest number of edits among those that pair nothing more than `reach` seconds apart.
    """
    rows, columns = len(said), len(heard)
    letters = np.array([ord(mark.text) for mark in heard], np.int64)
    times = np.array([mark.time for mark in heard], float)
    places = np.arange(columns + 1)
    cost = np.empty((rows + 1, columns + 1), np.int32)
    cost[0] = places
    for row, mark in enumerate(said, 1):
        step = np.where(letters == ord(mark.text), 0, 1) + np.where(np.abs(times - mark.time) > reach, FAR, 0)
        best = np.minimum(cost[row - 1, :-1] + step, cost[row - 1, 1:] + 1)
        best = np.concatenate(([row], best))
        # an insertion costs one more than its left neighbour: a running minimum of (cost - place)
        cost[row] = np.minimum.accumulate(best - places) + places
    pairs = []
    row, column = rows, columns
    while row or column:
        here = cost[row, column]
        if row and column:
            one, other = said[row - 1], heard[column - 1]
            near = abs(one.time - other.time) <= reach
            if near and here == cost[row - 1, column - 1] + (one.text != other.text):
                row, column = row - 1, column - 1
                pairs.append(Pair(row, column))
                continue
        if column and here == cost[row, column - 1] + 1:
            column -= 1
            pairs.append(Pair(None, column))
        else:
            row -= 1
            pairs.append(Pair(row, None))
    return pairs[::-1]


def right(pair: Pair, said: Sequence[Mark], heard: Sequence[Mark]) -> bool:
    """Whether the pair is a character heard as it was said."""
    return pair.said is not None and pair.heard is not None and said[pair.said].text == heard[pair.heard].text


def word_pairs(said: Iterable[Turn], heard: Iterable[Turn]) -> list[tuple[float, bool]]:
    """(confidence, right) of every heard word that has a confidence: right when all its characters were said there.

    `said` are the true turns of the same sound (of one channel when the recording is stereo: align channel by channel), `heard`
    what a recogniser made of it, with words. Words of marks alone are left out.
    """
    truth, found = marks(said), marks(heard)
    good: dict[int, bool] = {}
    sure: dict[int, float] = {}
    for pair in align(truth, found):
        if pair.heard is None:
            continue
        mark = found[pair.heard]
        if mark.word < 0 or mark.confidence is None:
            continue
        sure[mark.word] = mark.confidence
        good[mark.word] = good.get(mark.word, True) and right(pair, truth, found)
    return [(sure[word], good[word]) for word in sorted(sure)]


def call_word_pairs(said: Sequence[Turn], heard: Sequence[Turn]) -> list[tuple[float, bool]]:
    """`word_pairs` of a call: channel by channel when the true turns lie on two channels, else all together."""
    channels = {turn.channel for turn in said}
    if len(channels) < 2:
        return word_pairs(said, heard)
    return [pair for channel in sorted(channels, key=str)
            for pair in word_pairs([turn for turn in said if turn.channel == channel],
                                   [turn for turn in heard if turn.channel == channel])]
