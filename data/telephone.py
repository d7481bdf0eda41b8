"""What a telephone line does to speech, and the sounds of an exchange: all at 8 kHz, float32 in [-1, 1], seeded.

Every function takes and returns samples of one channel (n,); `rng` is a numpy Generator, so that a call comes out the same
each time. Levels are dBFS (0 is full scale), ratios dB.
"""
from __future__ import annotations

from math import gcd

import numpy as np
from scipy import signal

RATE = 8_000
BAND = (300.0, 3400.0)   # Hz: what the telephone network carries (ITU-T G.712)
DIAL_TONE = 450.0        # Hz: all call-progress tones in China are 450 Hz; ring-back is 1 s on, 4 s off (GB 3380)
FRAME = 0.020            # seconds in one packet of a voice-over-IP trunk


def narrow(samples: np.ndarray, rate: int) -> np.ndarray:
    """Speech at `rate` Hz to the telephone band at 8 kHz."""
    factor = gcd(rate, RATE)
    sections = signal.butter(6, BAND, "bandpass", fs=rate, output="sos")
    return signal.resample_poly(signal.sosfilt(sections, samples), RATE // factor, rate // factor).astype(np.float32)


def active_level(samples: np.ndarray) -> float:
    """Level of the sounding part in dBFS: frames of 20 ms within 25 dB of the loudest one (so that pauses do not count)."""
    frame = int(FRAME * RATE)
    power = np.mean(samples[: len(samples) // frame * frame].reshape(-1, frame) ** 2, axis=1)
    return float(10 * np.log10(np.mean(power[power > power.max() * 10 ** -2.5]) + 1e-12))


def at_level(samples: np.ndarray, level: float) -> np.ndarray:
    """The same sound with an active level of `level` dBFS; what would be louder than full scale is clipped."""
    gain = 10 ** ((level - active_level(samples)) / 20)
    return np.clip(samples * gain, -0.98, 0.98).astype(np.float32)


def mu_law(samples: np.ndarray) -> np.ndarray:
    """What is left after G.711 mu-law: 8 bits a sample, as the continuous law with 255 steps."""
    squeezed = np.sign(samples) * np.log1p(255 * np.abs(samples)) / np.log(256)
    steps = np.round(squeezed * 127) / 127
    return (np.sign(steps) * np.expm1(np.abs(steps) * np.log(256)) / 255).astype(np.float32)


def a_law(samples: np.ndarray) -> np.ndarray:
    """What is left after G.711 A-law, the one used in China: A = 87.6."""
    a, scale = 87.6, 1 + np.log(87.6)
    size = np.abs(samples)
    squeezed = np.where(size < 1 / a, a * size, 1 + np.log(np.maximum(a * size, 1e-9))) / scale
    steps = np.round(squeezed * 127) / 127
    grown = np.where(steps < 1 / scale, steps * scale / a, np.exp(steps * scale - 1) / a)
    return (np.sign(samples) * grown).astype(np.float32)


def line_noise(count: int, level: float, rng: np.random.Generator) -> np.ndarray:
    """`count` samples of line noise at `level` dBFS: half hiss, half a rumble falling with frequency, in the band."""
    hiss = rng.standard_normal(count)
    rumble = np.asarray(signal.lfilter([1.0], [1.0, -0.95], rng.standard_normal(count)))
    mixed = hiss / hiss.std() + rumble / rumble.std()
    mixed = np.asarray(signal.sosfilt(signal.butter(4, BAND, "bandpass", fs=RATE, output="sos"), mixed))
    return (mixed / mixed.std() * 10 ** (level / 20)).astype(np.float32)


def crosstalk(channel: np.ndarray, other: np.ndarray, ratio: float, delay: float = 0.004) -> np.ndarray:
    """`channel` with the other side leaking in `ratio` dB lower, `delay` seconds late, dulled as leaks are."""
    dulled = signal.sosfilt(signal.butter(2, 2000, "lowpass", fs=RATE, output="sos"), other)
    shift = int(delay * RATE)
    late = np.concatenate([np.zeros(shift), dulled])[: len(channel)]
    return (channel + late * 10 ** (-ratio / 20)).astype(np.float32)


def packet_loss(samples: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """A `share` of the 20 ms packets lost, mostly in pairs; the first lost packet repeats the one before, then silence."""
    frame, result = int(FRAME * RATE), samples.copy()
    lost_before = False
    for start in range(frame, len(samples) - frame, frame):
        lost = rng.random() < (0.4 if lost_before else share * 0.6)
        if lost:
            result[start:start + frame] = 0 if lost_before else result[start - frame:start] * 0.7
        lost_before = lost
    return result


def hold_music(seconds: float, level: float, rng: np.random.Generator) -> np.ndarray:
    """A plain melody over four chords, made up note by note from `rng`: nobody's music. Mono, `level` dBFS."""
    beat = 0.42
    chords = np.array([[0, 4, 7], [-3, 0, 4], [-7, -3, 0], [-5, -1, 2]])   # C, Am, F, G in semitones from middle C
    sound = np.zeros(int((seconds + 2) * RATE))
    for index in range(int(seconds / beat) + 1):
        chord = chords[index // 4 % 4]
        if index % 4 == 0:
            for note in chord:
                _strike(sound, index * beat, note, beat * 4, 0.25)
        if rng.random() < 0.85:
            _strike(sound, index * beat, int(rng.choice(chord)) + 12, beat * 1.5, 0.5)
    sound = sound[: int(seconds * RATE)]
    fade = np.minimum(1, np.minimum(np.arange(len(sound)), np.arange(len(sound))[::-1]) / (0.3 * RATE))
    return at_level(sound * fade, level)


def _strike(sound: np.ndarray, at: float, semitones: int, seconds: float, loudness: float) -> None:
    start = int(at * RATE)
    time = np.arange(min(int(seconds * RATE), len(sound) - start)) / RATE
    pitch = 261.63 * 2 ** (semitones / 12)
    tone = sum(np.sin(2 * np.pi * pitch * part * time) / part ** 2 for part in (1, 2, 3))
    sound[start:start + len(time)] += loudness * tone * np.exp(-2.5 * time / seconds) * np.minimum(1, time / 0.01)


def tone(seconds: float, level: float, pitch: float = DIAL_TONE) -> np.ndarray:
    """A beep: a sine of `pitch` Hz with soft ends."""
    time = np.arange(int(seconds * RATE)) / RATE
    soft = np.minimum(1, np.minimum(time, time[::-1]) / 0.01)
    return (np.sqrt(2) * 10 ** (level / 20) * np.sin(2 * np.pi * pitch * time) * soft).astype(np.float32)


def ring_back(seconds: float, level: float) -> np.ndarray:
    """What the caller hears until somebody answers: 1 s of tone, 4 s of quiet, over and over."""
    sound = np.zeros(int(seconds * RATE), np.float32)
    for start in range(0, len(sound), 5 * RATE):
        beep = tone(1.0, level)[: len(sound) - start]
        sound[start:start + len(beep)] = beep
    return sound
