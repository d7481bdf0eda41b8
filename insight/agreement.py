"""Agreement of two raters beyond chance, over (first, second) pairs of nominal ratings.

Our own few lines rather than irrCAC, whose 0.4.4 pins NumPy below 2; tests/test_evaluation.py holds values worked out by
hand and by irrCAC.
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
