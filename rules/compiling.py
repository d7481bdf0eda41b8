"""From rules as written to flat tables: every phrase of every rule goes into two automata, scanned once a call.

A *leaf* is the smallest thing that is found: one part with its phrases, or one exception of `unless`. Literals know the
leaves and sequences that they belong to, so that a hit costs the same however many rules there are.
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import re2
from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from rules.phrases import Gap, Literal, Malformed, Sequence, Slot, expand
from rules.schema import Part, Rule
from rules.slots import NAMES
from rules.text import BREAK, key_of, light, sound_of

EXACT, WEAK, PATTERN = 0.97, 0.85, 0.93


class Leaf(NamedTuple):
    """What a hit belongs to: the rule, whose speech counts, and how sure a hit by exact characters is."""

    rule: str
    who: str
    confidence: float
    weak: bool
    sounds: bool


class Chain(NamedTuple):
    """A sequence found from its first literal (`anchor` indexes `elements`); `literal` is its characters joined."""

    leaf: int
    elements: tuple[Literal | Gap | Slot, ...]
    anchor: int
    strict: str
    literal: str


class Node(NamedTuple):
    """`find` made flat: a leaf number, or a group of nodes."""

    leaf: int = -1
    any: tuple[Node, ...] = ()
    all: tuple[Node, ...] = ()
    none: tuple[Node, ...] = ()
    at_least: int = 1


class Exceptions(NamedTuple):
    """Leaves of a rule's `unless`; -1 where there is none."""

    before: int = -1
    after: int = -1
    turn: int = -1
    previous: int = -1
    next: int = -1
    repair: int = -1


class Bad(ValueError):
    """A mistake in a part, with the path of the field inside the rule."""

    def __init__(self, at: tuple, message: str) -> None:
        super().__init__(message)
        self.at = at


class Plan:
    """The compiled detectors of a pack. `add` rules, then `seal` it; after that it is only read."""

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.nodes: dict[str, Node] = {}
        self.exceptions: dict[str, Exceptions] = {}
        self.literals: dict[str, int] = {}
        self.chains: list[list[Chain]] = []
        self.regexes: list[tuple[int, re2._Regexp]] = []
        self.slot_leaves: list[tuple[int, str]] = []
        self.word_leaves: dict[int, tuple[int, list[list[dict]]]] = {}

    def add(self, rule: Rule) -> None:
        """Compile one rule; raises Bad."""
        if rule.find is not None:
            self.nodes[rule.id] = self._node(rule, rule.find, ("find",))
        leaves = {}
        for side in ("before", "after", "turn", "previous", "next"):
            if phrases := getattr(rule.unless, side):
                who = "any" if side in ("previous", "next") else rule.who
                leaves[side] = self._phrases(rule, phrases, who, ("unless", side))
        if rule.unless.repair and rule.unless.repair.phrases:
            leaves["repair"] = self._phrases(rule, rule.unless.repair.phrases, rule.who, ("unless", "repair", "phrases"))
        if leaves:
            self.exceptions[rule.id] = Exceptions(**leaves)

    def _node(self, rule: Rule, part: Part, at: tuple) -> Node:
        who = part.who or rule.who
        if not (part.any or part.all or part.none):
            return self._leaf(rule, part, who, at)
        groups = {name: tuple(self._node(rule, child, (*at, name, i)) for i, child in enumerate(getattr(part, name)))
                  for name in ("any", "all", "none")}
        if part.at_least and part.at_least > len(part.any):
            raise Bad((*at, "at_least"), f"at_least {part.at_least} of {len(part.any)} parts can never be; lower it")
        return Node(**groups, at_least=part.at_least or 1)

    def _leaf(self, rule: Rule, part: Part, who: str, at: tuple) -> Node:
        sure = part.confidence or (WEAK if part.weak else EXACT)
        nodes: list[Node] = []
        if part.phrases:
            number = self._new(Leaf(rule.id, who, sure, part.weak, part.sounds))
            self._templates(number, part.phrases, (*at, "phrases"))
            nodes.append(Node(number))
        if part.regex is not None:
            nodes.append(Node(self._regex(rule, part, who, (*at, "regex"))))
        for i, kind in enumerate(part.slots):
            if kind not in NAMES:
                raise Bad((*at, "slots", i), f"{kind} is no slot; there are {', '.join(sorted(NAMES))}")
            number = self._new(Leaf(rule.id, who, part.confidence or PATTERN, part.weak, part.sounds))
            self.slot_leaves.append((number, kind))
            nodes.append(Node(number))
        if part.words:
            number = self._new(Leaf(rule.id, who, part.confidence or PATTERN, part.weak, False))
            trigger = self._new(Leaf(rule.id, who, sure, part.weak, part.sounds))
            self._templates(trigger, part.candidates, (*at, "candidates"))
            self.word_leaves[number] = (trigger, part.words)
            nodes.append(Node(number))
        return nodes[0] if len(nodes) == 1 else Node(any=tuple(nodes))

    def _new(self, leaf: Leaf) -> int:
        self.leaves.append(leaf)
        return len(self.leaves) - 1

    def _phrases(self, rule: Rule, phrases: list[str], who: str, at: tuple) -> int:
        number = self._new(Leaf(rule.id, who, EXACT, False, True))
        self._templates(number, phrases, at, short=True)
        return number

    def _templates(self, leaf: int, templates: Iterable[str], at: tuple, short: bool = False) -> None:
        """`short`: a single character may stand, as in exceptions, which are looked for beside a hit only."""
        seen: dict[str, int] = {}
        for i, template in enumerate(templates):
            if template in seen:
                raise Bad((*at, i), f"{template!r} stands here twice; delete one")
            seen[template] = i
            try:
                sequences = expand(template, NAMES)
            except Malformed as error:
                raise Bad((*at, i), str(error)) from error
            for sequence in sequences:
                self._sequence(leaf, sequence, template, (*at, i), short)

    def _sequence(self, leaf: int, sequence: Sequence, template: str, at: tuple, short: bool) -> None:
        elements = sequence.elements
        anchor = next((i for i, e in enumerate(elements) if isinstance(e, Literal)), None)
        if anchor is None:
            if len(elements) != 1:
                raise Bad(at, f"{template!r} has slots but no words; put words beside them, or use slots:")
            self.slot_leaves.append((leaf, elements[0].kind))
            return
        literal = "".join(e.key for e in elements if isinstance(e, Literal))
        if len(literal) < 2 and len(elements) == 1 and not (sequence.strict or short):
            raise Bad(at, f"{template!r} comes down to {literal!r} once particles are left out, which is in every call; "
                          f"write more of the phrase, or ={template} to have the particles count")
        number = self.literals.setdefault(elements[anchor].key, len(self.literals))
        if number == len(self.chains):
            self.chains.append([])
        self.chains[number].append(Chain(leaf, elements, anchor, light(sequence.text) if sequence.strict else "", literal))

    def _regex(self, rule: Rule, part: Part, who: str, at: tuple) -> int:
        try:
            compiled = re2.compile(part.regex, _OPTIONS)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
            raise Bad(at, f"not a regular expression that RE2 takes: {reason}; look-around and back references are not in it"
                      ) from error
        if compiled.search("") or compiled.fullmatch("某"):
            raise Bad(at, f"{part.regex!r} matches nothing or any single character, so every call; make it say more")
        number = self._new(Leaf(rule.id, who, part.confidence or PATTERN, part.weak, False))
        self.regexes.append((number, compiled))
        return number

    def seal(self) -> None:
        """Build the automata."""
        keys = list(self.literals)
        self.keys = keys
        self.exact = AhoCorasick(keys, MatchKind.Standard, implementation=Implementation.DFA) if keys else None
        by_sound: dict[str, list[int]] = {}
        for key, number in self.literals.items():
            if any(self.leaves[c.leaf].sounds and not c.strict and len(c.literal) >= 3 for c in self.chains[number]) \
                    and len(key) >= 2:
                by_sound.setdefault(sound_of(key), []).append(number)
        self.sounds = list(by_sound.values())
        self.sound = AhoCorasick(list(by_sound), MatchKind.Standard, implementation=Implementation.DFA) if by_sound else None
        self.regex_set = None
        if self.regexes:
            self.regex_set = re2.Set.SearchSet(_OPTIONS)
            for _, compiled in self.regexes:
                self.regex_set.Add(compiled.pattern)
            self.regex_set.Compile()


_OPTIONS = re2.Options()
_OPTIONS.never_nl = False
_OPTIONS.log_errors = False

__all__ = ["BREAK", "Bad", "Chain", "Leaf", "Node", "Plan", "key_of"]
