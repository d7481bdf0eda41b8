"""Nothing invented survives, and what callers really repeat stays."""
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "data"))

import music as hold_music
import singing
import telephone

from bench import hold_music as bench
from models.recogniser import Segment, open_recogniser
from models.voice_activity import STEP, Activity
from pipeline import music
from pipeline.decode import Audio, decode
from pipeline.guards import guard_chunk, without_bleed, without_music
from records import Word
from settings import Settings

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "sample"

LENGTH = 40.0


def activity(*voiced: tuple[float, float]) -> Activity:
    """Voice in the given stretches (seconds), silence elsewhere."""
    probability = np.zeros(int(LENGTH / STEP), np.float32)
    for start, end in voiced:
        probability[int(start / STEP):int(end / STEP)] = 0.95
    return Activity(probability, np.where(probability > 0.5, -20, -70).astype(np.float32))


def words(text: str, start: float = 0.0, rate: float = 5.0, confidence: float = 0.9) -> list[Word]:
    """One word a character, `rate` characters a second; a mark hangs on the word before it."""
    made: list[Word] = []
    for letter in text:
        if letter in "，。？！,.?!" and made:
            made[-1] = made[-1].model_copy(update={"text": made[-1].text + letter})
            continue
        made.append(Word(text=letter, start=round(start, 3), end=round(start + 1 / rate, 3), confidence=confidence))
        start += 1 / rate
    return made


def guarded(said: list[Word], heard: Activity, **facts: float) -> tuple[str, list[str]]:
    text = "".join(word.text for word in said)
    kept, removed = guard_chunk(said, Segment(text=text, start=0, end=LENGTH, **facts), heard)
    return "".join(word.text for word in kept), [removal.reason for removal in removed]


@pytest.mark.parametrize(("said", "left", "reason"), [
    ("请不吝点赞订阅转发打赏支持明镜与点点栏目", "", "subtitle"),
    ("好的，再见。请不吝点赞 订阅 转发", "好的，再见。", "subtitle"),
    ("字幕由小明提供", "", "subtitle"),
    ("字幕志愿者李宗盛", "", "subtitle"),
    ("謝謝觀看", "", "subtitle"),
    ("感谢您的观看", "", "subtitle"),
    ("以下是普通话的句子。", "", "prompt"),
    ("您好。Thank you for watching!", "您好。", "boilerplate"),
    ("ご視聴ありがとう", "", "foreign"),
    ("같은 시간에", "", "foreign"),
    ("请稍等同乐同乐同乐", "请稍等同乐", "loop"),
    ("再见啊我的天再见啊我的天再见啊我的天", "再见啊我的天", "loop"),
    ("啊" * 30, "啊", "loop"),
])
def test_inventions_are_taken_out_with_their_reason(said, left, reason):
    text, reasons = guarded(words(said), activity((0, LENGTH)))
    assert (text.strip(), set(reasons)) == (left, {reason})


@pytest.mark.parametrize("said", [
    "对对对", "好的好的好的", "喂喂喂喂", "请请稍等", "嗯嗯嗯", "是是是是的", "谢谢谢谢", "没有没有没有",
    "等一下等一下等一下",
    "感谢您的来电，祝您生活愉快，再见。", "我要取消订阅", "您要是想转发这条短信也可以", "好，再见，再见，拜拜拜拜。",
    "卡号是六六六六六六六六", "一三八零零一三八零零零", "我的APP打不开，WIFI也连不上", "谢谢您的观点", "这个视频我看不了",
])
def test_what_callers_really_say_stays(said):
    text, reasons = guarded(words(said), activity((0, LENGTH)))
    assert (text, reasons) == (said, [])


def test_no_text_stays_where_there_is_no_voice():
    said = words("您好请问有什么", 1.0) + words("可以帮您", 20.0)
    text, reasons = guarded(said, activity((0.8, 3.0)))
    assert (text, reasons) == ("您好请问有什么", ["no_voice"])


def test_nothing_stays_over_silence():
    assert guarded(words("谢谢大家我们再见", 5.0), activity()) == ("", ["no_voice"])


def test_an_invented_sentence_squeezed_in_after_the_last_word_goes():
    said = words("好的再见", 1.0) + words("欢迎大家来到今天的节目我们", 2.4, rate=60)
    text, reasons = guarded(said, activity((1.0, 2.3)))
    assert (text, reasons) == ("好的再见", ["after_voice"])


def test_an_impossible_rate_goes_and_a_quick_one_stays():
    quick = words("我想查一下我的话费余额", 5.0, rate=8)
    assert guarded(words("您好请问有什么可以帮您") + quick + words("好的请稍等", 9.0), activity((0, LENGTH)))[1] == []
    squeezed = words("我想查一下我的话费余额", 5.3, rate=40)
    text, reasons = guarded(words("您好", 4.5) + squeezed + words("好的", 6.0), activity((4.5, 5.6), (5.95, 7)))
    assert (text, reasons) == ("您好好的", ["impossible_rate"])


@pytest.mark.parametrize(("facts", "gone"), [
    ({"no_speech_prob": 0.8, "avg_logprob": -1.2}, True),
    ({"no_speech_prob": 0.8, "avg_logprob": -0.4}, False),
    ({"no_speech_prob": 0.1, "avg_logprob": -1.2}, False),
    ({"no_speech_prob": 0.1, "avg_logprob": -2.0}, True),
])
def test_guesses_go_only_when_the_recogniser_doubts_twice(facts, gone):
    _, reasons = guarded(words("这里有些什么呢"), activity((0, LENGTH)), **facts)
    assert reasons == (["guess"] if gone else [])


def test_every_removal_says_what_where_and_why():
    said = words("好的。", 1.0) + words("字幕由小明提供", 3.0)
    _, removed = guard_chunk(said, Segment("", 0, 5), activity((0, LENGTH)), channel=1)
    gone, = removed
    assert (gone.text, gone.start, gone.channel, gone.reason) == ("字幕由小明提供", 3.0, 1, "subtitle")


def test_phrases_that_are_only_the_other_channel_leaking_in_are_taken_out_and_kept_for_audit():
    """Phrases are judged whole, each by its own time; what the channel's own speaker says stays."""
    said = [*words("我姓马", start=1.0), *words("先生", start=5.0), *words("在东湖路", start=9.0)]
    kept, removed = without_bleed(said, 1, lambda phrase, channel: "an echo" * (phrase[0].text == "先" and channel == 1))
    assert "".join(word.text for word in kept) == "我姓马在东湖路"
    assert [(gone.text, gone.reason, gone.detail, gone.channel, gone.start) for gone in removed] == [
        ("先生", "bleed", "an echo", 1, 5.0)]
    assert without_bleed(said, 0, lambda phrase, channel: "an echo" * channel) == (said, [])


@pytest.mark.parametrize(("shares", "left"), [
    ((0.05, 0.1, 0.2), "您好青山去再见"),
    ((0.05, 0.6, 0.05), "您好再见"),
    ((0.05, 0.6, 0.35), "您好"),                # beside music, and nearly music itself
    ((0.35, 0.1, 0.6), "您好青山去"),
    ((0.35, 0.35, 0.35), "您好青山去再见"),     # nothing here is surely music
])
def test_what_is_sung_goes_and_what_is_said_stays(shares, left):
    said = [*words("您好", 1.0), *words("青山去", 3.0), *words("再见", 5.0)]
    table = dict(zip((1.0, 3.0, 5.0), shares, strict=True))
    kept, removed = without_music(said, 1, lambda start, end: table[start])
    assert "".join(word.text for word in kept) == left
    assert {removal.reason for removal in removed} <= {"music"} and all(removal.channel == 1 for removal in removed)
    assert sum(len(removal.text) for removal in removed) == 7 - len(left)


def shared(sound: np.ndarray) -> float:
    with Audio.from_samples(resample_poly(sound, 2, 1)) as audio:
        return music.share(audio, 0, 2.0, audio.duration - 2.0)


@pytest.mark.parametrize("style", ["plain", *hold_music.STYLES])
def test_music_of_every_style_is_known_by_its_lines(style):
    assert shared(hold_music.play(style, 8, -26, np.random.default_rng(4))) > music.MUSIC


@pytest.mark.parametrize(("backing", "least"), [("strings", music.BESIDE), ("pop", music.MUSIC), ("piano", music.MUSIC)])
@pytest.mark.parametrize("lowest", [120.0, 220.0])
def test_singing_over_a_band_is_music(backing, least, lowest):
    """Strings whose players all shake their notes are the hardest: such a song goes only beside what is surely music."""
    assert shared(singing.sing(8, -24, np.random.default_rng(4), lowest, backing)) > least


def test_tones_are_music_and_noise_is_none():
    assert shared(telephone.tone(8, -24)) > 0.9
    assert shared(telephone.line_noise(64000, -30, np.random.default_rng(4))) < 0.05
    assert shared(np.zeros(64000, np.float32)) < 0.05


@pytest.mark.parametrize("behind", [None, ("piano", -33.0), ("strings", -27.0)])
def test_speech_is_no_music_also_with_music_behind_it(behind):
    path = SAMPLES / "recordings" / "sample-004.mp3"
    row = next(row for line in (SAMPLES / "gold.jsonl").read_text("utf-8").splitlines()
               if (row := json.loads(line)["transcript"])["call_id"] == path.stem)
    with decode(str(path), max_hours=1) as audio:
        sound = audio.read(0)
    if behind:
        sound = sound + resample_poly(hold_music.play(behind[0], len(sound) / 16000 + 1, behind[1], np.random.default_rng(4)),
                                      2, 1)[:len(sound)]
    with Audio.from_samples(sound) as audio:
        assert max(music.share(audio, 0, turn["start"], turn["end"]) for turn in row["turns"]) < music.MUSIC


@pytest.mark.speech
def test_nothing_is_written_down_where_nobody_speaks_and_nothing_is_lost_of_a_call():
    """Two minutes of music, tones and noise, a song over a band, and a sample call, through the real recogniser."""
    settings = Settings()
    listener = bench.Listener(open_recogniser(settings.models, settings.speech))
    rng = np.random.default_rng(8)
    sounds = [make() for make in bench.nobody(6, rng).values()]
    sounds.append(singing.sung(bench.lyrics("sample-008", 10), rng, -24, 120.0, "pop"))
    with bench.down_the_line(np.concatenate(sounds), rng) as audio:
        kept, _ = listener.words(audio)
    assert "".join(word.text for word in kept) == ""
    with decode(str(SAMPLES / "recordings" / "sample-004.mp3"), max_hours=1) as audio:
        kept, removed = listener.words(audio)
    assert sum(len(word.text) for word in kept) > 150 and removed == []
