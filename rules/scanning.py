"""One pass over one call: every leaf's hits, by characters, by sound, by pattern, by words."""
from __future__ import annotations

from typing import NamedTuple

from records import Match
from rules.compiling import Chain, Leaf, Plan
from rules.phrases import Gap, Literal
from rules.slots import LONGEST, Slots
from rules.text import BREAK, Text, exact_sound_of, sound_of

MOST_HITS = 20_000
"""Hits looked at in one call; only text made to be a burden has more."""


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
        self._sound_text = ""
        if plan.exact is not None and text.key:
            self._characters()
        if plan.sound is not None and text.key:
            self._sounds()
        self._patterns()
        for leaf, kind in plan.slot_leaves:
            for start, end in slots.spans(kind):
                self._keep(leaf, start, end, plan.leaves[leaf].confidence, "pattern")
        if plan.word_leaves:
            self._words()

    def _characters(self) -> None:
        chains, key = self.plan.chains, self.text.key
        found = self.plan.exact.find_matches_as_indexes(key, overlapping=True)
        for number, start, end in found[:MOST_HITS]:
            for chain in chains[number]:
                if len(chain.elements) == 1:
                    span: tuple[int, int] | None = (start, end)
                else:
                    span = self._follow(chain, start, end, key, sound=False)
                if span and (not chain.strict or self._particles_there(chain, *span)):
                    self._keep(chain.leaf, *span, self.plan.leaves[chain.leaf].confidence, "exact")

    def _sounds(self) -> None:
        plan, key = self.plan, self.text.key
        self._sound_text = sound_of(key)
        for which, start, end in plan.sound.find_matches_as_indexes(self._sound_text, overlapping=True)[:MOST_HITS]:
            for number in plan.sounds[which]:
                same = key[start:end] == plan.keys[number]
                for chain in plan.chains[number]:
                    if (same and len(chain.elements) == 1) or chain.strict:
                        continue
                    leaf = plan.leaves[chain.leaf]
                    if leaf.sounds and (span := self._follow(chain, start, end, self._sound_text, sound=True)):
                        likeness = alike(chain.literal, self._literal_heard(chain, span))
                        if 0 < likeness < 1:
                            self._keep(chain.leaf, *span, leaf.confidence * likeness, "homophone")

    def _literal_heard(self, chain: Chain, span: tuple[int, int]) -> str:
        """The characters heard where the chain's literals are; without gaps and slots that is the whole span."""
        if len(chain.elements) == 1:
            return self.text.key[span[0]:span[1]]
        heard, at = [], span[0]
        for element in chain.elements:
            if isinstance(element, Literal):
                at = self._sound_text.find(sound_of(element.key), at)
                heard.append(self.text.key[at:at + len(element.key)])
                at += len(element.key)
        return "".join(heard)

    def _follow(self, chain: Chain, start: int, end: int, key: str, sound: bool) -> tuple[int, int] | None:
        """The whole span of a chain whose anchor is at `key[start:end]`, or None."""
        line = key.find(BREAK, end)
        limit = len(key) if line < 0 else line
        first = self._before(chain, chain.anchor - 1, start)
        if first is None:
            return None
        last = self._after(chain, chain.anchor + 1, end, limit, key, sound)
        return None if last is None else (first, last)

    def _before(self, chain: Chain, index: int, at: int) -> int | None:
        """Where the slots before the anchor begin, read backwards from `at`."""
        if index < 0:
            return at
        element = chain.elements[index]
        if isinstance(element, Gap):
            for skip in range(element.most + 1):
                if (found := self._before(chain, index - 1, at - skip)) is not None:
                    return found
            return None
        for length in range(min(LONGEST, at), 0, -1):
            if self.slots.holds(element.kind, at - length, at):  # type: ignore[union-attr]
                return self._before(chain, index - 1, at - length)
        return None

    def _after(self, chain: Chain, index: int, at: int, limit: int, key: str, sound: bool) -> int | None:
        """Where the elements from `index` on end, read forwards from `at`; gaps take the nearest literal."""
        if index == len(chain.elements):
            return at
        element = chain.elements[index]
        if isinstance(element, Literal):
            wanted = sound_of(element.key) if sound else element.key
            return self._after(chain, index + 1, at + len(wanted), limit, key, sound) if key.startswith(wanted, at) else None
        if isinstance(element, Gap):
            following = chain.elements[index + 1]
            if isinstance(following, Literal):
                wanted = sound_of(following.key) if sound else following.key
                place = key.find(wanted, at, min(limit, at + element.most + len(wanted)))
                return None if place < 0 else self._after(chain, index + 2, place + len(wanted), limit, key, sound)
            for skip in range(min(element.most, limit - at) + 1):
                if (found := self._after(chain, index + 1, at + skip, limit, key, sound)) is not None:
                    return found
            return None
        for length in range(min(LONGEST, limit - at), 0, -1):
            if self.slots.holds(element.kind, at, at + length):
                found = self._after(chain, index + 1, at + length, limit, key, sound)
                if found is not None:
                    return found
        return None

    def _particles_there(self, chain: Chain, start: int, end: int) -> bool:
        """For `=好的`: the phrase with its particles stands in the light text at the hit."""
        first, last = self.text.origin[start], self.text.origin[end - 1]
        return chain.strict in self.text.light[max(0, first - 4):last + 4]

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
                if found.end() > found.start():
                    self._note(leaf, found.start(), found.end(), plan.leaves[leaf].confidence, "pattern")

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


def alike(phrase: str, heard: str) -> float:
    """How far something heard may stand for a phrase of the same length and near sound: 1 the same, 0 not at all.

    A few right characters vouch for the others; short phrases need them: of three characters two must be right, of
    four two, or all syllables exactly the same. Near sounds (n/l, zh/z …) count less than the same syllable.

    >>> alike("请您稍等", "请您烧等") > 0.8, alike("再见", "在建")
    (True, 0.0)
    """
    length = len(phrase)
    if length != len(heard):
        return 0.0
    if phrase == heard:
        return 1.0
    right = sum(a == b for a, b in zip(phrase, heard, strict=True))
    same = sum(a == b for a, b in zip(exact_sound_of(phrase), exact_sound_of(heard), strict=True))
    if length < 3 or (length == 3 and right < 2) or (length == 4 and right < 2 and same < 4):
        return 0.0
    return 0.95 - 0.25 * (length - right) / length - 0.2 * (length - same) / length
