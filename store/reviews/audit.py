"""The audit log: who saw and changed what. Entries are chained, so that one changed or taken out later is found.

The hash of an entry covers its fields and the hash before it. Entries whose free text had to go count as whole while a later
entry bears witness to what they say now (redaction.py). Whoever can write to the database could build the whole
chain anew; so keep the last hash that `tingjian audit` prints elsewhere (a mail, a printout) and give it to the next check.
"""
from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.reviews.schema import Audit

BEGINNING = "0" * 64
REDACTED, REDACTION = "redacted", "audit.redacted"      # mark of an entry whose free text was taken out, and its witness


class Checked(NamedTuple):
    """The state of the chain: how many entries, the last hash, and the first entry that does not fit (None: all do)."""

    entries: int
    last: str
    broken_at: int | None


def note(session: Session, who: str, action: str, subject: str = "", **detail: Any) -> None:
    """Appends an entry. `session` must come from `Database.writing()`: the chain has one end."""
    last = session.scalar(select(Audit).order_by(Audit.id.desc()).limit(1))
    entry = Audit(id=(last.id if last else 0) + 1, at=datetime.now(UTC).isoformat(timespec="milliseconds"), who=who,
                  action=action, subject=subject, sha256="",
                  detail=json.dumps(detail, ensure_ascii=False, sort_keys=True) if detail else "")
    entry.sha256 = _hash(entry, last.sha256 if last else BEGINNING)
    session.add(entry)
    session.flush()


def lately(session: Session, who: str, action: str, subject: str, within: timedelta) -> bool:
    """Whether the log has this entry from the last `within`."""
    since = (datetime.now(UTC) - within).isoformat(timespec="milliseconds")
    same = select(Audit.id).where(Audit.who == who, Audit.action == action, Audit.subject == subject, Audit.at >= since).limit(1)
    return session.scalar(same) is not None


def verify(session: Session, known: str | None = None) -> Checked:
    """Walks the whole chain. `known` is a hash that an earlier check printed: where no entry carries it any more, the chain
    was built anew, and its first entry counts as broken."""
    before, number, seen = BEGINNING, 0, known is None
    unwitnessed: dict[int, str] = {}        # redacted entries no later entry has spoken for yet
    for entry in session.scalars(select(Audit).order_by(Audit.id).execution_options(yield_per=1000)):
        number += 1
        fits = entry.sha256 == _hash(entry, before)
        if entry.id != number or not (fits or is_redacted(entry)):
            return Checked(number, before, number)
        if not fits:
            unwitnessed[number] = content_hash(entry)
        elif entry.action == REDACTION:
            for name, content in json.loads(entry.detail)["entries"].items():
                if unwitnessed.get(int(name)) == content:
                    del unwitnessed[int(name)]
        before = entry.sha256
        seen = seen or before == known
    if unwitnessed:
        return Checked(number, before, min(unwitnessed))
    return Checked(number, before, None if seen else 1)


def is_redacted(entry: Audit) -> bool:
    """Whether free text was taken out of the entry (store/reviews/redaction.py)."""
    return bool(entry.detail) and json.loads(entry.detail).get(REDACTED) is True


def content_hash(entry: Audit) -> str:
    """SHA-256 of what the entry says now, apart from the chain."""
    return _hash(entry, "")


def _hash(entry: Audit, before: str) -> str:
    fields = json.dumps([before, entry.id, entry.at, entry.who, entry.action, entry.subject, entry.detail], ensure_ascii=False)
    return hashlib.sha256(fields.encode()).hexdigest()
