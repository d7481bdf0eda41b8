"""Names: given by metadata or by the customer, said by the agent, said wrongly; and the start of outbound calls."""

from __future__ import annotations

from typing import Any

import pytest

from records import Transcript, Turn
from rules.engine import Engine
from rules.scanning import Hit
from rules.view import Outcome

ENGINE = Engine.open()


def decide(rule: str, *lines: str, **call: Any) -> Outcome:
    """Lines begin with A (agent) or C (customer)."""
    turns = tuple(Turn(speaker="agent" if line[0] == "A" else "customer", text=line[1:]) for line in lines)
    return ENGINE.view(Transcript(call_id="t", turns=turns, **call)).outcome(rule)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("免贵姓王", "王先生"),
        ("我叫孟凡强", "孟凡强先生"),
        ("我叫孟凡强", "孟先生"),
        ("姓弓长张", "张女士"),
        ("免贵姓章，立早章", "章女士"),
        ("我姓万，一万两万的万", "万总"),
        ("姓一万两万的万", "万女士"),
        ("我姓欧阳", "欧阳小姐"),
        ("李，木子李", "李老师"),
        ("我姓单", "善先生"),
        ("姓翁", "翁阿姨"),
    ],
)
def test_the_name_that_the_customer_gives_is_known_and_counted(given: str, said: str) -> None:
    outcome = decide("name.used", "A请问您贵姓", "C" + given, f"A好的{said}，我帮您看", "C嗯", f"A{said}您好，办好了")
    assert (outcome.verdict, [hit.turn for hit in outcome.hits]) == ("pass", [2, 4])


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("王先生您好", "好的王先生", "pass"),
        ("汪先生您好", "好的王先生", "pass"),
        ("王先生，王先生您在吗", "好的", "fail"),
        ("先生您好", "好的先生", "fail"),
        ("张师傅下午到", "李经理会联系您", "fail"),
        ("王先生您好", "工号8023王总共三笔", "fail"),
    ],
)
def test_turns_with_the_name_count_and_courtesy_does_not(first: str, second: str, verdict: str) -> None:
    assert decide("name.used", "A" + first, "C嗯", "A" + second, "C好", customer_name="王志强").verdict == verdict


def test_bare_courtesy_is_told_in_the_reason() -> None:
    assert "先生、女士" in decide("name.used", "A先生您好", "C嗯", "A好的先生", "C好", customer_name="王志强").reason


def test_the_identity_question_of_an_outbound_call_is_no_address() -> None:
    lines = "A您好，请问是王志强先生吗", "C是", "A王先生您好", "C嗯"
    assert decide("name.used", *lines, customer_name="王志强", direction="outbound").value == 1


def test_without_any_name_nothing_is_asked_of_the_agent() -> None:
    assert decide("name.used", "A您好", "C你好").verdict == "not_applicable"


@pytest.mark.parametrize(
    ("said", "call", "verdict"),
    [
        ("好的赵先生您稍等", {"customer_name": "王志强"}, "fail"),
        ("好的王女士您稍等", {"customer_name": "王志强", "customer_gender": "male"}, "fail"),
        ("女士您好", {"customer_gender": "男"}, "fail"),
        ("先生您好", {"customer_gender": "男"}, "pass"),
        ("我请张先生给您回电话", {"customer_name": "王红", "customer_gender": "female"}, "pass"),
        ("您先生的保单也在这里", {"customer_name": "王红", "customer_gender": "female"}, "pass"),
        ("汪先生您好", {"customer_name": "王志强"}, "pass"),
        ("先生您好", {}, "not_applicable"),
        ("您好", {"customer_name": "王红"}, "pass"),
    ],
)
def test_another_name_or_gender_is_wrong_only_where_the_customer_is_called(
    said: str, call: dict[str, str], verdict: str
) -> None:
    assert decide("name.wrong", "A" + said, "C嗯", **call).verdict == verdict


@pytest.mark.parametrize("correction", ["我姓卜", "我是女的"])
def test_the_customers_correction_shows_that_the_address_was_wrong(correction: str) -> None:
    assert decide("name.wrong", "A好的陆先生，记下来了", "C" + correction, "A抱歉").verdict == "fail"


@pytest.mark.parametrize(
    ("lines", "call", "verdict"),
    [
        (("A请问怎么称呼您", "C姓王"), {}, "pass"),
        (("A您好", "C我姓王，查话费"), {}, "not_applicable"),
        (("A您好", "C查话费"), {"customer_name": "王红"}, "not_applicable"),
        (("A您好请讲", "C我想查一下上个月的话费"), {}, "fail"),
        (("A请问您爸爸怎么称呼", "C他叫王刚，帮我查一下他的号"), {}, "fail"),
    ],
)
def test_asking_the_name_matters_where_nobody_knows_it(lines: tuple[str, ...], call: dict[str, str], verdict: str) -> None:
    assert decide("name.asked", *lines, **call).verdict == verdict


OUT = {"direction": "outbound", "customer_name": "王志强"}


@pytest.mark.parametrize(
    ("rule", "lines", "verdict"),
    [
        ("verify_identity", ("A您好，请问是王志强先生吗", "C是"), "pass"),
        ("verify_identity", ("A喂您好", "C喂", "A请问是王志强先生吗", "C是"), "pass"),
        ("verify_identity", ("A您好，请问是王志强先生吗，我是海天银行的，您贷款到期了", "C啊"), "fail"),
        ("verify_identity", ("A您好，请问是户主吗", "C是"), "fail"),
        ("introduce", ("A请问是王志强先生吗", "C是", "A我是海天银行信用卡中心的，工号六零二一"), "pass"),
        ("introduce", ("A我是海天银行信用卡中心的，工号六零二一，请问是王志强先生吗", "C是", "A跟您核对账单"), "fail"),
        ("introduce", ("A请问是王志强先生吗", "C是", "A我是海天银行信用卡中心的小张"), "fail"),
        ("convenient", ("A请问是王志强先生吗", "C是", "A您现在说话方便吗"), "pass"),
        ("convenient", ("A请问是王志强先生吗", "C是", "A就耽误两分钟"), "fail"),
        ("purpose", ("A请问是王志强先生吗", "C是", "A给您打电话是回访上周的维修"), "pass"),
    ],
)
def test_an_outbound_call_begins_in_order(rule: str, lines: tuple[str, ...], verdict: str) -> None:
    assert decide(f"outbound.{rule}", *lines, **OUT).verdict == verdict
    assert decide(f"outbound.{rule}", *lines, customer_name="王志强", direction="inbound").verdict == "not_applicable"


@pytest.mark.parametrize(
    ("answer", "called", "verdict"),
    [
        ("胡星马，他昨天搞到凌晨", "马先生", "pass"),       # 我姓马: heard as another sentence, its syllable is there
        ("霍星田", "天女士", "pass"),                       # 我姓田, and the agent's 田 by its sound
        ("其信欧阳", "欧阳先生", "pass"),
        ("胡星马", "赵先生", "fail"),                       # nothing of 赵 in the answer
    ],
)
def test_a_surname_that_the_agent_took_from_a_misheard_answer_is_the_customers(answer: str, called: str, verdict: str) -> None:
    lines = ("A好的请问您贵姓", "C" + answer, f"A{called}您先消消气", "C行", f"A{called}我跟您确认一下", "C好")
    assert decide("name.used", *lines).verdict == verdict
    assert (decide("name.wrong", *lines).verdict == "pass") == (verdict == "pass")


def heard(*said: str, sure: float) -> Outcome:
    turns = tuple(Turn(speaker="agent", text=text, confidence=sure) for text in said)
    return ENGINE.view(Transcript(call_id="t", turns=turns, customer_name="胡志远")).outcome("name.wrong")


def test_a_name_that_recognisers_blur_is_no_sure_mistake() -> None:
    surely, blurred = heard("吴先生您的要求我很理解", sure=0.95), decide("name.wrong", "A吴先生您的要求我很理解", customer_name="胡志远")
    assert blurred.verdict == "fail" and blurred.confidence >= 0.9, "written by a person, 吴 is 吴"
    assert surely.verdict == "pass", "recognised, 吴 may have been 胡"
    assert heard("赵先生您的要求我很理解", sure=0.95).verdict == "fail"


@pytest.mark.parametrize(("said", "found"), [
    ("您好天岚通信留儿要启号为您服务", True), ("而散零起号为您服务", True), ("我就是一号柜台的", False), ("其实已经为您服务了", False),
])
def test_a_staff_number_is_known_by_the_sound_of_its_figures(said: str, found: bool) -> None:
    assert (decide("greeting.identity", "A" + said, "C你好").verdict == "pass") == found


def test_a_name_said_again_and_again_is_the_customers_though_the_answer_was_not_heard() -> None:
    lines = ("A请问您贵姓", "C镜楼", "A邵女士麻烦您报一下订单号", "C嗯", "A少女士谢谢您的等待", "C好")
    assert decide("name.used", *lines).verdict == "pass"
    assert decide("name.used", "A请问您贵姓", "C镜楼", "A好先生您稍等", "C嗯", "A好先生谢谢您的等待").verdict == "not_applicable"


def used(*said: str, sure: float | None, **call: Any) -> Outcome:
    turns = tuple(Turn(speaker="agent" if line[0] == "A" else "customer", text=line[1:], confidence=sure) for line in said)
    return ENGINE.view(Transcript(call_id="t", turns=turns, **call)).outcome("name.used")


@pytest.mark.parametrize(("answer", "verdict"), [("我姓田", "pass"), ("听清楚了", "needs_review")])
def test_a_doubtful_question_for_the_name_is_one_where_a_name_is_the_answer(answer: str, verdict: str) -> None:
    turns = (Turn(speaker="agent", text="现在听清楚了请问您跪行", confidence=0.9), Turn(speaker="customer", text=answer, confidence=0.9),
             Turn(speaker="agent", text="好的", confidence=0.9))
    view = ENGINE.view(Transcript(call_id="t", turns=turns))
    assert view.hits("name.asked") == ()
    view._doubts["name.asked"] = (Hit(0, 6, 11, 0.4, "homophone"),)
    assert view.outcome("name.asked").verdict == verdict


def test_what_stands_for_a_surname_and_is_none_is_the_customers_misheard() -> None:
    said = ("A好的，仅女士您稍等", "C嗯", "A剪女士，已经好了", "C好")
    assert used(*said, sure=0.85, customer_name="田芳").verdict == "pass"
    assert used(*said, sure=None, customer_name="田芳").verdict == "fail", "written by a person, 仅 is no name"
    assert used("A好的，各女士您稍等", "C嗯", "A请女士，已经好了", "C好", sure=0.85, customer_name="田芳").verdict == "fail"
    assert used("A好的，李女士您稍等", "C嗯", "A李女士，已经好了", "C好", sure=0.85, customer_name="田芳").verdict == "fail"


def test_a_title_known_by_its_sound_shows_the_surname_of_a_misheard_answer() -> None:
    said = ("A请问您贵姓", "C我今天", "A田律师麻烦您看一下", "C嗯", "A田女士，已经好了", "C好")
    assert used(*said, sure=0.85).verdict == "pass"
    assert used(*said, sure=None).verdict == "not_applicable", "written by a person, 律师 is one"


def test_a_wrong_surname_heard_once_beside_the_right_one_is_left_to_a_person_unless_the_customer_objects() -> None:
    def outcome(*said: tuple[str, str], sure: float | None) -> str:
        turns = tuple(Turn(speaker="agent" if who == "A" else "customer", text=text, confidence=sure) for who, text in said)
        return ENGINE.view(Transcript(call_id="t", turns=turns, customer_name="雷鸣")).outcome("name.wrong").verdict

    said = (("A", "林先生，真的非常抱歉"), ("C", "没事"), ("A", "不会忘的，雷先生，您清楚了吗"), ("C", "清楚了"))
    assert outcome(*said, sure=0.9) == "needs_review"
    assert outcome(*said, sure=None) == "fail", "written by a person, 林 is 林"
    objected = (said[0], ("C", "我姓雷"), *said[2:])
    assert outcome(*objected, sure=0.9) == "fail"
