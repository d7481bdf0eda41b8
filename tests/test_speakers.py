"""Mono: each word finds its voice, windows are linked, seams are mended."""
from itertools import pairwise

import numpy as np
import pytest

from models.diariser import Diarisation
from models.diariser import Span as Spoken
from pipeline.speakers import WINDOW, Window, assign, linked, smoothed, windows
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
