"""Passports and travel permits: a letter or two and seven or eight digits, also spelt; permits only where their name is said."""
from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.masking.cues import BEATS, Cues
from pipeline.masking.spelling import spell

CUE = re.compile("护照|护招|通行证|回乡证|台胞证|旅行证|证件")
OF_LETTER = re.compile("字母|英文|大写|开头的?[是时]?字?e|e开头|e打头|e字")
HEAD = re.compile(r"(?<![a-z0-9])[a-z](?=[\s]{0,2}[^a-z]|[a-z]\s?[^a-z\s])|[易意亿依伊一以医鸡及集地第弟迪](?=[零〇○洞一幺二两三四五六七拐八九勾 0-9a-z])")
SURE_LETTERS = frozenset("egdps")
NAMES = {**dict.fromkeys("易意亿依伊一以医", "e"), **dict.fromkeys("鸡及集", "g"), **dict.fromkeys("地第弟迪", "d")}
_DIGIT = re.compile("[零〇○洞一幺二两三四五六七拐八九勾0-9]")


def passports(folded: str, cues: Cues) -> Iterator[tuple[int, int, str]]:
    """Spans of passport and permit numbers in folded text."""
    reached = 0
    for found in HEAD.finditer(folded):
        start = found.start()
        if start < reached or (found[0] not in NAMES and not found[0].isascii()):
            continue
        left = cues.left(start, 16)
        cued = CUE.search(folded, max(start - 16, 0), start) is not None or (left is not None and left.kind == "passport")
        lettered = OF_LETTER.search(folded, start) is not None
        before = folded[start - 1:start]
        if found[0] in NAMES and (not (cued or lettered) or _DIGIT.match(before)):
            continue
        if not cued and left and left.kind in BEATS:
            continue
        if end := _number(folded, start, cued, cued or lettered, NAMES.get(found[0], found[0])):
            reached = end
            yield start, end, "passport"


def _number(folded: str, start: int, cued: bool, told: bool, letter: str) -> int:
    """Where a number that begins with the letter at `start` ends; 0 when it is none."""
    signs = spell(folded, start, 12)
    rest = signs[1:]
    if not rest:
        return 0
    second = rest[0].value if rest[0].value.isalpha() else ""
    if second:
        rest = rest[1:]
    taken, digits = 0, ""
    for sign in rest:
        if not sign.value.isdigit():
            break
        taken, digits = taken + 1, digits + sign.value
    while taken and not rest[taken - 1].sure and len(digits) > (7 if second else 8):
        digits, taken = digits[:-len(rest[taken - 1].value)], taken - 1
    if not taken or sum(sign.sure for sign in rest[:taken]) * 2 < taken:
        return 0
    end = rest[taken - 1].end
    after = folded[end:end + 1]
    if after.isascii() and after.isalnum() and not (told and after == letter):
        return 0
    length = len(digits) + len(second)
    right = length == 8 or (length in (9, 10) and letter in "hm") or (length == 7 and letter in "ps")
    if right and ((letter in SURE_LETTERS and not second) or (letter == "e" and second) or cued):
        return end
    return end if told and 7 <= length <= 10 else 0
