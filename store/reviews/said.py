"""Searching what was said: an index of character pairs beside the text, in SQLite (FTS5) and PostgreSQL (GIN) alike.

Chinese is asked for by words of two characters, which an index of three (trigram) does not hold and word breakers miss. So each
call is indexed by the pairs of neighbouring characters in it; a question of two characters is one pair and exact, a longer one
brings the calls that hold all its pairs, whose text is then looked at. A single character is looked for in the text alone.
"""
from __future__ import annotations

import re

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, literal_column, select, text
from sqlalchemy.orm import Session

from records import Problem
from store.reviews.schema import Card
from store.reviews.sealed import searchable
from store.reviews.work_tables import Said

COMMON = 3000           # calls; words in more than so many are met soon by reading the queue from its top
_GONE = re.compile(r"[\s，。、？！；：“”‘’（）《》…—,.?!;:'\"()<>·~\-]+")


def plain(words: str) -> str:
    """What is compared: lower case, no white space, no punctuation, so that 再见。 and 再 见 are one."""
    return _GONE.sub("", words).lower()


def pairs(words: str) -> list[str]:
    """Neighbouring characters of each line, every pair once; lines (turns) are not joined."""
    return list(dict.fromkeys(line[at:at + 2] for line in words.split("\n") for at in range(len(line) - 1)))


def keep(session: Session, call_id: str, turns: list[str]) -> None:
    """Puts a call into the index, or its new words in the place of the old. `turns` are as displayed. A sealed workspace has no
    index, unless its settings want one."""
    if not searchable():
        return
    words = "\n".join(filter(None, map(plain, turns)))
    there = session.scalar(select(Said).where(Said.call_id == call_id))
    if there is not None and there.text == words:
        return
    if there is None:
        there = Said(call_id=call_id, text=words)
        session.add(there)
    there.text = words
    session.flush()
    if session.get_bind().dialect.name != "sqlite":         # SQLite does it by the triggers below
        session.execute(text("INSERT INTO said_pairs(id, pairs) VALUES (:id, array_to_tsvector(CAST(:pairs AS text[]))) "
                             "ON CONFLICT (id) DO UPDATE SET pairs = excluded.pairs"), {"id": there.id, "pairs": pairs(words)})


def said(session: Session, asked: str) -> ColumnElement[bool] | None:
    """A condition on `Card`: these words were said in the call, as typed but for punctuation. None for a question without words."""
    words = plain(asked)
    if not words:
        return None
    if not searchable():
        raise Problem("工作区已加密，不能搜索文本（[encryption] search = true 可开启）。What was said is sealed here and cannot be searched.")
    holds = Said.text.contains(words, autoescape=True)
    in_order = select(Said.id).where(Said.call_id == Card.call_id, holds).exists()
    if len(words) == 1:
        return in_order
    found = _matching(session, words)
    if session.scalar(select(func.count()).select_from(found.limit(COMMON + 1).subquery())) == COMMON + 1:
        return in_order
    brought = select(Said.call_id).where(Said.id.in_(found))
    return Card.call_id.in_(brought if len(words) == 2 else brought.where(holds))


def make_index(connection: Connection) -> None:
    """The index beside the table `said`, for the migration."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("CREATE VIRTUAL TABLE said_pairs USING fts5(pairs, content='', detail=none, "
                                   "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* Co S* P*'\")")
        # The index keeps no text and must be told what to forget; by triggers, so that an erased card leaves nothing here either.
        add = "INSERT INTO said_pairs(rowid, pairs) VALUES (new.id, char_pairs(new.text));"
        drop = "INSERT INTO said_pairs(said_pairs, rowid, pairs) VALUES ('delete', old.id, char_pairs(old.text));"
        for name, when, what in (("said_new", "INSERT", add), ("said_gone", "DELETE", drop), ("said_changed", "UPDATE OF text", drop + add)):
            connection.exec_driver_sql(f"CREATE TRIGGER {name} AFTER {when} ON said BEGIN {what} END")
    else:
        connection.exec_driver_sql("CREATE TABLE said_pairs (id integer PRIMARY KEY REFERENCES said (id) ON DELETE CASCADE, "
                                   "pairs tsvector NOT NULL)")
        connection.exec_driver_sql("CREATE INDEX said_pairs_pairs ON said_pairs USING gin (pairs)")


def _matching(session: Session, words: str) -> Select[tuple[int]]:
    """The ids of the texts that hold all pairs of the words."""
    asked = pairs(words)
    if session.get_bind().dialect.name == "sqlite":
        question = " AND ".join('"' + one.replace('"', '""') + '"' for one in asked)
        return select(literal_column("rowid").label("id")).select_from(text("said_pairs")).where(
            text("said_pairs MATCH :question").bindparams(bindparam("question", question, unique=True)))
    question = " & ".join("'" + one.replace("\\", "\\\\").replace("'", "''") + "'" for one in asked)
    return select(literal_column("id").label("id")).select_from(text("said_pairs")).where(
        text("pairs @@ CAST(:question AS tsquery)").bindparams(bindparam("question", question, unique=True)))


def line_of_pairs(words: str) -> str:
    """The pairs as SQLite's index takes them; known to it as char_pairs (store/reviews/database.py)."""
    return " ".join(pairs(words))
