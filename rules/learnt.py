"""What the trained layer knows about a rule, in words: from when it is believed, what it learnt from, its strongest n-grams."""
from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from rules.meaning.predict import Meaning
from rules.schema import Rule
from rules.weighing import Layer

MOST_SENTENCES = 200    # of each label that are looked at for features
MOST_FEATURES = 12
SHORTEST = 2            # characters; single ones pull, but tell a reader nothing


class Learnt(NamedTuple):
    """`accept` and `doubt` are probabilities; `sentences` counts sentences that are and are not; features strongest first."""

    accept: float
    doubt: float
    sentences: tuple[int, int] | None
    telling: list[str]
    against: list[str]


def learnt(meaning: Meaning, layer: Layer, rule: Rule) -> Learnt | None:
    """What the layer knows of a rule; None where it does not know the rule or is not asked about it."""
    if rule.id not in layer.asked:
        return None
    column = layer.asked[rule.id]
    positive, negative = _sentences(rule)
    counts = (len(positive), len(negative)) if positive else None
    positive += [one if isinstance(one, str) else one.say for one in
                 (rule.examples.failing if rule.kind == "taboo" else rule.examples.passing)]
    return Learnt(float(layer.accept[column]), float(layer.doubt[column]), counts,
                  _strongest(meaning, rule.id, positive, 1), _strongest(meaning, rule.id, negative, -1))


def _sentences(rule: Rule) -> tuple[list[str], list[str]]:
    """The sentences that the layer learnt from, by label; none where the data do not come along with the product."""
    from rules.meaning import data

    if not (data.DATA / "sentences.jsonl").exists():
        return [], []
    mine = [one for one in data.sentences() if one.rule == rule.id]
    return [one.text for one in mine if one.label], [one.text for one in mine if not one.label]


def _strongest(meaning: Meaning, rule: str, sentences: list[str], sign: int) -> list[str]:
    """N-grams that pull these sentences most, all sentences together; what only repeats a longer one is left out."""
    total: dict[str, float] = defaultdict(float)
    for text in sentences[:MOST_SENTENCES]:
        for feature, weight in meaning.explain(rule, text, most=10_000):
            total[feature] += sign * weight
    chosen: list[str] = []
    for feature, weight in sorted(total.items(), key=lambda one: -one[1]):
        if len(chosen) == MOST_FEATURES or weight <= 0:
            break
        bare = feature.removesuffix(" 音").strip("〔〕")
        if len(bare) >= SHORTEST and not any(bare in other or other in bare for other in chosen):
            chosen.append(bare)
    return chosen
