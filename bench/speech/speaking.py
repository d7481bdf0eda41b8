"""Text to sound with every sentence spoken once: what a voice said is kept below the cache folder."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import voices
from scipy import signal

from bench.speech.casting import parts

RATE = voices.RATE


class Studio:
    """`say` as dialogue.act wants it. The speech model is loaded at the first sentence that nobody has spoken yet."""

    def __init__(self, weights: Callable[[], Path], cache: Path, threads: int = 2) -> None:
        self._weights, self._cache, self._threads = weights, cache, threads
        self._speaker: voices.Speaker | None = None
        self.spoken = 0.0       # seconds of sound that had to be made

    def say(self, text: str, name: str, speed: float) -> np.ndarray:
        """`text` by speaker `name` (casting.speaker), float32 samples (n,) at 24 kHz. Raises ValueError as voices.Speaker.say."""
        voice, shift = parts(name)
        pace = round(speed / shift, 3)
        kept = voices.kept(self._cache, text, voice, pace)
        sound = np.load(kept) if kept.exists() else self._speak(text, voice, pace)
        return shifted(sound, shift)

    def _speak(self, text: str, voice: str, pace: float) -> np.ndarray:
        speaker = self._speaker = self._speaker or voices.Speaker(self._weights(), self._cache, self._threads)
        sound = speaker.say(text, voice, pace)
        self.spoken += len(sound) / RATE
        return sound


def shifted(sound: np.ndarray, shift: float) -> np.ndarray:
    """Pitch and formants times `shift`; so much shorter it gets, too."""
    if shift == 1.0:
        return sound
    return signal.resample_poly(sound, 100, round(100 * shift)).astype(np.float32)
