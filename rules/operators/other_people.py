"""Other people's private matters told to a caller: who is ill, divorced, operated on, where a third person lives.

Known by two things together, since either alone is ordinary talk: somebody who is not the caller (他, 人家, 您同事, a full name that
the caller has not said), and within a few words a matter that only that person may tell. What the caller has brought up is theirs to hear.
"""
from __future__ import annotations

import re
from collections.abc import Iterator

from rules.scanning import Hit
from rules.slots import DOUBLE_SURNAMES, SURNAMES
from rules.view import View

NAMED, RELATED, POINTED_AT = 0.9, 0.8, 0.55
"""How sure it is that another person's matter is told: of one named in full, of the caller's neighbour or friend, of one who is only
他 (who may be the caller's own child, so a person decides)."""
_HAN = "[一-鿿]"
_NAME = f"(?:(?:{'|'.join(DOUBLE_SURNAMES)})|[{SURNAMES}]){_HAN}{{1,2}}"
_OTHERS = "邻居|对门|楼上|楼下|隔壁|同事|单位那个|闺蜜|朋友|同学|亲戚|老板|领导|前夫|前妻|前任|前男友|前女友"
_RELATED = f"[您你](?:们)?(?:的|那个|那位|家)?(?:{_OTHERS})|(?:那|有|另)(?:一)?(?:个|位)(?:客户|顾客|业主|病人|会员|学员|家长|女的|男的|姓{_HAN}的)"
_MATTER = ("离婚|离了婚|分居|出轨|外遇|怀孕|怀上|流产|打胎|结节|肿瘤|癌|糖尿病|高血压|肝炎|乙肝|艾滋|性病|梅毒|抑郁|精神科|化疗|透析|不孕"
           "|抽脂|抽了脂|整容|隆胸|坐过?牢|判了?刑|前科|被开除|被辞退|被裁|破产|失信|黑户|家暴|挨打|吸毒|赌博|赌债|高利贷")
_TOLD_OF = re.compile(f"(?P<who>{_RELATED})[^。？?！!\n\x1f]{{0,16}}?(?P<matter>{_MATTER})")
_TOLD_OF_HIM = re.compile(f"(?P<who>他|她|人家)[^。？?！!\n\x1f]{{0,10}}?(?P<matter>{_MATTER})")
_TOLD_BY_NAME = re.compile(f"(?P<who>{_NAME})(?:[^。？?！!\n\x1f]{{0,24}}?)(?P<matter>{_MATTER})")
_LIVES = re.compile(f"(?:栋|单元|号楼|号院|室|弄|幢|[0-9零〇一二三四五六七八九]{{3,4}})的(?P<who>{_NAME})(?=[，,。、也还家他她人就都上刚昨前\x1f\n]|$)")
_OWN_QUESTION = re.compile("是不是[您你]|是[您你]吗|[您你]是吗|[您你]本人|请问|吗[？?]?$")
_STAFF = re.compile("师傅|同事|经理|医生|大夫|护士|老师|组长|班长|主管|专员|顾问|主任|骑手|管家|教练|律师|工程师")
_GENERAL = re.compile("如果|要是|比如|例如|一般|有的人|很多人|有些人|万一|适合|不适合|禁忌|术后|条件|规定")


def told(view: View) -> Iterator[Hit]:
    """A hit an agent's turn that tells another person's matter or where they live."""
    said_before = ""
    for turn, who in enumerate(view.speakers):
        text = view.text.said[turn]
        if who == "customer":
            said_before += text
        elif who == "agent" and (hit := _in_turn(view, turn, text, said_before)) is not None:
            yield hit


def _in_turn(view: View, turn: int, text: str, said_before: str) -> Hit | None:
    if _GENERAL.search(text) or not (re.search(_MATTER, text) or _LIVES.search(text)):
        return None
    own = {view.call.customer_name or "", view.call.agent_name or ""}
    for pattern, sure in ((_LIVES, NAMED), (_TOLD_BY_NAME, NAMED), (_TOLD_OF, RELATED), (_TOLD_OF_HIM, POINTED_AT)):
        for found in pattern.finditer(text):
            matter, name = found.groupdict().get("matter"), found["who"]
            if matter is not None and matter in said_before:
                continue
            if sure == NAMED and (name in own or name in said_before or _STAFF.search(text[found.start("who"):found.end("who") + 4])
                                         or (pattern is _TOLD_BY_NAME and not _is_person(text, found))):
                continue
            if pattern is _LIVES and _OWN_QUESTION.search(text):
                continue
            offset = view.text.offsets[turn]
            return Hit(turn, offset + found.start(), offset + found.end(), sure, "pattern", False, "somebody else's matter")
    return None


def _is_person(text: str, found: re.Match[str]) -> bool:
    """Whether what looks like a full name is spoken of as a person: called 他 or 人家 after it, or asked 您认识吧, or placed by 的 before
    it. Any three characters that begin with a surname look like one."""
    after = text[found.end("who"):found.end("matter")]
    return bool(re.search("他|她|人家|[您你]认[识得]|[您你]知道", after)) or text[:found.start("who")].endswith("的") or bool(
        re.search(f"(?:{_OTHERS}|那个|那位)[，,、]?$", text[:found.start("who")]))
