"""Tokens of the API: made by an administrator for a person, whose rights they never exceed; each names what it may do."""
from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from records import Problem
from store.reviews import audit
from store.reviews.schema import Person
from store.reviews.token_tables import Token

SCOPES = ("queue:read", "cards:read", "reviews:write", "appeals:read", "appeals:write")
PREFIX = "tj_"          # so that scanners of repositories know a leaked one
LONGEST = 730           # days; who needs a token for longer makes a new one
_USED_AGAIN = timedelta(hours=1)


def issue(session: Session, by: str, person: Person, name: str, scopes: Sequence[str], days: int = 365) -> str:
    """A new token's secret, shown this once. Raises Problem for a scope there is none of, a name or a time that will not do."""
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise Problem(f"There is no scope {unknown[0]}; there are {', '.join(SCOPES)}.")
    if not scopes or not name.strip() or not 1 <= days <= LONGEST or not person.active:
        raise Problem(f"A token needs a name, at least one scope, an active person and 1 to {LONGEST} days.")
    secret, now = PREFIX + secrets.token_urlsafe(32), datetime.now(UTC)
    session.add(Token(name=name.strip()[:64], secret_sha256=_digest(secret), person_id=person.id, scopes=sorted(set(scopes)),
                      made_by=by, created_at=now, expires_at=now + timedelta(days=days)))
    audit.note(session, by, "token.made", person.login, name=name.strip()[:64], scopes=sorted(set(scopes)), days=days)
    return secret


def holder(session: Session, secret: str) -> tuple[Person, Token] | None:
    """Whom a token acts as; None where it is unknown, revoked or over, or the person is no longer active."""
    token = session.scalar(select(Token).where(Token.secret_sha256 == _digest(secret)))
    if token is None or token.revoked_at or token.expires_at <= datetime.now(UTC):
        return None
    person = session.get(Person, token.person_id)
    return (person, token) if person and person.active else None


def stale(token: Token) -> bool:
    """Whether its last use should be noted again."""
    return token.used_at is None or datetime.now(UTC) - token.used_at > _USED_AGAIN


def used(session: Session, token_id: int) -> None:
    session.get_one(Token, token_id).used_at = datetime.now(UTC)


def revoke(session: Session, by: str, token_id: int) -> None:
    """From now on it opens nothing; the row stays, for the log's sake."""
    token = session.get(Token, token_id)
    if token is None:
        raise Problem("There is no such token.")
    if token.revoked_at is None:
        token.revoked_at = datetime.now(UTC)
        audit.note(session, by, "token.revoked", session.get_one(Person, token.person_id).login, name=token.name)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
