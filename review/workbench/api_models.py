"""What the API takes and gives: the schemas of its OpenAPI description. Times are ISO 8601 in UTC."""
from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from store.reviews.schema import Appeal, Card, Item

Verdict = Literal["pass", "fail", "not_applicable"]
State = Literal["open", "claimed", "published", "appealed", "final"]


class Message(BaseModel):
    """Why a request was not done."""

    message: str


class CardLine(BaseModel):
    """A call as the queue lists it. `machine_score` is the draft's, `score` the reviewer's or, after an appeal, the final one."""

    model_config = ConfigDict(from_attributes=True)

    call_id: str
    started_at: str | None
    agent_id: str | None
    agent_name: str | None
    team: str | None
    line: str | None
    duration: float | None = Field(description="seconds")
    form: str
    state: State
    picked: Literal["risk", "random"] = Field(description="why it is here: triage, or the unbiased sample")
    triage: float = Field(description="the higher, the sooner it should be heard")
    reasons: list[str]
    fatal: bool
    complaint: bool
    unsure: int = Field(description="items the rules could not decide")
    machine_score: float | None
    machine_band: str | None
    score: float | None
    band: str | None
    version: int = Field(description="changes must name it; it rises with every change")
    published_at: datetime | None
    appeal_until: datetime | None


class Page(BaseModel):
    """Some calls, and the number of all that match."""

    total: int
    page: int
    pages: int
    cards: list[CardLine]


class Evidence(BaseModel):
    """Where a verdict comes from. Times in seconds of the call, `turn` an index into the transcript's turns."""

    model_config = ConfigDict(from_attributes=True)

    rule: str
    turn: int | None
    speaker: str | None
    start: float | None
    end: float | None
    text: str
    match: str
    confidence: float


class CardItem(BaseModel):
    """A line of the card with its three values. Null where nobody has said yet; `final` after the appeals' end."""

    item: str
    title: str
    section: str
    max_points: float
    rules: list[str]
    machine: str
    machine_points: float | None
    confidence: float
    human: str | None
    human_points: float | None
    reason: str
    final: str | None
    final_points: float | None
    evidence: list[Evidence]


class Turn(BaseModel):
    """Who said what when, personal data hidden."""

    model_config = ConfigDict(from_attributes=True)

    speaker: str
    text: str
    start: float | None
    end: float | None


class AppealOut(BaseModel):
    """An agent's appeal against an item. `granted` is null until a supervisor has decided."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    call_id: str
    item: str
    at: datetime
    text: str
    granted: bool | None
    answer: str
    decided_at: datetime | None


class CardOut(BaseModel):
    """A call's whole card."""

    card: CardLine
    comment: str
    items: list[CardItem]
    appeals: list[AppealOut]
    transcript: list[Turn]


class Standing(BaseModel):
    """How far a card is judged after a change."""

    version: int
    score: float | None
    band: str | None
    fatal: bool
    undecided: int


class Corrections(Standing):
    """How the card stands after a correction; `changed` are the items whose machine verdict is now another."""

    changed: list[str]


class JudgedIn(BaseModel):
    """A verdict on one item. `reason` is needed where it differs from the machine's."""

    verdict: Verdict
    points: float | None = Field(default=None, ge=0, description="where the item is worth something between nothing and all")
    reason: str = Field(default="", max_length=2000)


class ReviewIn(BaseModel):
    """Verdicts to keep, against the version of the card they were made upon."""

    version: int
    items: dict[str, JudgedIn] = Field(default={}, max_length=200)
    comment: str | None = Field(default=None, max_length=4000)


class PublishIn(BaseModel):
    version: int


class AppealIn(BaseModel):
    item: str = Field(max_length=80)
    text: str = Field(min_length=1, max_length=4000)


class DecisionIn(BaseModel):
    """The supervisor's word. `verdict` is the item's from now on; null upholds what the reviewer said."""

    verdict: Verdict | None
    answer: str = Field(min_length=1, max_length=4000)


def line_of(card: Card) -> CardLine:
    return CardLine.model_validate(card)


def appeal_of(appeal: Appeal) -> AppealOut:
    return AppealOut.model_validate(appeal)


def item_of(item: Item, section: str, evidence: list[Evidence]) -> CardItem:
    return CardItem(
        item=item.item, title=item.title, section=section, max_points=item.max_points, rules=list(item.rules),
        machine=item.machine_verdict, machine_points=item.machine_points, confidence=item.machine_confidence,
        human=item.human_verdict, human_points=item.human_points, reason=item.reason, final=item.final_verdict,
        final_points=item.final_points, evidence=evidence)
