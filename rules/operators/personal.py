"""Personal numbers read aloud: telephones, identity and card numbers, whatever the way they are read.

People read 一三八 双零 三个八, recognisers hear 要 for 幺 and 就 for 九, and a number is read in pieces with the customer's
嗯 between them. So the agent's speech is read as a string of figures, sure ones (written as a number) and likely ones (a
character of a figure's sound), and what reads as a whole number is judged by length, check digit, and what it is called.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rules.operators import other_people
from rules.scanning import Hit
from rules.schema import Entry, Rule
from rules.slots import FIGURE_SOUNDS
from rules.tables import syllables
from rules.view import Outcome, View

FEWEST = 10
"""Figures of the shortest whole number: a mobile number of which the recogniser lost one."""
LIKELY_SHARE = 0.3
"""Most figures of a number that may be known by sound only."""
HEARD_IDENTITY = range(15, 25)
"""Figures that recognisers make of the 18 of an identity number: each 零 may come twice (三零一零 for 三零幺), some are lost."""
BEFORE = 14
"""Characters before a number in which it is called something."""
BACK_CHANNEL = 4
"""Characters of a customer's turn up to which it only says go on, while a number is read in pieces."""
_FIGURES = dict(zip("0123456789零〇○洞一幺二两三四五六七拐八九勾", "012345678900001122345677899", strict=True))
_TIMES = {"双": 2, "俩": 2, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "2": 2, "3": 3, "4": 4,
          "5": 5, "6": 6, "7": 7, "8": 8}
_REPEATED = re.compile("(?:([俩两二三四五六七八2-8])个|(双))([0-9零〇洞一幺二两三四五六七八九])")
_LINK = re.compile("然后|接下来|再?后[面边头]|最后|中间|前面|接着|再加")
_SKIPPED = frozenset(" ,，、。.-—－…\x1f啊呃嗯哦噢额唉哎诶的那个")
_FILLERS = frozenset("是就要有又以")
"""Of a figure's sound, and said between the pieces of a number too: 前面是一三八."""
_LIKELY = "abcdefghij"
_PLAIN = str.maketrans(_LIKELY, "0123456789")
_RUN = re.compile(f"[0-9x{_LIKELY}]{{{FEWEST},}}")
_MANY = re.compile("(?:[0-9零〇洞一幺二两三四五六七拐八九][^0-9零〇洞一幺二两三四五六七拐八九\n]{0,3}){6}")
_GOES_ON = re.compile(f"^(?:{_LINK.pattern}|是|就是|好|嗯|哦|啊|[,，。、 ])*[0-9零〇洞一幺二两三四五六七拐八九双]")
_ENDS = re.compile("[0-9零〇洞一幺二两三四五六七拐八九]{2}[ ,，、。啊呃嗯]*$")
_OTHER_NUMBER = re.compile("单号|运单|订单|工单|流水号?|编号|热线|客服电话|取件码|合同号|保单号|机身号|序列号|车架号|税号|快递员|骑手|司机|师傅|客户经理"
                           "|网点|门店|前台|营业厅|值班|我的(?:手机|电话|号)|对公|账号是我们|会员|户号|表号|条码|编码|信用代码|执照")
_CALLED = {"mobile": re.compile("手机|电话|電話|手機|号码|联系方式|首机|机主"), "identity": re.compile("身份|证件|证号|省份证"),
           "card": re.compile("卡"), "landline": re.compile("[您你][^。]{0,6}(?:座机|固话|电话)|家里[^。]{0,4}(?:座机|固话|电话)")}
_MOBILE, _LANDLINE = re.compile("1[3-9][0-9]{9}"), re.compile("0[0-9]{9,11}")
_MAIMED_MOBILE = re.compile("1[3-9][0-9]{8}(?:[0-9]{2})?|(?!400|800)[3-9][0-9]{9}")
"""With one figure too few or too many, or without the first."""
_IDENTITY = re.compile("[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9x]")
_OLD_IDENTITY = re.compile("[1-8][0-9]{5}[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}")
_CARD = re.compile("(?:62|3[4-7]|4|5)[0-9]{13,18}")
_SURE, _CALLED_SO, _MAIMED = 0.95, 0.9, 0.8
_ANOTHER = re.compile("我是[他她](?:的)?(?:爱人|老婆|老公|丈夫|妻子|先生|太太|媳妇|朋友|同事|同学|邻居|哥|姐|弟|妹|儿子|女儿)"
                      "|我(?:不是|又不是|可不是)[^，。？?吗]{0,4}本人")
_FACTS = re.compile("欠|逾期|借了|贷款|红利|余额|确诊|诊断|查出|没还")
_AMOUNT = re.compile("[0-9一二两三四五六七八九十百千万]+(?:元|块|万|千|百|天|个月|期)|[0-9一二三四五六七八九十]+月")


class Nothing(Entry):
    """Nothing to set."""


class Spoken(NamedTuple):
    """Agent turns read together: a character of `figures` a figure (0–9 sure, a–j likely, x, or | for anything else), and
    where it was said, (turn, place in the call's text)."""

    figures: str
    places: list[tuple[int, int]]


def personal_numbers(view: View, rule: Rule, params: Nothing) -> Outcome:
    """Hits of the rule (other people's matters) and whole telephone, identity and card numbers, read in pieces too."""
    numbers = [*_numbers_read(view), *_told_to_another(view), *other_people.told(view)]
    known = {hit.turn for hit in numbers}
    hits = tuple(sorted((*numbers, *[hit for hit in view.hits(rule.id) if hit.turn not in known])))
    if not hits:
        return Outcome("pass", view.absent(view.spoken_by(rule.who)), reason="没有发现", value=0.0)
    return Outcome("fail", max(hit.confidence for hit in hits), hits, f"{len(hits)} 处", float(len(hits)))


def luhn(digits: str) -> bool:
    """The check of card numbers (ISO/IEC 7812).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = (sum(divmod(int(digit) * 2, 10)) if place % 2 else int(digit) for place, digit in enumerate(reversed(digits)))
    return sum(doubled) % 10 == 0


def identity_check(digits: str) -> bool:
    """The check digit of an identity number of 18 (GB 11643, ISO 7064 MOD 11-2).

    >>> identity_check("11010519491231002x"), identity_check("110105194912310021")
    (True, False)
    """
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(digits[:17]))
    return "10x98765432"[total % 11] == digits[17]


def kind_of(digits: str, called: str) -> tuple[str, float] | None:
    """What number a string of figures is and how surely; `called` is what was said just before it. None for none.

    A check digit that fits says it alone. One that does not fit may have been misheard, and counts where the number is
    called by its name; so does a telephone number with one figure too few or too many.
    """
    named = {kind for kind, words in _CALLED.items() if words.search(called)}
    if _MOBILE.fullmatch(digits):
        return "mobile", _SURE
    if _IDENTITY.fullmatch(digits):
        return "identity", _SURE if identity_check(digits) else _CALLED_SO
    if "x" in digits:
        return None
    if _CARD.fullmatch(digits) and len(digits) <= 19 and luhn(digits):
        return "card", _SURE
    if _OLD_IDENTITY.fullmatch(digits) and ("identity" in named or "card" not in named):
        return "identity", _CALLED_SO if "identity" in named else _MAIMED
    if digits.startswith("62") and 16 <= len(digits) <= 22:
        return "card", _CALLED_SO
    if "identity" in named and len(digits) in HEARD_IDENTITY:
        return "identity", _MAIMED
    if "card" in named and 15 <= len(digits) <= 21:
        return "card", _MAIMED
    if "landline" in named and _LANDLINE.fullmatch(digits):
        return "telephone", _MAIMED
    if "mobile" in named and _MAIMED_MOBILE.fullmatch(digits):
        return "mobile", _MAIMED
    return None


def _numbers_read(view: View) -> Iterator[Hit]:
    if not _MANY.search(view.text.light):
        return
    for chain in _chains(view):
        found: list[tuple[int, int, float]] = []
        for spoken in _spoken(view, chain):
            for start, end, sure in _whole_numbers(view, spoken):
                first, last = spoken.places[start], spoken.places[end - 1]
                if not any(first[1] < stop and last[1] >= begin for begin, stop, _ in found):
                    found.append((first[1], last[1] + 1, sure))
                    stop = last[1] + 1 if last[0] == first[0] else view.text.end_of(first[0])
                    yield Hit(first[0], first[1], stop, sure, "pattern", False, "number")


def _spoken(view: View, chain: list[int]) -> Iterator[Spoken]:
    """The chain's figures, once with the characters that are also fillers read as figures, once without them."""
    for fillers in (False, True):
        figures: list[str] = []
        places: list[tuple[int, int]] = []
        for turn in chain:
            at, stop = view.text.offsets[turn], view.text.end_of(turn)
            while at < stop:
                repeated = _REPEATED.match(view.text.light, at, stop)
                if repeated:
                    times = _TIMES[repeated[1] or repeated[2]]
                    figures += [_FIGURES[repeated[3]]] * times
                    places += [(turn, at)] * (times - 1) + [(turn, repeated.end() - 1)]
                    at = repeated.end()
                    continue
                if link := _LINK.match(view.text.light, at, stop):
                    at = link.end()
                    continue
                character = view.text.light[at]
                if character not in _SKIPPED and not (fillers and character in _FILLERS):
                    figures.append(_figure(character))
                    places.append((turn, at))
                at += 1
        yield Spoken("".join(figures), places)


def _figure(character: str) -> str:
    if (sure := _FIGURES.get(character)) is not None:
        return sure
    if character in "xX叉":
        return "x"
    value = FIGURE_SOUNDS.get(syllables().get(character, ""))
    return "|" if value is None or character in "十是时" else _LIKELY[value]


def _whole_numbers(view: View, spoken: Spoken) -> Iterator[tuple[int, int, float]]:
    """(start, end, how sure) of whole personal numbers in the figures, the longest reading of each run."""
    for run in _RUN.finditer(spoken.figures):
        figures = run[0]
        ahead = len(figures) - len(figures.lstrip(_LIKELY))
        behind = len(figures) - len(figures.rstrip(_LIKELY + "x"))
        best: tuple[float, int, int] | None = None
        for first in range(ahead + 1):
            for last in range(behind + 1):
                said = figures[first:len(figures) - last]
                likely = sum(figure in _LIKELY for figure in said)
                if len(said) < FEWEST or likely > LIKELY_SHARE * len(said):
                    continue
                turn, place = spoken.places[run.start() + first]
                called = view.text.light[max(view.text.offsets[turn], place - BEFORE):place]
                kind = None if _OTHER_NUMBER.search(called) else kind_of(said.translate(_PLAIN), called)
                if kind and (best is None or kind[1] - 0.02 * likely > best[0]):
                    best = kind[1] - 0.02 * likely, run.start() + first, run.end() - last
        if best:
            yield best[1], best[2], best[0]


def _chains(view: View) -> list[list[int]]:
    """Agent turns that belong together: the one ends in figures and the next begins with some; between them at most a word
    of the customer's, without figures."""
    chains: list[list[int]] = []
    current: list[int] = []
    for index, who in enumerate(view.speakers):
        text = view.text.said[index]
        if who == "agent":
            if current and not (_ENDS.search(view.text.said[current[-1]]) and _GOES_ON.match(text)):
                chains.append(current)
                current = []
            current.append(index)
        elif who == "customer" and current and (len(text) > BACK_CHANNEL or re.search("[0-9x]", text)):
            chains.append(current)
            current = []
    chains += [current] if current else []
    return [chain for chain in chains if _MANY.search("".join(view.text.said[turn] for turn in chain))]


def _told_to_another(view: View) -> list[Hit]:
    """Debts and findings told to a caller who has said to be somebody else than the one they are about."""
    another = next((i for i in view.by_speaker["customer"] if _ANOTHER.search(view.turns[i].text)), None)
    if another is None:
        return []
    return [Hit(i, view.text.offsets[i], view.text.end_of(i), 0.8, "pattern", False, "somebody else's data")
            for i in view.by_speaker["agent"]
            if i > another and _FACTS.search(view.turns[i].text) and _AMOUNT.search(view.turns[i].text)]
