"""Simulated recognition noise: seeded, as strong as asked, and only in the texts."""
from __future__ import annotations

import difflib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from opencc import OpenCC
from pypinyin import lazy_pinyin

from insight.noise import FIGURES, PUNCTUATION, noisy
from records import Problem, Transcript

SENTENCES = [
    "您好，这里是城东供热客服中心，请问有什么可以帮到您？", "我想问一下我家这个月的账单怎么比上个月多出来那么多呢",
    "好的，麻烦您提供一下户号，我帮您查询，大概需要一分钟", "户号是20481，名字写的是我爱人",
    "请您稍等一下可以吗，我去核实清楚马上回来",
    "让您久等了，上个月抄表的时候漏了一次，这个月一起算进来了", "那你们应该提前说一声啊，吓我一跳",
    "给您添麻烦了，下次我们会先发短信提醒",
]


def call(call_id: str = "c-1", repeats: int = 1) -> Transcript:
    turns = [{"speaker": ("agent", "customer")[at % 2], "text": text, "start": at * 5.0, "end": at * 5.0 + 4}
             for at, text in enumerate(SENTENCES * repeats)]
    return Transcript.model_validate({"call_id": call_id, "agent_id": "20481", "customer_name": "何静", "line": "heating",
                                      "started_at": "2026-11-20T09:12:00+08:00", "turns": turns})


def texts(transcript: Transcript) -> list[str]:
    return [turn.text for turn in transcript.turns]


def character_errors(clean: str, changed: str) -> tuple[int, int]:
    """Edits and length over Chinese characters, with script and numerals unified."""
    simplify = OpenCC("t2s").convert
    figures = FIGURES | {"两": "2"}
    one, other = ("".join(figures.get(c, c) for c in simplify(text) if c not in PUNCTUATION) for text in (clean, changed))
    edits = sum(max(b - a, d - c) for kind, a, b, c, d in difflib.SequenceMatcher(None, one, other, False).get_opcodes()
                if kind != "equal")
    return edits, len(one)


def test_the_same_seed_gives_the_same_noise_and_another_seed_or_call_another():
    long = call(repeats=4)
    assert noisy(long, 0.1, 7) == noisy(long, 0.1, 7)
    assert texts(noisy(long, 0.1, 7)) != texts(noisy(long, 0.1, 8))
    assert texts(noisy(long, 0.1, 7)) != texts(noisy(call("c-2", repeats=4), 0.1, 7))


def test_noise_is_the_same_in_another_process_whatever_its_hash_seed(tmp_path: Path):
    source = tmp_path / "calls.jsonl"
    source.write_text(call().model_dump_json() + "\n", encoding="utf-8")
    root = Path(__file__).parents[1]
    command = [sys.executable, "bench/noise.py", str(source), "--rate", "0.2"]
    outputs = [subprocess.run(command, cwd=root, text=True, check=True, capture_output=True,
                              env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}).stdout for seed in ("1", "2")]
    assert outputs[0] == outputs[1]
    assert [turn["text"] for turn in json.loads(outputs[0])["turns"]] == texts(noisy(call(), 0.2, 7))


def test_rate_zero_changes_nothing():
    assert noisy(call(), 0.0, 7) == call()


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2, 0.4])
def test_the_character_error_rate_is_about_the_rate_asked_for(rate: float):
    clean = call(repeats=60)
    counted = [character_errors(*pair) for pair in zip(texts(clean), texts(noisy(clean, rate, 7)), strict=True)]
    measured = sum(edits for edits, _ in counted) / sum(length for _, length in counted)
    assert 0.75 * rate <= measured <= 1.2 * rate


def test_only_texts_change():
    clean = call(repeats=3)
    changed = noisy(clean, 0.5, 7)
    assert texts(changed) != texts(clean)
    assert changed.model_dump(exclude={"turns"}) == clean.model_dump(exclude={"turns"})
    for old, new in zip(clean.turns, changed.turns, strict=True):
        assert new.model_dump(exclude={"text"}) == old.model_dump(exclude={"text"})


def test_words_keep_their_times_and_stay_in_step_with_the_text():
    words = [{"text": text, "start": at * 0.5, "end": at * 0.5 + 0.4, "confidence": 0.9}
             for at, text in enumerate(["麻烦", "您", "稍等", "一下", "可以", "吗"])]
    turn = {"speaker": "agent", "text": "麻烦您稍等一下，可以吗？", "start": 0, "end": 4, "words": words}
    clean = Transcript.model_validate({"call_id": "w", "turns": [turn] * 30})
    for old, new in zip(clean.turns, noisy(clean, 0.3, 7).turns, strict=True):
        spoken = {word.start: word for word in old.words}
        assert all((word.end, word.confidence) == (spoken[word.start].end, 0.9) for word in new.words)
        marks = str.maketrans("", "", "".join(PUNCTUATION))
        assert "".join(word.text for word in new.words).translate(marks) == new.text.translate(marks)


def test_most_substitutions_keep_the_sound():
    clean = call(repeats=60)
    simplify = OpenCC("t2s").convert
    same = substituted = 0
    for old, new in zip(texts(clean), map(simplify, texts(noisy(clean, 0.1, 7))), strict=True):
        for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
            if kind == "replace" and b - a == d - c == 1:
                substituted += 1
                same += lazy_pinyin(old[a]) == lazy_pinyin(new[c])
    assert substituted > 100
    assert 0.55 < same / substituted < 0.9


def test_every_kind_of_change_occurs():
    clean = call(repeats=60)
    changed = "\n".join(texts(noisy(clean, 0.15, 7)))
    assert "請" in changed or "您這" in changed          # traditional characters
    assert "二零四八" in changed or "二洞四八" in changed  # numbers spelt out
    assert any(not PUNCTUATION & set(text) for text in changed.split("\n") if "客服" in text)
    assert sum(map(changed.count, ("嗯", "呃"))) > 0     # fillers, of which the clean text has none


def test_a_spelt_number_becomes_arabic():
    clean = Transcript.model_validate({"call_id": "n", "turns": [{"speaker": "agent", "text": "工号八零二三"}] * 60})
    assert any("8023" in text for text in texts(noisy(clean, 0.1, 7)))


@pytest.mark.parametrize("text", ["", " ", "OK", "😀", "，。", "\u202e\u0000", "a" * 5000, "嗯" * 5000])
def test_odd_texts_are_survived(text: str):
    odd = Transcript.model_validate({"call_id": "odd", "turns": [{"speaker": "unknown", "text": text}]})
    assert len(noisy(odd, 1.0, 7).turns) == 1


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_outside_0_to_1_is_refused_with_a_remedy(rate: float):
    with pytest.raises(Problem, match=r"between 0 and 1, such as 0\.1"):
        noisy(call(), rate, 7)
