"""One call as rules see it: its turns, its words, and every rule's hits, worked out once and remembered."""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from days import Days
from records import Evidence, Finding, Speaker, Transcript, Turn
from rules.compiling import Exceptions, Plan
from rules.gathering import gather, join
from rules.hearing import Heard
from rules.overriding import overridden, overrides
from rules.scanning import Hit, Scan
from rules.schema import Anchor, Rule, Where
from rules.slots import DOUBLE_SURNAMES, Slots
from rules.text import Text, key_of
from rules.weighing import NOTE, Layer, Opinion, weigh

OPENING_TURNS, OPENING_SECONDS, CLOSING_TURNS = 2, 15.0, 3
ABSENT = 0.9
"""How sure an absence is in speech that was recognised for certain: the words may be new to the lexicon."""
CLEAR = 0.9
"""From which recognition of its turn on the words of a phrase are not asked one by one."""
NEAR_MISS = 6
_NO_LETTERS = re.compile(r"[\W_]")
"""Whatever `str.isalnum` is false of: signs are few, so they are counted rather than the letters."""
_NEGATED = re.compile("(?:不|没|别|无需|无须|未|甭|勿|从来?不).{0,2}$")
_QUOTED = re.compile("(?:[您你他她]们?(?:刚才?|上次)?(?:说|讲)|说的?是?|所谓|叫做|那句|[“\"「『])[^。！？]{0,6}$")
_ASKS = re.compile("[^。！？!?\n\x1f]{0,12}?(?:[？?]|(?:[吗么呢]|没有?)(?![^。，,！？!?\n\x1f]))")


class Outcome(NamedTuple):
    """A rule's verdict before it becomes a record."""

    verdict: str
    confidence: float = 1.0
    hits: tuple[Hit, ...] = ()
    reason: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Knowledge:
    """What the installation knows beside the rules: whom agents answer for, the trained layer if it is used, and the calendar."""

    organisations: tuple[str, ...] = ()
    layer: Layer | None = None
    days: Days = field(default_factory=Days)


def vouched(sure: float) -> float:
    """How sure the words of a hit are that stand in a turn recognised so surely: a phrase's, its sounds', a sentence's meaning.

    That they make one vouches for them: chance seldom does. How often it is right: `python -m
    bench.vouching`. Below 0.45 there were too few to say, and the recognition alone decides.

    >>> vouched(0.4), round(vouched(0.6), 2), round(vouched(0.8), 2), vouched(1.0)
    (0.4, 0.85, 0.93, 1.0)
    """
    if sure < 0.45:
        return sure
    return 0.45 + (sure - 0.45) / 0.15 * 0.4 if sure < 0.6 else 0.85 + (sure - 0.6) / 0.4 * 0.15


class View:
    """A call under inspection. Everything is computed when first asked for.

    `decide` is given by the engine and answers for other rules of the pack (conditions, operators).
    """

    def __init__(self, call: Transcript, plan: Plan, rules: dict[str, Rule], knowledge: Knowledge,
                 decide: Callable[[View, str], Outcome]) -> None:
        self.call, self.plan, self.rules, self.knowledge = call, plan, rules, knowledge
        self.turns: tuple[Turn, ...] = call.turns
        self.speakers: list[Speaker] = [turn.speaker for turn in call.turns]
        self.text = Text([turn.text for turn in call.turns], self.speakers)
        self.slots = Slots(self.text.key, self.text.sound, self._names())
        self.scan = Scan(plan, self.text, self.slots)
        self._hits: dict[str, tuple[Hit, ...]] = {}
        self._doubts: dict[str, tuple[Hit, ...]] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._absences: dict[tuple[int, str], float] = {}
        self._silent: dict[str, set[int]] = {}
        self._windows: dict[int, frozenset[int] | None] = {}
        self._decide = decide
        self._words: dict[int, Heard] = {}
        self.free = False
        self.memory: dict[str, Any] = {}

    def _names(self) -> dict[str, Sequence[str]]:
        call = self.call
        organisations = call.organisation or self.knowledge.organisations
        keys = [k for name in organisations if (k := key_of(name))]
        # 恒川消费金融 is 恒川 to its agents.
        names: dict[str, Sequence[str]] = {"organisation": keys + [k[:2] for k in keys if len(k) >= 4]}
        if call.agent_name:
            names["staff_name"] = [key_of(call.agent_name)]
        if call.customer_name:
            name = key_of(call.customer_name)
            names["customer_name"] = [name, name[:2] if name.startswith(DOUBLE_SURNAMES) else name[:1]]
        return names

    # turns and times
    @cached_property
    def by_speaker(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {"agent": [], "customer": [], "unknown": [], "ivr": []}
        for index, speaker in enumerate(self.speakers):
            found[speaker].append(index)
        return found

    @cached_property
    def sizes(self) -> list[int]:
        """Letters and digits of each turn, as they were heard."""
        return [len(turn.text) - len(_NO_LETTERS.findall(turn.text)) for turn in self.turns]

    @cached_property
    def timed(self) -> bool:
        """Whether the turns have usable times: all but a few have start and end, and they are in order."""
        known = [t for t in self.turns if t.start is not None and t.end is not None and t.end >= t.start >= 0]
        return bool(self.turns) and len(known) >= 0.9 * len(self.turns)

    def spoken_by(self, who: str) -> list[int]:
        """Turn indexes of agent, customer, or (any) both."""
        return sorted(self.by_speaker["agent"] + self.by_speaker["customer"]) if who == "any" else self.by_speaker[who]

    def minutes_of(self, who: str) -> float:
        """Speech of a speaker in minutes, from turn times."""
        return sum(max(0.0, (t.end or 0) - (t.start or 0)) for i in self.spoken_by(who) for t in [self.turns[i]]) / 60

    # windows
    def window(self, where: Where, who: str) -> frozenset[int] | None:
        """Turn indexes that a window lets through; None for the whole call."""
        if self.free or not where.model_fields_set:
            return None
        known = id(where)
        if known not in self._windows:
            self._windows[known] = self._window(where, who)
        return self._windows[known]

    def _window(self, where: Where, who: str) -> frozenset[int] | None:
        mine = self.spoken_by(who)
        parts: list[set[int]] = []
        if where.window == "opening":
            parts.append(self._first(mine, OPENING_TURNS, OPENING_SECONDS))
        elif where.window == "closing":
            parts.append(set(mine[-CLOSING_TURNS:]))
        if where.first:
            parts.append(self._first(mine, where.first.turns, where.first.seconds))
        if where.last:
            parts.append(self._last(mine, where.last.turns, where.last.seconds))
        for side in ("after", "before", "around"):
            if anchor := getattr(where, side):
                parts.append(self._beside(anchor, side))
        return frozenset(set.intersection(*parts)) if parts else None

    def _first(self, mine: list[int], turns: int | None, seconds: float | None) -> set[int]:
        chosen = mine if turns is None else mine[:turns]
        begin = self.turns[mine[0]].start if mine else None
        if seconds is None or not self.timed or begin is None:
            return set(chosen)
        return {i for i in chosen if (self.turns[i].start or 0.0) <= begin + seconds}

    def _last(self, mine: list[int], turns: int | None, seconds: float | None) -> set[int]:
        chosen = mine if turns is None else mine[-turns:] if turns else []
        end = max((t.end or 0.0 for t in self.turns), default=0.0)
        if seconds is None or not self.timed:
            return set(chosen)
        return {i for i in chosen if (self.turns[i].end or 0.0) >= end - seconds}

    def _beside(self, anchor: Anchor, side: str) -> set[int]:
        hits = self.hits(anchor.rule)
        if isinstance(anchor.hit, int):
            hits = hits[anchor.hit - 1:anchor.hit]
        elif anchor.hit in ("first", "last"):
            hits = hits[:1] if anchor.hit == "first" else hits[-1:]
        found = [self.beside(hit.turn, side, anchor) for hit in hits]
        if not found:
            return set()
        return set.intersection(*found) if anchor.hit == "every" else set.union(*found)

    def beside(self, turn: int, side: str, anchor: Anchor) -> set[int]:
        """Turns after, before or around a turn, within the anchor's limits."""
        near = {turn} if anchor.same_turn else set()
        after = range(turn + 1, len(self.turns)) if side != "before" else range(0)
        before = range(turn - 1, -1, -1) if side != "after" else range(0)
        within = anchor.within
        for index in (*after, *before):
            if within and within.turns is not None and abs(index - turn) > within.turns:
                continue
            if within and within.seconds is not None and self.timed and self.gap(turn, index) > within.seconds:
                continue
            near.add(index)
        return near

    def gap(self, one: int, other: int) -> float:
        """Seconds between two turns' nearest edges; 0 where they overlap or times are missing."""
        first, second = self.turns[min(one, other)], self.turns[max(one, other)]
        return max(0.0, (second.start or 0.0) - (first.end or 0.0)) if one != other else 0.0

    # hits
    def where_of(self, rule: Rule) -> Where:
        """The rule's window, or the one that the call's business line or organisation has instead."""
        if not (rule.lines or rule.organisations):
            return rule.where
        return overridden(rule, overrides(rule, self.call))[0].where

    def hits(self, rule_id: str) -> tuple[Hit, ...]:
        """A rule's hits in its window, exceptions taken out, overlaps joined, in the order of the call."""
        if rule_id not in self._hits:
            rule = self.rules[rule_id]
            self._hits[rule_id] = self._detect(rule, self.window(self.where_of(rule), rule.who))
        return self._hits[rule_id]

    def doubts(self, rule_id: str) -> tuple[Hit, ...]:
        """Places of the rule's window that may be hits, too unsure to count; a person should look."""
        self.hits(rule_id)
        return self._doubts.get(rule_id, ())

    def _detect(self, rule: Rule, window: frozenset[int] | None) -> tuple[Hit, ...]:
        node = self.plan.nodes.get(rule.id)
        hits = gather(node, self.scan, window) if node is not None else ()
        silenced: set[int] = set()
        if hits:
            joined = join(hits)
            hits = self._kept(rule, joined)
            silenced = {hit.turn for hit in joined}.difference([hit.turn for hit in hits])
        if (opinion := self.opinion) is not None and rule.id in opinion.column and (hits or rule.id in opinion.found):
            weighed = weigh(hits, silenced, opinion, rule.id, lambda turn: self._whole(rule, turn, window))
            hits = weighed.hits
            if weighed.doubts:
                self._doubts[rule.id] = tuple([self._heard(hit) for hit in weighed.doubts])
        return tuple([self._heard(hit) for hit in hits] if self.measured else hits)

    @cached_property
    def opinion(self) -> Opinion | None:
        """What the trained layer thinks of all turns; None without one."""
        layer = self.knowledge.layer
        return None if layer is None else layer.opinion([(turn.speaker, turn.text) for turn in self.turns])

    def _whole(self, rule: Rule, turn: int, window: frozenset[int] | None) -> Hit | None:
        """A turn as a hit of the trained layer, unless it is outside the window or an exception takes it back."""
        if (window is not None and turn not in window) or rule.who not in ("any", self.speakers[turn]):
            return None
        hit = Hit(turn, self.text.offsets[turn], self.text.end_of(turn), 1.0, "pattern", False, NOTE)
        if hit.start == hit.end or turn in self._silent_turns(rule):
            return None
        return None if rule.unless.repair is not None and self._repaired(rule, hit) else hit

    def _heard(self, hit: Hit) -> Hit:
        """A hit is no surer than the recognition lets it be."""
        sure = self.heard_at(hit)
        return hit if sure is None else hit._replace(confidence=hit.confidence * vouched(sure))

    def heard_at(self, hit: Hit) -> float | None:
        """How surely a hit's words were recognised: that of its turn or of its own words, whichever is surer: a clear 您好 stands in a
        turn of which the rest was lost in noise. None where it is not said."""
        sure = self.recognised[hit.turn]
        if sure is None or hit.note == NOTE or sure >= CLEAR:
            return sure
        if hit.turn not in self._words:
            self._words[hit.turn] = Heard(self.turns[hit.turn])
        offset = self.text.offsets[hit.turn]
        return max(sure, self._words[hit.turn].of(hit.start - offset, hit.end - offset) or 0.0)

    @cached_property
    def recognised(self) -> list[float | None]:
        """How sure the recognition of each turn is, within 0 and 1; None where it is not said or no number."""
        known = [turn.confidence for turn in self.turns]
        return [None if sure is None or sure != sure else max(0.0, min(1.0, sure)) for sure in known]

    def _kept(self, rule: Rule, hits: list[Hit]) -> list[Hit]:
        """The hits that no exception takes back, asked in the order of what an exception costs."""
        unless, leaves = rule.unless, self.plan.exceptions.get(rule.id)
        light, offsets = self.text.light, self.text.offsets
        if unless.negated:
            hits = [h for h in hits if not _NEGATED.search(light, max(offsets[h.turn], h.start - 4), h.start)]
        if unless.quoted:
            hits = [h for h in hits if not _QUOTED.search(light, max(offsets[h.turn], h.start - 12), h.start)]
        if unless.question:
            hits = [h for h in hits if not (_ASKS.match(light, h.end, self.text.end_of(h.turn))
                                            or _either_or(light, h.start, offsets[h.turn]))]
        if leaves is not None and hits:
            hits = self._apart(leaves, hits)
        if hits and (turns := self._silent_turns(rule)):
            hits = [h for h in hits if h.turn not in turns]
        if hits and unless.repair is not None:
            hits = [h for h in hits if not self._repaired(rule, h)]
        return hits

    def _apart(self, leaves: Exceptions, hits: list[Hit]) -> list[Hit]:
        """Hits that have no excepted words close before or after them."""
        if before := self.scan.of(leaves.before):
            hits = [hit for hit in hits if not any(
                h.start <= hit.start <= h.end + NEAR_MISS and h.turn == hit.turn for h in before)]
        if hits and (after := self.scan.of(leaves.after)):
            hits = [hit for hit in hits if not any(
                hit.start <= h.start <= hit.end + NEAR_MISS and h.turn == hit.turn for h in after)]
        return hits

    def _silent_turns(self, rule: Rule) -> set[int]:
        """Turns in which a rule's exceptions take back every hit: by phrases of the turn, of the one before or after, or by
        another rule's hit."""
        known = self._silent.get(rule.id)
        if known is None:
            known = self._silent[rule.id] = {h.turn for other in rule.unless.hit_of for h in self.hits(other)}
            if (leaves := self.plan.exceptions.get(rule.id)) is not None:
                found = self.scan.of
                known.update([h.turn for h in found(leaves.turn)])
                known.update([h.turn + 1 for h in found(leaves.previous)])
                known.update([h.turn - 1 for h in found(leaves.next)])
        return known

    def _repaired(self, rule: Rule, hit: Hit) -> bool:
        repair = rule.unless.repair
        assert repair is not None
        leaves = self.plan.exceptions.get(rule.id)
        repairs = list(self.scan.of(leaves.repair)) if leaves is not None else []
        if repair.rule:
            repairs += self.hits(repair.rule)
        anchor = Anchor(rule=repair.rule or rule.id, within=repair.within)
        near = self.beside(hit.turn, "after", anchor)
        return any(h.turn in near and (h.turn > hit.turn or h.end > hit.start) for h in repairs)

    # verdicts
    def outcome(self, rule_id: str) -> Outcome:
        if rule_id not in self._outcomes:
            self._outcomes[rule_id] = self._decide(self, rule_id)
        return self._outcomes[rule_id]

    @cached_property
    def measured(self) -> bool:
        """Whether recognition says of any turn how sure it is."""
        return any(sure is not None for sure in self.recognised)

    def absent(self, turns: Sequence[int]) -> float:
        """How sure it is that something was not said in these turns."""
        if not self.measured:
            return ABSENT
        sure = [c for i in turns if (c := self.recognised[i]) is not None]
        return ABSENT * (sum(sure) / len(sure) if sure else 1.0)

    def absence(self, rule: Rule) -> float:
        """How sure it is that a rule's words were not said in its window."""
        if not self.measured:
            return ABSENT
        window = self.window(rule.where, rule.who)
        known = (id(rule.where) if window is not None else 0, rule.who)
        if known not in self._absences:
            mine = self.spoken_by(rule.who)
            self._absences[known] = self.absent(mine if window is None else [i for i in mine if i in window])
        return self._absences[known]

    @cached_property
    def heard(self) -> set[str]:
        """Rules that may have hits, by what the automata and the trained layer tell; others may look for themselves."""
        heard = self.scan.heard()
        if self.opinion is not None:
            heard.update(self.opinion.found)
        return heard

    def evidence(self, rule_id: str, hit: Hit) -> Evidence:
        """A hit as a record, with what was heard there and when (by word times, else by the share of characters).

        What was said over two turns belongs to the first and shows the words of both.
        """
        turn = self.turns[hit.turn]
        offset = self.text.offsets[hit.turn]
        first, last = hit.start - offset, min(hit.end, self.text.end_of(hit.turn)) - offset
        start, end = place_in_time(turn, first, last)
        heard = turn.text[first:last]
        for later in range(hit.turn + 1, len(self.turns)):
            rest = min(hit.end, self.text.end_of(later)) - self.text.offsets[later]
            if rest <= 0:
                break
            heard += " " + self.turns[later].text[:rest]
            end = place_in_time(self.turns[later], 0, rest)[1]
        return Evidence.of(
            rule=rule_id, turn=hit.turn, speaker=turn.speaker, start=start, end=end, text=heard,
            match=hit.match, confidence=round(hit.confidence, 3), note=hit.note)

    def finding(self, rule_id: str, outcome: Outcome) -> Finding:
        confidence = round(outcome.confidence, 3)
        if not outcome.hits:
            return bare(rule_id, outcome.verdict, outcome.value, confidence, outcome.reason)
        return Finding.of(
            rule=rule_id, verdict=outcome.verdict, value=outcome.value, confidence=confidence,
            evidence=tuple([self.evidence(rule_id, hit) for hit in outcome.hits]), reason=outcome.reason)


@lru_cache(maxsize=1 << 12)
def bare(rule: str, verdict: str, value: float | None, confidence: float, reason: str) -> Finding:
    """A finding without evidence: the same ones come up in every call, and records are frozen."""
    return Finding.of(rule=rule, verdict=verdict, value=value, confidence=confidence, evidence=(), reason=reason)


def place_in_time(turn: Turn, first: int, last: int) -> tuple[float | None, float | None]:
    """Start and end in seconds of `turn.text[first:last]`."""
    if turn.words:
        at, spans = 0, []
        for word in turn.words:
            found = turn.text.find(word.text.strip(), at)
            at = at if found < 0 else found
            spans.append((at, at + len(word.text.strip()), word))
            at = spans[-1][1]
        inside = [word for begin, stop, word in spans if begin < last and stop > first]
        if inside:
            return inside[0].start, inside[-1].end
    if turn.start is None or turn.end is None or not turn.text:
        return turn.start, turn.end
    length = (turn.end - turn.start) / len(turn.text)
    return round(turn.start + first * length, 2), round(turn.start + last * length, 2)


def _either_or(light: str, start: int, offset: int) -> bool:
    """Whether 不… at `start` belongs to A-not-A: 知不知道, 清不清楚."""
    return offset < start < len(light) - 1 and light[start] in "不没" and light[start - 1] == light[start + 1]
