"""Searching what was said: an index of character pairs beside the text, in SQLite (FTS5) and PostgreSQL (GIN) alike.

Chinese is asked for by words of two characters, which an index of three (trigram) does not hold and word breakers miss. So each
call is indexed by the pairs of neighbouring characters in it; a question brings the calls that hold all its pairs, whose text is then
looked at. A single character is looked for in the text alone.
"""
from __future__ import annotations

import re

from sqlalchemy import ColumnElement, Connection, bindparam, cast, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from records import Problem
from store.reviews.schema import Card
from store.reviews.sealed import searchable
from store.reviews.work_tables import Said

COMMON = 3000           # calls; words in more than so many are met soon by reading the queue from its top
_GONE = re.compile(r"[\s\x00-\x1f，。、？！；：“”‘’（）《》…—,.?!;:'\"()<>·~\-]+")


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
    holds_pairs = _holding(session, words)
    some = select(Said.id).where(holds_pairs).limit(COMMON + 1).subquery()
    if session.scalar(select(func.count()).select_from(some)) == COMMON + 1:
        return in_order
    return Card.call_id.in_(select(Said.call_id).where(holds_pairs, holds))


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
        # An index over a function: no second table, and the function's price keeps the planner from asking it row by row.
        connection.exec_driver_sql(
            "CREATE FUNCTION char_pairs(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 100000 AS $$ "
            "SELECT coalesce(array_to_tsvector(array_agg(DISTINCT substr(line, place, 2))), ''::tsvector) "
            r"FROM unnest(string_to_array(words, E'\n')) AS line, generate_series(1, char_length(line) - 1) AS place $$")
        connection.exec_driver_sql("CREATE INDEX said_pairs ON said USING gin (char_pairs(text))")


def _holding(session: Session, words: str) -> ColumnElement[bool]:
    """A condition on `Said`: the text holds all pairs of the words."""
    asked = pairs(words)
    if session.get_bind().dialect.name == "sqlite":
        question = " AND ".join('"' + one.replace('"', '""') + '"' for one in asked)
        return Said.id.in_(select(literal_column("rowid")).select_from(text("said_pairs")).where(
            text("said_pairs MATCH :question").bindparams(bindparam("question", question, unique=True))))
    question = " & ".join("'" + one.replace("\\", "\\\\").replace("'", "''") + "'" for one in asked)
    return func.char_pairs(Said.text).op("@@", is_comparison=True)(cast(question, TSQUERY))


def line_of_pairs(words: str) -> str:
    """The pairs as SQLite's index takes them; known to it as char_pairs (store/reviews/database.py)."""
    return " ".join(pairs(words))
