"""Agreement of raters beyond chance: of two, over (first, second) pairs of nominal ratings; of any number, over rated units.

Our own few lines rather than irrCAC, whose 0.4.4 pins NumPy below 2; tests/test_evaluation.py and tests/test_agreement.py
hold published values and values worked out by hand and by irrCAC.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

Pairs = Sequence[tuple[str, str]]


def cohen_kappa(pairs: Pairs) -> float | None:
    """Cohen (1960): chance is the product of the raters' own shares. None without pairs or when both used one same rating
    throughout, where chance agreement is 1 and the ratio undefined."""
    if not pairs:
        return None
    total = len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(first[rating] * second[rating] for rating in first) / total**2
    return None if chance == 1 else (_observed(pairs) - chance) / (1 - chance)


def gwet_ac1(pairs: Pairs, classes: int) -> float | None:
    """Gwet (2008), Computing inter-rater reliability and its variance in the presence of high agreement, British Journal of
    Mathematical and Statistical Psychology 61, 29-48: chance is sum(p(1-p)) / (classes - 1), p the mean share of a rating.

    `classes` is how many ratings there are to choose from, used or not, at least 2. None without pairs. Unlike kappa it
    stays near the observed agreement when nearly all calls get the same rating, as most rules' do.
    """
    if classes < 2:
        raise ValueError("agreement needs at least two classes to choose from")
    if not pairs:
        return None
    shares = Counter(rating for pair in pairs for rating in pair)
    if len(shares) > classes:
        raise ValueError(f"{len(shares)} ratings were used where {classes} are possible: {', '.join(sorted(shares))}")
    means = [count / (2 * len(pairs)) for count in shares.values()]
    chance = sum(mean * (1 - mean) for mean in means) / (classes - 1)
    return (_observed(pairs) - chance) / (1 - chance)


def _observed(pairs: Pairs) -> float:
    return sum(a == b for a, b in pairs) / len(pairs)


Units = Sequence[Sequence[str]]
"""What was rated, each with the ratings it got; raters who left one out are simply missing there."""


def krippendorff_alpha(units: Units) -> float | None:
    """Krippendorff (2011), Computing Krippendorff's alpha-reliability, for nominal ratings by any number of raters, some of
    whom may have left some units out. None where no two ratings can be compared or all are one same rating."""
    counts = [Counter(ratings) for ratings in units if len(ratings) > 1]
    used: Counter[str] = Counter()
    for one in counts:
        used += one
    total = used.total()
    expected = 1 - sum(number * (number - 1) for number in used.values()) / (total * (total - 1)) if total else 0.0
    if expected == 0:
        return None
    alike = sum(number * (number - 1) / (one.total() - 1) for one in counts for number in one.values())
    return 1 - (1 - alike / total) / expected


def gwet_ac1_of_many(units: Units, classes: int) -> float | None:
    """AC1 for any number of raters, units may lack ratings (Gwet 2014, Handbook of Inter-Rater Reliability, chapter 5): chance
    as in `gwet_ac1`, p the mean share of a rating over the units. For two raters of every unit it is `gwet_ac1`."""
    if classes < 2:
        raise ValueError("agreement needs at least two classes to choose from")
    rated = [Counter(ratings) for ratings in units if ratings]
    compared = [one for one in rated if one.total() > 1]
    if not compared:
        return None
    observed = sum(number * (number - 1) / (one.total() * (one.total() - 1))
                   for one in compared for number in one.values()) / len(compared)
    shares = [sum(one[rating] / one.total() for one in rated) / len(rated) for rating in {key for one in rated for key in one}]
    chance = sum(share * (1 - share) for share in shares) / (classes - 1)
    return (observed - chance) / (1 - chance)
