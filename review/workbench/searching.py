"""A page of the calls that a rule struck, or in which words were said, in the order of the list and narrowed by its other filters.

Two ways lead there, and each is slow where the other is quick. What many calls have is met soon by looking into the list's calls from
its top, while looking up all that have it and sorting them costs by their number; what is rarer is looked up. A common word can
still be missing at the top (complaints stand there, and few farewells), so the list is read to a bounded depth and then given up.

A single character stands in no index, and to look it up is to read what was said in every call. It is looked for in the first FAR calls
of the list and nowhere else, and the page says so.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from store.reviews import said
from store.reviews.schema import Card, Hit

DEEP = 2000         # calls of the list looked into, a page: some 20 ms
FAR = 10_000        # the same where nothing can be looked up: some 100 ms
MANY = 999          # calls counted: more are sorted and paged through by nobody, and shown as 999+


@dataclass(frozen=True)
class Condition:
    """Something asked of a call that stands beside its card."""

    anywhere: ColumnElement[bool]                                           # on `Card`: all calls that have it are looked up
    inside: Callable[[ColumnElement[str] | InstrumentedAttribute[str]], ColumnElement[bool]]     # the call of that id is looked into
    common: bool                                                            # more than said.COMMON calls have it
    indexed: bool = True                                                    # else `anywhere` reads every text


@dataclass(frozen=True)
class Found:
    """`rows` of the page; `total` calls found, and whether there are `more` that nobody counted. `only` tells how many calls of the
    list were looked into where it goes on below them."""

    rows: list[Card]
    total: int
    more: bool
    only: int | None = None


def conditions(session: Session, rule: str, words: str) -> list[Condition]:
    """What these filters ask for; an empty one asks for nothing. Raises Problem where words cannot be searched."""
    found = []
    if rule:
        struck = select(Hit.call_id).where(Hit.rule == rule)
        common = session.scalar(select(func.count()).select_from(struck.limit(said.COMMON + 1).subquery())) == said.COMMON + 1
        found.append(Condition(Card.call_id.in_(struck), lambda call_id: struck.where(Hit.call_id == call_id).exists(), common))
    if asked := said.asked(session, words):
        found.append(Condition(asked.anywhere, asked.inside, asked.common, asked.indexed))
    return found


def looked_up(asked: list[Condition]) -> ColumnElement[bool]:
    """All conditions as one on `Card`; beside a rare one, whose calls are few, the common ones are looked for in those."""
    rare = any(not one.common for one in asked)
    return and_(*(one.inside(Card.call_id) if rare and one.common else one.anywhere for one in asked))


def unindexed(asked: list[Condition]) -> bool:
    """Whether no condition can be looked up, or only such as very many calls meet, beside a single character."""
    return all(one.common for one in asked) and not all(one.indexed for one in asked)


def page(session: Session, narrowed: Select[Any], by: InstrumentedAttribute[Any], asked: list[Condition], number: int, size: int) -> Found:
    """Page `number` (from 1, `size` calls each) of the cards of the query `narrowed` that meet the conditions, the highest `by` first."""
    first, past = size * (number - 1), size * number
    common = all(one.common for one in asked)
    deep = max(FAR if unindexed(asked) else DEEP, 4 * past)
    ids, more = _from_the_top(session, narrowed, by, asked, deep) if common else ([], True)
    if unindexed(asked):
        return Found(_rows(session, ids[first:past]), len(ids), False, deep if more else None)
    if more and len(ids) < past:
        enough = max(MANY, past)
        there = narrowed.with_only_columns(Card.call_id).where(looked_up(asked)).order_by(by.desc(), Card.call_id)
        ids = list(session.scalars(there.limit(enough + 1)))
        ids, more = ids[:enough], len(ids) > enough
    return Found(_rows(session, ids[first:past]), len(ids), more)


def _rows(session: Session, ids: list[str]) -> list[Card]:
    """The cards in this order."""
    wanted = {call_id: place for place, call_id in enumerate(ids)}
    rows = session.scalars(select(Card).where(Card.call_id.in_(wanted))).all() if wanted else []
    return sorted(rows, key=lambda row: wanted[row.call_id])


def _from_the_top(session: Session, narrowed: Select[Any], by: InstrumentedAttribute[Any], asked: list[Condition],
                  deep: int) -> tuple[list[str], bool]:
    """The calls found in the first `deep` of the list, and whether the list goes on."""
    top = narrowed.with_only_columns(Card.call_id, by.label("by")).order_by(by.desc(), Card.call_id).limit(deep).subquery()
    met = case((and_(*(one.inside(top.c.call_id) for one in asked)), literal(1)), else_=literal(0))
    looked = session.execute(select(top.c.call_id, met).order_by(top.c.by.desc(), top.c.call_id)).tuples().all()
    return [call_id for call_id, there in looked if there], len(looked) == deep
