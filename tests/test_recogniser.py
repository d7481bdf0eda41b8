"""Which recogniser runs, what it is told, and what it gives: the parts around the networks, and Whisper on noise."""
from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models import confidence, hinting, machine
from models.machine import Machine
from models.recogniser import OnDemand, known_version, on_demand, open_recogniser, resolve
from models.whisper import Whisper, mean_probability
from pipeline.hints import expected
from records import Call, Word
from settings import Models, Settings, Speech

SMALL = Machine(2, 8_000_000_000, (), "a processor", ("avx2",), ("float32", "int8"))
BIG = SMALL._replace(cores=16)
GPU = SMALL._replace(gpus=("CUDA device 0",), gpu_types=("float16", "float32", "int8"))


# --- what runs -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("here", "weights", "named", "expected"), [
    (SMALL, {"whisper-small", "whisper-turbo"}, "auto", "whisper-base"),        # two cores: the quick one, whatever lies about
    (BIG, {"whisper-small"}, "auto", "whisper-small"),
    (BIG, set(), "auto", "whisper-base"),
    (GPU, {"whisper-small", "whisper-turbo"}, "auto", "whisper-turbo"),
    (GPU, set(), "auto", "whisper-base"),
    (GPU, set(), "whisper-tiny", "whisper-tiny"),                               # what the settings name is taken
])
def test_auto_takes_the_best_that_runs_well_and_is_here(here: Machine, weights: set[str], named: str, expected: str) -> None:
    choice = machine.choose(Models(recogniser=named), here, weights.__contains__)
    assert choice.name == expected and choice.why


def test_better_weights_that_are_not_here_are_named_with_the_command() -> None:
    assert "tingjian models fetch whisper-small" in machine.choose(Models(), BIG, lambda name: False).why


@pytest.mark.parametrize(("here", "expected"), [
    (SMALL, "int8"), (SMALL._replace(cpu_types=("float32",)), "float32"), (SMALL._replace(cpu_types=()), "int8"),
    (GPU, "float16"), (GPU._replace(gpu_types=("int8_float32", "float32")), "int8_float32"),
])
def test_the_compute_type_is_one_that_the_machine_has(here: Machine, expected: str) -> None:
    assert machine.plan(Models(), Speech(), here, 0).compute_type == expected


def test_no_more_workers_than_memory_holds() -> None:
    plan = machine.plan(Models(), Speech(), BIG._replace(memory=1_000_000_000), 200_000_000)
    assert plan.workers == 3 and "1.0 GB" in plan.why
    assert machine.plan(Models(), Speech(workers=9), BIG._replace(memory=1_000_000_000), 0).workers == 9


@pytest.mark.speech
def test_the_version_is_known_without_loading_and_holds_after_it() -> None:
    models, speech = resolve(Settings().models), Speech(workers=1)
    known_version(models, speech)               # weights may be hashed once
    began = time.process_time()
    recogniser = on_demand(models, speech)
    assert isinstance(recogniser, OnDemand) and time.process_time() - began < 1
    assert recogniser.version == open_recogniser(models, speech).version
    assert known_version(models, Speech(beam_size=2)) != recogniser.version


# --- what it is told -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("call", "names", "expected_hints"), [
    (Call(call_id="a", organisation=("天岚通信",), agent_id="6217", agent_name="周婷", customer_name="王建军"), (), ("天岚通信客服中心",)),
    (Call(call_id="b", customer_name="欧阳春晓"), ("江汇银行", "12345热线"), ("江汇银行客服中心，12345热线",)),
    (Call(call_id="c", agent_name="于丽"), (), ()),
    (Call(call_id="d"), tuple("甲乙丙丁戊己庚辛"), ("，".join(f"{name}客服中心" for name in "甲乙丙丁戊己"),)),
])
def test_a_call_tells_as_whom_its_agent_answers(call: Call, names: tuple[str, ...], expected_hints: tuple[str, ...]) -> None:
    assert expected(call, names) == expected_hints


@pytest.mark.parametrize(("text", "echo"), [
    ("天岚通信客服中心，六二幺七号，周婷。王先生，王建军。", True),
    ("王建军", True),
    ("周婷，周婷，周婷", True),
    ("您好，天岚通信客服中心，六二幺七号为您服务，请问有什么可以帮您？好的王先生，请问是所有的设备都慢吗？", False),
    ("对对对，好的", False),
    ("", False),
])
def test_hints_given_back_are_suspected(text: str, echo: bool) -> None:
    told = ["天岚通信客服中心，六二幺七号，周婷", "王先生，王建军"]
    assert hinting.echoes(text, told) is echo and not hinting.echoes(text, [])


class Net:
    """CTranslate2's Whisper for a test: says what `answer` makes of the length of the sound and of the prompt."""

    n_mels = 80

    def __init__(self, answer: Any) -> None:
        self.answer, self.passes = answer, []

    def encode(self, features: Any) -> Any:
        return features

    def generate(self, encoded: Any, prompts: list[list[int]], **_: Any) -> list[Any]:
        assert len({len(prompt) for prompt in prompts}) == 1, "CTranslate2 wants prompts of one length"
        sizes = [row.any(axis=0).sum() for row in np.array(encoded)]
        self.passes.append((sizes, prompts))
        return [self.answer(size, prompt) for size, prompt in zip(sizes, prompts, strict=True)]

    def align(self, encoded: Any, start: Any, tokens: list[list[int]], lengths: list[int]) -> list[Any]:
        return [SimpleNamespace(alignments=[(index, index) for index in range(len(each) + 1)], text_token_probs=[0.9] * len(each))
                for each in tokens]


@pytest.fixture
def bare() -> Whisper:
    """A Whisper without weights: real tokens are numbers here, `tokens` writes a letter each."""
    whisper = object.__new__(Whisper)
    letters: Any = SimpleNamespace(
        sot_prev=900, sot_sequence=[901, 902], no_timestamps=903, eot=999, encode=lambda text: [ord(letter) % 800 for letter in text],
        decode=lambda tokens: "".join(chr(97 + token % 26) for token in tokens),
        split_to_word_tokens=lambda tokens: ([chr(97 + token % 26) for token in tokens], [[token] for token in tokens]))
    vars(whisper).update(
        name="whisper-test", _tokens=letters, _hot_words=(), _pass=4, batch=16, workers=1, beam_size=5, _start=[901], _suppressed=[],
        _to_model=list, _from_model=list, _map=map, _calibration=confidence.Calibration(),
        _mel=lambda chunk, size: np.pad(np.ones((80, len(chunk) // 160), np.float32), ((0, 0), (0, size - len(chunk) // 160))))
    return whisper


def result(tokens: list[int], score: float = -0.1) -> Any:
    return SimpleNamespace(sequences_ids=[tokens], scores=[score], no_speech_prob=0.1)


def sound(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * 16000), np.float32)


def test_a_gpu_gets_full_passes_sorted_by_length_and_answers_keep_their_order(bare: Whisper) -> None:
    bare._net = net = Net(lambda size, prompt: result([int(size) // 100]))
    lengths = [11, 3, 25, 7, 19, 5, 13, 9, 21]
    hints = [["天岚通信"], [], ["王建军先生"]] * 3
    found = bare.recognise([sound(length) for length in lengths], hints)
    assert [segment.text for segment in found] == [chr(97 + length % 26) for length in lengths]
    sizes = [size for each, _ in net.passes for size in each]
    assert [len(each) for each, _ in net.passes] == [4, 4, 1] and sizes == sorted(sizes, reverse=True)


def test_a_chunk_that_gives_its_hints_back_is_decoded_without_them(bare: Whisper) -> None:
    told = 900
    echo = [ord(letter) % 800 for letter in "abc"]
    bare._net = net = Net(lambda size, prompt: result(echo if told in prompt else [3, 4]))
    hint = "".join(chr(97 + token % 26) for token in echo)
    segment, = bare.recognise([sound(5)], [[hint]])
    assert segment.text == "de" and len(net.passes) == 2 and segment.temperature == 0


def test_a_failed_chunk_is_tried_warmer_and_only_that_one(bare: Whisper) -> None:
    bare._net = net = Net(lambda size, prompt: result([1, 2], -3.0 if size == 500 and len(net.passes) < 3 else -0.2))
    found = bare.recognise([sound(10), sound(5), sound(7)])
    assert [segment.temperature for segment in found] == [0, 0.4, 0]
    assert [len(sizes) for sizes, _ in net.passes] == [3, 1, 1]


def test_chunks_of_one_pass_that_failed_are_tried_warmer_together(bare: Whisper) -> None:
    bare._net = net = Net(lambda size, prompt: result([1, 2], -0.2 if size == 700 or len(net.passes) > (1 if size == 500 else 2) else -3.0))
    found = bare.recognise([sound(10), sound(5), sound(7)])
    assert [segment.temperature for segment in found] == [0.4, 0.2, 0]
    assert [[int(size) for size in sizes] for sizes, _ in net.passes] == [[1000, 700, 500], [1000, 500], [1000]]


@pytest.mark.parametrize(("probabilities", "expected"), [
    ([0.5, 0.75], 0.625), ([0.5, float("nan")], 0.5), ([float("nan")], None), ([], None)])
def test_a_word_without_a_probability_has_no_confidence(probabilities: list[float], expected: float | None) -> None:
    assert mean_probability(probabilities) == expected


@pytest.mark.speech
@pytest.mark.parametrize("kind", ["noise", "babble", "hum"])
def test_no_hint_is_written_that_was_not_said(kind: str) -> None:
    """Whisper, told names, on sound without words; babble is speech that nobody can make out."""
    from pipeline.decode import decode

    rng = np.random.default_rng(3)
    with decode(Path(__file__).parent.parent / "data" / "sample" / "recordings" / "sample-003.wav", max_hours=1) as audio:
        voice = audio.read(0, 1.0, 12.0)
    time_line = np.arange(len(voice)) / 16000
    heard = {"noise": rng.normal(0, 0.05, len(voice)), "hum": 0.2 * np.sin(2 * np.pi * 50 * time_line),
             "babble": sum(np.roll(voice[::-1], int(shift)) for shift in rng.integers(0, len(voice), 6)) / 3}[kind]
    recogniser = open_recogniser(resolve(Settings().models), Speech(workers=1))
    told = ("天岚通信客服中心，六二幺七号，周婷", "王先生，王建军")       # more than calls tell: hot words may hold as much
    segment, = recogniser.recognise([np.asarray(heard, np.float32)], [told])
    assert not any(name in segment.text for name in ("天岚", "周婷", "王建军", "六二幺七", "6217"))


# --- how sure it is ------------------------------------------------------------------------------------------------------

def words(*sure: float) -> list[Word]:
    return [Word(text="好", start=0.2 * index, end=0.2 * index + 0.2, confidence=each) for index, each in enumerate(sure)]


CHUNK = {"avg_logprob": -0.3, "compression_ratio": 1.2, "no_speech_prob": 0.05, "temperature": 0.0}


def test_features_are_one_row_a_word_and_finite_for_any_chunk() -> None:
    for count, seconds in ((1, 0.01), (3, 2.0)):
        rows = confidence.features(words(*[1.0, 0.0, 0.5][:count]), CHUNK, sound(seconds))
        assert rows.shape == (count, len(confidence.FEATURES)) and np.isfinite(rows).all()


def test_without_a_calibration_probabilities_stay() -> None:
    given = words(0.9, 0.2)
    assert confidence.load("nobody-base").applied(given, CHUNK, sound(1)) == given


def test_a_calibration_keeps_words_and_order_of_doubt() -> None:
    made = confidence.load("whisper-base")
    assert made.version
    sure = [word.confidence or 0.0 for word in made.applied(words(0.99, 0.99, 0.3, 0.99), CHUNK, sound(1))]
    assert all(0 < each < 1 for each in sure) and min(sure) == sure[2]
