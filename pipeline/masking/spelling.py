"""Spelt codes of letters and digits (N 七 K 二 幺 五): read place by place, from a given place on."""
from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from pipeline.masking.runs import COUNT
from pipeline.masking.signs import LETTERS, SURE, heard


@dataclass(frozen=True, slots=True)
class Sign:
    """What one word of a spelt code stands for: a letter (lower case), a digit, or several (三个六)."""

    value: str
    start: int
    end: int
    sure: bool


@cache
def letter_names() -> dict[str, str]:
    """Chinese rendering of a letter's name → the letter."""
    return {name: letter for letter, names in LETTERS.items() for name in names}


@cache
def _token() -> re.Pattern[str]:
    digit = f"[{''.join(SURE)}{''.join(heard())}]"
    long = "|".join(sorted((name for name in letter_names() if len(name) > 1), key=len, reverse=True))
    short = "".join(name for name in letter_names() if len(name) == 1 and name not in heard() and name not in SURE and name != "嗯")
    return re.compile(f"(?P<times>{'|'.join(COUNT)}) ?(?P<each>{digit})|(?P<sure>[{''.join(SURE)}])|(?P<latin>[a-z])|(?P<long>{long})"
                      f"|(?P<heard>[{''.join(heard())}])|(?P<short>[{short}])")


_BETWEEN = re.compile(r"[\s·.\-—－_•]{0,2}(?:[，,、]?(?:嗯|啊|呃|然后)?[，,、]?\s?)?")


def spell(folded: str, at: int, most: int) -> list[Sign]:
    """Up to `most` places of a code that begins at `at`; ends before the first word that is none."""
    found: list[Sign] = []
    places = 0
    while places < most:
        begin = _BETWEEN.match(folded, at).end() if found else at  # pyright: ignore[reportOptionalMemberAccess]
        one = _token().match(folded, begin)
        if one is None:
            break
        kind, text = one.lastgroup, one[0]
        if one["times"]:
            value = (SURE.get(one["each"]) or heard()[one["each"]]) * COUNT[one["times"]]
        elif kind == "sure":
            value = SURE[text]
        elif kind == "latin":
            value = text
        elif kind == "heard":
            value = heard()[text]
        else:
            value = letter_names()[text]
        found.append(Sign(value, *one.span(), kind in ("sure", "latin", "long") or bool(one["times"])))
        places += len(value)
        at = one.end()
    return found
