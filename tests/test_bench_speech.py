"""The benchmark of speech: what counts as the same text, alignment, every error rate against cases worked out by hand, the corpus."""
from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import spent
from bench.speech import casting, lines, measures, normal, quiet, rendering, scoring, speaking, tables, verdicts
from bench.speech.align import align, call_word_pairs, marks, word_pairs
from bench.speech.truth import Truth
from records import Transcript, Turn, Word

SCRIPTS = rendering.scripts()


def turn(speaker: str, start: float, end: float, text: str, channel: int = 0, words: tuple[Word, ...] = ()) -> Turn:
    return Turn(speaker=speaker, start=start, end=end, text=text, channel=channel, words=words)


def truth(turns: list[Turn], mono: bool = True, seconds: float = 20.0, voices: tuple[str, ...] = ()) -> Truth:
    return Truth(name="t", condition="c", mono=mono, transcript=Transcript(call_id="t", turns=tuple(turns)), seconds=seconds,
                 voices=voices or tuple(each.speaker for each in turns))


def stand_in(text: str, voice: str, speed: float) -> np.ndarray:
    """A voice that costs nothing: a harmonic tone of the voice's own pitch, swelling once a character, 0.2 s each."""
    time = np.arange(int(len(text) * 0.2 / speed * speaking.RATE)) / speaking.RATE
    pitch = 110 + 13 * (sum(map(ord, voice)) % 11)
    tone = sum(np.sin(2 * np.pi * pitch * part * time) / part for part in range(1, 15))
    return (0.1 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 5 * time))).astype(np.float32)


# --- what counts as the same text -----------------------------------------------------------------------------------------

@pytest.mark.parametrize(("one", "other"), [
    ("一百二十九块", "129块"), ("八零二三号", "8023号"), ("幺三八", "138"), ("三百五", "350"), ("一万二", "12000"), ("三百零五", "305"),
    ("一亿二千万", "120000000"), ("二十万", "20万"), ("三点五", "3.5"), ("百分之三十", "30%"), ("十点三十", "10:30"), ("兩個", "二个"),
    ("ＡＢＣ，", "abc"), ("稍等一下！", "稍等 一下"), ("万一", "万1"), ("千万", "千万。"), ("", "……"),
])
def test_the_same_said_in_two_ways_of_writing_compares_as_equal(one: str, other: str) -> None:
    assert normal.normal(one).text == normal.normal(other).text


@pytest.mark.parametrize(("one", "other"), [("一百二十九", "一百二十"), ("三百五", "三百零五"), ("嗯", ""), ("是", "事")])
def test_what_is_not_the_same_stays_apart(one: str, other: str) -> None:
    assert normal.normal(one).text != normal.normal(other).text


@pytest.mark.parametrize("text", ["您好，工号8023。", "一百二十九块", "30%", "3.5元", "兩點"])
def test_every_comparable_character_names_its_place_in_the_source_in_order(text: str) -> None:
    found = normal.normal(text)
    assert len(found.origin) == len(found.text)
    assert list(found.origin) == sorted(found.origin)
    assert all(0 <= place < len(text) for place in found.origin)


# --- alignment ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("said", "heard", "edits"), [
    ("您好请问", "您好请问", 0), ("您好请问", "您好请文", 1), ("您好请问", "您好问", 1), ("您好", "您们好", 1), ("", "谢谢", 2),
    ("谢谢", "", 2), ("一二三四五六", "二三四五六七", 2),       # as digits: one lost, one added
])
def test_the_alignment_has_the_lowest_number_of_edits(said: str, heard: str, edits: int) -> None:
    true, got = marks([turn("agent", 0, 2, said)]), marks([turn("agent", 0, 2, heard)])
    pairs = align(true, got)
    assert sum(pair.said is None or pair.heard is None or true[pair.said].text != got[pair.heard].text for pair in pairs) == edits
    assert [pair.said for pair in pairs if pair.said is not None] == list(range(len(true)))
    assert [pair.heard for pair in pairs if pair.heard is not None] == list(range(len(got)))


def test_characters_far_apart_in_time_are_never_paired() -> None:
    true, got = marks([turn("agent", 0, 1, "再见")]), marks([turn("agent", 30, 31, "再见")])
    assert all(None in pair for pair in align(true, got))


def test_an_interjection_stands_where_it_fell_and_not_after_the_turn_it_interrupts() -> None:
    stream = marks([turn("agent", 0, 4, "帮您查询"), turn("customer", 2.1, 2.3, "嗯")])
    assert "".join(mark.text for mark in stream) == "帮您嗯查询"


def test_a_word_is_right_when_all_its_characters_were_said_there() -> None:
    words = tuple(Word(text=text, start=at, end=at + 0.5, confidence=sure)
                  for text, at, sure in (("您好", 0, 0.9), ("请文", 0.5, 0.4), ("，", 1, 0.1), ("129", 1, 0.8)))
    heard = [turn("agent", 0, 1.5, "您好请文，129", words=words)]
    assert word_pairs([turn("agent", 0, 1.5, "您好请问一百二十九")], heard) == [(0.9, True), (0.4, False), (0.8, True)]


def test_words_of_a_stereo_call_are_judged_by_their_own_channel() -> None:
    said = [turn("agent", 0, 1, "您好", 0), turn("customer", 1, 2, "再见", 1)]
    word = Word(text="再见", start=1, end=2, confidence=0.7)
    assert call_word_pairs(said, [turn("agent", 1, 2, "再见", 0, (word,))]) == [(0.7, False)]
    assert call_word_pairs(said, [turn("agent", 1, 2, "再见", 1, (word,))]) == [(0.7, True)]


# --- error rates worked out by hand ---------------------------------------------------------------------------------------

CALL = [turn("agent", 0.0, 4.0, "您好请问"), turn("customer", 5.0, 8.0, "我要退"), turn("agent", 9.0, 10.0, "好")]


@pytest.mark.parametrize(("heard", "counts"), [
    (CALL, {"said": 8, "wrong": 0, "missing": 0, "added": 0}),
    ([turn("agent", 0, 4, "您好请文"), turn("customer", 5, 8, "我退"), turn("agent", 9, 10, "好啊")],
     {"said": 8, "wrong": 1, "missing": 1, "added": 1}),
    ([], {"said": 8, "wrong": 0, "missing": 8, "added": 0}),
])
def test_character_errors_are_counted_by_kind(heard: list[Turn], counts: dict[str, int]) -> None:
    found = measures.Aligned(truth(CALL), heard).errors()
    assert {kind: found[kind] for kind in counts} == counts


def test_errors_are_booked_on_the_voice_that_spoke() -> None:
    score = scoring.score(truth(CALL, voices=("zf_a", "zm_b", "zf_a")), Transcript(call_id="t", turns=(
        turn("agent", 0, 4, "您好请文"), turn("customer", 5, 8, "我退"), turn("agent", 9, 10, "好啊"))))
    assert score.cer == pytest.approx(3 / 8)
    assert score.cer_of("zf_a") == pytest.approx(2 / 5)
    assert score.cer_of("zm_b") == pytest.approx(1 / 3)


@pytest.mark.parametrize(("speakers", "named", "free", "roles"), [
    (("agent", "customer", "agent"), 0, 0, True),
    (("agent", "agent", "agent"), 3, 3, True),              # the customer's three went to the agent
    (("customer", "agent", "customer"), 8, 0, False),       # told apart, named the wrong way
    (("unknown", "unknown", "unknown"), 8, 8, False),
])
def test_word_diarisation_error_counts_what_went_to_the_other_speaker(
        speakers: tuple[str, str, str], named: int, free: int, roles: bool) -> None:
    heard = [each.model_copy(update={"speaker": speaker}) for each, speaker in zip(CALL, speakers, strict=True)]
    attributed = measures.Aligned(truth(CALL), heard).attribution()
    assert measures.word_diarisation(attributed) == (named, 8)
    assert measures.word_diarisation(attributed, named=False) == (free, 8)
    assert measures.roles_right(attributed) is roles


def test_a_call_in_which_one_side_was_never_heard_says_nothing_about_roles() -> None:
    assert measures.roles_right(measures.Aligned(truth(CALL), CALL[:1]).attribution()) is None


@pytest.mark.parametrize(("heard", "collar", "wrong", "spoken"), [
    (CALL, 0.0, 0.0, 8.0),
    ([each.model_copy(update={"speaker": {"agent": "customer", "customer": "agent"}[each.speaker]}) for each in CALL], 0.0, 0.0, 8.0),
    (CALL[:1], 0.0, 4.0, 8.0),                                                      # 4 s missed
    ([*CALL, turn("agent", 15, 17, "啊")], 0.0, 2.0, 8.0),                          # 2 s of false alarm
    ([turn("agent", 0, 4, "一"), turn("agent", 5, 8, "二"), turn("agent", 9, 10, "三")], 0.0, 3.0, 8.0),   # 3 s confused
    ([turn("agent", 0.2, 4, "一"), *CALL[1:]], 0.0, 0.2, 8.0),
    ([turn("agent", 0.2, 4, "一"), *CALL[1:]], 0.25, 0.0, 6.5),                     # the collar forgives it
])
def test_diarisation_error_of_calls_worked_out_by_hand(heard: list[Turn], collar: float, wrong: float, spoken: float) -> None:
    found = measures.diarisation(CALL, heard, 20.0, collar)
    assert found == pytest.approx((wrong, spoken), abs=0.03)


@pytest.mark.parametrize(("heard", "characters"), [
    (CALL, 0), ([*CALL, turn("agent", 14, 16, "谢谢观看")], 4), ([turn("agent", 0, 4, "您好请文")], 0),       # wrong, but somebody spoke
])
def test_only_what_is_heard_where_nobody_speaks_is_invented(heard: list[Turn], characters: int) -> None:
    found, seconds = measures.Aligned(truth(CALL), heard).invented()
    assert found == characters
    assert seconds == pytest.approx(9.5)       # 10.5 to the end; every other gap is shorter than the margins


def test_back_channels_are_found_and_given_to_the_right_side() -> None:
    said = [turn("agent", 0, 4, "帮您查询一下"), turn("customer", 2, 2.3, "嗯"), turn("customer", 5, 5.5, "好的")]
    heard = [turn("agent", 0, 4, "帮您查询一下"), turn("agent", 2, 2.3, "嗯"), turn("customer", 5, 5.5, "好的")]
    assert measures.Aligned(truth(said), heard).interjections() == Counter(said=2, heard=2, placed=1)


def test_reliability_of_confidences_worked_out_by_hand() -> None:
    rows, error = measures.reliability([(0.95, True), (0.95, True), (0.95, False), (0.95, True), (0.35, False), (0.35, False)])
    assert [(low, words, good) for low, _, words, _, good in rows] == [(0.3, 2, 0.0), (0.9, 4, 0.75)]
    assert error == pytest.approx((2 * 0.35 + 4 * 0.20) / 6)


def test_a_word_whose_confidence_is_no_number_spoils_no_row() -> None:
    pairs = [(0.95, True), (0.05, False)]
    assert measures.reliability([*pairs, (float("nan"), True)]) == measures.reliability(pairs)


def test_what_a_command_spends_counts_its_children_and_its_exit_status() -> None:
    hungry = "import time; held = bytearray(80 << 20); print(len(held)); time.sleep(0.4); raise SystemExit(3)"
    parent = f"import subprocess, sys; raise SystemExit(subprocess.run([sys.executable, '-c', {hungry!r}]).returncode)"
    run = spent.by([sys.executable, "-c", parent], dict(os.environ))
    assert (run.out, run.status) == (f"{80 << 20}\n", 3)
    assert run.peak > 80 << 20
    assert run.cpu > 0
    assert run.wall > 0.4


def test_rules_are_scored_on_true_words_and_on_what_was_heard() -> None:
    from pipeline.scorecard import Scorer
    from settings import Settings

    take = next(rendering.plan([script for script in SCRIPTS if script.call_id == "bench-04"], seed=1))
    known = rendering.perform(take, stand_in, seed=1)[1]
    found = verdicts.rules([known], {known.name: known.transcript}, Scorer.from_settings(Settings()).draft)
    assert found.loss() == (0.0, 0.0, 0.0)
    assert (found.f1(found.true) or 0) > 0.8
    silent = verdicts.rules([known], {}, Scorer.from_settings(Settings()).draft)
    assert (silent.f1(silent.heard) or 0) < (silent.f1(silent.true) or 0)


def judged(true: list[list[str]], heard: list[list[str]]) -> verdicts.Rules:
    """Rules of outcomes, a row a call, a column a rule: "t" found, "f" false alarm, "m" missed, "" nothing."""
    def cells(rows: list[list[str]]) -> np.ndarray:
        return np.array([[[float(one == kind) for one in row] for row in rows] for kind in "tfm"])
    return verdicts.Rules(tuple(f"r{at}" for at in range(len(true[0]))), cells(true), cells(heard))


def test_macro_and_micro_loss_worked_out_by_hand() -> None:
    rules = judged([["t", "t"], ["t", ""], ["t", ""]], [["t", "m"], ["t", ""], ["m", ""]])
    macro, micro = rules.loss("macro"), rules.loss("micro")
    assert macro is not None
    assert macro.value == pytest.approx(1 - (0.8 + 0.0) / 2)
    assert micro is not None
    assert micro.value == pytest.approx(1 - 4 / 6)


def test_rules_are_told_apart_by_the_number_of_calls_with_their_event() -> None:
    rules = judged([["t", "t", ""], ["m", "", ""], ["t", "", ""]], [["t", "m", "f"], ["m", "", ""], ["t", "", ""]])
    assert rules.cases.tolist() == [3, 1, 0]
    assert [rules.of(low, high).names for low, high in ((2, 9), (1, 1), (0, 0))] == [("r0",), ("r1",), ("r2",)]


def test_the_interval_of_a_loss_is_paired_so_calls_that_are_hard_both_ways_do_not_widen_it() -> None:
    rows = [["t", "m"] if at % 2 else ["m", "t"] for at in range(10)]
    assert judged(rows, rows).loss("micro") == (0.0, 0.0, 0.0)


def test_the_interval_of_a_loss_holds_the_loss_and_narrows_with_more_calls() -> None:
    true, heard = [["t"], ["t"], ["t"], ["t"]], [["t"], ["m"], ["t"], ["t"]]
    few, many = judged(true, heard).loss("micro"), judged(true * 20, heard * 20).loss("micro")
    assert few is not None
    assert many is not None
    assert few.low < few.value < few.high
    assert many.high - many.low < few.high - few.low


def test_a_loss_is_printed_with_its_interval() -> None:
    assert tables.lost(verdicts.Lost(0.122, 0.061, 0.19)) == "0.122 (0.061–0.190)"
    assert tables.lost(verdicts.Lost(0.01, -0.02, 0.04)) == "0.010 (−0.020–0.040)"
    assert tables.lost(None) == "–"


# --- the corpus -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.call_id)
def test_gold_follows_from_the_script_and_from_the_times(script) -> None:
    take = next(rendering.plan([script], seed=1))
    known = rendering.perform(take, stand_in, seed=1)[1]
    labels = script.verdict_of()
    reckoned = {"voice.interruption", "call.duration", "taboo.filler", "closing.hangup_order", "greeting.prompt_answer"}
    assert {rule: verdict for rule, verdict in known.verdicts.items() if rule not in reckoned} == {
        rule: verdict for rule, verdict in labels.items() if rule not in reckoned}
    assert [each.text for each in known.said()] == [text for _, text in sorted(
        (each.start, each.text) for each in known.said())]
    assert sorted(each.text for each in known.said()) == sorted(event.text for event in script.events if event.speaker)
    assert len(known.voices) == len(known.said())


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    short = [script for script in SCRIPTS if script.call_id == "bench-07"]
    made = {}
    for folder, seed in (("one", 1), ("two", 1), ("three", 2)):
        take = next(take for take in rendering.plan(short, seed) if take.condition == "stereo 20 dB")
        known = rendering.render(take, stand_in, tmp_path / folder, seed)
        made[folder] = Path(known.path).read_bytes()
    assert made["one"] == made["two"]
    assert made["one"] != made["three"]


def test_a_rendering_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    take = next(rendering.plan([script for script in SCRIPTS if script.call_id == "bench-07"], 1))
    first = rendering.render(take, stand_in, tmp_path, 1)

    def mute(text: str, voice: str, speed: float) -> np.ndarray:
        raise AssertionError("spoken again")
    assert rendering.render(take, mute, tmp_path, 1) == first


@pytest.mark.parametrize("ratio", [30.0, 20.0, 10.0])
def test_the_noise_lies_as_far_under_the_speech_as_stated(ratio: float) -> None:
    import telephone

    quiet_side = np.zeros(8000 * 20, np.float32)
    speech = telephone.at_level(telephone.narrow(stand_in("一" * 100, "v", 1.0), speaking.RATE), -21)
    speech = np.concatenate([speech, np.zeros(8000 * 20 - len(speech), np.float32)]) if len(speech) < 8000 * 20 else speech[:160000]
    channels = lines.record({"agent": speech, "customer": quiet_side}, {"agent": -21.0, "customer": -21.0},
                            lines.Condition(snr=ratio), 0, np.random.default_rng(1))
    noise = 10 * np.log10(np.mean(channels[1] ** 2))
    assert telephone.active_level(speech) - noise == pytest.approx(ratio, abs=0.5)


def test_crosstalk_lies_on_the_other_channel_and_the_agent_where_he_is_said_to_be() -> None:
    tone = telephone_tone()
    sides = {"agent": tone, "customer": np.zeros_like(tone)}
    levels = {"agent": -21.0, "customer": -21.0}
    for channel in (0, 1):
        clean = lines.record(sides, levels, lines.Condition(snr=60), channel, np.random.default_rng(1))
        leaking = lines.record(sides, levels, lines.Condition(snr=60, crosstalk=20), channel, np.random.default_rng(1))
        assert clean[channel].std() > 50 * clean[1 - channel].std()
        assert 20 * np.log10(leaking[channel].std() / leaking[1 - channel].std()) == pytest.approx(20, abs=1.5)
    assert len(lines.record(sides, levels, lines.Condition(mono=True), 0, np.random.default_rng(1))) == 1


def telephone_tone() -> np.ndarray:
    import telephone
    return telephone.tone(5.0, -21)


def test_every_call_meets_the_main_conditions_and_a_further_one_and_each_lap_has_every_call_once() -> None:
    takes = list(rendering.plan(SCRIPTS, seed=1))
    assert len(takes) == 5 * len(SCRIPTS) == len({take.name for take in takes})
    for start in range(0, len(takes), len(SCRIPTS)):
        assert {take.script.call_id for take in takes[start:start + len(SCRIPTS)]} == {script.call_id for script in SCRIPTS}
    assert {take.condition for take in takes} == set(lines.CONDITIONS)
    chosen = list(rendering.plan(SCRIPTS, 1, ["mono 20 dB"]))
    assert len(chosen) == len(SCRIPTS)
    assert {take.condition for take in chosen} == {"mono 20 dB"}


def test_the_cast_has_eight_voices_alike_pairs_of_both_sexes_and_customers_of_their_sex() -> None:
    casts = [(script, casting.cast(script, index, 1)) for index, script in enumerate(SCRIPTS)]
    assert {casting.parts(voice.voice)[0] for _, cast in casts for voice in cast.voices.values()} == {*casting.WOMEN, *casting.MEN}
    assert {cast.alike for _, cast in casts} == {"", "women", "men"}
    for script, cast in casts:
        sex = script.call.get("customer_gender")
        if sex and "customer" in cast.voices:
            assert casting.parts(cast.voices["customer"].voice)[0] in {"female": casting.WOMEN, "male": casting.MEN}[sex]
        assert len({casting.parts(voice.voice)[0] for voice in cast.voices.values()}) == len(cast.voices)


def test_a_shifted_voice_is_higher_and_no_longer_than_the_plain_one_said_at_its_pace() -> None:
    plain = stand_in("一二三四五", "v", 1.0)
    slow = stand_in("一二三四五", "v", 1 / 1.06)
    higher = speaking.shifted(slow, 1.06)
    assert len(higher) == pytest.approx(len(plain), rel=0.01)

    def pitch(sound: np.ndarray) -> float:
        return float(np.argmax(np.abs(np.fft.rfft(sound))) * speaking.RATE / len(sound))
    assert pitch(higher) / pitch(plain) == pytest.approx(1.06, abs=0.01)


def test_nobody_speaks_in_the_quiet_files_and_every_sound_is_named_once_a_channel(tmp_path: Path) -> None:
    mono, stereo = quiet.render(tmp_path, 1, minutes=0.7)
    assert mono.mono
    assert not stereo.mono
    for known in (mono, stereo):
        assert not known.said()
        assert known.seconds == pytest.approx(42, abs=1)
        for channel in known.channels:
            kinds = [sound.kind for sound in known.sounds if sound.channel == channel]
            assert len(kinds) == len(set(kinds)) >= 12
    assert [sound.kind for sound in stereo.sounds if sound.channel == 0] != [sound.kind for sound in stereo.sounds if sound.channel == 1]


def test_a_table_names_what_could_not_be_reckoned_with_a_dash() -> None:
    assert tables.percent(None) == tables.number(None) == "–"
    assert tables.table(("a", "b"), [("x", tables.percent(0.123))]).splitlines() == ["| a | b |", "|---|---:|", "| x | 12.3 % |"]
