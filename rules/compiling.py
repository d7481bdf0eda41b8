"""From rules as written to flat tables: every phrase of every rule goes into two automata, scanned once a call.

A *leaf* is the smallest thing that is found: one part with its phrases, or one exception of `unless`. Literals know the
leaves and sequences that they belong to, so that a hit costs the same however many rules there are.
"""
from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple, get_args

import re2
from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from records import Speaker
from rules.needles import needles
from rules.phrases import Literal, Malformed, Run, Slot, Template, expand
from rules.schema import Part, Rule
from rules.slots import NAMES
from rules.text import key_of, light, sound_of

EXACT, WEAK, PATTERN = 0.97, 0.85, 0.93


class Leaf(NamedTuple):
    """What a hit belongs to: the rule, whose speech counts, and how sure a hit by exact characters is."""

    rule: str
    who: str
    confidence: float
    weak: bool
    sounds: bool


class Use(NamedTuple):
    """A run with slots, found by its longest literal, which is `run[anchor]`."""

    run: Run
    anchor: int


class Stretch(NamedTuple):
    """The alternatives of one stretch of a template with gaps: whole literals by number, whole characters, and runs with
    slots by their anchor (a literal's number, or a character)."""

    literals: frozenset[int]
    characters: frozenset[str]
    uses: tuple[tuple[int | str, Use], ...]


class Chain(NamedTuple):
    """A template with gaps. `telling` is its stretch that is least often there by chance: without it there is no hit."""

    leaf: int
    stretches: tuple[Stretch, ...]
    gaps: tuple[int, ...]
    telling: int


Lead = str | Use | int | None
"""What a literal that was found is good for in a leaf: it is the whole phrase (with particles that must be there too, if
the string is not empty), the anchor of a run with slots, in the telling stretch of the chain of that number, or (None) a
word without which a regular expression cannot match."""


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


class Ear(NamedTuple):
    """What is listened for in one speaker's words.

    The patterns of `exact` are the literals `numbers`, those of `sound` lists of literals (number, characters) of one sound.
    `told[number]` says which leaves a literal is good for, and as what. Most literals are the whole phrase of one leaf and
    nothing else: `phrases[number]`, and `lone` by pattern of `exact`, is that leaf (`lone`: -1 for the others).
    """

    exact: AhoCorasick | None
    numbers: list[int]
    lone: list[int]
    sound: AhoCorasick | None
    sounds: list[list[tuple[int, str]]]
    told: dict[int, tuple[tuple[int, Lead], ...]]
    phrases: dict[int, int]


class Bad(ValueError):
    """A mistake in a part, with the path of the field inside the rule."""

    def __init__(self, at: tuple, message: str) -> None:
        super().__init__(message)
        self.at = at


class Plan:
    """The compiled detectors of a pack. `add` rules, then `seal` it; after that it is only read.

    Literals of two characters and more go into the automata. Single characters (您, =好) are in every call, so a leaf that
    wants one looks for it when it is asked, and a template with gaps only around its telling stretch. `leads[literal]` says
    what a literal is good for; `alone[leaf]` is what must be looked for although no literal tells of it, `single[leaf]` the
    characters of which one must be there for that, and `unsure` are leaves that must look in any case. `finds[leaf]` is the
    rule whose `find` a leaf belongs to; the others belong to exceptions.
    """

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.nodes: dict[str, Node] = {}
        self.exceptions: dict[str, Exceptions] = {}
        self.literals: dict[str, int] = {}
        self.keys: list[str] = []
        self.leads: list[dict[tuple[int, Lead], None]] = []
        self.chains: list[Chain] = []
        self.alone: dict[int, dict[tuple[str, Lead], None]] = {}
        self.regexes: dict[int, re2._Regexp] = {}
        self.slots: dict[int, list[str]] = {}
        self.words: dict[int, tuple[int, list[list[dict]]]] = {}
        self.single: dict[int, set[str]] = {}
        self.unsure: set[int] = set()
        self.finds: dict[int, str] = {}
        self._by_sound: set[int] = set()

    def add(self, rule: Rule) -> None:
        """Compile one rule; raises Bad."""
        if rule.find is not None:
            first = len(self.leaves)
            self.nodes[rule.id] = self._node(rule, rule.find, ("find",))
            self.finds.update(dict.fromkeys(range(first, len(self.leaves)), rule.id))
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
            self.slots.setdefault(number, []).append(kind)
            self.unsure.add(number)
            nodes.append(Node(number))
        if part.words:
            number = self._new(Leaf(rule.id, who, part.confidence or PATTERN, part.weak, False))
            trigger = self._new(Leaf(rule.id, who, sure, part.weak, part.sounds))
            self._templates(trigger, part.candidates, (*at, "candidates"))
            self.words[number] = (trigger, part.words)
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
        if len(template.stretches) > 1:
            self._chain(leaf, template, written, at)
            return
        strict = light(template.strict)
        for run in chain.from_iterable(template.stretches):
            kinds = [element.kind for element in run if isinstance(element, Slot)]
            if len(run) == 1 and kinds:
                self.slots.setdefault(leaf, []).append(kinds[0])
                self.unsure.add(leaf)
                continue
            place, key = _anchor(run, written, at)
            if len(key) < 2 and len(run) == 1 and not (strict or short):
                raise Bad(at, f"{written!r} comes down to {key!r} once particles are left out, which is in every call; "
                              f"write more of the phrase, or ={written} to have the particles count")
            sounds = self.leaves[leaf].sounds and not strict and (len(run) > 1 or len(key) >= 3)
            self._lead(leaf, key, strict if len(run) == 1 else Use(run, place), sounds)

    def _chain(self, leaf: int, template: Template, written: str, at: tuple) -> None:
        """A template with gaps, and its telling stretch: the one whose shortest literal is longest."""
        stretches: list[Stretch] = []
        keys: list[list[str]] = []
        for runs in template.stretches:
            anchors = [(run, *_anchor(run, written, at)) for run in runs]
            keys.append([key for _, _, key in anchors])
            whole = [key for run, _, key in anchors if len(run) == 1]
            numbers = {key: self._number(key, self.leaves[leaf].sounds) for key in keys[-1] if len(key) > 1}
            stretches.append(Stretch(
                frozenset(numbers[key] for key in whole if key in numbers), frozenset(key for key in whole if len(key) == 1),
                tuple((numbers.get(key, key), Use(run, place)) for run, place, key in anchors if len(run) > 1)))
        telling = max(range(len(keys)), key=lambda i: min(map(len, keys[i])))
        for key in keys[telling]:
            self._lead(leaf, key, len(self.chains), self.leaves[leaf].sounds)
        self.chains.append(Chain(leaf, tuple(stretches), template.gaps, telling))

    def _number(self, key: str, sounds: bool) -> int:
        """The number of a literal for the automata; `sounds`: it is looked for by sound as well."""
        number = self.literals.setdefault(key, len(self.literals))
        if number == len(self.keys):
            self.keys.append(key)
            self.leads.append({})
        if sounds:
            self._by_sound.add(number)
        return number

    def _lead(self, leaf: int, key: str, lead: Lead, sounds: bool) -> None:
        if len(key) > 1:
            # Several templates of one leaf may share a literal: once is enough.
            self.leads[self._number(key, sounds)][leaf, lead] = None
        else:
            self.alone.setdefault(leaf, {})[key, lead] = None
            self.single.setdefault(leaf, set()).add(key)

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
        self.regexes[number] = compiled
        words = needles(part.regex)
        for word in words or ():
            key = key_of(word)
            if len(key) > 1:
                self.leads[self._number(key, sounds=False)][number, None] = None
            else:
                self.single.setdefault(number, set()).add(key or word[0])
        if words is None:
            self.unsure.add(number)
        return number

    def seal(self) -> None:
        """Build the automata: an ear a speaker, so that nobody listens for what is of no use in what that speaker says."""
        wanted: list[set[str]] = [{self.leaves[leaf].who for leaf, _ in leads} for leads in self.leads]
        beside: list[set[str]] = [set() for _ in self.leads]
        for one in self.chains:
            for stretch in one.stretches:
                for number in (*stretch.literals, *[where for where, _ in stretch.uses if isinstance(where, int)]):
                    beside[number].add(self.leaves[one.leaf].who)
        self.ears: dict[Speaker, Ear] = {}
        for speaker in get_args(Speaker):
            whose = {"any", speaker}
            if speaker not in ("agent", "customer") and "unknown" in self.ears:
                self.ears[speaker] = self.ears["unknown"]  # only rules about anybody hear those two
                continue
            numbers = [i for i in range(len(self.keys)) if whose & wanted[i] or whose & beside[i]]
            by_sound: dict[str, list[tuple[int, str]]] = {}
            for number in numbers:
                if number in self._by_sound:
                    by_sound.setdefault(sound_of(self.keys[number]), []).append((number, self.keys[number]))
            told = {number: tuple(lead for lead in self.leads[number] if self.leaves[lead[0]].who in whose) for number in numbers}
            phrases = {number: leads[0][0] for number, leads in told.items()
                       if len(leads) == 1 and leads[0][1] == "" and not whose & beside[number]}
            self.ears[speaker] = Ear(
                _automaton(self.keys[number] for number in numbers), numbers, [phrases.get(number, -1) for number in numbers],
                _automaton(by_sound), list(by_sound.values()), told, phrases)


def _anchor(run: Run, written: str, at: tuple) -> tuple[int, str]:
    """The place of a run's longest literal, and the literal; raises Bad where there is none."""
    words = [(i, element.key) for i, element in enumerate(run) if isinstance(element, Literal)]
    if not words:
        raise Bad(at, f"{written!r} has a slot with no words beside it; put words there, or use slots:")
    return max(words, key=lambda word: len(word[1]))


def _automaton(keys: Iterable[str]) -> AhoCorasick | None:
    patterns = list(keys)
    return AhoCorasick(patterns, MatchKind.Standard, implementation=Implementation.ContiguousNFA) if patterns else None


_OPTIONS = re2.Options()
_OPTIONS.never_capture = True
_OPTIONS.max_mem = 64 << 20  # with the usual 8 MB long patterns keep forgetting their states
_OPTIONS.never_nl = False
_OPTIONS.log_errors = False
