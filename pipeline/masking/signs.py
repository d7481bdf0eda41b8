"""Characters as the maskers read them: folded text of the same length, and which character may stand for which digit.

Folding (width, case, traditional characters) keeps every offset. A digit is *sure* where it is written as one (8, 八, 捌, 洞,
幺) and *heard* where only its sound is that of a digit (要 for 幺, 零 written 灵): recognisers write such characters inside
numbers, so they count only among sure ones.
"""
from __future__ import annotations

import unicodedata
from functools import cache

from rules.tables import simplified, syllables
from rules.text import near_sound, sound_of

SURE = {**{str(d): str(d) for d in range(10)},
        **dict(zip("零〇○洞一幺二两三四五六七拐八九勾壹贰叁肆伍陆柒捌玖", "000011223456778991234 56789".replace(" ", ""), strict=True))}
READINGS = {"0": ("ling", "dong"), "1": ("yao", "yi"), "2": ("er", "liang"), "3": ("san",), "4": ("si",), "5": ("wu",),
            "6": ("liu",), "7": ("qi", "guai"), "8": ("ba",), "9": ("jiu", "gou")}
"""How each digit is read out, radio figures included."""
NEVER = frozenset("的了我你您他她在有个这那不对哦啊嗯呃号是十百千万")
"""Too common as themselves, whatever they sound like; 是 and 十 are judged where they stand (`BETWEEN`)."""
BETWEEN = {"是": "4", "十": "4", "时": "4"}
"""Heard as digits only right between two sure ones."""
MARKS = "，。、,.;；：:！!？?·…~—–-－_/|()（）【】[]\"“”'‘’《》<>"
LETTERS = {
    "a": ("诶", "欸", "爱", "哎"), "b": ("必", "逼", "比", "币"), "c": ("西", "希", "吸"), "d": ("迪", "弟", "地", "滴", "帝"),
    "e": ("易", "伊", "亿", "依", "意", "一"), "f": ("艾弗", "爱福", "艾福", "爱佛"), "g": ("鸡", "及", "集", "寄", "记", "季", "基"),
    "h": ("爱吃", "艾尺", "爱曲", "艾曲"), "j": ("阶", "杰", "接", "街", "姐", "勾儿"), "k": ("开", "凯", "克"), "l": ("艾儿", "爱偶", "艾欧", "艾勒"),
    "m": ("艾姆", "爱姆", "爱母", "爱慕"), "n": ("恩", "嗯"), "p": ("披", "皮", "屁", "批"), "q": ("扣", "秋", "丘", "球", "酷"),
    "r": ("阿儿", "阿尔", "啊"), "s": ("艾斯", "爱丝", "爱思"), "t": ("踢", "提", "题", "替"), "u": ("优", "油", "由", "又"),
    "v": ("威", "微", "维", "未"), "w": ("达不溜", "大不溜", "打不溜", "达布溜"), "x": ("埃克斯", "爱克斯", "艾克斯", "叉", "差"), "y": ("歪", "外"),
    "z": ("贼", "贼的", "贼德")}
"""Latin letters as Chinese speakers say and recognisers write them."""


class _Fold(dict[int, int]):
    def __missing__(self, code: int) -> int:
        character = chr(code)
        wide = unicodedata.normalize("NFKC", character)
        one = wide if len(wide) == 1 else character
        one = one.lower() if len(one.lower()) == 1 else one
        one = simplified().get(one, one)
        self[code] = folded = ord(one)
        return folded


_FOLD = _Fold()


def fold(text: str) -> str:
    """The text in half width, lower case and simplified characters; as long as `text`."""
    return text.translate(_FOLD)


@cache
def heard() -> dict[str, str]:
    """Character → the digit that it sounds like, near sounds included; sure digits are not among them."""
    digits = {sound: digit for digit, readings in READINGS.items() for sound in readings}
    near = {near_sound(sound): digit for sound, digit in digits.items()}
    found: dict[str, str] = {}
    for character, sound in syllables().items():
        digit = digits.get(sound) or near.get(near_sound(sound))
        if digit and character not in NEVER and character not in SURE and _usual(character):
            found[character] = digit
    return found | BETWEEN


@cache
def alike(character: str) -> str:
    """A class of a regular expression: the characters that sound like this one, near sounds included."""
    sound = near_sound(syllables().get(character, character))
    return f"[{character}{''.join(one for one, other in syllables().items() if near_sound(other) == sound and one != character and _usual(one))}]"


def _usual(character: str) -> bool:
    """In the standard set of simplified characters, which recognisers write."""
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def sounds(folded: str) -> str:
    """Syllable symbols, one a character, near sounds folded: cue words are looked for in it."""
    return sound_of(folded)
