"""The trained layer at work: probabilities of every rule for every turn of a call, or for one sentence.

>>> meaning = Meaning.load()
>>> meaning.call([("agent", "您好，云栖酒店，请讲"), ("customer", "我想订房")])  # turns × rules
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import context, features
from .data import HERE
from .text import SHOWN, Folding, fold

MODEL = HERE / "model.npz"
PACK_MODEL = "meaning.npz"
"""The file in a pack's directory, where a layer of its own was trained."""

TURN = "\ue013"
"""Stands between the turns of a call while they are folded together, a character that nobody says."""


class Calibration(NamedTuple):
    """Log-odds to probability, per rule: sigmoid(slope · score + offset)."""

    slope: NDArray[np.float32]
    offset: NDArray[np.float32]

    def __call__(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        return (1 / (1 + np.exp(-np.clip(self.slope * scores + self.offset, -30, 30)))).astype(np.float32)


class Meaning:
    """The model of `model.npz`. `rules` names the columns; `version` changes with the data and code it was made of.

    `learnt` are the marks (`data.mark`) of a pack's own sentences that it has learnt from.

    `accept[r]` is the probability in a call from which a turn counts as a hit of rule `r`, `doubt[r]` that from which a
    person should look; both were chosen on calls that the scores had not seen.
    """

    def __init__(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self.rules: tuple[str, ...] = tuple(arrays["rules"].tolist())
        self.version = str(arrays["version"])
        self.column = {rule: place for place, rule in enumerate(self.rules)}
        self.accept: NDArray[np.float32] = arrays["accept"]  # type: ignore[assignment]
        self.doubt: NDArray[np.float32] = arrays["doubt"]  # type: ignore[assignment]
        self._vocabulary = features.Vocabulary(arrays["keys"])  # type: ignore[arg-type]
        small = arrays["words"].astype(np.float32) * arrays["word_scale"].astype(np.float32)
        self._words = np.vstack((np.zeros((1, len(self.rules)), np.float32), small))
        self._word_offset = arrays["word_offset"].astype(np.float32)
        self._around = arrays["around"].astype(np.float32)
        self._around_offset = arrays["around_offset"].astype(np.float32)
        self._in_call = Calibration(*arrays["in_call"].astype(np.float32))
        self._alone = Calibration(*arrays["alone"].astype(np.float32))
        self._folding = Folding(dict(zip(str(arrays["traditional"]), str(arrays["simplified"]), strict=True)))
        self._folding[ord(TURN)] = TURN
        self._sounds: NDArray[np.uint32] = arrays["sounds"]  # type: ignore[assignment]
        self._of_agent: NDArray[np.bool_] = arrays["of_agent"]  # type: ignore[assignment]
        self.learnt = frozenset[str](arrays["learnt"].tolist())
        self._speaker = ["agent" if agent else "customer" for agent in self._of_agent]

    @classmethod
    def load(cls, path: Path | None = None) -> Meaning:
        """Read a model file (by default the one beside this module, which is read once and shared)."""
        return _shared() if path is None else cls._read(path)

    @classmethod
    def of_pack(cls, directory: Path | None) -> Meaning:
        """The layer that `tingjian rules train` left in a pack's directory, else the one that comes with the product."""
        own = None if directory is None else directory / PACK_MODEL
        return cls._read(own) if own is not None and own.exists() else _shared()

    @classmethod
    def _read(cls, path: Path) -> Meaning:
        with np.load(path, allow_pickle=False) as stored:
            return cls({name: stored[name] for name in stored.files})

    def _folded(self, texts: Sequence[str]) -> list[str]:
        """The texts folded, in one go: no pattern reaches over what parts them."""
        return fold(TURN.join([text.replace(TURN, ",") for text in texts]), self._folding).split(TURN)

    def _scores(self, folded: Sequence[str]) -> NDArray[np.float32]:
        """First layer's log-odds, turns × rules, of folded texts."""
        found = features.grams(folded, self._sounds)
        return features.matrix(found, self._vocabulary) @ self._words + self._word_offset

    def _judged(self, turns: Sequence[tuple[str, str]], known_place: bool) -> NDArray[np.float32]:
        """Second layer's log-odds, turns × rules, −inf where the rule judges the other speaker."""
        texts = [text for _, text in turns]
        folded = self._folded(texts)
        agent = np.array([who == "agent" for who, _ in turns])
        customer = np.array([who == "customer" for who, _ in turns])
        place = context.places(agent) if known_place else np.zeros((len(turns), 7), np.float32)
        lengths = np.array([len(text) for text in folded], np.float32)
        around = context.describe(self._scores(folded), agent, context.questions(texts, folded), lengths, place)
        judged = around @ self._around + self._around_offset
        judged[~np.where(self._of_agent, agent[:, None], customer[:, None])] = -np.inf
        return judged

    def call(self, turns: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Turns × rules float32: how likely each turn of a call, given as (speaker, text), is what each rule looks for.

        Calibrated at the rate of true calls, where most turns are none; 0 for turns whose speaker the rule does not judge
        (`unknown` and `ivr` turns: always). Windows and whether a rule applies are the caller's matter.
        """
        if not turns:
            return np.zeros((0, len(self.rules)), np.float32)
        judged = self._judged(turns, known_place=True)
        return np.where(np.isneginf(judged), np.float32(0), self._in_call(np.nan_to_num(judged, neginf=0)))

    def sentence(self, rule: str, text: str, who: str, before: str = "", after: str = "") -> float:
        """How likely one sentence, place in a call unknown, is what the rule looks for, were half of those asked about so.

        `before` and `after` are the other speaker's neighbouring turns. Raises KeyError for a rule the layer does not know.
        """
        column = self.column[rule]
        if who != self._speaker[column]:
            return 0.0
        other = "customer" if who == "agent" else "agent"
        turns = [(other, before)] if before else []
        turns += [(who, text), (other, after)] if after else [(who, text)]
        judged = self._judged(turns, known_place=False)[1 if before else 0]
        return float(self._alone(np.where(np.isneginf(judged), 0, judged))[column])

    def explain(self, rule: str, text: str, most: int = 8) -> list[tuple[str, float]]:
        """The n-grams of the text that weigh most for and against the rule, strongest first, in log-odds of the first layer.

        Syllable n-grams are shown as the characters they were read from, marked 音.
        """
        column = self.column[rule]
        folded = self._folded([text])[0]
        found = features.grams([folded], self._sounds)
        rows = self._vocabulary.rows(found.hashes)
        marked = f"〔{folded}〕"
        share = float(features.damping(np.array([len(marked)]))[0])
        weights: dict[str, float] = defaultdict(float)
        for start, kind in zip(*np.nonzero(rows), strict=True):
            sound = kind >= features.CHARACTERS
            length = kind + 1 - (features.CHARACTERS if sound else 0)
            shown = "".join(SHOWN.get(c, c) for c in marked[start:start + length])
            weights[shown + (" 音" if sound else "")] += float(self._words[rows[start, kind], column]) * share
        return sorted(((name, round(weight, 3)) for name, weight in weights.items()), key=lambda item: -abs(item[1]))[:most]


@lru_cache(maxsize=1)
def _shared() -> Meaning:
    return Meaning._read(MODEL)
