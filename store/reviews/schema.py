"""The tables of the review database. SQLite (WAL) by default, PostgreSQL when one setting names it.

The lake stays the truth of what was heard and drafted; here stands what people do with it. A row of `card` is a call in the
queue with what filters and sorting need; the whole draft and transcript are read from the lake. Three values of an item are
kept for ever: the machine's and the reviewer's in `item`, the final one there too once an appeal is decided. Times are UTC.
"""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from store.reviews.sealed import SealedBytes, SealedText

ROLES = ("agent", "reviewer", "team_leader", "supervisor", "analyst", "administrator")
PUBLISHED = ("published", "appealed", "final")
"""States of a card that the agent sees; before them it is `open` or `claimed`."""
WAITS = text("state IN ('open', 'claimed')")    # as a text, so that the index of what waits is known to fit
APPEALED = text("state = 'appealed'")
REVIEWED = text("published_at IS NOT NULL")


class Moment(TypeDecorator[datetime]):
    """A time in UTC. SQLite keeps no offset, so none is stored, and what comes back is aware again in both databases."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


class Base(DeclarativeBase):
    type_annotation_map: dict[Any, Any] = {datetime: Moment, list[str]: JSON}  # noqa: RUF012


class Person(Base):
    """Who may sign in. `agent_id` ties an agent to the calls; `team` a leader to theirs. No row is ever deleted."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    team: Mapped[str | None] = mapped_column(String(64))
    agent_id: Mapped[str | None] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(2), default="zh")
    password_hash: Mapped[str | None] = mapped_column(String(256))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime]


class Ticket(Base):
    """A session or a one-time link: only the SHA-256 of the secret is kept, so that a stolen database opens nothing."""

    __tablename__ = "ticket"
    secret_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))            # session, link
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Attempt(Base):
    """Failed sign-ins, for throttling by name and by address."""

    __tablename__ = "attempt"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(80), index=True)
    at: Mapped[datetime]


class Card(Base):
    """A call in the queue. `version` rises with every change: a save that names an older one is refused, never merged.

    `picked`: why it is here, "risk" (triage) or "random" (the unbiased sample, kept apart in every average).
    `draft_version` names the rules that made the draft; `holder_id` claims the call until `held_until`. `draft` is kept from
    the claim on: rules may change afterwards, but what the reviewer was shown stays.
    """

    __tablename__ = "card"
    call_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    started_at: Mapped[str | None] = mapped_column(String(40))
    day: Mapped[str] = mapped_column(String(10), index=True)
    agent_id: Mapped[str | None] = mapped_column(String(64), index=True)
    agent_name: Mapped[str | None] = mapped_column(String(64))
    team: Mapped[str | None] = mapped_column(String(64), index=True)
    line: Mapped[str | None] = mapped_column(String(64), index=True)
    direction: Mapped[str | None] = mapped_column(String(8))
    duration: Mapped[float | None] = mapped_column(Float)
    form: Mapped[str] = mapped_column(String(64))
    draft_version: Mapped[str] = mapped_column(String(80))
    machine_score: Mapped[float | None] = mapped_column(Float)
    machine_band: Mapped[str | None] = mapped_column(String(20))
    fatal: Mapped[bool] = mapped_column(Boolean)
    complaint: Mapped[bool] = mapped_column(Boolean)
    unsure: Mapped[int] = mapped_column(Integer)            # items the rules could not decide
    triage: Mapped[float] = mapped_column(Float)
    reasons: Mapped[list[str]]
    picked: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(12), default="open")
    version: Mapped[int] = mapped_column(Integer, default=1)
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    held_until: Mapped[datetime | None]
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    published_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]                         # feedback is due: one working day after the review began
    appeal_until: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]                        # the agent acknowledged it
    score: Mapped[float | None] = mapped_column(Float)      # as the reviewer left it, later the final one
    band: Mapped[str | None] = mapped_column(String(20))
    comment: Mapped[str] = mapped_column(SealedText, default="")
    draft: Mapped[bytes | None] = mapped_column(SealedBytes, deferred=True)    # zlib of the JSON that the reviewer saw
    kind: Mapped[str] = mapped_column(String(12), default="recording", server_default="recording")     # or live, side_by_side
    assigned_to: Mapped[int | None] = mapped_column(ForeignKey("person.id", name="card_assigned_to"))
    assigned_on: Mapped[str | None] = mapped_column(String(10))     # the reviewer's day; over, the call goes back to all

    __table_args__ = (
        # Few are held or given at a time; as part-indexes, so that a planner that has seen only empty columns takes them all the same.
        Index("held", "holder_id", sqlite_where=text("holder_id IS NOT NULL"), postgresql_where=text("holder_id IS NOT NULL")),
        Index("assigned", "assigned_to", sqlite_where=text("assigned_to IS NOT NULL"), postgresql_where=text("assigned_to IS NOT NULL")),
        Index("reviewed", "reviewer_id", "published_at"), Index("of_agent", "agent_id", "day"),
        Index("published", "published_at", "agent_id"),      # the agent, so that how often each was heard is counted in it alone
        Index("figures", "day", "band", "picked", "score", "team", "agent_id", "agent_name", "call_id", sqlite_where=REVIEWED, postgresql_where=REVIEWED),
        Index("waiting", "picked", "triage", "call_id", sqlite_where=WAITS, postgresql_where=WAITS),
        Index("waiting_any", "triage", "call_id", sqlite_where=WAITS, postgresql_where=WAITS),
        Index("waiting_band", "machine_band", "triage", "call_id", sqlite_where=WAITS, postgresql_where=WAITS),
        Index("waiting_oldest", "picked", "day", "call_id", sqlite_where=WAITS, postgresql_where=WAITS),    # the random sample is given out so
        Index("under_appeal", "triage", "call_id", sqlite_where=APPEALED, postgresql_where=APPEALED))


class Hit(Base):
    """A rule that failed, is unsure or was found in a call, for the filter by rule."""

    __tablename__ = "hit"
    call_id: Mapped[str] = mapped_column(ForeignKey("card.call_id", ondelete="CASCADE"), primary_key=True)
    rule: Mapped[str] = mapped_column(String(80), primary_key=True, index=True)
    verdict: Mapped[str] = mapped_column(String(16))


class Item(Base):
    """One line of a reviewed card: what the machine drafted, what the human said, what is final."""

    __tablename__ = "item"
    call_id: Mapped[str] = mapped_column(ForeignKey("card.call_id"), primary_key=True)
    item: Mapped[str] = mapped_column(String(80), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(120))
    max_points: Mapped[float] = mapped_column(Float)
    rules: Mapped[list[str]]
    machine_verdict: Mapped[str] = mapped_column(String(16))
    heard_verdict: Mapped[str | None] = mapped_column(String(16))   # the machine's before a person corrected the words
    machine_points: Mapped[float | None] = mapped_column(Float)
    machine_confidence: Mapped[float] = mapped_column(Float)
    fatal: Mapped[bool] = mapped_column(Boolean)            # its failure brings the score to 0
    bonus: Mapped[float | None] = mapped_column(Float)      # beside the 100: what it adds once given; None: a plain item
    human_verdict: Mapped[str | None] = mapped_column(String(16))
    human_points: Mapped[float | None] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(SealedText, default="")
    final_verdict: Mapped[str | None] = mapped_column(String(16))
    final_points: Mapped[float | None] = mapped_column(Float)

    __table_args__ = (Index("outcome", "item", "final_verdict"),)

    @property
    def overridden(self) -> bool:
        """Whether a person disagreed with a verdict that the rules had given."""
        return self.machine_verdict != "needs_review" and self.human_verdict not in (None, self.machine_verdict)


class Appeal(Base):
    """An agent's appeal against one item; the supervisor's decision is final."""

    __tablename__ = "appeal"
    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("card.call_id"), index=True)
    item: Mapped[str] = mapped_column(String(80))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(SealedText)
    granted: Mapped[bool | None] = mapped_column(Boolean)
    answer: Mapped[str] = mapped_column(SealedText, default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("call_id", "item"),)


class Audit(Base):
    """Append-only: who did or saw what. `sha256` covers the entry and the one before it (store/reviews/audit.py)."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(32))
    who: Mapped[str] = mapped_column(String(64), index=True)
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(200), index=True)
    detail: Mapped[str] = mapped_column(SealedText, default="")
    sha256: Mapped[str] = mapped_column(String(64))
