"""How sure a rule may be, put right by reviewers: confidences from a file that `tingjian learn --calibrate` fitted.

The file is named in the settings (`[scoring] calibration`), so nothing changes silently: with another file the cards have another
version and calls are scored anew. A rule's verdict without an entry keeps its confidence.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from math import exp, log
from pathlib import Path
from typing import Any, NamedTuple

from records import Problem

FORM = "tingjian-calibration-1"
LEAST, MOST = 0.02, 0.99            # a confidence is no nearer to 0 and 1 than this


class Curve(NamedTuple):
    """From a rule's own confidence to the share of reviews that agreed with it. Straight lines between the points (`x` rising); flat
    beyond them, where no review says anything. A `slope` goes by log-odds instead (Platt 1999)."""

    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    slope: float | None = None
    bias: float = 0.0

    def at(self, confidence: float) -> float:
        if self.slope is not None:
            low, high = (self.x[0], self.x[-1]) if self.x else (LEAST, MOST)
            inside = min(max(confidence, low, 1e-3), high, 1 - 1e-3)
            return _bounded(1 / (1 + exp(-(self.slope * log(inside / (1 - inside)) + self.bias))))
        if confidence <= self.x[0]:
            return _bounded(self.y[0])
        for left, (x, y) in enumerate(zip(self.x[1:], self.y[1:], strict=True)):
            if confidence <= x:
                part = (confidence - self.x[left]) / (x - self.x[left])
                return _bounded(self.y[left] + part * (y - self.y[left]))
        return _bounded(self.y[-1])


class Calibration(NamedTuple):
    """`curves` by (rule, verdict); `version` is the content's hash."""

    version: str
    curves: Mapping[tuple[str, str], Curve]

    def of(self, rule: str, verdict: str, confidence: float) -> float:
        curve = self.curves.get((rule, verdict))
        return confidence if curve is None else curve.at(confidence)


def load(file: Path) -> Calibration:
    """A calibration; Problem where the file is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["form"] != FORM:
            raise ValueError(f"its form is {content['form']}, not {FORM}")
        curves = {(entry["rule"], entry["verdict"]): _curve(entry) for entry in content["curves"]}
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise Problem(f"[scoring] calibration: {file} is no calibration ({fault}); `tingjian learn --calibrate FILE` makes one.") from fault
    return Calibration(version(content), curves)


def version(content: Mapping[str, Any]) -> str:
    """Changes with the curves, not with when or from how many reviews they were made."""
    return hashlib.sha256(json.dumps(content["curves"], sort_keys=True).encode()).hexdigest()[:12]


def _curve(entry: Mapping[str, Any]) -> Curve:
    curve = Curve(tuple(map(float, entry["x"])), tuple(map(float, entry.get("y", ()))), entry.get("slope"), float(entry.get("bias", 0.0)))
    if not curve.x or list(curve.x) != sorted(set(curve.x)) or (curve.slope is None and len(curve.x) != len(curve.y)):
        raise ValueError(f"the curve of {entry['rule']} ({entry['verdict']}) needs rising x and as many y")
    return curve


def _bounded(value: float) -> float:
    return min(max(value, LEAST), MOST)
