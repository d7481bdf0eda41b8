"""Mono calls through the real models: announcement, agent, customer and a colleague keep their sides."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from pipeline.decode import RATE, decode
from pipeline.transcribe import Transcriber
from records import Call, Recording, Transcript
from settings import Settings

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "sample"
Turn = tuple[float, float, str]


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    return Transcriber.from_settings(Settings())


def truth(call: str) -> list[Turn]:
    row = next(row for line in (SAMPLES / "gold.jsonl").read_text("utf-8").splitlines()
               if (row := json.loads(line)["transcript"])["call_id"] == call)
    return [(turn["start"], turn["end"], turn["speaker"]) for turn in row["turns"]]


def confused(transcript: Transcript, turns: list[Turn]) -> float:
    """Share of the characters heard that are given to another speaker than the one who speaks at that time."""
    wrong = heard = 0
    for turn in transcript.turns:
        for word in turn.words:
            middle = (word.start + word.end) / 2
            away = [max(start - middle, middle - end, 0.0) for start, end, _ in turns]
            who = {speaker for (_, _, speaker), far in zip(turns, away, strict=True) if far <= min(away)}
            heard += len(word.text)
            wrong += len(word.text) * (turn.speaker not in who)
    return wrong / heard


def transcribed(transcriber: Transcriber, path: Path) -> Transcript:
    (_, made), = transcriber.run([Recording(call=Call(call_id=path.stem), path=str(path))])
    assert isinstance(made, Transcript), made
    return made


@pytest.mark.speech
def test_an_announcement_and_two_alike_women_in_one_channel(transcriber: Transcriber) -> None:
    """The announcement's man is further from both women than they are from each other: two voices by sound were he and they."""
    made = transcribed(transcriber, SAMPLES / "recordings" / "sample-010.wav")
    assert made.turns[0].speaker == "ivr" and made.turns[1].speaker == "agent"
    assert confused(made, truth("sample-010")) <= 0.1


@pytest.mark.speech
@pytest.mark.parametrize("stereo", [False, True])
def test_a_colleague_with_another_voice_takes_over_on_the_agents_side(transcriber: Transcriber, tmp_path: Path, stereo: bool
                                                                      ) -> None:
    turns = truth("sample-012")
    with decode(str(next((SAMPLES / "recordings").glob("sample-012.*"))), max_hours=1) as audio:
        sides = [audio.read(channel) for channel in (0, 1)]
    middle = turns[len(turns) // 2][0]
    start, end, _ = next(turn for turn in turns if turn[2] == "agent")
    agent = int(np.argmax([np.square(side[int(start * RATE):int(end * RATE)]).sum() for side in sides]))
    for start, end, speaker in turns:
        if speaker == "agent" and start > middle:       # a deeper voice, as long as the turn allows
            first, last = int(start * RATE), int(end * RATE)
            deeper = resample_poly(sides[agent][first:last], 5, 4)
            sides[agent][first:last] = deeper[:last - first]
    mixed = np.stack(sides, axis=1) if stereo else np.clip(sum(sides), -1, 1)
    soundfile.write(tmp_path / "call.wav", resample_poly(mixed, 1, 2, axis=0), RATE // 2)
    made = transcribed(transcriber, tmp_path / "call.wav")
    assert made.recognition["layout"]["kind"] == ("stereo" if stereo else "mono")
    assert confused(made, turns) <= 0.1
