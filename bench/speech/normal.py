"""What counts as the same text: width, case, marks, traditional characters and the way of writing numbers are set aside.

- compatibility forms to plain ones (ＡＢ → ab, ① → 1), capitals to small letters;
- traditional characters to simplified ones;
- numbers to Arabic digits: 一百二十九 → 129, 三百五 → 350, 八零二三 and 八〇二三 → 8023, 幺三八 → 138, 两 → 2; 3.5 and 10:30 are read
  as 3点5 and 10点30, 30% as 百分之30. 万一 or 千万 without a digit before them are words;
- whatever is neither a Chinese character, nor a Latin letter, nor a digit is dropped.

Fillers (嗯, 啊) stay: they were said.
"""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from math import prod
from typing import NamedTuple

DIGITS = {**{digit: index for index, digit in enumerate("零一二三四五六七八九")}, "〇": 0, "幺": 1, "两": 2}
UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
NUMBER = re.compile("[零〇幺一二两三四五六七八九十][零〇幺一二两三四五六七八九十百千万亿]*")
MIXED = re.compile("([0-9]+)([百千万亿]+)")         # 20万
PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")
BETWEEN_DIGITS = re.compile(r"(?<=\d)[.:](?=\d)")
KEPT = re.compile(r"[0-9a-z一-鿿]")


class Normal(NamedTuple):
    """Text that can be compared; `origin[i]` is the place in the source that character i comes from."""

    text: str
    origin: tuple[int, ...]


def normal(text: str) -> Normal:
    """The comparable form of `text`, with the place that each of its characters comes from."""
    letters = [(letter, place) for place, source in enumerate(text) for letter in unicodedata.normalize("NFKC", source).lower()]
    letters = _simplified(letters)
    letters = _replace(letters, PERCENT, lambda found: "百分之" + found[1])
    letters = _replace(letters, BETWEEN_DIGITS, lambda found: "点")
    letters = _replace(letters, MIXED, lambda found: str(int(found[1]) * prod(UNITS[unit] for unit in found[2])))
    letters = _replace(letters, NUMBER, lambda found: number(found[0]))
    letters = [(letter, place) for letter, place in letters if KEPT.match(letter)]
    return Normal("".join(letter for letter, _ in letters), tuple(place for _, place in letters))


def number(run: str) -> str:
    """Chinese numerals as digits: a run with units is a quantity, one without is read digit by digit."""
    if not any(letter in UNITS for letter in run):
        return "".join(str(DIGITS[letter]) for letter in run)
    whole = section = digit = 0
    smallest, spelt = 1, 0          # the unit said last, and how many digits stand since then without one
    for letter in run:
        if letter in DIGITS:
            digit, spelt = digit * 10 + DIGITS[letter], spelt + 1
            if DIGITS[letter] == 0:
                smallest, spelt = 1, 0          # 三百零五: a zero says that the five is no fifty
            continue
        unit = UNITS[letter]
        if unit >= 10_000:
            above = whole if whole % (unit * 10_000) == 0 else 0       # 一亿 stands, when 二千万 follows
            whole, section = above + (whole - above + section + digit or 1) * unit, 0
        else:
            section += (digit or 1) * unit
        digit, smallest, spelt = 0, unit, 0
    if spelt == 1 and smallest >= 100:
        digit *= smallest // 10                 # 三百五 is 350, 一万二 is 12000
    return str(whole + section + digit)


def _simplified(letters: list[tuple[str, int]]) -> list[tuple[str, int]]:
    from pipeline.turns import simplified

    changed = simplified("".join(letter for letter, _ in letters))
    if len(changed) != len(letters):            # a phrase that is shorter in the other script: letter by letter then
        changed = "".join(simplified(letter)[:1] or letter for letter, _ in letters)
    return [(letter, place) for letter, (_, place) in zip(changed, letters, strict=True)]


def _replace(letters: list[tuple[str, int]], pattern: re.Pattern[str], by: Callable[[re.Match[str]], str],
             ) -> list[tuple[str, int]]:
    """Every match replaced; the new characters are spread over the places of the old ones."""
    text = "".join(letter for letter, _ in letters)
    out: list[tuple[str, int]] = []
    last = 0
    for found in pattern.finditer(text):
        out += letters[last:found.start()]
        new, old = by(found), letters[found.start():found.end()]
        out += [(letter, old[index * len(old) // len(new)][1]) for index, letter in enumerate(new)]
        last = found.end()
    return out + letters[last:]
