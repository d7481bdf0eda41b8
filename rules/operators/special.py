"""Calls in which the customer cannot be heard: silent ones, and those where only scraps come through."""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from rules.operators.parameters import RuleRef
from rules.scanning import Hit
from rules.schema import Entry, Rule
from rules.slots import half_right
from rules.text import PARTICLES, key_of, sound_of
from rules.view import Outcome, View

MEMORY = "both heard"
GREETINGS = 2
"""Said twice, some two seconds apart (S3: 问候语重复两遍)."""
LONGEST = 8
"""Agent turns after which one-sided speech is no silent call but a channel that was not recorded or told apart."""
AUDIBLE = 4
"""Characters without an ellipsis from which a customer's turn is taken for understood."""
_GREETING = re.compile("[您你](?:[、,，]?[您你])*好(?![吗吧呢])|(?:早上|早晨|上午|中午|下午|晚上|周末|节日|新年)好|听得?[到见]"
                       "|在线|在听|有人在?吗|请讲|出个?声")
_GOODBYE = re.compile("再见|再會|再会|拜拜|祝[您你]|感谢您?的?来电|谢谢您?的?来电")
_GREETINGS, _GOODBYES = ("您好", "你好"), ("再见", "再会")
_POLITE = re.compile("请[您你]?|麻烦|抱歉|对不起|对不住|不好意思|烦请|请稍|劳驾")
_UNCLEAR = re.compile("听不清|听不太?清|杂音|噪音|断断续续|声音[^。，]{0,4}小|信号")
"""Complaints about a voice that is there; 听不到 and 没有声音 are about none."""
_SCRAPS = re.compile("[…]|\\.{3}|^[^\\w]*$")


class Unclear(Entry):
    """`unclear`: the signal that the agent does not hear well."""

    unclear: Annotated[str, RuleRef]


def nobody_heard(view: View, unclear: str) -> bool:
    """Whether there is no customer in the call: no words of one, and none of whom a recogniser, or a person, caught only scraps while
    the agent complains of a voice that is hard to hear."""
    if any(view.turns[i].text.strip() for i in view.by_speaker["customer"]):
        return False
    complains = any(_UNCLEAR.search(view.text.said[hit.turn]) for hit in view.hits(unclear))
    return not (complains and (view.by_speaker["unknown"] or view.measured))


def both_heard(view: View, rule: Rule, params: Entry) -> Outcome:
    """For `applies`: agent and customer are both heard, and the customer in more than scraps."""
    if MEMORY not in view.memory:
        view.memory[MEMORY] = _both_heard(view)
    return view.memory[MEMORY]


def _both_heard(view: View) -> Outcome:
    for who, name in (("agent", "坐席"), ("customer", "客户")):
        said = [view.turns[i].text for i in view.by_speaker[who] if view.turns[i].text.strip()]
        if not said:
            return Outcome("fail", reason=f"没有{name}的声音")
        if who == "customer" and any("…" in text for text in said) and not any(audible(text) for text in said):
            return Outcome("fail", reason="客户的声音听不清")
    return Outcome("pass")


def audible(text: str) -> bool:
    """Whether a turn is speech that could be understood, not scraps of it."""
    if _SCRAPS.search(text):
        return False
    # So many different ones are enough, whichever are traditional forms of the same; only short turns need a closer look.
    return len({one for one in set(text) - PARTICLES if "一" <= one <= "鿿"}) >= 3 * AUDIBLE or len(key_of(text)) >= AUDIBLE


def silent_call(view: View, rule: Rule, params: Unclear) -> Outcome:
    """Greeting said twice, then the no-sound script, then goodbye; N/A where a customer is heard."""
    mine = [i for i in view.by_speaker["agent"] if view.turns[i].text.strip()]
    if not mine or not nobody_heard(view, params.unclear):
        return Outcome("not_applicable", reason="不是无声电话" if mine else "没有坐席的话")
    if len(mine) > LONGEST:
        return Outcome("not_applicable", reason="只有坐席的话，但像是正常通话，客户声道可能没有录到")
    hits = view.hits(rule.id)
    script = next((h for h in reversed(hits) if _POLITE.search(view.text.said[h.turn])
                   and h.turn != mine[0]), None)
    greeted = sum(_greetings(view, i) for i in mine)
    last = view.text.said[mine[-1]]
    goodbye = _GOODBYE.search(last) is not None or _misheard(last, _GOODBYES)
    steps = {"问候两遍": greeted >= GREETINGS, "无声话术（请客户换话机再打）": script is not None, "道别": goodbye}
    missing = [step for step, done in steps.items() if not done]
    shown = tuple(_whole(view, i) for i in mine[1:]) or tuple(_whole(view, i) for i in mine)
    if missing:
        return Outcome("fail", view.absent(mine), shown, "缺少：" + "、".join(missing))
    return Outcome("pass", min([0.95, *[h.confidence for h in hits]]), shown, "问候、无声话术、道别都有")


def _greetings(view: View, turn: int) -> int:
    """How often a turn greets: once a clause at most, so that 您好您好 is one."""
    light = view.text.said[turn]
    sentences = re.split("[。！？!?]", light)
    found = sum(1 for sentence in sentences if _GREETING.search(sentence))
    return max(1 if _GREETING.search(light) or _misheard(light, _GREETINGS) else 0, found)


def _misheard(light: str, words: tuple[str, ...]) -> bool:
    """Whether one of the words of two characters is there by its sound, one character right (您豪, 再建)."""
    sounds = sound_of(light)
    return any(half_right(word, light[at:at + 2]) for word in words for at in _places(sounds, sound_of(word)))


def _places(text: str, wanted: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1)


def unclear_call(view: View, rule: Rule, params: Unclear) -> Outcome:
    """The agent asks politely to speak up; if nothing audible comes after that, to ring again from another telephone."""
    if nobody_heard(view, params.unclear):
        return Outcome("not_applicable", reason="是无声电话，不是听不清")
    unclear = {h.turn for h in view.hits(params.unclear)}
    asked = tuple(h for h in view.hits(rule.id) if h.turn in unclear or _scraps_before(view, h.turn))
    complained = [h for h in view.hits(params.unclear) if _scraps_before(view, h.turn)]
    first = min((h.turn for h in (*asked, *complained)), default=None)
    if first is None:
        return Outcome("not_applicable", reason="没有听不清的情况")
    if not asked:
        turns = sorted({h.turn for h in complained})
        return Outcome("fail", view.absent(view.by_speaker["agent"]), tuple(_whole(view, i) for i in turns),
                       "听不清时没有礼貌地请客户大声些或换个地方")
    later = [i for i in view.by_speaker["customer"] if i > asked[0].turn]
    confidence = max(h.confidence for h in asked)
    if any(audible(view.turns[i].text) for i in later) or not later or len({h.turn for h in asked}) > 1:
        return Outcome("pass", confidence, asked, "礼貌地请客户大声些、换个地方或换话机")
    return Outcome("fail", 0.7, asked, "请客户大声之后仍听不清，没有请客户换话机再打")


def _scraps_before(view: View, turn: int) -> bool:
    """Whether what was said just before was not understandable."""
    for index in range(turn - 1, max(-1, turn - 4), -1):
        if view.turns[index].speaker in ("customer", "unknown"):
            return not audible(view.turns[index].text) and "…" in view.turns[index].text
    return False


def _whole(view: View, turn: int) -> Hit:
    return Hit(turn, view.text.offsets[turn], view.text.end_of(turn), 0.95, "pattern")
