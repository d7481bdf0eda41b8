"""Personal data taken out of the review database for calls whose time is over: their rows, and what the audit log quotes.

The audit log stays: who did what when. What was written as free text in its entries about these calls goes. Such an entry no
longer fits its hash, so a later entry (`audit.redacted`) names it with the hash of what it holds now; `audit.verify` takes a
changed entry only with such a witness, and the chain of hashes from entry to entry stays as it was.
"""
from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Column, MetaData, Select, Table, delete, select
from sqlalchemy.orm import Session

from store.reviews import audit
from store.reviews.database import Database
from store.reviews.schema import Audit
from store.reviews.work_tables import Note

# What an entry about an erased call may still say: figures and stable words, nothing that a person wrote or said.
KEPT = {"item", "verdict", "machine", "points", "score", "band", "granted", "rule", "role", "version", "state"}
AT_ONCE = 400           # call_ids in one statement; SQLite takes 32,766 values
# Tables that hold what was said, apart from the cards: gone already when the words' time is over.
WORDS = {"said", "correction", "redraft"}
NEVER = {"audit", "person", "ticket", "alembic_version"}


def erase_rows(database: Database, call_ids: Collection[str], who: str, only_words: bool = False) -> int:
    """Deletes every row about these calls, in every table with a column `call_id` and in those that refer to such rows,
    and returns how many there were. `only_words` keeps the cards. A row that outlives its call by its table's own rule
    (ON DELETE SET NULL: an agent's follow-up) stays, without the call. Safe to repeat."""
    metadata = MetaData()
    metadata.reflect(database.engine)
    wanted = sorted(call_ids)
    gone = 0
    with database.writing() as session:
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start:start + AT_ONCE]
            for table in reversed(metadata.sorted_tables):
                if "call_id" in table.c and table.name not in NEVER and not _outlives(table.c.call_id) and (not only_words or table.name in WORDS):
                    gone += _delete(session, metadata, table, table.c.call_id, some, ())
            if not only_words:
                gone += _unnamed(session, some)
                redact(session, who, some)
    return gone


def _unnamed(session: Session, call_ids: Collection[str]) -> int:
    """Takes the call ids out of what follow-ups noted by themselves (a stable word and call ids); how many notes were changed."""
    gone = set(call_ids)
    changed = 0
    for note in session.scalars(select(Note).where(Note.person_id.is_(None))):
        kept = " ".join(word for word in note.text.split(" ") if word not in gone)
        if kept != note.text:
            note.text, changed = kept, changed + 1
    return changed


def redact(session: Session, who: str, subjects: Collection[str]) -> int:
    """Takes the free text out of the audit entries about `subjects`; returns how many entries were changed."""
    witnesses: dict[str, str] = {}
    for entry in session.scalars(select(Audit).where(Audit.subject.in_(subjects), Audit.detail != "").order_by(Audit.id)):
        told = json.loads(entry.detail)
        kept = {name: value for name, value in told.items() if name in KEPT}
        if kept != told and not audit.is_redacted(entry):
            entry.detail = json.dumps(kept | {audit.REDACTED: True}, ensure_ascii=False, sort_keys=True)
            witnesses[str(entry.id)] = audit.content_hash(entry)
    session.flush()
    if witnesses:
        audit.note(session, who, audit.REDACTION, entries=witnesses)
    return len(witnesses)


def scrub(database: Database) -> None:
    """Makes the bytes of deleted rows go from the database's files too. SQLite: the file is written anew and the write-ahead
    log emptied. PostgreSQL: VACUUM, which gives the room to new rows; its own archives and backups are the operator's."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM")
            return
    raw = database.engine.raw_connection()
    try:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")      # type: ignore[attr-defined]
        raw.execute("VACUUM")                               # type: ignore[attr-defined]
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")      # type: ignore[attr-defined]
    finally:
        raw.close()


def _outlives(column: Column[Any]) -> bool:
    return any(key.ondelete == "SET NULL" for key in column.foreign_keys)


def _delete(session: Session, metadata: MetaData, table: Table, column: Column[object], values: Select[tuple[object]] | list[str],
            above: tuple[str, ...]) -> int:
    """Rows of `table` whose `column` is among `values`, after the rows elsewhere that refer to them."""
    gone = 0
    for child in metadata.sorted_tables:
        for key in child.foreign_keys:
            if key.column.table is table and key.ondelete != "SET NULL" and child.name not in (*NEVER, *above, table.name):
                rows: Select[tuple[object]] = select(key.column).where(column.in_(values))
                gone += _delete(session, metadata, child, key.parent, rows, (*above, table.name))
    deleted = session.connection().execute(delete(table).where(column.in_(values)))
    return gone + max(deleted.rowcount, 0)
