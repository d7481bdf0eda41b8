"""Taboos and promises that need more than the sentence: the question before, the number across turns, the end of the call."""
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
_NUMBER = re.compile("[0-9x]+")
_FULL = re.compile("(?:^|[^0-9])(1[3-9][0-9]{9}|[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{5}[0-9x]"
                   "|[1-9][0-9]{5}[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}|(?:62|4|5)[0-9]{14,19})(?![0-9])")
FEWEST = 11
"""Digits of the shortest full number."""
_OTHER_NUMBER = re.compile("单号|运单|订单|工单|流水号?|编号|热线|客服电话|取件码|合同号|保单号|机身号|序列号|车架号|税号|快递员|骑手|司机|师傅|客户经理"
                           "|网点|门店|前台|营业厅|值班|我的(?:手机|电话|号)|对公|账号是我们")
_ANOTHER = re.compile("我是[他她](?:的)?(?:爱人|老婆|老公|丈夫|妻子|先生|太太|媳妇|朋友|同事|同学|邻居|哥|姐|弟|妹|儿子|女儿)|我(?:不是|又不是|可不是)[^，。？?吗]{0,4}本人")
_FACTS = re.compile("欠|逾期|借了|贷款|红利|余额|确诊|诊断|查出|没还")
_AMOUNT = re.compile("[0-9一二两三四五六七八九十百千万]+(?:元|块|万|千|百|天|个月|期)|[0-9一二三四五六七八九十]+月")
BACK_CHANNEL = 4
"""Characters of a customer's turn up to which it only says go on, while a number is read in pieces."""
BEFORE = 14
"""Characters before a number in which it may be called something else than the customer's."""


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
            start = view.text.offsets[index]
            return bool(_ASKED.search(view.text.light[start:view.text.end_of(index)]))
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
    mine = view.text.light[view.text.offsets[last]:view.text.end_of(last)]
    theirs = view.text.light[view.text.offsets[before]:view.text.end_of(before)]
    short = len(mine) <= 14 and _LEAVES.search(mine) and not re.search("祝[您你]|感谢|谢谢", mine)
    if not short or not _HEADS.search(theirs):
        return None
    return Hit(last, view.text.offsets[last], view.text.end_of(last), 0.8, "pattern", False, "客户的话没有说完")


def personal_numbers(view: View, rule: Rule, params: Nothing) -> Outcome:
    """Hits of the rule (other people's matters) and full telephone, identity and card numbers, read in pieces too."""
    numbers = [*_numbers_read(view), *_told_to_another(view)]
    known = {h.turn for h in numbers}
    return verdict(view, rule, tuple(sorted((*numbers, *[h for h in view.hits(rule.id) if h.turn not in known]))))


def _numbers_read(view: View) -> list[Hit]:
    found: list[Hit] = []
    if sum(map(str.isdigit, view.text.light)) < FEWEST:
        return found
    for chain in _chains(view):
        text, owner = "", list[tuple[int, int]]()
        for turn in chain:
            start, stop = view.text.offsets[turn], view.text.end_of(turn)
            kept = [i for i in range(start, stop) if view.text.light[i] not in " ,，、。-…\x1f啊呃嗯"]
            text += "".join(view.text.light[i] for i in kept)
            owner += [(turn, i) for i in kept]
        for match in _FULL.finditer(text):
            first, last = owner[match.start(1)], owner[match.end(1) - 1]
            if _OTHER_NUMBER.search(text, max(0, match.start(1) - BEFORE), match.start(1)):
                continue
            end = last[1] + 1 if last[0] == first[0] else view.text.end_of(first[0])
            found.append(Hit(first[0], first[1], end, 0.93, "pattern", False, "number"))
    return found


def _told_to_another(view: View) -> list[Hit]:
    """Debts and findings told to a caller who has said to be somebody else than the one they are about."""
    another = next((i for i in view.by_speaker["customer"] if _ANOTHER.search(view.turns[i].text)), None)
    if another is None:
        return []
    return [Hit(i, view.text.offsets[i], view.text.end_of(i), 0.8, "pattern", False, "somebody else's data")
            for i in view.by_speaker["agent"]
            if i > another and _FACTS.search(view.turns[i].text) and _AMOUNT.search(view.turns[i].text)]


def _chains(view: View) -> list[list[int]]:
    """Agent turns that belong together: between them at most a word of the customer's, without digits."""
    chains: list[list[int]] = []
    current: list[int] = []
    for index, who in enumerate(view.speakers):
        text = view.text.light[view.text.offsets[index]:view.text.end_of(index)]
        if who == "agent":
            if current and not (_ends_in_number(view, current[-1]) and re.match("[0-9]", text)):
                chains.append(current)
                current = []
            current.append(index)
        elif who == "customer" and (len(text) > BACK_CHANNEL or _NUMBER.search(text)):
            if current:
                chains.append(current)
            current = []
    return [*chains, current] if current else chains


def _ends_in_number(view: View, turn: int) -> bool:
    text = view.text.light[view.text.offsets[turn]:view.text.end_of(turn)]
    return bool(re.search("[0-9][ ,，、。]*$", text))


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
