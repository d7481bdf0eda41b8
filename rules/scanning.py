"""One pass over one call: every leaf's hits, by characters, by sound, by pattern, by words."""
from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import re2

from records import Match
from rules.compiling import Chain, Plan, Use
from rules.phrases import Literal, Run
from rules.slots import Slots, alike, half_right
from rules.text import BREAK, CUT, Text, sound_of

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


Hits = dict[int, list[Hit]]
_by_place = attrgetter("start", "end")


class Scan:
    """The scan of one call. `of(leaf)` are its hits in the order of the text; overlaps are left in.

    Regular expressions are placed when their leaf is first asked for: those whose words are nowhere in the call are known
    at once, and most others are in rules that want something else as well. One automaton of all of them (re2.Set) would have
    more states than memory holds and is a hundred times slower on speech it has not seen.
    """

    def __init__(self, plan: Plan, text: Text, slots: Slots) -> None:
        self.plan, self.text, self.slots = plan, text, slots
        self.hits: Hits = {}
        self._waiting: dict[int, re2._Regexp] = {}
        self._said: dict[str, tuple[bytes, list[int]]] = {}
        self._promising: set[int] = set()
        self._places: dict[int, list[Place]] = {}
        self._exact: dict[int, list[tuple[int, str]]] = {}
        self._parts: dict[int, list[tuple[int, list[Place]]]] = {}
        self._characters()
        self._sounds()
        if self._promising:
            self._connect()
        for leaf, kind in plan.slot_leaves:
            for start, end, likeness in slots.spans(kind):
                match: Match = "pattern" if likeness == 1 else "homophone"
                self._keep(leaf, start, end, plan.leaves[leaf].confidence * likeness, match)
        if plan.regex_filter is not None:
            possible = plan.regex_filter.Match(text.light.encode(), True) or ()
            self._waiting = {plan.regexes[which][0]: plan.regexes[which][1] for which in possible}
        if plan.word_leaves:
            self._words()

    def of(self, leaf: int) -> Sequence[Hit]:
        """The hits of a leaf; none for -1."""
        if leaf in self._exact:
            for number, strict in self._exact.pop(leaf):
                for start, end, _ in self._places[number]:
                    if not strict or self._particles_there(strict, start, end):
                        self._keep(leaf, start, end, self.plan.leaves[leaf].confidence, "exact")
            if leaf in self.hits:
                self.hits[leaf].sort(key=_by_place)
        if leaf in self._waiting:
            self._locate(leaf, self._waiting.pop(leaf))
        return self.hits.get(leaf, ())

    def nothing(self, leaf: int) -> bool:
        """Whether a leaf surely has no hits."""
        return leaf not in self.hits and leaf not in self._exact and leaf not in self._waiting

    def _characters(self) -> None:
        """Where every literal stands. What it is good for is looked up once a literal, and hits are made when asked for."""
        plan, key = self.plan, self.text.key
        if plan.exact is None or not key:
            return
        found = self._places
        for number, start, end in plan.exact.find_matches_as_indexes(key, overlapping=True)[:MOST_HITS]:
            if number in found:
                found[number].append((start, end, 1.0))
            else:
                found[number] = [(start, end, 1.0)]
        exact, slots = self._exact, self.slots
        for number, places in found.items():
            good = plan.belongs[number]
            for leaf, strict in good.leaves:
                exact.setdefault(leaf, []).append((number, strict))
            self._promising.update(good.tells)
            for kind, after, uses in good.runs:
                for start, end, _ in places:
                    if slots.beside(kind, end if after else start, after):
                        for use in uses:
                            if (span := self._run(use, start, end)) is not None:
                                self._found(use, *span, 1.0)

    def _sounds(self) -> None:
        plan, key = self.plan, self.text.key
        if plan.sound is None or not key:
            return
        for which, start, end in plan.sound.find_matches_as_indexes(sound_of(key), overlapping=True)[:MOST_HITS]:
            heard = key[start:end]
            for number in plan.sounds[which]:
                if heard == (literal := plan.keys[number]):
                    continue
                likeness = alike(literal, heard)
                beside = likeness or (BESIDE if half_right(literal, heard) else 0.0)
                for use in plan.uses[number] if beside else ():
                    chain = plan.chains[use.chain]
                    # Two characters are too few alone; beside other words one right one is enough.
                    sure = beside if len(use.run) + chain.stretches > 2 else likeness
                    if not sure or not plan.leaves[chain.leaf].sounds or chain.strict:
                        continue
                    span = (start, end) if len(use.run) == 1 else self._run(use, start, end)
                    if span is not None:
                        self._found(use, *span, sure)

    def _found(self, use: Use, start: int, end: int, likeness: float) -> None:
        """A run stands at a place: a whole phrase is a hit, a stretch of a template waits for the others."""
        chain = self.plan.chains[use.chain]
        if chain.stretches > 1:
            self._parts.setdefault(use.chain, []).append((use.stretch, [(start, end, likeness)]))
            if use.stretch == self.plan.telling[use.chain]:
                self._promising.add(use.chain)
        elif not chain.strict or self._particles_there(chain.strict, start, end):
            sure = self.plan.leaves[chain.leaf].confidence * likeness
            self._keep(chain.leaf, start, end, sure, "exact" if likeness == 1 else "homophone")

    def _connect(self) -> None:
        """Templates with gaps: their stretches, found one by one, put together in order."""
        promising, parts = self._promising, self._parts
        for number, places in self._places.items():
            for chain, stretch in self.plan.belongs[number].parts:
                if chain in promising:
                    parts.setdefault(chain, []).append((stretch, places))
        for number in promising:
            chain, found = self.plan.chains[number], parts[number]
            if len(found) < chain.stretches or len({stretch for stretch, _ in found}) < chain.stretches:
                continue
            places = [sorted([place for stretch, those in found if stretch == i for place in those])[:MOST_PARTS]
                      for i in range(chain.stretches)]
            leaf = self.plan.leaves[chain.leaf]
            for start, end, likeness in places[0]:
                found = self._onwards(chain, places, 1, end)
                if found is not None:
                    sure = min(likeness, found[1])
                    self._keep(chain.leaf, start, found[0], leaf.confidence * sure, "exact" if sure == 1 else "homophone")

    def _onwards(self, chain: Chain, places: list[list[Place]], index: int, at: int) -> tuple[int, float] | None:
        """End and likeness of the surest way on from `at` through the stretches from `index`."""
        if index == chain.stretches:
            return at, 1.0
        best: tuple[int, float] | None = None
        here = places[index]
        for start, end, likeness in here[bisect_left(here, (at, 0, 0.0)):]:
            if start > at + chain.gaps[index - 1] or BREAK in self.text.key[at:start]:
                break
            onwards = self._onwards(chain, places, index + 1, end)
            if onwards is not None and (best is None or min(likeness, onwards[1]) > best[1]):
                best = onwards[0], min(likeness, onwards[1])
                if best[1] == 1:
                    break
        return best

    def _run(self, use: Use, start: int, end: int) -> tuple[int, int] | None:
        """The whole span of a run with slots whose anchor is at `key[start:end]`, or None."""
        first = self._backwards(use.run, use.anchor - 1, start)
        last = self._forwards(use.run, use.anchor + 1, end) if first is not None else None
        return None if first is None or last is None else (first, last)

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

    def _particles_there(self, phrase: str, start: int, end: int) -> bool:
        """For `=好的`: the phrase with its particles stands in the light text at the hit."""
        first, last = self.text.origin[start], self.text.origin[end - 1]
        return phrase in self.text.light[max(0, first - 4):last + 4]

    def _keep(self, leaf: int, start: int, end: int, confidence: float, match: Match) -> None:
        """Note a hit given by places in `key`."""
        origin = self.text.origin
        self._note(leaf, origin[start], origin[end - 1] + 1, confidence, match)

    def _note(self, leaf: int, start: int, end: int, confidence: float, match: Match) -> None:
        turn = bisect_right(self.text.offsets, start) - 1
        kind = self.plan.leaves[leaf]
        if kind.who in ("any", self.text.speakers[turn]):
            hits = self.hits.get(leaf)
            hit = Hit(turn, start, end, confidence, match, kind.weak)
            if hits is None:
                self.hits[leaf] = [hit]
            elif len(hits) < MOST_HITS:
                hits.append(hit)

    def _locate(self, leaf: int, compiled: re2._Regexp) -> None:
        """Where a regular expression matches in what its speaker says."""
        kind = self.plan.leaves[leaf]
        if kind.who not in self._said:
            self._said[kind.who] = self._spoken(kind.who)
        said, places = self._said[kind.who]
        light = self.text.light
        for found in compiled.finditer(said):
            first, last = found.span()
            if first == last:
                continue
            start, end = places[first], places[last - 1] + 1
            while start < end and light[start] in SEPARATORS:  # a pattern may begin with the turn's border
                start += 1
            if end > start:
                self._note(leaf, start, end, kind.confidence, "pattern")

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

    def _words(self) -> None:
        waiting = [(leaf, trigger, patterns) for leaf, (trigger, patterns) in self.plan.word_leaves.items()
                   if not self.nothing(trigger)]
        if not waiting:
            return
        from rules.words import find

        for leaf, trigger, patterns in waiting:
            for turn in sorted({hit.turn for hit in self.of(trigger)}):
                offset = self.text.offsets[turn]
                for start, end in find(patterns, self.text.light[offset:self.text.end_of(turn)]):
                    self._note(leaf, offset + start, offset + end, self.plan.leaves[leaf].confidence, "pattern")

