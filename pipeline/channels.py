"""Stage 3: do two channels carry two speakers, or one mix twice? And which sound in a channel has only leaked over?

Both are decided on the level of each channel in frames of 10 ms over the whole recording (12 MB for four hours) and on the
waveform of a few voiced seconds for the delay between the channels. The limits are held by tests/test_channels.py: a copy of
speech with another gain, delay, noise or codec keeps one level difference, two speakers swing with their turns.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from pipeline.decode import Audio

HOP = 0.01          # seconds a frame
FLOOR = -90.0       # dBFS; what is quieter counts as this
SILENT = -60.0      # dBFS; a channel that never gets louder is silent
ABOVE_NOISE = 9.0   # dB over the channel's noise that a voice must reach
BLOCK = 25          # frames over which levels of the two channels are compared: a syllable or two
SAME = 6.0          # dB; blocks further from the usual level difference are another speaker's
OTHER_SPEAKER = 0.03  # share of such blocks from which on there are two speakers
COPY_DELAY = 0.06   # seconds; how far apart the two copies of a fake stereo may lie
ECHO_DELAY = 0.4    # seconds; how late a bleed may come (an echo from the far end of the line)
LEAK_AT_MOST = -4.0  # dB; louder than this it is no bleed
ALIKE = 0.4         # correlation of the levels (dB) from which on one channel is held to leak into the other
MARGIN = 4.0        # dB over the expected bleed that is still bleed
EXPLAINED = 0.75    # share of a span's energy that must be bleed for the span to be

Levels = NDArray[np.float32]


@dataclass(frozen=True)
class Bleed:
    """What of a channel is only the other one's sound. `gain[c]` is how much of the other leaks into channel c (dB), None
    for nothing measurable; `delay[c]` how late (seconds)."""

    levels: Levels = field(repr=False)  # (2, frames), dBFS
    noise: tuple[float, float] = (FLOOR, FLOOR)
    gain: tuple[float | None, float | None] = (None, None)
    delay: tuple[float, float] = (0.0, 0.0)

    def is_bleed(self, start: float, end: float, channel: int) -> bool:
        """Whether what is heard in `channel` from `start` to `end` (seconds) is no more than the other channel's bleed.

        Speech over the other speaker's is louder than the bleed in its own syllables and is kept.
        """
        gain = self.gain[channel]
        first, last = max(0, int(start / HOP)), min(self.levels.shape[1], int(np.ceil(end / HOP)))
        if gain is None or last <= first:
            return False
        own = _power(self.levels[channel, first:last]) - _power(self.noise[channel])
        reach = 3  # frames either side: rooms and codecs smear
        other = _shifted(self.levels[1 - channel], round(self.delay[channel] / HOP), first - reach, last + reach)
        expected = _power(maximum_filter1d(other, 2 * reach + 1)[reach:-reach] + gain + MARGIN)
        own = np.maximum(own, 0)
        return bool(own.sum() > 0 and own[own <= expected].sum() >= EXPLAINED * own.sum())

    def level(self, channel: int, start: float, end: float) -> float:
        """Mean level of a channel from `start` to `end` (seconds), dBFS."""
        part = self.levels[channel, max(0, int(start / HOP)):max(1, int(np.ceil(end / HOP)))]
        return float(10 * np.log10(np.mean(_power(part)))) if part.size else FLOOR

    def alone(self, channel: int) -> list[float]:
        """Starts of the seconds in which `channel` surely has nothing but the other one's bleed, and that audibly."""
        gain, other = self.gain[channel], 1 - channel
        if gain is None:
            return []
        expected = _shifted(self.levels[other], round(self.delay[channel] / HOP), 0, self.levels.shape[1]) + gain
        heard = expected > self.noise[channel] + 3
        alone = self.levels[channel] < np.maximum(expected, self.noise[channel] + 3) + 2 * MARGIN
        second = round(1 / HOP)
        return [at * HOP for at in range(0, heard.size - second, second)
                if heard[at:at + second].mean() > 0.4 and alone[at:at + second].mean() > 0.9]


@dataclass(frozen=True)
class Layout:
    """`stereo`: a speaker a channel. `mono`: one track, to be read from `channel`. `reason` says why in words for the log.

    `similarity` is the share of voiced blocks (0 to 1) in which both channels carry the same at the usual level difference,
    `correlation` that of their waveforms at `delay` seconds (0 to 1); both 0 where there is nothing to compare.
    """

    kind: Literal["stereo", "mono"]
    reason: str
    channel: int = 0
    similarity: float = 0.0
    correlation: float = 0.0
    delay: float = 0.0
    bleed: Bleed | None = None


def layout(audio: Audio) -> Layout:
    """How to read a recording: see Layout. Reads all of it once, a minute at a time."""
    if audio.channels == 1:
        return Layout("mono", "the recording has one channel")
    levels = frame_levels(audio)
    noise = (_noise(levels[0]), _noise(levels[1]))
    voiced = np.stack([levels[c] > max(noise[c] + ABOVE_NOISE, SILENT) for c in (0, 1)])
    heard = voiced.sum(axis=1) * HOP
    if heard.min() < 0.2:
        live = int(heard.argmax())
        side = "right" if live == 0 else "left"
        why = "neither channel holds a voice" if heard.max() < 0.2 else f"the {side} channel is silent"
        return Layout("mono", why, channel=live)
    delay, correlation = _copy_delay(audio, levels, voiced)
    similarity, difference = _similarity(levels, noise, round(delay / HOP))
    if similarity > 1 - OTHER_SPEAKER:
        louder = int(difference < 0)
        reason = f"both channels carry the same sound ({similarity:.0%} of the voiced time, {abs(difference):.0f} dB apart)"
        return Layout("mono", reason, louder, similarity, correlation, delay)
    bleed = measure_bleed(levels, noise)
    leaks = [f"{-gain:.0f} dB" for gain in bleed.gain if gain is not None]
    reason = "two speakers on two channels" + (f", bleed at -{' and -'.join(leaks)}" if leaks else "")
    return Layout("stereo", reason, 0, similarity, correlation, delay, bleed)


def frame_levels(audio: Audio) -> Levels:
    """Level of each channel in dBFS, shape (channels, frames of 10 ms); rms, so that a full-scale sine has -3 dBFS."""
    hop = round(HOP * audio.sample_rate)
    frames = int(audio.duration / HOP)
    levels = np.full((audio.channels, frames), FLOOR, np.float32)
    for first in range(0, frames, 6000):
        last = min(frames, first + 6000)
        for channel in range(audio.channels):
            samples = audio.read(channel, first * HOP, last * HOP)[: (last - first) * hop].reshape(last - first, hop)
            samples = samples - samples.mean(axis=1, keepdims=True)  # a constant offset is no sound
            levels[channel, first:last] = 10 * np.log10(np.maximum(np.square(samples).mean(axis=1), 10 ** (FLOOR / 10)))
    return levels


def measure_bleed(levels: Levels, noise: tuple[float, float]) -> Bleed:
    """How much of each channel leaks into the other, from the frames in which only the other one speaks."""
    found = [_leak(levels[1 - channel], levels[channel], noise[1 - channel], noise[channel]) for channel in (0, 1)]
    return Bleed(levels, noise, (found[0][0], found[1][0]), (found[0][1], found[1][1]))


def _leak(source: Levels, target: Levels, source_noise: float, target_noise: float) -> tuple[float | None, float]:
    """Gain (dB) and delay (s) at which `source` is heard in `target`; (None, 0) when it is not."""
    strong = float(np.percentile(source, 98)) - 25
    best, gain, delay = 0.0, None, 0
    for lag in range(-round(COPY_DELAY / HOP), round(ECHO_DELAY / HOP) + 1):
        shifted = _shifted(source, lag, 0, source.size)
        alone = (shifted > max(strong, source_noise + ABOVE_NOISE)) & (target < shifted + LEAK_AT_MOST)
        if alone.sum() < 50:
            continue
        correlation = _correlation(shifted[alone], target[alone])
        if correlation > best:
            audible = alone & (target > target_noise + 3)
            if audible.sum() >= 50:
                best, delay = correlation, lag
                gain = float(np.median(_clean(target[audible], target_noise) - shifted[audible]))
    return (gain, delay * HOP) if best >= ALIKE else (None, 0.0)


def _similarity(levels: Levels, noise: tuple[float, float], lag: int) -> tuple[float, float]:
    """Share of voiced blocks whose level difference (left over right, dB) is the usual one, and that difference."""
    left, right = _power(levels[0]), _power(_shifted(levels[1], -lag, 0, levels.shape[1]))
    count = left.size // BLOCK
    blocks = np.stack([side[: count * BLOCK].reshape(count, BLOCK).mean(axis=1) for side in (left, right)])
    decibels = 10 * np.log10(np.maximum(blocks, _power(FLOOR)))
    threshold = [max(noise[c] + ABOVE_NOISE, SILENT, float(np.percentile(decibels[c], 98)) - 25) for c in (0, 1)]
    loud = (decibels[0] > threshold[0]) | (decibels[1] > threshold[1])
    if not loud.any():
        return 0.0, 0.0
    clean = [_clean(decibels[c][loud], noise[c]) for c in (0, 1)]
    difference = clean[0] - clean[1]
    usual = float(np.median(difference))
    return float((np.abs(difference - usual) <= SAME).mean()), usual


def _copy_delay(audio: Audio, levels: Levels, voiced: NDArray[np.bool_]) -> tuple[float, float]:
    """How much later (s, within ±60 ms) the right channel carries the left one's sound, and the correlation there.

    Averaged over up to 24 voiced seconds spread over the recording.
    """
    rate, reach = audio.sample_rate, round(COPY_DELAY * audio.sample_rate)
    either, second = np.logical_or(voiced[0], voiced[1]), round(1 / HOP)
    seconds = [at for at in range(int(audio.duration)) if either[at * second:(at + 1) * second].mean() > 0.3]
    chosen = [seconds[i] for i in np.unique(np.linspace(0, len(seconds) - 1, 24).astype(int))] if seconds else []
    total = np.zeros(2 * reach + 1)
    for at in chosen:
        left, right = audio.read(0, at, at + 1), audio.read(1, at, at + 1)
        size = 1 << (2 * rate - 1).bit_length()
        cross = np.fft.irfft(np.fft.rfft(right, size) * np.conj(np.fft.rfft(left, size)), size)
        energy = float(np.sqrt(np.square(left).sum() * np.square(right).sum()))
        total += np.abs(np.concatenate([cross[-reach:], cross[: reach + 1]])) / max(energy, 1e-9)
    best = int(total.argmax())
    return ((best - reach) / rate, float(total[best] / len(chosen))) if chosen else (0.0, 0.0)


def _noise(levels: Levels) -> float:
    """A channel's noise in dBFS: the level that a tenth of its frames stay under."""
    return float(np.percentile(levels, 10)) if levels.size else FLOOR


def _shifted(levels: Levels, lag: int, first: int, last: int) -> Levels:
    """Frames `first` to `last` of the levels delayed by `lag` frames; FLOOR beyond both ends."""
    index = np.arange(first, last) - lag
    inside = (index >= 0) & (index < levels.size)
    return np.where(inside, levels[np.clip(index, 0, max(0, levels.size - 1))], np.float32(FLOOR))


def _clean(levels: Levels, noise: float) -> NDArray[np.float64]:
    """Levels (dBFS) without the noise's share of their power."""
    return 10 * np.log10(np.maximum(_power(levels) - _power(noise), _power(FLOOR)))


def _power(decibels: Levels | NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.power(10.0, np.asarray(decibels, np.float64) / 10)


def _correlation(a: Levels, b: Levels) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 0.0
