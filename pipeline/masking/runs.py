"""Runs of spoken or written digits, with what speakers put between them: spaces, marks, 嗯, 然后, 杠.

A run is a chain of atoms. An atom is what one word stands for: a digit, 双零, 三个八, 三十八, 一百三十八; X only closes an ID number.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pipeline.masking.signs import SURE, alike, heard

JOINS = 8               # pauses, marks and fillers between two digits of one number
LONGEST = 100           # atoms weighed together; five numbers read out without a word between them
NONE, SPACE, PAUSE, JUNK = 0, 1, 2, 3
"""What stands before an atom: nothing, a space or hyphen, a mark or filler, or a character that may be a misheard one."""
COUNT = {"双": 2, "霜": 2, "爽": 2, "俩": 2, "两个": 2, "三个": 3, "四个": 4, "五个": 5, "六个": 6, "七个": 7, "八个": 8,
         **{f"{n}个": n for n in range(2, 9)}}
_THEN, _THAT = "[然染冉燃髯嚷让壤兰蓝览懒烂栏拦][，,]?[后候厚猴吼否]", "[那拿纳娜哪钠呐辣拉][个各阁格隔哥歌葛革]{1,2}"
"""然后 and 那个 as recognisers mishear them."""
_JOINERS = (f"{_THEN}是?|{_THAT}|后面是?|后边是?|后头是?|接着是?|接下来是?|跟着|再来|完了是?|这个|就是|对对对?|好的|是的|没错|空格|横杠|短横线?|中横线|横线|逗号|继续|"
            "请继续|请讲|您说|你说|往下念|往下|记下了|再是?|杠|横|[不部布步](?:对|那对|是)|最后(?:[一两三四几]位)?是?|末[尾位]是?|[看说念报记]?[错措]了|重新来?|等一?下|等等|稍等")
_BY_EAR = ("然后", "后面", "最后", "稍等", "末尾", "接着", "不对")
"""Joiners by their sound, since recognisers write 后免 and 稍登."""
_FILLERS = "嗯啊呃额哦噢喔诶哎欸唔呀哈呢嘛唉对好行是就那"
_X = "埃克斯|爱克斯|艾克斯|叉|x|×"
_JUNK = "[^\\W\\da-z年月日号时分秒点元块毛角钱个万千百亿岁度楼栋幢层室期折斤克米里天次人位条箱瓶张件加减乘除到至第]个?"
"""A character that belongs to no number; one may stand inside a long number that a recogniser has garbled."""


@dataclass(frozen=True, slots=True)
class Atom:
    digits: str
    start: int
    end: int
    sure: bool
    gap: int
    word: bool = False          # a number word (三十八), not a digit by digit reading


@dataclass(frozen=True, slots=True)
class Run:
    """Atoms of `text[start:end]`; `spoken` where at least one is in Chinese."""

    atoms: tuple[Atom, ...]
    start: int
    end: int


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    sure, like = f"[{''.join(SURE)}]", f"[{''.join(heard())}]"
    digit = f"[{''.join(SURE)}{''.join(heard())}]"
    count = "|".join(COUNT)
    atom = (f"(?P<times>{count})[ ]?(?P<each>{digit})|(?P<hundred>(?:[一幺][百败白摆拜][三四五六七八九吧]|百(?=[三四五六七八九吧][十士石式实时]))(?:[三四五六七八九]?[十士石式实时是师][一二三四五六七八九]?)?)"
            f"|(?P<tens>[二三四五六七八九]?十[一二三四五六七八九](?![百千万])|[二三四五六七八九]十)"
            f"|(?P<sure>{sure})|(?P<x>{_X})|(?P<heard>{like})")
    plain = re.sub(r"\?P<\w+>", "?:", atom)
    space = r"[ \t\-–—－_]+"
    mark = r"[，。、,.;；：:？?！!·…~/|]"
    ear = "|".join("".join(map(alike, word)) for word in _BY_EAR) + f"|{alike('尾')}{alike('号')}(?=[是事世市])|后[两三四六八]位"
    join = f"(?:{space}|{mark}|(?:{ear})是?|{_JOINERS}|[{_FILLERS}])"
    aside = f"{mark}(?:{_JUNK}){{2,3}}{mark}"       # an interjection that recognition garbled
    run = re.compile(f"(?:{plain})(?:(?:{join}{{0,{JOINS}}}|{join}{{0,2}}{_JUNK}{join}{{0,2}}|{aside})(?:{plain}))+")
    token = re.compile(f"(?P<said>(?:{ear})是?|(?<=[，,。、；;])是)|{atom}|(?P<space>{space})"
                       f"|(?P<join>{mark}|{_JOINERS}|[{_FILLERS}])|(?P<junk>.)")
    return run, token, re.compile(f"{sure}")


def runs(folded: str) -> Iterator[Run]:
    """Every run of three digits and more of which two are sure."""
    run, token, sure = _patterns()
    if len(sure.findall(folded)) < 2:
        return
    for found in run.finditer(folded):
        if len(sure.findall(found[0])) >= 2:
            atoms = tuple(_atoms(token, folded, *found.span()))
            yield from (part for part in _parts(atoms, *found.span()) if sum(len(atom.digits) for atom in part.atoms) >= 3)


def _parts(atoms: tuple[Atom, ...], start: int, end: int) -> Iterator[Run]:
    """A run as it is, or an endless one in parts, cut at a pause where there is one: weighing a run takes the square of its length."""
    while len(atoms) > LONGEST:
        cut = next((at for at in range(LONGEST, LONGEST // 2, -1) if atoms[at].gap >= PAUSE), LONGEST)
        yield Run(atoms[:cut], start, atoms[cut - 1].end)
        atoms, start = atoms[cut:], atoms[cut].start
    yield Run(atoms, start, end)


def atoms_of(folded: str) -> list[Atom]:
    """The atoms of a text that is one number."""
    return list(_atoms(_patterns()[1], folded, 0, len(folded)))


def _atoms(token: re.Pattern[str], folded: str, start: int, end: int) -> Iterator[Atom]:
    gap = NONE
    for found in token.finditer(folded, start, end):
        kind, text = found.lastgroup, found[0]
        if found["times"]:
            each = SURE.get(found["each"]) or heard()[found["each"]]
            yield Atom(each * COUNT[found["times"]], *found.span(), True, gap)
        elif kind == "hundred":
            tail = [SURE.get(one, "8") for one in text[1:] if one in SURE or one == "吧"]
            yield Atom(("1" + "".join(tail) + "0")[:3], *found.span(), True, gap, word=True)
        elif kind == "tens":
            tens, _, ones = text.partition("十")
            yield Atom(SURE.get(tens, "1") + SURE.get(ones, "0"), *found.span(), True, gap, word=True)
        elif kind == "sure":
            yield Atom(SURE[text], *found.span(), True, gap)
        elif kind == "x":
            yield Atom("X", *found.span(), text in "x×叉" or len(text) == 3, gap)
        elif kind == "heard":
            yield Atom(heard()[text], *found.span(), False, gap)
        else:
            gap = max(gap, {"space": SPACE, "junk": JUNK}.get(kind or "", PAUSE))
            continue
        gap = NONE
