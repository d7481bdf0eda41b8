"""Two drafts of each call, by the rules in force and by changed ones: which findings and scores differ, with examples.

Pure comparison: who makes the drafts is the caller's affair. `compare` looks at one call, `Backtest` adds calls up and keeps
memory small by holding only so many examples.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from records import Band, Draft, Evidence, Finding, Speaker, Transcript, Verdict

EXAMPLES = 5            # kept a rule and kind of change, each with words of its own
SHIFTED = 20            # calls kept whose score moved most
TELLING: tuple[Verdict, ...] = ("fail", "needs_review", "found")
# A rule that only one pack has counts as a change where it would have told a lead something.

Kind = tuple[Verdict | None, Verdict | None]
"""The verdict before and after; None where the pack has no such rule. Both alike: only the measured value differs."""


@dataclass(frozen=True)
class Change:
    """One rule's answer about one call that differs, and the place in the call that made it differ.

    `start` is seconds into the call, `text` the whole turn, `heard` the part of it that is evidence; all three are empty for
    what rests on no place, such as something that was never said: the reasons explain that.
    """

    rule: str
    call_id: str
    before: Verdict | None
    after: Verdict | None
    value_before: float | None
    value_after: float | None
    reason_before: str
    reason_after: str
    turn: int | None = None
    speaker: Speaker | None = None
    start: float | None = None
    text: str = ""
    heard: str = ""
    heard_by: Literal["before", "after"] = "after"      # whose evidence it is; the changed rules' where both have it

    @property
    def kind(self) -> Kind:
        return self.before, self.after


@dataclass(frozen=True)
class Standing:
    """What a draft comes to; `score` 0 to 100 or None where nothing is decided yet."""

    score: float | None
    band: Band | None
    fatal: bool
    form: str = ""


@dataclass(frozen=True)
class Compared:
    """One call under both. `hits_before` and `hits_after` are the rules that failed or, signals, were found."""

    call_id: str
    agent_id: str | None
    agent_name: str | None
    before: Standing
    after: Standing
    changes: tuple[Change, ...] = ()
    hits_before: tuple[str, ...] = ()
    hits_after: tuple[str, ...] = ()

    @property
    def shift(self) -> float:
        """Points gained or, negative, lost; 0 where one of the two has no score."""
        if self.before.score is None or self.after.score is None:
            return 0.0
        return round(self.after.score - self.before.score, 1)


def compare(transcript: Transcript, before: Draft, after: Draft) -> Compared:
    """What differs between two drafts of one call. Confidence alone is no difference."""
    old = {finding.rule: finding for finding in before.findings}
    new = {finding.rule: finding for finding in after.findings}
    rules = [*new, *(rule for rule in old if rule not in new)]
    changes = [_change(transcript, rule, old.get(rule), new.get(rule)) for rule in rules
               if _differs(old.get(rule), new.get(rule))]
    return Compared(transcript.call_id, transcript.agent_id, transcript.agent_name, standing(before), standing(after),
                    tuple(changes), _hits(before), _hits(after))


def standing(draft: Draft) -> Standing:
    return Standing(draft.score, draft.band, draft.fatal, draft.form)


def _hits(draft: Draft) -> tuple[str, ...]:
    return tuple(finding.rule for finding in draft.findings if finding.verdict in ("fail", "found"))


def _differs(old: Finding | None, new: Finding | None) -> bool:
    if old is None or new is None:
        only = old or new
        return only is not None and only.verdict in TELLING
    if old.verdict != new.verdict:
        return True
    return old.verdict in TELLING and _measure(old) != _measure(new)


def _measure(finding: Finding) -> tuple[float | None, int]:
    """Value and number of places: a taboo said three times costs more than one said twice."""
    return None if finding.value is None else round(finding.value, 3), len(finding.evidence)


def _change(transcript: Transcript, rule: str, old: Finding | None, new: Finding | None) -> Change:
    change = Change(
        rule, transcript.call_id, old.verdict if old else None, new.verdict if new else None, old.value if old else None,
        new.value if new else None, old.reason if old else "", new.reason if new else "")
    place = _place(old.evidence if old else (), new.evidence if new else ())
    if place is None:
        return change
    text = place.text
    if place.turn is not None and 0 <= place.turn < len(transcript.turns):
        text = transcript.turns[place.turn].text
    heard_by = "after" if new is not None and place in new.evidence else "before"
    return replace(change, turn=place.turn, speaker=place.speaker, start=place.start, text=text, heard=place.text,
                   heard_by=heard_by)


def _place(old: Sequence[Evidence], new: Sequence[Evidence]) -> Evidence | None:
    """Evidence that only one draft has, the new draft's first; else what both rest on."""
    before, after = ({(piece.turn, piece.text) for piece in pieces} for pieces in (old, new))
    fresh = [piece for piece in new if (piece.turn, piece.text) not in before]
    gone = [piece for piece in old if (piece.turn, piece.text) not in after]
    return next(iter([*fresh, *gone, *new]), None)


@dataclass
class Scores:
    """How the scores of many calls move. `bands` counts calls by band before and after, None: not scored."""

    calls: int = 0
    up: int = 0
    down: int = 0
    scored: int = 0
    sum_before: float = 0.0
    sum_after: float = 0.0
    newly_fatal: int = 0
    no_longer_fatal: int = 0
    bands: Counter[tuple[Band | None, Band | None]] = field(default_factory=Counter)

    def add(self, before: Standing, after: Standing) -> None:
        self.calls += 1
        self.bands[before.band, after.band] += 1
        self.newly_fatal += after.fatal and not before.fatal
        self.no_longer_fatal += before.fatal and not after.fatal
        if before.score is None or after.score is None:
            return
        self.scored += 1
        self.sum_before += before.score
        self.sum_after += after.score
        self.up += after.score > before.score
        self.down += after.score < before.score

    @property
    def means(self) -> tuple[float, float] | None:
        """Mean score before and after, over the calls that have both."""
        return (self.sum_before / self.scored, self.sum_after / self.scored) if self.scored else None

    @property
    def moved(self) -> list[tuple[Band | None, Band | None, int]]:
        """Bands that calls left, for which, and how many, the most first."""
        return [(old, new, count) for (old, new), count in self.bands.most_common() if old != new]


@dataclass
class OfRule:
    """`hits_before`, `hits_after`: calls in which the rule failed or, a signal, was found."""

    hits_before: int = 0
    hits_after: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    examples: dict[Kind, list[Change]] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        self.kinds[change.kind] += 1
        held = self.examples.setdefault(change.kind, [])
        if len(held) < EXAMPLES and not any(one.text == change.text != "" for one in held):
            held.append(change)

    @property
    def changed(self) -> int:
        return sum(self.kinds.values())


@dataclass
class OfAgent:
    name: str | None = None
    changed: int = 0        # calls with a finding or score that differs
    scores: Scores = field(default_factory=Scores)
    rules: Counter[str] = field(default_factory=Counter)


class Backtest:
    """The sum of compared calls. `agents` is by agent_id, "" for calls that name none."""

    def __init__(self) -> None:
        self.changed = 0
        self.other_form = 0
        self.scores = Scores()
        self.rules: dict[str, OfRule] = {}
        self.agents: dict[str, OfAgent] = {}
        self._shifted: list[Compared] = []

    def add(self, call: Compared) -> None:
        differs = bool(call.changes) or call.before != call.after
        self.changed += differs
        self.other_form += call.before.form != call.after.form
        self.scores.add(call.before, call.after)
        for rule in call.hits_before:
            self._rule(rule).hits_before += 1
        for rule in call.hits_after:
            self._rule(rule).hits_after += 1
        for change in call.changes:
            self._rule(change.rule).add(change)
        agent = self.agents.setdefault(call.agent_id or "", OfAgent())
        agent.name = agent.name or call.agent_name
        agent.changed += differs
        agent.scores.add(call.before, call.after)
        agent.rules.update({change.rule for change in call.changes})
        if call.shift:
            self._shifted.append(call)
            if len(self._shifted) > 50 * SHIFTED:
                self._shifted = self.shifted

    def extend(self, calls: Iterable[Compared]) -> Backtest:
        for call in calls:
            self.add(call)
        return self

    def _rule(self, rule: str) -> OfRule:
        return self.rules.setdefault(rule, OfRule())

    @property
    def findings(self) -> int:
        """Findings that differ, over all calls."""
        return sum(rule.changed for rule in self.rules.values())

    @property
    def changed_rules(self) -> dict[str, OfRule]:
        """Rules with changes, those with most first."""
        changed = [(name, rule) for name, rule in self.rules.items() if rule.changed]
        return dict(sorted(changed, key=lambda one: (-one[1].changed, one[0])))

    @property
    def changed_agents(self) -> dict[str, OfAgent]:
        """Agents with changed calls, those with most first."""
        changed = [(name, agent) for name, agent in self.agents.items() if agent.changed]
        return dict(sorted(changed, key=lambda one: (-one[1].changed, one[0])))

    @property
    def shifted(self) -> list[Compared]:
        """The calls whose score moved most, the widest first."""
        return sorted(self._shifted, key=lambda call: (-abs(call.shift), call.call_id))[:SHIFTED]

    def as_dict(self) -> dict[str, Any]:
        """Everything for JSON."""
        return {
            "calls": self.scores.calls, "calls_changed": self.changed, "findings_changed": self.findings,
            "calls_on_another_form": self.other_form, "scores": _scores(self.scores),
            "rules": {name: {
                "hits_before": rule.hits_before, "hits_after": rule.hits_after, "changed": rule.changed,
                "kinds": [{"before": kind[0], "after": kind[1], "calls": count,
                           "examples": [asdict(one) for one in rule.examples[kind]]}
                          for kind, count in rule.kinds.most_common()]} for name, rule in self.changed_rules.items()},
            "agents": [{"agent_id": name or None, "agent_name": agent.name, "calls": agent.scores.calls,
                        "calls_changed": agent.changed, "scores": _scores(agent.scores),
                        "rules": dict(agent.rules.most_common())}
                       for name, agent in self.changed_agents.items()],
            "shifted": [{"call_id": call.call_id, "agent_id": call.agent_id, "score_before": call.before.score,
                         "score_after": call.after.score, "rules": [change.rule for change in call.changes]}
                        for call in self.shifted]}


def _scores(scores: Scores) -> dict[str, Any]:
    means = scores.means
    return {"up": scores.up, "down": scores.down, "mean_before": round(means[0], 2) if means else None,
            "mean_after": round(means[1], 2) if means else None, "newly_fatal": scores.newly_fatal,
            "no_longer_fatal": scores.no_longer_fatal,
            "bands": [{"before": old, "after": new, "calls": count} for old, new, count in scores.moved]}
