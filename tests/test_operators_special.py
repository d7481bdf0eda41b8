"""Silent calls, calls that are hard to hear, answers that must wait, and who is asked for a name."""
from __future__ import annotations

import pytest

from records import Finding, Transcript, Turn
from rules.engine import Engine

HELLO, AGAIN, HEAR = "您好，禾苗书店，六零二七号，请问有什么可以帮您", "您好，请问有什么可以帮您", "您好，您能听到我说话吗"
SCRIPT = "很抱歉，您的电话没有声音，请您换一部电话再打过来，再见"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.open()


def find(engine: Engine, rule: str, *said: str) -> Finding:
    speakers = {"A": "agent", "C": "customer", "X": "unknown", "I": "ivr"}
    turns = [{"speaker": speakers[line[0]], "text": line[2:]} for line in said]
    view = engine.view(Transcript.model_validate({"call_id": "c", "turns": turns}))
    return view.finding(rule, view.outcome(rule))


@pytest.mark.parametrize(("said", "verdict", "missing"), [
    ([HELLO, AGAIN, HEAR, SCRIPT], "pass", ""),
    ([HELLO, AGAIN, SCRIPT], "pass", ""),
    ([HELLO, SCRIPT], "fail", "问候两遍"),
    ([HELLO, AGAIN, HEAR, "再见"], "fail", "无声话术"),
    ([HELLO, AGAIN, HEAR, SCRIPT.removesuffix("，再见")], "fail", "道别"),
    ([HELLO, "喂，说话呀", "不说话我下线了"], "fail", "道别"),
    ([HELLO + "。" + AGAIN + "。" + HEAR + "。", SCRIPT], "pass", ""),
    ([HELLO] * 9, "not_applicable", ""),
])
def test_a_silent_call_has_its_script(engine: Engine, said: list[str], verdict: str, missing: str) -> None:
    found = find(engine, "special.silent_call", *[f"A:{text}" for text in said])
    assert found.verdict == verdict
    assert missing in found.reason


@pytest.mark.parametrize(("sound", "verdict"), [
    ("C:喂，我要查余额", "not_applicable"), ("X:字幕由志愿者提供", "pass"), ("I:您的通话将被录音", "pass"), ("C:", "pass"),
])
def test_words_of_a_customer_make_a_call_not_silent(engine: Engine, sound: str, verdict: str) -> None:
    said = ["A:" + HELLO, sound, *[f"A:{text}" for text in (AGAIN, HEAR, SCRIPT)]]
    assert find(engine, "special.silent_call", *said).verdict == verdict


def test_a_call_without_an_agent_is_not_applicable(engine: Engine) -> None:
    assert find(engine, "special.silent_call", "C:喂").verdict == "not_applicable"
    assert find(engine, "special.silent_call").verdict == "not_applicable"


POLITE, CHANGE = "您的声音有点小，麻烦您靠近话筒大声一点好吗", "抱歉还是听不清，请您换一部电话再打过来，再见"


@pytest.mark.parametrize(("said", "verdict"), [
    (["C:……我……", "A:" + POLITE, "C:现在能听见了吗"], "pass"),
    (["C:……我……", "A:" + POLITE, "C:……卡……", "A:" + CHANGE], "pass"),
    (["X:……沙……", "A:" + POLITE, "X:……沙……", "A:" + CHANGE], "pass"),
    (["C:……我……", "A:" + POLITE, "C:……卡……", "A:挂了"], "fail"),
    (["C:……我……", "A:大点声，听不清", "C:……卡……"], "fail"),
    (["C:我家电视声音太小", "A:您按遥控器把声音调大一点", "C:好"], "not_applicable"),
    (["A:" + HELLO, "A:" + AGAIN, "A:" + HEAR, "A:" + SCRIPT], "not_applicable"),
])
def test_a_customer_who_cannot_be_heard_is_asked_politely(engine: Engine, said: list[str], verdict: str) -> None:
    assert find(engine, "special.noise", *said).verdict == verdict


@pytest.mark.parametrize("rule", ["closing.understood", "closing.anything_else", "closing.thanks"])
@pytest.mark.parametrize(("said", "applies"), [
    (["A:" + HELLO, "A:" + SCRIPT], False), (["A:" + HELLO, "C:……我……", "A:" + POLITE, "C:……", "A:" + CHANGE], False),
    (["A:" + HELLO, "C:……我……", "A:" + POLITE, "C:我要查一下余额", "A:八十元"], True),
    (["A:" + HELLO, "C:喂", "A:请讲"], True),
])
def test_closing_is_not_asked_of_calls_nobody_could_hear(
        engine: Engine, rule: str, said: list[str], applies: bool) -> None:
    assert (find(engine, rule, *said).verdict != "not_applicable") == applies


@pytest.mark.parametrize(("said", "verdict"), [
    (["C:为什么停水", "A:具体原因我现在答不了您，您留个电话，下午三点前我给您回电", "C:好"], "pass"),
    (["C:为什么停水", "A:我现在答不了您", "C:那怎么办", "A:您留个电话，下午三点前我给您回电"], "pass"),
    (["C:为什么停水", "A:我现在答不了您", "C:那怎么办", "A:您自己看公告"], "fail"),
    (["C:为什么停水", "A:主管道检修，六点恢复", "C:好"], "not_applicable"),
])
def test_what_cannot_be_answered_is_promised(engine: Engine, said: list[str], verdict: str) -> None:
    assert find(engine, "special.unresolved", *said).verdict == verdict


@pytest.mark.parametrize(("said", "verdict"), [
    (["C:你叫什么名字", "A:我的工号是六零二七"], "pass"), (["C:工号多少", "A:三零七一，随便投"], "pass"),
    (["C:你叫什么名字", "A:没必要告诉你"], "fail"), (["C:你叫什么名字", "A:叫我强哥"], "fail"),
    (["C:我叫王建国", "A:好的"], "not_applicable"), (["C:你叫什么名字", "A:您的工单号是二零二六"], "fail"),
])
def test_who_is_asked_for_a_name_gives_the_number(engine: Engine, said: list[str], verdict: str) -> None:
    assert find(engine, "special.staff_name", *said).verdict == verdict


def test_a_customer_of_whom_the_recogniser_caught_nothing_is_unclear_not_silent(engine: Engine) -> None:
    said = ("您好，请问有什么可以帮您", "对不起，您的声音听不清楚，麻烦您大声一点好吗", "还是听不清楚，请您换一部电话再打过来，再见")
    def verdicts(*texts: str) -> tuple[str, str]:
        turns = tuple(Turn(speaker="agent", text=text, confidence=0.9) for text in texts)
        view = engine.view(Transcript(call_id="t", turns=turns))
        return view.outcome("special.noise").verdict, view.outcome("special.silent_call").verdict

    assert verdicts(*said) == ("pass", "not_applicable")
    silent = ("您好，请问有什么可以帮您", "您好，您好", "对不起，您的电话没有声音，请您换一部电话再打来，再见")
    assert verdicts(*silent)[0] == "not_applicable" and verdicts(*silent)[1] != "not_applicable"
