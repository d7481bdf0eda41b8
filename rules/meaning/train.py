"""Learn `model.npz` from `data/`: `python -m rules.meaning.train` (a minute or two, the same bytes every time).

Two linear layers a rule. The first reads a turn's words; the second weighs its own score, those of the turns around it and
the place in the call. Cross-validation leaves out a file of calls and a sixth of the sentences at a time; what the second
layer, the calibration and the thresholds learn from are scores of rows that the first had not seen.
"""
from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack
from sklearn.linear_model import LogisticRegression

from . import data, features
from .examples import DOUBTFUL, EXCLUDED, FOLDS, SURE, Examples, Labels, known_grams, weighted
from .predict import MODEL

Array = NDArray[np.float32]
KEPT = 90_000        # n-grams in the model; all of them would be 145,000
WORDS_C, AROUND_C = 10.0, 0.1
HIT_WEIGHT = 2.0     # a hit in a call counts twice: a call holds some forty ordinary turns for each
NOISY_WEIGHT = 0.4   # a row once more, misheard
SENTENCE_WEIGHT = 0.3  # in the second layer, where calls count, since only they have surroundings
OWN = 3.0            # the own score is hardly penalised there: it is to be corrected, not learnt anew
PRECISION_FLOOR = 0.9  # of taboos, where reachable ...
TABOO_LEAST = 0.35     # ... and where not, no accusation on less than this; the less likely ones are doubts


class Scores(NamedTuple):
    """First-layer log-odds, rows × rules: of the rows, of them misheard, of what stands before and after the sentences."""

    own: Array
    misheard: Array
    before: Array
    after: Array


class Words:
    """The first layer's inputs, built once, and its fits."""

    def __init__(self, examples: Examples) -> None:
        own = examples.grams(examples.texts)
        keys, counts = known_grams(own)
        self.vocabulary = features.Vocabulary(keys)
        self.rarity = np.sqrt(np.log(len(examples.texts) / counts) + 1).astype(np.float32)

        def inputs(texts: Sequence[str]) -> csr_array:
            return weighted(examples.grams(texts), self.vocabulary, self.rarity)

        self.own = weighted(own, self.vocabulary, self.rarity)
        self.misheard = inputs(examples.misheard)
        self.before = inputs([sentence.before for sentence in examples.sentences])
        self.after = inputs([sentence.after for sentence in examples.sentences])
        self.in_call = examples.in_call

    def fit(self, labels: Labels, rows: NDArray[np.intp]) -> tuple[Array, float]:
        weight = np.ones(len(labels.hit), np.float32)
        weight[self.in_call & (labels.hit == 1)] = HIT_WEIGHT
        weight[labels.trust == DOUBTFUL] *= 0.5
        inputs = csr_array(vstack([self.own[rows], self.misheard[rows]]))
        inputs.indices, inputs.indptr = inputs.indices.astype(np.int32), inputs.indptr.astype(np.int32)
        # The dual solver is fifteen times as fast as the primal one here: 6,800 rows, 145,000 columns.
        model = LogisticRegression(C=WORDS_C, solver="liblinear", dual=True, tol=0.01, max_iter=500, random_state=0)
        model.fit(inputs, np.tile(labels.hit[rows], 2),
                  sample_weight=np.concatenate((weight[rows], NOISY_WEIGHT * weight[rows])))
        return model.coef_[0].astype(np.float32), float(model.intercept_[0])


def unseen_scores(words: Words, examples: Examples, labels: Sequence[Labels], say: Callable[[str], None]) -> Scores:
    """Each row scored by a first layer that learnt without the row's fold."""
    total, sentences, rules = len(examples.texts), len(examples.sentences), len(labels)
    out = Scores(*(np.zeros((count, rules), np.float32) for count in (total, total, sentences, sentences)))
    for left_out in range(FOLDS):
        say(f"words, fold {left_out + 1} of {FOLDS}")
        held = examples.fold == left_out
        held_sentences = held[:sentences]
        for column, label in enumerate(labels):
            weights, offset = words.fit(label, np.flatnonzero(~held & (label.trust != EXCLUDED)))
            for scores, inputs, rows in zip(out, (words.own, words.misheard, words.before, words.after),
                                            (held, held, held_sentences, held_sentences), strict=True):
                scores[rows, column] = inputs[rows] @ weights + offset
    return out


class Around:
    """The second layer's inputs and fits. Doubtful rows that the first layer takes for hits are left out: who knows."""

    def __init__(self, examples: Examples, scores: Scores) -> None:
        self.clean = examples.around(scores.own, scores.before, scores.after, examples.texts)
        self.misheard = examples.around(scores.misheard, scores.before, scores.after, examples.misheard)
        self.first, self.in_call = scores.own, examples.in_call

    def learnable(self, labels: Labels, column: int) -> NDArray[np.bool_]:
        return (labels.trust == SURE) | ((labels.trust == DOUBTFUL) & (self.first[:, column] < 0))

    def fit(self, labels: Labels, column: int, rows: NDArray[np.intp]) -> tuple[Array, float]:
        stretch = np.ones(self.clean.shape[1], np.float32)
        stretch[column] = OWN
        weight = np.full(len(rows), SENTENCE_WEIGHT)
        weight[self.in_call[rows]] = 1.0
        model = LogisticRegression(C=AROUND_C, solver="newton-cholesky", tol=1e-6)
        model.fit(np.vstack((self.clean[rows], self.misheard[rows])) * stretch, np.tile(labels.hit[rows], 2),
                  sample_weight=np.concatenate((weight, NOISY_WEIGHT * weight)))
        return (model.coef_[0] * stretch).astype(np.float32), float(model.intercept_[0])

    def unseen(self, labels: Labels, column: int, fold: NDArray[np.int_]) -> tuple[Array, Array]:
        """Second-layer log-odds of each row, clean and misheard, learnt without its fold."""
        out = np.zeros((2, len(fold)), np.float32)
        usable = self.learnable(labels, column)
        for left_out in range(FOLDS):
            weights, offset = self.fit(labels, column, np.flatnonzero(usable & (fold != left_out)))
            held = fold == left_out
            out[0, held], out[1, held] = self.clean[held] @ weights + offset, self.misheard[held] @ weights + offset
        return out[0], out[1]


def calibrated(scores: Array, hit: NDArray[np.int8]) -> tuple[float, float]:
    """Platt's slope and offset, with his prior of one more of each kind; (1, 0) where there is nothing to learn from."""
    if not hit.any() or hit.all():
        return 1.0, 0.0
    model = LogisticRegression(C=1.0, max_iter=400).fit(
        np.concatenate((scores, [scores.max(), scores.min()]))[:, None], np.concatenate((hit, [0, 1])),
        sample_weight=np.concatenate((np.ones(len(hit)), [0.5, 0.5])))
    return max(float(model.coef_[0, 0]), 0.05), float(model.intercept_[0])


def thresholds(rule: str, likely: Array, hit: NDArray[np.int8]) -> tuple[float, float]:
    """Accept from the probability of best F1 (for taboos: of those with enough precision, where any reaches it); doubt from
    that below which fewer than one in seven is a hit, or from which 97 in 100 hits are seen, whichever comes first."""
    if hit.sum() < 5:
        return 0.5, 0.2
    order = np.argsort(-likely, kind="stable")
    found = np.cumsum(hit[order])
    precision, recall = found / np.arange(1, len(order) + 1), found / hit.sum()
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    if rule.startswith("taboo.") and (good := (precision >= PRECISION_FLOOR) & (found >= 5)).any():
        f1 = np.where(good, f1, 0)
    best = int(f1.argmax())
    following = likely[order[min(best + 1, len(order) - 1)]]
    least = TABOO_LEAST if rule.startswith("taboo.") else 0.1
    accept = float(np.clip((likely[order[best]] + following) / 2, least, 0.9))
    all_seen = float(likely[order[int(np.argmax(recall >= 0.97))]])
    return accept, float(np.clip(max(all_seen, 0.15), 0.0, accept))


def quantised(weights: Array) -> tuple[NDArray[np.int8], Array]:
    scale = np.abs(weights).max(axis=0) / 127
    return np.rint(weights / np.maximum(scale, 1e-12)).astype(np.int8), scale.astype(np.float32)


def train(examples: Examples, version: str, say: Callable[[str], None] = lambda _: None) -> dict[str, NDArray[Any]]:
    """Everything `predict.Meaning` needs, by name, ready for `np.savez`."""
    words = Words(examples)
    labels = [examples.labels(rule) for rule in examples.rules]
    scores = unseen_scores(words, examples, labels, say)
    around = Around(examples, scores)
    layers: dict[str, list[Any]] = {name: [] for name in (
        "words", "word_offset", "around", "around_offset", "in_call", "alone", "accept", "doubt")}
    for column, (rule, label) in enumerate(zip(examples.rules, labels, strict=True)):
        say(f"{rule}")
        weights, offset = words.fit(label, np.flatnonzero(label.trust != EXCLUDED))
        wide, wide_offset = around.fit(label, column, np.flatnonzero(around.learnable(label, column)))
        unseen, _ = around.unseen(label, column, examples.fold)
        called = around.learnable(label, column) & examples.in_call
        alone = (label.trust == SURE) & ~examples.in_call
        in_call = calibrated(unseen[called], label.hit[called])
        likely = 1 / (1 + np.exp(-(in_call[0] * unseen[called] + in_call[1])))
        accept, doubt = thresholds(rule, likely.astype(np.float32), label.hit[called])
        by_itself = calibrated(unseen[alone], label.hit[alone]) if alone.any() else in_call
        values = (weights * words.rarity, offset, wide, wide_offset, in_call, by_itself, accept, doubt)
        for name, value in zip(layers, values, strict=True):
            layers[name].append(value)
    return packed(examples, words, layers, version)


def packed(examples: Examples, words: Words, layers: dict[str, list[Any]], version: str) -> dict[str, NDArray[Any]]:
    """The model as arrays: the n-grams that weigh most over all rules, in eight bits a rule."""
    weights = np.array(layers.pop("words"), np.float32).T
    counts = np.bincount(words.own.indices, minlength=len(weights))
    worth = np.abs(weights).max(axis=1) * np.sqrt(counts)
    kept = np.sort(np.argsort(-worth, kind="stable")[:KEPT])
    small, scale = quantised(weights[kept])
    arrays = {name: np.array(values, np.float32) for name, values in layers.items()}
    for name in ("around", "in_call", "alone"):
        arrays[name] = arrays[name].T.copy()
    return arrays | {
        "rules": np.array(examples.rules), "version": np.array(version), "keys": words.vocabulary.keys[kept], "words": small,
        "word_scale": scale, "sounds": examples.sounds, "traditional": np.array("".join(examples.simplified)),
        "simplified": np.array("".join(examples.simplified.values()))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=MODEL, help="where to write the model")
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning, module="sklearn")
    arrays = train(Examples(data.sentences(), data.calls()), data.fingerprint(), lambda text: print(text, file=sys.stderr))
    np.savez_compressed(chosen.out, allow_pickle=False, **arrays)
    print(f"{chosen.out}: {len(arrays['rules'])} rules, {len(arrays['keys'])} n-grams, "
          f"{chosen.out.stat().st_size / 1e6:.1f} MB, version {data.fingerprint()[:12]}")


if __name__ == "__main__":
    main()
