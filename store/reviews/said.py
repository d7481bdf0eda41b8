"""Searching what was said: an index of character pairs beside the text, in SQLite (FTS5) and PostgreSQL (GIN) alike.

Chinese is asked for by words of two characters, which an index of three (trigram) does not hold and word breakers miss. So each
call is indexed by the pairs of neighbouring characters in it; a question brings the calls that hold all its pairs, whose text is then
looked at. A single character stands in no index: it is looked for in the text of the first calls of a list (searching.py).
"""
from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Integer, Select, bindparam, cast, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute, Session

from records import Problem
from store.reviews.schema import Card
from store.reviews.sealed import searchable
from store.reviews.work_tables import Said

COMMON = 3000           # calls; words in more than so many are likely to be met soon by reading a list from its top
AROUND = 14             # characters of an excerpt on either side of the word
EXCERPTS = 2            # of a call, so that a row of the queue stays one or two lines
_GONE = re.compile(r"[\s\x00-\x1f，。、？！；：“”‘’（）《》…—,.?!;:'\"()<>·~\-]+")
_A_PAIR = re.compile(r"[\u4e00-\u9fff]{2}")     # is itself what the index holds; the text need not be looked at


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


def words_of(typed: str) -> tuple[str, ...]:
    """The words of what was typed into the search, each once; spaces part them."""
    return tuple(dict.fromkeys(filter(None, map(plain, typed.split()))))


def places(spoken: str, words: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where the words stand in a text as it is displayed, with its punctuation: first character and the one after the last, in order."""
    kept = [(char, at) for at, shown in enumerate(spoken) for char in plain(shown)]
    line = "".join(char for char, _ in kept)
    return sorted({(kept[at][1], kept[at + len(word) - 1][1] + 1) for word in words for at in range(len(line)) if line.startswith(word, at)})


def excerpts(session: Session, calls: list[str], words: tuple[str, ...]) -> dict[str, list[tuple[str, str, str]]]:
    """For each call, word by word, the first sentence that holds it: what stands before, the word, what stands after. Without
    punctuation, since it is kept without."""
    texts = dict(session.execute(select(Said.call_id, Said.text).where(Said.call_id.in_(calls))).tuples().all()) if words else {}
    return {call_id: [_excerpt(text, word) for word in words[:EXCERPTS] if word in text] for call_id, text in texts.items()}


def _excerpt(text: str, word: str) -> tuple[str, str, str]:
    at = text.index(word)
    past = at + len(word)
    before, after = text[:at].rpartition("\n")[2], text[past:].partition("\n")[0]
    return ("…" if len(before) > AROUND else "") + before[-AROUND:], word, after[:AROUND] + ("…" if len(after) > AROUND else "")


@dataclass(frozen=True)
class Asked:
    """Words searched for: every one of them was said in the call, as typed but for punctuation."""

    words: tuple[str, ...]
    anywhere: ColumnElement[bool]       # a condition on `Card` that looks up all calls that hold them
    common: bool                        # so many calls hold them that a look into the first calls of a list should meet enough
    indexed: bool = True                # single characters are not: to look all up is to read every text

    def inside(self, call_id: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[bool]:
        """A condition that looks into the text of the one call."""
        return select(Said.id).where(Said.call_id == call_id, *map(_holds, self.words)).exists()


def asked(session: Session, typed: str) -> Asked | None:
    """What is searched for; spaces part words. None where there are none. Raises Problem in a sealed workspace that is not searched."""
    words = words_of(typed)
    if not words:
        return None
    if not searchable():
        raise Problem("工作区已加密，不能搜索文本（[encryption] search = true 可开启）。What was said is sealed here and cannot be searched.")
    asked_pairs = pairs("\n".join(words))
    if not asked_pairs:         # single characters stand in no index
        return Asked(words, Card.call_id.in_(select(Said.call_id).where(*map(_holds, words))), True, indexed=False)
    numbers, holding = _index(session, asked_pairs)
    common = session.scalar(select(func.count()).select_from(numbers.limit(COMMON + 1).subquery())) == COMMON + 1
    looked_at = [_holds(word) for word in words if not _A_PAIR.fullmatch(word)]
    # Apart, because PostgreSQL's planner else moves the index's condition into the list's order and computes it row by row.
    there = select(Said.call_id).where(holding, *looked_at).cte("there").prefix_with("MATERIALIZED", dialect="postgresql")
    return Asked(words, Card.call_id.in_(select(there.c.call_id)), common)


def _holds(word: str) -> ColumnElement[bool]:
    return Said.text.contains(word, autoescape=True)


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


def _index(session: Session, asked: list[str]) -> tuple[Select[tuple[int]], ColumnElement[bool]]:
    """The ids of the texts that hold all these pairs, as the index gives them; and a condition on `Said` that says the same."""
    if session.get_bind().dialect.name == "sqlite":
        question = " AND ".join('"' + one.replace('"', '""') + '"' for one in asked)
        numbers = select(literal_column("rowid", Integer)).select_from(text("said_pairs")).where(
            text("said_pairs MATCH :question").bindparams(bindparam("question", question, unique=True)))
        return numbers, Said.id.in_(numbers)
    question = " & ".join("'" + one.replace("\\", "\\\\").replace("'", "''") + "'" for one in asked)
    holding = func.char_pairs(Said.text).op("@@", is_comparison=True)(cast(question, TSQUERY))
    return select(Said.id).where(holding), holding


def line_of_pairs(words: str) -> str:
    """The pairs as SQLite's index takes them; known to it as char_pairs (store/reviews/database.py)."""
    return " ".join(pairs(words))
