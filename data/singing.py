"""Singing without words and with, and a bowed string: the music most like a voice. Made up note by note, 8 kHz, seeded.

`sing` is a voice of harmonics through the formants of vowels, on the notes of a tune, with vibrato, glides and consonants;
`bow` an erhu or a violin on such a tune, `sung` speech put on one: a song with words. All give float32 samples (n,) at `level` dBFS.
"""
from __future__ import annotations

import music
import numpy as np
import telephone
from scipy import linalg, signal
from telephone import RATE

VOWELS = ((730, 1090, 2440), (570, 840, 2410), (530, 1840, 2480), (270, 2290, 3010), (300, 870, 2240))    # Hz: a o e i u
WIDTHS = (90, 110, 170)     # Hz
SCALE = (0, 2, 4, 7, 9, 12, 14, 16)
NOTES = (0.3, 0.45, 0.6, 0.9, 1.4)      # seconds
ACCOMPANIED = {"alone": None, "with strings": "strings", "with a band": "pop", "with a piano": "piano"}


def sing(seconds: float, level: float, rng: np.random.Generator, lowest: float = 220.0, backing: str | None = None) -> np.ndarray:
    """Somebody sings la la la; `lowest` note in Hz (220 a woman's, 120 a man's), `backing` a style of music.STYLES."""
    pitch, loud, edges = _tune(seconds, rng, lowest, rest=0.12)
    count = len(pitch)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formants = np.zeros((3, count))
    breath = np.zeros(count)
    for first, last in edges:
        vowel, other = (np.array(VOWELS[int(rng.integers(0, len(VOWELS)))]) for _ in range(2))
        way = np.clip((np.linspace(0, 1, last - first) - 0.6) * 4, 0, 1) * (rng.random() < 0.4)
        formants[:, first:last] = vowel[:, None] * (1 - way) + other[:, None] * way
        if rng.random() < 0.7:      # a consonant
            length = min(last - first, int(rng.uniform(0.03, 0.08) * RATE))
            breath[first:first + length] = 0.3 * rng.random()
            loud[first:first + length] *= np.linspace(0.05, 1, length)
    sound = rng.standard_normal(count) * breath
    for part in range(1, int(3400 / lowest) + 1):
        heard = sum(1 / (1 + ((part * pitch - formant) / width) ** 2) for formant, width in zip(formants, WIDTHS, strict=True))
        sound += np.where(part * pitch < 3600, heard, 0) * np.sin(part * phase) * loud
    return _backed(sound, seconds, level, rng, backing)


def bow(seconds: float, level: float, rng: np.random.Generator, lowest: float = 290.0, backing: str | None = None) -> np.ndarray:
    """A bowed string: many harmonics, a body's resonances, vibrato."""
    pitch, loud, _ = _tune(seconds, rng, lowest, rest=0.05)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    body = (450.0, 1000.0, 2700.0)
    sound = np.zeros(len(pitch))
    for part in range(1, int(3400 / lowest) + 1):
        heard = sum(1 / (1 + ((part * pitch - centre) / 250) ** 2) for centre in body) + 0.1
        sound += np.where(part * pitch < 3600, heard / part ** 0.5, 0) * np.sin(part * phase) * loud
    return _backed(sound, seconds, level, rng, backing)


def _tune(seconds: float, rng: np.random.Generator, lowest: float, rest: float) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """Pitch in Hz and loudness (0 to 1) for every sample, and the notes' first and last samples."""
    count = int(seconds * RATE)
    pitch, loud, edges, at, step = np.full(count, lowest), np.zeros(count), [], 0, 3
    while at < count:
        length = int(float(rng.choice(NOTES)) * RATE)
        last = min(count, at + length)
        if rng.random() >= rest:
            step = int(np.clip(step + rng.integers(-2, 3), 0, len(SCALE) - 1))
            time = np.arange(last - at) / RATE
            bend = 0.3 * np.sin(2 * np.pi * 5.6 * time) * np.clip((time - 0.15) * 4, 0, 1)
            note = SCALE[step] + bend
            before = 12 * np.log2(pitch[at - 1] / lowest) if at else note[0]
            note = note + (before - note[0]) * np.exp(-time / 0.04)
            pitch[at:last] = lowest * 2 ** (note / 12)
            loud[at:last] = np.minimum(1, np.minimum(time / 0.03, time[::-1] / 0.06)) * rng.uniform(0.6, 1.0)
            edges.append((at, last))
        elif at:
            pitch[at:last] = pitch[at - 1]
        at = last
    return pitch, loud, edges


def _backed(sound: np.ndarray, seconds: float, level: float, rng: np.random.Generator, backing: str | None) -> np.ndarray:
    made = telephone.at_level(telephone.narrow(sound, RATE), level)
    if backing is None:
        return made
    played = music.play(backing, seconds, level - 6, rng)[:len(made)]
    return np.clip(made[:len(played)] + played, -0.98, 0.98).astype(np.float32)


def sung(speech: np.ndarray, rng: np.random.Generator, level: float, lowest: float = 220.0, backing: str | None = None,
         slower: float = 1.5) -> np.ndarray:
    """Speech at 8 kHz put on the notes of a tune, so that a song with words comes out: its spectrum's shape (linear prediction
    of order 12, every 10 ms) with an excitation at the tune's pitch, `slower` times as long."""
    hop, window = RATE // 100, 3 * RATE // 100
    longer = int(hop * slower)
    pitch, _, _ = _tune(len(speech) / RATE * slower + 1, rng, lowest, rest=0.0)
    phase, state, pieces = 0.0, np.zeros(12), []
    for place in range((len(speech) - window) // hop):
        frame = speech[place * hop:place * hop + window] * np.hanning(window)
        match = np.correlate(frame, frame, "full")[window - 1:window + 12]
        match[0] = match[0] * 1.001 + 1e-9
        shape = linalg.solve_toeplitz(match[:12], match[1:13])
        gain = np.sqrt(max(match[0] - shape @ match[1:13], 1e-12) / window)
        notes = pitch[place * longer:(place + 1) * longer]
        phases = phase + np.cumsum(notes) / RATE
        if np.mean(np.diff(np.sign(frame)) != 0) < 0.35:
            source = np.where(np.diff(np.floor(phases), prepend=np.floor(phase)) > 0, np.sqrt(RATE / notes), 0.0)
        else:
            source = rng.standard_normal(longer)
        phase = phases[-1] % 1
        piece, state = signal.lfilter([gain], [1.0, *-shape], source, zi=state)
        pieces.append(piece)
    return _backed(np.concatenate(pieces), len(pieces) * longer / RATE, level, rng, backing)
