"""Numbers open the calls behind them: what the queue's address says beyond its form's fields, and how a page writes such an address.

A figure counts what its reader may see and what it says: a week's reviews, an item's last 200, a reviewer's of today. Its link has to
ask for the same, so both are written here.
"""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, select, true

from insight.trends import LONG_CALL, LOW_SCORE
from review.workbench.rights import may
from store.reviews import blind
from store.reviews.schema import Card, Item, Person

# How a card's item came out.
WAS: dict[str, ColumnElement[bool]] = {
    "fail": Item.final_verdict == "fail", "judged": Item.final_verdict.in_(("pass", "fail")),
    "alarm": (Item.machine_verdict == "fail") & (Item.human_verdict == "pass"),
    "missed": (Item.machine_verdict == "pass") & (Item.human_verdict == "fail"), "reviewed": Item.human_verdict.is_not(None),
    "decided": (Item.machine_verdict != "needs_review") & Item.human_verdict.is_not(None), "agreed": Item.machine_verdict == Item.human_verdict,
    "overruled": (Item.machine_verdict != "needs_review") & (Item.human_verdict != Item.machine_verdict)}

# With what a rule or words come together (insight/trends.py); the machine's draft counts.
OUTCOMES: dict[str, ColumnElement[bool]] = {
    "low_score": Card.machine_score < LOW_SCORE, "complaint": Card.complaint.is_(True), "long_call": Card.duration > LONG_CALL}

Name = Annotated[str, Field(max_length=64)]


class Behind(BaseModel):
    """What lies behind a figure; everything may be missing, and what is unknown asks for nothing.

    `item` and `was` go together; "overruled" alone means any item. `published_since` and `published_until` (not included) are moments,
    `holder` and `assigned` ids of people who have a call in hand or to do, `kind` is recording, live or side_by_side, `outcome` one of
    OUTCOMES."""

    model_config = ConfigDict(extra="ignore")

    item: str = ""
    was: str = ""
    final: str = ""
    kind: Name = ""
    outcome: Name = ""
    holder: Name = ""
    assigned: Name = ""
    published_since: Name = ""
    published_until: Name = ""


def narrowed(query: Select[Any], asked: Behind) -> Select[Any]:
    """A query over cards narrowed to what `asked` says."""
    if asked.final:
        query = query.where(Card.band == asked.final)
    if asked.was in WAS and (asked.item or asked.was == "overruled"):
        # Asked card by card where it is any item: the many items of a year are not gone through for one reviewer's cards.
        of = Item.item == asked.item if asked.item else Item.bonus.is_(None) & (Item.call_id == Card.call_id)
        found = select(Item.call_id).where(of, WAS[asked.was])
        query = query.where(Card.call_id.in_(found) if asked.item else found.exists())
    if asked.kind:
        query = query.where(Card.kind == asked.kind)
    if asked.outcome in OUTCOMES:
        query = query.where(OUTCOMES[asked.outcome])
    if asked.holder.isdecimal():
        query = query.where(Card.state == "claimed", Card.holder_id == int(asked.holder))
    if asked.assigned.isdecimal():
        query = query.where(Card.assigned_to == int(asked.assigned))
    if since := moment_of(asked.published_since):
        query = query.where(Card.published_at >= since)
    if until := moment_of(asked.published_until):
        query = query.where(Card.published_at < until)
    return query


def seen(person: Person) -> ColumnElement[bool]:
    """The cards that a figure may count for `person`: those that the queue shows them, so that number and list agree."""
    team = Card.team == person.team if person.role == "team_leader" else true()
    return team & blind.not_hidden(person.id) if may(person, "review") else team


def queue_of(**asked: Any) -> str:
    """The address of the queue with just these calls; of any choice and reviewed, unless something else is said. None and "" ask for
    nothing, moments are written in UTC."""
    told = {"picked": "", "state": "done"} | {name: written(value) for name, value in asked.items() if value not in (None, "")
                                              or name in ("picked", "state")}
    return f"/queue?{urlencode(told, quote_via=quote)}"


def written(value: Any) -> str:
    """A value of an address; a moment to the microsecond, since figures stop at one review and not the next."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else str(value)


def local(text: str) -> str:
    """A moment of an address as a person reads it, in the time of this place; what is none stays as it is."""
    moment = moment_of(text)
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else text


def moment_of(text: str) -> datetime | None:
    """A moment as `written` writes it; None for nothing and for what is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None
