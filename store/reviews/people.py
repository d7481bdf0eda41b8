"""Who may sign in, and how: passwords (argon2), sessions, one-time links, and a brake on guessing."""
from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from records import Problem
from store.reviews import audit
from store.reviews.cards import Conflict
from store.reviews.schema import ROLES, Attempt, Person, Ticket
from store.reviews.token_tables import Identity

SESSION = timedelta(hours=12)           # a working day
LINK = timedelta(hours=24)
SHORTEST_PASSWORD = 10
LONGEST = 64            # characters of a login, a name, a team, an agent id
ATTEMPTS, WITHIN = 8, timedelta(minutes=15)     # failed sign-ins by name before the door stays shut for a while
FROM_ONE_ADDRESS = 80       # the same by address: a whole floor comes through one proxy, and mistypes at the beginning of its shift

_hasher = PasswordHasher()
# Verified when there is no such person, so that the time of an answer does not tell who exists.
_NOBODY = _hasher.hash(secrets.token_hex())


def add(session: Session, by: str, login: str, name: str, role: str, team: str | None = None,
        agent_id: str | None = None, language: str = "zh") -> Person:
    """A new person without a password: give them the link of `one_time_link`. Raises Conflict for a login in use, a role
    that there is not, and what is missing or too long."""
    _fits(role, login, name, team, agent_id)
    if session.scalar(select(Person).where(Person.login == login)):
        raise Conflict(f"账号“{login}”已经有人用，请换一个。")
    person = Person(login=login, name=name, role=role, team=team, agent_id=agent_id, language=language,
                    created_at=datetime.now(UTC))
    session.add(person)
    session.flush()
    audit.note(session, by, "person.added", login, role=role, team=team, agent_id=agent_id)
    return person


def change(session: Session, by: str, person: Person, name: str, role: str, team: str | None, agent_id: str | None) -> None:
    """Gives a person another name, role, team or agent id; the login stays, and with it what they did. Raises Conflict as `add` does."""
    _fits(role, person.login, name, team, agent_id)
    wanted = {"name": name, "role": role, "team": team, "agent_id": agent_id}
    changed = {field: value for field, value in wanted.items() if getattr(person, field) != value}
    for field, value in changed.items():
        setattr(person, field, value)
    if changed:
        audit.note(session, by, "person.changed", person.login, **{field: value or "–" for field, value in changed.items()})


def _fits(role: str, login: str, name: str, team: str | None, agent_id: str | None) -> None:
    if role not in ROLES:
        raise Conflict(f"没有“{role}”这个角色。")
    if not login.strip() or not name.strip():
        raise Conflict("要有账号和姓名。")
    if any(len(one or "") > LONGEST for one in (login, name, team, agent_id)):
        raise Conflict(f"账号、姓名、班组、工号最长 {LONGEST} 字。")
    if (role == "team_leader" and not team) or (role == "agent" and not agent_id):
        raise Conflict("班组长要有班组，坐席要有工号，否则什么也看不到。")


def one_time_link(session: Session, person: Person) -> str:
    """The secret of a link with which `person` sets a password, once, within a day. Earlier links stop working."""
    session.execute(delete(Ticket).where(Ticket.person_id == person.id, Ticket.kind == "link"))
    return _ticket(session, person, "link", LINK).removeprefix("link:")


def set_password(session: Session, link: str, password: str) -> Person | None:
    """Uses a one-time link up; None where it is unknown or too old. All sessions of the person end.

    Raises Problem for a password that is too short."""
    ticket = _find(session, link, "link")
    if ticket is None:
        return None
    if len(password) < SHORTEST_PASSWORD:
        raise Problem(f"密码至少 {SHORTEST_PASSWORD} 位。A password has at least {SHORTEST_PASSWORD} characters.")
    person = session.get_one(Person, ticket.person_id)
    person.password_hash = _hasher.hash(password)
    session.execute(delete(Ticket).where(Ticket.person_id == person.id))
    audit.note(session, person.login, "password.set", person.login)
    return person


def link_holds(session: Session, link: str) -> bool:
    """Whether a one-time link still sets a password."""
    return _find(session, link, "link") is not None


def may_try(session: Session, login: str, address: str) -> bool:
    """Whether a sign-in may be tried: not after too many failures for this name or from this address."""
    since = datetime.now(UTC) - WITHIN
    return all((session.scalar(select(func.count()).where(Attempt.key == key, Attempt.at > since)) or 0) < most
               for key, most in zip(_keys(login, address), (ATTEMPTS, FROM_ONE_ADDRESS), strict=True))


def sign_in(session: Session, login: str, password: str, address: str) -> str | None:
    """The secret of a new session; None, and a failed attempt noted, when name and password do not belong together."""
    person = session.scalar(select(Person).where(Person.login == login, Person.active))
    now = datetime.now(UTC)
    if not _matches(person, password) or person is None:
        session.add_all(Attempt(key=key, at=now) for key in _keys(login, address))
        audit.note(session, login[:64], "sign_in.failed", detail=address)
        return None
    session.execute(delete(Attempt).where(Attempt.key == _keys(login, address)[0]))
    session.execute(delete(Attempt).where(Attempt.at < now - WITHIN))
    session.execute(delete(Ticket).where(Ticket.expires_at < now))
    audit.note(session, person.login, "sign_in", detail=address)
    return _ticket(session, person, "session", SESSION)


def sign_in_as(session: Session, issuer: str, subject: str, login: str | None) -> str | None:
    """The secret of a new session for whom an OpenID Connect provider vouches for; None where nobody here is meant.

    The first time the provider's `login` names the person; from then on its `subject` does, whatever they are called there."""
    tied = session.scalar(select(Identity).where(Identity.issuer == issuer, Identity.subject == subject))
    person = session.get(Person, tied.person_id) if tied else \
        session.scalar(select(Person).where(Person.login == login)) if login else None
    if person is None or not person.active:
        audit.note(session, (login or subject)[:64], "sign_in.failed", detail=issuer)
        return None
    if tied is None:
        session.add(Identity(issuer=issuer, subject=subject, person_id=person.id, created_at=datetime.now(UTC)))
        audit.note(session, person.login, "identity.tied", person.login, issuer=issuer)
    audit.note(session, person.login, "sign_in", detail=issuer)
    return _ticket(session, person, "session", SESSION)


def of_session(session: Session, secret: str) -> tuple[Person, str] | None:
    """Whose session it is, and its CSRF token; None where it has ended or never was."""
    ticket = _find(session, secret, "session")
    if ticket is None:
        return None
    person = session.get(Person, ticket.person_id)
    return (person, ticket.csrf) if person and person.active else None


def sign_out(session: Session, secret: str) -> None:
    session.execute(delete(Ticket).where(Ticket.secret_sha256 == _digest(secret)))


def deactivate(session: Session, by: str, person: Person) -> None:
    """Ends the person's sessions and lets nobody sign in by that name; what they decided stays."""
    person.active = False
    session.execute(delete(Ticket).where(Ticket.person_id == person.id))
    audit.note(session, by, "person.deactivated", person.login)


def _matches(person: Person | None, password: str) -> bool:
    try:
        return _hasher.verify((person and person.password_hash) or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False


def _ticket(session: Session, person: Person, kind: str, lasts: timedelta) -> str:
    secret, now = f"{kind}:{secrets.token_urlsafe(32)}", datetime.now(UTC)
    session.add(Ticket(secret_sha256=_digest(secret), kind=kind, person_id=person.id, csrf=secrets.token_urlsafe(32),
                       created_at=now, expires_at=now + lasts))
    return secret


def _find(session: Session, secret: str, kind: str) -> Ticket | None:
    secret = secret if secret.startswith(f"{kind}:") else f"{kind}:{secret}"
    ticket = session.get(Ticket, _digest(secret))
    return ticket if ticket and ticket.kind == kind and ticket.expires_at > datetime.now(UTC) else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _keys(login: str, address: str) -> tuple[str, str]:
    return f"login:{login[:64]}", f"from:{address[:64]}"
