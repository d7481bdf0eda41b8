"""Tables of what measures people and rules: blind scoring, pauses, rules on trial; and the case library.

A blind verdict lies in a table of its own, never in `item`: so no figure about agents, rules or quotas can count it by
mistake. What hangs on a call goes with it when its card is erased (ON DELETE CASCADE).
"""
from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Float, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.reviews.schema import Base
from store.reviews.sealed import SealedText


class Calibration(Base):
    """A session in which several people score the same calls blind. `gold_id`: whose cards are the reference, if anybody's.

    It is over when somebody closes it (`closed_at`) or at `closes_at`, whichever comes first."""

    __tablename__ = "calibration"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    opened_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    opened_at: Mapped[datetime]
    closes_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    gold_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    seed: Mapped[str] = mapped_column(String(64), default="")       # of the draw; empty where the calls were chosen by hand


class Shadowing(Base):
    """A new reviewer who scores blind, a second time, what an experienced one has published since `began_at`."""

    __tablename__ = "shadowing"
    id: Mapped[int] = mapped_column(primary_key=True)
    newcomer_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    experienced_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class BlindCall(Base):
    """A call that is scored blind, in a calibration or while shadowing. `lines` are its items as they stood then
    (store/reviews/blind.py), since rules and forms may change before all have scored."""

    __tablename__ = "blind_call"
    id: Mapped[int] = mapped_column(primary_key=True)
    calibration_id: Mapped[int | None] = mapped_column(ForeignKey("calibration.id"), index=True)
    shadowing_id: Mapped[int | None] = mapped_column(ForeignKey("shadowing.id"), index=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("card.call_id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class BlindCard(Base):
    """One person's scoring of a blind call; nobody else sees it before the session is over."""

    __tablename__ = "blind_card"
    id: Mapped[int] = mapped_column(primary_key=True)
    blind_call_id: Mapped[int] = mapped_column(ForeignKey("blind_call.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    comment: Mapped[str] = mapped_column(SealedText, default="")
    submitted_at: Mapped[datetime | None]
    score: Mapped[float | None] = mapped_column(Float)

    __table_args__ = (UniqueConstraint("blind_call_id", "person_id"),)


class BlindVerdict(Base):
    __tablename__ = "blind_verdict"
    blind_card_id: Mapped[int] = mapped_column(ForeignKey("blind_card.id", ondelete="CASCADE"), primary_key=True)
    item: Mapped[str] = mapped_column(String(80), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16))


class Pause(Base):
    """A reviewer gets no new calls from `at` until a supervisor lifts it."""

    __tablename__ = "pause"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    at: Mapped[datetime]
    why: Mapped[str] = mapped_column(Text)
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")


class Assist(Base):
    """A rule or item whose verdicts only assist, from `at` until `lifted_at`: reviewers overruled it too often."""

    __tablename__ = "assist"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(4))                    # item, rule
    name: Mapped[str] = mapped_column(String(80), index=True)
    at: Mapped[datetime]
    agreed: Mapped[int] = mapped_column(Integer)                    # of the `decided` verdicts that were weighed
    decided: Mapped[int] = mapped_column(Integer)
    below: Mapped[float] = mapped_column(Float)                     # the threshold then
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(String(64))


class Case(Base):
    """A call, or a clip of it (seconds), kept as a good or a bad example. `shared`: agents see it too, without names."""

    __tablename__ = "example"
    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("card.call_id", ondelete="CASCADE"), index=True)
    starts: Mapped[float | None] = mapped_column(Float)
    ends: Mapped[float | None] = mapped_column(Float)
    kind: Mapped[str] = mapped_column(String(4))                    # good, bad
    title: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(SealedText)
    rule: Mapped[str | None] = mapped_column(String(80), index=True)
    shared: Mapped[bool] = mapped_column(Boolean, default=False)
    made_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class CaseTag(Base):
    __tablename__ = "example_tag"
    case_id: Mapped[int] = mapped_column(ForeignKey("example.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)
