"""What the words alone say about who is speaking: how like an agent a clause sounds, how likely the next one is another's, and
where a clause ends, since recognisers leave out most marks.

Three linear models over toneless syllables (near sounds folded, so that misheard characters still count),
fitted by bench/sides.py on labelled calls and kept as a table in sides.txt: weights are log odds, `bias` their constant. On
calls of other authors a clause by itself is given to the right side for 84 to 88 % of the characters.
"""
from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

# Sounds that accents and telephones confuse; each is folded to its second form.
FOLDED = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"))
CLEAREST = 4.0          # log odds that a single clause says at most
LONGEST_GRAM = 3        # syllables
LONG = 6                # syllables from which on length says nothing more


class Table(NamedTuple):
    """Weights by feature, and the constant."""

    weights: dict[str, float]
    bias: float

    def score(self, features: Iterator[str]) -> float:
        """Log odds of what the features stand for; each feature counts once."""
        return self.bias + sum(self.weights.get(feature, 0.0) for feature in set(features))


@functools.lru_cache(maxsize=16384)
def by_sound(text: str) -> str:
    """Toneless syllables, near sounds folded, with a space before each and at the end: containment means whole syllables."""
    # Here, because it takes a second, and a run with nothing to do does without.
    from pypinyin import lazy_pinyin

    folded = "".join(f" {syllable}" for syllable in lazy_pinyin(text, errors="ignore"))
    for sound, form in FOLDED:
        folded = folded.replace(sound, form)
    return folded + " "


def agent(clause: str) -> float:
    """Log odds that a clause (a few words between pauses or marks) is the agent's rather than the customer's; 0 for no
    syllable."""
    syllables = by_sound(clause).split()
    return tables()["side"].score(grams(syllables)) if syllables else 0.0


def change(before: str, after: str) -> float:
    """Log odds that two clauses in a row are of different speakers: questions are answered, answers are acknowledged."""
    one, other = by_sound(before).split(), by_sound(after).split()
    return tables()["change"].score(seams(one, other)) if one and other else 0.0


def ends(before: str, after: str) -> float:
    """Log odds that a clause ends between two runs of characters that follow each other without a pause."""
    one, other = by_sound(before).split(), by_sound(after).split()
    return tables()["end"].score(joints(one, other)) if one and other else 0.0


def grams(syllables: list[str]) -> Iterator[str]:
    """Runs of one to three syllables; ^ and $ stand for the clause's ends."""
    marked = ["^", *syllables, "$"]
    for length in range(1, LONGEST_GRAM + 1):
        for first in range(len(marked) - length + 1):
            yield " ".join(marked[first:first + length])


def seams(before: list[str], after: list[str]) -> Iterator[str]:
    """The last syllables of a clause, the first ones of the next, their lengths, and a short next clause as a whole."""
    yield f"-1 {before[-1]}"
    yield f"-2 {' '.join(before[-2:])}"
    yield f"+1 {after[0]}"
    yield f"+2 {' '.join(after[:2])}"
    yield f"+3 {' '.join(after[:3])}"
    yield f"- {min(len(before), LONG)}"
    yield f"+ {min(len(after), LONG)}"
    yield f"| {before[-1]} {after[0]}"
    if len(after) <= LONGEST_GRAM:
        yield f"= {' '.join(after)}"


def joints(before: list[str], after: list[str]) -> Iterator[str]:
    """The syllables around a place, up to three on each side, and the pair across it."""
    for count in range(1, LONGEST_GRAM + 1):
        yield f"-{count} {' '.join(before[-count:])}"
        yield f"+{count} {' '.join(after[:count])}"
    yield f"| {before[-1]} {after[0]}"
    yield f"|| {' '.join(before[-2:])} {' '.join(after[:2])}"


@functools.cache
def tables() -> dict[str, Table]:
    """The models, read once."""
    weights: dict[str, dict[str, float]] = {"side": {}, "change": {}, "end": {}}
    for row in (files("pipeline") / "sides.txt").read_text("utf-8").splitlines():
        if row and not row.startswith("#"):
            name, weight, feature = row.split("\t")
            weights[name][feature] = float(weight)
    return {name: Table(found, found.pop("bias")) for name, found in weights.items()}
