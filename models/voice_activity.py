"""Where there is a voice: Silero's voice activity detector (the network that comes with faster-whisper), block by block.

The network reads 16 kHz sound in windows of 512 samples (32 ms) and keeps a state from window to window, so a recording
of any length is read in blocks, with the state carried over: the answer is the same as for the whole, in constant memory.

That state remembers too long what was before: after minutes of silence a soft 嗯, and after hold music the first two seconds
of 让您久等了, are believed by a third only. `half_believed` names such places, to be heard again with a fresh state.
"""
from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SAMPLE_RATE = 16000
WINDOW = 512                        # samples that the network looks at
CONTEXT = 64                        # samples of the window before, which it wants in front
STEP = WINDOW / SAMPLE_RATE         # seconds
FLOOR = -100.0                      # dBFS given for digital silence
QUIET, RISEN = 0.5, 0.15            # seconds before and after a rise that are looked at
NOTHING, BELIEVED = 0.03, 0.5       # probabilities: below nobody is there, from here on there is a voice anyway
AFRESH, AHEAD = 5.0, 0.3            # seconds heard again, of them before the rise


class Span(NamedTuple):
    """A stretch of time, seconds."""

    start: float
    end: float


@dataclass(frozen=True)
class Activity:
    """One channel's voice and level, a value each STEP seconds: `probability` 0 to 1, `level` RMS in dBFS (both float32)."""

    probability: np.ndarray
    level: np.ndarray

    def slice(self, start: float, end: float) -> slice:
        """The windows that touch start … end (seconds)."""
        return slice(max(0, int(start / STEP)), max(0, int(np.ceil(end / STEP))))

    def voiced(self, threshold: float = 0.5, release: float = 0.35, shortest: float = 0.1, pause: float = 0.3) -> list[Span]:
        """Stretches of voice, unpadded: begin at `threshold`, end below `release`; pauses under `pause` s are bridged and
        stretches under `shortest` s left out. The thresholds are Silero's own; half a syllable lasts about 0.1 s."""
        return spans_of(self.probability, threshold, release, shortest, pause)


def spans_of(probability: np.ndarray, threshold: float, release: float, shortest: float, pause: float) -> list[Span]:
    """Hysteresis over a curve sampled each STEP seconds; see Activity.voiced."""
    high, low = probability >= threshold, probability >= release
    # A stretch is a run of `low` windows that holds at least one `high` window.
    edges = np.flatnonzero(np.diff(np.concatenate(([False], low, [False])).astype(np.int8)))
    found: list[Span] = []
    for begin, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        hits = np.flatnonzero(high[begin:stop])
        if not len(hits):
            continue
        start, end = (begin + int(hits[0])) * STEP, stop * STEP
        if found and start - found[-1].end < pause:
            found[-1] = Span(found[-1].start, end)
        else:
            found.append(Span(start, end))
    return [span for span in found if span.end - span.start >= shortest]


def half_believed(probability: np.ndarray) -> list[slice]:
    """Windows in which something rose out of quiet and was not believed at once, each a stretch of AFRESH seconds at most.

    What that gives back, and whether it finds a voice where there is none: `python -m bench.fresh_ear`."""
    there = probability >= NOTHING
    edges = np.flatnonzero(np.diff(np.concatenate(([False], there, [False])).astype(np.int8)))
    rises, falls = edges[::2].tolist(), edges[1::2].tolist()
    look, quiet = int(RISEN / STEP), int(QUIET / STEP)
    found: list[slice] = []
    for rise, before in zip(rises, [0, *falls], strict=False):
        begin = probability[rise:rise + look]
        heard = found[-1].stop if found else 0
        if rise >= heard and rise - max(before, heard) >= quiet and begin.max() < BELIEVED and begin.mean() >= NOTHING:
            found.append(slice(max(0, rise - int(AHEAD / STEP)), min(len(probability), rise - int(AHEAD / STEP) + int(AFRESH / STEP))))
    return found


class VoiceActivity:
    """The detector. May be used from several threads: a call holds all its state."""

    def __init__(self) -> None:
        package = next(iter(find_spec("faster_whisper").submodule_search_locations))  # pyright: ignore
        self._path = next((Path(package) / "assets").glob("silero_vad*.onnx"))
        self.name = self._path.stem
        self._loading = threading.Lock()

    @cached_property
    def _session(self) -> Any:
        """Loaded at the first sound: the name, which is part of a transcript's version, is known without."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1    # the pipeline has a thread a core already
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(str(self._path), options, providers=["CPUExecutionProvider"])

    def detect(self, blocks: Iterable[np.ndarray]) -> Activity:
        """Float32 mono blocks at 16 kHz, in order and without gaps; all but the last a multiple of 512 samples long."""
        with self._loading:
            session = self._session
        hidden = cell = np.zeros((1, 1, 128), np.float32)
        tail = np.zeros((1, CONTEXT), np.float32)
        probabilities, levels = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
        for block in blocks:
            if not len(block):
                continue
            windows = np.pad(block, (0, -len(block) % WINDOW)).reshape(-1, WINDOW)
            before = np.concatenate((tail, windows[:-1, -CONTEXT:]))
            tail = windows[-1:, -CONTEXT:]
            out, hidden, cell = session.run(
                None, {"input": np.concatenate((before, windows), axis=1), "h": hidden, "c": cell})
            probabilities.append(np.asarray(out, np.float32).reshape(-1))
            levels.append(level(windows))
        return Activity(np.concatenate(probabilities), np.concatenate(levels))


def level(windows: np.ndarray) -> np.ndarray:
    """RMS level in dBFS of each row of samples."""
    power = np.einsum("ij,ij->i", windows, windows) / windows.shape[1]
    return (10 * np.log10(np.maximum(power, 10 ** (FLOOR / 10)))).astype(np.float32)
