"""Fits and tests the calibration of word confidences (models/confidence.py) on calls whose words are known.

    python -m bench.confidence                              the sample calls: reliability before and after, voice by voice
    python -m bench.confidence --hours 0.5                  and so many hours of the benchmark's corpus (spoken where need be)
    python -m bench.confidence --hours 0.5 --write          and models/confidence.json is written anew for this recogniser

Every heard word is right when all its characters were said there. The figures are of words of voices that the fit has not
heard: it is made anew without each voice in turn. Brier is the mean square of (confidence - right), lower is better; ECE the
mean distance between what a band of words promised and how many of them were right.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import yaml
from sklearn.linear_model import LogisticRegression

from bench.speech.align import align, marks, right
from bench.speech.truth import Truth
from models import confidence
from models.recogniser import open_recogniser
from models.voice_activity import VoiceActivity
from pipeline import channels, decode, hints, speech
from records import Transcript, Turn, Word
from settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "data" / "sample"
BANDS = (0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
FEWEST = 60             # words of a voice that are worth a line of their own


class Heard(NamedTuple):
    """Words as rows of features, their own probabilities, whether they are right, and whose voice said them."""

    rows: np.ndarray
    own: np.ndarray
    right: np.ndarray
    voice: np.ndarray


class Collector(confidence.Calibration):
    """Stands in for a calibration: notes the features of every word, whose number it then carries as its confidence."""

    rows: ClassVar[list[np.ndarray]] = []
    own: ClassVar[list[float]] = []

    def applied(self, words: Sequence[Word], chunk: Any, sound: np.ndarray) -> list[Word]:
        if not words:
            return []
        first = len(self.own)
        self.rows.extend(confidence.features(words, chunk, sound))
        self.own.extend(word.confidence or 0.0 for word in words)
        return [word.model_copy(update={"confidence": float(first + index)}) for index, word in enumerate(words)]


def samples() -> Iterator[Truth]:
    """The sample calls as the corpus has its own; their voices stand in the scripts."""
    scripts = {script["call"]["call_id"]: script for path in sorted((ROOT / "data" / "scripts").glob("*.yaml"))
               for script in [yaml.safe_load(path.read_text("utf-8"))]}
    recordings = {path.stem: path for path in (SAMPLES / "recordings").iterdir()}
    for line in (SAMPLES / "gold.jsonl").read_text("utf-8").splitlines():
        call = Transcript.model_validate(json.loads(line)["transcript"])
        script = scripts.get(call.call_id)
        if script is None or call.call_id not in recordings:
            continue
        agent = {"left": 0, "right": 1}.get(script["line"].get("agent_on", ""))
        mono = agent is None
        turns = tuple(turn.model_copy(update={"channel": 0 if agent is None else agent if turn.speaker != "customer" else 1 - agent})
                      for turn in call.turns)
        yield Truth(name=call.call_id, path=str(recordings[call.call_id]), condition="sample", mono=mono, seconds=call.duration or 0.0,
                    transcript=call.model_copy(update={"turns": turns}), agent_channel=agent,
                    voices=tuple(script["voices"].get(turn.speaker, {"voice": "?"})["voice"] for turn in turns))


def corpus(hours: float) -> Iterator[Truth]:
    """So many hours of the benchmark's calls, spoken and rendered where they are not there yet."""
    from bench.speech import __main__ as whole
    from bench.speech import rendering, weights
    from bench.speech.speaking import Studio

    studio = Studio(lambda: weights.locate(None, whole.CACHE), whole.CACHE / "spoken", 2)
    seconds = 0.0
    for take in rendering.plan(rendering.scripts(), 1):
        if seconds >= hours * 3600:
            return
        truth = rendering.render(take, studio.say, whole.CACHE / "recordings", 1)
        seconds += truth.seconds
        yield truth


def listen(truths: Sequence[Truth], settings: Settings) -> Heard:
    """Recognises every channel and finds out of each word whether it was said and by whom."""
    recogniser: Any = open_recogniser(settings.models, settings.speech)
    recogniser._calibration = collector = Collector()
    detector = VoiceActivity()
    good: dict[int, bool] = {}
    voice: dict[int, str] = {}
    for truth in truths:
        print(f"{truth.name}", file=sys.stderr, flush=True)
        with decode.decode(truth.path, max_hours=1) as audio:
            told = hints.expected(truth.transcript, settings.scoring.organisations)
            layout = channels.layout(audio)
            for channel in (0, 1) if layout.kind == "stereo" else (layout.channel,):
                activity = speech.find_voice(audio, channel, detector)
                words: list[Word] = []
                for chunk in speech.pack(activity, channel, audio.duration, recogniser.window):
                    segment, = recogniser.recognise([speech.samples(audio, chunk)], [told])
                    words += speech.place(chunk, segment, activity.voiced()).words
                mine = [index for index, turn in enumerate(truth.transcript.turns) if truth.mono or turn.channel == channel]
                _judge([truth.transcript.turns[index] for index in mine], [truth.voices[index] for index in mine], words, good, voice)
    index = np.array(sorted(good), int)
    return Heard(np.array(collector.rows)[index], np.array(collector.own)[index], np.array([good[at] for at in index]),
                 np.array([voice[at].split("*")[0] for at in index]))


def _judge(said: Sequence[Turn], voices: Sequence[str], words: Sequence[Word], good: dict[int, bool], voice: dict[int, str]) -> None:
    """Notes in `good` and `voice` what became of each heard word; words carry their number as confidence."""
    if not words:
        return
    heard = Turn(speaker="unknown", text="".join(word.text for word in words), start=words[0].start, end=words[-1].end,
                 words=tuple(words))
    truth, found = marks(said), marks([heard])
    speaker = voices[0] if voices else "?"
    for pair in align(truth, found):
        if pair.said is not None:
            speaker = voices[truth[pair.said].turn]
        if pair.heard is None or found[pair.heard].word < 0:
            continue
        number = int(found[pair.heard].confidence or 0)
        good[number] = good.get(number, True) and right(pair, truth, found)
        voice.setdefault(number, speaker)


def fit(heard: Heard, chosen: np.ndarray) -> confidence.Calibration:
    """The calibration that the chosen words give."""
    rows = heard.rows[chosen]
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    spread[spread < 1e-3] = 1.0         # what never changes tells nothing
    model = LogisticRegression(C=0.3, max_iter=2000).fit((rows - centre) / spread, heard.right[chosen])
    return confidence.Calibration("fitted", centre, spread, model.coef_[0], float(model.intercept_[0]))


def unheard_voices(heard: Heard) -> np.ndarray:
    """For every word the confidence that a fit without its voice gives it."""
    sure = np.zeros(len(heard.right))
    for voice in np.unique(heard.voice):
        mine = heard.voice == voice
        sure[mine] = fit(heard, ~mine).probability(heard.rows[mine])
    return sure


def brier(sure: np.ndarray, good: np.ndarray) -> float:
    return float(np.mean((sure - good) ** 2))


def expected_error(sure: np.ndarray, good: np.ndarray) -> float:
    """ECE over BANDS."""
    return float(sum(abs(sure[one].mean() - good[one].mean()) * one.mean() for one in _bands(sure) if one.any()))


def _bands(sure: np.ndarray) -> list[np.ndarray]:
    return [(sure >= low) & ((sure < high) | (high == 1)) for low, high in pairwise(BANDS)]


def show(heard: Heard, sure: np.ndarray) -> None:
    print(f"{len(heard.right)} words, {heard.right.mean():.1%} right, {len(np.unique(heard.voice))} voices\n")
    print(f"{'voice':14}{'words':>7}{'right':>8}   own: mean{'Brier':>8}{'ECE':>7}   calibrated: mean{'Brier':>8}{'ECE':>7}")
    for name in [*np.unique(heard.voice), "all"]:
        mine = (heard.voice == name) | (name == "all")
        if mine.sum() < FEWEST:
            continue
        good, own, new = heard.right[mine], heard.own[mine], sure[mine]
        print(f"{name:14}{mine.sum():7}{good.mean():8.1%}{own.mean():12.2f}{brier(own, good):8.3f}{expected_error(own, good):7.3f}"
              f"{new.mean():19.2f}{brier(new, good):8.3f}{expected_error(new, good):7.3f}")
    print("\nconfidence          own: words   right   calibrated: words   right")
    for low, high, old, new in zip(BANDS, BANDS[1:], _bands(heard.own), _bands(sure), strict=False):
        print(f"{low:.2f} to {high:.2f}{old.sum():17}{_share(heard.right[old]):>8}{new.sum():20}{_share(heard.right[new]):>8}")


def _share(good: np.ndarray) -> str:
    return f"{good.mean():.0%}" if len(good) else "–"


def write(name: str, heard: Heard) -> None:
    """Puts the calibration that all words give into models/confidence.json."""
    file = ROOT / "models" / confidence.FILE
    known = json.loads(file.read_text("utf-8"))
    made = fit(heard, np.ones(len(heard.right), bool))
    known[name] = {"features": list(confidence.FEATURES), "words": len(heard.right),
                   **{key: [round(float(each), 4) for each in getattr(made, key)] for key in ("centre", "spread", "weights")},
                   "bias": round(made.bias, 4)}
    file.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    print(f"\nwritten: {file}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="whisper-base")
    parser.add_argument("--hours", type=float, default=0.0, help="of the benchmark's corpus, beside the sample calls")
    parser.add_argument("--write", action="store_true", help="write models/confidence.json")
    options = parser.parse_args()
    settings = Settings()
    settings.models.recogniser = options.model
    heard = listen([*samples(), *corpus(options.hours)], settings)
    show(heard, unheard_voices(heard))
    if options.write:
        write(options.model, heard)


if __name__ == "__main__":
    main()
