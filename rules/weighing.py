"""What phrases found and what the trained layer thinks, weighed into one probability a rule and turn.

The layer gives every turn of a call a probability for every rule it knows; each rule has its own threshold `accept` from
which a turn is a hit and `doubt` from which a person should look. On one scale with phrases, `accept` reads `ACCEPTED`.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rules.scanning import Hit
from rules.schema import Rule

ACCEPTED, CERTAIN = 0.6, 0.97
PRECISE = 0.9
"""A phrase hit as sure as this, not weak and not by sound, stands whatever the layer says."""
PULL = 0.5
"""What the layer's log-odds weigh against a phrase's: the two hear the same words, so they are half independent."""
DROPPED, DOUBTED = 0.3, 0.6
"""A phrase hit that the layer brings below the first is none, below the second a doubt."""
LEAST, TABOO_LEAST, DOUBT_LEAST = 0.5, 0.55, 0.25
"""Chosen on the training calls by layers that had not learnt from them; see `Layer`."""
ALONE = 0.5
"""From which probability a sentence out of its call is a hit."""
NOTE = "语义模型"


class Meaning(Protocol):
    """The trained layer; `rules/meaning/predict.py` is the one that comes with the product.

    `call` takes (speaker, text) a turn and gives turns × rules, `column` says which column is a rule's; `sentence` is for a
    turn out of its call, were half of those asked about hits.
    """

    version: str
    column: dict[str, int]
    accept: NDArray[np.float32]
    doubt: NDArray[np.float32]

    def call(self, turns: Sequence[tuple[str, str]]) -> NDArray[np.float32]: ...

    def sentence(self, rule: str, text: str, who: str, before: str = "", after: str = "") -> float: ...


class Layer:
    """The trained layer fitted to a pack: whom it is asked about, and from when it is believed.

    Its thresholds were chosen for it alone. Where phrases have found nothing already, a turn of less than `LEAST` is more often
    none than one (an accusation wants more: `TABOO_LEAST`), and below `DOUBT_LEAST` a person looks in vain four times in five.
    """

    def __init__(self, meaning: Meaning, rules: dict[str, Rule]) -> None:
        self.meaning, self.version = meaning, meaning.version
        self.column = {rule: at for rule, at in meaning.column.items() if rule in rules and rules[rule].meaning is not False}
        self.accept, self.doubt = meaning.accept.copy(), np.maximum(meaning.doubt, DOUBT_LEAST)
        asked = np.zeros(len(self.accept), np.bool_)
        for rule, at in self.column.items():
            asked[at] = consulted(rules[rule])
            self.accept[at] = max(self.accept[at], TABOO_LEAST if rules[rule].kind == "taboo" else LEAST)
        self.doubt = np.where(asked, np.minimum(self.doubt, self.accept), np.float32(2))
        self.asked = {rule: at for rule, at in self.column.items() if asked[at]}
        self._names = {at: rule for rule, at in self.column.items()}

    def opinion(self, turns: Sequence[tuple[str, str]]) -> Opinion:
        """What it thinks of a call's turns, given as (speaker, text)."""
        table = self.meaning.call(turns)
        found: dict[str, list[int]] = {}
        rows, columns = np.nonzero(table >= self.doubt)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            found.setdefault(self._names[column], []).append(row)
        return Opinion(table, self.asked, self.accept, found)

    def alone(self, rule: str, turns: int, at: int, said: tuple[str, str, str, str]) -> Opinion | None:
        """What it thinks of a sentence (text, who, before, after) at turn `at` of so many; None for rules it does not know."""
        if (column := self.column.get(rule)) is None:
            return None
        table = np.zeros((turns, len(self.accept)), np.float32)
        table[at, column] = likely = self.meaning.sentence(rule, *said)
        accept = np.full_like(self.accept, ALONE)
        return Opinion(table, {rule: column}, accept, {rule: [at]} if likely >= ALONE else {})


class Opinion(NamedTuple):
    """Probabilities of one call, turns × columns; `found[rule]` are the turns in which the rule is accepted or doubtful."""

    table: NDArray[np.float32]
    column: dict[str, int]
    accept: NDArray[np.float32]
    found: dict[str, list[int]]


class Weighed(NamedTuple):
    """What counts, and what a person should look at."""

    hits: list[Hit]
    doubts: list[Hit]


def consulted(rule: Rule) -> bool:
    """Whether the layer is asked about a rule: as it says, else unless an operator decides, which wants exact places."""
    return rule.meaning if rule.meaning is not None else not (rule.decide and rule.decide.operator)


def reading(likely: float, accept: float) -> float:
    """The layer's probability on the scale of phrases: `accept` becomes ACCEPTED, 1 becomes CERTAIN.

    >>> reading(0.25, 0.25), round(reading(1.0, 0.25), 2), reading(0.1, 0.2)
    (0.6, 0.97, 0.3)
    """
    if likely < accept:
        return ACCEPTED * likely / accept
    return ACCEPTED + (CERTAIN - ACCEPTED) * (likely - accept) / max(1 - accept, 1e-6)


def pooled(hit: Hit, likely: float, accept: float) -> Hit:
    """A phrase hit with the layer's opinion of its turn: a weak one or one by sound becomes more or less sure by it."""
    precise = hit.confidence >= PRECISE and not hit.weak and hit.match != "homophone"
    if precise:
        return hit
    against = max(-4.0, min(2.0, _log_odds(likely) - _log_odds(accept)))
    confidence = 1 / (1 + exp(-(_log_odds(hit.confidence) + PULL * against)))
    return hit._replace(confidence=min(CERTAIN, confidence))


def _log_odds(probability: float) -> float:
    inside = min(max(probability, 1e-6), 1 - 1e-6)
    return log(inside / (1 - inside))


def weigh(hits: Sequence[Hit], silenced: set[int], opinion: Opinion, rule: str,
          whole: Callable[[int], Hit | None]) -> Weighed:
    """Phrase hits pooled with the layer's opinion, and the layer's own hits and doubts; `whole(turn)` makes a hit of a turn.

    `silenced` are turns whose phrases were all taken back by an exception: there the rule's author knows better.
    """
    column = opinion.column[rule]
    accept = float(opinion.accept[column])
    kept: list[Hit] = []
    doubts: list[Hit] = []
    for hit in hits:
        weighed = pooled(hit, float(opinion.table[hit.turn, column]), accept)
        if weighed.confidence >= DOUBTED or weighed.confidence >= hit.confidence:
            kept.append(weighed)
        elif weighed.confidence >= DROPPED:
            doubts.append(weighed)
    known = {hit.turn for hit in hits} | silenced
    for turn in opinion.found.get(rule, ()):
        if turn not in known and (hit := whole(turn)) is not None:
            likely = float(opinion.table[turn, column])
            (kept if likely >= accept else doubts).append(hit._replace(confidence=reading(likely, accept)))
    kept.sort(key=lambda hit: hit.start)
    return Weighed(kept, doubts)
