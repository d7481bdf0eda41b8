"""An option: sentence embeddings beside the trained layer, for sentences out of their calls (`tingjian rules probe`).

    python -m rules.meaning.train --out /tmp/m.npz --folds FOLDS     layers that have not seen a part of the data
    python -m rules.meaning.embedding DIR --folds FOLDS             teaches heads on top of the encoder in DIR, writes DIR/heads.npz

DIR holds a BERT encoder as its publisher lays it out (config.json, tokenizer.json, pytorch_model.bin or model.safetensors), such
as bge-small-zh-v1.5; needs torch and transformers (extra `convert`). A rule's head weighs the layer's own log-odds and the embedding.
In calls the layer stays alone: there embeddings added nothing (docs/rules-accuracy.md), and they take longer than all the rest.
"""
from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from records import Problem

from . import data
from .examples import FOLDS
from .predict import Meaning

HEADS = "heads.npz"
FEWEST = 40      # sentences of a rule from which a head is learnt
STRETCH, HEAD_C = 6.0, 0.1   # unit vectors made as long as log-odds are; strongly penalised, a rule has some 200 sentences
LONGEST, BATCH = 128, 64     # characters of a turn that are read; turns at a time
Array = NDArray[np.float32]


class Encoder:
    """Texts to unit vectors, by mean pooling over the last layer of a BERT. Raises Problem where DIR holds none."""

    def __init__(self, directory: Path) -> None:
        try:
            with _without_torchaudio():
                import torch
                from transformers import AutoModel, AutoTokenizer

                self._torch, self._tokens = torch, AutoTokenizer.from_pretrained(directory, local_files_only=True)
                self._model = AutoModel.from_pretrained(directory, local_files_only=True).eval()
        except (OSError, ValueError, ImportError) as error:
            raise Problem(f"{directory}: no sentence encoder: {error}; unset scoring.embeddings to go without") from error

    def __call__(self, texts: Sequence[str]) -> Array:
        found = []
        with self._torch.no_grad():
            for start in range(0, len(texts), BATCH):
                batch = self._tokens(list(texts[start:start + BATCH]), padding=True, truncation=True, max_length=LONGEST,
                                     return_tensors="pt")
                states, kept = self._model(**batch).last_hidden_state, batch["attention_mask"][..., None]
                pooled = (states * kept).sum(1) / kept.sum(1)
                found.append(self._torch.nn.functional.normalize(pooled, dim=-1).numpy())
        return np.vstack(found)


@contextmanager
def _without_torchaudio() -> Iterator[None]:
    """transformers looks for torchaudio, of which a text encoder needs nothing and which does not load on some machines.

    Only while it is looked for: the diariser of this process needs the real one (models/pytorch.py).
    """
    hidden = "torchaudio" not in sys.modules
    if hidden:
        sys.modules["torchaudio"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["torchaudio"]


class Heads(NamedTuple):
    """Rules × (1 + dimensions) weights, the layer's log-odds first, and offsets, by rule."""

    weights: dict[str, Array]
    offsets: dict[str, float]


class Embedded:
    """A `weighing.Meaning`: the layer, and for single sentences the embedding too."""

    def __init__(self, base: Meaning, encoder: Encoder, heads: Heads) -> None:
        self._base, self._encoder, self._heads = base, lru_cache(maxsize=1024)(lambda text: encoder([text])[0]), heads
        self.version, self.column, self.accept, self.doubt = base.version, base.column, base.accept, base.doubt

    @classmethod
    def open(cls, base: Meaning, directory: Path) -> Embedded:
        """Raises Problem where there is no encoder, or no heads for this very layer."""
        if not (directory / HEADS).exists():
            raise Problem(f"{directory / HEADS} is missing; run python -m rules.meaning.embedding {directory}, "
                          "or unset scoring.embeddings")
        with np.load(directory / HEADS, allow_pickle=False) as stored:
            if str(stored["version"]) != base.version:
                raise Problem(f"{directory / HEADS} belongs to another trained layer; run python -m rules.meaning.embedding {directory} again")
            rules = stored["rules"].tolist()
            heads = Heads(dict(zip(rules, stored["weights"], strict=True)), dict(zip(rules, stored["offsets"].tolist(), strict=True)))
        return cls(base, Encoder(directory), heads)

    def call(self, turns: Sequence[tuple[str, str]]) -> Array:
        return self._base.call(turns)

    def sentence(self, rule: str, text: str, who: str, before: str = "", after: str = "") -> float:
        likely = self._base.sentence(rule, text, who, before, after)
        if rule not in self._heads.weights or likely == 0:
            return likely
        weights = self._heads.weights[rule]
        score = weights[0] * _log_odds(likely) + weights[1:] @ self._encoder(text) * STRETCH + self._heads.offsets[rule]
        return float(1 / (1 + np.exp(-score)))


def teach(sentences: Sequence[data.Sentence], likely: Array, vectors: Array, kept: NDArray[np.bool_]) -> Heads:
    """A head a rule from the sentences kept; `likely` is what layers think that have not seen them."""
    from sklearn.linear_model import LogisticRegression

    heads = Heads({}, {})
    inputs = np.hstack((_log_odds(likely)[:, None], vectors * STRETCH))
    label = np.array([sentence.label for sentence in sentences])
    rules = np.array([sentence.rule for sentence in sentences])
    for rule in sorted(set(rules.tolist())):
        rows = kept & (rules == rule)
        if rows.sum() >= FEWEST and 0 < label[rows].mean() < 1:
            model = LogisticRegression(C=HEAD_C, max_iter=300).fit(inputs[rows], label[rows])
            heads.weights[rule] = model.coef_[0].astype(np.float32)
            heads.offsets[rule] = float(model.intercept_[0])
    return heads


def unseen(sentences: Sequence[data.Sentence], layers: Sequence[Meaning]) -> Array:
    """What each sentence is by the layer that has not learnt its part."""
    return np.array([layers[int(one.group[-1]) % FOLDS].sentence(one.rule, one.text, one.who, one.before, one.after)
                     for one in sentences], np.float32)


def _log_odds(likely: Any) -> Any:
    inside = np.clip(likely, 1e-4, 1 - 1e-4)
    return np.log(inside / (1 - inside))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--folds", type=Path, required=True)
    chosen = parser.parse_args()
    sentences = [one for one in data.sentences() if one.who == data.speaker(one.rule)]
    layers = [Meaning.load(chosen.folds / f"{part}.npz") for part in range(FOLDS)]
    vectors = Encoder(chosen.encoder)([one.text for one in sentences])
    heads = teach(sentences, unseen(sentences, layers), vectors, np.ones(len(sentences), np.bool_))
    np.savez_compressed(chosen.encoder / HEADS, allow_pickle=False, rules=np.array(list(heads.weights)), version=Meaning.load().version,
                        weights=np.array(list(heads.weights.values())), offsets=np.array(list(heads.offsets.values())))
    print(f"{chosen.encoder / HEADS}: heads of {len(heads.weights)} rules")


if __name__ == "__main__":
    main()
