"""Two shares compared, many times over: how far apart, how surely, and what is left after asking so often.

Everything works on arrays, so that a year by week and agent is one call.
"""
from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy.stats import false_discovery_control, hypergeom, norm

Numbers = NDArray[np.float64]
Z95 = 1.959964
LEAST_EXPECTED = 5.0    # Cochran (1954): the normal test holds from five expected hits and five expected calls without
LEAST_CALLS = 30        # calls on either side below which two shares are not compared at all
SURE = 0.05             # share of false alarms among all that is called a change
WORTH = 1.2             # times as often (or as seldom) from which a sure change is worth a look


def wilson(hits: ArrayLike, calls: ArrayLike) -> tuple[Numbers, Numbers]:
    """The 95 % interval of each share (Wilson 1927); 0 to 1 where there are no calls."""
    k, n = np.asarray(hits, float), np.asarray(calls, float)
    safe = np.maximum(n, 1.0)
    share, z2 = k / safe, Z95**2
    middle, below = share + z2 / (2 * safe), 1 + z2 / safe
    half = Z95 * np.sqrt(share * (1 - share) / safe + z2 / (4 * safe**2))
    return (np.where(n > 0, np.clip((middle - half) / below, 0, 1), 0.0),
            np.where(n > 0, np.clip((middle + half) / below, 0, 1), 1.0))


def compare(hits: ArrayLike, calls: ArrayLike, hits_before: ArrayLike, calls_before: ArrayLike) -> pl.DataFrame:
    """Each pair of shares: `ratio` with its 95 % interval (Katz et al. 1978, half a hit added to each side where either has
    none), Cohen's `h` (1988), `p` two-sided and `q` after Benjamini and Hochberg over all pairs compared, and `change`: up, down,
    same, or few where a side has fewer than LEAST_CALLS calls, which is not compared at all and stands for nothing.

    p is the pooled normal test, and where fewer than five hits are expected Fisher's exact one with its smaller tail doubled.
    """
    k, n, k0, n0 = (np.asarray(one, float) for one in (hits, calls, hits_before, calls_before))
    asked = (n >= LEAST_CALLS) & (n0 >= LEAST_CALLS)
    k, n, k0, n0 = (np.where(asked, one, fill) for one, fill in ((k, 0.0), (n, 1.0), (k0, 0.0), (n0, 1.0)))
    ratio, low, high = _ratio(k, n, k0, n0)
    p = np.where(_few_expected(k + k0, n, n0), _exact(k, n, k0, n0), _normal(k, n, k0, n0))
    q = np.full(len(p), np.nan)
    if asked.any():
        q[asked] = false_discovery_control(p[asked])
    h = 2 * np.arcsin(np.sqrt(k / n)) - 2 * np.arcsin(np.sqrt(k0 / n0))
    sure = (q < SURE) & ((ratio >= WORTH) | (ratio <= 1 / WORTH))
    change = np.select([~asked, sure & (h > 0), sure], ["few", "up", "down"], "same")
    numbers = {"ratio": ratio, "ratio_low": low, "ratio_high": high, "h": h, "p": p, "q": q}
    return pl.DataFrame({name: np.where(asked, one, np.nan) for name, one in numbers.items()}
                        | {"change": change}).with_columns(pl.selectors.float().fill_nan(None))


def lift(both: int, with_it: int, with_outcome: int, calls: int) -> tuple[float, float, float] | None:
    """How many times as often as in all calls the outcome comes where it was said, with the 95 % interval; None where one of
    the two never was. The interval is that of the logarithm under multinomial sampling (delta method), half a call added."""
    if not with_it or not with_outcome or not calls:
        return None
    a, r, c, n = (float(one) for one in (both, with_it, with_outcome, calls))
    if not both:
        a, r, c, n = a + 0.5, r + 0.5, c + 0.5, n + 0.5
    value = a * n / (r * c)
    spread = np.sqrt(max(1 / a - 1 / r - 1 / c + 2 * a / (r * c) - 1 / n, 0.0))
    return both * calls / (with_it * with_outcome), value * np.exp(-Z95 * spread), value * np.exp(Z95 * spread)


def _ratio(k: Numbers, n: Numbers, k0: Numbers, n0: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    more = np.where((k == 0) | (k0 == 0), 0.5, 0.0)
    a, m, b, m0 = k + more, n + more, k0 + more, n0 + more
    ratio = (a / m) / (b / m0)
    spread = np.sqrt(np.maximum(1 / a - 1 / m + 1 / b - 1 / m0, 0.0))
    return ratio, ratio * np.exp(-Z95 * spread), ratio * np.exp(Z95 * spread)


def _few_expected(total: Numbers, n: Numbers, n0: Numbers) -> NDArray[np.bool_]:
    share = total / (n + n0)
    return np.minimum(share, 1 - share) * np.minimum(n, n0) < LEAST_EXPECTED


def _normal(k: Numbers, n: Numbers, k0: Numbers, n0: Numbers) -> Numbers:
    share = (k + k0) / (n + n0)
    spread = np.sqrt(share * (1 - share) * (1 / n + 1 / n0))
    z = np.divide(k / n - k0 / n0, spread, out=np.zeros_like(spread), where=spread > 0)
    return 2 * norm.sf(np.abs(z))


def _exact(k: Numbers, n: Numbers, k0: Numbers, n0: Numbers) -> Numbers:
    everything, marked = n + n0, k + k0
    below, above = hypergeom.cdf(k, everything, marked, n), hypergeom.sf(k - 1, everything, marked, n)
    return np.minimum(1.0, 2 * np.minimum(below, above))
