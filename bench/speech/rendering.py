"""The corpus: every script, cast by seed, under several conditions, as files below the cache folder with their truth beside.

A rendering's name holds a digest of all that shapes it, so what is there is right, and another number of hours or another
selection shares what both need. Same seed, same bytes on one machine (Kokoro's sound may differ in the last bits on another).
"""
from __future__ import annotations

import hashlib
import inspect
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import dialogue
import make_samples
import music
import numpy as np
import telephone
from dialogue import Say, Script
from telephone import RATE

from bench.speech import ROOT, lines
from bench.speech import truth as facts_of
from bench.speech.casting import Cast, cast
from bench.speech.truth import Noise, Truth
from records import Transcript

SCRIPTS = (ROOT / "data" / "scripts", Path(__file__).with_name("scripts"))
MAIN = ("stereo 20 dB", "mono 20 dB", "stereo 10 dB", "stereo 30 dB")       # every call in these …
FURTHER = ("crosstalk", "packet loss", "second talker", "mono 10 dB")       # … and in one of these
SHAPING = tuple(inspect.getsource(module) for module in (lines, dialogue, telephone, music, facts_of))
TALKER = "你看这个东西放在哪里好呢？我觉得放在窗户旁边就可以了，等一下他们过来再搬，今天晚上我们吃什么？要不要出去吃？"


class Take(NamedTuple):
    """One recording to make: a script with its cast under a condition."""

    script: Script
    cast: Cast
    condition: str

    @property
    def name(self) -> str:
        return f"{self.script.call_id}-{self.condition.replace(' ', '-')}"


def scripts(folders: Iterable[Path] = SCRIPTS) -> list[Script]:
    """All scripts of the folders, those of the samples first, in the order of their file names."""
    return [dialogue.read(path) for folder in folders for path in sorted(folder.glob("*.yaml"))]


def plan(given: list[Script], seed: int, conditions: Iterable[str] | None = None) -> Iterator[Take]:
    """Takes in the order in which they join the corpus: each round has every script once, under changing conditions."""
    wanted = set(conditions or lines.CONDITIONS)
    casts = [cast(script, index, seed) for index, script in enumerate(given)]
    for lap in range(len(MAIN) + 1):
        for index, script in enumerate(given):
            own = (*(MAIN[(index + step) % len(MAIN)] for step in range(len(MAIN))), FURTHER[index % len(FURTHER)])
            if own[lap] in wanted:
                yield Take(script, casts[index], own[lap])


def render(take: Take, say: Say, folder: Path, seed: int) -> Truth:
    """The recording of a take and its truth, made unless they are there."""
    digest = _digest(take, seed)
    sound, facts = folder / f"{take.name}-{digest}.wav", folder / f"{take.name}-{digest}.json"
    if sound.exists() and facts.exists():
        return Truth.model_validate_json(facts.read_text("utf-8"))
    channels, truth = perform(take, say, seed)
    truth = truth.model_copy(update={"path": str(sound)})
    folder.mkdir(parents=True, exist_ok=True)
    make_samples.write_recording(sound, channels, "pcm_alaw")
    facts.write_text(truth.model_dump_json(), "utf-8")
    return truth


def perform(take: Take, say: Say, seed: int) -> tuple[np.ndarray, Truth]:
    """A take's channels (channels, n) at 8 kHz and its truth."""
    rng = np.random.default_rng(zlib.crc32(f"{seed} {take.script.call_id}".encode()))
    script = take.script.model_copy(update={"voices": take.cast.voices})
    stage = dialogue.act(script, say, rng)
    condition = lines.CONDITIONS[take.condition]
    rng = np.random.default_rng(zlib.crc32(f"{seed} {take.name}".encode()))
    agent_channel = int(rng.integers(0, 2))
    levels = {side: script.voices[side].level if side in script.voices else -21.0 for side in ("agent", "customer")}
    talker = None
    if condition.talker is not None:
        talker = telephone.narrow(say(TALKER, _somebody(take), 1.0), dialogue.SPOKEN_RATE)
    channels = lines.record(stage.sides, levels, condition, agent_channel, rng, talker)
    return channels, _truth(take, script, stage, agent_channel, channels.shape[1] / RATE)


def _truth(take: Take, script: Script, stage: dialogue.Stage, agent_channel: int, seconds: float) -> Truth:
    mono = lines.CONDITIONS[take.condition].mono
    channel = {"customer": 0 if mono else 1 - agent_channel}
    known = dialogue.gold(script, stage.turns, seconds, reckon=True)
    said = [{**turn, "channel": channel.get(turn["speaker"], 0 if mono else agent_channel)}
            for turn in known["transcript"]["turns"]]
    transcript = Transcript.model_validate({**known["transcript"], "call_id": take.name, "turns": said})
    voices = [script.voices[turn.by].voice for turn in stage.turns]
    return Truth(name=take.name, script=script.call_id, condition=take.condition, mono=mono, alike=take.cast.alike, transcript=transcript,
                 verdicts=known["gold"]["verdicts"], voices=tuple(voices), agent_channel=None if mono else agent_channel,
                 sounds=tuple(Noise(**sound._asdict(), channel=0 if mono else agent_channel) for sound in stage.sounds),
                 seconds=round(seconds, 2))


def _somebody(take: Take) -> str:
    """A voice that is in nobody's mouth in this call."""
    used = {voice.voice.split("*")[0] for voice in take.cast.voices.values()}
    return next(voice for voice in ("zf_xiaoyi", "zm_yunxi", "zf_xiaoni", "zm_yunyang", "zf_xiaobei") if voice not in used)


def _digest(take: Take, seed: int) -> str:
    recipe = (seed, take.script.model_dump_json(), sorted((name, voice.model_dump_json()) for name, voice in
                                                          take.cast.voices.items()), take.condition, TALKER, SHAPING)
    return hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]
