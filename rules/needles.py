"""What a regular expression cannot match without: words of which each match holds at least one.

    >>> sorted(needles("[退改]不了|没有权(?:限)?"))
    ['改不了', '没有权', '没有权限', '退不了']

Where none of them was said the expression need not run.
"""
from __future__ import annotations

import re
from re import _constants as sre  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
from re import _parser as parser  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
from typing import Any, NamedTuple

from rules.text import key_of

MOST = 300
"""Readings of a stretch that are written out."""
Words = frozenset[str]


class Known(NamedTuple):
    """Of a part of an expression: `all`, everything that it matches, if that is finite; `some`, words of which each match
    holds one. None where nothing is known."""

    all: Words | None
    some: Words | None


_UNKNOWN, _EMPTY = Known(None, None), Known(frozenset({""}), None)


def needles(expression: str) -> Words | None:
    """The words, as they stand in light text; None where nothing is certain, or Python does not read it as RE2 does."""
    readable = expression.replace("(?m)", "").replace(r"\p{Han}", "[一-鿿]")
    try:
        known = _sequence(parser.parse(readable))
    except re.error:
        return None
    return _best([known.all, known.some])


def _sequence(parts: Any) -> Known:
    """Parts one after another: words grow as long as everything they may be is known."""
    together: Words = frozenset({""})
    candidates: list[Words | None] = []
    whole = True
    for operator, argument in parts:
        known = _part(operator, argument)
        if known.all is not None and len(known.all) * len(together) <= MOST:
            together = frozenset(left + right for left in together for right in known.all)
            continue
        whole = False
        candidates += [together, known.all, known.some]
        together = frozenset({""})
    return Known(together, None) if whole else Known(None, _best([*candidates, together]))


def _part(operator: Any, argument: Any) -> Known:
    if operator is sre.LITERAL:
        return Known(frozenset({chr(argument)}), None)
    if operator is sre.AT:
        return _EMPTY
    if operator is sre.IN:
        ranges = [(value, value) if kind is sre.LITERAL else value if kind is sre.RANGE else (0, MOST) for kind, value in argument]
        if sum(last - first + 1 for first, last in ranges) > MOST:
            return _UNKNOWN
        return Known(frozenset(chr(code) for first, last in ranges for code in range(first, last + 1)), None)
    if operator is sre.SUBPATTERN:
        return _sequence(argument[-1])
    if operator is sre.BRANCH:
        return _branches([_sequence(branch) for branch in argument[1]])
    if operator in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        least, most, repeated = argument
        known = _sequence(repeated)
        if most == 1 and known.all is not None:
            return Known(known.all | {""} if least == 0 else known.all, None)
        return Known(None, _best([known.all, known.some])) if least else _UNKNOWN
    return _UNKNOWN


def _branches(branches: list[Known]) -> Known:
    """Any of some parts: what each of them knows, together."""
    if all(known.all is not None for known in branches):
        return Known(frozenset().union(*[known.all or () for known in branches]), None)
    known_of = [_best([known.all, known.some]) for known in branches]
    return Known(None, frozenset().union(*[words or () for words in known_of]) if all(known_of) else None)


def _best(candidates: list[Words | None]) -> Words | None:
    """The words that are least often there by chance: the longest, then the fewest; none that may be empty."""
    useful = [words for words in candidates if words and "" not in words]
    return max(useful, key=lambda words: (min(len(key_of(word)) for word in words), -len(words)), default=None)
