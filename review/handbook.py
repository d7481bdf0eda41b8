"""What the pages, cards and workbooks know of the rules beside their findings: titles, which are taboos, what to coach."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from records import Draft, Evidence, Finding
from review.wording import Language, say

if TYPE_CHECKING:
    from rules.schema import Rule

TRIAL = "（试行）"
"""Beside the titles of rules that are told but take no points."""
BY_LAYER = "语义模型"
"""The note of what the trained layer found (rules/weighing.py)."""
EMPTY: Mapping[str, str] = MappingProxyType({})


class Handbook(NamedTuple):
    """`titles` and `coach` (what to say instead) by rule id; `taboos` are ids of what must not be said, the gravest first."""

    titles: Mapping[str, str] = EMPTY
    taboos: Sequence[str] = ()
    coach: Mapping[str, str] = EMPTY

    @classmethod
    def open(cls) -> Handbook:
        """Of the rule pack in force; raises Problem where it has mistakes."""
        from rules.pack import load
        from settings import Settings

        return cls.of(load(Settings().scoring.rule_pack).rules.values())

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Handbook:
        """Of rules that are loaded already."""
        rules = list(rules)
        grave = {"fatal": 0, "major": 1, "minor": 2}
        taboos = sorted((rule for rule in rules if rule.kind == "taboo"), key=lambda rule: grave[rule.severity])
        return cls({rule.id: rule.title + (TRIAL if rule.status == "experimental" else "") for rule in rules}, [rule.id for rule in taboos],
                   {rule.id: rule.coach for rule in rules if rule.coach})

    def title(self, rule: str) -> str:
        return self.titles.get(rule, rule)

    def broken(self, draft: Draft) -> list[Finding]:
        """The findings of the taboos that the agent broke, the gravest first."""
        failed = {one.rule: one for one in draft.findings if one.verdict == "fail"}
        return [failed[rule] for rule in self.taboos if rule in failed]

    def advice(self, draft: Draft, rules: Iterable[str], told: Iterable[str] = ()) -> list[tuple[str, str]]:
        """(title, what to coach) of those of the rules that failed, without those `told` already."""
        failed = {one.rule for one in draft.findings if one.verdict == "fail"}.difference(told)
        return [(self.title(rule), self.coach[rule]) for rule in rules if rule in failed and rule in self.coach]

    def origin(self, piece: Evidence, several: bool, language: Language = "zh") -> str:
        """What stands beside quoted words: which rule they are for (where `several` are meant), how they were found, how sure."""
        by_layer = piece.note == BY_LAYER
        found = say("by_layer" if by_layer else piece.match, language)
        if piece.confidence is not None:
            found += f" {piece.confidence:.2f}"
        note = piece.note if piece.text and not by_layer else ""
        return " · ".join(filter(None, (note, self.title(piece.rule) if several else "", found)))


UNKNOWN = Handbook()
"""For where no pack is at hand: rules are shown by their ids."""
