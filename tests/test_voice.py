"""How a turn was said: pitch of known sounds, spans of known times. The sample calls, really heard: test_end_to_end.py."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from models.voice_activity import STEP, Activity, Span
from pipeline import pitch, voice
from pipeline.decode import Audio
from records import Speaker, Turn, Word

RATE = 16000
SAMPLE = Path(__file__).parent.parent / "data" / "sample"


def spoken(hertz: np.ndarray | float, seconds: float, snr: float = 25.0) -> np.ndarray:
    """A buzz of harmonics through two formants and a telephone's band: the fundamental below 300 Hz is gone."""
    count = int(seconds * RATE)
    height = np.interp(np.arange(count), np.linspace(0, count, np.size(hertz)), np.atleast_1d(hertz))
    phase = 2 * np.pi * np.cumsum(height) / RATE
    tones = [np.cos(k * phase + k * k) / (1 + np.abs(k * height - 600) / 400) * (k * height < 3600) for k in range(1, 45)]
    heard = np.asarray(sosfilt(butter(4, (300, 3400), "band", fs=RATE, output="sos"), np.sum(tones, axis=0)))
    heard = 0.1 * heard / np.sqrt(np.mean(np.square(heard)))
    return (heard + np.random.default_rng(1).normal(0, 0.1 * 10 ** (-snr / 20), count)).astype(np.float32)


def heights(sound: np.ndarray) -> np.ndarray:
    """Semitones of every voiced frame."""
    found = pitch.track(Audio.from_samples(sound), 0, [Span(0, len(sound) / RATE)])
    steps = found.of(np.ones(len(found.time), bool))
    return steps[~np.isnan(steps)]


# --- pitch ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("snr", [30.0, 10.0])
@pytest.mark.parametrize("hertz", [80.0, 110.0, 150.0, 220.0, 300.0, 400.0])
def test_the_pitch_of_a_voice_is_found_without_its_fundamental(hertz: float, snr: float) -> None:
    found = heights(spoken(hertz, 2.0, snr))
    assert len(found) > 80
    assert np.abs(found - 12 * np.log2(hertz)).max() < 0.2


@pytest.mark.parametrize(("low", "octaves"), [(90.0, 0.5), (110.0, 1.0), (180.0, 0.5), (180.0, 1.0), (220.0, 0.75)])
def test_a_glide_spreads_as_far_as_it_goes(low: float, octaves: float) -> None:
    found = heights(spoken(low * 2 ** np.linspace(0, octaves, 200), 3.0))
    assert found.std() == pytest.approx(12 * octaves / np.sqrt(12), rel=0.05)


@pytest.mark.parametrize("sound", [
    np.zeros(RATE, np.float32), np.random.default_rng(2).normal(0, 0.1, 4 * RATE).astype(np.float32), np.zeros(10, np.float32),
])
def test_silence_noise_and_next_to_nothing_have_no_pitch(sound: np.ndarray) -> None:
    assert len(heights(sound)) == 0


def test_frames_are_the_same_in_one_stretch_and_in_many(monkeypatch: pytest.MonkeyPatch) -> None:
    audio = Audio.from_samples(spoken(150 * 2 ** np.sin(np.linspace(0, 30, 500)), 4.0))
    whole = pitch.track(audio, 0, [Span(0, 4)])
    monkeypatch.setattr(pitch, "BLOCK", 0.5)
    pieces = pitch.track(audio, 0, [Span(0, 4)])
    assert len(set(np.round(pieces.time / pitch.HOP).astype(int))) == pytest.approx(len(whole.time), abs=10)
    every = np.ones(len(whole.time), bool), np.ones(len(pieces.time), bool)
    assert np.nanstd(pieces.of(every[1])) == pytest.approx(np.nanstd(whole.of(every[0])), rel=0.03)


def test_an_octave_error_is_put_right_by_the_speakers_usual_pitch() -> None:
    count = 20
    hertz = np.tile(np.asarray([120.0, 240.0, 0.0, 0.0], np.float32), (count, 1))
    strength = np.tile(np.asarray([0.9, 0.85, 0.0, 0.0], np.float32), (count, 1))
    hertz[::7, :2], strength[::7, :2] = np.asarray([240.0, 120.0]), np.asarray([0.92, 0.9])
    found = pitch.Pitch(np.arange(count, dtype=np.float32) * pitch.HOP, hertz, strength, np.zeros(count, np.float32))
    assert np.nanmax(np.abs(found.of(np.ones(count, bool)) - 12 * np.log2(120))) < 0.01


# --- times ---------------------------------------------------------------------------------------------------------------

def said(who: Speaker, *spans: tuple[float, float], text: str | None = None, channel: int = 0) -> Turn:
    """A turn with a word of five characters a second in each span."""
    words = tuple(Word(text="字" * max(1, round(5 * (end - start))), start=start, end=end) for start, end in spans)
    return Turn(speaker=who, text=text or "".join(word.text for word in words) + "。", start=spans[0][0], end=spans[-1][1],
                words=words, channel=channel)


@pytest.mark.parametrize(("own", "other", "both", "cut_in"), [
    ([(5, 8)], [(0, 4)], 0.0, 0.0),                         # after the other
    ([(3, 6)], [(0, 4)], 1.0, 1.0),                         # over the other's end, who gives way
    ([(3.6, 6)], [(0, 4)], 0.4, 0.4),                       # too short for an interruption, measured all the same
    ([(1, 2)], [(0, 4)], 1.0, 1.0),                         # inside: the other goes on
    ([(0, 6)], [(2, 3)], 1.0, 0.0),                         # the other cuts in
    ([(4.2, 6)], [(0, 4), (5, 8)], 1.0, 0.0),               # begins in the other's pause
    ([(4.1, 6)], [(0, 4), (4.2, 8)], 1.9, 1.9),             # a pause that is only a breath
    ([(3, 3.4), (6, 7)], [(0, 4), (6.5, 9)], 0.9, 0.4),     # cut in, gave way, later talked over
])
def test_who_began_over_whom_and_for_how_long_both_spoke(own: list[tuple[float, float]], other: list[tuple[float, float]],
                                                          both: float, cut_in: float) -> None:
    turns = sorted([said("agent", *own), said("customer", *other, channel=1)], key=lambda turn: turn.start or 0.0)
    agent = next(turn for turn in voice.measure(turns, {}) if turn.speaker == "agent")
    assert (agent.overlap, agent.interruption) == pytest.approx((both, cut_in))


@pytest.mark.parametrize(("spans", "seconds", "rate"), [
    ([(0, 2)], 2.0, 300.0), ([(0, 2), (2.2, 4.2)], 4.2, 20 / 4.2 * 60), ([(0, 2), (2.6, 4.6)], 4.0, 300.0),
    ([(0, 2), (30, 32)], 4.0, 300.0), ([(0, 0.9)], 0.9, None),
])
def test_the_rate_leaves_pauses_out_and_breaths_in(spans: list[tuple[float, float]], seconds: float, rate: float | None) -> None:
    turn, = voice.measure([said("agent", *spans)], {})
    assert turn.speech == pytest.approx(seconds)
    assert turn.rate == (None if rate is None else pytest.approx(rate, abs=0.1))


@pytest.mark.parametrize(("before", "turn", "latency"), [
    (said("customer", (0, 3)), said("agent", (4, 5)), 1.0), (said("customer", (0, 3)), said("agent", (2, 5)), -1.0),
    (said("agent", (0, 3)), said("agent", (4, 5)), None), (said("ivr", (0, 3)), said("agent", (4, 5)), None),
    (said("customer", (0, 1), (4, 5)), said("agent", (2, 3)), 0.0),
])
def test_the_answering_time_is_from_the_others_end(before: Turn, turn: Turn, latency: float | None) -> None:
    assert voice.measure([before, turn], {})[1].latency == latency


def activity(seconds: float, level: float, *voiced: tuple[float, float]) -> Activity:
    probability = np.zeros(round(seconds / STEP), np.float32)
    for start, end in voiced:
        probability[round(start / STEP):round(end / STEP)] = 0.9
    return Activity(probability, np.where(probability > 0, level, -70).astype(np.float32))


NO_PITCH = pitch.track(Audio.from_samples(np.zeros(RATE)), 0, [])


@pytest.mark.parametrize(("voiced", "silence"), [
    ([(0, 2), (20, 22)], 18.0),                             # nobody
    ([(0, 2), (9, 11), (20, 22)], 9.0),                     # a voice that nobody could make out
    ([(0, 2), (2.2, 19.9), (20, 22)], 0.0),                 # no pause longer than a breath
])
def test_silence_is_where_no_voice_is_heard_understood_or_not(voiced: list[tuple[float, float]], silence: float) -> None:
    sound = voice.Sound(activity(24, -20, *voiced), NO_PITCH)
    turns = voice.measure([said("customer", (0, 2)), said("agent", (20, 22))], {0: sound})
    assert turns[1].silence == pytest.approx(silence, abs=2 * STEP)


# --- level, and two speakers in one channel -------------------------------------------------------------------------------

def test_the_level_of_a_turn_ignores_pauses_clicks_and_the_first_moments_of_an_automatic_gain() -> None:
    heard = activity(10, -22, (1, 9))
    heard.level[round(1 / STEP):round(1.8 / STEP)] = -10            # the gain opened in the silence before
    heard.level[round(5 / STEP)] = 0                                # a click
    assert voice.level(heard, [Span(0, 10)]) == -22
    assert voice.level(activity(10, -22), [Span(0, 10)]) == -70     # no voice there: all of it


def test_in_mono_level_and_pitch_are_taken_where_nobody_else_speaks() -> None:
    low, high = spoken(120.0, 4.0), 3 * spoken(240.0, 4.0)
    mix = np.concatenate([low, high])
    mix[2 * RATE:4 * RATE] += high[:2 * RATE]
    heard = activity(8, -20, (0, 8))
    heard.level[round(2 / STEP):] = -10
    sound = voice.Sound(heard, pitch.track(Audio.from_samples(mix), 0, [Span(0, 8)]))
    spans: dict[Speaker, list[Span]] = {"agent": [Span(0, 4)], "customer": [Span(2, 8)]}
    agent, customer = voice.measure([said("agent", (0, 4)), said("customer", (4, 8))], {0: sound}, spans)
    assert (agent.loudness, customer.loudness) == (-20.0, -10.0)
    assert agent.pitch == pytest.approx(120, rel=0.01) and customer.pitch == pytest.approx(240, rel=0.01)
    assert agent.pitch_spread is not None and agent.pitch_spread < 0.3
    assert agent.overlap == pytest.approx(2.0)


def test_a_call_without_turns_or_sound_has_nothing_to_measure() -> None:
    assert voice.measure([], {}) == ()
    turn, = voice.measure([Turn(speaker="agent", text="您好")], {})
    assert (turn.rate, turn.loudness, turn.pitch, turn.latency) == (None, None, None, None)
