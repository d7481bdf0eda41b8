"""Diarisation of mono calls without pyannote: voice activity, an embedding for every second and a half, two groups.

Works on any machine: voice activity is the Silero model that comes with faster-whisper. With ECAPA embeddings it is good
for voices that take turns; it gives no overlaps, and without PyTorch (timbre) only clearly different voices are told apart.
"""
from __future__ import annotations

import numpy as np

from models.diariser import RATE, Diarisation, Span
from models.voice_groups import group, runs
from models.voiceprint import open_voiceprint
from settings import Models

WINDOW, HOP = 1.5, 0.75     # seconds: what one embedding hears, and from one to the next
STEP = 0.05                 # seconds of a frame of the result
SHORTEST_TURN = 0.3         # seconds
SAME_VOICE = 0.85           # cosine of two ECAPA centroids from which they are one voice


class ClusteringDiariser:
    """models.diariser.Diariser with whichever embedding can be had; `weaker` says in words why not the good one."""

    name = "clustering"

    def __init__(self, models: Models, threads: int = 1) -> None:
        self._voices, self.weaker = open_voiceprint(models, threads)
        self.version = f"1/{self._voices.name}/{self._voices.version}"

    def diarise(self, samples: np.ndarray, speakers: int = 2) -> Diarisation:
        """See models.diariser.Diariser.diarise; spans never overlap."""
        speech = _speech(samples)
        windows = [window for stretch in speech for window in _windows(*stretch)]
        if not windows:
            return Diarisation([], {})
        vectors = self._voices.embed([samples[start:end] for start, end in windows])
        seconds = np.array([(end - start) / RATE for start, end in windows])
        sure = seconds >= self._voices.shortest
        groups = group(vectors, np.where(sure, seconds, 0.0) if sure.any() else seconds, speakers,
                       same_voice=SAME_VOICE if self._voices.name == "ecapa" else 2.0)
        tracks = _tracks(windows, vectors @ groups.centroids.T, speech, len(samples))
        spans = [Span(start, min(end, len(samples) / RATE), speaker) for speaker, track in enumerate(tracks)
                 for start, end in runs(track, STEP, 0.0, STEP, SHORTEST_TURN)]
        return Diarisation(sorted(spans), dict(enumerate(groups.centroids)))


def _speech(samples: np.ndarray) -> list[tuple[int, int]]:
    """Stretches with a voice in them, in samples; cut at pauses of 0.2 s, where speakers change most often."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps
    options = VadOptions(min_silence_duration_ms=200, speech_pad_ms=60, min_speech_duration_ms=100)
    found = get_speech_timestamps(samples.astype(np.float32), options, sampling_rate=RATE)
    return [(int(stretch["start"]), int(stretch["end"])) for stretch in found]


def _windows(start: int, end: int) -> list[tuple[int, int]]:
    """A stretch of speech as overlapping windows; a short one is a window by itself."""
    window, hop = round(WINDOW * RATE), round(HOP * RATE)
    if end - start <= window + hop // 2:
        return [(start, end)]
    firsts = [*range(start, end - window, hop), end - window]
    return [(first, first + window) for first in firsts]


def _tracks(windows: list[tuple[int, int]], likeness: np.ndarray, speech: list[tuple[int, int]], length: int) -> np.ndarray:
    """Boolean (speakers, frames of STEP): in speech, the speaker whom the windows around a frame are likest to."""
    frame = round(STEP * RATE)
    total = length // frame + 1
    score = np.zeros((likeness.shape[1], total))
    for (start, end), cosines in zip(windows, likeness, strict=True):
        first, last = start // frame, min(total, end // frame + 1)
        hears = np.hanning(last - first + 2)[1:-1]          # a window knows most about its middle
        score[:, first:last] += cosines[:, None] * hears
    likest = score.argmax(0)
    inside = np.zeros(total, bool)
    for start, end in speech:
        inside[start // frame:end // frame + 1] = True
    return (likest == np.arange(len(score))[:, None]) & inside
