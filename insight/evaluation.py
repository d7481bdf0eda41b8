"""Measures drafts against calls that a person has labelled: per rule counts, precision, recall, agreement, and the means.

**What is a positive.** A rule's *event* is what it looks for: `found` for a signal; `fail` for a rule that looks for a
lapse (`taboo.*`, `name.wrong`, `hold.unannounced`, `voice.*`, `call.duration`); `pass` for every other check, which looks
for an act (a greeting, a consent, a farewell). Everything else, `not_applicable` included, is negative: a rule wrongly
applied counts as a false positive, one wrongly left out as a miss. Three views come from this, all printed:

- `event` (headline): the positive is the event;
- `alarm`: the positive is what a reviewer acts on, `fail` for every check and `found` for signals: false alarms show here;
- `event_in_scope`: as `event`, but only where gold says that the rule applies, to set beside trials with scope given.

**needs_review** is neither right nor wrong: it never enters precision, kappa or AC1. A positive left in it is a miss in
recall (`left` says how many of the misses these are). Its share is printed as `review_share`; `coverage` is the rest.

**Left out.** A rule missing from a call's gold verdicts is undecided there and skipped. Precision without a predicted
positive and recall without a true one are undefined (None) and stay out of the macro mean; `rules` beside each mean says
how many entered it. A rule that gold judges and the draft does not answer at all counts as `missing`: a miss where it was
positive.

**Intervals** are 95 % percentile bootstrap over calls: rules of one call hang together, so calls are what is drawn.
"""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, ValidationError

from records import Draft, Finding, Problem, Record, Transcript, Verdict

from .agreement import cohen_kappa, gwet_ac1

LAPSES = ("taboo.", "voice.", "name.wrong", "hold.unannounced", "call.duration")
# Rules whose gold evidence lists every turn where the thing happens, not only the turn that earns a pass.
EXHAUSTIVE = (
    "taboo.", "hold.request", "hold.unannounced", "complaint.raised", "customer.abusive", "name.used", "name.wrong")
CLASSES = {"check": 3, "signal": 2}  # pass, fail, not_applicable; found, none
VIEWS = ("event", "alarm", "event_in_scope")
DRAWS = 2000
FEW = 5  # calls with the event, below which a rule's ratios say little


class Gold(Record):
    """What a person decided: verdict by rule, turn indexes by rule, and the whole score where it was given."""

    verdicts: dict[str, Verdict]
    evidence: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    score: float | None = None


class LabelledCall(Record):
    transcript: Transcript
    gold: Gold
    note: str = ""


@dataclass(frozen=True)
class Counts:
    """True and false positives and misses; `left` are the misses that wait in needs_review. Undefined ratios are None."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    left: int = 0

    @property
    def precision(self) -> float | None:
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None

    @property
    def recall(self) -> float | None:
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def f1(self) -> float | None:
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn) if self.tp + self.fp + self.fn else None


@dataclass(frozen=True)
class RuleResult:
    """One rule over all calls. `confusion` maps gold verdict to drafted verdict to number; `evidence` counts turns, None
    where gold does not list every turn; `located` is the share of true events whose drafted evidence shares a turn with
    gold's; `few`: fewer than FEW calls have the event by gold, so that one call moves the ratios by a fifth or more."""

    rule: str
    positive: Verdict
    calls: int
    event: Counts
    alarm: Counts
    in_scope: Counts
    kappa: float | None
    ac1: float | None
    review_share: float
    confusion: dict[str, dict[str, int]]
    evidence: Counts | None
    located: float | None
    missing: int
    few: bool


@dataclass(frozen=True)
class Mean:
    """A mean of precision or recall or F1 with its 95 % interval; `rules` is how many rules had a defined value."""

    value: float | None
    low: float | None
    high: float | None
    rules: int


@dataclass(frozen=True)
class Evaluation:
    """`means["event"]["macro_precision"]` and so on for the three views; `evidence` sums the turn counts of all rules."""

    calls: int
    verdicts: int
    review_share: float
    rules: tuple[RuleResult, ...]
    means: dict[str, dict[str, Mean]]
    evidence: Counts
    mistakes: tuple[dict[str, Any], ...] = ()
    score: dict[str, float] | None = None
    missing_rules: tuple[str, ...] = ()

    @property
    def coverage(self) -> float:
        return 1.0 - self.review_share

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, the ratios written out beside their counts."""
        return _with_ratios(self) | {"coverage": self.coverage}


@dataclass
class _Tally:
    """What is gathered of one rule while the calls go by: a row of (gold, drafted) a call."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    turns: list[tuple[int, int, int]] = field(default_factory=list)
    located: list[bool] = field(default_factory=list)


def read_labelled(files: Iterable[str | Path]) -> list[LabelledCall]:
    """Calls with gold from JSON Lines files, in order. Raises Problem naming file and line for what cannot be read."""
    calls = []
    for path in map(Path, files):
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise Problem(f"{path}: cannot be read ({error}); give a UTF-8 file with one labelled call a line") from error
        for number, line in enumerate(lines, 1):
            if line.strip():
                calls.append(_labelled(line, f"{path} line {number}"))
    if not calls:
        raise Problem("No labelled calls in the files given; each line needs `transcript` and `gold.verdicts`")
    return calls


def evaluate(calls: Sequence[LabelledCall], drafts: Sequence[Draft], draws: int = DRAWS) -> Evaluation:
    """Compares each call with the draft at the same place. Raises ValueError when they do not belong together."""
    for call, draft in zip(calls, drafts, strict=True):
        if call.transcript.call_id != draft.call_id:
            raise ValueError(f"draft of {draft.call_id} stands beside call {call.transcript.call_id}")
    tallies, mistakes = _tallied(calls, drafts)
    results = tuple(_result(rule, tally) for rule, tally in tallies.items())
    judged = [drafted for tally in tallies.values() for _, drafted in tally.pairs]
    return Evaluation(
        calls=len(calls), verdicts=len(judged),
        review_share=judged.count("needs_review") / len(judged) if judged else 0.0,
        rules=results, means={view: _means(tallies, view, len(calls), draws) for view in VIEWS},
        evidence=_sum(result.evidence for result in results if result.evidence), mistakes=tuple(mistakes),
        score=_score_error(calls, drafts), missing_rules=tuple(result.rule for result in results if result.missing))


def event_cells(calls: Sequence[LabelledCall], drafts: Sequence[Draft]) -> tuple[tuple[str, ...], np.ndarray]:
    """The rules judged, and their event's true and false positives and misses by call, shape (3, calls, rules): from them comes
    the interval of a difference between two sets of drafts of the same calls, drawn together."""
    tallies, _ = _tallied(calls, drafts)
    return tuple(tallies), _cells(tallies, "event", len(calls))


def _tallied(calls: Sequence[LabelledCall], drafts: Sequence[Draft]) -> tuple[dict[str, _Tally], list[dict[str, Any]]]:
    """What is gathered of each rule, and the mistakes."""
    tallies: dict[str, _Tally] = {}
    mistakes: list[dict[str, Any]] = []
    for row, (call, draft) in enumerate(zip(calls, drafts, strict=True)):
        findings = {finding.rule: finding for finding in draft.findings}
        for rule, gold in call.gold.verdicts.items():
            _compare(tallies.setdefault(rule, _Tally()), row, rule, gold, findings.get(rule), call, mistakes)
    return tallies, mistakes


def positive_of(rule: str, verdicts: Iterable[str]) -> Verdict:
    """The verdict that stands for the rule's event; `verdicts` (gold's and ours) tell a signal from a check."""
    if {"found", "none"} & set(verdicts):
        return "found"
    return "fail" if rule.startswith(LAPSES) else "pass"


def _labelled(line: str, where: str) -> LabelledCall:
    try:
        return LabelledCall.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise Problem(f"{where}: not JSON ({error}); one object a line is expected") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Problem(f"{where}: {place}: {first['msg']}; expected are `transcript` and `gold.verdicts`") from error


def _compare(tally: _Tally, row: int, rule: str, gold: str, finding: Finding | None, call: LabelledCall,
             mistakes: list[dict[str, Any]]) -> None:
    drafted = finding.verdict if finding else "missing"
    tally.pairs.append((gold, drafted))
    tally.rows.append(row)
    truth = set(call.gold.evidence.get(rule, ()))
    claimed = _claimed_turns(rule, finding)
    if rule.startswith(EXHAUSTIVE):
        tally.turns.append((len(truth & claimed), len(claimed - truth), len(truth - claimed)))
    if gold == drafted and truth and gold == positive_of(rule, (gold,)):
        tally.located.append(bool(truth & claimed))
    if gold != drafted:
        mistakes.append({
            "call_id": call.transcript.call_id, "rule": rule, "gold": gold, "drafted": drafted,
            "confidence": finding.confidence if finding else None, "reason": finding.reason if finding else "",
            "gold_turns": sorted(truth), "drafted_turns": sorted(claimed), "note": call.note})


def _claimed_turns(rule: str, finding: Finding | None) -> set[int]:
    """Turns where the draft says that it happened; what a passing lapse rule shows beside it was weighed and dropped."""
    if finding is None or finding.verdict == "none" or (rule.startswith(LAPSES) and finding.verdict == "pass"):
        return set()
    return {evidence.turn for evidence in finding.evidence if evidence.turn is not None and evidence.rule == rule}


def _result(rule: str, tally: _Tally) -> RuleResult:
    positive = positive_of(rule, (verdict for pair in tally.pairs for verdict in pair))
    alarm = "found" if positive == "found" else "fail"
    confusion: dict[str, Counter[str]] = {}
    for gold, drafted in tally.pairs:
        confusion.setdefault(gold, Counter())[drafted] += 1
    decided = [pair for pair in tally.pairs if pair[1] not in ("needs_review", "missing")]
    used = {rating for pair in decided for rating in pair}
    classes = max(CLASSES["signal" if positive == "found" else "check"], len(used))
    return RuleResult(
        rule=rule, positive=positive, calls=len(tally.pairs), event=_counts(tally.pairs, positive),
        alarm=_counts(tally.pairs, alarm), in_scope=_counts(_in_scope(tally.pairs), positive),
        kappa=cohen_kappa(decided), ac1=gwet_ac1(decided, classes),
        review_share=sum(drafted == "needs_review" for _, drafted in tally.pairs) / len(tally.pairs),
        confusion={gold: dict(row) for gold, row in confusion.items()},
        evidence=Counts(*map(sum, zip(*tally.turns, strict=True))) if tally.turns else None,
        located=sum(tally.located) / len(tally.located) if tally.located else None,
        missing=sum(drafted == "missing" for _, drafted in tally.pairs),
        few=sum(gold == positive for gold, _ in tally.pairs) < FEW)


def _in_scope(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in pairs if pair[0] != "not_applicable"]


def _counts(pairs: Iterable[tuple[str, str]], positive: str) -> Counts:
    return _sum(_outcome(gold, drafted, positive) for gold, drafted in pairs)


def _outcome(gold: str, drafted: str, positive: str) -> Counts:
    hit, true = drafted == positive, gold == positive
    return Counts(int(hit and true), int(hit and not true), int(true and not hit), int(true and drafted == "needs_review"))


def _sum(counts: Iterable[Counts]) -> Counts:
    tp = fp = fn = left = 0
    for one in counts:
        tp, fp, fn, left = tp + one.tp, fp + one.fp, fn + one.fn, left + one.left
    return Counts(tp, fp, fn, left)


def _means(tallies: dict[str, _Tally], view: str, calls: int, draws: int) -> dict[str, Mean]:
    """Macro and micro precision, recall and F1 of one view, with bootstrap intervals over calls."""
    cells = _cells(tallies, view, calls)
    weights = np.random.default_rng(0).multinomial(calls, np.full(calls, 1 / calls), size=draws)
    return _ratios(cells.sum(axis=1), np.einsum("dc,kcr->kdr", weights, cells, optimize=True))


def _cells(tallies: dict[str, _Tally], view: str, calls: int) -> np.ndarray:
    """True and false positives and misses of one view by call and rule, shape (3, calls, rules)."""
    cells = np.zeros((3, calls, len(tallies)))
    for column, (rule, tally) in enumerate(tallies.items()):
        positive = positive_of(rule, (verdict for pair in tally.pairs for verdict in pair))
        if view == "alarm" and positive != "found":
            positive = "fail"
        for row, (gold, drafted) in zip(tally.rows, tally.pairs, strict=True):
            if view != "event_in_scope" or gold != "not_applicable":
                one = _outcome(gold, drafted, positive)
                cells[:, row, column] += one.tp, one.fp, one.fn
    return cells


def _ratios(whole: np.ndarray, drawn: np.ndarray) -> dict[str, Mean]:
    """Means of counts (tp, fp, fn) by rule, shape (3, rules), with intervals from the drawn ones, shape (3, draws, rules).

    A rule that a draw leaves without positives keeps its value of the whole set there: were it dropped, the rare rules
    would be missing from many draws and the interval would lie beside the mean.
    """
    out: dict[str, Mean] = {}
    for name, share in (("precision", (1, 1, 0)), ("recall", (1, 0, 1)), ("f1", (2, 1, 1))):
        below = np.tensordot(share, whole, axes=1)
        defined = below > 0
        rules = int(defined.sum())
        if not rules:
            out |= {f"{kind}_{name}": Mean(None, None, None, 0) for kind in ("macro", "micro")}
            continue
        above, below = share[0] * whole[0, defined], below[defined]
        drawn_above, drawn_below = share[0] * drawn[0][:, defined], np.tensordot(share, drawn, axes=1)[:, defined]
        ratios = np.where(drawn_below > 0, drawn_above / np.maximum(drawn_below, 1), above / below)
        some = drawn_below.sum(axis=1) > 0
        pooled = drawn_above[some].sum(axis=1) / drawn_below[some].sum(axis=1)
        out[f"macro_{name}"] = _mean((above / below).mean(), ratios.mean(axis=1), rules)
        out[f"micro_{name}"] = _mean(above.sum() / below.sum(), pooled, rules)
    return out


def _mean(value: float, drawn: np.ndarray, rules: int) -> Mean:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Mean(float(value), float(low), float(high), rules)


def _score_error(calls: Sequence[LabelledCall], drafts: Sequence[Draft]) -> dict[str, float] | None:
    """Mean absolute and mean signed error (ours minus gold, points) over calls where both have a score, else None."""
    errors = [draft.score - call.gold.score for call, draft in zip(calls, drafts, strict=True)
              if call.gold.score is not None and draft.score is not None]
    if not errors:
        return None
    return {"calls": len(errors), "mean_absolute": float(np.mean(np.abs(errors))), "mean_signed": float(np.mean(errors)),
            "largest": float(np.max(np.abs(errors)))}


def _with_ratios(value: Any) -> Any:
    if isinstance(value, Counts):
        return asdict(value) | {"precision": value.precision, "recall": value.recall, "f1": value.f1}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _with_ratios(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {key: _with_ratios(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_ratios(one) for one in value]
    return value
