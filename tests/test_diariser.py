"""Two voices in one mono recording are told apart, with pyannote, without it, and without PyTorch."""
from __future__ import annotations

import json
import sys
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from models import clustering_diariser, diariser
from models.diariser import RATE, Diariser, Span
from models.voice_groups import group
from models.voiceprint import Timbre, normalised, pitch_of
from records import Problem
from settings import Models, Settings

SAMPLES = Path(__file__).parent.parent / "data" / "sample"
CALL, SECONDS = "sample-003", 45


@pytest.fixture(scope="module")
def call() -> tuple[np.ndarray, list[tuple[float, float, str]]]:
    """Both channels of a sample call as one, 16 kHz, and who speaks when."""
    import soundfile
    samples, rate = soundfile.read(SAMPLES / "recordings" / f"{CALL}.wav", dtype="float32", frames=SECONDS * 8000)
    mono = resample_poly(samples.sum(1), RATE // rate, 1).astype(np.float32)
    for line in (SAMPLES / "gold.jsonl").read_text("utf-8").splitlines():
        transcript = json.loads(line)["transcript"]
        if transcript["call_id"] == CALL:
            return mono, [(t["start"], t["end"], t["speaker"]) for t in transcript["turns"] if t["start"] < SECONDS]
    raise AssertionError(f"{CALL} is not in gold.jsonl")


@pytest.fixture(scope="module")
def opened() -> dict[str, Diariser]:
    models = Settings().models
    timbre = clustering_diariser.ClusteringDiariser.__new__(clustering_diariser.ClusteringDiariser)
    timbre._voices, timbre.weaker, timbre.version = Timbre(), "for this test", "1"
    return {"timbre": timbre} | {
        name: diariser.open_diariser(models.model_copy(update={"diariser": name})) for name in ("pyannote", "clustering")}


def confusion(spans: list[Span], turns: list[tuple[float, float, str]]) -> tuple[float, float]:
    """Shares of the turns' time given to the other speaker, and to nobody, at the better of both namings."""
    who = sorted({speaker for _, _, speaker in turns})
    frames = np.arange(0, SECONDS, 0.01)
    said = np.stack([np.any([(frames >= s) & (frames < e) for s, e, w in turns if w == name], axis=0) for name in who])
    found = np.zeros_like(said)
    for start, end, speaker in spans:
        found[speaker] |= (frames >= start) & (frames < end)
    spoken = said.any(0).sum()
    missed = (said.any(0) & ~found.any(0)).sum() / spoken
    right = max((said & found[list(order)]).any(0).sum() for order in permutations(range(len(who))))
    return float(1 - missed - right / spoken), float(missed)


@pytest.mark.speech
@pytest.mark.parametrize(("name", "limit"), [("pyannote", 0.04), ("clustering", 0.04), ("timbre", 0.12)])
def test_two_voices_are_told_apart(call: tuple[np.ndarray, list[tuple[float, float, str]]], opened: dict[str, Diariser],
                                   name: str, limit: float) -> None:
    samples, turns = call
    result = opened[name].diarise(samples)
    confused, missed = confusion(result.spans, turns)
    assert confused <= limit
    assert missed <= 0.05
    assert set(result.centroids) == {0, 1}
    assert result.spans == sorted(result.spans)
    assert result.spans[-1].end <= len(samples) / RATE


@pytest.mark.speech
@pytest.mark.parametrize("name", ["pyannote", "clustering", "timbre"])
def test_the_same_samples_give_the_same_spans(
        call: tuple[np.ndarray, list[tuple[float, float, str]]], opened: dict[str, Diariser], name: str) -> None:
    short = call[0][:15 * RATE]
    assert opened[name].diarise(short).spans == opened[name].diarise(short).spans


@pytest.mark.speech
@pytest.mark.parametrize("name", ["pyannote", "clustering", "timbre"])
@pytest.mark.parametrize("seconds", [0.0, 0.1, 8.0])
def test_silence_has_no_speakers(opened: dict[str, Diariser], name: str, seconds: float) -> None:
    assert opened[name].diarise(np.zeros(round(seconds * RATE), np.float32)).spans == []


def test_pyannote_asked_for_and_not_installed_is_a_problem_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diariser, "find_spec", lambda name: None)
    with pytest.raises(Problem, match=r"pip install 'tingjian\[diarize\]'"):
        diariser.open_diariser(Models(diariser="pyannote"))
    assert diariser.choose(Models()).name == "clustering"


def test_a_cough_takes_no_speakers_place() -> None:
    rng = np.random.default_rng(5)
    voices = np.eye(16)[[0] * 20 + [1] * 15 + [2]]
    vectors = normalised(voices + 0.1 * rng.normal(size=voices.shape))
    groups = group(vectors, np.array([1.0] * 35 + [0.5]), 2)
    assert list(groups.labels[:35]) == [0] * 20 + [1] * 15


def test_voices_that_speak_at_once_are_different_voices() -> None:
    vectors = normalised(np.array([[1, 0.1], [1, 0.0], [0.6, 0.8], [0.8, 0.7], [0.5, 0.8]]))
    groups = group(vectors, np.ones(5), 2, apart=[(1, 3)])
    assert groups.labels[1] != groups.labels[3]


def test_groups_with_nearly_the_same_centroid_are_one_voice() -> None:
    rng = np.random.default_rng(5)
    vectors = normalised(np.eye(8)[[0] * 30] + 0.05 * rng.normal(size=(30, 8)))
    assert set(group(vectors, np.ones(30), 2, same_voice=0.85).labels) == {0}


@pytest.mark.parametrize("hertz", [95.0, 140.0, 220.0, 310.0])
def test_pitch_is_found_though_the_line_cuts_the_fundamental(hertz: float) -> None:
    time = np.arange(RATE) / RATE
    voice = sum(np.sin(2 * np.pi * hertz * k * time) for k in range(1, 30) if 300 < hertz * k < 3400)
    assert pitch_of(np.asarray(voice, np.float32)) == pytest.approx(hertz, rel=0.03)


@pytest.mark.speech
def test_loaded_modules_can_be_looked_through_afterwards():
    """SpeechBrain's stand-ins for missing parts raise on any attribute; other libraries look at every module's file."""
    diariser.open_diariser(Models(), threads=1)
    for module in list(sys.modules.values()):
        getattr(module, "__file__", None)
