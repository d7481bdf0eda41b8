"""Operators for any rule: silences with their exceptions, and what several other rules say together."""
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rules.operators.parameters import HitsOf, LimitName, RuleRef
from rules.scanning import Hit
from rules.schema import Entry, Rule
from rules.view import Outcome, View

SURE = 0.9
"""Recognisers misplace the edges of turns by some tenths of a second."""


class LongSilence(Entry):
    """`ends`: only silences that this side ends; `asked` before it or `thanked` after it (rules) excuse one."""

    limit: Annotated[str, LimitName] = "silence"
    ends: Literal["agent", "customer", "any"] = "any"
    asked: Annotated[str | None, HitsOf] = None
    thanked: Annotated[str | None, HitsOf] = None


def long_silence(view: View, rule: Rule, params: LongSilence) -> Outcome:
    """Silences longer than a limit; `value` is the longest. A check or taboo fails by one, a signal is found."""
    if not view.timed:
        return Outcome("not_applicable", reason="没有时间信息")
    limit = rule.limits[params.limit]
    asked = _turns(view, params.asked)
    thanked = _turns(view, params.thanked)
    hits: list[Hit] = []
    longest, end, last = 0.0, None, -1
    for i, turn in enumerate(view.turns):
        if turn.start is None or turn.end is None:
            continue
        gap = turn.start - end if end is not None else 0.0
        mine = params.ends in ("any", view.speakers[i])
        # The customer's answer may stand between the request and the silence.
        excused = i in thanked or not asked.isdisjoint((last, last - 1))
        if gap > limit and mine and not excused:
            hits.append(Hit(i, view.text.offsets[i], view.text.end_of(i), SURE, "timing", False, f"此前静默 {gap:.0f} 秒"))
            longest = max(longest, gap)
        end, last = max(end or 0.0, turn.end), i
    reason = f"{len(hits)} 处静默超过 {limit:g} 秒" if hits else f"没有超过 {limit:g} 秒的静默"
    verdict = ("found" if hits else "none") if rule.kind == "signal" else "fail" if hits else "pass"
    return Outcome(verdict, SURE, tuple(hits), reason, round(longest, 1))


def _turns(view: View, rule: str | None) -> set[int]:
    return {hit.turn for hit in view.hits(rule)} if rule else set()


class Together(Entry):
    """`rules` that count when they pass or are found; how many of those that apply (without either number: all)."""

    rules: Annotated[list[str], RuleRef] = Field(min_length=1)
    at_least: int | None = Field(default=None, ge=1)
    at_most: int | None = Field(default=None, ge=0)


def together(view: View, rule: Rule, params: Together) -> Outcome:
    """All, some or none of several rules; rules that do not apply are left out, and without any left nothing is said."""
    outcomes = {other: view.outcome(other) for other in params.rules}
    applying = {other: one for other, one in outcomes.items() if one.verdict != "not_applicable"}
    if not applying:
        return Outcome("not_applicable", reason="；".join(dict.fromkeys(one.reason for one in outcomes.values() if one.reason)))
    done = {other: one for other, one in applying.items() if one.verdict in ("pass", "found")}
    open_ = [other for other, one in applying.items() if one.verdict == "needs_review"]
    least = params.at_least if params.at_least is not None else len(applying) if params.at_most is None else 0
    most = len(applying) if params.at_most is None else params.at_most
    good = least <= len(done) <= most
    could_differ = bool(open_) and (len(done) < least <= len(done) + len(open_) or len(done) <= most < len(done) + len(open_))
    titles = [view.rules[other].title for other in (done if len(done) > most else applying.keys() - done.keys())]
    named = "、".join(sorted(titles))
    reason = f"{len(applying)} 项中做到 {len(done)} 项" + ("" if good or not named else f"；{'不该有' if len(done) > most else '缺'}：{named}")
    hits = tuple(sorted((hit for one in done.values() for hit in one.hits[:1]), key=lambda hit: hit.start))
    confidence = min(one.confidence for one in applying.values())
    if could_differ:
        return Outcome("needs_review", confidence, hits, reason, float(len(done)))
    if rule.kind == "signal":
        return Outcome("found" if good else "none", confidence, hits, reason, float(len(done)))
    return Outcome("pass" if good else "fail", confidence, hits, reason, float(len(done)))
