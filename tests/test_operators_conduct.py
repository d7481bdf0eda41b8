"""Conduct: what was asked, numbers read in pieces, the end of the call, refusals, and answers to abuse."""

from __future__ import annotations

import pytest

from records import Transcript, Turn
from rules.engine import Engine
from rules.view import Outcome

ENGINE = Engine.open()


def decide(rule: str, *lines: str, **call: str) -> Outcome:
    """Lines begin with A (agent) or C (customer)."""
    turns = tuple(Turn(speaker="agent" if line[0] == "A" else "customer", text=line[1:]) for line in lines)
    return ENGINE.view(Transcript.model_validate({"call_id": "t", "turns": turns, **call})).outcome(rule)


@pytest.mark.parametrize(
    ("before", "verdict"),
    [("C网上能不能办", "fail"), ("C到底多少钱", "fail"), ("C好的我知道了", "pass")],
)
def test_a_hedge_is_vague_only_in_the_answer_to_a_question(before: str, verdict: str) -> None:
    assert decide("taboo.vague", "A您好", before, "A应该可以吧").verdict == verdict


@pytest.mark.parametrize(
    "said",
    [
        ("A您的手机是幺三八零零幺二三四五六，对吧",),
        ("A您报的是一三八，零零一二，三四五六，对吗",),
        ("A我念一遍，幺三九一二", "C嗯", "A三四五六七八，对吧"),
        ("A身份证三三零一零六，一九九零零一零一，二三四五", "C对"),
        ("A卡号六二二二零二一二三四五六七八九零一二",),
    ],
)
def test_a_full_number_read_out_is_a_lapse_in_pieces_too(said: tuple[str, ...]) -> None:
    assert decide("taboo.privacy", "C帮我核对一下", *said).verdict == "fail"


@pytest.mark.parametrize(
    "said",
    [
        ("A您的手机尾号三四五六，对吗",),
        ("A运单号是幺三八零零幺二三四五六",),
        ("A师傅的电话是幺三八零零幺二三四五六，您可以联系他",),
        ("A我们的热线是四零零八幺二三幺二三",),
        ("A工号幺三八零零", "C你说的我听不懂，再说一遍", "A幺二三四五六"),
        ("A别人的电话我不能告诉您",),
    ],
)
def test_tails_waybills_hotlines_and_couriers_are_no_lapse(said: tuple[str, ...]) -> None:
    assert decide("taboo.privacy", "C帮我查一下", *said).verdict == "pass"


def test_a_customer_may_read_the_own_number() -> None:
    assert decide("taboo.privacy", "A请报一下手机号", "C幺三八零零幺二三四五六", "A好的").verdict == "pass"


@pytest.mark.parametrize(
    ("caller", "verdict"),
    [("C我是他老婆，你哪位", "fail"), ("C我就是，你说", "pass")],
)
def test_debts_are_told_only_to_the_one_who_owes(caller: str, verdict: str) -> None:
    assert decide("taboo.privacy", "A您好请问是孙先生吗", caller, "A这边贷款逾期三十天，欠两万元").verdict == verdict


@pytest.mark.parametrize(
    ("end", "call", "verdict"),
    [
        (("C等一下，我还没说完", "A再见"), {"released_by": "agent"}, "fail"),
        (("C等一下，我还没说完", "A再见"), {}, "fail"),
        (("C等一下，我还没说完", "A再见"), {"released_by": "customer"}, "pass"),
        (("C好的，没有了", "A再见"), {"released_by": "agent"}, "pass"),
        (("C喂，还有个事算了", "A感谢您的来电，再见"), {}, "pass"),
        (("C好", "A再这样我就挂电话了", "C你"), {}, "fail"),
    ],
)
def test_breaking_off_an_unfinished_call_is_hanging_up(end: tuple[str, ...], call: dict[str, str], verdict: str) -> None:
    assert decide("taboo.hang_up", "A您好请问有什么可以帮您", "C我问个账单", "A您请讲", *end, **call).verdict == verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("A您的心情我理解，全额退超出了我的权限，不过我可以给您申请减免一个月", "pass"),
        ("A退不了", "fail"),
        ("A好的，我马上给您退", "not_applicable"),
    ],
)
def test_a_refusal_wants_understanding_before_and_a_way_out_after(answer: str, verdict: str) -> None:
    assert decide("complaint.refusal_sandwich", "A您好", "C我要投诉你们，给我退钱", answer, "C哦").verdict == verdict


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        (("A先生您先消消气，我来处理",), "pass"),
        (("A嗯", "C说话", "A实在对不起，我请值班经理来接"), "pass"),
        (("A你骂谁呢",), "fail"),
        (("A请您文明一点，不然我挂电话了",), "fail"),
        ((), "fail"),
    ],
)
def test_abuse_is_answered_calmly_within_two_turns(answers: tuple[str, ...], verdict: str) -> None:
    assert decide("customer.abusive_handled", "A您好", "C你他妈的到底管不管", *answers).verdict == verdict


def test_without_abuse_there_is_nothing_to_handle() -> None:
    assert decide("customer.abusive_handled", "A您好", "C我很着急", "A您先消消气").verdict == "not_applicable"


@pytest.mark.parametrize("rule", ["regret", "empathy", "restate", "commitment", "ownership", "refusal_sandwich"])
def test_without_a_complaint_nothing_of_it_applies(rule: str) -> None:
    assert decide(f"complaint.{rule}", "A您好", "C我查个话费", "A非常抱歉，我理解您，今天下午五点给您回电").verdict == "not_applicable"


@pytest.mark.parametrize("rule", ["taboo.vague", "taboo.privacy", "taboo.hang_up", "complaint.refusal_sandwich", "customer.abusive_handled"])
def test_odd_transcripts_raise_nothing(rule: str) -> None:
    for lines in ((), ("A",), ("C",), ("C", "A", "C"), ("A1", "C2", "A3")):
        assert decide(rule, *lines).verdict in ("pass", "fail", "not_applicable", "needs_review")
    backwards = (Turn(speaker="agent", text="再见", start=9.0, end=3.0), Turn(speaker="unknown", text="等等", start=1.0, end=0.5),
                 Turn(speaker="agent", text="挂了", start=0.0, end=0.0))
    assert ENGINE.view(Transcript(call_id="t", turns=backwards)).outcome(rule).verdict
