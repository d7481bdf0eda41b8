"""Hold music and other sounds of a line on which nobody speaks, made up note by note: nobody's music, 8 kHz, seeded.

`play(style, seconds, level, rng)` for the styles of STYLES; the others are one sound each. All give float32 samples (n,).
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
import telephone
from scipy import signal
from telephone import RATE

MIDDLE_C = 261.63
PENTATONIC = (0, 2, 4, 7, 9)


class Style(NamedTuple):
    """`beat` seconds; `chords` as semitones from middle C, one for `bar` beats; `partials` of a tone and how fast it fades
    (1/length); `melody` and `drums` are how often a beat has one; `vibrato` in semitones makes an organ or a string of it."""

    beat: float
    chords: tuple[tuple[int, ...], ...]
    partials: tuple[float, ...]
    fade: float
    melody: float
    bar: int = 4
    drums: float = 0.0
    vibrato: float = 0.0
    scale: tuple[int, ...] = ()


STYLES = {
    "piano": Style(0.31, ((0, 4, 7, 11), (9, 12, 16), (5, 9, 12), (7, 11, 14)), (1, 0.4, 0.25, 0.1), 3.0, 0.7),
    "strings": Style(0.9, ((0, 4, 7), (-5, -1, 2), (-3, 0, 4), (-7, -3, 0)), (1, 0.6, 0.45, 0.3, 0.2), 0.3, 0.4, vibrato=0.25),
    "pop": Style(0.26, ((0, 4, 7), (7, 11, 14), (9, 12, 16), (5, 9, 12)), (1, 0.5, 0.35, 0.25), 2.0, 0.8, drums=0.9),
    "zither": Style(0.36, ((0, 7),), (1, 0.7, 0.4, 0.3, 0.2), 4.0, 0.9, bar=8, scale=PENTATONIC),
    "jingle": Style(0.18, ((0, 4, 7), (5, 9, 12)), (1, 0.1, 0.3), 3.5, 1.0, bar=8),
}


def play(style: str, seconds: float, level: float, rng: np.random.Generator) -> np.ndarray:
    """`seconds` of music in a style at `level` dBFS; "plain" is the melody of the samples. KeyError for an unknown style."""
    if style == "plain":
        return telephone.hold_music(seconds, level, rng)
    kind = STYLES[style]
    sound = np.zeros(int((seconds + 4) * RATE))
    for index in range(int(seconds / kind.beat) + 1):
        chord = kind.chords[index // kind.bar % len(kind.chords)]
        if index % kind.bar == 0:
            for note in chord:
                _note(sound, kind, index * kind.beat, note - 12, kind.beat * kind.bar, 0.3)
        if rng.random() < kind.melody:
            note = int(rng.choice(kind.scale or chord)) + 12 * int(rng.integers(0, 2))
            _note(sound, kind, index * kind.beat, note, kind.beat * (1 + int(rng.integers(0, 3))), 0.6)
        if kind.drums and rng.random() < kind.drums:
            _drum(sound, index * kind.beat, index % 2 == 0, rng)
    sound = sound[: int(seconds * RATE)]
    ends = np.minimum(1, np.minimum(np.arange(len(sound)), np.arange(len(sound))[::-1]) / (0.2 * RATE))
    return telephone.at_level(telephone.narrow(sound * ends, RATE), level)


def _note(sound: np.ndarray, kind: Style, at: float, semitones: int, seconds: float, loudness: float) -> None:
    start = int(at * RATE)
    time = np.arange(min(int(seconds * RATE), len(sound) - start)) / RATE
    swing = kind.vibrato * np.sin(2 * np.pi * 5.5 * time) / 12
    phase = np.cumsum(MIDDLE_C * 2 ** (semitones / 12 + swing)) / RATE
    tone = sum(weight * np.sin(2 * np.pi * phase * part) for part, weight in enumerate(kind.partials, 1))
    soft = np.minimum(1, np.minimum(time / 0.015, time[::-1] / 0.03))
    sound[start:start + len(time)] += loudness * tone * np.exp(-kind.fade * time / seconds) * soft


def _drum(sound: np.ndarray, at: float, low: bool, rng: np.random.Generator) -> None:
    start = int(at * RATE)
    time = np.arange(min(int(0.12 * RATE), len(sound) - start)) / RATE
    hit = np.sin(2 * np.pi * 320 * time * np.exp(-8 * time)) if low else rng.standard_normal(len(time)) * 0.6
    sound[start:start + len(time)] += hit * np.exp(-time / 0.03)


def busy(seconds: float, level: float) -> np.ndarray:
    """The tone after hanging up: 0.35 s on, 0.35 s off (GB 3380)."""
    return _repeated(telephone.tone(0.35, level), 0.70, seconds)


def keys(seconds: float, level: float, rng: np.random.Generator) -> np.ndarray:
    """Push-button tones, two sines each (ITU-T Q.23), at the pace of somebody who types a number."""
    sound = np.zeros(int(seconds * RATE), np.float32)
    for start in np.arange(0.2, max(0.2, seconds - 0.3), 0.35):
        key = telephone.tone(0.16, level - 3, float(rng.choice((697, 770, 852, 941))))
        key = key + telephone.tone(0.16, level - 3, float(rng.choice((1209, 1336, 1477))))
        sound[int(start * RATE):int(start * RATE) + len(key)] += key
    return sound


def clatter(seconds: float, level: float, rng: np.random.Generator) -> np.ndarray:
    """A keyboard and a mouse near the microphone: short clicks, in bursts, with breathing in between."""
    sound = np.zeros(int(seconds * RATE))
    now = 0.3
    while now < seconds - 0.1:
        click = rng.standard_normal(int(0.015 * RATE)) * np.exp(-np.arange(int(0.015 * RATE)) / (0.003 * RATE))
        sound[int(now * RATE):int(now * RATE) + len(click)] += click * rng.uniform(0.3, 1)
        now += rng.uniform(0.08, 0.3) if rng.random() < 0.85 else rng.uniform(0.6, 2.5)
    breath = rng.standard_normal(len(sound)) * np.clip(np.sin(2 * np.pi * np.arange(len(sound)) / RATE / 4.2), 0, None) ** 4
    mixed = telephone.narrow(sound + 0.03 * breath, RATE)
    return np.clip(mixed / np.abs(mixed).max() * 10 ** (level / 20) * 4, -0.98, 0.98).astype(np.float32)


def hum(seconds: float, level: float) -> np.ndarray:
    """Mains hum: what the line lets through of 50 Hz and its multiples."""
    time = np.arange(int(seconds * RATE)) / RATE
    sound = sum(np.sin(2 * np.pi * 50 * part * time) / part for part in (6, 8, 10, 14))
    return (np.asarray(sound) / np.std(sound) * 10 ** (level / 20)).astype(np.float32)


def crowd(seconds: float, level: float, rng: np.random.Generator) -> np.ndarray:
    """The murmur of a big room, no word of it: noise in the shape of speech, swelling at the pace of syllables."""
    noise = rng.standard_normal(int(seconds * RATE))
    shaped = np.asarray(signal.sosfilt(signal.butter(2, (250, 1200), "bandpass", fs=RATE, output="sos"), noise))
    slow = np.asarray(signal.sosfilt(signal.butter(2, 4.0, "lowpass", fs=RATE, output="sos"), rng.standard_normal(len(noise))))
    swell = 1 + 0.5 * slow / slow.std()
    mixed = shaped * np.clip(swell, 0.1, None)
    return (mixed / mixed.std() * 10 ** (level / 20)).astype(np.float32)


def _repeated(piece: np.ndarray, every: float, seconds: float) -> np.ndarray:
    sound = np.zeros(int(seconds * RATE), np.float32)
    for start in range(0, len(sound), int(every * RATE)):
        part = piece[: len(sound) - start]
        sound[start:start + len(part)] = part
    return sound
