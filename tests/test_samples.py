"""The sample calls in data/: whole, decodable, within their budget, and their gold in the vocabulary of the product."""
from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

DATA = Path(__file__).resolve().parent.parent / "data"
SAMPLE = DATA / "sample"
sys.path.insert(0, str(DATA))

import dialogue  # noqa: E402
import make_samples  # noqa: E402
import telephone  # noqa: E402
import voices  # noqa: E402

BROKEN = "sample-015"
SCRIPTS = {script.call_id: script for script in map(dialogue.read, sorted((DATA / "scripts").glob("*.yaml")))}
GOLD = make_samples.earlier(SAMPLE / "gold.jsonl")
with (SAMPLE / "manifest.csv").open(encoding="utf-8", newline="") as file:
    MANIFEST = {row["call_id"]: row for row in csv.DictReader(file)}


def decoded(path: Path) -> tuple[int, int, float]:
    """Channels, sample rate and seconds of what PyAV decodes."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        return stream.codec_context.channels, stream.codec_context.sample_rate, samples / stream.codec_context.sample_rate


def test_manifest_gold_and_scripts_name_the_same_calls_and_one_that_is_broken() -> None:
    assert set(MANIFEST) == set(GOLD) | {BROKEN}
    assert set(GOLD) == set(SCRIPTS)
    assert 12 <= len(GOLD) <= 14
    assert all((SAMPLE / row["recording"]).is_file() for row in MANIFEST.values())


@pytest.mark.parametrize("call_id", sorted(GOLD))
def test_a_recording_decodes_to_the_length_and_channels_that_its_script_states(call_id: str) -> None:
    channels, _, seconds = decoded(SAMPLE / MANIFEST[call_id]["recording"])
    assert seconds == pytest.approx(GOLD[call_id]["transcript"]["duration"], abs=0.3)
    assert channels == (1 if SCRIPTS[call_id].line.layout == "mono" else 2)


def test_the_broken_recording_cannot_be_decoded() -> None:
    with pytest.raises(av.error.InvalidDataError):
        decoded(SAMPLE / MANIFEST[BROKEN]["recording"])


def test_the_samples_cost_the_repository_less_than_15_mb() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) <= 15_000_000


def test_the_samples_spread_over_formats_layouts_and_what_the_metadata_says() -> None:
    lines = [script.line for script in SCRIPTS.values()]
    assert {line.codec for line in lines} >= {
        "pcm_s16le", "pcm_alaw", "pcm_mulaw", "libmp3lame", "aac", "libopencore_amrnb", "libopus", "flac"}
    assert {line.layout for line in lines} == {"stereo", "mono", "fake_stereo"}
    assert {row["agent_channel"] for row in MANIFEST.values()} == {"left", "right", ""}
    assert {row["direction"] for row in MANIFEST.values()} == {"inbound", "outbound", ""}


@pytest.mark.parametrize("call_id", sorted(GOLD))
def test_turns_follow_each_other_inside_the_recording(call_id: str) -> None:
    transcript = GOLD[call_id]["transcript"]
    starts = [turn["start"] for turn in transcript["turns"]]
    assert starts == sorted(starts) and len(set(starts)) == len(starts)
    assert all(0 <= turn["start"] < turn["end"] <= transcript["duration"] for turn in transcript["turns"])


@pytest.mark.parametrize("call_id", sorted(GOLD))
def test_gold_is_what_the_script_gives_and_uses_only_known_rules_and_verdicts(call_id: str) -> None:
    script, call = SCRIPTS[call_id], GOLD[call_id]
    transcript = call["transcript"]
    again = dialogue.gold(script, dialogue.timed_again(script, transcript), transcript["duration"])
    assert again == call
    for rule, verdict in call["gold"]["verdicts"].items():
        assert rule in dialogue.RULES
        signal = rule in ("hold.request", "complaint.raised", "customer.abusive")
        assert verdict in (("found", "none") if signal else ("pass", "fail", "not_applicable"))


# Too rare for fourteen calls, or a rule that in practice goes one way only.
ONE_SIDED = {
    "outbound.purpose", "transfer.explained", "complaint.refusal_sandwich", "customer.abusive_handled",
    "special.silent_call",
    "special.noise", "call.duration", "taboo.filler", "taboo.abuse", "taboo.pretend_deaf", "hold.check_back",
}


@pytest.mark.parametrize("rule", [rule for rule in dialogue.RULES if rule not in ONE_SIDED])
def test_some_sample_passes_a_rule_and_some_other_fails_it(rule: str) -> None:
    seen = {call["gold"]["verdicts"].get(rule) for call in GOLD.values()}
    assert seen >= {"pass", "fail"} or seen >= {"found", "none"}


def test_a_manifest_row_says_what_its_script_says() -> None:
    for call_id, script in SCRIPTS.items():
        expected = {column: str(value) for column, value in make_samples.row(script).items() if value not in (None, "")}
        assert {column: value for column, value in MANIFEST[call_id].items() if value} == expected


def test_labels_that_contradict_the_call_are_refused() -> None:
    script = SCRIPTS["sample-001"]
    turns = dialogue.timed_again(script, GOLD["sample-001"]["transcript"])
    wrong = script.model_copy(update={"call": {**script.call, "released_by": "agent"}})
    with pytest.raises(ValueError, match=r"sample-001: closing\.hangup_order is labelled pass, the call itself says fail"):
        dialogue.gold(wrong, turns, 90.0)


def test_changed_words_ask_for_the_call_to_be_spoken_again() -> None:
    spoken = GOLD["sample-001"]["transcript"]
    changed = {"turns": [{**spoken["turns"][0], "text": "喂"}, *spoken["turns"][1:]]}
    with pytest.raises(ValueError, match="--only sample-001"):
        dialogue.timed_again(SCRIPTS["sample-001"], changed)


@pytest.mark.parametrize(("written", "said"), [
    ("工号8023", "工号八零二三"), ("8023号为您服务", "八零二三号为您服务"), ("尾号是110", "尾号是幺幺零"),
    ("扣了200元", "扣了200元"), ("3到5天", "3到5天"), ("2026年", "2026年"),
])
def test_numbers_are_written_as_a_caller_says_them(written: str, said: str) -> None:
    assert voices.spoken(written) == said


def test_a_telephone_line_carries_300_to_3400_hz_at_the_stated_noise() -> None:
    rng = np.random.default_rng(1)
    time = np.arange(voices.RATE * 2) / voices.RATE
    inside, outside = (telephone.narrow(np.sin(2 * np.pi * pitch * time).astype(np.float32), voices.RATE)[4000:-4000]
                       for pitch in (1000, 80))
    assert telephone.active_level(inside) - telephone.active_level(outside) > 40
    assert telephone.active_level(telephone.at_level(inside, -21)) == pytest.approx(-21, abs=0.1)
    noise = telephone.line_noise(16_000, -46, rng)
    assert 10 * np.log10(np.mean(noise ** 2)) == pytest.approx(-46, abs=0.1)


@pytest.mark.parametrize(("law", "container", "codec"), [
    (telephone.a_law, "alaw.wav", "pcm_alaw"), (telephone.mu_law, "mulaw.wav", "pcm_mulaw")])
def test_companding_is_about_as_coarse_as_that_of_the_real_codec(law, container: str, codec: str, tmp_path: Path) -> None:
    samples = telephone.at_level(np.random.default_rng(2).standard_normal(8000).astype(np.float32), -21)
    make_samples.write_recording(tmp_path / container, samples[None], codec)
    with av.open(str(tmp_path / container)) as recording:
        heard = np.concatenate([frame.to_ndarray().ravel() for frame in recording.decode(audio=0)]) / 32768
    ours, theirs = (10 * np.log10(np.mean(samples ** 2) / np.mean((other - samples) ** 2))
                    for other in (law(samples), heard))
    assert ours == pytest.approx(theirs, abs=1.5)


def test_interruptions_count_the_agents_starts_over_a_customer_who_speaks_on() -> None:
    turns = (dialogue.Turn("customer", 0, 4, "我想问"), dialogue.Turn("agent", 3, 5, "不行"),
             dialogue.Turn("customer", 6, 8, "那"), dialogue.Turn("agent", 7.7, 9, "对"))
    assert dialogue.interruptions(turns) == 1


def test_everything_but_speaking_imports_without_the_speaking_packages() -> None:
    program = [sys.executable, "-c", "import sys; sys.modules.update(misaki=None, onnxruntime=None, soundfile=None)\n"
               f"sys.path.insert(0, {str(DATA)!r}); import make_samples, voices; print(make_samples.COLUMNS[0])"]
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout == "call_id\n"
