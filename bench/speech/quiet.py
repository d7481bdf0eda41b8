"""Ten minutes in which nobody speaks: hold music of all styles, singing without words, a bowed string, ring-back, busy tone, keys,
hum, clatter, murmur, noise, plain silence.

Every character that anyone hears in it is invented. Another seed makes other music.
"""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import make_samples
import music
import numpy as np
import singing
import telephone
from telephone import RATE

from bench.speech.truth import Noise, Truth
from records import Transcript

MINUTES = 10.0
CONDITION = "nobody speaks"


def kinds(rng: np.random.Generator) -> dict[str, Callable[[float], np.ndarray]]:
    """Makers of a stretch of so many seconds, by what is heard in it."""
    made: dict[str, Callable[[float], np.ndarray]] = {f"music {style}": lambda seconds, style=style: music.play(style, seconds, -26, rng)
                               for style in ("plain", *music.STYLES)}
    return made | {
        "music sung": lambda seconds: singing.sing(seconds, -26, rng, 220.0, "pop"),
        "music sung low": lambda seconds: singing.sing(seconds, -26, rng, 120.0, "strings"),
        "music bowed": lambda seconds: singing.bow(seconds, -26, rng),
        "ring": lambda seconds: telephone.ring_back(seconds, -24),
        "busy": lambda seconds: music.busy(seconds, -24),
        "keys": lambda seconds: music.keys(seconds, -20, rng),
        "clatter": lambda seconds: music.clatter(seconds, -26, rng),
        "hum": lambda seconds: music.hum(seconds, -35),
        "murmur": lambda seconds: music.crowd(seconds, -34, rng),
        "loud noise": lambda seconds: telephone.line_noise(int(seconds * RATE), -30, rng),
        "silence": lambda seconds: np.zeros(int(seconds * RATE), np.float32),
    }


def channel(rng: np.random.Generator, minutes: float, number: int) -> tuple[np.ndarray, list[Noise]]:
    """One channel (n,) over a faint line noise, and what is heard when. Music gets twice the time of anything else."""
    makers = kinds(rng)
    weights = {kind: 2.0 if kind.startswith("music") else 1.0 for kind in makers}
    order = list(makers)
    rng.shuffle(order)
    pieces, sounds, now = [], [], 0.0
    for kind in order:
        seconds = round(minutes * 60 * weights[kind] / sum(weights.values()), 2)
        piece = makers[kind](seconds)
        pieces.append(piece)
        sounds.append(Noise(kind=kind, start=now, end=now + len(piece) / RATE, channel=number))
        now += len(piece) / RATE
    sound = np.concatenate(pieces)
    sound = sound + telephone.line_noise(len(sound), -52, rng)
    return telephone.a_law(np.clip(sound, -0.98, 0.98)), sounds


def render(folder: Path, seed: int, minutes: float = MINUTES) -> list[Truth]:
    """A mono and a stereo file, each `minutes` long, with their truth: no turns at all."""
    truths = []
    for mono in (True, False):
        name = f"{'mono' if mono else 'stereo'}-nobody-{seed}-{minutes:g}"
        rng = np.random.default_rng([seed, mono])
        made = [channel(rng, minutes, number) for number in range(1 if mono else 2)]
        length = min(len(sound) for sound, _ in made)
        path = folder / f"{name}.wav"
        folder.mkdir(parents=True, exist_ok=True)
        make_samples.write_recording(path, np.stack([sound[:length] for sound, _ in made]), "pcm_alaw")
        truths.append(Truth(name=name, path=str(path), condition=CONDITION, mono=mono, seconds=length / RATE,
                            transcript=Transcript(call_id=name, turns=()), sounds=tuple(s for _, each in made for s in each)))
    return truths
