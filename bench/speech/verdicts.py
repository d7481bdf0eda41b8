"""How much of the rules' F1 is lost between the true words and what was heard, and how far chance in the choice of calls could
move that.

Macro F1 is the mean over rules, so a rule whose event is in one call of ten weighs as much as one that is in every call, and one
false alarm of a rule whose event is in none is a whole rule with 0. `Rules.of` therefore gives the same figures for rules apart by
the number of calls that have their event; the figure over all rules stays the one that is judged.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from bench.speech.truth import Truth
from records import Draft, Transcript

Mean = Literal["macro", "micro"]
DRAWS = 2000
OFTEN = 5           # calls with a rule's event, from which its F1 says something by itself: one call moves recall by a fifth


class Lost(NamedTuple):
    """F1 lost, with its 95 % interval: the percentiles over draws of calls, each draw scored on both (paired)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Rules:
    """Rules judged on some calls. `true` and `heard` are the true positives, false positives and misses of their events on the true
    words and on what was heard, shape (3, calls, rules); `waiting` the share of verdicts on what was heard that wait for a person."""

    names: tuple[str, ...]
    true: np.ndarray
    heard: np.ndarray
    waiting: float = 0.0

    @property
    def calls(self) -> int:
        return self.true.shape[1]

    @cached_property
    def cases(self) -> np.ndarray:
        """In how many calls each rule's event is, by gold; shape (rules,)."""
        return (self.true[0] + self.true[2]).sum(axis=0)

    def of(self, fewest: int = 0, most: float = np.inf) -> Rules:
        """The same for the rules whose event is in so many calls."""
        chosen = (self.cases >= fewest) & (self.cases <= most)
        names = tuple(name for name, keep in zip(self.names, chosen, strict=True) if keep)
        return Rules(names, self.true[:, :, chosen], self.heard[:, :, chosen], self.waiting)

    def f1(self, counts: np.ndarray, mean: Mean = "macro") -> float | None:
        """F1 of `self.true` or `self.heard`; None where no rule has anything to be right or wrong about."""
        return _f1(counts.sum(axis=1), mean)

    def loss(self, mean: Mean = "macro") -> Lost | None:
        """F1 lost between the true words and what was heard."""
        true, heard = self.f1(self.true, mean), self.f1(self.heard, mean)
        if true is None or heard is None:
            return None
        draws = np.random.default_rng(0).multinomial(self.calls, np.full(self.calls, 1 / self.calls), size=DRAWS)
        lost = _drawn(self.true, draws, mean) - _drawn(self.heard, draws, mean)
        low, high = np.nanpercentile(lost, [2.5, 97.5])
        return Lost(true - heard, float(low), float(high))


def _f1(counts: np.ndarray, mean: Mean) -> float | None:
    """F1 of counts (tp, fp, fn) by rule, shape (3, rules)."""
    below = 2 * counts[0] + counts[1] + counts[2]
    if not below.any():
        return None
    if mean == "micro":
        return float(2 * counts[0].sum() / below.sum())
    return float(np.mean(2 * counts[0][below > 0] / below[below > 0]))


def _drawn(cells: np.ndarray, draws: np.ndarray, mean: Mean) -> np.ndarray:
    """F1 in each draw, shape (draws,). A rule without anything in a draw keeps its value of the whole set, as in insight.evaluation:
    were it left out, rare rules would be missing from many draws and the interval would lie beside the figure."""
    whole = cells.sum(axis=1)
    some = (2 * whole[0] + whole[1] + whole[2]) > 0
    drawn = np.einsum("dc,kcr->kdr", draws, cells[:, :, some], optimize=True)
    above, below = 2 * drawn[0], 2 * drawn[0] + drawn[1] + drawn[2]
    if mean == "micro":
        return above.sum(axis=1) / np.where((total := below.sum(axis=1)) > 0, total, np.nan)
    usual = 2 * whole[0, some] / (2 * whole[0] + whole[1] + whole[2])[some]
    return np.where(below > 0, above / np.maximum(below, 1), usual).mean(axis=1)


def rules(truths: Sequence[Truth], heard: dict[str, Transcript], draft: Callable[[Transcript], Draft]) -> Rules:
    """Drafts of the true transcripts and of the heard ones, each against the gold verdicts. A call that failed counts as silent."""
    from insight.evaluation import Gold, LabelledCall, event_cells

    labelled = [truth for truth in truths if truth.verdicts]
    calls = [LabelledCall(transcript=truth.transcript, gold=Gold(verdicts=truth.verdicts)) for truth in labelled]
    drafts = [[draft(transcript) for transcript in transcripts] for transcripts in (
        [truth.transcript for truth in labelled], [as_heard(truth, heard) for truth in labelled])]
    names, true = event_cells(calls, drafts[0])
    _, got = event_cells(calls, drafts[1])
    judged = [finding.verdict for call, one in zip(calls, drafts[1], strict=True) for finding in one.findings
              if finding.rule in call.gold.verdicts]
    return Rules(names, true, got, judged.count("needs_review") / len(judged) if judged else 0.0)


def as_heard(truth: Truth, heard: dict[str, Transcript]) -> Transcript:
    """What was heard of a recording; an empty transcript where it failed."""
    return heard.get(truth.name) or truth.transcript.model_copy(update={"turns": ()})
