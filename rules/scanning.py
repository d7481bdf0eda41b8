"""One pass over one call for all rules at once; what a leaf found is worked out when it is asked for.

The automata run over the whole call, once by characters and once by sound, and each literal that is there leaves word with
the leaves that it belongs to. Most leaves hear nothing, and of those that do most are never asked, because their rule does
not apply or wants something else as well.
"""
from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import re2

from records import Match, Speaker
from rules.compiling import Chain, Ear, Lead, Leaf, Plan, Stretch, Use
from rules.phrases import Literal, Run
from rules.slots import Slots, alike, half_right
from rules.text import BREAK, CUT, Text

MOST_HITS = 20_000
"""Hits looked at in one call; only text made to be a burden has more."""

MOST_PARTS = 200
"""Places of one stretch that are tried in putting a template with gaps together."""
REACH = 100
"""Characters from the beginning of a phrase within which its telling stretch stands."""
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


Both = tuple[list[Place], list[tuple[int, int, float, float]]]
"""Where a literal stands in one speaker's words: by characters, and by sound (start, end, likeness alone, likeness beside
other words)."""
Stands = dict[int, Both]
Turns = frozenset[int] | None
"""Turns of interest; None: all."""


class Scan:
    """The scan of one call. `of(leaf)` are its hits; overlaps are left in, their order says nothing.

    Each speaker's words are heard by themselves, so that what an agent's rule looks for is never told of what customers say.
    """

    def __init__(self, plan: Plan, text: Text, slots: Slots) -> None:
        self.plan, self.text, self.slots = plan, text, slots
        self._hits: dict[int, Sequence[Hit]] = {-1: ()}
        self._phrases: dict[int, list[Place]] = {}
        self._told: dict[int, list[tuple[Lead, Both, Speaker]]] = {}
        self._stands: dict[Speaker, Stands] = {speaker: {} for speaker in text.speakers}
        self._used = frozenset(text.light)
        self._single: dict[str, list[Place]] = {}
        self._spoken: dict[str, Spoken] = {}
        if text.key:
            for speaker in self._stands:
                self._listen(speaker, plan.ears[speaker])

    def of(self, leaf: int, turns: Turns = None) -> Sequence[Hit]:
        """The hits of a leaf, in some turns if those are all that is asked for; none for -1.

        A leaf belongs to one rule, so whoever asks first knows the turns for all.
        """
        hits = self._hits.get(leaf)
        if hits is None:
            hits = self._hits[leaf] = () if self.nothing(leaf) else self._look(leaf, turns)
        return hits

    def nothing(self, leaf: int) -> bool:
        """Whether a leaf surely has no hits; told at once."""
        plan = self.plan
        if leaf in self._phrases or leaf in self._told or leaf in plan.unsure or (
                leaf in plan.single and not plan.single[leaf].isdisjoint(self._used)):
            return False
        return leaf not in plan.words or self.nothing(plan.words[leaf][0])

    def heard(self) -> set[str]:
        """The rules whose `find` may have hits by what the automata found."""
        finds = self.plan.finds
        return {finds[leaf] for leaf in (*self._phrases, *self._told) if leaf in finds}

    # what the automata find
    def _listen(self, speaker: Speaker, ear: Ear) -> None:
        """Where every literal stands in a speaker's words, and where something else of its sound does."""
        key, sound = self.text.only(speaker)
        phrases, stands = self._phrases, self._stands[speaker]
        if ear.exact is not None:
            lone, numbers = ear.lone, ear.numbers
            for which, start, end in ear.exact.find_matches_as_indexes(key, overlapping=True)[:MOST_HITS]:
                leaf = lone[which]
                if leaf < 0:
                    number = numbers[which]
                    if number not in stands:
                        self._tell(number, speaker, ear)
                    stands[number][0].append((start, end, 1.0))
                elif leaf in phrases:
                    phrases[leaf].append((start, end, 1.0))
                else:
                    phrases[leaf] = [(start, end, 1.0)]
        if ear.sound is None:
            return
        for which, start, end in ear.sound.find_matches_as_indexes(sound, overlapping=True)[:MOST_HITS]:
            heard = key[start:end]
            for number, literal in ear.sounds[which]:
                if heard == literal:
                    continue
                likeness = alike(literal, heard)
                if number in ear.phrases:
                    leaf = ear.phrases[number]
                    if likeness and self.plan.leaves[leaf].sounds:
                        phrases.setdefault(leaf, []).append((start, end, likeness))
                # Two characters are too few alone; beside other words one right one is enough.
                elif beside := likeness or (BESIDE if half_right(literal, heard) else 0.0):
                    if number not in stands:
                        self._tell(number, speaker, ear)
                    stands[number][1].append((start, end, likeness, beside))

    def _tell(self, number: int, speaker: Speaker, ear: Ear) -> None:
        """The first place of a literal in a speaker's words: whoever listens to that speaker hears of it and what will follow."""
        told = self._told
        self._stands[speaker][number] = both = ([], [])
        for leaf, lead in ear.told[number]:
            if leaf in told:
                told[leaf].append((lead, both, speaker))
            else:
                told[leaf] = [(lead, both, speaker)]

    # what a leaf makes of it
    def _look(self, leaf: int, turns: Turns) -> list[Hit]:
        """The hits of a leaf that has been told of something, or has to look for itself."""
        plan, kind = self.plan, self.plan.leaves[leaf]
        places = [*self._phrases.get(leaf, ())]
        chains: dict[tuple[int, Speaker], None] = {}
        for lead, both, speaker in self._told.get(leaf, ()):
            if lead is None:  # a word of a regular expression
                continue
            if isinstance(lead, str):
                places += [place for place in both[0] if not lead or self._particles_there(lead, place[0], place[1])]
                if both[1] and kind.sounds and not lead:
                    places += [(start, end, likeness) for start, end, likeness, _ in both[1] if likeness]
            elif isinstance(lead, int):
                chains[lead, speaker] = None
            else:
                places += self._runs(lead, self._around(_beside(both, kind.sounds), turns))
        for character, lead in plan.alone.get(leaf, ()):
            if isinstance(lead, int):
                chains.update(dict.fromkeys((lead, speaker) for speaker in self._stands if kind.who in ("any", speaker)))
                continue
            alone = self._places_of(character)
            if isinstance(lead, str):
                places += [place for place in alone if self._particles_there(lead, place[0], place[1])] if lead else alone
            elif lead is not None:
                places += self._runs(lead, self._around(alone, turns))
        for chain, speaker in chains:
            places += self._connected(plan.chains[chain], speaker, kind.sounds, turns)
        hits = self._made(kind, places, turns) if places else []
        if leaf in plan.slots:
            spans = [span for slot in plan.slots[leaf] for span in self.slots.spans(slot)]
            hits += [hit._replace(match="pattern") if hit.match == "exact" else hit for hit in self._made(kind, spans, turns)]
        if leaf in plan.regexes:
            hits += self._located(kind, plan.regexes[leaf], turns)
        if leaf in plan.words:
            hits += self._words(kind, turns, *plan.words[leaf])
        return hits[:MOST_HITS]

    def _made(self, kind: Leaf, places: list[Place], turns: Turns) -> list[Hit]:
        """Hits of a leaf at places of the key text, if their turn is of interest and their speaker counts."""
        origin, turn_of, speakers = self.text.origin, self.text.turns, self.text.speakers
        hits: list[Hit] = []
        for start, end, likeness in places:
            turn = turn_of[start]
            if (turns is None or turn in turns) and kind.who in ("any", speakers[turn]):
                hits.append(Hit(turn, origin[start], origin[end - 1] + 1, kind.confidence * likeness,
                                "exact" if likeness == 1 else "homophone", kind.weak))
        return hits

    def _places_of(self, character: str) -> list[Place]:
        """Where a single character stands, whoever says it."""
        if character not in self._single:
            key, at = self.text.key, -1
            places = self._single[character] = []
            while (at := key.find(character, at + 1)) >= 0 and len(places) < MOST_HITS:
                places.append((at, at + 1, 1.0))
        return self._single[character]

    def _particles_there(self, phrase: str, start: int, end: int) -> bool:
        """For `=好的`: the phrase with its particles stands in the light text at the hit."""
        first, last = self.text.origin[start], self.text.origin[end - 1]
        return phrase in self.text.light[max(0, first - 4):last + 4]

    # templates with gaps
    def _connected(self, chain: Chain, speaker: Speaker, sounds: bool, turns: Turns) -> list[Place]:
        """A template with gaps in one speaker's words: from its telling stretch outwards, each beside its neighbour."""
        heard = self._stands[speaker].keys()
        for stretch in chain.stretches:  # one that is nowhere is seen at once
            if not (stretch.characters or stretch.uses) and heard.isdisjoint(stretch.literals):
                return []
        telling, number = chain.telling, len(chain.stretches)
        places: list[list[Place]] = [[]] * number
        places[telling] = self._telling(chain.stretches[telling], speaker, sounds, turns)
        for i in (*range(telling - 1, -1, -1), *range(telling + 1, number)):
            if i < telling:
                near = [(start - chain.gaps[i] - 1, start) for start, _, _ in places[i + 1]]
            else:
                near = [(end, end + chain.gaps[i - 1] + 1) for _, end, _ in places[i - 1]]
            places[i] = self._near(chain.stretches[i], speaker, sounds, near) if near else []
            if not places[i]:
                return []
        found: list[Place] = []
        for start, end, likeness in places[0]:
            onwards = self._onwards(chain, places, 1, end)
            if onwards is not None:
                found.append((start, onwards[0], min(likeness, onwards[1])))
        return found

    def _telling(self, stretch: Stretch, speaker: Speaker, sounds: bool, turns: Turns) -> list[Place]:
        """Where a stretch stands in a speaker's words, in the order of the text."""
        places = self._literals(stretch, speaker, sounds)
        text = self.text
        for character in stretch.characters:
            places.update([place for place in self._places_of(character) if text.speakers[text.turns[place[0]]] == speaker])
        return sorted(self._around(places, turns))[:MOST_PARTS]

    def _around(self, places: Collection[Place], turns: Turns) -> Collection[Place]:
        """Places that can belong to a phrase of the turns of interest: it may stand in a later one than where it begins."""
        if turns is None:
            return places
        first, last = min(turns, default=0), self.text.key_ends[max(turns, default=0)] + REACH
        return [place for place in places if place[0] < last and self.text.turns[place[0]] >= first]

    def _near(self, stretch: Stretch, speaker: Speaker, sounds: bool, near: list[tuple[int, int]]) -> list[Place]:
        """The same, but single characters only within one of the spans `near`."""
        places = self._literals(stretch, speaker, sounds)
        if characters := stretch.characters:
            for start, end in near:
                start = max(start, 0)
                if not characters.isdisjoint(between := self.text.key[start:end]):
                    places.update([(at, at + 1, 1.0) for at, one in enumerate(between, start) if one in characters])
        return sorted(places)[:MOST_PARTS]

    def _literals(self, stretch: Stretch, speaker: Speaker, sounds: bool) -> set[Place]:
        places: set[Place] = set()
        stands = self._stands[speaker]
        for number in stands.keys() & stretch.literals:
            exact, heard = stands[number]
            places.update(exact)
            if heard and sounds:
                places.update([(start, end, beside) for start, end, _, beside in heard])
        for where, use in stretch.uses:
            if isinstance(where, str):
                places.update(self._runs(use, self._places_of(where)))
            elif where in stands:
                places.update(self._runs(use, _beside(stands[where], sounds)))
        return places

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
    def _runs(self, use: Use, anchors: Iterable[Place]) -> list[Place]:
        """Where a run with slots stands whose anchor stands at some places."""
        found: list[Place] = []
        for start, end, likeness in anchors:
            first = self._backwards(use.run, use.anchor - 1, start)
            last = self._forwards(use.run, use.anchor + 1, end) if first is not None else None
            if first is not None and last is not None:
                found.append((first, last, likeness))
        return found

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
    def _located(self, kind: Leaf, compiled: re2._Regexp, turns: Turns) -> list[Hit]:
        """Where a regular expression matches in what its speaker says."""
        if kind.who not in self._spoken:
            self._spoken[kind.who] = Spoken(self.text, kind.who)
        spoken = self._spoken[kind.who]
        if turns is not None:
            turns_here = [turn for turn in turns if kind.who in ("any", self.text.speakers[turn])]
            if not turns_here:
                return []
        hits: list[Hit] = []
        for found in compiled.finditer(spoken.said):
            first, last = found.span()
            if first == last:
                continue
            span = spoken.place(first, last)
            if span is not None and (turns is None or span[0] in turns):
                hits.append(Hit(*span, kind.confidence, "pattern", kind.weak))
        return hits

    def _words(self, kind: Leaf, turns: Turns, trigger: int, patterns: list[list[dict]]) -> list[Hit]:
        """Where patterns over words match in turns that a phrase has pointed to."""
        from rules.words import find

        hits: list[Hit] = []
        for turn in sorted({hit.turn for hit in self.of(trigger, turns)}):
            offset = self.text.offsets[turn]
            if kind.who in ("any", self.text.speakers[turn]):
                hits += [Hit(turn, offset + start, offset + end, kind.confidence, "pattern", kind.weak)
                         for start, end in find(patterns, self.text.said[turn])]
        return hits


class Spoken:
    """The light text of a speaker's turns as RE2 takes it, bytes, each turn with its borders on both sides."""

    def __init__(self, text: Text, who: str) -> None:
        self.text = text
        self.turns: list[int] = []
        self.begins: list[int] = []
        """For each turn, the byte where its piece begins."""
        pieces: list[bytes] = []
        self.starts: list[int] = []
        """For each turn, the place in the call where its piece begins."""
        at = 0
        for turn, speaker in enumerate(text.speakers):
            if who not in ("any", speaker):
                continue
            start = text.offsets[turn] - (turn > 0 and who != "any" and text.speakers[turn - 1] != speaker)
            piece = text.light[start:text.end_of(turn) + 1].encode()
            self.turns.append(turn)
            self.begins.append(at)
            self.starts.append(start)
            pieces.append(piece)
            at += len(piece)
        self.said = b"".join(pieces)

    def place(self, first: int, last: int) -> tuple[int, int, int] | None:
        """(turn, start, end) in the call of the bytes, borders at their beginning left out; None if that is all there is."""
        while first < last and self.said[first] in _BORDERS:
            first += 1
        if first == last:
            return None
        which = bisect_right(self.begins, first) - 1
        begin = self.begins[which]
        stop = bisect_right(self.begins, last - 1) - 1
        start = self.starts[which] + self._characters(begin, first)
        end = self.starts[stop] + self._characters(self.begins[stop], last)
        return self.turns[which], start, end

    def _characters(self, first: int, last: int) -> int:
        """How many characters stand in these bytes. Counted once for all: decoding the way to each match anew would cost the
        square of a long turn with many."""
        return int(self._before[last] - self._before[first])

    @cached_property
    def _before(self) -> np.ndarray:
        """How many characters begin before each byte, shape (bytes + 1,)."""
        begins = (np.frombuffer(self.said, dtype=np.uint8) & 0xC0) != 0x80
        return np.concatenate(([0], np.cumsum(begins)))


_BORDERS = (BREAK + CUT).encode()


def _beside(both: Both, sounds: bool) -> list[Place]:
    """Where a literal stands that has other words beside it."""
    places = both[0]
    if sounds and both[1]:
        places = places + [(start, end, beside) for start, end, _, beside in both[1]]
    return places
