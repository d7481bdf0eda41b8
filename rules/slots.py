"""Slots: values of a kind inside phrases, as `工号{staff_number}` or `我是{staff_name}`.

A pattern is over the key text (no punctuation, no particles, digit runs of three and more in Arabic). `organisation`,
`staff_name` and `customer_name` also know the names that belong to the call.
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rules.tables import syllables
from rules.text import exact_sound_of, sound_of

SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范"
    "方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段漕钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申"
    "尤毕聂丛焦向柳邢路岳齐梅莫庄辛管祝左涂谷祁时舒耿牟卜路詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司"
    "柏宁柯阮桂闵解强柴华车冉房边净阴闫郁肖晏佘应褚戚巩敬冷鹿伯卓应双封仇栾宗滕艾连骆娄乐池雷居晋滑")
DOUBLE_SURNAMES = ("欧阳", "上官", "司马", "诸葛", "司徒", "皇甫", "尉迟", "夏侯",
                   "东方", "慕容", "令狐", "端木", "南宫", "公孙", "申屠", "闻人", "万俟", "澹台", "宇文", "长孙",
                   "钟离", "轩辕", "呼延", "淳于", "赫连", "西门", "公冶", "濮阳", "独孤", "拓跋", "百里", "纳兰", "完颜",
                   "鲜于", "漆雕", "乐正", "公西", "公良", "亓官", "闾丘", "司空", "司寇", "太叔", "仲孙", "巫马", "谷梁", "梁丘", "左丘",
                   "东郭", "羊舌")
_N = "0-9一二两三四五六七八九十百半几"
_UNITS = "秒钟|秒|分钟|分|刻钟|小时|钟头|个?工作日|天|日|周|星期|礼拜|月|年"
_HAN = "[一-鿿]"

PATTERNS: dict[str, tuple[str, str]] = {
    "organisation": ("(?!)", "a name the agent answers for: from the call, else scoring.organisations"),
    "staff_number": ("[a-z]?[0-9]{2,8}|[零一二三四五六七八九十]{1,3}", "8023, A56"),
    "staff_name": (f"[小老阿]{_HAN}|(?:{'|'.join(DOUBLE_SURNAMES)}|[{SURNAMES}]){_HAN}{{1,2}}|[{SURNAMES}](?:工|经理|主管)",
                   "小李, 王芳, 林工, or the call's agent_name"),
    "customer_name": (f"(?:{'|'.join(DOUBLE_SURNAMES)}|[{SURNAMES}]){_HAN}{{0,2}}", "a surname with or without given name"),
    "duration": (f"(?:大?约|大概)?(?:[{_N}]{{1,12}}|半|一会|几十)个?多?(?:{_UNITS})(?:左右|以内|之内|内)?",
                 "30秒, 两三分钟, 48小时, 三个工作日"),
    "date": (f"(?:今|明|后|昨|前)天|(?:[{_N}]{{1,4}}年)?[{_N}]{{1,3}}月(?:[{_N}]{{1,3}}[号日])?|[{_N}]{{1,3}}[号日]"
             f"|(?:这|本|下|上)?(?:周|星期|礼拜)[一二三四五六日天末]", "11月3号, 明天, 下周三"),
    "phone": ("1[3-9][0-9]{9}|0[0-9]{9,11}|400[0-9]{7}|[2-8][0-9]{6,7}", "13800138000, 4008123123"),
    "number": (f"[{_N}]{{1,12}}(?:点[{_N}]{{1,6}})?", "any number of at most 12 digits"),
    "title": ("先生|女士|小姐|太太|阿姨|叔叔|大爷|大妈|大姐|大哥|老师|经理|师傅|同学|奶奶|爷爷|医生|总|姐|哥",
              "a form of address"),
}
NAMES = frozenset(PATTERNS)
LONGEST = {"staff_number": 9, "staff_name": 5, "customer_name": 4, "phone": 13, "title": 2}
"""Most characters of a value, so that longer stretches need not be tried …"""
LONG = 16
"""… and of the other kinds'."""
FIGURE_SOUNDS = {
    "ling": 0, "lin": 0, "dong": 0, "yi": 1, "yao": 1, "er": 2, "san": 3, "shan": 3, "si": 4, "shi": 4, "wu": 5, "liu": 6, "niu": 6,
    "qi": 7, "guai": 7, "ba": 8, "jiu": 9, "gou": 9}
"""Figures by the syllables they are heard as in numbers read figure by figure."""
BLURRED_FIGURES = frozenset(("ji", "zi", "ya", "niu"))
"""What recognisers also make of 七, 四, 幺 and 六: told from words by what stands around a staff number alone."""
NUMBER_HEARD = range(3, 6)
"""Figures of a staff number that is known by its sound alone (留二要启号为您服务): fewer would be words."""
LEAST_MAIMED, MAIMED = 4, 0.75
"""Characters of a name from which it is known with one of them lost, and how far that stands for the name."""
_COMPILED = {kind: re.compile(pattern) for kind, (pattern, _) in PATTERNS.items()}
_NEVER = "(?!)"


class Slots:
    """Slot values in one call's key text; `names` adds the call's own names to a kind's pattern (as keys).

    Values are looked for where they are asked for, beside the words of a phrase: few places of a call are.
    """

    def __init__(self, key: str, sound: str, names: dict[str, Sequence[str]]) -> None:
        self.key, self.sound, self.names = key, sound, names
        self._ends: dict[tuple[str, int], tuple[int, ...]] = {}
        self._named: dict[str, list[tuple[int, int, float]]] = {}

    def ends(self, kind: str, start: int) -> tuple[int, ...]:
        """Where values of the kind that begin at `start` end, the longest first."""
        known = self._ends.get((kind, start))
        if known is None:
            pattern, key = _COMPILED[kind], self.key
            found: set[int] = set()
            if pattern.match(key, start):
                furthest = min(start + LONGEST.get(kind, LONG), len(key))
                found.update([end for end in range(start + 1, furthest + 1) if pattern.fullmatch(key, start, end)])
            elif kind == "staff_number":
                found.update(_number_heard(key, start))
            found.update([end for begin, end, _ in self.named(kind) if begin == start])
            known = self._ends[kind, start] = tuple(sorted(found, reverse=True))
        return known

    def starts(self, kind: str, end: int) -> Sequence[int]:
        """Where values of the kind that end at `end` begin, the longest first."""
        longest = max([LONGEST.get(kind, LONG), *[stop - start for start, stop, _ in self.named(kind)]])
        return [start for start in range(max(0, end - longest), end) if end in self.ends(kind, start)]

    def named(self, kind: str) -> list[tuple[int, int, float]]:
        """Where the call's own names of a kind stand, with their likeness."""
        if kind not in self._named:
            names = self.names.get(kind, ())
            found = [place for name in names for place in find_by_sound(name, self.key, self.sound)]
            if not found and kind == "organisation":
                found = [place for name in names for place in find_maimed(name, self.key, self.sound)]
            self._named[kind] = found
        return self._named[kind]

    def spans(self, kind: str) -> list[tuple[int, int, float]]:
        """All values of a kind in the call: start, end, and how far the sound alone says so (1: the very characters)."""
        found = [(*m.span(), 1.0) for m in _COMPILED[kind].finditer(self.key)] if PATTERNS[kind][0] != _NEVER else []
        return sorted(found + self.named(kind))


def _number_heard(key: str, start: int) -> list[int]:
    """Where a staff number that begins at `start` may end if every character of it has a figure's sound."""
    end = start
    while end < min(len(key), start + NUMBER_HEARD.stop - 1) and _is_figure(key[end]):
        end += 1
    return [start + length for length in NUMBER_HEARD if start + length <= end]


def _is_figure(character: str) -> bool:
    if character.isdigit():
        return True
    heard = syllables().get(character)
    return character not in "是时十" and (heard in FIGURE_SOUNDS or heard in BLURRED_FIGURES)


def find_by_sound(name: str, key: str, sound: str) -> list[tuple[int, int, float]]:
    """Places of a name in a key text of that sound, by near sound, with their likeness; see `alike`."""
    wanted = sound_of(name)
    found, at = [], sound.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if likeness := alike(name, key[at:end]):
            found.append((at, end, likeness))
        at = sound.find(wanted, at + 1)
    return found


def find_maimed(name: str, key: str, sound: str) -> list[tuple[int, int, float]]:
    """Places of a name of four characters or more of which one was lost or heard as another; half of the others must stand there.

    >>> find_maimed("翠屏雅居物业", key := "您好翠屏居物业请讲", sound_of(key)), find_maimed("平和保险", key := "您好保险公司", sound_of(key))
    ([(2, 7, 0.75)], [])
    """
    wanted, found = sound_of(name), []
    if len(name) < LEAST_MAIMED:
        return []
    for lost in range(len(name)):
        ahead, behind = re.escape(wanted[:lost]), re.escape(wanted[lost + 1:])
        for match in re.finditer(f"{ahead}.?{behind}", sound):
            heard, rest = key[match.start():match.end()], name[:lost] + name[lost + 1:]
            if 2 * sum(character in heard for character in rest) >= len(rest):
                found.append((*match.span(), MAIMED))
    return sorted(set(found))


@lru_cache(maxsize=1 << 16)
def alike(phrase: str, heard: str) -> float:
    """How far something heard may stand for a phrase of the same length and near sound: 1 the same, 0 not at all.

    A few right characters vouch for the others; short phrases need them: of three characters two must be right, of
    four two, or all syllables exactly the same. Near sounds (n/l, zh/z …) count less than the same syllable.

    >>> alike("请您稍等", "请您烧等") > 0.8, alike("再见", "在建")
    (True, 0.0)
    """
    length = len(phrase)
    if length != len(heard):
        return 0.0
    if phrase == heard:
        return 1.0
    if sound_of(phrase) != sound_of(heard):
        return 0.0
    right = sum(a == b for a, b in zip(phrase, heard, strict=True))
    same = sum(a == b for a, b in zip(exact_sound_of(phrase), exact_sound_of(heard), strict=True))
    if length < 3 or (length == 3 and right < 2) or (length == 4 and right < 2 and same < 4):
        return 0.0
    return 0.95 - 0.25 * (length - right) / length - 0.2 * (length - same) / length


def half_right(phrase: str, heard: str) -> bool:
    """Two characters of near sound of which one is the very character."""
    return len(phrase) == len(heard) == 2 and (phrase[0] == heard[0] or phrase[1] == heard[1])
