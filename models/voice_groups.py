"""Which stretches of speech are of the same voice: clustering of speaker embeddings into a known number of speakers."""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import pdist

from models.voiceprint import normalised

ENOUGH_SHARE = 0.04     # a group with less of the speech than this is an outlier, not a speaker
MOST_GROUPS = 24        # how finely the tree is cut in the search for groups that are big enough


class Groups(NamedTuple):
    """`labels` per vector, -1 where nothing is known; `centroids` (speakers, dimension) of unit rows."""

    labels: np.ndarray
    centroids: np.ndarray


def group(vectors: np.ndarray, seconds: np.ndarray, speakers: int, apart: Sequence[Sequence[int]] = (),
          same_voice: float = 2.0) -> Groups:
    """Groups unit vectors (n, d) into at most `speakers` voices, numbered in the order in which they first occur.

    `seconds` says how much speech a vector stands for: it is its weight, and 0 means unknown. Each of `apart` lists vectors
    that are certainly of different voices. Two groups whose centroids have a cosine above `same_voice` are one.
    A tree of average distances is cut where as many groups as wanted are big enough, so that a cough or a jingle does not
    take the place of a speaker; then all vectors go to their nearest centroid, and the centroids are taken anew until
    nothing moves.
    """
    known = np.flatnonzero(seconds > 0)
    labels = np.full(len(vectors), -1)
    if not len(known):
        return Groups(labels, np.zeros((0, vectors.shape[1]), np.float32))
    centroids = _first_centroids(vectors[known], seconds[known], speakers)
    for _ in range(20):
        before = labels.copy()
        labels[known] = np.argmax(vectors[known] @ centroids.T, axis=1)
        for rivals in apart:
            _part(labels, vectors, centroids, [i for i in rivals if seconds[i] > 0])
        if (labels == before).all():
            break
        centroids = _means(vectors, seconds, labels, len(centroids))
    while len(centroids) > 1 and (pair := _alike(centroids, same_voice)):
        labels[labels == pair[1]] = pair[0]
        labels[labels > pair[1]] -= 1
        centroids = _means(vectors, seconds, labels, len(centroids) - 1)
    order = list(dict.fromkeys(label for label in labels if label >= 0))
    order += [label for label in range(len(centroids)) if label not in order]
    renamed = np.full(len(centroids) + 1, -1)
    renamed[order] = np.arange(len(order))
    return Groups(renamed[labels], centroids[order])


def _first_centroids(vectors: np.ndarray, seconds: np.ndarray, speakers: int) -> np.ndarray:
    if len(vectors) <= speakers:
        return vectors.copy()
    tree = linkage(pdist(vectors, "cosine").clip(0), "average")
    best: tuple[float, np.ndarray] | None = None
    for wanted in range(speakers, min(MOST_GROUPS, len(vectors)) + 1):
        cut = fcluster(tree, wanted, "maxclust") - 1
        shares = np.bincount(cut, seconds) / seconds.sum()
        largest = np.argsort(-shares, kind="stable")[:speakers]
        smallest = float(shares[largest[-1]]) if len(largest) == speakers else 0.0
        if best is None or smallest > best[0] or smallest >= ENOUGH_SHARE:
            best = (smallest, np.stack([seconds[cut == c] @ vectors[cut == c] for c in largest]))
        if smallest >= ENOUGH_SHARE:
            break
    assert best is not None
    return normalised(best[1])


def _part(labels: np.ndarray, vectors: np.ndarray, centroids: np.ndarray, rivals: list[int]) -> None:
    """Gives vectors that are certainly of different voices different labels, the likeliest all together."""
    if len(rivals) < 2:
        return
    rows, columns = linear_sum_assignment(-(vectors[rivals] @ centroids.T))
    for row, column in zip(rows, columns, strict=True):
        labels[rivals[row]] = column


def _means(vectors: np.ndarray, seconds: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    return normalised(np.stack([seconds[labels == c] @ vectors[labels == c] for c in range(count)]))


def _alike(centroids: np.ndarray, same_voice: float) -> tuple[int, int] | None:
    cosines = np.triu(centroids @ centroids.T, 1)
    first, second = np.unravel_index(np.argmax(cosines), cosines.shape)
    return (int(first), int(second)) if cosines[first, second] > same_voice else None


def runs(active: np.ndarray, step: float, start: float, shortest_gap: float,
         shortest_run: float) -> list[tuple[float, float]]:
    """Stretches of a boolean track as (start, end) seconds; gaps and then runs shorter than the limits are dropped.

    Frame i stands for `start + i * step` up to one step later.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
    found: list[tuple[float, float]] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        begin, end = start + float(first) * step, start + float(last) * step
        if found and begin - found[-1][1] < shortest_gap:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return [(max(0.0, begin), end) for begin, end in found if end - begin >= shortest_run]
