"""One pass over one call: every leaf's hits, by characters, by sound, by pattern, by words."""
from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from records import Match
from rules.compiling import Chain, Leaf, Plan, Use
from rules.phrases import Literal, Run
from rules.slots import LONGEST, Slots, alike, half_right
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


class Scan:
    """The scan of one call. `hits[leaf]` are in the order of the text; overlaps are left in."""

    def __init__(self, plan: Plan, text: Text, slots: Slots) -> None:
        self.plan, self.text, self.slots = plan, text, slots
        self.hits: Hits = {}
        self._parts: dict[int, dict[int, list[Place]]] = {}
        self._characters()
        self._sounds()
        if self._parts:
            self._connect()
        self._patterns()
        for leaf, kind in plan.slot_leaves:
            for start, end, likeness in slots.spans(kind):
                match: Match = "pattern" if likeness == 1 else "homophone"
                self._keep(leaf, start, end, plan.leaves[leaf].confidence * likeness, match)
        if plan.word_leaves:
            self._words()

    def _characters(self) -> None:
        plan, key = self.plan, self.text.key
        uses, chains = plan.uses, plan.chains
        if plan.exact is None or not key:
            return
        for number, start, end in plan.exact.find_matches_as_indexes(key, overlapping=True)[:MOST_HITS]:
            for use in uses[number]:
                span = (start, end) if len(use.run) == 1 else self._run(use, start, end)
                if span is None:
                    continue
                chain = chains[use.chain]
                if chain.stretches > 1:
                    self._part(use, *span, 1.0)
                elif not chain.strict or self._particles_there(chain.strict, *span):
                    self._keep(chain.leaf, *span, plan.leaves[chain.leaf].confidence, "exact")

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
                for use in plan.uses[number]:
                    chain = plan.chains[use.chain]
                    leaf = plan.leaves[chain.leaf]
                    # Two characters are too few alone; beside other words one right one is enough.
                    sure = likeness or (BESIDE if len(use.run) + chain.stretches > 2 and half_right(literal, heard) else 0.0)
                    if not sure or not leaf.sounds or chain.strict:
                        continue
                    span = (start, end) if len(use.run) == 1 else self._run(use, start, end)
                    if span is None:
                        continue
                    if chain.stretches > 1:
                        self._part(use, *span, sure)
                    else:
                        self._keep(chain.leaf, *span, leaf.confidence * sure, "homophone")

    def _part(self, use: Use, start: int, end: int, likeness: float) -> None:
        stretches = self._parts.setdefault(use.chain, {})
        stretches.setdefault(use.stretch, []).append((start, end, likeness))

    def _connect(self) -> None:
        """Templates with gaps: their stretches, found one by one, put together in order."""
        for number, stretches in self._parts.items():
            chain = self.plan.chains[number]
            if len(stretches) < chain.stretches:
                continue
            places = [sorted(stretches[i])[:MOST_PARTS] for i in range(chain.stretches)]
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
        for length in range(min(LONGEST, at), 0, -1):
            if self.slots.holds(element.kind, at - length, at):
                found = self._backwards(run, index - 1, at - length)
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
        for length in range(min(LONGEST, len(self.text.key) - at), 0, -1):
            if self.slots.holds(element.kind, at, at + length):
                found = self._forwards(run, index + 1, at + length)
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
        turn = self.text.turn_of_raw(start)
        kind: Leaf = self.plan.leaves[leaf]
        if kind.who in ("any", self.text.speakers[turn]):
            hits = self.hits.get(leaf)
            hit = Hit(turn, start, end, confidence, match, kind.weak)
            if hits is None:
                self.hits[leaf] = [hit]
            elif len(hits) < MOST_HITS:
                hits.append(hit)

    def _patterns(self) -> None:
        plan, light = self.plan, self.text.light
        if plan.regex_set is None:
            return
        for which in plan.regex_set.Match(light) or ():
            leaf, compiled = plan.regexes[which]
            for found in compiled.finditer(light):
                start = found.start()
                while start < found.end() and light[start] in SEPARATORS:  # a pattern may begin with the turn's border
                    start += 1
                if found.end() > start:
                    self._note(leaf, start, found.end(), plan.leaves[leaf].confidence, "pattern")

    def _words(self) -> None:
        waiting = [(leaf, trigger, patterns) for leaf, (trigger, patterns) in self.plan.word_leaves.items()
                   if trigger in self.hits]
        if not waiting:
            return
        from rules.words import find

        for leaf, trigger, patterns in waiting:
            for turn in sorted({hit.turn for hit in self.hits[trigger]}):
                offset = self.text.offsets[turn]
                for start, end in find(patterns, self.text.light[offset:self.text.end_of(turn)]):
                    self._note(leaf, offset + start, offset + end, self.plan.leaves[leaf].confidence, "pattern")

