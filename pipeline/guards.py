"""Nothing invented survives: text that no voice can have said is taken out after recognition, and kept as Removals.

Recognisers trained on subtitles add thanks for watching over silence, repeat themselves, or squeeze a sentence into no
time at the end of a chunk. Every guard here is a plain function over the words and the sound's own facts (voice, level),
so it serves any recogniser. What real callers do repeat (对对对, 好的好的, 喂喂喂) stays.
"""
from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from models.recogniser import Segment
from models.voice_activity import STEP, Activity
from pipeline.music import BESIDE, MUSIC
from pipeline.speech import Heard
from pipeline.turns import simplified
from records import Removal, Word

FASTEST = 12.0          # characters a second; quick Mandarin speech has about 7, nobody says 12 for a whole phrase
PHRASE_GAP = 0.3        # seconds between phrases
SHORTEST_PHRASE = 6     # characters; a shorter phrase has too little time to measure its rate
NO_VOICE = 0.3          # voice probability that no window around a spoken word lies under
NEAR = 0.2              # seconds around a word in which its voice may lie: alignment is no better
LOOP_RATIO = 2.4        # Whisper's own limit of the compression ratio
NO_SPEECH, GUESS = 0.6, -1.0    # Whisper's own: more doubt that there is speech, and less likely tokens, is silence
WILD_GUESS = -1.6       # mean log probability under which nothing is right, whatever the doubt
UNSURE = 0.45           # mean confidence under which foreign words or a triple are an invention
BESIDE_GAP = 2.0        # seconds between phrases of one piece of music
NOT_SPOKEN = re.compile(r"[^0-9a-z一-鿿]")
FOREIGN = re.compile(r"[぀-ヿ가-힯Ѐ-ӿ؀-ۿ฀-๿]")
# What callers really say several times over; any other pair of characters said three times is a loop.
REPEATED = frozenset(" ".join((
    "对 是 好 嗯 喂 行 哦 啊 不 有 没 来 等 哎 哈 呵 早 快 走 请 嘿 噢 唉 零 幺 一 二",
    "三 四 五 六 七 八 九 好的 是的 对的 对啊 对呀 是啊 是呀 可以 谢谢 不是 没有 没事 知道",
    "等等 不要 拜拜 再见 您好 你好 行行 好好 对对 嗯嗯 喂喂 好吧 行吧 不用 不行 没错 明白 真的",
    "快点 稍等 在的 有的 不对 没关系 等一下 不好意思 不客气 知道了 可以的",
)).split())
NUMBER = re.compile(r"^[0-9零一二三四五六七八九十百千万亿幺两点%年月日号]+$")


class Taken(NamedTuple):
    """Words begin … end (indexes) of a chunk are taken out, and why."""

    begin: int
    end: int
    reason: str
    detail: str = ""


Guard = Callable[[Sequence[Word], Segment, Activity], Iterable[Taken]]


def guard(heard: Sequence[Heard], activity: Activity, channel: int | None = None) -> tuple[list[Word], list[Removal]]:
    """What survives of a channel's words, in order, and what does not."""
    words: list[Word] = []
    removals: list[Removal] = []
    for each in heard:
        kept, removed = guard_chunk(each.words, each.segment, activity, channel)
        words += kept
        removals += removed
    return sorted(words, key=lambda word: word.start), removals     # a second look lies between the words of the first


def without_bleed(words: Sequence[Word], channel: int, leaked: Callable[[Sequence[Word], int], str]
                  ) -> tuple[list[Word], list[Removal]]:
    """What a stereo channel's own speaker said, and the phrases that are only the other channel's sound leaking in.

    Whole phrases are judged (`leaked` tells in words why one of a channel is a leak, see crosstalk.Crosstalk): single words are
    too short to be told from what the other speaker says at the same moment.
    """
    kept: list[Word] = []
    removals: list[Removal] = []
    for begin, end in _phrases(words):
        if why := leaked(words[begin:end], channel):
            removals.append(_removal(words[begin:end], channel, "bleed", why))
        else:
            kept += words[begin:end]
    return kept, removals


def without_music(words: Sequence[Word], channel: int, share: Callable[[float, float], float]) -> tuple[list[Word], list[Removal]]:
    """What is said rather than sung or played: phrases that are music, or lie beside one and are nearly music, go.

    `share` tells how much of the sound between two times (seconds) is music (see music.share).
    """
    phrases = list(_phrases(words))
    shares = [share(words[begin].start, words[end - 1].end) for begin, end in phrases]
    gone = [each >= MUSIC for each in shares]
    for order in (range(1, len(phrases)), range(len(phrases) - 2, -1, -1)):
        for at in order:
            beside = at - 1 if order.step > 0 else at + 1
            near = abs(words[phrases[max(at, beside)][0]].start - words[phrases[min(at, beside)][1] - 1].end) < BESIDE_GAP
            gone[at] = gone[at] or (gone[beside] and near and shares[at] >= BESIDE)
    kept: list[Word] = []
    removals: list[Removal] = []
    for (begin, end), music, much in zip(phrases, gone, shares, strict=True):
        if music:
            removals.append(_removal(words[begin:end], channel, "music", f"{much:.0%} of the sound stays on one pitch"))
        else:
            kept += words[begin:end]
    return kept, removals


def _removal(words: Sequence[Word], channel: int | None, reason: str, detail: str) -> Removal:
    return Removal(text="".join(word.text for word in words), start=words[0].start, end=words[-1].end, channel=channel,
                   reason=reason, detail=detail)


def guard_chunk(words: Sequence[Word], segment: Segment, activity: Activity,
                channel: int | None = None) -> tuple[list[Word], list[Removal]]:
    """One chunk's words through all guards, one after the other: each sees what the ones before it left."""
    left = list(words)
    removals: list[Removal] = []
    for check in GUARDS:
        for taken in sorted(check(left, segment, activity), reverse=True):
            gone = left[taken.begin:taken.end]
            if gone:
                removals.append(_removal(gone, channel, taken.reason, taken.detail))
                del left[taken.begin:taken.end]
    return left, sorted(removals, key=lambda removal: removal.start)


def silence(words: Sequence[Word], segment: Segment, activity: Activity) -> Iterator[Taken]:
    """A chunk that the recogniser itself takes for silence, or only guesses at."""
    if (segment.no_speech_prob > NO_SPEECH and segment.avg_logprob < GUESS) or segment.avg_logprob < WILD_GUESS:
        doubt = f"log probability {segment.avg_logprob:.2f}, no speech {segment.no_speech_prob:.2f}"
        yield Taken(0, len(words), "guess", doubt)


def known_inventions(words: Sequence[Word], segment: Segment, activity: Activity) -> Iterator[Taken]:
    """Phrases of subtitles, the prompt given back, boilerplate in English."""
    text, owner = _letters(words)
    end = -1
    for reason, pattern in _patterns():
        for match in pattern.finditer(text):
            if match.start() >= end and match.group():
                end = match.end()
                yield Taken(owner[match.start()], owner[match.end() - 1] + 1, reason)
        end = -1


def foreign(words: Sequence[Word], segment: Segment, activity: Activity) -> Iterator[Taken]:
    """Other scripts (kana, hangul, Cyrillic …), and phrases of unsure English words: a Mandarin call has no such
    sentences."""
    for begin, end in _phrases(words):
        text = "".join(word.text for word in words[begin:end])
        if len(FOREIGN.findall(text)) * 2 > len(NOT_SPOKEN.sub("", text)):
            yield Taken(begin, end, "foreign")
        elif _english(text) and _sure(words[begin:end]) < UNSURE:
            yield Taken(begin, end, "foreign", "unsure English")


def _english(text: str) -> bool:
    return len(re.findall(r"[A-Za-z]{2,}", text)) >= 3 and not re.search("[一-鿿]", text)


def loops(words: Sequence[Word], segment: Segment, activity: Activity) -> Iterator[Taken]:
    """Repetitions that no caller makes; the first time stays if it was heard with some certainty."""
    text, owner = _letters(words)
    at = 0
    while at < len(text):
        length, times = _repetition(text, at)
        unit = text[at:at + length]
        first, last = owner[at], owner[at + length * times - 1] + 1 if times else 0
        if times and too_often(unit, times, _sure(words[first:last])):
            begin = owner[at + length] if _sure(words[first:last]) >= UNSURE else first
            yield Taken(begin, last, "loop", f"{unit} × {times}")
            at += length * times
        else:
            at += 1


def too_often(unit: str, times: int, confidence: float) -> bool:
    """Whether a unit of characters said so many times in a row is a loop."""
    if NUMBER.match(unit):
        return (len(unit) == 1 and times > 8) or (len(unit) > 1 and times > 5)
    if unit in REPEATED or len(unit) == 1:
        return times > (10 if unit in REPEATED else 6)
    if len(unit) <= 3:
        return times >= 3 and (times > 3 or confidence < 0.8 or len(unit) == 2)
    return times >= 3


def _repetition(text: str, at: int) -> tuple[int, int]:
    """The repeated unit that begins at `at` and covers most: (its length, how often), (0, 0) if nothing is repeated."""
    best = (0, 0)
    for length in range(1, min(20, (len(text) - at) // 2) + 1):
        unit, times = text[at:at + length], 1
        while text.startswith(unit, at + length * times):
            times += 1
        if times > 1 and length * times > best[0] * best[1]:
            best = (length, times)
    return best


def compressed(words: Sequence[Word], segment: Segment, activity: Activity) -> Iterator[Taken]:
    """Long text that still compresses like a loop after the plain loops are out: a loop with variations."""
    from models.whisper import compression_ratio

    text, _ = _letters(words)
    if len(text) >= 30 and (ratio := compression_ratio(text)) > LOOP_RATIO:
        yield Taken(0, len(words), "loop", f"compression ratio {ratio:.2f}")


def without_voice(words: Sequence[Word], segment: Segment, activity: Activity) -> Iterator[Taken]:
    """Words around whose time no voice is."""
    begin = None
    for index, word in enumerate([*words, None]):
        silent = word is not None and _loudest_voice(word, activity) < NO_VOICE
        if silent and begin is None:
            begin = index
        elif not silent and begin is not None:
            yield Taken(begin, index, "no_voice")
            begin = None


def _loudest_voice(word: Word, activity: Activity) -> float:
    part = activity.probability[activity.slice(word.start - NEAR, word.end + NEAR)]
    return float(part.max()) if len(part) else 0.0


def too_fast(words: Sequence[Word], segment: Segment, activity: Activity) -> Iterator[Taken]:
    """Phrases faster than anyone speaks, by all the voice between the phrase before and the one after; at a chunk's end
    that is the invented last sentence."""
    phrases = list(_phrases(words))
    voiced = activity.probability >= 0.35
    for number, (begin, end) in enumerate(phrases):
        text, _ = _letters(words[begin:end])
        if len(text) < SHORTEST_PHRASE:
            continue
        start = words[begin - 1].end if number else words[begin].start - NEAR
        stop = words[end].start if end < len(words) else words[end - 1].end + NEAR
        seconds = float(voiced[activity.slice(start, stop)].sum()) * STEP
        if seconds and len(text) > FASTEST * seconds:
            reason = "after_voice" if end == len(words) else "impossible_rate"
            yield Taken(begin, end, reason, f"{len(text)} characters in {seconds:.2f} s")


def _phrases(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Runs of words (indexes) without a pause or a closing mark inside."""
    begin = 0
    for index in range(1, len(words) + 1):
        if index == len(words) or words[index].start - words[index - 1].end >= PHRASE_GAP or (
                words[index - 1].text[-1:] in tuple("。？！.?!，,")):
            yield begin, index
            begin = index


def _letters(words: Sequence[Word]) -> tuple[str, list[int]]:
    """The spoken characters, simplified and in lower case, and for each the index of its word."""
    text: list[str] = []
    owner: list[int] = []
    for index, word in enumerate(words):
        letters = NOT_SPOKEN.sub("", simplified(word.text).lower())
        text.append(letters)
        owner += [index] * len(letters)
    return "".join(text), owner


def _sure(words: Sequence[Word]) -> float:
    known = [word.confidence for word in words if word.confidence is not None]
    return float(np.mean(known)) if known else 1.0


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    rows = (files("pipeline") / "invented.txt").read_text("utf-8").splitlines()
    parted = [row.split("\t") for row in rows if row and not row.startswith("#")]
    return tuple((reason, re.compile(pattern)) for reason, pattern in parted)


# In this order: what is known for an invention first, so that its reason is the telling one.
GUARDS: tuple[Guard, ...] = (known_inventions, foreign, loops, compressed, silence, too_fast, without_voice)
