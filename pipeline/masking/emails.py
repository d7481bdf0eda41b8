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
_PART = f"(?>[双两三四五六七八]个?[0-9{_DIGITS}]|[a-z0-9{_DIGITS}+]|(?<=[0-9{_DIGITS}])[{_EAR}](?=[0-9{_DIGITS}{_EAR}])|{_DASH}|-|_)"
_LOCAL = re.compile(
    f"(?:{_PART}|{_DOT}|(?<=[a-z0-9{_DIGITS}])\\s(?=[a-z0-9{_DIGITS}])|(?<=[线杠点])\\s|\\s(?=[下中横杠点.]))++\\s?$")
_NAME = f"(?:{_NAMES}|{_PART}|\\s(?=[a-z0-9{_DIGITS}])){{1,24}}?"
_DOMAIN = re.compile(
    f"符?号?\\s?(?:{_NAME}\\s?(?:(?:{_DOT})\\s?{_NAME}\\s?){{0,3}}?(?:(?:{_DOT})\\s?{_TOP}){{1,3}}"
    f"|{_KNOWN}(?:[a-z.]{{1,5}})?(?![a-z0-9])|(?<=@)[a-z0-9.-]{{3,60}})")
SIGN = re.compile(_AT)
LONGEST = 64        # characters of a local part, RFC 5321, and as many of a domain as are looked at


def emails(folded: str) -> Iterator[tuple[int, int, str]]:
    """Spans of addresses in folded text."""
    reached = 0
    for sign in SIGN.finditer(folded):
        if sign.start() < reached:
            continue
        local = _LOCAL.search(folded, max(reached, sign.start() - LONGEST), sign.start())
        domain = _DOMAIN.match(folded, sign.end(), sign.end() + LONGEST)
        if not local or not domain:
            continue
        lead = len(local[0]) - len(local[0].lstrip(" \t点典店."))
        if local.start() + lead < sign.start():
            reached = domain.end()
            yield local.start() + lead, domain.end(), "email"
