"""E-mail addresses, written or spoken: zhou点qiang艾特qq点com."""
from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.masking.signs import SURE

_DIGITS = "".join(SURE)
_DOT = r"[点典店电殿垫](?![子话])儿?|\.|丶"
_DASH = "下[滑划画话][线现县限先]|中划线|横杠|短横线?|减号|[杠刚钢岗]"
_AT = "(?:@|[艾爱哎矮唉碍][嗯啊呃哦]?[特忒]|小老鼠|圈儿?a|a圈|花a|蜗牛|\\bat\\b|(?<![a-z])at(?![a-z]))"
_NAMES = "新浪|网易|搜狐|腾讯|雅虎|谷歌|微软|阿里云|企业邮箱|企鹅|扣扣|球球|球qq|沃|移动"
_TOP = "(?:com|cn|net|org|edu|gov|co|io|cc|vip|top|me|hk|tw|[康抗靠卡肯康考口][木姆母目么慕]|康|c\\s?o\\s?m|c\\s?n)(?![a-z]{3})"
_KNOWN = f"(?:qq|gmail|hotmail|outlook|foxmail|sina|sohu|icloud|[1一幺][6六][3三]|[1一幺][2二][6六]|[1一幺][3三][9九]|[1一幺][8八][9九]|{_NAMES})"
_EAR = "尔儿而灵领要腰药山散死事午舞吴流留刘起期奇吧巴爸就久酒"
_PART = f"(?:[a-z0-9{_DIGITS}+]|(?<=[0-9{_DIGITS}])[{_EAR}](?=[0-9{_DIGITS}{_EAR}])|{_DASH}|-|_|[双两三四五六七八]个?[0-9{_DIGITS}])"
EMAIL = re.compile(
    f"(?P<local>(?:{_PART}|{_DOT}|(?<=[a-z0-9{_DIGITS}])\\s(?=[a-z0-9{_DIGITS}])|(?<=[线杠点])\\s|\\s(?=[下中横杠点.@]))+)"
    f"\\s?{_AT}符?号?\\s?"
    f"(?:(?:{_NAMES}|{_PART}|\\s(?=[a-z0-9{_DIGITS}]))+?\\s?(?:(?:{_DOT})\\s?(?:{_NAMES}|{_PART})+?\\s?)*?(?:(?:{_DOT})\\s?{_TOP})+"
    f"|{_KNOWN}(?:[a-z.]{{1,5}})?(?![a-z0-9])|(?<=@)[a-z0-9.-]{{3,}})")
HINT = re.compile(f"@|{_AT}|小老鼠")


def emails(folded: str) -> Iterator[tuple[int, int, str]]:
    """Spans of addresses in folded text."""
    if not HINT.search(folded):
        return
    for found in EMAIL.finditer(folded):
        local = found["local"]
        lead = len(local) - len(re.sub(r"^(?:[\s点典店.]|是)+", "", local))
        if len(local) > lead:
            yield found.start() + lead, found.end(), "email"
