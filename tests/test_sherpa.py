"""SenseVoice through the real sherpa-onnx: a model of our own in its form, small enough to be made here, says a fixed sentence."""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models import shelf, sherpa
from models.recogniser import known_version, open_recogniser
from models.sherpa import timed
from records import Problem
from settings import Models, Speech

TOKENS = ("<blk>", "<|zh|>", "<|NEUTRAL|>", "<|Speech|>", "<|woitn|>", "您", "好", "▁app", "请", "六", "讲", "二")
SAID = (1, 2, 3, 4, 0, 5, 5, 0, 6, 9, 11, 0, 7, 0, 8, 10)     # the four tokens of language and kind, then the sentence
MEANT = {"lfr_window_size": 7, "lfr_window_shift": 6, "normalize_samples": 0, "model_type": "sense_voice_ctc", "version": "2",
         "vocab_size": len(TOKENS), "lang_auto": 0, "lang_zh": 3, "lang_en": 4, "lang_yue": 7, "lang_ja": 11, "lang_ko": 12,
         "lang_nospeech": 13, "with_itn": 14, "without_itn": 15, "neg_mean": ",".join(["0"] * 560),
         "inv_stddev": ",".join(["1"] * 560), "comment": "none"}


def model(path: Path) -> None:
    """A network with SenseVoice's inputs, outputs and metadata that says SAID whatever it is given."""
    table = np.full((1, 400, len(TOKENS)), -5, np.float32)
    for row in range(400):
        table[0, row, SAID[row] if row < len(SAID) else 0] = 5
    numbers = {"table": table, "zero": np.array([0]), "one": np.array([1]), "four": np.array([4])}
    nodes = [helper.make_node("Shape", ["x"], ["shape"]), helper.make_node("Gather", ["shape", "one"], ["frames"]),
             helper.make_node("Add", ["frames", "four"], ["end"]), helper.make_node("Slice", ["table", "zero", "end", "one"], ["logits"])]
    asked = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", 560])]
    asked += [helper.make_tensor_value_info(name, TensorProto.INT32, ["N"]) for name in ("x_length", "language", "text_norm")]
    graph = helper.make_graph(nodes, "tiny", asked, [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", "U", len(TOKENS)])],
                              [numpy_helper.from_array(value, name) for name, value in numbers.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(made, {key: str(value) for key, value in MEANT.items()})
    onnx.save(made, str(path))


@pytest.fixture
def shelved(tmp_path: Path) -> Models:
    """Settings whose own directory holds the small model under SenseVoice's name, with its hashes."""
    folder = tmp_path / "weights" / "sensevoice-tiny"
    folder.mkdir(parents=True)
    model(folder / "model.int8.onnx")
    (folder / "tokens.txt").write_text("".join(f"{token} {index}\n" for index, token in enumerate(TOKENS)), "utf-8")
    rows = "".join(f'"{name}" = {{ sha256 = "{shelf.sources.sha256(folder / name)}" }}\n' for name in ("model.int8.onnx", "tokens.txt"))
    (tmp_path / "weights" / "catalogue.toml").write_text(
        f'[sensevoice-tiny]\nkind = "recogniser"\nabout = "for tests"\nlicence = "own"\n[sensevoice-tiny.files]\n{rows}', "utf-8")
    return Models(recogniser="sensevoice-tiny", directory=tmp_path / "weights", cache=tmp_path / "cache", sources=[])


def test_the_setting_opens_it_and_words_come_with_times(shelved: Models) -> None:
    recogniser = open_recogniser(shelved, Speech(workers=3))
    chunks = [np.random.default_rng(0).normal(0, 0.01, 16000 * seconds).astype(np.float32) for seconds in (2, 4)]
    segments = recogniser.recognise(chunks, [["天岚通信"], []])
    assert [segment.text for segment in segments] == ["您好六二 app请讲"] * 2
    words = segments[0].words
    assert [word.text for word in words] == ["您", "好", "六", "二", " app", "请", "讲"]
    assert all(0 <= word.start < word.end <= 2 for word in words) and [word.start for word in words] == sorted(word.start for word in words)
    assert recogniser.workers == 3 and recogniser.version == known_version(shelved, Speech(workers=3))
    assert recogniser.version != known_version(shelved, Speech(language="yue"))


def test_without_weights_or_library_it_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = Models(recogniser="sensevoice-small", cache=tmp_path / "cache", sources=[])
    with pytest.raises(Problem, match=r"tingjian models fetch sensevoice-small\s+--into models"):
        open_recogniser(bare, Speech())
    assert known_version(bare, Speech()) is None
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    with pytest.raises(Problem, match=r"pip install 'tingjian\[sherpa\]'"):
        sherpa.library()


@pytest.mark.parametrize(("tokens", "starts", "expected"), [
    (["您", "好"], [0.1, 0.4], [("您", 0.1, 0.4), ("好", 0.4, 0.8)]),
    (["▁ap", "p", "▁store", "好"], [0, 0.1, 0.3, 0.5], [("app", 0, 0.3), (" store", 0.3, 0.5), ("好", 0.5, 0.9)]),
    (["wi@@", "fi", "好", "app", "store"], [0, 0.2, 0.3, 0.5, 0.7],
     [("wifi", 0, 0.3), ("好", 0.3, 0.5), (" app", 0.5, 0.7), (" store", 0.7, 1.1)]),      # Paraformer marks what goes on
    (["您", "好", "讲", "吧"], [], [("您", 0, 0.4), ("好", 0.5, 0.9), ("讲", 1, 1.4), ("吧", 1.5, 1.9)]),    # no times: spread evenly
    ([], [], []),
])
def test_tokens_become_words(tokens: list[str], starts: list[float], expected: list[tuple[str, float, float]]) -> None:
    words = timed(tokens, starts, 2.0)
    assert [word.text for word in words] == [text for text, _, _ in expected]
    assert [(word.start, word.end) for word in words] == [pytest.approx(times) for _, *times in expected]


def test_probabilities_become_confidences() -> None:
    words = timed(["▁ap", "p", "好"], [0, 0.1, 0.2], 1.0, [-0.1, -0.7, 0.0])
    assert [word.confidence for word in words] == [pytest.approx(0.497, abs=1e-3), 1.0]
