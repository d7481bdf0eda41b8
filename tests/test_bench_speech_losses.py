"""bench.speech.losses: why a verdict was lost, told from calls of which every word is known."""
from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.speech import losses
from bench.speech.truth import Truth
from records import Draft, Evidence, Finding, Removal, Speaker, Transcript, Turn, Verdict

SAID = "请您稍等一下"
RULE = "hold.request"


def turn(text: str, speaker: Speaker = "agent") -> Turn:
    return Turn(speaker=speaker, start=1.0, end=3.0, text=text, channel=0)


def truth(gold: Verdict = "pass", rule: str = RULE) -> Truth:
    call = Transcript(call_id="t", turns=(turn(SAID),), customer_name="刘敏")
    return Truth(name="t", condition="c", mono=True, transcript=call, verdicts={rule: gold}, voices=("v",), seconds=5.0)


def transcript(*turns: Turn, removed: tuple[Removal, ...] = ()) -> Transcript:
    return Transcript(call_id="t", turns=turns, removed=removed)


def drafting(there: Verdict, here: Verdict, heard: Transcript, rule: str = RULE, shown: bool = False) -> Callable[[Transcript], Draft]:
    """Drafts that say `there` of the true words and `here` of `heard`; evidence is the whole first turn, of the heard words if `shown`."""
    def finding(verdict: Verdict, call: Transcript, evident: bool) -> Finding:
        place = Evidence(rule=rule, turn=0, start=1.0, end=3.0, text=call.turns[0].text) if evident else None
        return Finding(rule=rule, verdict=verdict, evidence=(place,) if place else ())

    def draft(call: Transcript) -> Draft:
        found = finding(here, call, shown) if call is heard else finding(there, call, True)
        return Draft(call_id="t", form="f", form_version="1", rules_version="1", findings=(found,), items=(), fatal=False, score=None, band=None)
    return draft


def cause(heard: Transcript, here: Verdict = "fail", shown: bool = False) -> str:
    found, _ = losses.losses([truth()], {"t": heard}, drafting("pass", here, heard, shown=shown))
    return found[0].cause


@pytest.mark.parametrize(("text", "expected"), [
    ("请您稍等一下", losses.WORDS), ("请您烧等以下", losses.SOUND), ("请您稍等天下", losses.PARTS), ("猫和狗跑了吧", losses.BEYOND),
    ("下", losses.UNHEARD),
])
def test_what_became_of_the_words_is_the_cause(text: str, expected: str) -> None:
    assert cause(transcript(turn(text))) == expected


def test_words_that_a_guard_took_out_were_not_unheard() -> None:
    gone = Removal(text=SAID, start=1.0, end=3.0, channel=0, reason="music")
    assert cause(transcript(turn("下"), removed=(gone,))) == losses.GUARD


def test_words_on_the_other_side_are_told_from_words_misheard() -> None:
    assert cause(transcript(turn("请您稍等天下", "customer"))) == losses.SIDE


def test_evidence_at_the_same_place_that_waits_for_a_person_is_unsure_not_missed() -> None:
    assert cause(transcript(turn("请您稍等天下")), "needs_review", shown=True) == losses.UNSURE
    assert cause(transcript(turn("请您稍等天下")), "needs_review") == losses.PARTS


def test_a_rule_taken_not_to_apply_is_a_cause_of_its_own() -> None:
    assert cause(transcript(turn(SAID)), "not_applicable") == losses.SCOPE


@pytest.mark.parametrize(("said", "got"), [("刘女士请讲", "猫女士请讲"), ("工号8023请讲", "工号8下2请讲")])
def test_where_only_a_name_or_a_number_is_wrong_that_is_the_cause(said: str, got: str) -> None:
    call = Transcript(call_id="t", turns=(turn(said),), customer_name="刘敏")
    known = Truth(name="t", condition="c", mono=True, transcript=call, verdicts={RULE: "pass"}, voices=("v",), seconds=5.0)
    heard = transcript(turn(got))
    found, _ = losses.losses([known], {"t": heard}, drafting("pass", "fail", heard))
    assert found[0].cause == losses.NAME


@pytest.mark.parametrize(("text", "shown", "expected"), [
    (SAID, True, losses.ALARM_TRUE), ("请您烧等一下", True, losses.ALARM), (SAID, False, losses.ALARM_ELSE),
])
def test_false_alarms_are_told_by_whether_their_words_were_said(text: str, shown: bool, expected: str) -> None:
    heard = transcript(turn(text))
    found, _ = losses.losses([truth("fail")], {"t": heard}, drafting("fail", "pass", heard, shown=shown))
    assert found[0].cause == expected


def test_a_verdict_that_mishearing_puts_right_is_counted_as_won() -> None:
    heard = transcript(turn(SAID))
    assert losses.losses([truth()], {"t": heard}, drafting("fail", "pass", heard)) == ([], 1)


def test_the_table_counts_each_cause_and_shows_as_many_examples_as_asked_for() -> None:
    heard = transcript(turn("请您稍等天下"))
    lost, won = losses.losses([truth()], {"t": heard}, drafting("pass", "needs_review", heard))
    told = losses.report(lost * 3, won, 1, examples=2)
    assert f"| {losses.PARTS} | 3 | 3 |" in told
    assert told.count("said “请您稍等1下”, heard “请您稍等天下”") == 2
