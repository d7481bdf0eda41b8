"""Cards of calls that were heard live or sitting beside the agent: no recording, every item judged by hand."""
from __future__ import annotations

import zlib
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store.reviews import audit
from store.reviews.cards import HELD, Conflict
from store.reviews.schema import Card, Item, Person
from store.reviews.standing import halted

KINDS = ("live", "side_by_side")


def begin(session: Session, person: Person, card: Card, items: Iterable[Item], draft: str, due_at: datetime) -> Card:
    """Puts the card into the hands of `person`, who fills it. `draft` is the empty draft as JSON."""
    if why := halted(session, person.id):
        raise Conflict(why)
    now = datetime.now(UTC)
    card.state, card.holder_id, card.held_until, card.due_at = "claimed", person.id, now + HELD, due_at
    card.draft = zlib.compress(draft.encode())
    session.add(card)
    session.flush()
    session.add_all(items)
    audit.note(session, person.login, "card.begun", card.call_id, kind=card.kind, agent=card.agent_id)
    return card


def drop(session: Session, person: Person, card: Card) -> None:
    """Takes away a card on which nothing was judged: there is no call that it belongs to."""
    session.execute(delete(Item).where(Item.call_id == card.call_id))
    session.delete(card)
    audit.note(session, person.login, "card.dropped", card.call_id, kind=card.kind)


def agent(session: Session, agent_id: str) -> tuple[str | None, str | None] | None:
    """Name and team of an agent, as the newest call tells them, else as the person who signs in; None for nobody known."""
    told = session.execute(select(Card.agent_name, Card.team).where(Card.agent_id == agent_id).order_by(Card.day.desc()).limit(1)).first()
    if told is None:
        told = session.execute(select(Person.name, Person.team).where(Person.agent_id == agent_id).limit(1)).first()
    return (told[0], told[1]) if told else None
