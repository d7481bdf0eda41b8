"""Simulated recognition noise: what recognisers do to Chinese, seeded, on transcripts that were clean.

`rate` is the expected number of wrong characters (put for another, dropped, or added) per Chinese character, so about the
character error rate. The mix follows what base and small Whisper do on telephone speech: most errors keep the sound, the
rest are near-sounds of southern speakers, dropped particles, fillers and stutters. On top of it, scaling with the rate,
come changes that are no character errors once numerals and script are unified: punctuation lost or moved, stretches in
traditional characters, numbers written the other way (8023, 八零二三, 八洞二三). Only texts change; times, speakers and all
metadata stay.

The same (text, seed, call_id, rate) always gives the same noise on the same version of jieba's dictionary and pypinyin.
"""
from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

import jieba
from opencc import OpenCC
from pypinyin import Style, lazy_pinyin, pinyin

from records import Problem, Transcript, Turn, Word

KINDS = {"homophone": 0.50, "near": 0.20, "drop": 0.14, "stutter": 0.08, "filler": 0.08}
PARTICLES = frozenset("的了啊呢吧吗呀嘛哦嗯呃就那")  # what recognisers swallow first: short, unstressed
PARTICLE_DROP = 6.0       # how much likelier a particle is dropped than another character
FILLERS = ("嗯", "啊", "呃", "哦", "那", "就")
PUNCTUATION = frozenset("，。？！、；：,.?!;:…")
TURN_UNPUNCTUATED = 4.0   # times the rate: share of turns that lose all punctuation, as whole Whisper segments do
MARK_TOUCHED = 2.0        # times the rate: share of the remaining marks lost or moved
TRADITIONAL_RUN = 1.0     # times the rate: share of turns with a stretch in traditional characters
NUMBER_REWRITTEN = 4.0    # times the rate: share of numbers written the other way
LEAST_FREQUENCY = 2000    # a character of jieba's dictionary rarer than this never stands for another; some 2,600 remain
READINGS = {"0": "零洞", "1": "一幺", "2": "二两", "3": "三", "4": "四", "5": "五", "6": "六",
            "7": "七拐", "8": "八", "9": "九勾"}
FIGURES = {"零": "0", "〇": "0", "洞": "0", "一": "1", "幺": "1", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6",
           "七": "7", "拐": "7", "八": "8", "九": "9", "勾": "9"}
SPOKEN_OTHERWISE = 0.25   # share of 0, 1, 2, 7, 9 read as radio figures when a number is spelt out
# Initials and finals that speakers and recognisers confuse, both ways.
INITIALS = (("n", "l"), ("zh", "z"), ("ch", "c"), ("sh", "s"), ("f", "h"), ("r", "l"))
FINALS = (("ing", "in"), ("eng", "en"), ("ang", "an"))


def noisy(transcript: Transcript, rate: float, seed: int) -> Transcript:
    """The transcript with noise in its texts (and in word texts, kept in step). Rate 0 gives it back unchanged.

    Raises Problem for a rate outside 0 to 1.
    """
    if not 0 <= rate <= 1:
        raise Problem(f"The noise rate is {rate}; it is a share of characters and lies between 0 and 1, such as 0.1")
    if rate == 0:
        return transcript
    draw = random.Random(f"{seed}:{transcript.call_id}:{rate:g}")
    return transcript.model_copy(update={"turns": tuple(_noisy_turn(turn, rate, draw) for turn in transcript.turns)})


def _noisy_turn(turn: Turn, rate: float, draw: random.Random) -> Turn:
    pieces = list(turn.text)
    fixed = _rewrite_numbers(pieces, rate, draw)
    _misrecognise(pieces, turn.text, fixed, rate, draw)
    _shake_punctuation(pieces, turn.text, rate, draw)
    _traditional_run(pieces, rate, draw)
    return turn.model_copy(update={"text": "".join(pieces), "words": tuple(_words_in_step(turn, pieces))})


def _rewrite_numbers(pieces: list[str], rate: float, draw: random.Random) -> set[int]:
    """Spells Arabic numbers out and writes spelt ones (three figures and more) in Arabic; returns the places rewritten."""
    done: set[int] = set()
    for figures, arabic, least in ((READINGS, True, 1), (FIGURES, False, 3)):
        for inside, group in groupby(range(len(pieces)), key=lambda at, known=figures: pieces[at] in known):
            run = [at for at in group if at not in done]
            if inside and len(run) >= least and draw.random() < NUMBER_REWRITTEN * rate:
                for at in run:
                    pieces[at] = _spelt(pieces[at], draw) if arabic else FIGURES[pieces[at]]
                done.update(run)
    return done


def _spelt(figure: str, draw: random.Random) -> str:
    plain, *others = READINGS[figure]
    return draw.choice(others) if others and draw.random() < SPOKEN_OTHERWISE else plain


def _misrecognise(pieces: list[str], text: str, fixed: set[int], rate: float, draw: random.Random) -> None:
    """The character errors: each Chinese character goes wrong with probability `rate`, in a kind possible there."""
    sounds = _sounds(text)
    for at, character in enumerate(text):
        if not _is_chinese(character) or at in fixed or draw.random() >= rate:
            continue
        options = _options(character, sounds[at])
        kind = draw.choices(list(options), weights=[weight for weight, _ in options.values()])[0]
        results = options[kind][1]
        pieces[at] = draw.choices(list(results), weights=list(results.values()))[0]


def _options(character: str, sound: str) -> dict[str, tuple[float, dict[str, float]]]:
    """What may become of a character: kind → (weight, outcome → weight). Kinds without an outcome are left out."""
    table = _characters_by_sound()
    near = {other: weight for variant in sorted(_near_sounds(sound)) for other, weight in table.get(variant, {}).items()}
    same = table.get(sound, {})
    drop = KINDS["drop"] * (PARTICLE_DROP if character in PARTICLES else 1.0)
    found = {
        "homophone": (KINDS["homophone"], {other: weight for other, weight in same.items() if other != character}),
        "near": (KINDS["near"], {other: weight for other, weight in near.items() if other != character}),
        "drop": (drop, {"": 1.0}),
        "stutter": (KINDS["stutter"], {character * 2: 1.0}),
        "filler": (KINDS["filler"], {filler + character: 1.0 for filler in FILLERS}),
    }
    return {kind: option for kind, option in found.items() if option[1]}


def _shake_punctuation(pieces: list[str], text: str, rate: float, draw: random.Random) -> None:
    """Takes all marks out of some turns; elsewhere drops single marks or moves them up to two characters along."""
    strip = draw.random() < TURN_UNPUNCTUATED * rate
    for at, character in enumerate(text):
        if character not in PUNCTUATION or pieces[at] != character:
            continue
        if strip:
            pieces[at] = ""
        elif draw.random() < MARK_TOUCHED * rate:
            pieces[at] = ""
            target = at + draw.choice((-3, -2, 0, 1, 2))
            if target != at and 0 <= target < len(pieces) and text[target] not in PUNCTUATION:
                pieces[target] += character


def _traditional_run(pieces: list[str], rate: float, draw: random.Random) -> None:
    """Turns a stretch of some turns, half of it or all, into traditional characters."""
    if not pieces or draw.random() >= TRADITIONAL_RUN * rate:
        return
    length = draw.randint((len(pieces) + 1) // 2, len(pieces))
    first = draw.randint(0, len(pieces) - length)
    run = range(first, first + length)
    joined = "".join(pieces[at] for at in run)
    converted = iter(_to_traditional(joined))
    for at in run:
        pieces[at] = "".join(next(converted) for _ in pieces[at])


def _to_traditional(text: str) -> str:
    """Traditional characters one for one: phrase by phrase where the length stays, else character by character."""
    convert = _converter("s2t").convert
    whole = convert(text)
    return whole if len(whole) == len(text) else "".join(convert(one)[:1] or one for one in text)


@lru_cache
def _converter(name: str) -> OpenCC:
    return OpenCC(name)


def _words_in_step(turn: Turn, pieces: list[str]) -> Iterator[Word]:
    """The turn's words with the text their characters became; a word that vanished altogether is left out."""
    cursor = 0
    for word in turn.words:
        at = turn.text.find(word.text.strip(), cursor)
        if at < 0 or not word.text.strip():
            yield word
            continue
        cursor = at + len(word.text.strip())
        if changed := "".join(pieces[at:cursor]):
            yield word.model_copy(update={"text": changed})


def _is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _sounds(text: str) -> list[str]:
    """Toneless syllable of each character as read in its sentence; other characters stand for themselves."""
    return lazy_pinyin(text, style=Style.NORMAL, errors=list, v_to_u=False)  # pyright: ignore[reportArgumentType]


def _near_sounds(sound: str) -> set[str]:
    """The syllables one confusion away, whether or not Chinese has them."""
    near: set[str] = set()
    for one, other in INITIALS:
        for old, new in ((one, other), (other, one)):
            if sound.startswith(old) and not (len(old) == 1 and sound[1:2] == "h"):
                near.add(new + sound[len(old):])
    for long, short in FINALS:
        if sound.endswith(long):
            near.add(sound[: -len(long)] + short)
        elif sound.endswith(short):
            near.add(sound[: -len(short)] + long)
    return near - {sound}


@lru_cache(maxsize=1)
def _characters_by_sound() -> dict[str, dict[str, float]]:
    """Toneless syllable → its usual characters, each with the root of its frequency in jieba's dictionary as weight."""
    frequency: dict[str, int] = defaultdict(int)
    with jieba.get_dict_file() as lines:
        for line in lines:
            word, count, *_ = line.decode("utf-8").split(" ")
            for character in word:
                frequency[character] += int(count)
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for character, count in sorted(frequency.items()):
        if count >= LEAST_FREQUENCY and _is_chinese(character) and _is_simplified(character):
            table[pinyin(character, style=Style.NORMAL)[0][0]][character] = count**0.5
    return dict(table)


def _is_simplified(character: str) -> bool:
    """In the simplified standard set and not changed by simplification."""
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return _converter("t2s").convert(character) == character
