"""Two speakers on two channels, or one mix twice; and what has only leaked from one channel into the other."""

import functools
import io

import av
import numpy as np
import pytest
from scipy import signal

from pipeline.channels import layout
from pipeline.crosstalk import Crosstalk
from pipeline.decode import RATE, Audio
from records import Word

TURN = 3.0  # seconds a turn


@functools.cache
def voice(pitch: float, seconds: float, seed: int) -> np.ndarray:
    """A voice's likeness: harmonics of a moving pitch through moving formants, in syllables with pauses."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    moves = np.arange(0, seconds + 1, 0.2)
    f0 = pitch * (1 + 0.15 * np.interp(t, moves, rng.standard_normal(moves.size)))
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    marks = np.arange(0, seconds + 1, 0.12)
    formant = np.interp(t, marks, rng.uniform(400, 2400, marks.size))
    sound = sum(np.sin(k * phase) * np.exp(-(((k * f0 - formant) / 600) ** 2)) for k in range(1, 16))
    syllables = np.interp(t, marks, rng.choice([0.02, 0.3, 1.0], marks.size, p=[0.25, 0.25, 0.5]))
    return 0.2 * sound * syllables


def dialogue(turns: int = 12, overlap: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Agent and customer by turns; with `overlap` both speak in every third turn."""
    agent, customer = voice(210, turns * TURN, 1), voice(120, turns * TURN, 2)
    turn = (np.arange(agent.size) / RATE // TURN).astype(int)
    both = (turn % 3 == 2) & overlap
    return agent * ((turn % 2 == 0) | both), customer * ((turn % 2 == 1) | both)


def noisy(sound: np.ndarray, level: float = -60.0, seed: int = 3) -> np.ndarray:
    return sound + 10 ** (level / 20) * np.random.default_rng(seed).standard_normal(sound.size)


def late(sound: np.ndarray, seconds: float) -> np.ndarray:
    return np.roll(sound, round(seconds * RATE))


def encoded(sound: np.ndarray, codec: str, bit_rate: int, container: str) -> np.ndarray:
    """Through a lossy codec at 8 kHz and back."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        stream = out.add_stream(codec, rate=8000, layout="mono")
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(sound[None].astype("f4"), format="fltp", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.format, stream.layout, 8000, frame_size=stream.codec_context.frame_size or 160)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as container_in:
        back = av.AudioResampler("fltp", "mono", RATE)
        frames = [piece for frame in container_in.decode(audio=0) for piece in back.resample(frame)] + back.resample(None)
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return np.pad(samples, (0, max(0, sound.size - samples.size)))[: sound.size]


def judged(left: np.ndarray, right: np.ndarray):
    with Audio.from_samples(np.stack([left, right])) as audio:
        return layout(audio)


MIX = np.add(*dialogue())
COPIES = {
    "identical": lambda x: (x, x),
    "quieter by 12 dB": lambda x: (noisy(x, -70, 5), noisy(0.25 * x, -70)),
    "quieter by 20 dB with noise of its own": lambda x: (noisy(x, -60, 5), noisy(0.1 * x, -60)),
    "50 ms later": lambda x: (noisy(x, -60, 5), noisy(late(x, 0.05), -60)),
    "50 ms earlier and quieter": lambda x: (noisy(x, -60, 5), noisy(0.5 * late(x, -0.05), -60)),
    "upside down": lambda x: (noisy(x, -60, 5), noisy(-x, -60)),
    "noise of its own at -40 dBFS": lambda x: (noisy(x, -40, 5), noisy(x, -40)),
    "through AMR": lambda x: (x, encoded(x, "libopencore_amrnb", 12200, "amr")),
    "through MP3": lambda x: (x, encoded(x, "libmp3lame", 16000, "mp3")),
}


@pytest.mark.parametrize("copy", COPIES)
def test_the_same_sound_on_both_channels_is_mono(copy):
    found = judged(*COPIES[copy](MIX))
    assert found.kind == "mono", found.reason


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("bleed", [None, -25, -15, -10])
def test_two_speakers_with_bleed_stay_stereo(bleed, overlap):
    agent, customer = dialogue(overlap=overlap)
    gain = 0 if bleed is None else 10 ** (bleed / 20)
    found = judged(noisy(agent + gain * customer, -65, 5), noisy(customer + gain * agent, -65))
    assert found.kind == "stereo", found.reason


@pytest.mark.parametrize("pieces, kind", [(1, "stereo"), (0, "mono")])
def test_a_customer_who_says_one_word_is_still_a_speaker(pieces, kind):
    agent = voice(210, 60, 1)
    word = np.zeros_like(agent)
    word[20 * RATE : 20 * RATE + 12000] = pieces * voice(120, 2, 2)[:12000]
    assert judged(noisy(agent, -65, 5), noisy(word, -75)).kind == kind


@pytest.mark.parametrize("other", ["digital silence", "noise at -65 dBFS", "noise at -40 dBFS", "constant offset"])
@pytest.mark.parametrize("live", [0, 1])
def test_a_channel_without_a_voice_is_left_aside(other, live):
    dead = {
        "digital silence": np.zeros_like(MIX),
        "noise at -65 dBFS": noisy(0 * MIX, -65),
        "noise at -40 dBFS": noisy(0 * MIX, -40),
        "constant offset": np.full_like(MIX, 0.05),
    }[other]
    found = judged(*((MIX, dead) if live == 0 else (dead, MIX)))
    assert (found.kind, found.channel) == ("mono", live), found.reason


def test_a_recording_of_one_channel_is_mono_and_silence_is_no_stereo():
    with Audio.from_samples(MIX) as audio:
        assert layout(audio).kind == "mono"
    assert judged(0 * MIX, 0 * MIX).kind == "mono"


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.2])
@pytest.mark.parametrize("level", [-25, -15, -10])
def test_bleed_is_measured_and_gated_and_own_speech_is_kept(level, delay):
    agent, customer = dialogue(overlap=True)
    leaked = 10 ** (level / 20)
    found = judged(noisy(agent, -65, 5), noisy(customer + leaked * late(agent, delay), -65))
    assert found.bleed is not None and found.bleed.gain[1] is not None
    assert found.bleed.gain[1] == pytest.approx(level, abs=3)
    assert found.bleed.gain[0] is None
    for turn in range(12):
        start, end = turn * TURN + 0.3 + delay, (turn + 1) * TURN - 0.3
        own = turn % 2 == 1 or turn % 3 == 2
        assert found.bleed.is_bleed(start, end, 1) is not own, (turn, own)
        assert not found.bleed.is_bleed(start, end, 0)


def test_without_bleed_nothing_is_gated():
    agent, customer = dialogue()
    found = judged(noisy(agent, -65, 5), noisy(customer, -65))
    assert found.bleed is not None and found.bleed.gain == (None, None)
    assert not any(found.bleed.is_bleed(turn * TURN, (turn + 1) * TURN, channel) for turn in range(12) for channel in (0, 1))


def phrase(start: float, end: float, text: str = "好的") -> list[Word]:
    step = (end - start) / len(text)
    return [Word(text=letter, start=start + at * step, end=start + (at + 1) * step) for at, letter in enumerate(text)]


def dulled(sound: np.ndarray) -> np.ndarray:
    return signal.sosfilt(signal.butter(2, 2000, "lowpass", fs=RATE, output="sos"), sound)


@pytest.mark.parametrize("delay", [0.0, 0.004, 0.2])
@pytest.mark.parametrize("own", [-4.0, -2.0, 1.0, 3.5])
def test_a_faint_speaker_under_the_leak_is_kept_and_the_leak_is_not(delay, own):
    """`own` is by how many dB the customer lies over the leak."""
    agent, customer = dialogue()
    gain = 10 ** (-15 / 20)
    leak = gain * late(dulled(agent), delay)
    size = np.sqrt(np.mean(leak ** 2) / np.mean(customer ** 2)) * 10 ** (own / 20)
    turn = np.arange(customer.size) / RATE // TURN
    spoken = customer * np.where(turn == 5, 1.0, size)      # one turn is loud, so that there are two speakers
    answer = voice(120, 12 * TURN, 2) * size * (turn == 2) * (np.arange(customer.size) / RATE % TURN > 1)   # over the agent
    with Audio.from_samples(np.stack([noisy(agent, -65, 5), noisy(spoken + answer + leak, -65)])) as audio:
        found = layout(audio)
        assert found.bleed is not None and found.bleed.gain[1] is not None
        leaks = Crosstalk(audio, found.bleed, {})
        assert leaks.leaked(phrase(0.5 + delay, 2.5), 1) and leaks.leaked(phrase(12.5 + delay, 14.5), 1)
        assert found.bleed.is_bleed(7.2, 8.8, 1) or own > -4, "the level alone takes it for a leak"
        assert not leaks.leaked(phrase(7.2, 8.8), 1), "the customer speaks over the agent"
        assert not leaks.leaked(phrase(9.3, 11.5), 1) and not leaks.leaked(phrase(0.5, 2.5), 0)


def test_the_same_words_at_the_same_time_on_the_weaker_channel_are_an_echo_whatever_became_of_the_waveform():
    agent, customer = dialogue()
    garbled = 0.6 * voice(140, agent.size / RATE, 9) * (np.abs(agent) > 0)
    said = "请问您还有什么可以帮您"
    with Audio.from_samples(np.stack([noisy(agent, -65, 5), noisy(customer + 0.5 * garbled, -65)])) as audio:
        found = layout(audio)
        assert found.bleed is not None
        leaks = Crosstalk(audio, found.bleed, {0: phrase(0.3, 2.7, said)})
        assert "same words" in leaks.leaked(phrase(0.5, 2.9, said), 1)
        assert not leaks.leaked(phrase(0.5, 2.9, "我想问一下我的快递到了没有"), 1)
        assert not leaks.leaked(phrase(0.3, 2.7, said), 0), "the louder channel is the original"
