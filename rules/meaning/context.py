"""What stands around a turn, as numbers: the first layer's opinions of its neighbours, questions, the place.

A linear model of one turn's words is saturated; what decides is who asked before, what was offered after, where in the
call it is. The neighbours come in as the first layer's probabilities for them (some fifty numbers), not as words: that
generalises from few calls.
"""
from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = (-2, -1, 1, 2)
FLAGS = ("问句", "长度", "很短", "前一句有", "前一句是对方", "前一句是问句", "后一句有", "后一句是对方", "后一句是问句",
         "知道位置", "坐席第一句", "坐席第二句", "坐席第三到五句", "坐席最后一句", "坐席倒数二三句", "通话进程")
_QUESTION = re.compile("吗|呢$|什么|怎么|多少|几|哪|谁|为啥|咋|啥|是不是|有没有|好不好|能不能|可不可以|行不行|会不会|要不要")
_CLIP = 6.0


def questions(texts: Sequence[str], folded: Sequence[str]) -> NDArray[np.float32]:
    """1.0 for each text that asks, by its particle, question word or sign; recognisers often leave the sign out."""
    asks = ("?" in text or "？" in text or _QUESTION.search(bare) is not None
            for text, bare in zip(texts, folded, strict=True))
    return np.fromiter(asks, np.float32, len(texts))


def places(agent: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Where each turn stands, turns × 7: known; agent's first, second, third to fifth, last, last but one, two; progress."""
    total = len(agent)
    out = np.zeros((total, 7), np.float32)
    out[:, 0] = 1
    own = np.flatnonzero(agent)
    out[own[:1], 1] = out[own[1:2], 2] = out[own[2:5], 3] = 1
    out[own[-1:], 4] = out[own[-3:-1], 5] = 1
    out[:, 6] = np.arange(total) / max(1, total - 1)
    return out


def describe(scores: NDArray[np.float32], agent: NDArray[np.bool_], asks: NDArray[np.float32], lengths: NDArray[np.float32],
             place: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turns × (rules · 5 + flags): own scores, then the neighbours' probabilities (0 where there is none), then `FLAGS`.

    `scores` are the first layer's log-odds, turns × rules, of turns that follow each other; `lengths` in characters.
    """
    total, rules = scores.shape
    own = np.clip(scores, -_CLIP, _CLIP)
    likely = 1 / (1 + np.exp(-own))
    out = np.zeros((total, rules * (1 + len(NEIGHBOURS)) + len(FLAGS)), np.float32)
    out[:, :rules] = own / 2
    flags = out[:, -len(FLAGS):]
    flags[:, 0], flags[:, 1], flags[:, 2] = asks, np.log1p(lengths) / 3, lengths <= 4
    for block, step in enumerate(NEIGHBOURS, 1):
        here, there = (slice(-step, None), slice(None, step)) if step < 0 else (slice(None, -step), slice(step, None))
        if total <= abs(step):
            continue
        out[here, block * rules:(block + 1) * rules] = likely[there]
        if abs(step) == 1:
            at = 3 if step < 0 else 6
            flags[here, at], flags[here, at + 1], flags[here, at + 2] = 1, agent[here] != agent[there], asks[there]
    flags[:, 9:] = place
    return out
