"""Diarisation of mono calls without pyannote: Silero's voice activity, cut at pauses, and embeddings in two groups.

Works on any machine: the voice activity comes with faster-whisper. With ECAPA embeddings it is good for voices that take
turns with a pause between; it gives no overlaps, and without PyTorch (timbre) only clearly different voices are told apart.
"""
from __future__ import annotations

import numpy as np

from models.diariser import RATE, Diarisation, Span
from models.voice_groups import runs
from models.voice_tracks import STEP, Stretch, follow
from models.voiceprint import open_voiceprint
from settings import Models

SHORTEST_TURN = 0.2         # seconds


class ClusteringDiariser:
    """models.diariser.Diariser with whichever embedding can be had; `weaker` says in words why not the good one."""

    name = "clustering"

    def __init__(self, models: Models, threads: int = 1) -> None:
        self._voices, self.weaker = open_voiceprint(models, threads)
        self.version = f"1/{self._voices.name}/{self._voices.version}"

    def diarise(self, samples: np.ndarray, speakers: int = 2) -> Diarisation:
        """See models.diariser.Diariser.diarise; spans never overlap."""
        tracks = follow(self._voices, samples, _speech(samples), speakers)
        spans = [Span(start, min(end, len(samples) / RATE), speaker) for speaker, track in enumerate(tracks.speaks)
                 for start, end in runs(track, STEP, 0.0, STEP, SHORTEST_TURN)]
        return Diarisation(sorted(spans), dict(enumerate(tracks.centroids)), tracks.prints)


def _speech(samples: np.ndarray) -> list[Stretch]:
    """Stretches with a voice in them; cut at pauses of 0.2 s, where speakers change most often."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps
    options = VadOptions(min_silence_duration_ms=200, speech_pad_ms=60, min_speech_duration_ms=100)
    found = get_speech_timestamps(samples.astype(np.float32), options, sampling_rate=RATE)
    return [(int(stretch["start"]), int(stretch["end"])) for stretch in found]
