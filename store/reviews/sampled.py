"""The queue follows a sampling plan: which of its cards are the random sample."""
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from store.reviews.schema import Card

AT_ONCE = 500           # ids in one statement; SQLite takes no more than some thousands of values


def mark(session: Session, first: str, last: str, random: Sequence[str]) -> tuple[int, int]:
    """Of the recordings of these days that nobody has begun, those in `random` become the random sample and all others risk-picked.
    Gives how many of the two kinds there are among them now. What is claimed or published keeps what it was picked for."""
    waiting = (Card.day >= first, Card.day <= last, Card.state == "open", Card.kind == "recording")
    session.execute(update(Card).where(*waiting, Card.picked == "random").values(picked="risk", version=Card.version + 1))
    for start in range(0, len(random), AT_ONCE):
        session.execute(update(Card).where(*waiting, Card.call_id.in_(random[start:start + AT_ONCE]))
                        .values(picked="random", version=Card.version + 1))
    counts = dict(session.execute(select(Card.picked, func.count()).where(*waiting).group_by(Card.picked)).tuples().all())
    return counts.get("random", 0), counts.get("risk", 0)
