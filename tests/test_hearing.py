"""A phrase is as sure as its own words are, where they were recognised better than the rest of their turn."""
from __future__ import annotations

import pytest

from records import Transcript, Turn, Word
from rules.engine import Engine
from rules.hearing import Heard

ENGINE = Engine.open()
SAID = (("等", 0.37), ("您", 0.64), ("好，", 0.81), ("将分", 0.18), ("银行的", 0.7))


def turn(text: str, words: tuple[tuple[str, float | None], ...], sure: float = 0.42) -> Turn:
    return Turn(speaker="agent", text=text, confidence=sure,
                words=tuple(Word(text=word, start=0.0, end=0.0, confidence=one) for word, one in words))


def test_letters_have_the_confidence_of_their_words_and_marks_have_none() -> None:
    heard = Heard(turn("等您好，将分银行的。", SAID))
    assert heard.of(1, 3) == pytest.approx((0.64 + 0.81) / 2)
    assert heard.of(0, 10) == pytest.approx((0.37 + 0.64 + 0.81 + 2 * 0.18 + 3 * 0.7) / 8)
    assert heard.of(3, 4) is None


@pytest.mark.parametrize("words", [(), SAID[:-1], (*SAID[:-1], ("银行的", None)), (*SAID[:-1], ("银行的", float("nan")))])
def test_words_that_do_not_say_the_text_or_how_sure_they_are_tell_nothing(words: tuple[tuple[str, float | None], ...]) -> None:
    assert Heard(turn("等您好，将分银行的。", words)).of(1, 3) is None


@pytest.mark.parametrize(("words", "verdict"), [(SAID, "pass"), ((), "needs_review")])
def test_a_clear_greeting_counts_in_a_turn_that_was_lost_in_noise(words: tuple[tuple[str, float | None], ...], verdict: str) -> None:
    turns = (turn("等您好，将分银行的。", words), Turn(speaker="customer", text="不需要", confidence=0.8))
    assert ENGINE.view(Transcript(call_id="t", turns=turns)).outcome("greeting.salutation").verdict == verdict


def test_what_an_expression_finds_is_vouched_for_by_being_found_as_a_phrase_is() -> None:
    turns = (turn("您好家和燃气服务热线 估好3068请问有什么可以帮你", (), 0.74), Turn(speaker="customer", text="不需要", confidence=0.8))
    view = ENGINE.view(Transcript(call_id="t", turns=turns))
    (hit,) = view.hits("greeting.identity")
    assert (hit.match, view.outcome("greeting.identity").verdict) == ("pattern", "pass")


@pytest.mark.parametrize(("sure", "verdict"), [(0.62, "pass"), (0.42, "needs_review")])
def test_what_is_found_by_its_sound_is_vouched_for_too_but_not_in_a_turn_that_was_hardly_heard(sure: float, verdict: str) -> None:
    turns = (turn("那没问题", (), 0.9), Turn(speaker="customer", text="好的", confidence=0.8), turn("我这样借释您清除吗", (), sure))
    view = ENGINE.view(Transcript(call_id="t", turns=turns))
    (hit,) = view.hits("closing.understood")
    assert (hit.match, view.outcome("closing.understood").verdict) == ("homophone", verdict)
