"""Taboos and promises that need more than the sentence: the question before, the end of the call."""
from __future__ import annotations

import re
from typing import Annotated

from rules.operators.parameters import HitsOf, RuleRef
from rules.scanning import Hit
from rules.schema import Entry, Rule
from rules.view import Outcome, View

_ASKED = re.compile("[？?]|[吗么呢]|什么|啥|多少|[几哪谁]|怎么|咋|多[久长大高远]|([一-鿿])[不没]\\1|能不能|可不可以|有没有|是不是|还是|到底|想问|问一下|问问"
                    "|请问|没有?$|没有?[吧啊呀]?[。]?$")
_HEADS = re.compile("等等|等一下|等下|等会|[别不][许要准]?挂|我还没|还没[说问]完|问题还没|你先别|那我|那你|喂|还有")
_LEAVES = re.compile("再见|拜拜|就这样|不说了|不聊了|结束通话|挂断|先这样|下线了")


class Nothing(Entry):
    pass


class Refused(Entry):
    """`refused`: the rule of flat refusals."""

    refused: Annotated[str, HitsOf]


class Answered(Entry):
    """`provoked`: what is to be answered."""

    provoked: Annotated[str, RuleRef]


def verdict(view: View, rule: Rule, hits: tuple[Hit, ...]) -> Outcome:
    """A taboo's outcome from the hits that are left."""
    if not hits:
        return Outcome("pass", view.absent(view.spoken_by(rule.who)), reason="没有发现", value=0.0)
    return Outcome("fail", max(h.confidence for h in hits), hits, f"{len(hits)} 处", float(len(hits)))


def to_a_question(view: View, rule: Rule, params: Nothing) -> Outcome:
    """Only hits in the answer to something that the customer asked."""
    return verdict(view, rule, tuple(h for h in view.hits(rule.id) if _asked_before(view, h.turn)))


def _asked_before(view: View, turn: int) -> bool:
    """Whether the last that the customer said before, at most three turns back, was a question."""
    for index in range(turn - 1, max(-1, turn - 4), -1):
        if view.speakers[index] == "customer":
            return bool(_ASKED.search(view.text.said[index]))
    return False


def hang_up(view: View, rule: Rule, params: Nothing) -> Outcome:
    """Threats and announcements, and a farewell at the very end that cuts off a customer who still wants something."""
    hits = view.hits(rule.id)
    cut = _cut_off(view)
    if cut is not None and all(h.turn != cut.turn for h in hits):
        hits = tuple(sorted((*hits, cut)))
    return verdict(view, rule, hits)


def _cut_off(view: View) -> Hit | None:
    said = [i for i in view.spoken_by("any") if view.turns[i].text.strip()]
    if len(said) < 3 or view.speakers[said[-1]] != "agent" or view.call.released_by == "customer":
        return None
    last, before = said[-1], said[-2]
    if view.speakers[before] != "customer":
        return None
    mine = view.text.said[last]
    theirs = view.text.said[before]
    short = len(mine) <= 14 and _LEAVES.search(mine) and not re.search("祝[您你]|感谢|谢谢", mine)
    if not short or not _HEADS.search(theirs):
        return None
    return Hit(last, view.text.offsets[last], view.text.end_of(last), 0.8, "pattern", False, "客户的话没有说完")


def sandwich(view: View, rule: Rule, params: Refused) -> Outcome:
    """A refusal between understanding and an alternative passes, a flat one fails; N/A where nothing is refused."""
    good = view.hits(rule.id)
    turns = {h.turn for h in good}
    flat = tuple(h for h in view.hits(params.refused) if h.turn not in turns)
    if good:
        return Outcome("pass", max(h.confidence for h in good), good, "拒绝前后都有体谅和出路")
    if flat:
        return Outcome("fail", min(0.85, max(h.confidence for h in flat)), flat, "拒绝时没有先表示理解、再给出办法")
    return Outcome("not_applicable", reason="没有拒绝客户的要求")


def calm_answer(view: View, rule: Rule, params: Answered) -> Outcome:
    """After the customer swore, one of the agent's next two turns is calm, and the first is not a lapse."""
    provoked = view.hits(params.provoked)
    hits = view.hits(rule.id)
    if not provoked:
        return Outcome("not_applicable", reason="客户没有辱骂")
    for swear in provoked:
        answers = [i for i in view.by_speaker["agent"] if i > swear.turn][:2]
        for hit in hits:
            if hit.turn in answers:
                return Outcome("pass", hit.confidence, (hit,), "客户辱骂后冷静应对")
    return Outcome("fail", view.absent(view.by_speaker["agent"]), provoked, "客户辱骂后没有安抚，也没有请班长接手")
