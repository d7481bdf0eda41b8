"""How high a voice is, moment by moment: the fundamental frequency (F0) of a channel's voiced stretches.

A telephone passes 300 to 3400 Hz, so the fundamental itself is mostly missing; the distance of the harmonics is not. Hence
the autocorrelation of short frames, divided by that of their window (Boersma 1993, Proc. IFA 17), whose peak lies at the
period whether or not the fundamental is there. All frames of a block are worked on at once. A frame keeps its best few
candidates; which of them is right is decided later, knowing the speaker's usual pitch (`Pitch.of`): that is where octave
errors come from, and only the turns know who spoke.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.voice_activity import Span

RATE = 8000             # Hz that frames are looked at in: a telephone carries no more
HOP = 0.02              # seconds from frame to frame; a syllable has some ten of them
FRAME = 0.04            # seconds of a frame: three periods of the lowest voice
LOWEST, HIGHEST = 70.0, 450.0       # Hz; Mandarin speakers' extremes, shouting aside
CANDIDATES = 4          # kept of a frame
VOICED = 0.45           # strength (autocorrelation, 1 is a perfect period) from which a frame is voiced: Boersma's
OCTAVE = 0.03           # strength a candidate gains for each octave it is higher: half the true pitch fits as well (Boersma: 0.01)
AWAY = 0.25             # strength a candidate loses for each octave from the speaker's usual pitch
NEAR, JUMP = 3, 4.0     # frames either side, and semitones from their median beyond which a frame is a mistake; a syllable's
                        # pitch moves far, but over all of its frames
BLOCK = 30.0            # seconds worked on at once
_HALF_BAND = (np.sinc(np.arange(-7.5, 8.0)) * np.hamming(16) / 2).astype(np.float32)
_SIZE = 480             # of the transform: the frame and the longest period, so that nothing that counts wraps around


class Readable(Protocol):
    """What this stage needs of pipeline.decode.Audio."""

    def read(self, channel: int, start: float = 0.0, end: float | None = None) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Pitch:
    """Frames in order of their middle `time` (seconds): `hertz` and `strength` (frames, CANDIDATES), the strongest first; 0
    where there is none. `level` is the frame's level in dBFS. 40 bytes a frame: two hours of voice are 15 MB."""

    time: NDArray[np.float32]
    hertz: NDArray[np.float32]
    strength: NDArray[np.float32]
    level: NDArray[np.float32]

    def inside(self, spans: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
        """Which frames have their middle in one of the spans (in order, not overlapping)."""
        if not len(spans):
            return np.zeros(len(self.time), bool)
        edges = np.asarray(spans, np.float64).reshape(-1)
        return np.searchsorted(edges, self.time, side="right") % 2 == 1

    def of(self, frames: NDArray[np.bool_]) -> NDArray[np.float64]:
        """One speaker's pitch in the chosen frames, semitones over 1 Hz, NaN where unvoiced: of each frame's candidates the
        one that is strong and not far from the speaker's usual pitch."""
        chosen = np.full(len(self.time), np.nan)
        hertz, strength = self.hertz[frames], self.strength[frames]
        voiced = strength[:, 0] >= VOICED if len(strength) else np.zeros(0, bool)
        if not voiced.any():
            return chosen
        octaves = np.log2(np.maximum(hertz, 1.0))
        usual, best = float(np.median(octaves[voiced, 0])), octaves[:, 0]
        for _ in range(2):              # the first median may itself be off by a few octave errors
            worth = np.where(hertz > 0, strength + OCTAVE * octaves - AWAY * np.abs(octaves - usual), -np.inf)
            best = octaves[np.arange(len(octaves)), worth.argmax(axis=1)]
            usual = float(np.median(best[voiced]))
        chosen[np.flatnonzero(frames)[voiced]] = 12 * best[voiced]
        return _steady(chosen, self.time)


def _steady(pitch: NDArray[np.float64], time: NDArray[np.float32]) -> NDArray[np.float64]:
    """Without the frames that stand alone, or far from the frames beside them: octave errors, clicks, hiss."""
    wide = np.lib.stride_tricks.sliding_window_view(np.pad(pitch, NEAR, constant_values=np.nan), 2 * NEAR + 1)
    when = np.lib.stride_tricks.sliding_window_view(np.pad(time, NEAR, constant_values=np.inf), 2 * NEAR + 1)
    beside = np.ma.masked_array(wide, np.isnan(wide) | (np.abs(when - time[:, None]) > (NEAR + 0.5) * HOP))
    middle = np.ma.median(beside, axis=1).filled(np.nan)
    return np.where((beside.count(axis=1) >= NEAR) & (np.abs(pitch - middle) <= JUMP), pitch, np.nan)


def track(audio: Readable, channel: int, voiced: Iterable[Span]) -> Pitch:
    """The channel's pitch candidates within `voiced` stretches (in order), read piece by piece: memory does not grow with
    the recording but by the frames kept."""
    parts: list[tuple[NDArray[np.float32], ...]] = []
    for span in voiced:
        start = span.start
        while start < span.end:
            end = min(start + BLOCK, span.end)
            samples = audio.read(channel, max(0.0, start - FRAME / 2), end + FRAME / 2)
            hertz, strength, level = frames(samples)
            time = max(0.0, start - FRAME / 2) + FRAME / 2 + HOP * np.arange(len(hertz))
            parts.append((time.astype(np.float32), hertz, strength, level))
            start = end
    if not parts:
        none = np.zeros((0, CANDIDATES), np.float32)
        return Pitch(np.zeros(0, np.float32), none, none, np.zeros(0, np.float32))
    return Pitch(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def frames(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Candidates' hertz and strength (frames, CANDIDATES) and level (dBFS) of each frame of HOP seconds; float samples at
    16 kHz."""
    sound = _halved(samples)
    length, hop = round(FRAME * RATE), round(HOP * RATE)
    count = max(0, (len(sound) - length) // hop + 1)
    if not count:
        none = np.zeros((0, CANDIDATES), np.float32)
        return none, none, np.zeros(0, np.float32)
    cut = np.lib.stride_tricks.sliding_window_view(sound, length)[::hop][:count]
    cut = cut - cut.mean(axis=1, keepdims=True)
    power = np.einsum("ij,ij->i", cut, cut) / length
    window = np.hanning(length + 2)[1:-1].astype(np.float32)
    longest = int(RATE / LOWEST) + 1
    correlation, own = _autocorrelation(cut * window, longest), _autocorrelation(window[None], longest)
    shape = correlation / np.maximum(correlation[:, :1], 1e-12) / (own / own[:, :1])
    hertz, strength = _peaks(shape)
    return hertz, strength, (10 * np.log10(np.maximum(power, 1e-10))).astype(np.float32)


def _autocorrelation(rows: NDArray[np.float32], longest: int) -> NDArray[np.float32]:
    """Of each row, for lags of 0 to `longest` samples."""
    spectrum = np.fft.rfft(rows, _SIZE, axis=1)
    return np.fft.irfft(np.square(np.abs(spectrum)), _SIZE, axis=1)[:, :longest + 1].astype(np.float32)


def _halved(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """16 kHz to 8 kHz: every other sample after a low-pass that is 6 dB down at 4 kHz (its even taps are 0 but the middle)."""
    if len(samples) < 2 * len(_HALF_BAND):
        return samples[:0]
    odd = np.convolve(samples[1::2], _HALF_BAND, "same")        # between its 8th and 9th tap lies the even sample
    return 0.5 * samples[::2][:len(odd)] + odd


def _peaks(shape: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The CANDIDATES best peaks of each row of normalised autocorrelation, placed between samples by a parabola."""
    first, last = int(RATE / HIGHEST), shape.shape[1] - 1
    left, middle, right = shape[:, first - 1:last - 1], shape[:, first:last], shape[:, first + 1:last + 1]
    curve = left - 2 * middle + right
    peak = (middle > left) & (middle >= right) & (curve < 0)
    lags = np.arange(first, last)
    worth = np.where(peak, middle + OCTAVE * np.log2(RATE / lags / LOWEST), -np.inf)
    best = np.argpartition(worth, -CANDIDATES, axis=1)[:, -CANDIDATES:]
    best = np.take_along_axis(best, (-np.take_along_axis(worth, best, 1)).argsort(axis=1), 1)
    found = np.take_along_axis(peak, best, 1)
    a, b, c = (np.take_along_axis(each, best, 1) for each in (left, middle, right))
    bend = np.where(found, a - 2 * b + c, -1.0)
    shift = 0.5 * (a - c) / bend
    hertz = np.where(found, RATE / (lags[best] + shift), 0.0)
    strength = np.where(found, np.minimum(b - 0.25 * (a - c) * shift, 1.0), 0.0)
    return hertz.astype(np.float32), strength.astype(np.float32)
