"""Whether a phrase on one channel of a stereo call is its speaker's or the other channel leaking in.

Level alone (channels.Bleed) would take a faint speaker for a leak. A leak is the other channel's waveform, late and dulled: what
a short filter can make of the other channel explains a leak and nothing of another person's speech. Where codecs or a room spoil
the waveform, the same words at the same time tell a leak, and failing that the level.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

import numpy as np
from scipy.linalg import solve_toeplitz

from pipeline.channels import COPY_DELAY, ECHO_DELAY, Bleed
from pipeline.sides import by_sound
from pipeline.speech import Readable
from records import Word

RATE = 16000
BEFORE, TAPS = 32, 256      # samples: the filter reaches 2 ms before the delay that is found and 14 ms after it
EXPLAINED = 0.6             # share of a sound's power, less the noise, that the filter must explain for it to be a leak
FAITHFUL = 0.5              # the same, over stretches that are leaks for certain, from which on waveforms can be trusted
LESS = 0.1                  # by which a leak may be explained less well than they are
STRETCHES = 8               # of a second each, that are looked at for that
SAME_TIME = 0.5             # seconds by which the same words may lie apart
SAME_WORDS, ALIKE_WORDS = 2, 0.7    # syllables and their share that must be the same where the level says leak …
ECHOED_WORDS, ECHOED = 6, 0.85      # … and where it does not


class Crosstalk:
    """The leaks of one stereo recording; `words` are those of both channels, `bleed` what the levels tell."""

    def __init__(self, audio: Readable, bleed: Bleed, words: Mapping[int, Sequence[Word]]) -> None:
        self._audio, self._bleed, self._words = audio, bleed, words
        self._leaks: dict[int, float] = {}

    def leaked(self, phrase: Sequence[Word], channel: int) -> str:
        """In words why a phrase of `channel` is only the other one's sound; empty if it is the channel's own speech."""
        start, end = phrase[0].start, phrase[-1].end
        same, count = self._echoed(phrase, channel)
        louder = self._bleed.level(1 - channel, start, end) > self._bleed.level(channel, start, end)
        if not self._bleed.is_bleed(start, end, channel):
            echo = louder and count >= ECHOED_WORDS and same >= ECHOED
            return "the same words as on the other channel, which is louder" if echo else ""
        usual = self._usual(channel)
        if self._explained(start, end, channel) >= (max(EXPLAINED, usual - LESS) if usual >= FAITHFUL else EXPLAINED):
            return "no more than the other channel's sound"
        if louder and count >= SAME_WORDS and same >= ALIKE_WORDS:
            return "the same words as on the other channel, which is louder"
        return "" if usual >= FAITHFUL else "no louder than the other channel's leak"

    def _echoed(self, phrase: Sequence[Word], channel: int) -> tuple[float, int]:
        """Which share of a phrase's syllables the other channel has at the same time, and how many syllables the phrase has."""
        start, end = phrase[0].start - SAME_TIME, phrase[-1].end + SAME_TIME
        there = [word for word in self._words.get(1 - channel, ()) if word.end > start and word.start < end]
        mine, theirs = (by_sound("".join(word.text for word in each)).split() for each in (phrase, there))
        match = SequenceMatcher(None, mine, theirs, autojunk=False)
        return sum(block.size for block in match.get_matching_blocks()) / max(1, len(mine)), len(mine)

    def _usual(self, channel: int) -> float:
        """How much the filter explains of stretches of this channel that surely are leaks, at least; 0 where there are none."""
        if channel not in self._leaks:
            stretches = self._bleed.alone(channel)
            chosen = [stretches[at] for at in np.unique(np.linspace(0, len(stretches) - 1, STRETCHES).astype(int))] if stretches else []
            shares = [self._explained(at, at + 1.0, channel) for at in chosen]
            self._leaks[channel] = float(np.percentile(shares, 20)) if shares else 0.0
        return self._leaks[channel]

    def _explained(self, start: float, end: float, channel: int) -> float:
        """Share (0 to 1) of the power of a channel's sound, less its noise, that is the other channel's, filtered."""
        begin = max(0.0, start - ECHO_DELAY)
        target = self._audio.read(channel, start, end)
        source = self._audio.read(1 - channel, begin, min(end + COPY_DELAY, self._audio.duration))
        return explained(target, source, round((start - begin) * RATE), 10 ** (self._bleed.noise[channel] / 10))


def explained(target: np.ndarray, source: np.ndarray, offset: int, noise: float = 0.0) -> float:
    """How much of `target` a filter of TAPS makes of `source`, as a share of its power above `noise` (mean square).

    Sample 0 of `target` was recorded at sample `offset` of `source`; the delay lies within what `source` has around it.
    """
    if len(target) < 2 * TAPS or not target.any() or not source.any():
        return 0.0
    size = 1 << (len(source) + len(target) + TAPS).bit_length()
    ahead, behind = np.fft.rfft(source, size), np.fft.rfft(target, size)
    cross = np.fft.irfft(behind * np.conj(ahead), size)             # cross[lag]: target sounds `lag` after source
    lags = np.arange(-offset, len(source) - len(target) - offset + 1)
    shifts = (-lags - offset) % size                                # target[n] beside source[n + offset + lag]
    late = int(lags[np.abs(cross[shifts]).argmax()]) + offset       # first sample of source beside target's first
    first = max(0, late - TAPS + BEFORE)
    piece = source[first:first + len(target) + TAPS - 1]
    piece = np.pad(piece, (0, len(target) + TAPS - 1 - len(piece)))
    size = 1 << (len(piece) + TAPS).bit_length()
    spectrum = np.fft.rfft(piece, size)
    own = np.fft.irfft(np.abs(spectrum) ** 2, size)[:TAPS]
    against = np.fft.irfft(np.conj(np.fft.rfft(target, size)) * spectrum, size)[:TAPS]
    own[0] = own[0] * 1.001 + 1e-9
    taps = solve_toeplitz(own, against)
    made = np.fft.irfft(np.conj(np.fft.rfft(taps, size)) * spectrum, size)[:len(target)]
    power = float(np.square(target).sum())
    left = float(np.square(target - made).sum())
    return float(np.clip((power - left) / max(power - noise * len(target), 0.1 * power), 0.0, 1.0))
