"""The training material as arrays: every labelled sentence and every turn of the labelled calls, with each rule's labels."""
from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from . import context, features, sounds
from .data import Call, Sentence, speaker
from .noise import Mishearing
from .text import Folding, fold

FOLDS = 6
EXCLUDED, SURE, DOUBTFUL = 0, 1, 2


class Labels(NamedTuple):
    """For one rule, an entry a row: `hit` 0 or 1, and how far to trust it (EXCLUDED, SURE, DOUBTFUL)."""

    hit: NDArray[np.int8]
    trust: NDArray[np.int8]


class Examples:
    """Rows are the sentences first, then all turns of all calls. `fold` keeps a file's calls together, and neighbours."""

    def __init__(self, sentences: Sequence[Sentence], calls: Sequence[Call], rules: Iterable[str] | None = None,
                 seed: int = 7) -> None:
        self.sentences, self.calls = sentences, calls
        known = {row.rule for row in sentences}.union(*(call.hits for call in calls))
        self.rules = tuple(sorted(known if rules is None else rules))
        self.of_calls = set[str]().union(*(call.hits.keys() | call.doubtful_from.keys() | call.skip.keys() for call in calls))
        said = {row.rule: row.who for row in sentences if row.label}
        self.speaker = {rule: speaker(rule) if rule in self.of_calls else said.get(rule, "agent") for rule in self.rules}
        self.texts = [row.text for row in sentences] + [text for call in calls for _, text in call.turns]
        self.who = np.array([row.who for row in sentences] + [who for call in calls for who, _ in call.turns])
        self.in_call = np.arange(len(self.texts)) >= len(sentences)
        groups = sorted({call.group for call in calls})
        self.fold = np.array([int(row.group[-1]) % FOLDS for row in sentences]
                             + [groups.index(call.group) % FOLDS for call in calls for _ in call.turns])
        self.simplified, self.sounds = sounds.simplified_table(), sounds.sound_table()
        self._folding = Folding(self.simplified)
        syllables = {chr(code): int(sound) for code, sound in enumerate(self.sounds) if sound > 0xFFFF}
        mishearing, chance = Mishearing(self.texts, syllables), random.Random(seed)
        self.misheard = [mishearing(text, chance.choice((0.05, 0.1, 0.15)), chance) for text in self.texts]

    def spans(self) -> list[tuple[int, int]]:
        """First row and one past the last of each call."""
        ends = len(self.sentences) + np.cumsum([len(call.turns) for call in self.calls])
        return [(int(end) - len(call.turns), int(end)) for call, end in zip(self.calls, ends, strict=True)]

    def folded(self, texts: Sequence[str]) -> list[str]:
        return [fold(text, self._folding) for text in texts]

    def grams(self, texts: Sequence[str]) -> features.Grams:
        return features.grams(self.folded(texts), self.sounds)

    def labels(self, rule: str) -> Labels:
        """Only rows of the speaker whom the rule judges count; see `data.Call` for hits, skipped and doubtful turns."""
        hit, trust = np.zeros(len(self.texts), np.int8), np.zeros(len(self.texts), np.int8)
        for row, sentence in enumerate(self.sentences):
            if sentence.rule == rule:
                hit[row], trust[row] = sentence.label, SURE
        for call, (start, end) in zip(self.calls, self.spans(), strict=True):
            if rule in call.unlabelled:
                continue
            trust[start:end] = SURE if rule in self.of_calls else DOUBTFUL  # nobody has looked for a rule of a site's own
            if rule in call.doubtful_from:
                trust[start + call.doubtful_from[rule]:end] = DOUBTFUL
            for turn in call.hits.get(rule, ()):
                hit[start + turn], trust[start + turn] = 1, SURE
            for turn in call.skip.get(rule, ()):
                trust[start + turn] = EXCLUDED
        trust[self.who != self.speaker[rule]] = EXCLUDED
        return Labels(hit, trust)

    def around(self, own: NDArray[np.float32], before: NDArray[np.float32], after: NDArray[np.float32],
               texts: Sequence[str]) -> NDArray[np.float32]:
        """The second layer's inputs, from first-layer log-odds of the rows and of the sentences' neighbours."""
        folded = self.folded(texts)
        agent, asks = self.who == "agent", context.questions(texts, folded)
        lengths = np.array([len(text) for text in folded], np.float32)
        earlier, later = ([row.before for row in self.sentences], [row.after for row in self.sentences])
        asks_before, asks_after = (context.questions(side, self.folded(side)) for side in (earlier, later))
        rows = []
        nowhere = np.zeros((1, 7), np.float32)
        for row, sentence in enumerate(self.sentences):
            turns = [(own[row], agent[row], asks[row], lengths[row])]
            at = 0
            if sentence.before:
                turns.insert(0, (before[row], not agent[row], asks_before[row], 0))
                at = 1
            if sentence.after:
                turns.append((after[row], not agent[row], asks_after[row], 0))
            scores, who, ask, length = (np.array(column) for column in zip(*turns, strict=True))
            rows.append(context.describe(scores, who, ask, length, np.repeat(nowhere, len(turns), 0))[at:at + 1])
        rows += [context.describe(own[start:end], agent[start:end], asks[start:end], lengths[start:end],
                                  context.places(agent[start:end])) for start, end in self.spans()]
        return np.vstack(rows)


def known_grams(found: features.Grams, least: int = 2) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """N-grams that stand in at least so many rows, as sorted hashes, and in how many."""
    rows = np.repeat(np.arange(len(found.starts) - 1), np.diff(found.starts) * features.KINDS)
    flat = found.hashes.ravel()
    keys, inverse = np.unique(flat[flat > 0], return_inverse=True)
    total = len(found.starts) - 1
    once = np.unique(inverse.astype(np.int64) * total + rows[flat > 0])
    counts = np.bincount(once // total, minlength=len(keys))
    return keys[counts >= least].copy(), counts[counts >= least]


def weighted(found: features.Grams, vocabulary: features.Vocabulary, weight: NDArray[np.float32]) -> csr_array:
    """`features.matrix` for learning: without the column of the unknown, n-grams weighted (the rarer, the more)."""
    out = csr_array(features.matrix(found, vocabulary)[:, 1:])
    out.sum_duplicates()
    out.data *= weight[out.indices]
    out.indices, out.indptr = out.indices.astype(np.int32), out.indptr.astype(np.int32)
    return out
