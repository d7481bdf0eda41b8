"""Learn `model.npz` from `data/` and the built-in pack's `like` and `unlike`: `python -m rules.meaning.train` (a minute or two,
the same bytes every time). `tingjian rules train` does it for a pack of one's own.

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
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from rules.pack import load

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
BASE_RATE = 0.02       # share of turns that are hits, where no call tells; that of the labelled rules is 0.002 to 0.07
TABOO_LEAST = 0.35     # ... and where not, no accusation on less than this; the less likely ones are doubts
TABOO_MOST = 0.55      # nor is more asked than this: calls left out gained 16 lapses and 5 false alarms by it


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


class Fits(NamedTuple):
    """First layers, one for each part left out and, last, one that learnt from all: n-grams × rules, and offsets."""

    weights: list[Array]
    offsets: list[Array]


def first_layers(words: Words, examples: Examples, labels: Sequence[Labels], say: Callable[[str], None]) -> tuple[Fits, Scores]:
    """The first layers, and each row scored by the one that learnt without the row's fold."""
    total, sentences, rules = len(examples.texts), len(examples.sentences), len(labels)
    out = Scores(*(np.zeros((count, rules), np.float32) for count in (total, total, sentences, sentences)))
    fits = Fits([], [])
    for left_out in (*range(FOLDS), None):
        say("words" if left_out is None else f"words, fold {left_out + 1} of {FOLDS}")
        held = examples.fold == left_out if left_out is not None else np.zeros(total, np.bool_)
        fitted = [words.fit(label, np.flatnonzero(~held & (label.trust != EXCLUDED))) for label in labels]
        weights, offsets = np.array([w for w, _ in fitted]).T, np.array([o for _, o in fitted], np.float32)
        fits.weights.append(weights)
        fits.offsets.append(offsets)
        held_sentences = held[:sentences]
        for scores, inputs, rows in zip(out, (words.own, words.misheard, words.before, words.after),
                                        (held, held, held_sentences, held_sentences), strict=True):
            scores[rows] = inputs[rows] @ weights + offsets
    return fits, out


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


def calibrated(scores: Array, hit: NDArray[np.int8], weight: Array | None = None) -> tuple[float, float]:
    """Platt's slope and offset, with his prior of one more of each kind; (1, 0) where there is nothing to learn from."""
    if not hit.any() or hit.all():
        return 1.0, 0.0
    model = LogisticRegression(C=1.0, max_iter=400).fit(
        np.concatenate((scores, [scores.max(), scores.min()]))[:, None], np.concatenate((hit, [0, 1])),
        sample_weight=np.concatenate((np.ones(len(hit)) if weight is None else weight, [0.5, 0.5])))
    return max(float(model.coef_[0, 0]), 0.05), float(model.intercept_[0])


def from_sentences(scores: Array, label: Labels, called: NDArray[np.bool_], alone: NDArray[np.bool_],
                   odds: float) -> tuple[float, float]:
    """The calibration of a rule that no labelled call has a hit of, as one of a site's own: the turns of calls are none; what
    its sentences are and are not weighs `odds` times as much as all turns together, each of the two."""
    if not label.hit[alone].any() or not called.any():
        return calibrated(scores[alone], label.hit[alone])
    chosen = called | alone
    weight = np.ones(len(scores), np.float32)
    for hit in (0, 1):
        sentences = alone & (label.hit == hit)
        weight[sentences] = odds * called.sum() / max(1, sentences.sum())
    return calibrated(scores[chosen], label.hit[chosen], weight[chosen])


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
    least, most = (TABOO_LEAST, TABOO_MOST) if rule.startswith("taboo.") else (0.1, 0.9)
    accept = float(np.clip((likely[order[best]] + following) / 2, least, most))
    all_seen = float(likely[order[int(np.argmax(recall >= 0.97))]])
    return accept, float(np.clip(max(all_seen, 0.15), 0.0, accept))


def quantised(weights: Array) -> tuple[NDArray[np.int8], Array]:
    scale = np.abs(weights).max(axis=0) / 127
    return np.rint(weights / np.maximum(scale, 1e-12)).astype(np.int8), scale.astype(np.float32)


class Trained(NamedTuple):
    """What `predict.Meaning` needs, by name, ready for `np.savez`: the layer that learnt from all, and for each part of the
    data one that did not learn from it (`Examples.fold`; a file of calls and a sixth of the sentences are a part)."""

    whole: dict[str, NDArray[Any]]
    without: list[dict[str, NDArray[Any]]]


def train(examples: Examples, version: str, say: Callable[[str], None] = lambda _: None,
          learnt: Sequence[data.Sentence] = ()) -> Trained:
    words = Words(examples)
    labels = [examples.labels(rule) for rule in examples.rules]
    fits, scores = first_layers(words, examples, labels, say)
    around = Around(examples, scores)
    unseen = [around.unseen(label, column, examples.fold)[0] for column, label in enumerate(labels)]
    made = []
    for part, (weights, offsets) in enumerate(zip(*fits, strict=True)):
        kept = examples.fold != part
        say("surroundings" if kept.all() else f"surroundings, fold {part + 1} of {FOLDS}")
        arrays = second_layer(examples, labels, around, unseen, kept)
        made.append(packed(examples, words, weights * words.rarity[:, None], offsets, arrays, version)
                    | {"learnt": np.array([data.mark(one) for one in learnt], "U12")})
    return Trained(made[-1], made[:-1])


def second_layer(examples: Examples, labels: Sequence[Labels], around: Around, unseen: Sequence[Array],
                 kept: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """Weights, calibration and thresholds rule by rule from the rows kept; `unseen` are second-layer scores a rule."""
    found: dict[str, list[Any]] = {name: [] for name in ("around", "around_offset", "in_call", "alone", "accept", "doubt")}
    for column, (rule, label) in enumerate(zip(examples.rules, labels, strict=True)):
        usable = around.learnable(label, column) & kept
        called, alone = usable & examples.in_call, (label.trust == SURE) & ~examples.in_call & kept
        if label.hit[called].any():
            in_call = calibrated(unseen[column][called], label.hit[called])
            by_itself = calibrated(unseen[column][alone], label.hit[alone]) if alone.any() else in_call
        else:
            in_call = from_sentences(unseen[column], label, called, alone, BASE_RATE)
            by_itself = from_sentences(unseen[column], label, called, alone, 1.0)
        likely = 1 / (1 + np.exp(-(in_call[0] * unseen[column][called] + in_call[1])))
        values = (*around.fit(label, column, np.flatnonzero(usable)), in_call, by_itself,
                  *thresholds(rule, likely.astype(np.float32), label.hit[called]))
        for name, value in zip(found, values, strict=True):
            found[name].append(value)
    arrays = {name: np.array(values, np.float32) for name, values in found.items()}
    return arrays | {name: arrays[name].T.copy() for name in ("around", "in_call", "alone")}


def packed(examples: Examples, words: Words, weights: Array, offsets: Array, second: dict[str, NDArray[Any]],
           version: str) -> dict[str, NDArray[Any]]:
    """The model as arrays: the n-grams that weigh most over all rules, in eight bits a rule."""
    counts = np.bincount(words.own.indices, minlength=len(weights))
    worth = np.abs(weights).max(axis=1) * np.sqrt(counts)
    kept = np.sort(np.argsort(-worth, kind="stable")[:KEPT])
    small, scale = quantised(weights[kept])
    return second | {
        "rules": np.array(examples.rules), "of_agent": np.array([examples.speaker[rule] == "agent" for rule in examples.rules]),
        "version": np.array(version), "keys": words.vocabulary.keys[kept], "words": small, "word_scale": scale,
        "word_offset": offsets, "sounds": examples.sounds, "traditional": np.array("".join(examples.simplified)),
        "simplified": np.array("".join(examples.simplified.values()))}


def of_pack(directory: Path | None, say: Callable[[str], None] = lambda _: None) -> Trained:
    """The layers of a pack, the built-in one by default: learnt from `data/` and from the pack's `like` and `unlike`.

    Raises Problem where the pack has mistakes.
    """
    warnings.filterwarnings("ignore", category=FutureWarning, module="sklearn")
    warnings.filterwarnings("ignore", category=ConvergenceWarning)  # near enough: what came out is calibrated and measured
    own = data.of_pack(load(directory).rules)
    return train(Examples(data.sentences() + own, data.calls()), data.fingerprint(own), say, own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=MODEL, help="where to write the model")
    parser.add_argument("--folds", type=Path, help="a directory for the layers that learnt without a part (bench.layers reads them)")
    chosen = parser.parse_args()
    trained = of_pack(None, lambda text: print(text, file=sys.stderr, flush=True))
    np.savez_compressed(chosen.out, allow_pickle=False, **trained.whole)
    if chosen.folds:
        chosen.folds.mkdir(parents=True, exist_ok=True)
        for part, arrays in enumerate(trained.without):
            np.savez_compressed(chosen.folds / f"{part}.npz", allow_pickle=False, **arrays)
    whole = trained.whole
    print(f"{chosen.out}: {len(whole['rules'])} rules, {len(whole['keys'])} n-grams, "
          f"{chosen.out.stat().st_size / 1e6:.1f} MB, version {str(whole['version'])[:12]}")


if __name__ == "__main__":
    main()
