"""The beginning of an outbound call: is it the customer, who calls, and why."""
from __future__ import annotations

from typing import Annotated

from rules.operators.parameters import HitsOf, LimitName
from rules.schema import Entry, Rule
from rules.view import Outcome, View

FEW = 10
"""Characters after the identity question that are no business yet: 麻烦请他接一下."""
UNSAID = 0.55
"""How sure a purpose is that nobody says but the talk that follows suggests: a person should look."""
GREETING = 8
"""Characters of a first turn that only greets: 喂您好，打扰了."""


class Identity(Entry):
    """Nothing to set."""


class Introduced(Entry):
    identity: Annotated[str, HitsOf]


class Purpose(Entry):
    identity: Annotated[str, HitsOf]
    introduced: Annotated[str, HitsOf]
    convenient: Annotated[str, HitsOf]
    turns: Annotated[str, LimitName] = "turns"
    length: Annotated[str, LimitName] = "length"


def identity(view: View, rule: Rule, params: Identity) -> Outcome:
    """The question comes in the first turn (after a mere greeting in the second), and the agent waits for the answer."""
    agent = view.by_speaker["agent"]
    first = agent[:2] if agent and _size(view, agent[0], 0) <= GREETING else agent[:1]
    hits = [hit for hit in view.hits(rule.id) if hit.turn in first]
    if not hits:
        return Outcome("fail", view.absent(first), reason="没有先核实是不是客户本人")
    last = max(hits, key=lambda hit: hit.end)
    rest = _size(view, last.turn, last.end)
    follower = next((s for s in view.speakers[last.turn + 1:] if s in ("agent", "customer")), "customer")
    if rest > FEW or follower == "agent":
        return Outcome("fail", last.confidence, (last,), "问了却没有等回答就往下说")
    return Outcome("pass", last.confidence, (last,), "先核实了客户身份")


def introduced(view: View, rule: Rule, params: Introduced) -> Outcome:
    """Company, department and number, in a turn after the identity question and the customer's answer."""
    asked = [hit.turn for hit in view.hits(params.identity)]
    hits = view.hits(rule.id)
    for hit in hits:
        before = [turn for turn in asked if turn < hit.turn]
        if before and any(view.speakers[i] == "customer" for i in range(before[0] + 1, hit.turn)):
            return Outcome("pass", hit.confidence, (hit,), "核实身份后报了单位、部门和工号")
    if hits:
        return Outcome("fail", hits[0].confidence, hits[:1], "在核实客户身份之前自我介绍")
    window = view.window(rule.where, rule.who)
    return Outcome("fail", view.absent(sorted(window or ())), reason="没有报全单位、部门和工号")


def purpose(view: View, rule: Rule, params: Purpose) -> Outcome:
    """Words that say why, or simply the business: a turn that is no greeting, identity question or introduction."""
    hits = view.hits(rule.id)
    if hits:
        return Outcome("pass", hits[0].confidence, hits[:1], "说明了来电目的")
    other = {hit.turn for name in (params.identity, params.introduced, params.convenient) for hit in view.hits(name)}
    first = view.by_speaker["agent"][:int(rule.limits[params.turns])]
    for turn in first:
        if turn not in other and _size(view, turn, 0) >= rule.limits[params.length] and not _asks(view, turn):
            return Outcome("pass", UNSAID, reason=f"第 {turn + 1} 句直接说到业务，没有明说来意")
    return Outcome("fail", view.absent(first), reason="没有说明为什么打来")


def _asks(view: View, turn: int) -> bool:
    """Whether a turn is nothing but a question."""
    light = view.text.said[turn].rstrip("。？?，, ")
    return light.endswith(("吗", "么", "呢", "没有", "吧", "不")) and "，" not in light


def _size(view: View, turn: int, start: int) -> int:
    """Characters said in a turn after a place of the raw text."""
    offset = view.text.offsets[turn]
    return sum(c.isalnum() for c in view.text.light[max(offset, start):view.text.end_of(turn)])
