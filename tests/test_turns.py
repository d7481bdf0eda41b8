"""Words to turns: pauses, overlap, punctuation, simplified characters."""
import pytest

from pipeline.turns import Said, asks, punctuated, turns
from records import Word


def said(speaker, channel, start, text, pace=0.2):
    words = [Word(text=letter, start=round(start + at * pace, 2), end=round(start + (at + 1) * pace, 2), confidence=0.8)
             for at, letter in enumerate(text)]
    return [Said(word, speaker, channel) for word in words]


def texts(*groups):
    return [(turn.speaker, turn.text) for turn in turns([each for group in groups for each in group])]


def test_a_long_pause_ends_a_turn_and_a_short_one_is_a_comma():
    assert texts(said("agent", 0, 0, "您好"), said("agent", 0, 0.9, "请讲"), said("agent", 0, 3, "在吗")) == [
        ("agent", "您好，请讲。"), ("agent", "在吗？")]


def test_the_other_speaker_taking_over_ends_a_turn_and_a_backchannel_does_not():
    assert texts(said("agent", 0, 0, "您的余额"), said("customer", 1, 0.8, "嗯", 0.3), said("agent", 0, 1.2, "是十元")) == [
        ("agent", "您的余额，是十元。"), ("customer", "嗯。")]
    assert [who for who, _ in texts(said("agent", 0, 0, "您好"), said("customer", 1, 0.4, "我想查话费", 0.1),
                                    said("agent", 0, 0.9, "好的"))] == ["agent", "customer", "agent"]


def test_turns_of_two_channels_may_overlap_and_keep_their_times():
    made = turns(said("agent", 0, 0, "我跟您说一下这个情况") + said("customer", 1, 1, "你听我说完"))
    assert [(turn.speaker, turn.start, turn.end) for turn in made] == [("agent", 0, 2), ("customer", 1, 2)]


@pytest.mark.parametrize(("text", "written"), [
    ("請問有什麼可以幫您", "请问有什么可以帮您？"),
    ("好的,我知道了", "好的，我知道了。"),
    ("余额是7.50元", "余额是7.50元。"),
    ("8023号", "8023号。"),
    ("你好?", "你好？"),
    ("，，好", "好。"),
    ("好的，", "好的。"),
    ("坏字�", "坏字。"),
])
def test_text_is_simplified_and_closed_with_a_mark(text, written):
    assert [each for _, each in texts(said("agent", 0, 0, text))] == [written]


@pytest.mark.parametrize(("text", "question"), [
    ("可以吗", True), ("几点能好", True), ("这样行不行", True), ("我知道了", False), ("为您查好了，请稍等", False)])
def test_questions_are_known_by_their_particles(text, question):
    assert asks(text) is question


def test_words_lose_their_marks_and_keep_their_times():
    turn, = turns([Said(Word(text="您好，", start=1.0, end=1.4, confidence=0.5), "agent", 0)])
    assert turn.text == "您好。" and turn.words == (Word(text="您好", start=1.0, end=1.4, confidence=0.5),)
    assert turn.confidence == 0.5


def test_marks_alone_make_no_turn():
    assert turns([Said(Word(text="。", start=0, end=1), "agent", 0)]) == ()


def test_punctuation_of_the_recogniser_is_kept():
    assert punctuated([Word(text="好,", start=0, end=1), Word(text="再见!", start=2, end=3)]) == "好，再见！"
