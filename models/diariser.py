"""Who speaks when in a mono recording: the interface, and the choice of what answers it on this machine.

Every diariser is made by a function in DISCOVERED; a new one needs a module and one line there.
"""
from __future__ import annotations

from collections.abc import Callable, Hashable
from importlib.util import find_spec
from typing import NamedTuple, Protocol

import numpy as np

from models import shelf
from records import Problem
from settings import Models

RATE = 16000


class Span(NamedTuple):
    """Somebody speaks: seconds from the start of the samples, and the number of the speaker (0, 1 …)."""

    start: float
    end: float
    speaker: int


class Print(NamedTuple):
    """How a voice sounds from `start` to `end` (seconds): a vector, of unit length for the good embeddings. Prints with the same
    `stretch` are of one stretch of speech without a pause or a change of voice."""

    start: float
    end: float
    stretch: Hashable
    vector: np.ndarray


class Diarisation(NamedTuple):
    """What a diariser found. Spans are sorted by start; two speakers at once give two overlapping spans. `prints` is the sound
    of the voices bit by bit, for those who know what is said and want to judge anew.

    `centroids` has for every speaker a unit vector of the voice, comparable between calls of the same diariser (so that a
    long recording can be done window by window), but not between diarisers.
    """

    spans: list[Span]
    centroids: dict[int, np.ndarray]
    prints: tuple[Print, ...] = ()


class Diariser(Protocol):
    """Finds speakers by voice. `name` and `version` say what a result depends on; the same samples give the same result."""

    name: str
    version: str

    def diarise(self, samples: np.ndarray, speakers: int = 2) -> Diarisation:
        """float32 mono at 16 kHz, at most about 20 minutes → who speaks when, at most `speakers` different voices."""
        ...


def _pyannote(models: Models, threads: int) -> Diariser:
    from models.pyannote_diariser import PyannoteDiariser
    return PyannoteDiariser(models, threads)


def _clustering(models: Models, threads: int) -> Diariser:
    from models.clustering_diariser import ClusteringDiariser
    return ClusteringDiariser(models, threads)


DISCOVERED: dict[str, Callable[[Models, int], Diariser]] = {"pyannote": _pyannote, "clustering": _clustering}
NEEDED = ("torch", "pyannote.audio", "speechbrain")      # the packages of the extra `diarize` that pyannote needs here


class Choice(NamedTuple):
    """Which diariser will be used, and why in words (for `tingjian doctor`)."""

    name: str
    why: str


def choose(models: Models, fetch: bool = False) -> Choice:
    """Decides without loading anything heavy. With `fetch`, weights that are missing are fetched to find out.

    Raises records.Problem when the settings ask for pyannote and it cannot be had.
    """
    if models.diariser == "clustering":
        return Choice("clustering", "the settings ask for it")
    lacking = _lacking()
    if not lacking:
        try:
            for weights in ("pyannote", "ecapa"):
                if fetch or not models.sources:
                    shelf.locate(weights, models, fetch)
                elif not shelf.find(weights, models):
                    return Choice("pyannote", f"its packages are here; the weights of {weights} are fetched when needed")
            return Choice("pyannote", "its packages and weights are here")
        except Problem as problem:
            lacking = str(problem).splitlines()[0]
    if models.diariser == "pyannote":
        raise Problem(f"models.diariser asks for pyannote, which cannot be had: {lacking}")
    return Choice("clustering", f"pyannote cannot be had: {lacking}")


def _lacking() -> str:
    for package in NEEDED:
        try:
            if find_spec(package) is None:
                return f"{package} is not installed (pip install 'tingjian[diarize]')"
        except ModuleNotFoundError:
            return f"{package} is not installed (pip install 'tingjian[diarize]')"
    return ""


def embedding_lacks(models: Models) -> str:
    """Why the clustering diariser could not use ECAPA embeddings here; empty when it could (or can fetch them)."""
    for package in ("torch", "speechbrain"):
        if find_spec(package) is None:
            return f"{package} is not installed"
    if not models.sources and not shelf.find("ecapa", models):
        return "the weights of ecapa are not here"
    return ""


def open_diariser(models: Models, threads: int = 1) -> Diariser:
    """The diariser that the settings name, loaded; "auto" is pyannote where it can be had, else clustering.

    `threads` is how many it may keep busy. Raises records.Problem when the settings ask for what cannot be had.
    """
    from models.pytorch import NoTorch
    choice = choose(models, fetch=True)
    try:
        return DISCOVERED[choice.name](models, threads)
    except NoTorch as fault:          # installed, but does not load here
        if models.diariser == "pyannote":
            raise Problem(f"models.diariser asks for pyannote, which does not load: {fault}") from fault
        return DISCOVERED["clustering"](models, threads)
