"""Music and tones: sound whose partials stay on one pitch for a quarter of a second and more, as no speaking voice's do.

A singer over a band is a voice to every detector of voices, and a recogniser writes down what is sung. What gives music away are
the lines in its spectrum: of the power of speech 8 % at most lie in lines for 95 of 100 stretches of 2.4 s, and never more than
34 % in 14 sample calls; with music behind it, 12 dB lower, 20 % and never more than 33 %; of singing over a band it is 40 to
70 %, of ring-back nearly all. Measured with bench/hold_music.py.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from pipeline.speech import Readable

RATE = 16000
WINDOW = 2048           # samples, 128 ms: lines 8 Hz apart are told from each other
HOP = 320               # samples, 20 ms
BAND = (280.0, 2000.0)  # Hz, where the telephone carries partials that the ear takes for pitch
ABOVE = 9.0             # dB over the spectrum around it that a line stands out
AROUND = 41             # bins, 320 Hz, of that spectrum
HELD = 12               # hops, 0.24 s, that a line stays where it is
MUSIC = 0.4             # share of the power in lines from which on it is music …
BESIDE = 0.3            # … or, beside a phrase that is music
CONTEXT = 1.2           # seconds before and after a phrase that must be music, too
SHORTEST = 0.5          # seconds of a phrase below which its lines say nothing


class Lines(NamedTuple):
    """Power of each frame of HOP in spectral lines that stay, and altogether."""

    held: np.ndarray
    total: np.ndarray

    def share(self, first: int, last: int) -> float:
        """Of the power of some frames the share in lines."""
        return float(self.held[first:last].sum() / max(float(self.total[first:last].sum()), 1e-12))


def share(audio: Readable, channel: int, start: float, end: float) -> float:
    """Of the power of what is heard from `start` to `end` (seconds) the share in lines; the lesser of that and of the share
    with CONTEXT around, so that a flat syllable is no music and neither is a word before music begins."""
    if end - start < SHORTEST:
        start, end = (start + end - SHORTEST) / 2, (start + end + SHORTEST) / 2
    begin = max(0.0, start - CONTEXT)
    found = lines(audio.read(channel, begin, min(end + CONTEXT, audio.duration)))
    first, last = max(0, round((start - begin) * RATE / HOP)), round((end - begin) * RATE / HOP)
    return min(found.share(first, last), found.share(0, len(found.total)))


def lines(samples: np.ndarray) -> Lines:
    """Float samples at 16 kHz to the power of their spectral lines, frame by frame."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, WINDOW // 2), WINDOW)[::HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1)) ** 2
    band = np.fft.rfftfreq(WINDOW, 1 / RATE)
    power = spectrum[:, (band >= BAND[0]) & (band <= BAND[1])]
    level = 10 * np.log10(power + 1e-10)
    peak = (level >= np.roll(level, 1, 1)) & (level >= np.roll(level, -1, 1)) & (
        level > uniform_filter1d(level, AROUND, axis=1) + ABOVE)
    line = peak | np.roll(peak, 1, 1) | np.roll(peak, -1, 1)
    counted = np.cumsum(np.concatenate([np.zeros((1, line.shape[1]), int), line]), axis=0)
    whole = counted[HELD:] - counted[:-HELD] == HELD        # runs of HELD frames that begin here
    held = np.zeros_like(line)
    for shift in range(HELD):
        held[shift:shift + len(whole)] |= whole
    return Lines((power * held).sum(axis=1), power.sum(axis=1))
