"""What a rule file may say: the author's view of a rule. `rules/compiling.py` makes of it what is executed.

Unknown fields are refused; `docs/rules.md` explains every field with examples.
"""
from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from records import Call

Who = Literal["agent", "customer", "any"]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def known_field(name: str) -> str:
    """A field of a call's metadata; raises ValueError for another word."""
    if name not in Call.model_fields:
        raise ValueError(f"{name} is no field of a call; there are {', '.join(Call.model_fields)}")
    return name


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
    hit: Literal["first", "last", "every", "any"] | int = "any"
    within: Span | None = None
    same_turn: bool = Field(default=True, description="whether the anchor's own turn belongs to the window")

    @field_validator("hit", mode="before")
    @classmethod
    def _which(cls, value: Any) -> Any:
        if value not in ("first", "last", "every", "any") and not (type(value) is int and value >= 1):
            raise ValueError("hit is first, last, any, every, or a number from 1")
        return value


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

    @model_validator(mode="after")
    def _some(self) -> Condition:
        if not (self.direction or self.has or self.times or self.rule or self.operator):
            raise ValueError("a condition needs direction, has, times, rule or operator")
        if self.verdict and not self.rule:
            raise ValueError("verdict belongs to rule: whose verdict is meant?")
        for name in self.has:
            known_field(name)
        return self


class Count(Entry):
    at_least: int | None = Field(default=None, ge=1)
    at_most: int | None = Field(default=None, ge=0)
    distinct: Literal["hits", "turns"] = "hits"

    @model_validator(mode="after")
    def _possible(self) -> Count:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"no number is at least {self.at_least} and at most {self.at_most}; change one of them")
        return self


class Rate(Entry):
    """Hits a minute of the speaker's own speech."""

    at_most: float = Field(gt=0)
    review_from: float | None = Field(default=None, description="between this and at_most the verdict needs review")

    @model_validator(mode="after")
    def _below(self) -> Rate:
        if self.review_from is not None and self.review_from >= self.at_most:
            raise ValueError(f"review_from {self.review_from:g} is not below at_most {self.at_most:g}; lower it")
        return self


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

    @model_validator(mode="after")
    def _in_order(self) -> Effective:
        if self.since and self.until and self.since > self.until:
            raise ValueError(f"until {self.until} is before since {self.since}; exchange them")
        return self


class Override(Entry):
    """What a business line or an organisation may have otherwise."""

    enabled: bool = True
    severity: Literal["minor", "major", "fatal"] | None = None
    where: Where | None = None
    decide: Decide | None = None
    limits: dict[str, float] = {}

    @model_validator(mode="after")
    def _something(self) -> Override:
        if self.enabled and not (self.severity or self.where or self.decide or self.limits):
            raise ValueError("nothing is otherwise here; give enabled: false, limits, where, decide or severity")
        return self

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        """`where: opening`."""
        return value | {"where": {"window": value["where"]}} if isinstance(value, dict) and isinstance(
            value.get("where"), str) else value


class Example(Entry):
    """One sentence of the rule's speaker, or a small dialogue ("A: …" agent, "C: …" customer), with metadata if need be."""

    say: str = Field(min_length=1)
    before: str | None = None
    after: str | None = None
    call: dict[str, Any] = {}

    @field_validator("call")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            known_field(name)
        return value


Said = Annotated[Annotated[str, Field(min_length=1), Tag("sentence")] | Annotated[Example, Tag("example")],
                 Discriminator(lambda said: "sentence" if isinstance(said, str) else "example")]


class Examples(Entry):
    passing: list[Said] = Field(default=[], alias="pass")
    failing: list[Said] = Field(default=[], alias="fail")
    known_miss: list[Said] = []


class Rule(Entry):
    """One rule as written in a rule file."""

    id: str = Field(pattern=r"^[a-z]+(\.[a-z_]+)+$")
    title: str = Field(min_length=1)
    title_en: str = Field(default="", description="the title on English pages")
    kind: Literal["check", "signal", "taboo"]
    who: Who
    why: str = Field(min_length=1)
    source: list[str]
    severity: Literal["minor", "major", "fatal"] = "major"
    status: Literal["experimental", "stable", "deprecated"] = Field(
        default="stable", description="experimental: told but takes no points; deprecated: not asked any more")
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
            if isinstance(value.get("find"), str):
                raise ValueError(f"find is a list of phrases or a part: write find: [{value['find']}]")
        return value

    @model_validator(mode="after")
    def _decidable(self) -> Rule:
        elsewhere = self.decide is not None and (self.decide.operator or self.decide.sequence)
        if self.find is None and not self.like and not elsewhere:
            raise ValueError("nothing decides this rule; give find, like, or decide with an operator or a sequence")
        if both := sorted(set(self.like) & set(self.unlike)):
            raise ValueError(f"{both[0]!r} stands in like and in unlike; delete one")
        return self
