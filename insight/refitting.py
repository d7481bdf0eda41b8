"""Confidences fitted to reviews: of verdicts as sure as this, which share did reviewers agree with?

Per rule and verdict, from enough reviews only: Platt's two parameters from LEAST on, isotonic regression from MANY on. The result is a file
that a person names in the settings; nothing is changed by fitting it.
"""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from rules.calibrating import FORM, LEAST, MOST, Curve, version

LEAST_REVIEWS, LEAST_OF_EACH = 50, 5        # reviews of a rule's verdict, and of right and of wrong ones among them
MANY_REVIEWS = 300                          # from which a free shape is fitted
SHRINK = 1e-3                               # Platt's inverse of the penalty's weight, so that a perfect split stays finite


def calibration(lessons: pl.DataFrame, least: int = LEAST_REVIEWS) -> dict[str, Any]:
    """The content of a calibration file (rules/calibrating.py) from `lessons`, with what each curve rests on: `reviews`, `agreed`, and the
    mean squared error of the confidences (Brier) `before` and `after`, cross-validated. Curves that would not be better are left out."""
    curves = []
    known = lessons.filter(pl.col("verdict").is_in(["pass", "fail"])).with_columns(right=pl.col("verdict") == pl.col("truth"))
    for (rule, verdict), rows in sorted(known.group_by(["rule", "verdict"]), key=lambda one: str(one[0])):
        sure, right = rows["confidence"].to_numpy(), rows["right"].to_numpy().astype(float)
        if len(right) < least or min(right.sum(), (1 - right).sum()) < LEAST_OF_EACH:
            continue
        before, after = float(np.mean((sure - right) ** 2)), _held_out(sure, right)
        if after >= before:
            continue
        curve = _fitted(sure, right)
        shape = {"x": curve.x, "y": curve.y} if curve.slope is None else {"x": curve.x, "slope": curve.slope, "bias": curve.bias}
        curves.append({"rule": rule, "verdict": verdict, **shape, "reviews": len(right), "agreed": int(right.sum()),
                       "before": round(before, 4), "after": round(after, 4)})
    content: dict[str, Any] = {"form": FORM, "curves": curves}
    return content | {"version": version(content), "made_at": datetime.now(UTC).isoformat(timespec="seconds"), "reviews": known.height}


def reliability(lessons: pl.DataFrame, bins: int = 5) -> pl.DataFrame:
    """How sure the rules were and how often they were right, by steps of confidence: from, to, verdicts, sure (mean), right (share)."""
    known = lessons.filter(pl.col("verdict").is_in(["pass", "fail"]))
    step = (pl.col("confidence") * bins).floor().clip(0, bins - 1)
    return known.with_columns(step=step).group_by("step").agg(
        verdicts=pl.len(), sure=pl.col("confidence").mean(), right=(pl.col("verdict") == pl.col("truth")).mean()).sort("step").select(
        (pl.col("step") / bins).alias("from"), ((pl.col("step") + 1) / bins).alias("to"), "verdicts", "sure", "right")


def _fitted(sure: np.ndarray, right: np.ndarray) -> Curve:
    low, high = float(sure.min()), float(sure.max())
    if len(right) < MANY_REVIEWS or low == high:
        slope, bias = _platt(sure, right)
        return Curve((low, high) if low < high else (low,), (), slope, bias)
    fitted = IsotonicRegression(y_min=LEAST, y_max=MOST, out_of_bounds="clip").fit(sure, right)
    xs, at = np.unique(fitted.X_thresholds_.round(6), return_index=True)
    return Curve(tuple(map(float, xs)), tuple(float(one) for one in fitted.y_thresholds_[at].round(6)))


def _platt(sure: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Slope and bias by log-odds. A slope below 0 would turn the rule's own order round; then only the share of right ones is kept."""
    if np.ptp(sure) == 0:
        return 0.0, float(_log_odds(right.mean()))
    model = LogisticRegression(C=1 / SHRINK).fit(_log_odds(sure)[:, None], right)
    if model.coef_[0, 0] < 0:
        return 0.0, float(_log_odds(right.mean()))
    return round(float(model.coef_[0, 0]), 6), round(float(model.intercept_[0]), 6)


def _held_out(sure: np.ndarray, right: np.ndarray, folds: int = 5) -> float:
    """The error on reviews that a curve has not seen, folds taken in turn."""
    errors = np.empty(len(right))
    place = np.random.RandomState(0).permutation(len(right)) % folds
    for fold in range(folds):
        test, rest = place == fold, place != fold
        if len(np.unique(right[rest])) < 2:
            errors[test] = (right[rest].mean() - right[test]) ** 2
            continue
        curve = _fitted(sure[rest], right[rest])
        errors[test] = (np.array([curve.at(one) for one in sure[test]]) - right[test]) ** 2
    return float(errors.mean())


def _log_odds(share: np.ndarray | float) -> np.ndarray:
    inside = np.clip(share, 1e-3, 1 - 1e-3)
    return np.log(inside / (1 - inside))
