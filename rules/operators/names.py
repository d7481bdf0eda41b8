"""Names: what the customer is called, by metadata or by own word, and how the agent says it.

The same sound is the same name (将阿姨 for 蒋). Words of others, agents and third parties, are told apart by place: only
what stands where one calls a person counts as an address.
"""
from __future__ import annotations

import re
from functools import cache
from typing import Annotated, NamedTuple

from rules.operators.parameters import HitsOf, LimitName
from rules.scanning import Hit
from rules.schema import Entry, Rule
from rules.slots import DOUBLE_SURNAMES, SURNAMES
from rules.tables import syllables
from rules.text import exact_sound_of, key_of, sound_of
from rules.view import Outcome, View

MEMORY, TITLES = "names", "titles heard"
_HAN = "[一-鿿]"
_SURNAME = f"(?:{'|'.join(DOUBLE_SURNAMES)}|{_HAN})"
_MEN, _WOMEN = "老先生|先生|大爷|大哥|叔叔|大叔|爷爷|伯伯", "女士|小姐|太太|阿姨|大姐|大妈|奶奶|大娘|姑娘"
_OTHERS = "妈妈|爸爸|大伯|嫂子|同志|老师|老板|师傅|同学|经理|主任|医生|大夫|教授|警官|校长|总|董|工|姐|哥|叔|姨"
_TITLE = re.compile(f"{_MEN}|{_WOMEN}|{_OTHERS}")
_LONG_TITLES = {title: sound_of(title) for title in f"{_MEN}|{_WOMEN}|{_OTHERS}".split("|") if len(title) == 2}
_TITLES_BY_SOUND = re.compile(f"{sound_of('先生')}|{sound_of('女士')}")
MISHEARD = 0.75
MISTAKEN, UNCONFIRMED = 0.9, 0.55
"""How sure a wrong name is; and where the right one was only heard in the call, or sounds much like the wrong one."""
BLURRED = (("hu", "w"), ("b", "p"), ("d", "t"), ("g", "k"), ("j", "q"), ("z", "c"))
"""Beginnings of syllables that recognisers of telephone speech take for each other, beyond the near sounds of rules/text.py:
胡 and 吴, 黄 and 王 (many southern speakers do not tell them apart either), and the breath of 唐 that the line swallows."""
BLUR = 0.62
"""How sure a name is whose syllable is only blurred."""
UNCLEAR = 0.65
"""How sure it is that a character which is nobody's surname is the customer's, misheard (仅女士 for 田女士): agents who call people
by name at all nearly always say the right one, and a wrong one would have been written as a surname."""
ANSWERED = 0.7
"""How sure it is that a doubtful question asked for the name when the customer answers with one."""
ANSWER = 12
"""Characters of a customer's turn up to which it may be nothing but the answer to who they are."""
NO_NAMES = frozenset("好是的那这请对行嗯位了吧啊哦您你我他她老小大一两几多每各某个名和跟给让找叫向为喂谢烦歉思问")
"""Characters before a title that are no name, though some surname sounds like them (好先生, 郝先生)."""
_GENDERED = re.compile(f"(?P<male>{_MEN})|(?P<female>{_WOMEN})")
_PAIRS = ("单善 仇求 解谢 查扎 区欧 朴瓢 乐月 种虫 尉玉 盖葛 冼显 翟宅 缪妙 曾增 柏伯 薄博 郗西 员运 召绍 覃秦 "
          "秘币 燕烟 宁凝 任人 华画 纪己 洗显 折蛇 黑贺")
OTHER_SOUNDS = {pair[0]: pair[1] for pair in _PAIRS.split()}
"""Surnames that are read otherwise than the character's usual sound, with a character of the surname's sound."""
_SPELLINGS = ("弓长张 立早章 木子李 双木林 古月胡 耳东陈 言午许 口天吴 双口吕 草头黄 三横王 三点水江 走肖赵 文刀刘 禾呈程 "
              "西早覃 人禾余 双人徐 干勾于 美女姜 卯金刀刘 十八子李")
SPELLED = {spelling: spelling[-1] for spelling in _SPELLINGS.split()}
"""Surnames told by their parts."""
_ONE = f"(?:{'|'.join(DOUBLE_SURNAMES)}|[{SURNAMES}])"
_GIVES = re.compile(
    f"(?<![他她它孩人公婆妈爸的不])(?<![您你]贵)姓(?!名|氏|什么|啥|甚|别的|[啊呀呢吧吗哪])({_HAN}{{1,10}})")
_CALLED = re.compile(f"(?:我|本人|名字|全名)(?:名字)?叫(?:做)?({_ONE}{_HAN}{{1,2}})")
_ANSWER = re.compile(f"^(?:嗯|哦|啊|我|是|叫|的|免贵|，|,|。| )*({_ONE}{_HAN}{{0,2}})(?:[，,。 ]|$)")
_SAYS_GENDER = re.compile("我(?:是|一)?个?(?P<gender>[男女])的")
_KIN = "爱人|老婆|老公|妻子|丈夫|太太|先生|妈|爸|儿子|女儿|家属|同事|朋友"
_ANOTHER = re.compile(f"我是(?:他|她|机主|户主)的?(?:{_KIN})|(?:帮|替|给)我?(?:{_KIN})")
_CORRECTS = re.compile(f"(?:我|本人)是?姓({_SURNAME})|不姓({_SURNAME})")
_BEFORE = re.compile(
    "(?:^[为未位威]?|[，,。.！!？?、 \x1f]|[好是有对行]的|[您你]?好|喂|嗯|哦|噢|啊|呃|哎|唉|那个?|请问|谢谢|感谢|抱歉|对不起|不好意思"
    "|行|了|吧|哈|呢|麻烦|这位|可以)$")
_AFTER = re.compile(
    "(?:$|[，,。.！!？?、 \x1f]|是[吧吗对那]|[您你请这我那不什]|麻烦|啊|呀|哎|好|就|体谅|听|谢|感谢|稍|先|家|要|怎么"
    "|(?:查|看|核[对实]|查询)到|让[您你]|[后前]面的|操作|目前|现在)")


class Known(NamedTuple):
    """Surnames (one or two characters) and full names a call gives its customer; `told` is the first turn in which the
    customer says one, `gender` male or female where known, `another` whether somebody speaks for the customer."""

    surnames: tuple[str, ...]
    full: tuple[str, ...]
    told: int | None
    gender: str | None
    another: bool


class Mistake(NamedTuple):
    """What is wrong with an address, and how surely."""

    note: str
    confidence: float


class Asked(Entry):
    """Nothing to set."""


class Used(Entry):
    asked: Annotated[str, HitsOf]
    identity: Annotated[str, HitsOf]
    at_least: Annotated[str, LimitName] = "at_least"


class Wrong(Entry):
    asked: Annotated[str, HitsOf]
    identity: Annotated[str, HitsOf]


def asked(view: View, rule: Rule, params: Asked) -> Outcome:
    """Asked is asked; not asking matters only where nobody knows the name."""
    hits = view.hits(rule.id)
    if hits:
        return Outcome("pass", max(h.confidence for h in hits), hits, "询问了称呼")
    if view.call.customer_name:
        return Outcome("not_applicable", reason="已知客户姓名")
    told, doubts = _known(view, rule.id).told, view.doubts(rule.id)
    if told is not None:
        if answered := tuple([doubt for doubt in doubts if 0 < told - doubt.turn <= 2]):
            return Outcome("pass", ANSWERED, answered, "客户随即报了姓名，应是询问了称呼")
        return Outcome("not_applicable", reason="客户自己说了姓名")
    if doubts:
        return Outcome("needs_review", max(h.confidence for h in doubts), doubts, "可能问了称呼，没听清，请人听一下")
    return Outcome("fail", view.absent(view.by_speaker["agent"]), reason="不知道客户姓名，也没有询问")


def used(view: View, rule: Rule, params: Used) -> Outcome:
    """Turns in which the customer is addressed by name, against a limit; the identity question of an outbound call apart."""
    known = _known(view, params.asked)
    if not known.surnames:
        return Outcome("not_applicable", reason="没有客户姓名，客户也没有说")
    apart = _identity(view, params.identity)
    hits: list[Hit] = []
    bare = 0
    for turn in view.by_speaker["agent"]:
        light = view.text.said[turn]
        addresses = [found for title in _TITLE.finditer(light) if (found := _address(view, turn, title, known))]
        addresses = addresses or _misheard(view, turn, light, known) or _unclear(view, turn, light)
        if addresses and turn not in apart:
            if not any(_mistake(view, turn, light, title, known) for title in _gendered(light)):
                hits.append(max(addresses, key=lambda h: h.confidence))
        elif not addresses:
            bare += any(_BEFORE.search(light[:title.start()]) for title in _gendered(light))
    least = rule.limits[params.at_least]
    reason = f"{len(hits)} 次以姓名称呼客户，要求至少 {least:g} 次"
    reason += f"；另有 {bare} 处只称先生、女士，不计" if bare else ""
    if len(hits) >= least:
        sure = sorted((h.confidence for h in hits), reverse=True)[int(least) - 1]
        return Outcome("pass", sure, tuple(hits), reason, float(len(hits)))
    return Outcome("fail", view.absent(view.by_speaker["agent"]), tuple(hits), reason, float(len(hits)))


def wrong(view: View, rule: Rule, params: Wrong) -> Outcome:
    """Another surname than the customer's, or a title of the other gender, where a person is called."""
    known = _known(view, params.asked)
    if not known.surnames and not known.gender:
        return Outcome("not_applicable", reason="不知道客户姓名和性别")
    hits: list[Hit] = []
    for turn in view.by_speaker["agent"]:
        light = view.text.said[turn]
        for title in _gendered(light):
            if (found := _mistake(view, turn, light, title, known)) is not None:
                offset = view.text.offsets[turn]
                first, last = offset + max(0, title.start() - 2), offset + title.end()
                hits.append(Hit(turn, first, last, found.confidence, "pattern", False, found.note))
                break
    if hits:
        return Outcome("fail", max(h.confidence for h in hits), tuple(hits), "；".join(dict.fromkeys(h.note for h in hits)), float(len(hits)))
    return Outcome("pass", 0.9, reason="没有叫错", value=0.0)


def _gendered(light: str) -> list[re.Match[str]]:
    """Titles that tell a gender. Most turns have no title at all, which `_TITLE` sees sooner: it has no groups."""
    return list(_GENDERED.finditer(light)) if _TITLE.search(light) else []


def _mistake(view: View, turn: int, light: str, title: re.Match[str], known: Known) -> Mistake | None:
    """What is wrong with an address; None where it is right or none."""
    own = _address(view, turn, title, known)
    before, after = light[:title.start()], light[title.end():]
    if not _AFTER.match(after):
        return None
    surname = "" if own else _called(light, title.start())
    heard = surname or before[-1:]
    corrected = _correction(view, turn)
    if corrected and not corrected.endswith(heard) and heard not in corrected and _BEFORE.search(before[:-1]):
        return Mistake(f"称“{heard}{title[0]}”，客户说姓{corrected}", MISTAKEN)
    if not (own or surname or _BEFORE.search(before)):
        return None
    if known.gender and title.lastgroup != known.gender and not known.another:
        return Mistake(f"称“{title[0]}”，客户是{'男' if known.gender == 'male' else '女'}性", MISTAKEN)
    if surname and known.surnames and not known.another:
        sure = MISTAKEN if view.call.customer_name and not _perhaps_misheard(view, turn, surname, known) else UNCONFIRMED
        return Mistake(f"称“{surname}{title[0]}”，客户姓{known.surnames[0]}", sure)
    return None


def _called(light: str, end: int) -> str:
    """A surname before a title where a person is called; empty where there is none."""
    for length in (2, 1):
        surname = light[max(0, end - length):end]
        single = surname in SURNAMES or any(surname == double[0] for double in DOUBLE_SURNAMES)
        fits = surname in DOUBLE_SURNAMES if length == 2 else single
        if len(surname) == length and fits and _BEFORE.search(light[:end - length]):
            return surname
    return ""


def _correction(view: View, turn: int) -> str:
    """The surname a customer gives unasked after being addressed: at once, or a turn later where it was known before."""
    reach = 4 if view.call.customer_name else 2
    for i in range(turn, min(turn + reach, len(view.turns))):
        light = view.text.said[i]
        if view.speakers[i] == "agent" and any(w in light for w in ("贵姓", "称呼", "姓什么", "姓啥", "名字", "姓名")):
            return ""
        if view.speakers[i] == "customer" and (found := _CORRECTS.search(light)):
            return found[1] or ""
    return ""


def _address(view: View, turn: int, title: re.Match[str], known: Known) -> Hit | None:
    """The customer's name right before a title, by sound."""
    light, offset = view.text.said[turn], view.text.offsets[turn]
    best: tuple[float, int] | None = None
    for name in (*known.full, *known.surnames):
        heard = light[max(0, title.start() - len(name)):title.start()]
        sure = _same(name, heard)
        if not sure and view.recognised[turn] is not None and _blurred(name, heard) and _BEFORE.search(light[:title.start() - 1]):
            sure = BLUR
        if sure and len(title[0]) == 1 and not _ends(light, title.end()):
            continue
        if sure and (best is None or sure > best[0]):
            best = sure, len(heard)
    if best is None:
        return None
    start, end = offset + title.start() - best[1], offset + title.end()
    sure, heard = best[0], view.recognised[turn]
    return Hit(turn, start, end, sure * (1.0 if heard is None else heard), "exact" if sure > 0.95 else "homophone")


def _misheard(view: View, turn: int, light: str, known: Known) -> list[Hit]:
    """The customer's name before what only sounds like a title (王先声): one character of name or title must be right."""
    if TITLES not in view.memory:
        whole = sound_of(view.text.light)
        view.memory[TITLES] = [(title, wanted) for title, wanted in _LONG_TITLES.items() if wanted in whole]
    if not view.memory[TITLES]:
        return []
    found: list[Hit] = []
    sound, offset = sound_of(light), view.text.offsets[turn]
    for title, wanted in view.memory[TITLES]:
        at = sound.find(wanted)
        while at >= 0:
            right = light[at] == title[0] or light[at + 1] == title[1]
            for name in (*known.full, *known.surnames):
                sure = _same(name, light[max(0, at - len(name)):at])
                if sure >= (0.9 if right else 0.97):
                    found.append(Hit(turn, offset + at - len(name), offset + at + 2, MISHEARD, "homophone"))
            at = sound.find(wanted, at + 1)
    return found


def _unclear(view: View, turn: int, light: str) -> list[Hit]:
    """What stands where a recogniser should have heard a surname and is none: one character, where a person is called."""
    if view.recognised[turn] is None:
        return []
    offset = view.text.offsets[turn]
    return [Hit(turn, offset + title.start() - 1, offset + title.end(), UNCLEAR, "homophone") for title in _gendered(light)
            if re.match(_HAN, name := light[title.start() - 1:title.start()]) and name not in SURNAMES and name not in NO_NAMES
            and _BEFORE.search(light[:title.start() - 1])]


def _ends(light: str, end: int) -> bool:
    """Whether a title of one character is a word of its own, not the begin of another (总共, 工号, 姐妹)."""
    return light[end:end + 1] not in tuple("共部公之算体额计号作单程资妹弟事")


def _same(name: str, heard: str) -> float:
    """How far something heard may be a name: the same characters, the same sound, nearly the same."""
    if len(name) != len(heard) or not heard:
        return 0.0
    if name == heard:
        return 0.97
    read = {name, "".join(OTHER_SOUNDS.get(c, c) if i == 0 else c for i, c in enumerate(name))}
    read_heard = {heard, "".join(OTHER_SOUNDS.get(c, c) if i == 0 else c for i, c in enumerate(heard))}
    if any(exact_sound_of(a) == exact_sound_of(b) for a in read for b in read_heard):
        return 0.9
    return 0.8 if any(sound_of(a) == sound_of(b) for a in read for b in read_heard) else 0.0


def _perhaps_misheard(view: View, turn: int, surname: str, known: Known) -> bool:
    """Whether a recogniser may have made a wrong surname out of the right one: it is blurred, or the agent says the right one in
    another turn, and the customer has put nothing right."""
    if view.recognised[turn] is None or _correction(view, turn):
        return False
    right = any(_address(view, other, title, known) for other in view.by_speaker["agent"] if other != turn
                for title in _gendered(view.text.said[other]))
    return right or any(_blurred(name, surname) for name in known.surnames)


def _blurred(name: str, heard: str) -> bool:
    """Whether two surnames of one character may be taken for each other by a recogniser."""
    return len(name) == len(heard) == 1 and _blur(syllables().get(name, name)) == _blur(syllables().get(heard, heard))


def _blur(syllable: str) -> str:
    syllable = "hu" + syllable[2:] if syllable.startswith("wu") else syllable
    for one, other in BLURRED:
        if syllable.startswith(one):
            return other + syllable[len(one):]
    return syllable


def _known(view: View, asked_rule: str) -> Known:
    if MEMORY not in view.memory:
        view.memory[MEMORY] = _find(view, asked_rule)
    return view.memory[MEMORY]


def _find(view: View, asked_rule: str) -> Known:
    names: list[str] = []
    if view.call.customer_name:
        names.append(key_of(view.call.customer_name))
    told = None
    questions = {hit.turn for hit in view.hits(asked_rule)}
    for turn in view.by_speaker["customer"]:
        answering = any(i in questions for i in (turn - 1, turn - 2))
        understood = _understood(view, turn, answering)
        found = _names_in(view.text.said[turn], answering)
        if understood and not any(_same(understood, name[:len(understood)]) for name in found):
            found = [understood]
        told = turn if told is None and found else told
        names += found
    if not names and questions:
        names = _taken(view, min(questions))
        told = min(questions) + 1 if names else None
    said = [m["gender"] for i in view.by_speaker["customer"] for m in _SAYS_GENDER.finditer(view.text.said[i])]
    gender = _gender(said[0] if said else view.call.customer_gender)
    another = any(_ANOTHER.search(view.text.said[i]) for i in view.by_speaker["customer"])
    surnames = [name[:2] if name.startswith(DOUBLE_SURNAMES) else name[:1] for name in names if name]
    # Who gives another surname than the account's is somebody else, of whom the metadata do not tell the gender.
    stranger = bool(view.call.customer_name) and any(not _same(surnames[0], surname) for surname in surnames[1:])
    if stranger and not said:
        gender = None
    return Known(tuple(dict.fromkeys(surnames)), tuple(dict.fromkeys(n for n in names if len(n) > 1 and n not in surnames)),
                 told, gender, another)


def _understood(view: View, turn: int, answering: bool) -> str:
    """The surname that the agent took from a customer's answer: called by it at once, and its syllable is in the answer.

    A recogniser that hears 胡星马 for 我姓马 leaves no sentence to read a name from, but the agent who goes on with 马先生 has
    understood it. Empty where there is none."""
    said = view.text.said[turn]
    after = next((i for i in range(turn + 1, min(turn + 3, len(view.turns))) if view.speakers[i] == "agent"), None)
    if after is None or not (answering or len(said) <= ANSWER):
        return ""
    called, sounds = view.text.said[after], exact_sound_of(said)
    for start in _titles(view, after):
        for length in (2, 1):
            name = called[max(0, start - length):start]
            at = sounds.find(exact_sound_of(name)) if len(name) == length and _BEFORE.search(called[:start - length]) else -1
            surnames = [one for one in (said[at:at + length], name) if one in (DOUBLE_SURNAMES if length == 2 else SURNAMES)]
            if at >= 0 and surnames:
                return surnames[0]
    return ""


def _titles(view: View, turn: int) -> list[int]:
    """Where titles that tell a gender begin in a turn; in one that a recogniser wrote those too of which only the sound is right
    (律师 for 女士)."""
    light = view.text.said[turn]
    found = {title.start() for title in _gendered(light)}
    if view.recognised[turn] is not None:
        found.update([title.start() for title in _TITLES_BY_SOUND.finditer(sound_of(light))])
    return sorted(found)


def _taken(view: View, asked: int) -> list[str]:
    """The surname by which the agent calls the customer again and again after having asked: whatever was heard of the answer, they
    have understood one. Empty unless two turns have it, by its sound."""
    sounds: dict[str, list[tuple[int, str]]] = {}
    for turn in [i for i in view.by_speaker["agent"] if i > asked]:
        light = view.text.said[turn]
        for start in _titles(view, turn):
            name = light[max(0, start - 1):start]
            if name and name not in NO_NAMES and exact_sound_of(name) in _surname_sounds() and _BEFORE.search(light[:start - 1]):
                sounds.setdefault(exact_sound_of(name), []).append((turn, name))
    for found in sounds.values():
        if len({turn for turn, _ in found}) > 1:
            return [next((name for _, name in found if name in SURNAMES), found[0][1])]
    return []


@cache
def _surname_sounds() -> frozenset[str]:
    return frozenset(exact_sound_of(one) for one in SURNAMES)


def _names_in(said: str, answering: bool) -> list[str]:
    """Names a customer gives in a turn: 免贵姓王, 姓弓长张, 我叫孟凡强; asked for, the bare name too."""
    found: list[str] = []
    for match in _GIVES.finditer(said) if "姓" in said else ():
        rest = match[1]
        spelled = next((surname for how, surname in SPELLED.items() if rest.startswith(how)), None)
        explained = re.match(f"{_HAN}{{2,8}}的({_HAN})", rest)
        double = next((d for d in DOUBLE_SURNAMES if rest.startswith(d)), None)
        if spelled or double:
            found.append(spelled or double or "")
        elif explained and rest[0] not in SURNAMES and explained[1] in SURNAMES:
            found.append(explained[1])
        else:
            found.append(rest[0])
    found += [m[1] for m in _CALLED.finditer(said)] if "叫" in said else []
    if answering and not found:
        spelled = next((surname for how, surname in SPELLED.items() if how in said), None)
        match = _ANSWER.match(said)
        if spelled or match:
            found.append(spelled or (match[1] if match else ""))
    return found


def _gender(value: str | None) -> str | None:
    names = {"male": "male", "m": "male", "男": "male", "female": "female", "f": "female", "女": "female"}
    return names.get((value or "").lower())


def _identity(view: View, rule_id: str) -> set[int]:
    """Turns of an outbound call that ask whether it is the customer."""
    return {hit.turn for hit in view.hits(rule_id)} if view.call.direction == "outbound" else set()
