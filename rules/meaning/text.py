"""A turn's text as the trained layer reads it: one way of writing for everything that recognisers write in several.

Traditional characters become simplified, full width half width, capitals small letters; punctuation, spaces and signs go,
since recognisers put them anywhere or nowhere. Numbers and surnames before a title become placeholders, so that what is
learnt holds for other numbers and names too.
"""
from __future__ import annotations

import re
import unicodedata

BEGIN, END, NAME = "\ue010", "\ue011", "\ue012"
# Placeholders of numbers by length in digits: 3, 4 to 5 (staff numbers, tails), 6 to 8, 9 to 12 (telephones), more (IDs).
NUMBERS = {"\ue003": 3, "\ue004": 5, "\ue006": 8, "\ue00b": 12, "\ue00d": 10**9}
SHOWN = {NAME: "{姓}", "\ue003": "{3位数}", "\ue004": "{4-5位数}", "\ue006": "{6-8位数}",
         "\ue00b": "{9-12位数}", "\ue00d": "{长号}"}

_ARABIC = re.compile(r"\d+(?:\.\d+)?")
_NUMBER = re.compile("[零〇一二三四五六七八九幺两十百千万点0-9]{3,}")
_SURNAME = ("欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|"
            "[王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许邓冯韩曹曾彭萧肖蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢"
            "傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严覃武洪汤莫孔向常温康施文牛樊"
            "葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝"
            "路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全"
            "佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝][\u4e00-\u9fff]{0,2}?")
_ADDRESSED = re.compile(f"(?:{_SURNAME})(?=先生|女士|小姐|太太|阿姨|叔叔|大爷|大妈|大姐|大哥|老师)")
_BREAK = "\0"  # where punctuation stood: numbers on its two sides are two
_UNITS = "零一二三四五六七八九"


class Folding(dict[int, str]):
    """A table for `str.translate` that works out each character when it first meets it.

    `simplified` maps traditional characters to simplified ones.
    """

    def __init__(self, simplified: dict[str, str]) -> None:
        self._simplified = simplified

    def __missing__(self, code: int) -> str:
        kept = [self._simplified.get(c, c) for c in unicodedata.normalize("NFKC", chr(code)).lower()
                if unicodedata.category(c)[0] in "LN"]
        self[code] = folded = "".join(kept) or ("" if chr(code).isspace() else _BREAK)
        return folded


def _spoken(match: re.Match[str]) -> str:
    """Arabic numbers under a hundred as they are said (30 becomes 三十); longer ones stay digits."""
    digits = match.group()
    if len(digits) == 1:
        return _UNITS[int(digits)]
    if len(digits) == 2 and digits[0] != "0":
        tens, ones = int(digits[0]), int(digits[1])
        return (_UNITS[tens] if tens > 1 else "") + "十" + (_UNITS[ones] if ones else "")
    return digits


def _placeholder(match: re.Match[str]) -> str:
    length = len(match.group())
    return next(sign for sign, most in NUMBERS.items() if length <= most)


def fold(text: str, folding: Folding) -> str:
    """The text without punctuation, in simplified small letters, numbers and addressed surnames as placeholders."""
    text = text.translate(folding)
    text = _ARABIC.sub(_spoken, text)
    text = _NUMBER.sub(_placeholder, text)
    return _ADDRESSED.sub(NAME, text).replace(_BREAK, "")
