"""Speaker embeddings: a vector for a stretch of speech that is near to those of the same voice and far from others'.

ECAPA-TDNN (needs PyTorch, speechbrain and its weights) is the good one. Where it cannot be had, statistics of the spectrum
and the pitch of the voice tell two clearly different voices apart, no more; `tingjian doctor` says which is in use.
"""
from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from models import pytorch, shelf
from records import Problem
from settings import Models

RATE = 16000
BATCH_SECONDS = 6.0       # audio in one forward pass: on a CPU small batches are faster, since they stay in its cache


class Voiceprint(Protocol):
    """Turns stretches of speech into unit vectors. `shortest` is seconds below which a stretch says too little."""

    name: str
    version: str
    shortest: float

    def embed(self, stretches: Sequence[np.ndarray]) -> np.ndarray:
        """float32 mono 16 kHz arrays of any lengths → (len(stretches), dimension) of float32 rows with length 1."""
        ...


def open_voiceprint(models: Models, threads: int) -> tuple[Voiceprint, str]:
    """The best embedding that can be had here, and in words why (empty for the good one)."""
    try:
        return Ecapa(models, threads), ""
    except (pytorch.NoTorch, Problem) as fault:
        return Timbre(), str(fault)


class Ecapa:
    """ECAPA-TDNN of SpeechBrain, built here; its checkpoint is read as bare tensors, after the shelf compared its hash."""

    name = "ecapa"
    shortest = 0.4

    def __init__(self, models: Models, threads: int = 1) -> None:
        """Raises pytorch.NoTorch when a library is missing, records.Problem when the weights cannot be had."""
        self._torch = torch = pytorch.load()
        try:
            from speechbrain.lobes.features import Fbank
            from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
        except (ImportError, OSError) as fault:
            raise pytorch.NoTorch(f"speechbrain does not load ({fault})") from fault
        pytorch.forget_lazy_modules("speechbrain")
        weights = shelf.locate("ecapa", models) / "embedding_model.ckpt"
        self.version = shelf.version("ecapa", models)
        self._threads = threads
        self._fbank = Fbank(n_mels=80)
        # The sizes of SpeechBrain's published VoxCeleb model.
        self._net = ECAPA_TDNN(80, channels=[1024, 1024, 1024, 1024, 3072], kernel_sizes=[5, 3, 3, 3, 1],
                               dilations=[1, 2, 3, 4, 1], attention_channels=128, lin_neurons=192)
        self._net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self._net.eval()
        # 1.7 times as fast where the processor has the instructions; the cosine to the exact embeddings is 0.9999.
        self._halved = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())

    def embed(self, stretches: Sequence[np.ndarray]) -> np.ndarray:
        out = np.zeros((len(stretches), 192), np.float32)
        with threads_of(self._torch, self._threads), self._torch.inference_mode():
            for batch in batches([len(stretch) for stretch in stretches]):
                out[batch] = self._forward([stretches[i] for i in batch])
        return normalised(out)

    def _forward(self, stretches: list[np.ndarray]) -> np.ndarray:
        torch = self._torch
        longest = max(map(len, stretches))
        padded = torch.zeros(len(stretches), longest)
        for row, stretch in zip(padded, stretches, strict=True):
            row[:len(stretch)] = torch.from_numpy(np.ascontiguousarray(stretch, np.float32))
        share = torch.tensor([len(stretch) / longest for stretch in stretches])
        features = self._fbank(padded)
        frames = torch.arange(features.shape[1])[None, :, None]
        valid = (frames < torch.ceil(share * features.shape[1])[:, None, None]).float()
        features = features - (features * valid).sum(1, keepdim=True) / valid.sum(1, keepdim=True)   # per-stretch mean
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._halved):
            return self._net(features, share)[:, 0].float().numpy()


class Timbre:
    """Mean and spread of mel-frequency cepstra and the pitch: no model, no PyTorch. Weaker than ECAPA."""

    name = "timbre"
    version = "1"
    shortest = 0.8

    def embed(self, stretches: Sequence[np.ndarray]) -> np.ndarray:
        raw = np.stack([self._statistics(stretch) for stretch in stretches]) if len(stretches) else np.zeros((0, 27))
        # What all stretches share (the line, the microphone) is no voice: only differences count, each feature alike.
        centred = raw - np.median(raw, axis=0, keepdims=True)
        return (centred / (centred.std(axis=0, keepdims=True) + 1e-6)).astype(np.float32)

    @staticmethod
    def _statistics(stretch: np.ndarray) -> np.ndarray:
        from scipy.fft import dct
        power = spectrogram(stretch)
        mel = np.log(power @ mel_filters() + 1e-8)
        loud = mel.mean(1) >= np.quantile(mel.mean(1), 0.3)
        cepstra = np.asarray(dct(mel[loud], norm="ortho", axis=1))[:, 1:14]
        pitch = np.log2(pitch_of(stretch) / 150.0)        # octaves above 150 Hz
        return np.concatenate([cepstra.mean(0), cepstra.std(0), [6.0 * pitch]])


# --- signal ------------------------------------------------------------------------------------------------------------

def spectrogram(samples: np.ndarray, window: int = 400, hop: int = 160) -> np.ndarray:
    """Power spectra (frames, 257) of 25 ms windows every 10 ms."""
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    return np.abs(np.fft.rfft(frames * np.hanning(window), 512)) ** 2


def mel_filters(bands: int = 26, low: float = 250.0, high: float = 3600.0) -> np.ndarray:
    """Triangular filters (257, bands) over the telephone band, where every recording has something."""
    edges = 700 * (10 ** (np.linspace(np.log10(1 + low / 700), np.log10(1 + high / 700), bands + 2)) - 1)
    bins = np.fft.rfftfreq(512, 1 / RATE)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.clip(np.minimum(rising, falling), 0, None)


def pitch_of(samples: np.ndarray, low: float = 70.0, high: float = 400.0) -> float:
    """Median fundamental frequency in Hz by autocorrelation of 40 ms windows; 150 where nothing is voiced.

    The telephone band leaves out the fundamental itself; the distance of its harmonics shows in the autocorrelation.
    """
    window, hop = 640, 320
    if len(samples) < window:
        return 150.0
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop] * np.hanning(window)
    spectra = np.abs(np.fft.rfft(frames, 2048)) ** 2
    correlation = np.fft.irfft(spectra)[:, :window]
    lags = slice(int(RATE / high), int(RATE / low))
    # A window tapers off, so longer lags correlate less for no reason of the voice's: divide by the window's own.
    taper = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(window), 2048)) ** 2)[:window]
    relative = correlation[:, lags] / (correlation[:, :1] + 1e-9) * (taper[0] / taper[lags])
    voiced = (relative.max(1) > 0.5) & (correlation[:, 0] > np.quantile(correlation[:, 0], 0.4))
    if not voiced.any():
        return 150.0
    # The shortest lag nearly as good as the best: the best alone is often twice the period.
    good = relative[voiced] >= 0.85 * relative[voiced].max(1, keepdims=True)
    return float(np.median(RATE / (lags.start + good.argmax(1))))


# --- batching ----------------------------------------------------------------------------------------------------------

def batches(lengths: Sequence[int], seconds: float = BATCH_SECONDS) -> Iterator[list[int]]:
    """Indices in groups of similar length, each at most `seconds` of padded audio (one stretch may be more by itself)."""
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if group and lengths[index] * (len(group) + 1) > seconds * RATE:
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def normalised(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; a zero row stays zero."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


@contextlib.contextmanager
def threads_of(torch: Any, threads: int) -> Iterator[None]:
    """PyTorch's thread count for a while: it is one number for the whole process."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
