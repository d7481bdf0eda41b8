"""The rules at work: findings of a call, and the answer about one sentence."""
from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, cast

from days import Days
from records import Finding, Match, Speaker, Transcript, Turn
from rules.calibrating import Calibration
from rules.calibrating import load as load_calibration
from rules.deciding import decide
from rules.operators import DETECTING
from rules.overriding import Limits
from rules.pack import Pack, load
from rules.quiet import Quiet
from rules.view import Knowledge, Outcome, View
from rules.weighing import Layer, Meaning


class Answer(NamedTuple):
    """Whether a turn contains what a rule looks for; `match` is None where it does not."""

    label: int
    confidence: float
    match: Match | None


class Engine:
    """A loaded pack with what the installation knows; safe to use from several threads, calls do not share state."""

    def __init__(self, pack: Pack, organisations: tuple[str, ...] = (), meaning: Meaning | None = None,
                 review_below: float = 0.6, calibration: Calibration | None = None, days: Days | None = None) -> None:
        self.pack, self.review_below, self.calibration = pack, review_below, calibration
        self.knowledge = Knowledge(organisations, None if meaning is None else Layer(meaning, pack.rules), days or Days())
        self.version = pack.version if calibration is None else f"{pack.version}+{calibration.version}"
        self.quiet = Quiet(pack, self._reviewed)

    @classmethod
    def open(cls, directory: Path | None = None, organisations: tuple[str, ...] = (), meaning: Meaning | None = None,
             review_below: float = 0.6, limits: Limits | None = None, calibration: Path | None = None,
             days: Days | None = None) -> Engine:
        """The pack of a directory, the built-in one by default; raises Problem where it has mistakes."""
        return cls(load(directory, limits), organisations, meaning, review_below,
                   None if calibration is None else load_calibration(calibration), days)

    def view(self, call: Transcript) -> View:
        return View(call, self.pack.plan, self.pack.rules, self.knowledge, self._decide)

    def _decide(self, view: View, rule_id: str) -> Outcome:
        return self._reviewed(rule_id, decide(view, self.pack, rule_id))

    def _reviewed(self, rule_id: str, outcome: Outcome) -> Outcome:
        """As sure as reviewers found it to be; a verdict that is not sure enough is left to a person."""
        if self.calibration is not None:
            outcome = outcome._replace(confidence=self.calibration.of(rule_id, outcome.verdict, outcome.confidence))
        if outcome.confidence < self.review_below and outcome.verdict in ("pass", "fail"):
            word = "通过" if outcome.verdict == "pass" else "不通过"
            reason = f"倾向{word}，把握只有 {outcome.confidence:.2f}；{outcome.reason}"
            return outcome._replace(verdict="needs_review", reason=reason)
        return outcome

    def findings(self, view: View) -> tuple[Finding, ...]:
        """One finding for every rule of the pack, in the pack's order."""
        found, asked = self.quiet.findings(view)
        order = self.quiet.order
        for at in asked:
            found[at] = view.finding(order[at], view.outcome(order[at]))
        return tuple(cast(list[Finding], found))

    def probe(self, rule_id: str, who: Speaker, text: str, before: str | None = None, after: str | None = None) -> Answer:
        """Does this turn contain what the rule looks for, its windows and counts left aside?

        `before` and `after` are the neighbouring turns, taken as the other side's. Raises KeyError for an unknown rule.
        """
        rule = self.pack.rules[rule_id]
        other: Speaker = "customer" if who == "agent" else "agent"
        turns = [Turn(speaker=other, text=before)] if before else []
        at = len(turns)
        turns.append(Turn(speaker=who, text=text))
        if after:
            turns.append(Turn(speaker=other, text=after))
        view = self.view(Transcript(call_id="probe", turns=tuple(turns)))
        view.free = True
        if (layer := self.knowledge.layer) is not None:
            view.opinion = layer.alone(rule.id, len(turns), at, (text, who, before or "", after or ""))
        detecting = rule.decide is not None and rule.decide.operator in DETECTING
        found = view.outcome(rule.id).hits if detecting else view.hits(rule.id)
        hits = [h for h in found if h.turn == at]
        if not hits or rule.who not in ("any", who):
            return Answer(0, view.absent([at]), None)
        best = max(hits, key=lambda h: h.confidence)
        return Answer(int(best.confidence >= 0.5), round(best.confidence, 3), best.match)

    def with_meaning(self, meaning: Meaning | None) -> Engine:
        """The same engine with another trained layer, or none."""
        return Engine(self.pack, self.knowledge.organisations, meaning, self.review_below, self.calibration, self.knowledge.days)
