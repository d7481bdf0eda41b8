"""Personal numbers as people read them and recognisers hear them."""

from __future__ import annotations

import pytest

from records import Transcript, Turn
from rules.engine import Engine
from rules.operators.personal import identity_check, kind_of, luhn
from rules.view import Outcome

ENGINE = Engine.open()


def decide(*lines: str) -> Outcome:
    """Lines begin with A (agent) or C (customer)."""
    turns = tuple(Turn(speaker="agent" if line[0] == "A" else "customer", text=line[1:]) for line in lines)
    return ENGINE.view(Transcript(call_id="t", turns=turns)).outcome("taboo.privacy")


@pytest.mark.parametrize(
    "said",
    [
        ("A您的手机是一三八三个八双零幺二四，对吧",),  # 138 888 00124 is 11 figures
        ("A登记的号码是幺五九双六四个零二三五",),
        ("A号码是要三八零林一二三四五流，对吗",),  # misheard 幺三八零零一二三四五六
        ("A您的手机就是13800",  "C嗯", "A然后是123456"),
        ("A前面是一三九一，后面是二三四五六七八，对不对",),
        ("A身份证幺幺零幺零五幺九四九幺二三幺零零二叉，是您吧",),
        ("A您这张六二二二零二零二零零一二三四五六七八，里面还有余额",),
        ("A卡号四幺幺幺，幺幺幺幺，幺幺幺幺，幺幺幺幺",),
        ("A家里的座机零五七幺八六五四三二一零，没变吧，您家座机是零五七幺八六五四三二一零",),
    ],
)
def test_numbers_are_read_as_people_say_them(said: tuple[str, ...]) -> None:
    assert decide("C帮我核对一下", *said).verdict == "fail"


@pytest.mark.parametrize(
    "said",
    [
        ("A您这个月用了三个八块的流量包，一共二十四",),
        ("A尾号双零三个八，对吗",),
        ("A订单号是四幺幺幺幺幺幺幺幺幺幺幺幺幺幺幺",),
        ("A工号三三零七，二零二六年十一月二十五号十点三十分来的电",),
        ("A投诉编号是二零二六幺幺二五零零零三八幺",),
        ("A一共是四幺幺幺零零零零幺幺幺幺零零零三这么一串",),
        ("A我们的电话是零五七幺八六五四三二一零",),
        ("A三百八十八，加两百一十六，再加一百二十，一共七百二十四",),
    ],
)
def test_other_strings_of_figures_are_no_lapse(said: tuple[str, ...]) -> None:
    assert decide("C帮我查一下", *said).verdict == "pass"


@pytest.mark.parametrize(
    ("digits", "called", "kind"),
    [
        ("13800123456", "", "mobile"),
        ("1380012345", "您的手机是", "mobile"),  # one figure lost
        ("1380012345", "", None),
        ("4001231231", "我们的电话", None),
        ("11010519491231002x", "", "identity"),
        ("4111111111111111", "", "card"),
        ("4111111111111112", "", None),  # the check digit is wrong, nobody calls it a card
        ("4111111111111112", "银行卡", "card"),
        ("057186543210", "", None),
        ("33010102109850330101017", "您的身份证号是", "identity"),   # recognised: each 零 came twice
        ("33010102109850330101017", "您的单子", None),
    ],
)
def test_check_digits_and_names_say_what_a_number_is(digits: str, called: str, kind: str | None) -> None:
    found = kind_of(digits, called)
    assert (found[0] if found else None) == kind


def test_a_number_whose_check_digit_fits_is_surer() -> None:
    sure, named = kind_of("11010519491231002x", "身份证"), kind_of("110105194912310021", "身份证")
    assert sure and named and sure[1] > named[1]


def test_check_digits_of_the_standards() -> None:
    assert luhn("79927398713") and not luhn("79927398710")
    assert identity_check("34052419800101001x") and not identity_check("340524198001010010")


def test_a_number_in_a_single_sentence_can_be_probed() -> None:
    assert ENGINE.probe("taboo.privacy", "agent", "您的手机是一三八三个八双零幺二四对吧").label == 1
    assert ENGINE.probe("taboo.privacy", "agent", "尾号双零三个八对吗").label == 0
