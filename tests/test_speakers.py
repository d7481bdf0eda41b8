"""Mono: each word finds its voice, windows are linked, seams are mended."""
from itertools import pairwise

import numpy as np
import pytest

from models.diariser import Diarisation, Print
from models.diariser import Span as Spoken
from pipeline.speakers import WINDOW, Window, assign, attribute, heard, linked, phrases, smoothed, windows
from records import Word

HERS, HIS = np.array([1.0, 0.1]), np.array([0.1, 1.0])


def found(*spans, centroids=None):
    return Diarisation([Spoken(*span) for span in spans], centroids or {0: HERS, 1: HIS})


def words(*timed):
    return [Word(text=text, start=start, end=end) for text, start, end in timed]


@pytest.mark.parametrize("duration", [0.5, 300, WINDOW, WINDOW + 1, 4 * 3600])
def test_windows_cover_the_recording_and_none_is_too_long(duration):
    made = windows(duration)
    assert made[0].start == 0 and made[-1].end == pytest.approx(duration)
    assert all(one.end == other.start for one, other in pairwise(made))
    assert max(each.end - each.start for each in made) <= WINDOW


def test_words_go_to_the_voice_they_overlap_most():
    heard = found((0, 1, 0), (1, 1.9, 1), (1.9, 3, 0))
    said = assign(words(("您好", 0.1, 0.5), ("喂", 1.1, 1.4), ("请讲", 2.0, 2.6)), [Window(0, heard)])
    assert {voice: "".join(word.text for word in each) for voice, each in said.items()} == {0: "您好请讲", 1: "喂"}


def test_a_backchannel_inside_the_others_stretch_is_the_others():
    said = assign(words(("嗯", 2.0, 2.3)), [Window(0, found((0, 5, 0), (1.95, 2.35, 1)))])
    assert [word.text for word in said[1]] == ["嗯"]


def test_a_voice_is_known_again_in_the_next_window():
    first = Window(0, found((0, 5, 0), (5, 9, 1)))
    second = Window(10, found((0, 4, 0), (4, 9, 1), centroids={0: HIS, 1: HERS}))
    assert [(each.start, each.voice) for each in linked([second, first])] == [(0, 0), (5, 1), (10, 1), (14, 0)]


def test_without_any_voice_all_words_stay_together():
    assert [word.text for word in assign(words(("喂", 0, 1)), [Window(0, found(centroids={}))])[0]] == ["喂"]


def test_a_short_island_in_a_fluent_phrase_is_a_seam_and_is_mended():
    phrase = words(("我", 0, 0.2), ("帮", 0.2, 0.4), ("您", 0.4, 0.6), ("查", 0.6, 0.8))
    assert smoothed(phrase, [0, 0, 1, 0]) == [0, 0, 0, 0]
    answered = words(("好吗", 0, 0.4), ("嗯", 0.4, 0.6), ("那我", 0.6, 1.0))
    assert smoothed(answered, [0, 1, 0]) == [0, 1, 0]


def test_a_change_of_speaker_moves_to_the_pause_beside_it():
    said = words(("几", 0, 0.2), ("点？", 0.2, 0.4), ("四", 0.9, 1.1), ("点", 1.1, 1.3))
    assert smoothed(said, [0, 1, 1, 1]) == [0, 0, 1, 1]


CALL = (("agent", "您好嘟嘟驿站客服中心请问有什么可以帮您"), ("customer", "你好我家宽带从昨天开始就上不去网了"),
        ("agent", "好的先生请问您家宽带的账号是多少"), ("customer", "我不知道账号你帮我查一下"), ("agent", "好的请您稍等我帮您查一下"),
        ("customer", "行"), ("agent", "感谢您的耐心等待这边已经为您登记了维修人员会跟您联系"), ("customer", "那要等多久啊你们快一点"),
        ("agent", "二十四小时之内请问还有什么可以帮您"), ("customer", "没有了谢谢"), ("agent", "感谢您的来电祝您生活愉快再见"))


def spoken(call, *, pause=0.4, likeness=0.0, third=None, seed=3):
    """Words of a call, five a second, and a window whose prints are as alike between the speakers as `likeness` (0 to 1) says;
    from the turn `third` on another voice speaks on the agent's side."""
    rng = np.random.default_rng(seed)
    voices = {name: rng.standard_normal(64) for name in ("agent", "customer", "colleague")}
    voices = {name: (1 - likeness) * voice / np.linalg.norm(voice) + likeness * 0.125 for name, voice in voices.items()}
    said, truth, prints, spans, at = [], [], [], [], 0.0
    for number, (speaker, text) in enumerate(call):
        voice = "colleague" if speaker == "agent" and third is not None and number >= third else speaker
        begin = at
        for letter in text:
            said.append(Word(text=letter, start=round(at, 2), end=round(at + 0.2, 2)))
            truth.append(speaker)
            at += 0.2
        steps = [begin, *np.arange(begin + 1.5, at - 0.8, 1.5), at]
        prints += [Print(float(one), float(other), number, voices[voice] + 0.05 * rng.standard_normal(64))
                   for one, other in pairwise(steps)]
        spans.append(Spoken(begin, at, int(speaker == "customer")))
        at += pause
    centroids = {index: voices[name] for index, name in enumerate(("agent", "customer"))}
    return said, truth, Window(0, Diarisation(spans, centroids, tuple(prints)))


def wrong(voices, truth, said):
    mine = {id(word) for word in voices[0]}
    return float(np.mean([(id(word) in mine) != (speaker == "agent") for word, speaker in zip(said, truth, strict=True)]))


@pytest.mark.parametrize(("likeness", "most"), [(0.0, 0.0), (0.8, 0.05), (1.0, 0.2)])
def test_alike_voices_are_told_apart_by_what_they_say(likeness, most):
    said, truth, window = spoken(CALL, likeness=likeness)
    assert wrong(attribute(said, [window]), truth, said) <= most


def test_a_diariser_that_confuses_the_voices_is_put_right():
    """As with an announcement in a third voice: the diariser's two groups are not the two speakers."""
    said, truth, window = spoken(CALL)
    confused = window.found._replace(spans=[span._replace(speaker=int(index < 2)) for index, span in enumerate(window.found.spans)])
    assert wrong(attribute(said, [Window(0, confused)]), truth, said) <= 0.05


@pytest.mark.parametrize("third", [4, 6, 8])
def test_a_colleague_who_takes_over_is_on_the_agents_side(third):
    said, truth, window = spoken(CALL, third=third)
    assert wrong(attribute(said, [window]), truth, said) <= 0.05


def test_a_fluent_exchange_without_pauses_is_cut_by_voice_and_wording():
    said, truth, window = spoken(CALL, pause=0.0)
    assert wrong(attribute(said, [window]), truth, said) <= 0.05


def test_without_any_voiceprint_the_words_decide():
    said, truth, _ = spoken(CALL)
    assert wrong(attribute(said, [Window(0, found(centroids={}))]), truth, said) <= 0.2
    assert attribute([], []) == {0: [], 1: []} and heard({0: [], 1: []}, []) == {0: [], 1: []}


def test_one_voice_that_speaks_alone_stays_one():
    lines = [("agent", text) for speaker, text in CALL if speaker == "agent"]
    said, _, window = spoken(lines)
    voices = attribute(said, [window._replace(found=window.found._replace(centroids={0: HERS}))])
    assert len(voices[1]) <= 0.1 * len(said)


def test_phrases_end_at_pauses_marks_and_changes_of_voice_and_where_clauses_do():
    said = words(("您好，", 0, 0.4), ("请问", 0.4, 0.8), ("您", 0.8, 1.0), ("喂", 1.5, 1.7), ("好", 1.7, 1.9))
    assert phrases(said) == [(0, 1), (1, 3), (3, 5)]
    assert phrases(said, voices=[0, 0, 0, 0, 1]) == [(0, 1), (1, 3), (3, 4), (4, 5)]
    assert phrases(said, [Print(0, 1.6, 0, HERS), Print(1.75, 2, 1, HIS)])[-1] == (4, 5)
    fluent = [Word(text=letter, start=at * 0.2, end=(at + 1) * 0.2) for at, letter in enumerate("请问还有什么可以帮您没有了谢谢")]
    assert (0, 10) in phrases(fluent)


def test_both_voices_are_heard_where_the_diariser_hears_two_at_once():
    overlap = Window(0, found((0, 3, 0), (2, 4, 1)))
    voices = {0: words(("您好", 0, 2.8)), 1: words(("喂", 3.0, 3.9))}
    assert heard(voices, [overlap]) == {0: [(0, 2.8), (2, 3)], 1: [(2, 3), (3.0, 3.9)]}
