"""The whole command on real speech with the real recogniser: what `make demo` promises, and what it heard beside the scripts.

Recognising the sample calls takes minutes: it is done once here, and whatever is asked of them really heard is asked in this file.
"""
from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest
from pypinyin import lazy_pinyin

from pipeline import voice
from records import Transcript, Turn
from rules.engine import Engine
from store.lake import Lake

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "sample"
BAD = "sample-015"      # the sample that is no recording
MEASURED = ("sample-003", "sample-007", "sample-008")       # stereo with interruptions, stereo with silence, mono
pytestmark = [pytest.mark.speech, pytest.mark.timeout(1800)]


def run(workspace: Path, prefect: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tingjian", "run", str(SAMPLE), "--workspace", str(workspace)], cwd=ROOT, text=True,
        capture_output=True, timeout=900, env=os.environ | {"TINGJIAN_MONITORING__PREFECT_HOME": str(prefect)})


class Demo(NamedTuple):
    workspace: Path
    prefect: Path
    first: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = tmp_path_factory.mktemp("demo")
    return Demo(home / "workspace", home / "prefect", run(home / "workspace", home / "prefect"))


@pytest.fixture(scope="module")
def heard(demo: Demo) -> dict[str, Transcript]:
    return {made.call_id: made for made in Lake.open(demo.workspace).transcripts()}


@pytest.fixture(scope="module")
def truth() -> dict[str, Transcript]:
    calls = [json.loads(line) for line in (SAMPLE / "gold.jsonl").read_text("utf-8").splitlines()]
    return {call["transcript"]["call_id"]: Transcript.model_validate(call["transcript"]) for call in calls}


def test_every_good_sample_gets_a_card_the_bad_one_its_reason_and_again_nothing_is_done(
        demo: Demo, truth: dict[str, Transcript]) -> None:
    with (SAMPLE / "manifest.csv").open(encoding="utf-8") as file:
        expected = sorted(row["call_id"] for row in csv.DictReader(file))
    first = demo.first
    assert first.returncode == 1, first.stdout + first.stderr
    assert f"failed: {BAD}: " in first.stderr and "\x1b" not in first.stdout + first.stderr
    lake = Lake.open(demo.workspace)
    assert lake.call_ids() == [call_id for call_id in expected if call_id != BAD]
    assert lake.failures().collect()["call_id"].to_list() == [BAD]
    drafts = list(lake.drafts())
    assert all(draft.items and draft.findings for draft in drafts) and len({draft.form for draft in drafts}) > 1
    for transcript in lake.transcripts():
        assert {turn.speaker for turn in transcript.turns} >= {"agent"} and transcript.duration, transcript.call_id
    assert _syllables_heard(lake.transcript("sample-001").turns, truth["sample-001"].turns) > 0.6

    words = list(lake.transcripts())
    second = run(demo.workspace, demo.prefect)
    assert second.returncode == 1 and f"nothing to do: {len(expected) - 1} calls are finished" in second.stdout
    assert list(lake.transcripts()) == words and f"failed: {BAD}: " in second.stderr


def _syllables_heard(heard: Sequence[Turn], spoken: Sequence[Turn]) -> float:
    """Share of the spoken toneless syllables that were heard, in order."""
    truth, got = (lazy_pinyin("".join(turn.text for turn in turns), errors="ignore") for turns in (spoken, heard))
    return sum(block.size for block in SequenceMatcher(None, truth, got, autojunk=False).get_matching_blocks()) / len(truth)


# --- what was heard, beside the scripts ---------------------------------------------------------------------------------------

def words_of(call: Transcript, speaker: str) -> str:
    return "".join(turn.text for turn in call.turns if turn.speaker == speaker)


def test_a_stereo_call_becomes_turns_of_agent_and_customer(heard: dict[str, Transcript]) -> None:
    made = heard["sample-001"]
    assert "请问有什么可以帮您" in words_of(made, "agent") and "宽带" in words_of(made, "customer")
    assert all(turn.text[-1] in "。？！" and turn.words and turn.loudness is not None for turn in made.turns)
    assert made.recognition["layout"]["kind"] == "stereo" and len(made.recognition["audio"]["sha256"]) == 64
    assert not re.search("[們請個]", words_of(made, "agent"))


def test_a_call_with_crosstalk_loses_only_what_leaked_in(heard: dict[str, Transcript], truth: dict[str, Transcript]) -> None:
    """sample-005 has each speaker 25 dB down in the other's channel; every removed phrase lies inside the other's speech."""
    made = heard["sample-005"]
    leaked = [gone for gone in made.removed if gone.reason == "bleed"]
    assert leaked
    for gone in leaked:
        middle = (gone.start + gone.end) / 2
        assert any(turn.channel != gone.channel and (turn.start or 0) <= middle <= (turn.end or 0) for turn in made.turns), gone
    for speaker in ("agent", "customer"):
        own, kept = words_of(truth["sample-005"], speaker), words_of(made, speaker)
        found = sum(block.size for block in SequenceMatcher(None, own, kept, autojunk=False).get_matching_blocks())
        assert found > 0.75 * len(own), (speaker, kept)       # the model's own errors on this call are about 15 %


# --- how it was said, beside the scripts --------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.open()


def value(engine: Engine, call: Transcript, rule: str) -> float | None:
    view = engine.view(call)
    return view.finding(rule, view.outcome(rule)).value


@pytest.mark.parametrize(("call", "rule", "near"), [
    ("sample-003", "voice.rate", 0.12), ("sample-007", "voice.rate", 0.05), ("sample-008", "voice.rate", 0.05),
    ("sample-003", "voice.interruption", 0.0), ("sample-007", "voice.interruption", 0.0), ("sample-008", "voice.interruption", 0.0),
    ("sample-007", "voice.silence", 0.05),
    ("sample-003", "voice.listening", 0.05), ("sample-007", "voice.listening", 0.05), ("sample-008", "voice.listening", 0.05),
])
def test_measures_of_the_sound_are_those_of_the_script(
        heard: dict[str, Transcript], truth: dict[str, Transcript], engine: Engine, call: str, rule: str, near: float) -> None:
    assert value(engine, heard[call], rule) == pytest.approx(value(engine, truth[call], rule), rel=near, abs=0.3 if near else 0)


@pytest.mark.parametrize("call", MEASURED)
def test_the_longest_silence_is_the_scripts(heard: dict[str, Transcript], truth: dict[str, Transcript], call: str) -> None:
    turns = truth[call].turns
    wanted = max((turn.start or 0) - max(before.end or 0 for before in turns[:index]) for index, turn in enumerate(turns) if index)
    assert max(turn.silence or 0 for turn in heard[call].turns[1:]) == pytest.approx(wanted, abs=0.5)


def test_a_turn_that_cuts_in_is_measured_as_the_script_has_it(heard: dict[str, Transcript], truth: dict[str, Transcript]) -> None:
    def cut_ins(call: Transcript) -> list[float]:
        return [turn.interruption for turn in voice.measure(call.turns, {}) if turn.speaker == "agent" and turn.interruption]

    found = [seconds for seconds in cut_ins(heard["sample-003"]) if seconds > 0.5]
    wanted = [seconds for seconds in cut_ins(truth["sample-003"]) if seconds > 0.5]
    assert len(found) == len(wanted) == 3
    assert found == pytest.approx(wanted, abs=0.4)


@pytest.mark.parametrize(("call", "agent", "customer"), [
    ("sample-003", (100, 150), (200, 270)), ("sample-008", (100, 150), (200, 290))])
def test_the_pitch_of_every_turn_is_its_speakers(
        heard: dict[str, Transcript], call: str, agent: tuple[int, int], customer: tuple[int, int]) -> None:
    for who, (low, high) in (("agent", agent), ("customer", customer)):
        turns = [turn for turn in heard[call].turns if turn.speaker == who and (turn.speech or 0) > 1]
        assert all(low < (turn.pitch or 0) < high for turn in turns), [turn.pitch for turn in turns]
        assert 2 < median(turn.pitch_spread or 0 for turn in turns) < 5


def test_the_measures_come_with_every_turn_of_a_spoken_call(heard: dict[str, Transcript], engine: Engine) -> None:
    for call in (heard[call_id] for call_id in MEASURED):
        assert all(None not in (turn.speech, turn.overlap, turn.interruption, turn.silence, turn.loudness) for turn in call.turns)
        for rule in ("voice.rate", "voice.loudness", "voice.pitch", "voice.silence", "voice.listening"):
            view = engine.view(call)
            assert view.outcome(rule).verdict != "not_applicable", rule
