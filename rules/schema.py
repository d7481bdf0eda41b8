"""What a rule file may say: the author's view of a rule. `rules/compiling.py` makes of it what is executed.

Unknown fields are refused; `docs/rules.md` explains every field with examples.
"""
from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Who = Literal["agent", "customer", "any"]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(Entry):
    """A distance: both limits hold where both are given. Turns count all speakers' turns; seconds need times."""

    turns: int | None = Field(default=None, ge=0)
    seconds: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _some(self) -> Span:
        if self.turns is None and self.seconds is None:
            raise ValueError("give turns, seconds or both")
        return self


class Anchor(Entry):
    """A window beside another rule's hit: `hit` is first, last, every, any or a number from 1."""

    rule: str
    hit: Literal["first", "last", "every", "any"] | Annotated[int, Field(ge=1)] = "any"
    within: Span | None = None
    same_turn: bool = Field(default=True, description="whether the anchor's own turn belongs to the window")


class Where(Entry):
    """The window of a call that is looked into; with several fields all must hold."""

    window: Literal["opening", "closing", "anywhere"] | None = None
    first: Span | None = None
    last: Span | None = None
    after: Anchor | None = None
    before: Anchor | None = None
    around: Anchor | None = None


class Part(Entry):
    """Something to be found in one turn, or a group (`any`, `all`, `none`, `at_least` of `any`) of such parts."""

    name: str | None = None
    phrases: list[str] = []
    sounds: bool = Field(default=True, description="also by sound, with less confidence")
    regex: str | None = Field(default=None, description="RE2, on the light text (punctuation kept, Arabic digit runs)")
    slots: list[str] = Field(default=[], description="a slot's value alone is enough")
    words: list[list[dict[str, Any]]] = Field(default=[], description="spaCy Matcher patterns over jieba's words")
    candidates: list[str] = Field(default=[], description="phrases one of which a turn needs before `words` is tried")
    weak: bool = False
    confidence: float | None = Field(default=None, gt=0, le=1)
    who: Who | None = None
    any: list[Part] = []
    all: list[Part] = []
    none: list[Part] = []
    at_least: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _something(self) -> Part:
        leaf = bool(self.phrases or self.regex or self.slots or self.words)
        group = bool(self.any or self.all or self.none)
        if leaf and group:
            raise ValueError("a part either finds something itself (phrases, regex, slots, words) or groups parts, not both")
        if not leaf and not group:
            raise ValueError("nothing to find; give phrases, regex, slots, words or a group any/all/none")
        if self.none and not (self.any or self.all):
            raise ValueError("none alone matches every turn; put any or all beside it")
        if self.words and not self.candidates:
            raise ValueError("words needs candidates: phrases without which a turn is not segmented")
        return self


class Repair(Entry):
    """What takes a hit back when it follows: another rule's hit or phrases, by the same speaker, in the same turn too."""

    rule: str | None = None
    phrases: list[str] = []
    within: Span = Span(turns=2)

    @model_validator(mode="after")
    def _something(self) -> Repair:
        if not self.rule and not self.phrases:
            raise ValueError("give rule or phrases")
        return self


class Unless(Entry):
    """When a hit is none."""

    quoted: bool = Field(default=False, description="someone else's words: after 您说, 他说, 所谓 …, or in quotation marks")
    negated: bool = Field(default=False, description="不, 没, 别, 无需 … within 3 characters before")
    question: bool = Field(default=False, description="the sentence goes on to a question mark, 吗, 呢 or 没有 at its end")
    before: list[str] = Field(default=[], description="phrases at most 6 characters before the hit, or reaching into it")
    after: list[str] = Field(default=[], description="phrases beginning at most 6 characters after the hit, or inside it")
    turn: list[str] = Field(default=[], description="phrases anywhere in the turn")
    previous: list[str] = Field(default=[], description="phrases in the turn before, whoever speaks")
    next: list[str] = Field(default=[], description="phrases in the turn after, whoever speaks")
    hit_of: list[str] = Field(default=[], description="a turn where one of these rules has a hit")
    repair: Repair | None = None


class Condition(Entry):
    """A need without which the rule is `not_applicable`; `reason` is what the scorecard says then."""

    direction: Literal["inbound", "outbound"] | None = None
    has: list[str] = Field(default=[], description="metadata fields that must be there")
    times: bool = Field(default=False, description="turns need start and end")
    rule: str | None = None
    verdict: list[Literal["pass", "fail", "not_applicable", "needs_review", "found", "none"]] = []
    operator: str | None = None
    reason: str = ""


class Count(Entry):
    at_least: int | None = Field(default=None, ge=1)
    at_most: int | None = Field(default=None, ge=0)
    distinct: Literal["hits", "turns"] = "hits"


class Rate(Entry):
    """Hits a minute of the speaker's own speech."""

    at_most: float = Field(gt=0)
    review_from: float | None = Field(default=None, description="between this and at_most the verdict needs review")


class Each(Entry):
    """For every hit of `of` there must be a hit of this rule within `within` after (or before, or around) it."""

    of: str
    side: Literal["after", "before", "around"] = "after"
    within: Span


class Step(Entry):
    rule: str
    within: Span | None = None


class Decide(Entry):
    """How hits become a verdict; without it one hit in the window is enough (check: pass, taboo: fail, signal: found)."""

    count: Count | None = None
    rate: Rate | None = None
    each: Each | None = None
    sequence: list[Step] = []
    operator: str | None = None
    params: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one(self) -> Decide:
        if sum(map(bool, (self.count, self.rate, self.each, self.sequence, self.operator))) != 1:
            raise ValueError("give exactly one of count, rate, each, sequence, operator")
        if self.params and not self.operator:
            raise ValueError("params belong to an operator")
        return self


class Effective(Entry):
    since: date | None = None
    until: date | None = None


class Override(Entry):
    """What a business line or an organisation may have otherwise."""

    enabled: bool = True
    severity: Literal["minor", "major", "fatal"] | None = None
    where: Where | None = None
    decide: Decide | None = None
    limits: dict[str, float] = {}


class Example(Entry):
    """One sentence of the rule's speaker, or a small dialogue ("A: …" agent, "C: …" customer), with metadata if need be."""

    say: str
    before: str | None = None
    after: str | None = None
    call: dict[str, Any] = {}


class Examples(Entry):
    passing: list[str | Example] = Field(default=[], alias="pass")
    failing: list[str | Example] = Field(default=[], alias="fail")
    known_miss: list[str | Example] = []


class Rule(Entry):
    """One rule as written in a rule file."""

    id: str = Field(pattern=r"^[a-z]+(\.[a-z_]+)+$")
    title: str = Field(min_length=1)
    kind: Literal["check", "signal", "taboo"]
    who: Who
    why: str = Field(min_length=1)
    source: list[str]
    severity: Literal["minor", "major", "fatal"] = "major"
    status: Literal["experimental", "stable", "deprecated"] = "experimental"
    effective: Effective = Effective()
    applies: list[Condition] = []
    where: Where = Where()
    find: Part | None = None
    unless: Unless = Unless()
    meaning: bool | None = Field(default=None, description="whether the trained layer is asked too; by default unless an "
                                                           "operator decides the rule")
    like: list[str] = []
    unlike: list[str] = []
    decide: Decide | None = None
    limits: dict[str, float] = Field(default={}, description="numbers that an installation may change")
    lines: dict[str, Override] = Field(default={}, description="what business lines have otherwise, by the call's `line`")
    organisations: dict[str, Override] = Field(default={}, description="what single organisations have otherwise; goes "
                                                                        "before lines")
    coach: str = ""
    notes: str = ""
    examples: Examples = Examples()

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        """`where: opening` and `find: [phrases …]`."""
        if isinstance(value, dict):
            value = dict(value)
            if isinstance(value.get("where"), str):
                value["where"] = {"window": value["where"]}
            if isinstance(value.get("find"), list):
                value["find"] = {"phrases": value["find"]}
        return value

    @model_validator(mode="after")
    def _decidable(self) -> Rule:
        elsewhere = self.decide is not None and (self.decide.operator or self.decide.sequence)
        if self.find is None and not self.like and not elsewhere:
            raise ValueError("nothing decides this rule; give find, like, or decide with an operator or a sequence")
        return self
