"""Names of persons other than staff: 收件人翁世杰, 我叫欧阳春晓, 马思源的妈妈, 阿依古丽·买买提, 拼音 feng ya lin.

A surname with one or two characters after it is a candidate. It is weighed by how telling its characters are of names
(lexicon.py), by the words before it (叫, 收件人, 帮 …) and after it (女士本人, 的妈妈), and by the words its characters would form otherwise. A surname
with a title alone (王先生) is no name in this sense, and neither is what an agent says of herself (客服小周, 我是李娜，工号 …).
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from pipeline.masking.lexicon import UNSEEN, given, no_names, surnames, words
from rules.slots import DOUBLE_SURNAMES
from rules.tables import syllables

ENOUGH = 6.0
_KIN = ("老公|老婆|妻子|丈夫|爱人|媳妇|儿子|女儿|闺女|爸爸?|妈妈?|父亲|母亲|爷爷|奶奶|外公|外婆|姥姥|姥爷|哥哥?|姐姐?|弟弟?|妹妹?|孙子|孙女|外孙女?|舅舅|舅妈|叔叔|婶婶|阿姨|姑姑|姨妈|侄子|侄女|外甥女?|女婿|"
        "前夫|前妻|对象|男朋友|女朋友|未婚夫|未婚妻|公公|婆婆|岳父|岳母|老伴|孩子|宝宝|小孩|家属|亲戚|表哥|表姐|表弟|表妹|堂哥|堂弟|嫂子|姐夫|妹夫|弟媳|大姨|小姨|大伯|二叔")
_ROLE = ("收件人|收货人|寄件人|发件人|联系人|紧急联系人|持卡人|投保人|被保人|被保险人|受益人|申请人|机主|户主|车主|开户人|房东|房主|业主|乘客|乘机人|乘车人|旅客|患者|病人|法人|法定代表人|当事人|挂号人|报案人|"
         "经办人|代办人|代理人|签收人|代收人|取件人|购票人|入住人|出行人|就诊人|借款人|担保人|贷款人|还款人|付款人|收款人|被告|原告|债主|租客|租户|房客|同住人|学生|考生|同事|朋友|同学|室友|邻居|战友|老乡|客户|老板|司机师傅|"
         "司机|师傅|保姆|护工|月嫂|医生|大夫|主刀|律师|班主任|学员|投诉人|举报人|签约人|家长|店主|病友|队友|受害人|证人|保险人|参赛者|获奖者|老师叫|驾驶员|肇事者|对方|监护人|抬头|本人|用户|会员|参保人|登记人|预订人|预约人|订票人|下单人|买家|卖家|号主|账户名|主卡人|附卡人|住户|承租人|出租人|委托人|继承人|死者|伤者")
_SAID = "(?:的?(?:名字|姓名|大名|全名|真名)?(?:[叫是为写填]|写的是?|填的是?|名叫|登记的是?|[:：，, ]){0,3})"
_STRONG = re.compile(
    f"(?:(?:叫做?|名叫|姓名[是叫为写]?|名字[是叫]?|大名[是叫]?|真名[是叫]?|全名[是叫]?|本名[是叫]?|曾用名[是叫]?|小名|户名[是叫]?|写的是|登记的是|抬头[是写]?|署名|落款|我姓|全姓名|名儿[是叫]?|实名[是]?)[:：，, ]?(?:的?[是叫])?"
    f"|(?:{_ROLE}|(?:我|他|她|俺|你|您)?(?:{_KIN})){_SAID})$")
_ASKED = re.compile("(?:我叫|名叫|他叫|她叫|姓名[是叫]?|名字[是叫]|(?:收件|收货|联系|持卡|投保|受益|申请|乘机|收款|签收|订票|购票|挂号)人(?:[是叫写])?|户名是?|机主|请问是|户主|车主|业主|患者|同事|儿子叫?|女儿叫?|老公叫?|老婆叫?|爱人姓名)[:：，, ]?")
COMMON_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤"
_WEAK = re.compile("(?:(?:我|一下)查|[帮给替找为以问和跟与及、或由向被把让请]|[是的]|住院的|一下|证号?|不是|就是|转给|寄给|发给|交给|打给|送给|汇给|名下|变更成|改成|换成|加上|还有|另外|联系|通知|投保|一个|代|叫|请问是|那个|位|人|听|[，,。！!？?：:；; ])$")
_TITLE = re.compile("先生|女士|小姐|太太|同志|老师|阿姨|师傅|大哥|大姐|医生|律师|老先生|同学|主任|经理|教授")
_AFTER = re.compile(
    "(?P<self>本人|你好|您好|是(?:我|他|她)?本人|[吗吧](?:$|[，,？?]))|(?P<of>的(?:妈妈?|爸爸?|家长|家属|父亲|母亲|爱人|老公|老婆|儿子|女儿|姐姐?|哥哥?|弟弟?|妹妹?|朋友|同事|手机|电话|号码|卡|账户|身份证|名字|快递|件|号|包裹|订单|保单|票|名下|地址|邮箱|护照|车|亲属|监护人))"
    "|(?P<two>两个人|[这那]个人|这个名字|[一两]人)|(?P<end>$|[，,。！!？?；;、 ])|(?P<and>[和跟与])")
_EXPLAINED = re.compile("[，, ]?(?:[\u4e00-\u9fff]{1,6}的|一个)([\u4e00-\u9fff])")
_STAFF_BEFORE = re.compile("(?:这里是|前台|助理|医助|[0-9零一二两三四五六七八九幺洞拐]号(?:坐席|客服)?|工号[是为]?[0-9零一二两三四五六七八九幺洞拐]{2,8}[号，,]?|客服|坐席|座席|专员|顾问|柜员|工程师|话务员|接线员|经理|班长|组长|主管|管家|业务员|客户代表|(?<!法人)(?<!法定)代表|小哥|快递员|服务人员|部门?的?|中心的?|公司的?|银行的?|热线的?|我是[\u4e00-\u9fff]{2,8}的)(?:叫|是)?$")
_STAFF_AFTER = re.compile("(?:为|给|来为|很高兴|竭诚|高兴)[您你]?服务|[，,]?(?:我的)?工号|[，,]?(?:很)?高兴为|很高兴|号坐席|[，,]我是[\u4e00-\u9fff]{0,6}客服")
_STAFF = re.compile("工号|很高兴|为您服务|为你服务|很高兴为|坐席|话务员")
_SELF = re.compile("(?:我是|我叫|这边是|我这边是|我姓)$")
_NO_GIVEN = frozenset("的了是我你您他她它们吗呢吧啊哦嗯不没有在也都就还很个这那和与及或把被让给到去来从对说要能会可得着过啦呀哈么什吃买卖钱号位点块些为什样只一两二四七八九十百千万几零〇先姓某")
_TITLE_ENDS = frozenset("总工姐哥嫂叔姨某导队婶爷奶伯")
_TITLE_BEGINS = re.compile("阿[姨公婆]|小姐|老(?:先生|师|板|总|爷|太|人|大爷)|师[傅父]|先[生森声]|女士|奶奶|爷爷|大[爷妈哥姐叔娘]|叔叔|主任|经理|医[生师]|大夫|教授|同[志学]|太太|伯伯|会计|律师|队长|校长|院长|宝宝|总|工(?!作)")
_ETHNIC = ("扎西|卓玛|次仁|格桑|达瓦|丹增|旦增|央金|德吉|尼玛|普布|巴桑|索朗|多吉|平措|顿珠|白玛|拉姆|仁青|洛桑|才让|卓嘎|边巴|"
           "阿依|古丽|古力|买买提|麦麦提|阿不都|阿卜杜|阿布都|艾力|热合曼|伊布拉|依不拉|吐尔逊|吐尔|努尔|帕提|迪丽|迪力|热巴|木合|玉素甫|艾买提|艾尼瓦尔|沙吾提|库尔班|肉孜|巴哈尔|热依|古再|塔依|"
           "巴特尔|乌云|其其格|斯琴|高娃|娜仁|格日勒|苏日|图雅|布和|呼格|吉勒|乌兰|敖登|萨仁|托娅|阿古拉|宝音|那日苏|哈斯|朝鲁|巴雅尔")
_DOTTED = re.compile("[\u4e00-\u9fff]{2,6}[·•・‧][\u4e00-\u9fff]{1,6}(?:[·•・‧][\u4e00-\u9fff]{1,6})?")
_DOT_END = re.compile("身份|先生|女士|小姐|这个|的|她|他|是|和|在|电话|手机|名字|护照")
_ETHNIC_NAME = re.compile(f"(?:{_ETHNIC})+[\u4e00-\u9fff]{{0,2}}?(?:{_ETHNIC})+|(?:{_ETHNIC})[\u4e00-\u9fff]{{2}}(?<!奶奶)(?<!女士)(?<!先生)(?<!小姐)(?<!阿姨)(?=[，,。 ]|$)")
_PINYIN = re.compile("拼音[是叫为：:，, ]{0,2}([a-z]{1,7}(?: [a-z]{1,7}){1,3})(?![a-z@])(?! ?(?:at|艾特|@|点))")
_HAN = re.compile("[\u4e00-\u9fff]+")


class Name(NamedTuple):
    score: float
    start: int
    end: int


@cache
def _surname() -> re.Pattern[str]:
    return re.compile("|".join([*DOUBLE_SURNAMES, "[" + "".join(one for one in surnames() if len(one) == 1) + "]"]))


def names(folded: str, agent: bool | None = None) -> Iterator[tuple[int, int, str]]:
    """Spans of names in folded text. What an agent says of herself is left alone; where `agent` does not say who speaks, 工号 or
    为您服务 does."""
    found = [*_others(folded)]
    if agent is None:
        agent = bool(_STAFF.search(folded))
    for one in _surname().finditer(folded):
        found += _at(folded, one.start(), one[0], surnames()[one[0]], agent)
    for cue in _ASKED.finditer(folded):
        found += _misheard(folded, cue.end(), agent)
    found.sort(key=lambda name: -name.score)
    taken = bytearray(len(folded))
    chosen: list[Name] = []
    for name in found:
        if not any(taken[name.start:name.end]):
            chosen.append(name)
            taken[name.start:name.end] = b"\1" * (name.end - name.start)
    for name in chosen:
        yield name.start, name.end, "person_name"


def _others(folded: str) -> Iterator[Name]:
    """Names without a Chinese surname: with a dot, of minorities, in pinyin."""
    for found in _DOTTED.finditer(folded):
        start, end = found.span()
        first = folded.index(found[0].strip()[0], start)
        while first < end - 3 and (_WEAK.search(folded[:first + 1]) or _STRONG.search(folded[:first + 1])):
            first += 1
        stop = _DOT_END.search(folded, first + 2, end)
        yield Name(13.0, first, stop.start() if stop else end)
    for found in _ETHNIC_NAME.finditer(folded):
        yield Name(12.0, *found.span())
    for found in _PINYIN.finditer(folded):
        yield Name(8.0, *found.span(1))


def _misheard(folded: str, start: int, agent: bool) -> list[Name]:
    """A name right after its cue whose surname is written with another character of the sound: 我叫尘曦."""
    one = folded[start:start + 1]
    if one and one not in surnames() and one not in _NO_GIVEN and syllables().get(one) in _common_sounds():
        return _at(folded, start, one, 1.5, agent)
    return []


@cache
def _common_sounds() -> frozenset[str]:
    """Syllables of the commoner surnames."""
    return frozenset(syllables()[one] for one in COMMON_SURNAMES)


def _at(folded: str, start: int, surname: str, head: float, agent: bool) -> list[Name]:
    """The best name that begins at `start`, if it is one; `head` is the score of its surname."""
    best: list[Name] = []
    if "*" in folded[start:start + 4]:       # masked already
        return best
    middle = start + len(surname)
    if folded[middle:middle + 1] == surname == "谢" or _TITLE_BEGINS.match(folded, middle) or (surname in "谢祝" and folded[start - 1:start] == surname):
        return best
    for length in (2, 1):
        end = middle + length
        name = folded[middle:end]
        if len(name) < length or not _HAN.fullmatch(name) or any(one in _NO_GIVEN for one in name[:1]) or (name[-1] in _NO_GIVEN and not _nickname(name)):
            continue
        score = head + (4.0 if _nickname(name) else sum(given().get(one, UNSEEN) for one in name))
        if score < 0.5 and not (score > -1.5 and _STRONG.search(folded[max(0, start - 12):start])):
            continue
        around = _around(folded, start, end, name, agent)
        other = _words(folded, start, middle, end, surname + name)
        score += around + (other / 2 if around >= 5.0 and other > -20.0 and _lexicon(surname + name) < 300 else other)
        if length == 2 and given().get(name[1], UNSEEN) < 0.3 and _HAN.match(folded, end):
            score -= 1.5
        if score >= ENOUGH and (not best or score > best[0].score + (1.0 if length == 1 else 0.0)):
            best = [Name(score, start, end)]
    return best


def _lexicon(name: str) -> int:
    """How common the name is as a word."""
    return words().get(name, 0)


def _nickname(name: str) -> bool:
    return len(name) == 2 and name[0] == "老" and name[1] in "大二三四五六七八九幺"


def _words(folded: str, start: int, middle: int, end: int, name: str) -> float:
    """What other words the characters form, as a penalty."""
    known, cost = words(), 0.0
    if folded[end - 1] in "卡栋号楼路街区县市省镇村店行部证费款" or (end - middle == 2 and _TITLE_BEGINS.match(folded, end - 1) and folded[end - 1] != "工"):
        return -20.0
    if end - middle == 2 and folded[end - 1] == folded[start] and _TITLE.match(folded, end):
        return -20.0        # 靳北，靳先生 run together
    if {name, name[:2], name[middle - start:]} & no_names() or (name[-1] in _TITLE_ENDS and len(name) == 2):
        return -20.0
    if name in known:
        cost -= 6.0
    elif name[:2] in known and middle - start == 1:
        cost -= 2.0 + (2.0 if known[name[:2]] > 300 else 0.0)
    if end - middle == 2 and known.get(folded[middle:end], 0) > 800:
        cost -= 2.0
    if known.get(folded[start - 1:middle], 0) >= 300 and middle - start == 1:
        cost -= 2.5
    after = folded[end - 1:end + 1]
    if len(after) == 2 and known.get(after, 0) >= 300:
        cost -= 2.0
    if folded[start:end + 1] in known:
        cost -= 3.0
    return cost


def _around(folded: str, start: int, end: int, name: str, agent: bool) -> float:
    before = folded[max(0, start - 12):start]
    if _STAFF_BEFORE.search(before) or _STAFF_AFTER.match(folded, end) or (agent and _SELF.search(before)):
        return -20.0
    score = 0.0
    strong = _STRONG.search(before)
    if strong:
        score += 6.0
    elif not before:
        score += 1.0
    elif _WEAK.search(before):
        score += 1.5 if before[-1] not in "的一人位" else 0.7
    elif _SELF.search(before):
        score += 1.5
    title = _TITLE.match(folded, end)
    if title:
        if len(name) == 1 and surnames().get(name, 0.0) > 2.0 and not strong:
            return -20.0        # 谢张先生: 谢 belongs to what is before
        score += 2.5
        end = title.end()
    explained = _EXPLAINED.match(folded, end)
    if explained and explained[1] in folded[start:end]:
        score += 5.0
    after = _AFTER.match(folded, end)
    if after:
        score += {"self": 2.0, "of": 2.0, "two": 2.0, "end": 1.0, "and": 0.5}[after.lastgroup or "end"]
    return score
