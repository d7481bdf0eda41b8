"""One pass over one call for all rules at once; what a leaf found is worked out when it is asked for.

The automata run over the whole call, once by characters and once by sound, and each literal that is there leaves word with
the leaves that it belongs to. Most leaves hear nothing, and of those that do most are never asked, because their rule does
not apply or wants something else as well.
"""
from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import re2

from records import Match
from rules.compiling import Chain, Lead, Plan, Stretch, Use
from rules.phrases import Literal, Run
from rules.slots import Slots, alike, half_right
from rules.text import BREAK, CUT, Text

SEPARATORS = BREAK + CUT

MOST_HITS = 20_000
"""Hits looked at in one call; only text made to be a burden has more."""

MOST_PARTS = 200
"""Places of one stretch that are tried in putting a template with gaps together."""
BESIDE = 0.75
"""Likeness of two characters of which one is right, beside other words."""


Place = tuple[int, int, float]
"""Start, end and likeness of a stretch."""


class Hit(NamedTuple):
    """A place in `Text.raw`: `turn`, first and last-but-one character, how sure, found how."""

    turn: int
    start: int
    end: int
    confidence: float
    match: Match
    weak: bool = False
    note: str = ""


class Scan:
    """The scan of one call. `of(leaf)` are its hits; overlaps are left in, their order says nothing.

    Regular expressions run when their leaf is asked for, one by one: one automaton of all of them (re2.Set) would have more
    states than memory holds and is a hundred times slower on speech it has not seen.
    """

    def __init__(self, plan: Plan, text: Text, slots: Slots) -> None:
        self.plan, self.text, self.slots = plan, text, slots
        self._hits: dict[int, Sequence[Hit]] = {-1: ()}
        self._told: dict[int, list[tuple[int, Lead]]] = {}
        self._found: dict[int, list[tuple[int, int, int]]] = {}
        self._heard: dict[int, list[tuple[int, int, float, float]]] = {}
        self._single: dict[str, list[int]] = {}
        self._said: dict[str, tuple[bytes, list[int]]] = {}
        if text.key:
            self._characters()
            self._sounds()

    def of(self, leaf: int) -> Sequence[Hit]:
        """The hits of a leaf; none for -1."""
        hits = self._hits.get(leaf)
        if hits is None:
            hits = self._hits[leaf] = () if self.nothing(leaf) else self._look(leaf)
        return hits

    def nothing(self, leaf: int) -> bool:
        """Whether a leaf surely has no hits; told at once."""
        if leaf in self._told or leaf in self.plan.untold:
            return False
        return leaf not in self.plan.words or self.nothing(self.plan.words[leaf][0])

    # what the automata find
    def _characters(self) -> None:
        """Where every literal stands."""
        exact, found = self.plan.exact, self._found
        if exact is None:
            return
        for match in exact.find_matches_as_indexes(self.text.key, overlapping=True)[:MOST_HITS]:
            number = match[0]
            if number in found:
                found[number].append(match)
            else:
                found[number] = [match]
                self._tell(number)

    def _sounds(self) -> None:
        """Where something else of a literal's sound stands, and how far it may be the literal: alone, and beside others."""
        plan, key = self.plan, self.text.key
        if plan.sound is None:
            return
        for which, start, end in plan.sound.find_matches_as_indexes(self.text.sound, overlapping=True)[:MOST_HITS]:
            heard = key[start:end]
            for number, literal in plan.sounds[which]:
                if heard == literal:
                    continue
                likeness = alike(literal, heard)
                # Two characters are too few alone; beside other words one right one is enough.
                beside = likeness or (BESIDE if half_right(literal, heard) else 0.0)
                if not beside:
                    continue
                if number not in self._heard:
                    self._heard[number] = []
                    if number not in self._found:
                        self._tell(number)
                self._heard[number].append((start, end, likeness, beside))

    def _tell(self, number: int) -> None:
        told = self._told
        for leaf, lead in self.plan.told[number]:
            if leaf in told:
                told[leaf].append((number, lead))
            else:
                told[leaf] = [(number, lead)]

    # what a leaf makes of it
    def _look(self, leaf: int) -> list[Hit]:
        """The hits of a leaf that has been told of something, or has to look for itself."""
        plan, text, kind = self.plan, self.text, self.plan.leaves[leaf]
        places: list[Place] = []
        chains: dict[int, None] = {}
        told: list[tuple[int | str, Lead]] = [*self._told.get(leaf, ()), *plan.alone.get(leaf, ())]
        for where, lead in told:
            if type(lead) is str:
                places += self._whole(where, lead, kind.sounds)
            elif type(lead) is int:
                chains[lead] = None
            else:
                places += self._runs(lead, where, kind.sounds)
        for chain in chains:
            places += self._connected(plan.chains[chain], kind.sounds)
        hits: list[Hit] = []
        offsets, origin, speakers = text.offsets, text.origin, text.speakers
        for start, end, likeness in places:
            first = origin[start]
            turn = bisect_right(offsets, first) - 1
            if kind.who == "any" or kind.who == speakers[turn]:
                hits.append(Hit(turn, first, origin[end - 1] + 1, kind.confidence * likeness,
                                "exact" if likeness == 1 else "homophone", kind.weak))
        for slot in plan.slots.get(leaf, ()):
            for start, end, likeness in self.slots.spans(slot):
                self._note(hits, leaf, origin[start], origin[end - 1] + 1, likeness,
                           "pattern" if likeness == 1 else "homophone")
        if leaf in plan.regexes:
            self._locate(hits, leaf, plan.regexes[leaf])
        if leaf in plan.words:
            self._words(hits, leaf, *plan.words[leaf])
        return hits[:MOST_HITS]

    def _note(self, hits: list[Hit], leaf: int, start: int, end: int, likeness: float, match: Match) -> None:
        """A hit given by places in the whole text, if its speaker counts."""
        kind = self.plan.leaves[leaf]
        turn = bisect_right(self.text.offsets, start) - 1
        if kind.who == "any" or kind.who == self.text.speakers[turn]:
            hits.append(Hit(turn, start, end, kind.confidence * likeness, match, kind.weak))

    def _whole(self, where: int | str, strict: str, sounds: bool) -> Iterator[Place]:
        """Where a literal (or a character) that is the whole phrase stands."""
        if isinstance(where, str):
            spans = [(start, start + 1) for start in self._places_of(where)]
        else:
            spans = [(start, end) for _, start, end in self._found.get(where, ())]
        for start, end in spans:
            if not strict or self._particles_there(strict, start, end):
                yield start, end, 1.0
        if sounds and not strict and where in self._heard:
            for start, end, likeness, _ in self._heard[where]:
                if likeness:
                    yield start, end, likeness

    def _beside(self, where: int | str, sounds: bool) -> list[Place]:
        """Where a literal (or a character) stands that has other words beside it."""
        if isinstance(where, str):
            return [(start, start + 1, 1.0) for start in self._places_of(where)]
        places = [(start, end, 1.0) for _, start, end in self._found.get(where, ())]
        if sounds and where in self._heard:
            places += [(start, end, beside) for start, end, _, beside in self._heard[where]]
        return places

    def _places_of(self, character: str) -> list[int]:
        if character not in self._single:
            key, at = self.text.key, -1
            places = self._single[character] = []
            while (at := key.find(character, at + 1)) >= 0 and len(places) < MOST_HITS:
                places.append(at)
        return self._single[character]

    def _particles_there(self, phrase: str, start: int, end: int) -> bool:
        """For `=好的`: the phrase with its particles stands in the light text at the hit."""
        first, last = self.text.origin[start], self.text.origin[end - 1]
        return phrase in self.text.light[max(0, first - 4):last + 4]

    # templates with gaps
    def _connected(self, chain: Chain, sounds: bool) -> Iterator[Place]:
        """The hits of a template with gaps: from its telling stretch outwards, each stretch looked for beside its neighbour."""
        telling, number = chain.telling, len(chain.stretches)
        places: list[list[Place]] = [[] for _ in range(number)]
        places[telling] = self._stretch(chain.stretches[telling], sounds)
        for i in (*range(telling - 1, -1, -1), *range(telling + 1, number)):
            if i < telling:
                near = [(start - chain.gaps[i] - 1, start) for start, _, _ in places[i + 1]]
            else:
                near = [(end, end + chain.gaps[i - 1] + 1) for _, end, _ in places[i - 1]]
            places[i] = self._stretch(chain.stretches[i], sounds, near) if near else []
        if not all(places):
            return
        for start, end, likeness in places[0]:
            onwards = self._onwards(chain, places, 1, end)
            if onwards is not None:
                yield start, onwards[0], min(likeness, onwards[1])

    def _stretch(self, stretch: Stretch, sounds: bool, near: list[tuple[int, int]] | None = None) -> list[Place]:
        """Where a stretch stands, in the order of the text; its single characters only within one of the spans `near`."""
        places: set[Place] = set()
        for number in self._found.keys() & stretch.literals:
            places.update([(start, end, 1.0) for _, start, end in self._found[number]])
        if sounds and self._heard:
            for number in self._heard.keys() & stretch.literals:
                places.update([(start, end, beside) for start, end, _, beside in self._heard[number]])
        for where, use in stretch.uses:
            places.update(self._runs(use, where, sounds))
        if (characters := stretch.characters):
            if near is None:
                places.update([(at, at + 1, 1.0) for character in characters for at in self._places_of(character)])
            else:
                key = self.text.key
                places.update([(at, at + 1, 1.0) for start, end in near for at in range(max(start, 0), min(end, len(key)))
                               if key[at] in characters])
        return sorted(places)[:MOST_PARTS]

    def _onwards(self, chain: Chain, places: list[list[Place]], index: int, at: int) -> tuple[int, float] | None:
        """End and likeness of the surest way on from `at` through the stretches from `index`."""
        if index == len(places):
            return at, 1.0
        best: tuple[int, float] | None = None
        here, furthest = places[index], at + chain.gaps[index - 1]
        for i in range(bisect_left(here, (at, 0, 0.0)), len(here)):
            start, end, likeness = here[i]
            if start > furthest or BREAK in self.text.key[at:start]:
                break
            onwards = self._onwards(chain, places, index + 1, end)
            if onwards is not None and (best is None or min(likeness, onwards[1]) > best[1]):
                best = onwards[0], min(likeness, onwards[1])
                if best[1] == 1:
                    break
        return best

    # runs with slots
    def _runs(self, use: Use, where: int | str, sounds: bool) -> Iterator[Place]:
        """Where a run with slots stands whose anchor is a literal or a character."""
        for start, end, likeness in self._beside(where, sounds):
            first = self._backwards(use.run, use.anchor - 1, start)
            last = self._forwards(use.run, use.anchor + 1, end) if first is not None else None
            if first is not None and last is not None:
                yield first, last, likeness

    def _backwards(self, run: Run, index: int, at: int) -> int | None:
        if index < 0:
            return at
        element = run[index]
        if isinstance(element, Literal):
            start = at - len(element.key)
            return self._backwards(run, index - 1, start) if start >= 0 and self.text.key[start:at] == element.key else None
        for start in self.slots.starts(element.kind, at):
            found = self._backwards(run, index - 1, start)
            if found is not None:
                return found
        return None

    def _forwards(self, run: Run, index: int, at: int) -> int | None:
        if index == len(run):
            return at
        element = run[index]
        if isinstance(element, Literal):
            there = self.text.key.startswith(element.key, at)
            return self._forwards(run, index + 1, at + len(element.key)) if there else None
        for end in self.slots.ends(element.kind, at):
            found = self._forwards(run, index + 1, end)
            if found is not None:
                return found
        return None

    # regular expressions and words
    def _locate(self, hits: list[Hit], leaf: int, compiled: re2._Regexp) -> None:
        """Where a regular expression matches in what its speaker says."""
        who = self.plan.leaves[leaf].who
        if who not in self._said:
            self._said[who] = self._spoken(who)
        said, places = self._said[who]
        light = self.text.light
        for found in compiled.finditer(said):
            first, last = found.span()
            if first == last:
                continue
            start, end = places[first], places[last - 1] + 1
            while start < end and light[start] in SEPARATORS:  # a pattern may begin with the turn's border
                start += 1
            if end > start:
                self._note(hits, leaf, start, end, 1.0, "pattern")

    def _spoken(self, who: str) -> tuple[bytes, list[int]]:
        """The light text of a speaker's turns, their borders on both sides, and for each of its bytes the place in the whole."""
        text, spans = self.text, list[tuple[int, int]]()
        for i, speaker in enumerate(text.speakers):
            if who in ("any", speaker):
                alone = i > 0 and who != "any" and text.speakers[i - 1] != speaker
                spans.append((text.offsets[i] - alone, text.end_of(i) + 1))
        said = "".join([text.light[start:end] for start, end in spans]).encode()
        places = np.concatenate([np.arange(start, end) for start, end in spans]) if spans else np.zeros(0, np.intp)
        begins = (np.frombuffer(said, np.uint8) & 0xC0) != 0x80
        return said, places[np.cumsum(begins) - 1].tolist()

    def _words(self, hits: list[Hit], leaf: int, trigger: int, patterns: list[list[dict]]) -> None:
        """Where patterns over words match in turns that a phrase has pointed to."""
        from rules.words import find

        for turn in sorted({hit.turn for hit in self.of(trigger)}):
            offset = self.text.offsets[turn]
            for start, end in find(patterns, self.text.light[offset:self.text.end_of(turn)]):
                self._note(hits, leaf, offset + start, offset + end, 1.0, "pattern")
