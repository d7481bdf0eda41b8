"""What the clock and the level say about a call, in small calls with known answers."""
from __future__ import annotations

import pytest

from records import Finding, Transcript, Turn
from rules.engine import Engine

Row = tuple[str, float | None, float | None, str]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.open()


def call(*rows: Row, **more: object) -> Transcript:
    speakers = {"A": "agent", "C": "customer", "X": "unknown"}
    turns = [{"speaker": speakers[who], "start": start, "end": end, "text": text} for who, start, end, text in rows]
    return Transcript.model_validate({"call_id": "c", "turns": turns, **more})


def find(engine: Engine, transcript: Transcript, rule: str) -> Finding:
    view = engine.view(transcript)
    return view.finding(rule, view.outcome(rule))


TIMED = ["voice.rate", "voice.interruption", "voice.silence", "voice.listening", "voice.latency", "voice.loudness",
         "voice.pitch", "call.duration", "taboo.filler"]


@pytest.mark.parametrize("rule", TIMED)
def test_without_times_nothing_is_said_and_why(engine: Engine, rule: str) -> None:
    rows: list[Row] = [("A", None, None, "您好，请讲"), ("C", None, None, "能退吗？"), ("A", None, None, "可以")]
    found = find(engine, call(*rows), rule)
    assert found.verdict == "not_applicable"
    assert found.reason.startswith("没有")


@pytest.mark.parametrize("rule", TIMED)
@pytest.mark.parametrize("rows", [
    [("A", 9.0, 3.0, "您好"), ("C", 5.0, 1.0, "能退吗？")], [("A", 0.0, 0.0, "您好"), ("C", 0.0, 0.0, "能退吗？")],
    [("A", 5.0, 9.0, "您好"), ("C", 0.0, 30.0, "能退吗？"), ("A", 2.0, 3.0, "")], [("X", 0.0, 1.0, "音乐")], [],
])
def test_odd_times_raise_nothing(engine: Engine, rule: str, rows: list[Row]) -> None:
    assert find(engine, call(*rows), rule).rule == rule


@pytest.mark.parametrize(("characters", "seconds", "verdict"), [
    (160, 60.0, "pass"), (280, 60.0, "pass"), (159, 60.0, "fail"), (281, 60.0, "fail"), (10, 4.0, "not_applicable"),
])
def test_the_speaking_rate_has_limits_on_both_sides(engine: Engine, characters: int, seconds: float, verdict: str) -> None:
    found = find(engine, call(("A", 0.0, seconds, "说" * characters + "，。")), "voice.rate")
    assert found.verdict == verdict
    assert found.value == (None if verdict == "not_applicable" else pytest.approx(characters / seconds * 60))


def test_the_rate_tells_the_distance_from_the_customers(engine: Engine) -> None:
    found = find(engine, call(("A", 0.0, 30.0, "说" * 100), ("C", 30.0, 60.0, "讲" * 60)), "voice.rate")
    assert "客户 120 字，相差 +80 字" in found.reason


def test_pauses_between_words_are_no_speech(engine: Engine) -> None:
    words = [{"text": "说" * 20, "start": 0.0, "end": 6.0}, {"text": "说" * 20, "start": 16.0, "end": 22.0}]
    turn = Turn.model_validate({"speaker": "agent", "text": "说" * 40, "start": 0.0, "end": 22.0, "words": words})
    assert find(engine, Transcript(call_id="c", turns=(turn,)), "voice.rate").value == pytest.approx(200)


def interrupted(times: int, overlap: float) -> Transcript:
    rows: list[Row] = []
    for i in range(times):
        rows += [("C", 10.0 * i, 10.0 * i + 5, "我说"), ("A", 10.0 * i + 5 - overlap, 10.0 * i + 8, "您听")]
    return call(*rows)


@pytest.mark.parametrize(("times", "overlap", "hits", "verdict"), [
    (2, 0.6, 2, "pass"), (3, 0.6, 3, "fail"), (5, 0.4, 0, "pass"), (5, -1.0, 0, "pass"),
])
def test_three_interruptions_are_too_many(
        engine: Engine, times: int, overlap: float, hits: int, verdict: str) -> None:
    found = find(engine, interrupted(times, overlap), "voice.interruption")
    assert (found.verdict, len(found.evidence), found.value) == (verdict, hits, hits)
    assert all(e.speaker == "agent" and e.match == "timing" for e in found.evidence)


def test_a_customer_who_starts_while_the_agent_speaks_is_not_interrupted(engine: Engine) -> None:
    rows: list[Row] = [("A", 0.0, 30.0, "我说"), ("C", 2.0, 5.0, "嗯"), ("C", 9.0, 12.0, "好"), ("C", 20.0, 23.0, "对")]
    assert find(engine, call(*rows), "voice.interruption").value == 0


@pytest.mark.parametrize(("rows", "verdict", "longest"), [
    ([("A", 0.0, 3.0, "您好"), ("C", 12.9, 15.0, "喂")], "pass", 9.9),
    ([("A", 0.0, 3.0, "您好"), ("C", 13.2, 15.0, "喂")], "fail", 10.2),
    ([("C", 0.0, 3.0, "查一下"), ("A", 3.0, 5.0, "请您稍等一下好吗"), ("C", 5.0, 6.0, "好的"),
      ("A", 40.0, 42.0, "感谢您的等待，余额八十")], "pass", 0.0),
    ([("A", 0.0, 20.0, "您好"), ("C", 2.0, 3.0, "嗯"), ("C", 21.0, 22.0, "喂")], "pass", 0.0),
])
def test_silence_that_was_not_asked_for_counts(engine: Engine, rows: list[Row], verdict: str, longest: float) -> None:
    found = find(engine, call(*rows), "voice.silence")
    assert (found.verdict, found.value) == (verdict, pytest.approx(longest))
    assert [e.turn for e in found.evidence] == ([1] if verdict == "fail" else [])


def test_the_share_of_dead_air_is_told(engine: Engine) -> None:
    found = find(engine, call(("A", 0.0, 10.0, "您好"), ("C", 15.0, 20.0, "喂")), "voice.silence")
    assert "静默占全程 25%" in found.reason


@pytest.mark.parametrize(("mine", "theirs", "verdict"), [(3.0, 7.0, "found"), (5.0, 5.0, "none"), (5.0, 0.0, "none")])
def test_the_share_of_the_customer_is_reported(engine: Engine, mine: float, theirs: float, verdict: str) -> None:
    found = find(engine, call(("A", 0.0, mine, "您好"), ("C", mine, mine + theirs, "我说")), "voice.listening")
    assert (found.verdict, found.value) == (verdict, pytest.approx(theirs / (mine + theirs)))


@pytest.mark.parametrize(("waits", "verdict"), [([1.0], "pass"), ([3.0, 9.0, 1.0], "pass"), ([4.0, 5.0, 1.0], "fail")])
def test_the_median_wait_after_questions_counts(engine: Engine, waits: list[float], verdict: str) -> None:
    rows: list[Row] = []
    for i, wait in enumerate(waits):
        rows += [("C", 30.0 * i, 30.0 * i + 3, "什么时候能修好？"), ("A", 30.0 * i + 3 + wait, 30.0 * i + 15, "今天")]
    assert find(engine, call(*rows), "voice.latency").verdict == verdict


def test_statements_are_no_questions(engine: Engine) -> None:
    rows: list[Row] = [("C", 0.0, 3.0, "我要退货。"), ("A", 12.0, 13.0, "好")]
    assert find(engine, call(*rows), "voice.latency").verdict == "not_applicable"


def levels(*of: float | None, seconds: float = 2.0) -> Transcript:
    turns = [Turn(speaker="agent", text="您好", start=3.0 * i, end=3.0 * i + seconds, loudness=level)
             for i, level in enumerate(of)]
    return Transcript(call_id="c", turns=tuple(turns))


@pytest.mark.parametrize(("of", "verdict", "turns"), [
    ((-20.0, -21.0, -25.0), "pass", []), ((-20.0, -21.0, -9.0), "fail", [2]), ((-20.0, -21.0, -40.0, -20.0), "fail", [2]),
    ((-20.0, -40.0), "not_applicable", []), ((None, None, None), "not_applicable", []),
])
def test_a_turn_far_from_the_agents_own_level_is_shown(
        engine: Engine, of: tuple[float | None, ...], verdict: str, turns: list[int]) -> None:
    found = find(engine, levels(*of), "voice.loudness")
    assert (found.verdict, [e.turn for e in found.evidence]) == (verdict, turns)


def test_short_turns_may_be_quieter(engine: Engine) -> None:
    assert find(engine, levels(-20.0, -20.0, -40.0, seconds=0.6), "voice.loudness").verdict == "not_applicable"


@pytest.mark.parametrize(("spread", "verdict"), [(3.5, "found"), (0.8, "none"), (None, "not_applicable")])
def test_a_flat_voice_is_reported_where_pitch_was_measured(engine: Engine, spread: float | None, verdict: str) -> None:
    turn = Turn(speaker="agent", text="您好", start=0.0, end=3.0, pitch_spread=spread)
    assert find(engine, Transcript(call_id="c", turns=(turn,)), "voice.pitch").verdict == verdict


@pytest.mark.parametrize(("more", "end", "verdict", "value"), [
    ({"duration": 300.0}, 10.0, "pass", 300.0), ({"duration": 300.5}, 10.0, "fail", 300.5), ({}, 299.0, "pass", 299.0),
    ({}, 320.0, "fail", 320.0),
])
def test_the_length_of_the_call_comes_from_metadata_else_from_the_last_turn(
        engine: Engine, more: dict[str, float], end: float, verdict: str, value: float) -> None:
    found = find(engine, call(("A", 0.0, end, "您好"), **more), "call.duration")
    assert (found.verdict, found.value) == (verdict, value)


@pytest.mark.parametrize(("fillers", "verdict"), [(9, "pass"), (11, "needs_review"), (12, "needs_review"), (13, "fail")])
def test_fillers_a_minute_have_a_doubtful_zone(engine: Engine, fillers: int, verdict: str) -> None:
    rows: list[Row] = [("A", 4.0 * i, 4.0 * i + 4, "嗯，我帮您查" if i < fillers else "我帮您查") for i in range(15)]
    assert find(engine, call(*rows), "taboo.filler").verdict == verdict


@pytest.mark.parametrize(("before", "said", "verdict"), [
    ("我要投诉你们的快递员", "喂，听不到，您重拨吧", "fail"), ("……喂……", "听不到您的声音，请您重拨", "pass"),
    ("喂", "听不到您的声音，请您重拨", "pass"), ("我要投诉你们的快递员", "好的，我给您登记", "pass"),
])
def test_who_hears_nothing_of_clear_words_pretends(engine: Engine, before: str, said: str, verdict: str) -> None:
    rows: list[Row] = [("C", None, None, before), ("A", None, None, said)]
    assert find(engine, call(*rows), "taboo.pretend_deaf").verdict == verdict


def test_a_customer_whom_the_recogniser_hardly_heard_may_be_inaudible(engine: Engine) -> None:
    turns = (Turn(speaker="customer", text="我要投诉快递员", confidence=0.3), Turn(speaker="agent", text="听不到，请您重拨"))
    assert find(engine, Transcript(call_id="c", turns=turns), "taboo.pretend_deaf").verdict == "pass"
