"""From rules as written to flat tables: every phrase of every rule goes into two automata, scanned once a call.

A *leaf* is the smallest thing that is found: one part with its phrases, or one exception of `unless`. Literals know the
leaves and sequences that they belong to, so that a hit costs the same however many rules there are.
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import re2
from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from rules.phrases import Literal, Malformed, Run, Slot, Template, expand
from rules.schema import Part, Rule
from rules.slots import NAMES
from rules.text import light, sound_of

EXACT, WEAK, PATTERN = 0.97, 0.85, 0.93


class Leaf(NamedTuple):
    """What a hit belongs to: the rule, whose speech counts, and how sure a hit by exact characters is."""

    rule: str
    who: str
    confidence: float
    weak: bool
    sounds: bool


class Use(NamedTuple):
    """Where a literal belongs: a run of a chain's stretch; `anchor` is its place in the run."""

    chain: int
    stretch: int
    run: Run
    anchor: int


class Chain(NamedTuple):
    """A template compiled: the leaf it is for, how many stretches, the gaps between them, and whether particles count."""

    leaf: int
    stretches: int
    gaps: tuple[int, ...]
    strict: str


class Belongs(NamedTuple):
    """What a literal is good for: (leaf, strict) where it is the whole phrase, (chain, stretch) where it is a stretch of a
    template with gaps, and its uses in runs with slots, by what must stand beside it: (kind of the slot, whether after it).
    `tells` are the chains of which it belongs to the most telling stretch: without one of its literals there is no hit."""

    leaves: tuple[tuple[int, str], ...]
    parts: tuple[tuple[int, int], ...]
    tells: tuple[int, ...]
    runs: tuple[tuple[str, bool, tuple[Use, ...]], ...]


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
        self.uses: list[list[Use]] = []
        self.chains: list[Chain] = []
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
        any_of, all_of, none_of = (
            tuple([self._node(rule, child, (*at, name, i)) for i, child in enumerate(getattr(part, name))])
            for name in ("any", "all", "none"))
        if part.at_least and part.at_least > len(part.any):
            raise Bad((*at, "at_least"), f"at_least {part.at_least} of {len(part.any)} parts can never be; lower it")
        return Node(any=any_of, all=all_of, none=none_of, at_least=part.at_least or 1)

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
                expanded = expand(template, NAMES)
            except Malformed as error:
                raise Bad((*at, i), str(error)) from error
            for one in expanded:
                self._template(leaf, one, template, (*at, i), short)

    def _template(self, leaf: int, template: Template, written: str, at: tuple, short: bool) -> None:
        chain = len(self.chains)
        single = len(template.stretches) == 1
        self.chains.append(Chain(leaf, len(template.stretches), template.gaps, light(template.strict)))
        for stretch, runs in enumerate(template.stretches):
            for run in runs:
                words = [i for i, element in enumerate(run) if isinstance(element, Literal)]
                anchor = max(words, key=lambda i: len(run[i][0]), default=None)
                if anchor is None:
                    if not single or len(run) != 1 or not isinstance(run[0], Slot):
                        raise Bad(at, f"{written!r} has a slot with no words beside it; put words there, or use slots:")
                    self.slot_leaves.append((leaf, run[0].kind))
                    continue
                key = run[anchor][0]
                if len(key) < 2 and single and len(run) == 1 and not (template.strict or short):
                    raise Bad(at, f"{written!r} comes down to {key!r} once particles are left out, which is in every call; "
                                  f"write more of the phrase, or ={written} to have the particles count")
                number = self.literals.setdefault(key, len(self.literals))
                if number == len(self.uses):
                    self.uses.append([])
                self.uses[number].append(Use(chain, stretch, run, anchor))

    def _regex(self, rule: Rule, part: Part, who: str, at: tuple) -> int:
        assert part.regex is not None
        try:
            compiled = re2.compile(part.regex.encode(), _OPTIONS)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
            raise Bad(at, f"not a regular expression that RE2 takes: {reason}; look-around and back references are not in it"
                      ) from error
        if compiled.search(b"") or compiled.fullmatch("某".encode()):
            raise Bad(at, f"{part.regex!r} matches nothing or any single character, so every call; make it say more")
        number = self._new(Leaf(rule.id, who, part.confidence or PATTERN, part.weak, False))
        self.regexes.append((number, compiled))
        return number

    def seal(self) -> None:
        """Build the automata, and for each literal what a hit of it is good for."""
        keys = list(self.literals)
        self.keys = keys
        self.exact = AhoCorasick(keys, MatchKind.Standard, implementation=Implementation.ContiguousNFA) if keys else None
        self.telling = self._telling_stretches()
        self.belongs = [self._belongs(uses) for uses in self.uses]
        by_sound: dict[str, list[int]] = {}
        for key, number in self.literals.items():
            if len(key) >= 2 and any(self._by_sound(use, key) for use in self.uses[number]):
                by_sound.setdefault(sound_of(key), []).append(number)
        self.sounds = list(by_sound.values())
        self.sound = AhoCorasick(list(by_sound), MatchKind.Standard, implementation=Implementation.ContiguousNFA) if by_sound else None
        self.regex_filter: re2.Filter | None = None
        if self.regexes:
            self.regex_filter = together = re2.Filter()
            for _, compiled in self.regexes:
                together.Add(compiled.pattern, _OPTIONS)
            together.Compile()

    def _belongs(self, uses: list[Use]) -> Belongs:
        plain = [use for use in uses if len(use.run) == 1]
        whole = dict.fromkeys(use.chain for use in plain if self.chains[use.chain].stretches == 1)
        # Several templates of one leaf may share a literal: once is enough.
        leaves = dict.fromkeys((self.chains[chain].leaf, self.chains[chain].strict) for chain in whole)
        parts = dict.fromkeys((use.chain, use.stretch) for use in plain if self.chains[use.chain].stretches > 1)
        beside: dict[tuple[str, bool], list[Use]] = {}
        for use in uses:
            if len(use.run) > 1:  # an anchor has a slot beside it, since literals in a row are one
                after = use.anchor + 1 < len(use.run)
                slot = use.run[use.anchor + 1 if after else use.anchor - 1]
                assert isinstance(slot, Slot)
                beside.setdefault((slot.kind, after), []).append(use)
        runs = tuple((kind, after, tuple(those)) for (kind, after), those in beside.items())
        tells = tuple(chain for chain, stretch in parts if self.telling[chain] == stretch)
        return Belongs(tuple(leaves), tuple(parts), tells, runs)

    def _telling_stretches(self) -> list[int]:
        """Each chain's stretch that is least often there by chance: the one whose shortest literal is longest."""
        shortest = [[99] * chain.stretches for chain in self.chains]
        for key, uses in zip(self.keys, self.uses, strict=True):
            for use in uses:
                stretches = shortest[use.chain]
                stretches[use.stretch] = min(stretches[use.stretch], len(key))
        return [lengths.index(max(lengths)) for lengths in shortest]

    def _by_sound(self, use: Use, key: str) -> bool:
        """Whether a literal is looked for by sound there: three characters, or two beside other words."""
        chain = self.chains[use.chain]
        enough = len(key) >= 3 or len(use.run) > 1 or chain.stretches > 1
        return enough and self.leaves[chain.leaf].sounds and not chain.strict


_OPTIONS = re2.Options()
_OPTIONS.never_capture = True
_OPTIONS.max_mem = 64 << 20  # with the usual 8 MB long patterns keep forgetting their states
_OPTIONS.never_nl = False
_OPTIONS.log_errors = False
