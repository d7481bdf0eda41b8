"""Rules of which nothing was heard in a call: most of a big pack. Their findings are known before anybody asks.

Such a rule passes, fails or is not found for the lack of hits, whatever else the call holds; that can be said of rules that
apply to every call, decide by presence, and find by words that the automata tell of. The time of a call then hardly grows with
the number of rules.
"""
from __future__ import annotations

from collections.abc import Callable

from records import Finding
from rules.compiling import Node, Plan
from rules.deciding import without_hits
from rules.pack import Pack
from rules.schema import Rule
from rules.view import ABSENT, Outcome, View, bare


class Quiet:
    """The plain rules of a pack; `review` is what the engine makes of an outcome that is not sure enough."""

    def __init__(self, pack: Pack, review: Callable[[str, Outcome], Outcome]) -> None:
        self.review = review
        self.order = list(pack.rules)
        self.place = {rule_id: at for at, rule_id in enumerate(pack.rules) if plain(pack.rules[rule_id], pack.plan)}
        self.rules = [pack.rules[rule_id] for rule_id in self.place]
        self.others = [at for at, rule_id in enumerate(pack.rules) if rule_id not in self.place]
        self._usual: list[Finding | None] = [None] * len(self.order)
        for rule in self.rules:
            self._usual[self.place[rule.id]] = self._finding(rule, ABSENT)

    def findings(self, view: View) -> tuple[list[Finding | None], list[int]]:
        """The findings of rules of which nothing was heard, and the places of those that have to be asked."""
        heard = view.heard
        asked = [*self.others, *[self.place[rule_id] for rule_id in heard if rule_id in self.place]]
        if not view.measured and view.by_speaker["agent"] and view.by_speaker["customer"]:
            return self._usual.copy(), asked
        found: list[Finding | None] = [None] * len(self.order)
        for rule in self.rules:
            if rule.kind != "signal" and not view.spoken_by(rule.who):
                asked.append(self.place[rule.id])
            elif rule.id not in heard:
                found[self.place[rule.id]] = self._finding(rule, view.absence(rule))
        return found, asked

    def _finding(self, rule: Rule, absent: float) -> Finding:
        outcome = self.review(rule.id, without_hits(rule, absent))
        return bare(rule.id, outcome.verdict, outcome.value, round(outcome.confidence, 3), outcome.reason)


def plain(rule: Rule, plan: Plan) -> bool:
    """Whether a rule without hits always says the same (but how sure it is), and is told of its hits."""
    if (rule.applies or rule.decide or rule.lines or rule.organisations or rule.status == "deprecated"
            or rule.effective.since or rule.effective.until):
        return False
    return rule.id not in plan.nodes or _told(plan.nodes[rule.id], plan)


def _told(node: Node, plan: Plan) -> bool:
    """Whether none of a part's leaves has to look for itself."""
    if node.leaf >= 0:
        leaf = plan.words[node.leaf][0] if node.leaf in plan.words else node.leaf
        return leaf not in plan.unsure and leaf not in plan.single
    return all(_told(child, plan) for child in (*node.any, *node.all, *node.none))
