"""Holds and transfers as calls bring them: with times, without, cut in pieces, out of order."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from records import Problem, Transcript, Turn
from rules.engine import Engine
from rules.operators.parameters import MOST, expression
from rules.pack import BUILT_IN, load
from rules.view import View

ENGINE = Engine.open()
WHO = {"A": "agent", "C": "customer", "X": "unknown", "I": "ivr"}


def view(*lines: tuple) -> View:
    """Lines are (speaker, text) or (speaker, text, start, end)."""
    turns = [
        {
            "speaker": WHO[line[0]],
            "text": line[1],
            **(dict(zip(("start", "end"), line[2:], strict=True)) if line[2:] else {}),
        }
        for line in lines
    ]
    return ENGINE.view(Transcript(call_id="t", turns=tuple(Turn.model_validate(turn) for turn in turns)))


ASKED = ("A", "我查一下缴费记录，大约一分钟，请您稍等好吗", 0, 5)
YES = ("C", "好的", 5.5, 6)


def test_each_hold_is_one_piece_of_evidence_and_check_backs_are_none() -> None:
    call = view(
        ASKED,
        YES,
        ("A", "还在查，请您再等半分钟", 33, 36),
        ("C", "嗯", 36, 37),
        ("A", "谢谢您等我，交过了", 60, 64),
        ("C", "那上个月呢", 65, 67),
        ("A", "您再等我一下，我看看上个月的，半分钟好吗", 68, 72),
        ("C", "行", 72, 73),
        ("A", "让您久等了，上个月也交了", 95, 99),
    )
    outcome = call.outcome("hold.request")
    assert (outcome.verdict, outcome.value, [hit.turn for hit in outcome.hits]) == ("found", 2, [0, 6])
    assert {
        rule: call.outcome(f"hold.{rule}").verdict for rule in ("permission", "consent", "reason", "check_back", "return")
    } == dict.fromkeys(("permission", "consent", "reason", "check_back", "return"), "pass")
    assert [hit.turn for hit in call.outcome("hold.check_back").hits] == [2]


@pytest.mark.parametrize(("answer", "sure", "back", "verdict"), [
    ("好对", 0.33, 25, "pass"),             # one word, then silence: whatever was heard of it
    ("你", 0.33, 25, "pass"),
    ("不等", 0.33, 25, "needs_review"),     # a refusal
    ("多久", 0.33, 25, "needs_review"),     # a question
    ("你查得到吗", 0.33, 25, "needs_review"),   # more than a word
    ("好对", 0.33, 7, "needs_review"),      # nobody waited
    ("你", None, 25, "fail"),               # written by a person
])
def test_one_misheard_word_between_request_and_silence_agrees(answer: str, sure: float | None, back: float, verdict: str) -> None:
    told = [(ASKED, None), (("C", answer, 5.5, 6), sure), (("A", "让您久等了，交过了", back, back + 3), None)]
    turns = [Turn(speaker="agent" if who == "A" else "customer", text=text, start=start, end=end, confidence=given)
             for (who, text, start, end), given in told]
    outcome = ENGINE.view(Transcript(call_id="t", turns=tuple(turns))).outcome("hold.consent")
    assert outcome.verdict == verdict, outcome.reason


@pytest.mark.parametrize(("silence", "verdict"), [(1.5, "none"), (20.0, "found")])
def test_a_request_known_by_its_sound_alone_is_one_only_where_silence_follows(silence: float, verdict: str) -> None:
    call = view(("A", "我可以帮您约等候群下午离开行吗", 0, 5), ("C", "几点呢", 5.2, 6), ("A", "两点半到三点", 6 + silence, 8 + silence))
    assert call.outcome("hold.request").verdict == verdict
    asked = view(("A", "我查一下，请勿离开", 0, 5), ("C", "好", 5.2, 6), ("A", "查到了", 6 + silence, 8 + silence))
    assert asked.outcome("hold.request").verdict == "found", "the very words need no silence"


@pytest.mark.parametrize(("back", "note"), [("感谢您的耐心等待，交过了", "感谢等待"), ("不好意思让您久等了", "为等待致歉")])
def test_the_wording_of_the_return_is_noted(back: str, note: str) -> None:
    outcome = view(ASKED, YES, ("A", back, 25, 29)).outcome("hold.return")
    assert (outcome.verdict, outcome.hits[0].note) == ("pass", note) and note in outcome.reason


@pytest.mark.parametrize(("silence", "verdict"), [(2.0, "none"), (20.0, "found")])
def test_i_will_look_is_a_hold_only_where_silence_follows(silence: float, verdict: str) -> None:
    call = view(
        ("A", "我看看您的订单", 0, 3), ("A", "已经发出了", 3 + silence, 8 + silence), ("C", "好", 9 + silence, 10 + silence)
    )
    assert call.outcome("hold.request").verdict == verdict


def test_one_lapse_among_many_holds_fails_the_call() -> None:
    call = view(
        ASKED,
        YES,
        ("A", "谢谢您等我，交过了", 25, 29),
        ("C", "发票呢", 30, 31),
        ("A", "等一下", 31, 32),
        ("A", "开了", 50, 51),
    )
    for rule in ("permission", "consent", "reason", "return"):
        outcome = call.outcome(f"hold.{rule}")
        assert (outcome.verdict, [hit.turn for hit in outcome.hits]) == ("fail", [4]), rule


def test_hallucinated_lines_in_a_silence_change_nothing() -> None:
    call = view(ASKED, YES, ("X", "请不吝点赞订阅", 10, 12), ("A", "感谢等待，交过了", 25, 29))
    assert call.outcome("hold.return").verdict == "pass" and call.outcome("hold.unannounced").verdict == "pass"


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ([("C", "为什么多扣我钱", 0, 3), ("A", "是年费", 15, 17)], "fail"),
        ([("C", "为什么多扣我钱", 0, 3), ("A", "是年费", 12.9, 17)], "pass"),
        ([("C", "为什么多扣我钱", 0, 3), ("X", "字幕", 4, 6), ("A", "是年费", 15, 17)], "fail"),
        ([ASKED, YES, ("A", "谢谢您等我", 40, 42)], "pass"),
        ([("A", "您把光猫重启一下", 0, 3), ("C", "好", 3, 4), ("A", "灯亮了没有", 60, 62)], "pass"),
        ([("A", "您单号多少", 0, 3), ("C", "等一下我去拿", 3, 5), ("A", "不着急", 30, 32)], "pass"),
        ([("A", "您把光猫重启一下", 0, 3), ("C", "重启过了还是不行怎么办", 3, 6), ("A", "那换线试试", 30, 32)], "fail"),
        ([("C", "为什么多扣我钱"), ("A", "是年费")], "not_applicable"),
    ],
)
def test_silence_in_the_agents_turn_counts_unless_the_customer_is_busy(lines: list[tuple], verdict: str) -> None:
    assert view(*lines).outcome("hold.unannounced").verdict == verdict


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ([("A", "退款归财务，我给您转到财务部，可以吗"), ("C", "好，转吧")], "pass"),
        ([("A", "退款归财务，我给您转到财务部，可以吗"), ("C", "等等，早餐几点")], "fail"),
        ([("A", "我给您转一下"), ("C", "好")], "fail"),
        ([("A", "我给您转到财务部"), ("I", "您的电话正在转接中"), ("C", "好")], "fail"),
        ([("A", "这笔转账昨天到的"), ("C", "好")], "not_applicable"),
    ],
)
def test_a_transfer_needs_where_or_why_and_a_yes(lines: list[tuple], verdict: str) -> None:
    assert view(*lines).outcome("transfer.explained").verdict == verdict


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [("A", "稍等")],
        [("C", "稍等")],
        [("A", "稍等", 50, 40), ("C", "好", 10, 5), ("A", "好了", 0, 1)],
        [("A", "", 0, 0), ("X", "", 0, 0)],
        [("A", "请您稍等", 0, 9), ("C", "好", 2, 3), ("A", "感谢等待", 4, 5), ("A", "还在查", None, None)],
    ],
)
def test_no_transcript_is_too_odd(lines: list[tuple]) -> None:
    call = view(*lines)
    assert len(ENGINE.findings(call)) == len(ENGINE.pack.rules)


def pack_with(why: str, folder: Path) -> Path:
    """The Chinese pack whose `hold.reason` looks for `why`."""
    shutil.copytree(BUILT_IN, folder / "zh")
    file = folder / "zh" / "hold.yaml"
    lines = file.read_text("utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("        why: "))
    lines[at] = "        why: '" + why + "'"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return folder / "zh"


def test_an_expression_in_a_rules_parameters_cannot_stop_the_machine(tmp_path: Path) -> None:
    """In a backtracking engine (a+)+$ over 3,000 characters would not end."""
    engine = Engine(load(pack_with("(a+)+$", tmp_path)))
    said = (("A", "a" * 3000 + "!", 0, 4), ("A", "您稍等", 5, 6), YES, ("A", "谢谢您等我", 60, 62))
    turns = tuple(Turn(speaker="agent" if who == "A" else "customer", text=text, start=start, end=end) for who, text, start, end in said)
    began = time.process_time()
    engine.view(Transcript(call_id="t", turns=turns)).outcome("hold.reason")
    assert time.process_time() - began < 5.0


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*)*x", "(a?){50}a{50}", "(x+x+)+y", "(您+)+好$"])
def test_expressions_take_linear_time(pattern: str) -> None:
    began = time.process_time()
    for one in "ax您":
        expression(pattern).search(one * 20_000 + "!")
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize("pattern", ["(a)\\1", "a" * (MOST + 1)])
def test_an_expression_that_re2_does_not_take_is_refused_with_its_rule(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"hold\.yaml line \d+, .*why.*regular expression"):
        load(pack_with(pattern, tmp_path))


@pytest.mark.parametrize("pattern", ["(?=a)b", "[", "a{1,100000}"])
def test_what_re2_does_not_take_is_said_so(pattern: str) -> None:
    with pytest.raises(ValueError, match="RE2"):
        expression(pattern)


GARBLED = ("A", "糕先核鱼台对夜下呈不", 0, 5)


def test_who_says_yes_waits_and_is_thanked_was_held_whatever_was_heard_of_the_request() -> None:
    call = view(GARBLED, YES, ("A", "让您久等了，交过了", 40, 44), ("C", "好", 45, 46))
    assert call.outcome("hold.request").verdict == "found"
    assert call.outcome("hold.consent").verdict == "pass"
    assert call.outcome("hold.return").verdict == "pass"
    assert call.outcome("hold.unannounced").verdict == "pass"
    assert call.outcome("hold.permission").verdict == "needs_review"


@pytest.mark.parametrize(("answer", "back"), [
    ("那到底还要多久", "让您久等了，交过了"),      # nobody agreed to wait
    ("好的", "交过了，您放心"),                    # nobody is thanked for waiting
])
def test_a_silence_alone_is_no_hold(answer: str, back: str) -> None:
    call = view(GARBLED, ("C", answer, 5.5, 6), ("A", back, 40, 44), ("C", "好", 45, 46))
    assert call.outcome("hold.request").verdict == "none"
    assert call.outcome("hold.unannounced").verdict == "fail"
