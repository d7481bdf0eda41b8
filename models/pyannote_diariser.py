"""Diarisation of mono calls with pyannote.audio's segmentation network and ECAPA speaker embeddings.

The network says for every five seconds who of up to three nameless voices speaks in which frame, overlaps included. Each of
them gets an embedding from where it speaks alone; clustering gives the nameless voices of all windows their speakers.
pyannote's own pipeline does the same at ten windows a window length and fetches parts from a model hub even when they lie
here; this one takes as many windows as accuracy needs, embeds only what it must (embedding is nine tenths of the work) and
touches no network.
"""
from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from models import pytorch, shelf
from models.diariser import RATE, Diarisation, Span
from models.voice_groups import Groups, group, runs
from models.voiceprint import Ecapa, threads_of
from settings import Models

# Measured by bench/diarisation.py: finer steps than these cost more and confuse no fewer speakers.
STEP = 0.25             # of a window, from one to the next
EMBED_EVERY = 2         # windows; the voices of those between are known by their overlap with these
LONGEST = 1.0           # seconds of a voice that are embedded in each window
WINDOWS_AT_ONCE = 16    # in one forward pass: 0.2 GB
SPEAKS = 0.5            # probability from which a voice counts as speaking
SHORTEST_GAP = 0.25     # seconds; shorter pauses of one speaker are not taken out of the turn
SHORTEST_RUN = 0.15     # seconds; shorter blips are nobody's turn
SAME_VOICE = 0.75       # cosine of two centroids from which they are one voice


class PyannoteDiariser:
    """models.diariser.Diariser with two networks. Raises pytorch.NoTorch, records.Problem when they cannot be had."""

    name = "pyannote"

    def __init__(self, models: Models, threads: int = 1, step: float = STEP, embed_every: int = EMBED_EVERY) -> None:
        self._torch = pytorch.load()
        self._threads = threads
        self._voices = Ecapa(models, threads)
        self._net = _segmentation(self._torch, shelf.locate("pyannote", models) / "pytorch_model.bin")
        self._window = round(self._net.specifications.duration * RATE)
        self._hop, self._embed_every = round(self._window * step), embed_every
        self.version = f"1/{shelf.version('pyannote', models)}/{self._voices.version}"

    def diarise(self, samples: np.ndarray, speakers: int = 2) -> Diarisation:
        """See models.diariser.Diariser.diarise. Peak memory about 1 GB plus four times the samples."""
        if len(samples) < RATE // 4:
            return Diarisation([], {})
        starts = range(0, max(1, len(samples) - self._window + self._hop), self._hop)
        activity = self._activity(samples, starts)                        # (windows, frames, voices)
        step = self._window / RATE / activity.shape[1]
        if not (activity > SPEAKS).any():
            return Diarisation([], {})
        stretches, keys = _alone(samples, starts, activity > SPEAKS, self._window, self._voices.shortest,
                                 self._embed_every)
        vectors = self._voices.embed(stretches)
        seconds = np.array([len(stretch) / RATE for stretch in stretches])
        apart: dict[int, list[int]] = {}
        for index, (window, _) in enumerate(keys):
            apart.setdefault(window, []).append(index)
        groups = group(vectors, seconds, speakers, list(apart.values()), SAME_VOICE)
        tracks = _tracks(activity, [start / RATE / step for start in starts], keys, groups)
        spans = [Span(start, min(end, len(samples) / RATE), speaker) for speaker, track in enumerate(tracks)
                 for start, end in runs(track, step, 0.0, SHORTEST_GAP, SHORTEST_RUN)]
        return Diarisation(sorted(spans), dict(enumerate(groups.centroids)))

    def _activity(self, samples: np.ndarray, starts: range) -> np.ndarray:
        torch = self._torch
        padded = np.pad(samples.astype(np.float32), (0, max(0, starts[-1] + self._window - len(samples))))
        out = []
        with threads_of(torch, self._threads), torch.inference_mode():
            for first in range(0, len(starts), WINDOWS_AT_ONCE):
                batch = np.stack([padded[s:s + self._window] for s in starts[first:first + WINDOWS_AT_ONCE]])
                out.append(self._net(torch.from_numpy(batch)[:, None]).numpy())
        return np.concatenate(out)


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


def _alone(samples: np.ndarray, starts: range, speaks: np.ndarray, window: int, shortest: float, every: int,
           ) -> tuple[list[np.ndarray], list[tuple[int, int]]]:
    """For each voice of every `every`th window the samples in which it speaks alone, and its (window, voice).

    Where a voice hardly ever speaks alone, all of its speech is taken; of much speech the middle.
    """
    stretches, keys = [], []
    frame = window / speaks.shape[1]
    edges = np.round(np.arange(speaks.shape[1] + 1) * frame).astype(int)
    for number in range(0, len(starts), every):
        start, active = starts[number], speaks[number]
        piece = samples[start:start + window]
        single = active.sum(1) == 1
        for voice in range(active.shape[1]):
            for mask in (active[:, voice] & single, active[:, voice]):
                chosen = np.repeat(mask, np.diff(edges))[:len(piece)]
                if chosen.sum() >= shortest * RATE:
                    alone = piece[chosen]
                    spare = max(0, len(alone) - round(LONGEST * RATE)) // 2
                    stretches.append(alone[spare:len(alone) - spare])
                    keys.append((number, voice))
                    break
    return stretches, keys


def _tracks(activity: np.ndarray, offsets: list[float], keys: list[tuple[int, int]], groups: Groups) -> np.ndarray:
    """Boolean (speakers, frames): each window's voices under their speakers' numbers, averaged where windows overlap.

    As many speak in a frame as the windows say on average, the likeliest first.
    """
    windows, frames, _ = activity.shape
    total = round(offsets[-1]) + frames
    speakers = len(groups.centroids)
    score, count, cover = np.zeros((speakers, total)), np.zeros(total), np.zeros(total)
    embedded: dict[int, dict[int, int]] = {}
    for (window, voice), label in zip(keys, groups.labels, strict=True):
        embedded.setdefault(window, {})[voice] = int(label)
    # First the windows whose voices were embedded, then those between: they follow what the first ones say.
    for window in sorted(range(windows), key=lambda w: (w not in embedded, w)):
        span = slice(round(offsets[window]), round(offsets[window]) + frames)
        speaker_of = embedded.get(window) or _follow(activity[window], score[:, span])
        own = np.zeros((speakers, frames))
        for voice, speaker in speaker_of.items():
            own[speaker] = np.maximum(own[speaker], activity[window, :, voice])
        cover[span] += 1
        score[:, span] += own
        count[span] += (own > SPEAKS).sum(0)
    score, count = score / np.maximum(cover, 1), np.round(count / np.maximum(cover, 1))
    rank = np.argsort(np.argsort(-score, axis=0, kind="stable"), axis=0, kind="stable")
    return rank < count


def _follow(activity: np.ndarray, score: np.ndarray) -> dict[int, int]:
    """Voice → speaker for a window (frames, voices) by how well each voice fits what is known there (speakers, frames)."""
    speaks = activity > SPEAKS
    fit = (score - score.mean(0)) @ speaks                                # (speakers, voices)
    rows, columns = linear_sum_assignment(-fit)
    taken = {int(voice): int(speaker) for speaker, voice in zip(rows, columns, strict=True)}
    for voice in np.flatnonzero(speaks.any(0)):                           # more voices than speakers: the nearest one
        taken.setdefault(int(voice), int(np.argmax(fit[:, voice])))
    return taken
