"""A tone over personal data: where it lies, what it leaves, and that nobody hears the rest of a number around it."""
from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.decode import Audio
from pipeline.masking.sound import FADE, PADDING, SHARE_PADDING, TONE, Stretch, masked_blocks, stretches, tone_over
from records import Transcript, Turn, Word
from review.sound import hidden_in, write_sound

RATE = 16000


def said(text: str, words: bool = True, start: float | None = 1.0, **told: object) -> Transcript:
    """A customer's turn in which every character is a word of a quarter of a second."""
    spoken = tuple(Word(text=one, start=1 + at / 4, end=1 + (at + 1) / 4) for at, one in enumerate(text)) if words else ()
    turns = (Turn(speaker="agent", text="请讲", start=0.0, end=0.5, channel=0),
             Turn(speaker="customer", text=text, start=start, end=1 + len(text) / 4 if start is not None else None, channel=1, words=spoken),
             Turn(speaker="agent", text="好的", start=8.0, end=9.0, channel=0))
    return Transcript.model_validate({"call_id": "a", "turns": turns, "duration": 10.0, **told})


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def test_a_tone_covers_the_words_that_say_a_number_and_a_little_more() -> None:
    [one] = stretches(said("手机13900001234对吗"))
    assert one == Stretch(pytest.approx(1.5 - PADDING), pytest.approx(4.25 + PADDING), 1, "mobile", True)


def test_without_word_times_the_share_of_the_characters_tells_and_is_marked_as_a_guess() -> None:
    [one] = stretches(said("打13900001234", words=False))
    assert not one.sure and one.start == pytest.approx(1 - PADDING) and one.end == pytest.approx(4 + PADDING)
    [late] = stretches(said("我的这个手机号码是打13900001234", words=False))
    assert late.start == pytest.approx(1 + 10 / 4 - SHARE_PADDING) and not late.sure


def test_words_that_leave_out_a_part_of_the_number_are_not_trusted() -> None:
    whole = said("打13900001234")
    lame = whole.turns[1].model_copy(update={"words": whole.turns[1].words[:4]})
    assert not stretches(whole.model_copy(update={"turns": (whole.turns[0], lame, whole.turns[2])}))[0].sure


def test_a_turn_without_times_hides_all_between_its_neighbours() -> None:
    [one] = stretches(said("打13900001234", words=False, start=None))
    assert (one.start, one.end, one.sure) == (0.5, 8.0, False)


def test_pieces_over_several_turns_are_all_covered() -> None:
    turns = [("agent", "您的卡号是多少"), ("customer", "六二二八四八零零"), ("agent", "嗯"), ("customer", "三零零零零幺二三四幺幺")]
    call = Transcript.model_validate({"call_id": "a", "turns": [
        {"speaker": who, "text": text, "start": 10 * at, "end": 10 * at + 8} for at, (who, text) in enumerate(turns)]})
    assert [round(one.start / 10) for one in stretches(call)] == [1, 3]


def test_what_was_cut_before_storing_stays_silent_for_everybody() -> None:
    cut = said("安全码***，手机13900001234")
    assert [one.kind for one in hidden_in(cut)] == ["cvv", "mobile"] and [one.kind for one in hidden_in(cut, wanted=False)] == ["cvv"]


def test_the_agents_own_name_is_heard_and_the_customers_is_not() -> None:
    call = said("我是李娜，找王建国", agent_name="李娜", customer_name="王建国")
    assert [one.kind for one in stretches(call)] == ["person_name"]


def test_nothing_of_the_sound_is_left_under_the_tone_and_all_of_it_beside() -> None:
    sound = speech(4.0)
    out = tone_over(sound[None], RATE, [(1.0, 2.0, [0])])[0]
    inside, moments = out[RATE:2 * RATE], np.arange(RATE, 2 * RATE) / RATE
    assert np.allclose(inside, 0.1 * np.sin(2 * np.pi * TONE * moments), atol=1e-5)
    edge = round(FADE * RATE) + 2
    assert np.array_equal(out[:RATE - edge], sound[:RATE - edge]) and np.array_equal(out[2 * RATE + edge:], sound[2 * RATE + edge:])
    assert np.max(np.abs(np.diff(out))) <= np.max(np.abs(np.diff(sound))) + 0.1      # no click at the joints


def test_blocks_give_the_same_as_the_whole() -> None:
    sound, places = np.stack([speech(3.0), speech(3.0, 1)]), [(0.9, 2.1, [0, 1])]
    whole = tone_over(sound, RATE, places)
    parts = [tone_over(sound[:, at:at + 7001], RATE, places, at / RATE) for at in range(0, sound.shape[1], 7001)]
    assert np.allclose(np.concatenate(parts, axis=1), whole, atol=1e-6)


@pytest.mark.parametrize(("leak", "channel", "covered"), [
    (0.0, 1, [False, True]),        # two speakers apart: the other goes on being heard
    (0.1, 1, [True, True]),         # what leaks over at -20 dB, 3 ms later
    (0.0, None, [True, True]),      # nobody knows which channel speaks
])
def test_the_tone_lies_on_every_channel_that_carries_the_words(leak: float, channel: int | None, covered: list[bool]) -> None:
    spoken = speech(3.0)
    other = 0.02 * speech(3.0, 5) * (1 if leak else 10) + leak * np.roll(spoken, 48)
    audio = Audio.from_samples(np.stack([other, spoken]))
    out = np.concatenate(list(masked_blocks(audio, [Stretch(1.0, 2.0, channel, "mobile")])), axis=1)
    tone = 0.1 * np.sin(2 * np.pi * TONE * np.arange(RATE, 2 * RATE) / RATE)
    assert [bool(np.allclose(out[one, RATE:2 * RATE], tone, atol=1e-3)) for one in (0, 1)] == covered


def recording(file: Path, channels: int = 2) -> Path:
    with wave.open(str(file), "wb") as made:
        made.setnchannels(channels)
        made.setsampwidth(2)
        made.setframerate(RATE)
        made.writeframes((np.stack([speech(6.0, one) for one in range(channels)]).T * 32767).astype("<i2").tobytes())
    return file


def heard(file: Path) -> np.ndarray:
    with av.open(str(file)) as given:
        resampler = av.AudioResampler(format="flt", layout="stereo", rate=RATE)
        frames = [piece.to_ndarray() for frame in given.decode(audio=0) for piece in resampler.resample(frame)]
    return np.concatenate([frame.reshape(-1, 2) for frame in frames]).T


def share_of_tone(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    at = round(TONE * len(sound) / RATE)
    return float(spectrum[at - 3:at + 4].sum() / spectrum.sum())


def test_the_playable_copy_and_a_clip_carry_the_tone(tmp_path: Path) -> None:
    hidden = [Stretch(2.0, 3.0, 1, "mobile")]
    assert write_sound(recording(tmp_path / "a.wav"), tmp_path / "a.webm", hidden)
    whole = heard(tmp_path / "a.webm")
    assert whole.shape[1] / RATE == pytest.approx(6.0, abs=0.1) and (tmp_path / "a.webm").stat().st_mode & 0o077 == 0
    assert share_of_tone(whole[1, round(2.1 * RATE):round(2.9 * RATE)]) > 0.95
    assert share_of_tone(whole[1, round(3.2 * RATE):round(4 * RATE)]) < 0.05 > share_of_tone(whole[0, round(2.1 * RATE):round(2.9 * RATE)])
    assert write_sound(tmp_path / "a.wav", tmp_path / "clip.webm", hidden, start=1.5, end=3.5)
    clip = heard(tmp_path / "clip.webm")
    assert clip.shape[1] / RATE == pytest.approx(2.0, abs=0.1) and share_of_tone(clip[1, round(0.6 * RATE):round(1.4 * RATE)]) > 0.95


def test_a_recording_that_cannot_be_masked_is_not_given_out(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(recording(tmp_path / "b.wav").read_bytes()[:50_000])
    assert not write_sound(tmp_path / "a.wav", tmp_path / "a.webm", [Stretch(0.5, 1.0, 1, "mobile")])
    assert not (tmp_path / "a.webm").exists() and not list(tmp_path.glob("*.part"))
