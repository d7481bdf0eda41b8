"""A call's words as the matcher reads them: normalised, with the way back to what was heard.

Three strings describe one call. `raw` is the turns' texts joined. `light` has the same length: width, case and traditional
characters folded, runs of three and more digits in Arabic. `key` is `light` without punctuation, spaces, particles and
stutters; `origin[i]` is the place in `raw` of `key[i]`. Turns of one speaker in a row follow each other without a break
in `key`, so that a phrase cut over two turns is still one; a change of speaker leaves a line feed, which no phrase has.
"""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from records import Speaker
from rules.tables import simplified, syllables

PARTICLES = frozenset("的了啊呢呀哦噢喔嗯呃额哎唉诶欸哈啦咯嘞哟")
"""Left out on both sides, phrase and speech: they come and go in speech and recognisers drop or invent them. 吗 and 吧
stay: they make the question."""
DOUBLES = frozenset("谢拜掰慢看想试听说等天人常刚稍多好哈妈爸哥姐弟妹太往明清仅渐偏早晚轻大小年月家个样问聊查催点下")
"""Characters that are doubled in ordinary words; any other doubled character is a stutter and read once."""
DIGITS = {ord(c): d for c, d in zip("零〇○洞一幺二两三四五六七拐八九", "0000112234567789", strict=True)}
WHOLE = (("了解", "瞭解"), ("目的", "目菂"), ("的确", "菂确"))
"""Words whose first or last character looks like a particle and is none; written otherwise before particles go."""
SHORT = 100
"""Characters up to which `str.translate` is quicker than NumPy."""
GONE, GONE_CODE = "\1", 1
BREAK = "\n"
CUT = "\x1f"

_LONE = re.compile("[\ud800-\udfff]")
"""Halves of characters, which some JSON has and nothing else takes."""
_RUN = re.compile("(?:[零〇○洞一幺二两三四五六七拐八九0-9][ -]?){3,}")


class _Table(dict[int, int]):
    """A code point to code point table that works out a character the first time it is met: for `str.translate`, which is
    quick for a phrase, and for whole texts at once."""

    def __init__(self, fold: Callable[[str], str]) -> None:
        self.fold = fold
        self.known = np.zeros(0x110000, np.uint32)  # 0: not met yet

    def __missing__(self, code: int) -> int:
        self[code] = self.known[code] = folded = ord(self.fold(chr(code)))
        return folded

    def __call__(self, codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
        found = self.known[codes]
        if not found.all():
            for code in set(codes[found == 0].tolist()):
                self[code]
            found = self.known[codes]
        return found


def codes_of(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def text_of(codes: NDArray[np.uint32]) -> str:
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")


def _light(character: str) -> str:
    wide = unicodedata.normalize("NFKC", character)
    one = wide if len(wide) == 1 else character
    one = one.lower() if len(one.lower()) == 1 else one
    return {"嘛": "吗", BREAK: BREAK, CUT: CUT}.get(one) or simplified().get(one, one)


def _mark(character: str) -> str:
    """Characters that are matched on stay, the others become GONE."""
    return character if character == BREAK or (character.isalnum() and character not in PARTICLES) else GONE


def _allowed(character: str) -> str:
    """How often in a row a character may stand, as a character: more is a stutter."""
    if not character.isalpha():
        return chr(0xFFFF)
    return chr(2 if character in DOUBLES else 1)


def _sound(character: str, near: bool) -> str:
    """A symbol for the syllable; `near` folds sounds that speakers and recognisers mix up."""
    number = "零一二三四五六七八九"
    syllable = syllables().get(number[int(character)] if character in "0123456789" else character)
    if syllable is None:
        return character
    return symbol(near_sound(syllable) if near else syllable)


_SYMBOLS: dict[str, str] = {}


def symbol(syllable: str) -> str:
    """A private-use character that stands for a syllable, so that sounds are matched as strings."""
    return _SYMBOLS.setdefault(syllable, chr(0xE000 + len(_SYMBOLS)))


def near_sound(syllable: str) -> str:
    """The class of a syllable under the usual mixtures: zh/z ch/c sh/s, n/l, f/h, -ng/-n after a, e, i.

    >>> near_sound("shang") == near_sound("san"), near_sound("fei") == near_sound("hui")
    (True, True)
    """
    for long, short in (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l")):
        if syllable.startswith(long) and len(syllable) > len(long):
            syllable = short + syllable[len(long):]
            break
    if syllable.startswith("f"):
        syllable = "h" + syllable[1:]
    elif syllable.startswith("hu") and len(syllable) > 2:
        syllable = {"hui": "hei", "hun": "hen"}.get(syllable, "h" + syllable[2:])
    if syllable == "dou":  # 都 is du in names
        return "du"
    return syllable[:-1] if syllable.endswith(("ang", "eng", "ing")) else syllable


_LIGHT, _MARK, _ALLOWED = _Table(_light), _Table(_mark), _Table(_allowed)
_SAME, _NEAR = _Table(partial(_sound, near=False)), _Table(partial(_sound, near=True))


def light(text: str) -> str:
    """Width, case, traditional characters and digit runs folded; as long as `text`."""
    folded = text_of(_LIGHT(codes_of(text)))
    return _RUN.sub(lambda run: run[0].translate(DIGITS), folded)


def squeeze(text: str) -> tuple[str, NDArray[np.intp]]:
    """Light text without what is not matched on, and where each character kept was (int64, ascending)."""
    for word, instead in WHOLE:
        if word in text:
            text = text.replace(word, instead)
    marked = _MARK(codes_of(text))
    origin = np.flatnonzero(marked != GONE_CODE)
    codes = marked[origin]
    if (repeated := codes[1:] == codes[:-1]).any():
        place = np.arange(len(codes))
        begins = np.concatenate(([0], np.where(repeated, 0, place[1:])))
        kept = place - np.maximum.accumulate(begins) < _ALLOWED(codes)
        origin, codes = origin[kept], codes[kept]
    return text_of(codes), origin


def key_of(phrase: str) -> str:
    """A phrase as the matcher compares it."""
    return squeeze(light(phrase))[0]


def sound_of(key: str) -> str:
    """Syllable symbols with near sounds folded; as long as `key`."""
    return key.translate(_NEAR) if len(key) < SHORT else text_of(_NEAR(codes_of(key)))


def exact_sound_of(key: str) -> str:
    """Syllable symbols with near sounds kept apart; as long as `key`."""
    return key.translate(_SAME) if len(key) < SHORT else text_of(_SAME(codes_of(key)))


class Text:
    """The words of one call; built once and read by everything that matches.

    `said[i]` is the light text of turn `i`; `turns[place]` the turn that holds `key[place]`, `key_ends[i]` where turn `i` ends
    in `key`.
    """

    __slots__ = ("key", "key_ends", "light", "offsets", "origin", "raw", "said", "sound", "speakers", "turns")

    def __init__(self, texts: Sequence[str], speakers: Sequence[Speaker]) -> None:
        self.speakers = speakers
        self.offsets: list[int] = []
        pieces: list[str] = []
        at = 0
        for i, text in enumerate(texts):
            if BREAK in text or CUT in text:
                text = text.replace(BREAK, " ").replace(CUT, " ")
            if not text.isascii():
                text = _LONE.sub("\ufffd", text)
            self.offsets.append(at)
            pieces.append(text)
            pieces.append(CUT if i + 1 < len(texts) and speakers[i + 1] == speakers[i] else BREAK)
            at += len(text) + 1
        self.raw = "".join(pieces)
        self.light = light(self.raw)
        self.key, origin = squeeze(self.light)
        self.origin: list[int] = origin.tolist()
        self.sound = sound_of(self.key)
        ends = [*self.offsets[1:], len(self.raw)]
        self.said = [self.light[start:end - 1] for start, end in zip(self.offsets, ends, strict=False)]
        self.key_ends: list[int] = np.searchsorted(origin, np.array(ends) - 1).tolist()
        self.turns: list[int] = (np.searchsorted(np.array(self.offsets), origin, "right") - 1).tolist()

    def only(self, speaker: Speaker) -> tuple[str, str]:
        """`key` and `sound` with line feeds for what others say."""
        if all(one == speaker for one in self.speakers):
            return self.key, self.sound
        keys: list[str] = []
        sounds: list[str] = []
        at = 0
        for who, end in zip(self.speakers, self.key_ends, strict=True):
            keys.append(self.key[at:end] if who == speaker else BREAK * (end - at))
            sounds.append(self.sound[at:end] if who == speaker else keys[-1])
            at = end
        return "".join(keys), "".join(sounds)

    def end_of(self, turn: int) -> int:
        """Where the turn's text ends in `raw`."""
        return (self.offsets[turn + 1] if turn + 1 < len(self.offsets) else len(self.raw)) - 1
