"""Addresses from street, village or compound level down to the door: 东山路118号3幢602, 河东村三组四十二号.

A house number (号, 栋, 单元 …) is the anchor. To its left stands the name of a street, village or compound, and before it perhaps
province, city and district; to its right stairs, floor and room. Places without a house number are no addresses of persons,
unless province, city and village are all there.
"""
from __future__ import annotations

import re
from collections.abc import Iterator

_D = "0-9零〇○洞一幺二两三四五六七拐八九十百千"
_EAR = "把吧爸巴酒久就流留硫儿而尔灵林领要腰药午舞吴死似山散起期奇器"
_NUMBER = f"(?:[a-h]?[{_D}](?:[ 嗯哦呃]?[{_D}{_EAR}]){{0,7}}(?:[-－之][{_D}]{{1,4}})?[a-h]?|[a-h甲乙丙丁](?=[座栋幢区]))"
_UNIT = ("(?:号院|号(?:宿舍|公寓|教学|办公|居民|家属)?[楼柔]|号大院|号弄|号房|号(?!线|码|桥|口|病|机|店|窗|床|桌|厅|台|馆|门|早|晚|上午|下午|中午|之前|之后|以前|以后|前|后|左右|停|到|开始|那天|当天|工作|客服|坐席|为您)"
         "|号门(?!口)|弄|[栋冻动懂](?!手|作)|[幢撞状川]|座(?![位机])|期(?!间)|楼(?![下上顶道梯层])|[单丹但][元无圆员园原]|门(?!口|禁|卫|店|诊)|层(?!楼)|室|房(?!东|租|间|子|费|价)|[组族祖]|队|户(?!口|主|名|外|型)"
         "|排|区|支弄|巷|号地|院(?!子|长))")
_TAIL = f"(?:附|东|西|南|北|第)?{_NUMBER}{_UNIT}"
_STREET = "大街|小街|街道|大道|[路录]|街|道|巷|胡同|弄堂|弄|里|坊|条|堤|埠"
_COMPOUND = ("小[区曲]|社区|花园|家园|花苑|[苑园](?!区办)|公寓|大厦|广场|大院|宿舍|家属院|家属楼|新村|[村庄屯寨]|山庄|别墅|国际城|国际|公馆|名都|豪庭|[府湾庭居轩阁墅城邸郡]|半岛|华庭|一品|天下|中心|"
             "工业园|科技园|产业园|开发区|大学|学院|中学|医院|厂|镇|乡|楼|新城|大楼|商城|市场|农场|林场|小镇")
_NAME = re.compile(f"(?:{_STREET}|{_COMPOUND})(?:[东西南北中][段侧区街路里]?|[一二三四五六七八九十0-9]{{1,2}}[期区村里段巷条])?$")
_STREET_END = re.compile(f"(?:{_STREET}|[村庄屯寨组镇乡])(?:[东西南北中][段侧]?|[一二三四五六七八九十]段)?$")
_PUBLIC = re.compile("(?:大厦|广场|中心|大学|学院|中学|医院|市场|商城|大楼|楼|厂|镇|乡|城)$")
_ANCHOR = re.compile(f"(?<![{_D}a-z第]){_TAIL}")
_SEPARATOR = "[ 　]?[，,、]?[ 　]?(?:嗯[，,]?)?"
_MORE = re.compile(f"{_SEPARATOR}(?:(?:[\u4e00-\u9fff]{{2,8}}?(?:{_COMPOUND})|[东西南北]区)?{_SEPARATOR}{_TAIL})")
_LOOSE = re.compile(f"{_SEPARATOR}(?P<name>[\u4e00-\u9fff]{{2,7}}?){_SEPARATOR}(?=(?:{_NUMBER})(?:[栋冻动](?!手|作)|[幢撞]|号楼|座(?![位机])|期(?!间)))")
_ROOM = re.compile(f"{_SEPARATOR}[0-9零〇○洞一幺二两三四五六七拐八九勾](?:[ ]?[0-9零〇○洞一幺二两三四五六七拐八九勾{_EAR}-]){{1,4}}(?:室|房|号(?!码))?(?![{_D}点块元万年月日多])")
_SEGMENT = re.compile("[\u4e00-\u9fffa-z0-9 ·（）()-]{2,36}$")
MOST_PARTS = 12     # house, stairs, floor, room …; more is no address
_ADMIN = re.compile("(?:省|市|区|县|州|旗|盟|镇|乡|街道|自治区|新区|开发区)[ ]?[，,、][ ]?$")
_PROVINCE = ("北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门|"
             "广州|深圳|杭州|南京|苏州|成都|武汉|西安|郑州|长沙|合肥|济南|青岛|大连|沈阳|厦门|福州|宁波|无锡|昆明|南昌|南宁|石家庄|太原|哈尔滨|长春|贵阳|兰州|海口|银川|西宁|拉萨|呼和浩特|乌鲁木齐|东莞|佛山|温州|"
             "常州|泉州|珠海|惠州|中山|台州|绍兴|嘉兴|金华|徐州|南通|扬州|烟台|潍坊|临沂|洛阳|襄阳|宜昌")
_STOP = re.compile(
    "地址[填写改变更新是为:：]*(?:成|到|了|在)?|址[是在]?|我们?家?(?:里|现在)?|[你您他她咱]们?家?|[老新]?家[住在](?!里)|住(?!宅)[在址到的]*|(?<!现|存|所)在|现在[是在]?|"
    "改[成到为]|[寄送派邮投][到去往给回了]?|(?<![开出研])发(?:[到去往给回了]|(?![展达财]))|放[到在](?!门)|(?<![解开释下奔])放(?!鹤|生)|[搬去][到去往了]?(?!处)|跑到|来到|到(?!处)了?|"
    "是|叫|的|了|就|那[个边]?(?!曲)|这[个边]?|给|填|写[的成]?|选|定位|楼下|位于|上门|取件|收货|[租买]|(?<!对)对(?![面])|嗯|啊|呃|哦|在|快递|公司|单位|麻烦|帮|请|然后|还有|因为|从(?!化)|往|跟|"
    "记一下|[报念说]一下|听好|好的|可以|以前|原来|之前|过来|过去|回到|回|变|更|登记|预留|户口|房子|[一]?套|门牌|具体|详细|完整|就是|收件|说|问|要|把|让|派|电视|不|没|有|(?<![成首])都(?!江堰|匀)|也|嘛|呢|吧|吗|呀")


def addresses(folded: str) -> Iterator[tuple[int, int, str]]:
    """Spans of addresses in folded text."""
    reached = 0
    for anchor in _ANCHOR.finditer(folded):
        if anchor.start() < reached:
            continue
        start = _begin(folded, anchor.start(), reached)
        if start is None:
            continue
        end, tails = _reach(folded, anchor.end())
        if _holds(folded[start:anchor.start()], folded[anchor.start():anchor.end()], tails):
            reached = end
            yield start, end, "address"


_REGION = re.compile("(?:[\u4e00-\u9fff]{2,8}?(?:省|自治区))?[ ，,]*(?:[\u4e00-\u9fff]{2,6}?(?:市|自治州|盟))?[ ，,]*(?:[\u4e00-\u9fff]{1,5}?(?<![小社园一二三四五六七八九十0-9东西南北])(?:区|县|市|旗)(?![一二三四五六七八九0-9]))?")


def region_end(address: str) -> int:
    """How many characters at the beginning of an address name only province, city and district."""
    found = _REGION.match(address)
    return found.end() if found and address[:found.end()].rstrip(" ，,")[-1:] in "省市区县旗州盟" and found.end() else 0


def _begin(folded: str, anchor: int, least: int) -> int | None:
    """Where the address that has a house number at `anchor` begins; None where no name stands before it."""
    start = anchor
    while start and anchor - start < 3 and folded[start - 1] in " 　，,":
        start -= 1
    if anchor - start > 1 or not start or (anchor > start and folded[start] in "，," and not _NAME.search(folded[max(0, start - 12):start])):
        return None
    begin = _cut(folded, start, least)
    while begin is not None and (gap := _ADMIN.search(folded, max(least, begin - 8), begin)):
        earlier = _cut(folded, gap.end() - len(gap[0]) + len(gap[0].rstrip(" ，,、")), least)
        if earlier is None or earlier >= begin:
            break
        begin = earlier
    return begin


def _cut(folded: str, end: int, least: int) -> int | None:
    """Where the stretch of place names that ends at `end` begins: after the last mark or word that is in no place name."""
    segment = _SEGMENT.search(folded, max(least, end - 36), end)
    if segment is None:
        return None
    begin = segment.start()
    for stop in _STOP.finditer(folded, begin, end):
        if stop.end() <= end - 2:
            begin = stop.end()
    while begin < end and folded[begin] in " ·()（）-":
        begin += 1
    return begin if end - begin >= 2 else None


def _reach(folded: str, end: int) -> tuple[int, int]:
    """Where the parts after the house number end, and how many there are."""
    tails = 1
    while tails < MOST_PARTS and (more := _MORE.match(folded, _named(folded, end))):
        end, tails = more.end(), tails + 1
    if room := _ROOM.match(folded, end):
        end, tails = room.end(), tails + 1
    return end, tails


def _named(folded: str, end: int) -> int:
    """Past the name of a compound without a telling last word (锦绣江南，七栋), where one follows."""
    loose = _LOOSE.match(folded, end)
    return end if loose is None or _STOP.search(loose["name"]) else loose.end()


def _holds(name: str, house: str, tails: int) -> bool:
    """Whether a name and what follows it make an address, rather than a floor, a date or a shop."""
    name = name.rstrip(" ，,")
    plain = re.sub(f"^(?:{_PROVINCE})+", "", name)
    if len(plain) < 2 and plain == name:
        return False
    if plain in ("小区", "村", "花园", "社区", "公寓", "大厦", "宿舍", "单元", "楼上", "医院", "学校", "广场", "大学", "酒店", "本小区", "这小区", "街道"):
        return False
    if house.endswith("号"):
        return bool(_STREET_END.search(name)) or (tails > 1 and bool(_NAME.search(name)))
    if _NAME.search(name):
        return tails > 1 or not (_PUBLIC.search(name) or house.endswith(("楼", "层", "区", "期", "门", "队", "房", "户", "排", "院")))
    return tails > 1 and house.endswith(("栋", "幢", "楼", "座", "期", "弄", "区")) and len(plain) >= 3
