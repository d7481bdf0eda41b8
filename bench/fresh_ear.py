"""What listening again gives back (models/voice_activity.half_believed): seconds of speech missed, seconds of voice where nobody
speaks, and short turns found, by one pass and with the fresh ear, over the corpus of bench/speech (its recordings, once made).

    python -m bench.fresh_ear
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.speech import quiet
from bench.speech.__main__ import CACHE
from bench.speech.truth import Truth
from models.voice_activity import STEP, Span, VoiceActivity
from pipeline import speech
from pipeline.decode import decode

AROUND, SHORT, SEED, MINUTES = 0.3, 3, 1, 10     # seconds around a turn that belong to it; characters of a short turn


def counted(spans: Sequence[Span], truth: Truth, channel: int, windows: int) -> np.ndarray:
    """(seconds missed, seconds of voice without speech, short turns found, short turns)."""
    said = truth.said(None if truth.mono else channel)
    voiced, spoken = np.zeros(windows + 400, bool), np.zeros(windows + 400, bool)
    for span in spans:
        voiced[int(span.start / STEP):int(span.end / STEP)] = True
    places = [slice(int((turn.start or 0.0) / STEP), int((turn.end or 0.0) / STEP)) for turn in said]
    for turn in said:
        spoken[max(0, int(((turn.start or 0.0) - AROUND) / STEP)):int(((turn.end or 0.0) + AROUND) / STEP)] = True
    short = [place for place, turn in zip(places, said, strict=True) if len(turn.text) <= SHORT]
    return np.array([sum((~voiced[place]).sum() for place in places) * STEP, (voiced & ~spoken).sum() * STEP,
                     sum(voiced[place].any() for place in short), len(short)])


def main() -> None:
    truths = [Truth.model_validate_json(file.read_text("utf-8")) for file in sorted((CACHE / "recordings").glob("*.json"))]
    if not truths:
        raise SystemExit(f"No recordings below {CACHE}: run python -m bench.speech --only corpus first.")
    truths += quiet.render(CACHE / "recordings", SEED, MINUTES)
    detector, totals = VoiceActivity(), {"one pass": np.zeros(4), "fresh ear": np.zeros(4)}
    for truth in truths:
        with decode(truth.path, max_hours=1) as audio:
            for channel in truth.channels:
                plain = detector.detect([audio.read(channel, 0.0, audio.duration)])
                again = speech.find_voice(audio, channel, detector)
                for name, activity in (("one pass", plain), ("fresh ear", again)):
                    totals[name] += counted(activity.voiced(), truth, channel, len(plain.probability))
    print(f"{len(truths)} recordings, {sum(truth.seconds for truth in truths) / 60:.0f} minutes")
    print(f"{'':10}{'missed s':>10}{'false s':>9}{'short turns found':>19}")
    for name, (missed, false, found, short) in totals.items():
        print(f"{name:10}{missed:10.1f}{false:9.1f}{f'{found:.0f} of {short:.0f}':>19}")


if __name__ == "__main__":
    main()
