"""Tables of who comes in without a password: programs with a token, people whom an OpenID Connect provider vouches for."""
from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.reviews.schema import Base


class Token(Base):
    """A program's key to the API: it acts as a person, within the scopes. Only the SHA-256 of the secret is kept."""

    __tablename__ = "token"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    scopes: Mapped[list[str]]
    made_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]        # to the hour: not every request writes


class Identity(Base):
    """Somebody at a provider who is a person here; tied at the first sign-in through the provider."""

    __tablename__ = "identity"
    id: Mapped[int] = mapped_column(primary_key=True)
    issuer: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(255))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("issuer", "subject"),)
