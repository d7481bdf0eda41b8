"""Licence plates: province, letter, five places, or six of a new-energy car; police, coaching, Hong Kong, embassy plates."""
from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from pipeline.masking.signs import LETTERS
from pipeline.masking.spelling import Sign, spell
from rules.tables import syllables

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
LAST = "学警港澳挂使领试超"
CUE = re.compile("车牌|牌照|牌号|车号|车是|的车|车主|违章|挪车|堵|停车|开的|车位|号牌|车辆|本人车|我车|司机|报案|轿车|货车|面包车|车")
_SEPARATOR = r"[\s·.\-•，,]{0,2}"


@cache
def _heads() -> tuple[re.Pattern[str], re.Pattern[str]]:
    names = "".join(name for letter, names in LETTERS.items() if letter not in "io" for name in names if len(name) == 1 and name not in "一嗯啊")
    sounds = {syllables()[one] for one in PROVINCES}
    alike = "".join(one for one, sound in syllables().items() if sound in sounds)
    sure = re.compile(f"[{PROVINCES}]{_SEPARATOR}(?:[a-hj-np-z]|[{names}])(?![a-z]{{2}})")
    return sure, re.compile(f"[{alike}]?{_SEPARATOR}(?<![a-z0-9])[a-hj-np-z](?=[^a-z]|[a-z][^a-z]|[a-z]{{2}}[^a-z])")


def plates(folded: str) -> Iterator[tuple[int, int, str]]:
    """Spans of plates. A province that was misheard, or none, needs a word of cars before it."""
    sure, vague = _heads()
    reached = 0
    for found in sure.finditer(folded):
        if found.start() >= reached and (end := _body(folded, found.end(), bool(CUE.search(folded, max(found.start() - 12, 0), found.start())))):
            reached = end
            yield found.start(), end, "plate"
    if CUE.search(folded) is None:
        return
    reached = 0
    for found in vague.finditer(folded):
        cue = CUE.search(folded, max(found.start() - 8, 0), found.start())
        if cue and found.start() >= reached and (end := _body(folded, found.end(), True, vague=True)):
            reached = end
            yield found.start(), end, "plate"


def _body(folded: str, at: int, cued: bool, vague: bool = False) -> int:
    """Where the five or six places after the letter end; 0 when they are none."""
    while folded[at:at + 1] in tuple(" ·.-•，,"):
        at += 1
    signs = spell(folded, at, 8)
    while signs and (not signs[-1].sure and _places(signs) > 5):
        signs.pop()
    for count in (6, 5, 4):
        taken = _first(signs, count)
        value = "".join(sign.value for sign in taken)
        if len(value) != count or sum(one.isdigit() for one in value) < (2 if cued else 3) or "i" in value or "o" in value:
            continue
        if sum(not sign.sure for sign in taken) > (2 if cued else 1):
            continue
        end = taken[-1].end
        last = folded[end:end + 1] in LAST and folded[end:end + 1] != ""
        if count == 6 and not (value[0] in "abcdefghjk" or value[-1] in "df" or (cued and not vague)):
            continue
        if count == 4 and not last and not (cued and _places(signs) == 4 and not vague):
            continue
        if count == 5 and not cued and folded[end:end + 1].isascii() and folded[end:end + 1].isalnum():
            continue
        return end + (1 if last and count < 6 else 0)
    return 0


def _places(signs: list[Sign]) -> int:
    return sum(len(sign.value) for sign in signs)


def _first(signs: list[Sign], count: int) -> list[Sign]:
    taken: list[Sign] = []
    for sign in signs:
        if _places(taken) >= count:
            break
        taken.append(sign)
    return taken
