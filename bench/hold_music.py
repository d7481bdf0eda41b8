"""What is invented over sounds in which nobody speaks, and what of real speech the guards take: both aimed at 0 characters.

    python bench/hold_music.py [--seconds 30] [--seed 1] [--calls]

First every style of data/music.py, tones, noise and silence (ten minutes at the default length), then the hard cases: singing
without words, a bowed string, and songs with words (sung out of the sample calls), alone and over a band; then the sample calls,
as they are and with music behind them. One line each: seconds, characters kept, characters removed with their reasons.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "data"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import music
import singing
import telephone

from models.recogniser import Recogniser, open_recogniser
from models.voice_activity import VoiceActivity
from pipeline import guards, speech
from pipeline import music as musical
from pipeline.decode import Audio, decode
from records import Removal, Word
from settings import Settings

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "sample"
BEHIND = (("piano", -33.0), ("pop", -33.0), ("strings", -27.0), ("zither", -27.0))      # style, dBFS; speech has -21


def nobody(seconds: float, rng: np.random.Generator) -> dict[str, Callable[[], np.ndarray]]:
    """Makers of sounds in which nobody speaks; music twice as long as the others."""
    long = seconds * 2
    return {f"music {style}": partial(music.play, style, long, -26, rng) for style in ("plain", *music.STYLES)} | {
        "ring": lambda: telephone.ring_back(seconds, -24), "busy": lambda: music.busy(seconds, -24),
        "keys": lambda: music.keys(seconds, -20, rng), "clatter": lambda: music.clatter(seconds, -26, rng),
        "hum": lambda: music.hum(seconds, -35), "murmur": lambda: music.crowd(seconds, -34, rng),
        "loud noise": lambda: telephone.line_noise(int(seconds * telephone.RATE), -30, rng),
        "silence": lambda: np.zeros(int(seconds * telephone.RATE), np.float32)}


def hard(seconds: float, rng: np.random.Generator) -> dict[str, Callable[[], np.ndarray]]:
    """Makers of music that is like a voice."""
    made: dict[str, Callable[[], np.ndarray]] = {}
    for name, backing in singing.ACCOMPANIED.items():
        made[f"la la la {name}"] = partial(singing.sing, seconds, -24, rng, 220.0, backing)
        made[f"la la la {name}, low"] = partial(singing.sing, seconds, -24, rng, 120.0, backing)
        for call, lowest in (("sample-008", 120.0), ("sample-004", 220.0)):
            made[f"song {name}, {lowest:.0f} Hz"] = partial(singing.sung, lyrics(call, seconds / 1.5), rng, -24, lowest, backing)
    return made | {"bow": partial(singing.bow, seconds, -24, rng), "bow with strings": partial(
        singing.bow, seconds, -24, rng, 290.0, "strings")}


def lyrics(call: str, seconds: float) -> np.ndarray:
    """What the agent of a mono sample call says, without the pauses, at 8 kHz."""
    row = next(row for line in (SAMPLES / "gold.jsonl").read_text("utf-8").splitlines()
               if (row := json.loads(line)["transcript"])["call_id"] == call)
    path = next((SAMPLES / "recordings").glob(f"{call}.*"))
    with decode(str(path), max_hours=1) as audio:
        said = [audio.read(0, turn["start"], turn["end"]) for turn in row["turns"] if turn["speaker"] == "agent"]
    return np.concatenate(said)[::2][:int(seconds * telephone.RATE)]


class Listener:
    """Recognises a channel and guards it, as the pipeline does."""

    def __init__(self, recogniser: Recogniser) -> None:
        self.recogniser, self.detector = recogniser, VoiceActivity()

    def words(self, audio: Audio, channel: int = 0) -> tuple[list[Word], list[Removal]]:
        """What is kept, and what is removed."""
        activity = speech.find_voice(audio, channel, self.detector)
        heard = [speech.place(chunk, self.recogniser.recognise([speech.samples(audio, chunk)])[0], activity.voiced())
                 for chunk in speech.pack(activity, channel, audio.duration, self.recogniser.window)]
        words, removed = guards.guard(heard, activity, channel)
        words, more = guards.without_music(words, channel, partial(musical.share, audio, channel))
        return words, removed + more


def down_the_line(sound: np.ndarray, rng: np.random.Generator) -> Audio:
    """8 kHz samples over a faint line noise, through A-law."""
    noisy = telephone.a_law(np.clip(sound + telephone.line_noise(len(sound), -52, rng), -0.98, 0.98))
    return Audio.from_samples(resample_poly(noisy, 2, 1))


def calls(rng: np.random.Generator) -> Iterator[tuple[str, Audio]]:
    """The sample calls, then the mono ones with music behind them."""
    for path in sorted((SAMPLES / "recordings").iterdir()):
        if path.stem != "sample-015":       # no recording
            with decode(str(path), max_hours=1) as audio:
                yield path.stem, audio
    for style, level in BEHIND:
        for path in (next((SAMPLES / "recordings").glob(f"{call}.*")) for call in ("sample-004", "sample-008")):
            with decode(str(path), max_hours=1) as audio:
                behind = resample_poly(music.play(style, audio.duration + 1, level, rng), 2, 1)[:audio.frames]
                with Audio.from_samples(np.clip(audio.read(0) + behind, -0.98, 0.98)) as mixed:
                    yield f"{path.stem} with {style} {level + 21:.0f} dB", mixed


def told(name: str, seconds: float, kept: list[Word], removed: list[Removal]) -> int:
    """Prints a line; how many characters are kept."""
    count = sum(len(word.text.strip("，。？！,.?! ")) for word in kept)
    reasons = Counter[str]()
    for each in removed:
        reasons[each.reason] += len(each.text)
    print(f"{name:34} {seconds:6.0f} s  kept {count:4}  removed {dict(reasons) or 0}", flush=True)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls", action="store_true", help="only the sample calls: what of real speech is taken")
    options = parser.parse_args()
    settings = Settings()
    listener = Listener(open_recogniser(settings.models, settings.speech))
    rng = np.random.default_rng(options.seed)
    for title, makers in () if options.calls else (("nobody speaks", nobody), ("like a voice", hard)):
        total = seconds = 0.0
        for name, make in makers(options.seconds, rng).items():
            with down_the_line(make(), rng) as audio:
                seconds += audio.duration
                total += told(name, audio.duration, *listener.words(audio))
        print(f"{title}: {total:.0f} characters in {seconds / 60:.1f} minutes\n")
    for name, audio in calls(rng):
        for channel in range(audio.channels):
            told(f"{name} {channel}", audio.duration, *listener.words(audio, channel))


if __name__ == "__main__":
    main()
