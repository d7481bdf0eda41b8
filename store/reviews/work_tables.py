"""Tables of the daily work: corrected turns, what was said (for search), saved views, follow-ups.

Columns that the work added to a card (who it is given to, what kind it is) stand in schema.py with the others.
What hangs on a call goes with it when its card is erased; a follow-up stays, without the call.
"""
from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.reviews.schema import Base
from store.reviews.sealed import SealedBytes, SealedText


class Correction(Base):
    """A turn, or some together, as a person heard them. Rows are only added: of those over the same turns the last one holds, and the
    machine's words stay beside it. `pieces` (JSON: speaker, text, start, end, channel) is what split or joined turns read as; else
    `speaker` and `text` are the turn's. A row that `undoes` another takes it back and says nothing itself."""

    __tablename__ = "correction"
    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("card.call_id", ondelete="CASCADE"), index=True)
    turn: Mapped[int] = mapped_column(Integer)              # index into the transcript's turns
    span: Mapped[int] = mapped_column(Integer, default=1, server_default="1")      # how many of them
    machine_speaker: Mapped[str] = mapped_column(String(8))
    machine_text: Mapped[str] = mapped_column(SealedText)
    speaker: Mapped[str] = mapped_column(String(8))
    text: Mapped[str] = mapped_column(SealedText)
    pieces: Mapped[str | None] = mapped_column(SealedText)
    undoes: Mapped[int | None] = mapped_column(Integer)     # a correction of the same call
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class Redraft(Base):
    """A draft of the machine that another took the place of: the one from the words as heard, then one a correction.

    `draft` is zlib of the JSON; `until` the correction after which it no longer held, `rules_version` stands in the draft."""

    __tablename__ = "redraft"
    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("card.call_id", ondelete="CASCADE"), index=True)
    until: Mapped[int] = mapped_column(ForeignKey("correction.id", ondelete="CASCADE"))
    draft: Mapped[bytes] = mapped_column(SealedBytes)


class Said(Base):
    """What was said in a call as it is displayed (personal data hidden), for the search; its index: store/reviews/said.py."""

    __tablename__ = "said"
    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("card.call_id", ondelete="CASCADE"), unique=True)
    text: Mapped[str] = mapped_column(Text)


class View(Base):
    """A set of filters under a name; `query` as it stands in the address line. A shared one is offered to everybody."""

    __tablename__ = "view"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(String(40))
    query: Mapped[str] = mapped_column(String(600))
    shared: Mapped[bool] = mapped_column(Boolean, default=False)

    __table_args__ = (UniqueConstraint("person_id", "name"),)


class Followup(Base):
    """A problem of an agent that is worked on until it stays away: one for an agent and an item, for ever.

    `state`: open, or closed. `good` calls in a row without the problem since it was opened, reopened or last seen; `returns`
    how often it came back after it was closed. `since` is the moment from which calls are watched, `call_id` the call it rests on."""

    __tablename__ = "followup"
    id: Mapped[int] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(String(64))
    agent_name: Mapped[str | None] = mapped_column(String(64))
    team: Mapped[str | None] = mapped_column(String(64))
    item: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(120))
    call_id: Mapped[str | None] = mapped_column(ForeignKey("card.call_id", ondelete="SET NULL"))
    todo: Mapped[str] = mapped_column(SealedText, default="")
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    opened_at: Mapped[datetime]
    since: Mapped[datetime]
    due_on: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(8), default="open")
    good: Mapped[int] = mapped_column(Integer, default=0)
    returns: Mapped[int] = mapped_column(Integer, default=0)
    done_at: Mapped[datetime | None]                        # the agent says: I have done what was asked
    closed_at: Mapped[datetime | None]
    closed_why: Mapped[str] = mapped_column(String(12), default="")
    by_hand: Mapped[bool] = mapped_column(Boolean, default=False)   # somebody wanted it, whatever the verdict
    version: Mapped[int] = mapped_column(Integer, default=1)

    __table_args__ = (UniqueConstraint("agent_id", "item"), Index("followups", "state", "team", "due_on"))


class Note(Base):
    """What somebody wrote to a follow-up, or what it did by itself (`person_id` None, `text` a stable word and call ids)."""

    __tablename__ = "followup_note"
    id: Mapped[int] = mapped_column(primary_key=True)
    followup_id: Mapped[int] = mapped_column(ForeignKey("followup.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(SealedText)
