"""Mono recordings: whose word is it. By the voice, and by what is said: an agent's sentences, questions and their answers.

A diariser is given windows of at most 20 minutes; the voices of one window are found again in the next by their centroids.
Words are cut into phrases at pauses, marks and changes of voice, so that a sentence is not torn. Whose a phrase is follows from
both kinds of evidence together (`attribute`): the words say which side speaks like an agent (sides.py), the sound which
phrases are of the same voice (likeness.py), and each corrects the other until nothing changes.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, permutations, takewhile
from typing import NamedTuple

import numpy as np

from models.diariser import Diarisation, Print
from models.voice_activity import Span
from pipeline import chain, sides
from pipeline.likeness import Likeness
from pipeline.turns import simplified
from records import Word

WINDOW = 1200.0         # seconds given to the diariser at once
ISLAND = 0.6            # seconds; a shorter change of voice inside a fluent phrase is a seam of the diariser's, not a person
FLUENT = 0.25           # seconds between words within which nobody takes over unnoticed
SENTENCE_ENDS = "。？！，,.?!"
BACKCHANNELS = frozenset((
    "嗯", "对", "喂", "好", "好的", "是", "是的", "哦", "啊", "行", "嗯嗯", "对对", "对对对", "好好好", "可以", "没有",
    "不是"))
PHRASE = 0.2            # seconds of silence that end a phrase: shorter ones lie inside words
# How far the models of sides.py are believed: words are misheard, and neighbouring clauses are no independent evidence.
BELIEVED = 0.5
FLOWING = 0.1           # seconds; without any pause between them two phrases are less likely of two speakers …
ONE_FLOW = 0.7          # … by these log odds
ROUNDS = 8              # of correcting words by sound and sound by words; three are enough as a rule


class Window(NamedTuple):
    """What the diariser found in the window that begins at `start` seconds."""

    start: float
    found: Diarisation


class Voice(NamedTuple):
    """A stretch of one voice, seconds of the recording."""

    start: float
    end: float
    voice: int


def windows(duration: float) -> list[Span]:
    """The recording in windows of equal length, none longer than WINDOW."""
    count = max(1, int(np.ceil(duration / WINDOW)))
    edges = np.linspace(0, duration, count + 1).tolist()
    return [Span(start, end) for start, end in pairwise(edges)]


def linked(parts: Iterable[Window]) -> list[Voice]:
    """The windows' spans on one time line, with voices numbered alike throughout."""
    known: dict[int, np.ndarray] = {}
    weight: dict[int, float] = {}
    voices: list[Voice] = []
    for part in sorted(parts, key=lambda part: part.start):
        names = _matching(part.found.centroids, known)
        for speaker, name in names.items():
            seconds = sum(span.end - span.start for span in part.found.spans if span.speaker == speaker)
            total = weight.get(name, 0.0) + seconds
            old = known.get(name, np.zeros_like(part.found.centroids[speaker]))
            mean = old * weight.get(name, 0.0) + part.found.centroids[speaker] * seconds
            known[name], weight[name] = mean / max(total, 1e-9), total
        voices += [Voice(span.start + part.start, span.end + part.start, names.get(span.speaker, span.speaker))
                   for span in part.found.spans]
    return sorted(voices)


def _matching(centroids: dict[int, np.ndarray], known: dict[int, np.ndarray]) -> dict[int, int]:
    """The window's speakers by the names known so far: the pairing with the highest sum of cosines."""
    if not known:
        return {speaker: index for index, speaker in enumerate(sorted(centroids))}
    speakers = sorted(centroids)
    names = [*known, *range(len(known), len(known) + max(0, len(speakers) - len(known)))]

    def likeness(order: Sequence[int]) -> float:
        return sum(_cosine(centroids[speaker], known[name]) for speaker, name in zip(speakers, order, strict=False)
                   if name in known)

    best = max(permutations(names, len(speakers)), key=likeness)
    return dict(zip(speakers, best, strict=True))


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-9))


def attribute(words: Sequence[Word], parts: Sequence[Window]) -> dict[int, list[Word]]:
    """The words of two voices in order, told apart by sound and wording together; voice 0 speaks more like an agent."""
    by_voice = assign(words, parts)
    if not words:
        return {0: [], 1: []}
    prints = [each._replace(start=each.start + part.start, end=each.end + part.start, stretch=(part.start, each.stretch))
              for part in parts for each in part.found.prints]
    owner = {id(word): voice for voice, each in by_voice.items() for word in each}
    cut = phrases(words, prints, [owner[id(word)] for word in words])
    texts = [simplified("".join(word.text for word in words[begin:end])) for begin, end in cut]
    wording = np.array([BELIEVED * np.clip(sides.agent(text), -sides.CLEAREST, sides.CLEAREST) for text in texts])
    changes = np.array([BELIEVED * sides.change(*pair) - ONE_FLOW * (_gap(words, at) < FLOWING)
                        for pair, (at, _) in zip(pairwise(texts), cut[1:], strict=True)])
    sound = Likeness(prints, [(words[begin].start, words[end - 1].end) for begin, end in cut])
    found = [_agreed(start, wording, changes, sound) for start in _starts(words, cut, by_voice, wording, changes)]
    agent, _ = max(found, key=lambda each: each[1])
    told = np.repeat(agent, [end - begin for begin, end in cut])
    return {voice: [word for word, mine in zip(words, told, strict=True) if mine == (voice == 0)] for voice in (0, 1)}


def heard(voices: Mapping[int, Sequence[Word]], parts: Iterable[Window]) -> dict[int, list[Span]]:
    """Where each of the two voices of an attribution sounds: with its phrases, and both where the diariser hears two at once."""
    found = linked(parts)
    both = [Span(max(one.start, other.start), min(one.end, other.end)) for at, one in enumerate(found)
            for other in takewhile(lambda other, one=one: other.start < one.end, found[at + 1:]) if other.voice != one.voice]
    return {voice: sorted([*(Span(words[begin].start, words[end - 1].end) for begin, end in phrases(words)),
                           *(both if len(voices) == 2 and words else ())])
            for voice, words in voices.items()}


def _starts(words: Sequence[Word], cut: Sequence[tuple[int, int]], by_voice: dict[int, list[Word]], wording: np.ndarray,
            changes: np.ndarray) -> list[np.ndarray]:
    """Two first beliefs of how likely each phrase is the agent's: by the words alone, and by the diariser's two main voices."""
    starts = [chain.likely(wording, changes)]
    main = sorted(by_voice, key=lambda voice: -len(by_voice[voice]))[:2]
    if len(main) == 2:
        mine = {id(word) for word in by_voice[main[0]]}
        belief = np.array([np.mean([id(word) in mine for word in words[begin:end]]) for begin, end in cut]) * 0.9 + 0.05
        starts.append(belief if (2 * belief - 1) @ wording >= 0 else 1 - belief)
    return starts


def _agreed(belief: np.ndarray, wording: np.ndarray, changes: np.ndarray, sound: Likeness) -> tuple[np.ndarray, float]:
    """The course (True: agent) that words and sound come to agree on from a first belief, and how well it explains both."""
    odds, gain = wording, 0.0
    for _ in range(ROUNDS):
        heard, gain = sound.odds(belief)
        odds = wording + heard
        before, belief = belief, chain.likely(odds, changes)
        if np.abs(belief - before).max() < 0.01:
            break
    agent = chain.course(odds, changes)
    return agent, chain.weight(agent, wording, changes) + gain


def phrases(words: Sequence[Word], prints: Sequence[Print] = (), voices: Sequence[int] = ()) -> list[tuple[int, int]]:
    """Runs of words (first index, one past the last) that hold no pause, mark, change of the diariser's `voices` (by word) or of
    its stretches, and no end of a clause by the words themselves."""
    stretches: dict[object, float] = {}
    for each in prints:
        stretches[each.stretch] = min(each.start, stretches.get(each.stretch, each.start))
    place = np.searchsorted(sorted(stretches.values()), [(word.start + word.end) / 2 for word in words])
    text = [simplified(word.text) for word in words]

    def ends(at: int) -> bool:
        return (_gap(words, at) >= PHRASE or place[at] != place[at - 1] or bool(voices and voices[at] != voices[at - 1])
                or text[at - 1].strip()[-1:] in tuple(SENTENCE_ENDS)
                or sides.ends("".join(text[max(0, at - 4):at]), "".join(text[at:at + 4])) > 0)

    return list(pairwise([0, *(at for at in range(1, len(words)) if ends(at)), len(words)])) if words else []


def _gap(words: Sequence[Word], at: int) -> float:
    return words[at].start - words[at - 1].end


def assign(words: Sequence[Word], parts: Iterable[Window]) -> dict[int, list[Word]]:
    """Each voice's words, in order. Without any voice found all words are of voice 0."""
    voices = linked(parts)
    if not voices:
        return {0: list(words)}
    owners = smoothed(words, [_owner(word, voices) for word in words])
    said: dict[int, list[Word]] = {voice: [] for voice in sorted({each.voice for each in voices})}
    for word, owner in zip(words, owners, strict=True):
        said[owner].append(word)
    return said


def _owner(word: Word, voices: Sequence[Voice]) -> int:
    """The voice that overlaps the word most; the nearest one if none does. Of two at once the shorter stretch: a
    back-channel lies inside the other's long stretch."""
    overlaps: dict[int, tuple[float, float]] = {}
    for each in voices:
        overlap = min(word.end, each.end) - max(word.start, each.start)
        if overlap > 0:
            before = overlaps.get(each.voice, (0.0, 0.0))
            overlaps[each.voice] = (before[0] + overlap, min(-(each.end - each.start), before[1] or -1e9) if before[0] else
                                    -(each.end - each.start))
    if overlaps:
        return max(overlaps, key=lambda voice: (round(overlaps[voice][0], 2), overlaps[voice][1]))
    middle = (word.start + word.end) / 2
    return min(voices, key=lambda each: max(each.start - middle, middle - each.end, 0.0)).voice


def smoothed(words: Sequence[Word], owners: Sequence[int]) -> list[int]:
    """Owners with the diariser's seams mended: short islands inside a fluent phrase go to the voice around them, unless they
    are a back-channel; and a change in the middle of a phrase moves to the nearest pause or punctuation within two words."""
    result = list(owners)
    runs = _runs(result)
    for before, (begin, end), after in zip(runs, runs[1:], runs[2:], strict=False):
        island = words[begin:end]
        text = "".join(word.text for word in island).strip(SENTENCE_ENDS)
        fluent = (island[0].start - words[before[1] - 1].end < FLUENT and words[after[0]].start - island[-1].end < FLUENT)
        if (result[before[0]] == result[after[0]] and fluent and text not in BACKCHANNELS
                and island[-1].end - island[0].start < ISLAND):
            result[begin:end] = [result[before[0]]] * (end - begin)
    for begin, _ in _runs(result)[1:]:
        _move_seam(words, result, begin)
    return result


def _runs(owners: Sequence[int]) -> list[tuple[int, int]]:
    edges = [0, *[index for index in range(1, len(owners)) if owners[index] != owners[index - 1]], len(owners)]
    return [(begin, end) for begin, end in pairwise(edges) if end > begin]


def _move_seam(words: Sequence[Word], owners: list[int], at: int) -> None:
    """Moves the change of speaker at word `at` to a better place up to two words away, if it has none itself."""
    def seam(index: int) -> float:
        gap = words[index].start - words[index - 1].end
        return gap + (0.5 if words[index - 1].text[-1:] in SENTENCE_ENDS else 0.0)

    if seam(at) >= FLUENT:
        return
    low, high = max(1, at - 2), min(len(words) - 1, at + 2)
    best = max(range(low, high + 1), key=lambda index: (seam(index), -abs(index - at)))
    if seam(best) < FLUENT:
        return
    if best < at:
        owners[best:at] = [owners[at]] * (at - best)
    else:
        owners[at:best] = [owners[at - 1]] * (best - at)
