"""From hits to verdicts: does the rule apply, and what do its hits in their window say about the call?"""
from __future__ import annotations

from datetime import date

from rules.operators import TABLE
from rules.operators.calendar import day_of
from rules.operators.metadata import missing
from rules.overriding import overridden, overrides
from rules.pack import Pack
from rules.scanning import Hit
from rules.schema import Condition, Count, Decide, Each, Rate, Rule, Step
from rules.view import Outcome, View

WEAK = "说法较弱，得一半分"
"""The reason of a pass that earns half the points."""
MOST_DOUBTS = 3
"""Doubtful places shown of a rule without a hit."""


def decide(view: View, pack: Pack, rule_id: str) -> Outcome:
    """A rule's outcome for a call, whatever it takes."""
    rule = pack.rules[rule_id]
    decided_by = ("", "")
    if (rule.lines or rule.organisations) and (found := overrides(rule, view.call)):
        for (field, name), override in found:
            if not override.enabled:
                return Outcome("not_applicable", reason=f"{'业务线' if field == 'lines' else '单位'} {name} 不检查此项")
        rule, decided_by = overridden(rule, found)
    if (why := _not_applicable(view, rule)) is not None:
        return Outcome("not_applicable", reason=why)
    how = rule.decide
    if how is None:
        return _presence(view, rule)
    if how.operator:
        params = pack.params[rule_id, decided_by]
        return TABLE[how.operator].run(view, rule, params)
    return _counted(view, rule, how)


def _not_applicable(view: View, rule: Rule) -> str | None:
    """Why the rule does not apply to this call; None where it does."""
    if rule.status == "deprecated":
        return "规则已停用"
    since, until = rule.effective.since, rule.effective.until
    if since or until:
        day = day_of(view.call.started_at) or date.today()
        if (since and day < since) or (until and day > until):
            return f"规则在 {day} 不生效"
    for condition in rule.applies:
        if (why := _unmet(view, rule, condition)) is not None:
            return condition.reason or why
    if rule.find is not None and rule.kind != "signal" and not view.spoken_by(rule.who):
        return "没有坐席的话" if rule.who == "agent" else "没有客户的话"
    return None


def _unmet(view: View, rule: Rule, condition: Condition) -> str | None:
    if condition.direction and (view.call.direction or "inbound") != condition.direction:
        return "只查呼出电话" if condition.direction == "outbound" else "只查呼入电话"
    for field in condition.has:
        if getattr(view.call, field, None) is None:
            return missing(field)
    if condition.times and not view.timed:
        return "没有时间信息"
    if condition.rule:
        verdict = view.outcome(condition.rule).verdict
        if verdict not in (condition.verdict or ("pass", "found")):
            return f"{view.rules[condition.rule].title}：{_WORDS.get(verdict, verdict)}"
    if condition.operator:
        outcome = TABLE[condition.operator].run(view, rule, TABLE[condition.operator].params())
        if outcome.verdict not in ("pass", "found"):
            return outcome.reason
    return None


_WORDS = {"none": "没有出现", "found": "出现了", "fail": "不通过", "pass": "通过", "not_applicable": "不适用",
          "needs_review": "待复核"}


def _presence(view: View, rule: Rule) -> Outcome:
    """One hit is enough."""
    hits = view.hits(rule.id)
    if not hits and rule.kind != "signal" and (doubts := view.doubts(rule.id)):
        surest = tuple(sorted(doubts, key=lambda h: -h.confidence)[:MOST_DOUBTS])
        return Outcome("needs_review", surest[0].confidence, surest, "可能有，把握不足，请人听一下")
    if not hits:
        return without_hits(rule, view.absence(rule))
    if rule.kind == "signal":
        return Outcome("found", max(h.confidence for h in hits), hits, value=float(len(hits)))
    if rule.kind == "taboo":
        return Outcome("fail", max(h.confidence for h in hits), hits, f"{len(hits)} 处", float(len(hits)))
    best = max(hits, key=lambda h: (not h.weak, h.confidence))
    shown = (best, *[h for h in hits if h is not best])
    if best.weak:
        return Outcome("pass", best.confidence, shown, WEAK, 0.5)
    return Outcome("pass", best.confidence, shown, "已做到")


def without_hits(rule: Rule, absent: float) -> Outcome:
    """What a rule that looks for presence says of a call without a hit; `absent` is how sure that is."""
    if rule.kind == "signal":
        return Outcome("none", absent, value=0.0)
    if rule.kind == "taboo":
        return Outcome("pass", absent, reason="没有发现", value=0.0)
    return Outcome("fail", absent, reason="没有找到")


def _counted(view: View, rule: Rule, how: Decide) -> Outcome:
    if how.count:
        return _count(view, rule, how.count)
    if how.rate:
        return _rate(view, rule, how.rate)
    if how.each:
        return _each(view, rule, how.each)
    return _sequence(view, how.sequence)


def _count(view: View, rule: Rule, count: Count) -> Outcome:
    hits = view.hits(rule.id)
    number = len({h.turn for h in hits}) if count.distinct == "turns" else len(hits)
    good = (count.at_least is None or number >= count.at_least) and (count.at_most is None or number <= count.at_most)
    # The count stands or falls with its least sure hit that is needed.
    sure = sorted((h.confidence for h in hits), reverse=True)
    needed = count.at_least or (count.at_most or 0) + 1
    confidence = sure[min(needed, len(sure)) - 1] if sure and number >= needed else view.absence(rule)
    limit = f"至少 {count.at_least}" if count.at_least is not None else f"至多 {count.at_most}"
    return Outcome("pass" if good else "fail", confidence, hits, f"{number} 处，要求{limit} 处", float(number))


def _rate(view: View, rule: Rule, rate: Rate) -> Outcome:
    if not view.timed or not (minutes := view.minutes_of(rule.who)):
        return Outcome("not_applicable", reason="没有时间信息")
    hits = view.hits(rule.id)
    per_minute = len(hits) / minutes
    limit = rate.at_most
    reason = f"每分钟 {per_minute:.1f} 次，上限 {limit:g} 次"
    if rate.review_from is not None and rate.review_from < per_minute <= limit:
        return Outcome("needs_review", 0.5, hits, reason + "，接近上限", per_minute)
    return Outcome("pass" if per_minute <= limit else "fail", 0.9, hits, reason, per_minute)


def _each(view: View, rule: Rule, each: Each) -> Outcome:
    from rules.schema import Anchor

    anchors, mine = view.hits(each.of), view.hits(rule.id)
    if not anchors:
        return Outcome("not_applicable", reason=f"{view.rules[each.of].title}：没有出现")
    found: list[Hit] = []
    missed: list[Hit] = []
    for anchor in anchors:
        near = view.beside(anchor.turn, each.side, Anchor(rule=each.of, within=each.within))
        answer = max((h for h in mine if h.turn in near), key=lambda h: h.confidence, default=None)
        if answer is None:
            missed.append(anchor)
        else:
            found.append(answer)
    if missed:  # a lapse no surer than that its occasion arose
        sure = min(view.absence(rule), max(anchor.confidence for anchor in missed))
        return Outcome("fail", sure, tuple(missed), f"{_times(view, each, anchors)}，{len(missed)} 次没有做到", float(len(missed)))
    return Outcome("pass", min(h.confidence for h in found), tuple(found), f"{_times(view, each, anchors)}，都做到了")


def _times(view: View, each: Each, anchors: tuple[Hit, ...]) -> str:
    return f"{view.rules[each.of].title} {len(anchors)} 次"


def _sequence(view: View, steps: list[Step]) -> Outcome:
    """Hits of the steps' rules one after another, each within its distance of the one before."""
    from rules.schema import Anchor

    chosen: list[Hit] = []
    for step in steps:
        candidates = view.hits(step.rule)
        if chosen:
            last = chosen[-1]
            near = view.beside(last.turn, "after", Anchor(rule=step.rule, within=step.within))
            candidates = tuple(h for h in candidates if h.turn in near and h.start >= last.end)
        if not candidates:
            return Outcome("fail", view.absent(view.spoken_by("agent")), tuple(chosen),
                           f"缺少：{view.rules[step.rule].title}")
        chosen.append(candidates[0])
    return Outcome("pass", min(h.confidence for h in chosen), tuple(chosen), "步骤齐全，顺序正确")
