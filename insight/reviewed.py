"""Reviewed cards of the review database as frames, to be joined with the lake's tables. Only what is published counts."""
from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from store.reviews.schema import PUBLISHED, Card, Item, Person

CARDS: dict[str, Any] = {
    "call_id": pl.String, "day": pl.String, "agent_id": pl.String, "agent_name": pl.String, "team": pl.String,
    "picked": pl.String, "state": pl.String, "score": pl.Float64, "band": pl.String, "reviewer": pl.String,
    "published_at": pl.Datetime("us", "UTC")}
ITEMS: dict[str, Any] = {
    "call_id": pl.String, "day": pl.String, "draft_version": pl.String, "item": pl.String, "title": pl.String,
    "rules": pl.List(pl.String), "machine": pl.String, "human": pl.String, "final": pl.String, "confidence": pl.Float64,
    "reason": pl.String, "published_at": pl.Datetime("us", "UTC")}


def cards(session: Session, first: date | None = None, last: date | None = None) -> pl.DataFrame:
    """Published cards of calls made from `first` to `last`, with the columns of CARDS, by call_id."""
    query = (select(Card.call_id, Card.day, Card.agent_id, Card.agent_name, Card.team, Card.picked, Card.state, Card.score, Card.band,
                    Person.login, Card.published_at)
             .outerjoin(Person, Person.id == Card.reviewer_id).where(Card.state.in_(PUBLISHED)).order_by(Card.call_id))
    return _frame(session, _between(query, first, last), CARDS)


def items(session: Session, first: date | None = None, last: date | None = None, decided: bool = False) -> pl.DataFrame:
    """The lines of published cards, with the columns of ITEMS; only what the machine had `decided`, if asked for. Lines beside
    the 100 points are no verdicts."""
    query = (select(Item.call_id, Card.day, Card.draft_version, Item.item, Item.title, Item.rules, Item.machine_verdict,
                    Item.human_verdict, Item.final_verdict, Item.machine_confidence, Item.reason, Card.published_at)
             .join(Card, Card.call_id == Item.call_id)
             .where(Card.state.in_(PUBLISHED), Item.bonus.is_(None)).order_by(Item.call_id, Item.position))
    if decided:
        query = query.where(Item.machine_verdict != "needs_review")
    return _frame(session, _between(query, first, last), ITEMS)


def _between(query: Select[Any], first: date | None, last: date | None) -> Select[Any]:
    if first:
        query = query.where(Card.day >= str(first))
    return query.where(Card.day <= str(last)) if last else query


def _frame(session: Session, query: Select[Any], schema: dict[str, Any]) -> pl.DataFrame:
    rows: Sequence[Any] = session.execute(query).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")
