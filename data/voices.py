"""Speaks Mandarin with Kokoro-82M on the CPU: text in, 24 kHz samples out.

    python data/voices.py WEIGHTS --voice zm_yunxi --out a.wav 请稍等，我帮您查询一下。

WEIGHTS is a directory with `config.json` (its `vocab` maps phonemes to ids), `kokoro-fp16.onnx` and `voices/NAME.bin`
(float32, one style vector of 256 numbers for each length of text). About 0.3 s of work for a second of speech on two cores.
Needs the packages of the dependency group `voices`.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from pathlib import Path

import numpy as np

VOICES = ("zf_xiaobei", "zf_xiaoxiao", "zm_yunjian", "zm_yunxi")      # of the samples; four more Mandarin ones exist
RATE = 24_000
LONGEST = 508          # phonemes: the net reads 512 positions, two of them are padding
SENTENCE_GAP = 0.18    # seconds between the parts of a text that is too long for one breath

_DIGITS = dict(zip("0123456789", "零幺二三四五六七八九", strict=True))
_COUNTED = "年月日号天个块元角分毛点小秒兆岁斤件条次位人万千百%％"


def spoken(text: str) -> str:
    """Numbers as a caller says them: digit runs of three and more are spelt (8023 → 八零二三, 138… → 幺三八…).

    Short runs, and those before a counting word (300兆), stay: the phonemiser reads them as quantities.
    """
    return re.sub(rf"(?<!\d)\d{{3,}}(?!\d|[{_COUNTED}])|(?<!\d)\d{{4,}}(?=号)",
                  lambda run: "".join(_DIGITS[digit] for digit in run.group()), text)


def kept(cache: Path, text: str, voice: str, speed: float) -> Path:
    """Where in a cache folder the sound of a text lies, spoken or not yet."""
    return cache / (hashlib.sha256(f"{voice}|{speed}|{text}".encode()).hexdigest()[:24] + ".npy")


class Speaker:
    """The voices of one weights directory. `cache` keeps what was spoken: an edited call costs only its new turns."""

    def __init__(self, weights: Path, cache: Path | None = None, threads: int = 2, seed: int = 0) -> None:
        import onnxruntime
        from misaki import zh

        self._vocabulary: dict[str, int] = json.loads((weights / "config.json").read_text("utf-8"))["vocab"]
        self._styles = {path.stem: np.fromfile(path, dtype=np.float32).reshape(-1, 1, 256)
                        for path in sorted((weights / "voices").glob("*.bin"))}
        self._phonemes = zh.ZHG2P()
        self._cache = cache
        onnxruntime.set_seed(seed)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")   # others work on this machine too
        self._net = onnxruntime.InferenceSession(
            str(weights / "kokoro-fp16.onnx"), options, providers=["CPUExecutionProvider"])

    def say(self, text: str, voice: str = VOICES[0], speed: float = 1.0) -> np.ndarray:
        """`text` to float32 samples (n,) at 24 kHz with the silent ends cut off; `speed` 0.9 is slow, 1.25 brisk.

        Raises ValueError for a voice that is not there or a text without a speakable character.
        """
        if voice not in self._styles:
            raise ValueError(f"no voice {voice!r}; there are {', '.join(self._styles)}")
        place = kept(self._cache, text, voice, speed) if self._cache else None
        if place and place.exists():
            return np.load(place)
        parts = [self._breath(part, voice, speed) for part in self._breaths(spoken(text))]
        gap = np.zeros(int(SENTENCE_GAP * RATE), np.float32)
        samples = np.concatenate([piece for part in parts for piece in (gap, part)][1:])
        if place:
            place.parent.mkdir(parents=True, exist_ok=True)
            half = place.with_suffix(f".{os.getpid()}.npy")     # whole or not there, also when two speak at once
            np.save(half, samples)
            half.replace(place)
        return samples

    def _ids(self, text: str) -> list[int]:
        phonemes = self._phonemes(text)
        phonemes = phonemes[0] if isinstance(phonemes, tuple) else phonemes
        return [self._vocabulary[symbol] for symbol in phonemes if symbol in self._vocabulary]

    def _breaths(self, text: str) -> list[str]:
        """The text in parts that the net can read, cut after punctuation."""
        if len(self._ids(text)) <= LONGEST:
            return [text]
        clauses = re.findall(r"[^，。？！；,.?!;]+[，。？！；,.?!;]*", text)
        if len(clauses) < 2:
            raise ValueError(f"too long to speak and without punctuation to cut at: {text[:40]!r}…")
        middle = len(clauses) // 2
        return self._breaths("".join(clauses[:middle])) + self._breaths("".join(clauses[middle:]))

    def _breath(self, text: str, voice: str, speed: float) -> np.ndarray:
        ids = self._ids(text)
        if not ids:
            raise ValueError(f"nothing to speak in {text!r}")
        style = self._styles[voice][len(ids)]
        # Now and then the float16 net answers with NaN alone; a speed a hundredth away cures it and cannot be heard.
        for nudge in (0.0, 0.01, -0.01, 0.02, -0.02, 0.03, -0.03, 0.04, -0.04):
            waves = self._net.run(None, {"input_ids": np.array([[0, *ids, 0]], np.int64), "style": style,
                                         "speed": np.array([speed + nudge], np.float32)})
            samples = np.asarray(waves[0])[0]
            if np.isfinite(samples).all():
                return trim(samples)
        raise RuntimeError(f"no sound for {text!r} with {voice}: only NaN at nine speeds; word it otherwise")


def trim(samples: np.ndarray, rate: int = RATE) -> np.ndarray:
    """Without the ends that are more than 40 dB below the loudest 10 ms."""
    frame = rate // 100
    energy = np.sqrt(np.mean(samples[: len(samples) // frame * frame].reshape(-1, frame) ** 2, axis=1))
    loud = np.nonzero(energy > energy.max() * 0.01)[0]
    return samples[loud[0] * frame:(loud[-1] + 1) * frame]


def main() -> None:
    import soundfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("text")
    parser.add_argument("--voice", default=VOICES[0])
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    soundfile.write(given.out, Speaker(given.weights).say(given.text, given.voice, given.speed), RATE)


if __name__ == "__main__":
    main()
