"""Prints an Evaluation: a line a rule, the means below, and what to read first when it went wrong."""
from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table

from .evaluation import FEW, Counts, Evaluation, Mean, RuleResult

COLUMNS = ("rule", "event", "calls", "TP", "FP", "FN", "(left)", "P", "R", "F1", "P fail", "R fail", "kappa", "AC1",
           "review", "P turn", "R turn", "")
VIEWS = {
    "event": "event: what the rule looks for (act: pass, lapse: fail, signal: found)",
    "alarm": "alarm: what a reviewer acts on (fail of every check, signal found)",
    "event_in_scope": "event, only where gold says the rule applies",
}


def print_evaluation(result: Evaluation, title: str, console: Console) -> None:
    """Writes the tables to `console`. Wide: about 130 columns."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, name in enumerate(COLUMNS):
        table.add_column(name, justify="left" if number < 2 else "right", no_wrap=True)
    for rule in sorted(result.rules, key=lambda rule: rule.rule):
        table.add_row(*_row(rule))
    console.print(table)
    console.print(f"\n{result.calls} calls, {result.verdicts} verdicts; needs_review {result.review_share:.1%} (coverage "
                  f"{result.coverage:.1%}). A positive left in needs_review is a miss; it never counts in precision.")
    if few := sum(rule.few for rule in result.rules):
        console.print(f"few: gold has the event in fewer than {FEW} calls, so that one call moves the figures by a fifth or more; "
                      f"{few} of {len(result.rules)} rules.")
    console.print(_means(result))
    turns = result.evidence
    console.print(f"Evidence by turn (taboos, holds, complaint, abuse, names): TP {turns.tp} FP {turns.fp} FN {turns.fn}, "
                  f"precision {_ratio(turns.precision)} recall {_ratio(turns.recall)}")
    if result.score:
        error = result.score
        console.print(f"Score against gold, {error['calls']} calls: mean absolute error {error['mean_absolute']:.2f}, "
                      f"mean signed {error['mean_signed']:+.2f}, largest {error['largest']:.2f} points")
    if result.missing_rules:
        console.print(f"Judged by gold, not answered by the pack: {', '.join(sorted(result.missing_rules))}")


def print_mistakes(result: Evaluation, console: Console) -> None:
    """Every call and rule where gold and draft differ, most frequent rule first."""
    often = Counter(mistake["rule"] for mistake in result.mistakes)
    for mistake in sorted(result.mistakes, key=lambda one: (-often[one["rule"]], one["rule"], one["call_id"])):
        sure = "" if mistake["confidence"] is None else f" ({mistake['confidence']:.2f})"
        console.print(
            f"{mistake['rule']} {mistake['call_id']}: gold {mistake['gold']} at {mistake['gold_turns']}, drafted "
            f"{mistake['drafted']}{sure} at {mistake['drafted_turns']} {mistake['reason']}", markup=False, highlight=False)


def _row(rule: RuleResult) -> tuple[str, ...]:
    event, turns = rule.event, rule.evidence or Counts()
    review = f"{rule.review_share:.0%}" if rule.review_share else ""
    return (rule.rule, rule.positive, str(rule.calls), str(event.tp), str(event.fp), str(event.fn), str(event.left or ""),
            _ratio(event.precision), _ratio(event.recall), _ratio(event.f1), _ratio(rule.alarm.precision),
            _ratio(rule.alarm.recall), _ratio(rule.kappa), _ratio(rule.ac1), review,
            _ratio(turns.precision), _ratio(turns.recall), "few" if rule.few else "")


def _means(result: Evaluation) -> Table:
    table = Table(box=None, pad_edge=False, title="Means with 95 % intervals (bootstrap over calls) and number of rules",
                  title_justify="left")
    for name in ("", "precision", "recall", "F1"):
        table.add_column(name, no_wrap=True)
    for view, words in VIEWS.items():
        table.add_row(words)
        for kind in ("macro", "micro"):
            means = result.means[view]
            table.add_row(f"  {kind}", *(_interval(means[f"{kind}_{name}"]) for name in ("precision", "recall", "f1")))
    return table


def _interval(mean: Mean) -> str:
    if mean.value is None or mean.low is None or mean.high is None:
        return "–"
    return f"{mean.value:.3f} [{mean.low:.3f}–{mean.high:.3f}] n={mean.rules}"


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
