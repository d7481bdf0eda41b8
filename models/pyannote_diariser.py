"""Diarisation of mono calls with pyannote.audio's segmentation network and ECAPA speaker embeddings.

The network says for every five seconds who of up to three nameless voices speaks in which frame. From that come speech,
overlap, and the places where one voice gives way to another, with or without a pause. Embeddings of what lies between are
grouped into speakers. The way of pyannote's own pipeline, one embedding for each nameless voice of each window, confused
8.7 % of the speech of the sample calls, since two alike voices are often one to the network; this way confuses 0.4 %
(bench/diarisation.py). And nothing here asks a network for parts that lie on the shelf.
"""
from __future__ import annotations

import io
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.signal import find_peaks

from models import pytorch, shelf
from models.diariser import RATE, Diarisation, Span
from models.voice_groups import runs
from models.voice_tracks import STEP, Stretch, follow
from models.voiceprint import Ecapa, threads_of
from settings import Models

OVERLAP = 0.5           # of a window, from one to the next
WINDOWS_AT_ONCE = 16    # in one forward pass: 0.2 GB
SPEAKS = 0.5            # probability from which a voice counts as speaking
PAUSE = 0.2             # seconds without speech that end a stretch
AROUND = 0.25           # seconds before and after a frame that are compared to find a change of voice
SHORTEST_TURN = 0.15    # seconds; shorter blips are nobody's turn


class Heard(NamedTuple):
    """What the network says of a recording: stretches of one voice's speech, and the frames in which two speak."""

    stretches: list[Stretch]
    overlap: np.ndarray


class PyannoteDiariser:
    """models.diariser.Diariser with two networks. Raises pytorch.NoTorch, records.Problem when they cannot be had."""

    name = "pyannote"

    def __init__(self, models: Models, threads: int = 1, step: float = OVERLAP) -> None:
        self._torch = pytorch.load()
        self._threads = threads
        self._voices = Ecapa(models, threads)
        self._net = _segmentation(self._torch, shelf.locate("pyannote", models) / "pytorch_model.bin")
        self._window = round(self._net.specifications.duration * RATE)
        self._hop = round(self._window * step)
        self.version = f"2/{shelf.version('pyannote', models)}/{self._voices.version}"

    def diarise(self, samples: np.ndarray, speakers: int = 2) -> Diarisation:
        """See models.diariser.Diariser.diarise. Peak memory about 1 GB plus four times the samples."""
        if len(samples) < RATE // 4:
            return Diarisation([], {})
        heard = self._listen(samples)
        tracks = follow(self._voices, samples, heard.stretches, speakers)
        speaks = tracks.speaks.copy()
        if len(speaks) > 1:       # where two speak at once the second is whoever speaks nearest in time
            speaks |= _neighbour(tracks.speaks) & heard.overlap[:speaks.shape[1]]
        spans = [Span(start, min(end, len(samples) / RATE), speaker) for speaker, track in enumerate(speaks)
                 for start, end in runs(track, STEP, 0.0, STEP, SHORTEST_TURN)]
        return Diarisation(sorted(spans), dict(enumerate(tracks.centroids)), tracks.prints)

    def _listen(self, samples: np.ndarray) -> Heard:
        starts = range(0, max(1, len(samples) - self._window + self._hop), self._hop)
        torch = self._torch
        padded = np.pad(samples.astype(np.float32), (0, max(0, starts[-1] + self._window - len(samples))))
        heard = _Gatherer(len(padded))
        with threads_of(torch, self._threads), torch.inference_mode():
            for first in range(0, len(starts), WINDOWS_AT_ONCE):
                group = starts[first:first + WINDOWS_AT_ONCE]
                batch = np.stack([padded[start:start + self._window] for start in group])
                for start, activity in zip(group, self._net(torch.from_numpy(batch)[:, None]).numpy(), strict=True):
                    heard.add(start, activity, self._window)
        return heard.result(len(samples))


def _segmentation(torch: Any, path: Path) -> Any:
    """The network from its checkpoint, a pickle with classes of its own: read only after the shelf compared its hash."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from pyannote.audio.models.segmentation import PyanNet
        except (ImportError, OSError) as fault:
            raise pytorch.NoTorch(f"pyannote.audio does not load ({fault})") from fault
        checkpoint = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=False)
        net = PyanNet(**{name: value for name, value in checkpoint["hyper_parameters"].items() if name != "task"})
        net.specifications = checkpoint["pyannote.audio"]["specifications"]
        net.build()
        net.load_state_dict({name: value for name, value in checkpoint["state_dict"].items()
                             if not name.startswith(("validation_metric", "loss"))})
        net.eval()
    return net


class _Gatherer:
    """Averages over windows: is there speech, how many speak, does the voice change; per frame of STEP."""

    def __init__(self, length: int) -> None:
        self._frame = round(STEP * RATE)
        self._sums = np.zeros((4, length // self._frame + 2))

    def add(self, start: int, activity: np.ndarray, window: int) -> None:
        """One window's probabilities (network frames, voices), which begins at sample `start`."""
        count = window // self._frame
        first = start // self._frame
        nearest = np.minimum(((np.arange(count) + 0.5) * len(activity) / count).astype(int), len(activity) - 1)
        activity = activity[nearest]
        speaks = activity > SPEAKS
        change = np.zeros(count)
        around = round(AROUND / STEP)
        if count > 2 * around:
            mean = np.cumsum(np.concatenate([np.zeros((1, activity.shape[1])), activity * speaks]), axis=0)
            mean = mean[around:] - mean[:-around]                             # sums of `around` frames
            before, after = mean[:-around], mean[around:]
            size = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
            change[around:count - around + 1] = np.where(
                size > 0, 1 - (before * after).sum(1) / np.maximum(size, 1e-9), 0.0)
        self._sums[:, first:first + count] += [activity.max(1), speaks.sum(1), change, np.ones(count)]

    def result(self, length: int) -> Heard:
        loudest, voices, change = self._sums[:3] / np.maximum(self._sums[3], 1)
        speech = runs(loudest > SPEAKS, STEP, 0.0, PAUSE, 0.1)
        stretches = []
        for start, end in speech:
            edges = [start, *_peaks(change, start, end), end]
            stretches += [(round(a * RATE), min(length, round(b * RATE))) for a, b in pairwise(edges)]
        return Heard([(a, b) for a, b in stretches if b - a >= 0.1 * RATE], np.round(voices) > 1)


def _peaks(change: np.ndarray, start: float, end: float) -> list[float]:
    """Seconds between `start` and `end` at which most windows hear another voice after than before."""
    first, last = round(start / STEP), round(end / STEP)
    found, _ = find_peaks(change[first:last], height=0.5, distance=round(2 * AROUND / STEP))
    return [start + float(place) * STEP for place in found if AROUND <= place * STEP <= end - start - AROUND]


def _neighbour(speaks: np.ndarray) -> np.ndarray:
    """For every frame the other speaker who speaks nearest in time, as a boolean (speakers, frames)."""
    frames = np.arange(speaks.shape[1])
    distance = np.full(speaks.shape, np.inf)
    for speaker, track in enumerate(speaks):
        places = np.flatnonzero(track)
        if len(places):
            right = np.searchsorted(places, frames).clip(0, len(places) - 1)
            distance[speaker] = np.minimum(abs(places[right] - frames), abs(places[np.maximum(right - 1, 0)] - frames))
    distance[speaks] = np.inf
    return (distance.argmin(0) == np.arange(len(speaks))[:, None]) & np.isfinite(distance) & speaks.any(0)
