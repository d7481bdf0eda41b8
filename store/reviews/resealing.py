"""The sealed columns of the review database written anew with the current key; see store/resealing.py."""
from __future__ import annotations

from sqlalchemy import Column, Table, select, update

from store.reviews import blind, calibration_tables, work_tables  # noqa: F401  (every table is known to Base)
from store.reviews.database import Database
from store.reviews.redaction import scrub
from store.reviews.schema import Base
from store.reviews.sealed import SealedBytes, SealedText, searchable

AT_ONCE = 500           # rows in one transaction: a reviewer's save waits for no more


def reseal_rows(database: Database) -> int:
    """How many rows were written; the bytes of the old values go from the database's files too."""
    changed = 0
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.c if isinstance(column.type, SealedText | SealedBytes)]
        if columns:
            changed += _table(database, table, columns)
    if not searchable():
        from store.reviews.work_tables import Said

        with database.writing() as session:
            session.query(Said).delete()
    scrub(database)
    return changed


def _table(database: Database, table: Table, columns: list[Column]) -> int:     # type: ignore[type-arg]
    keys = list(table.primary_key.columns)
    with database.reading() as session:
        ids = session.execute(select(*keys)).all()
    for start in range(0, len(ids), AT_ONCE):
        with database.writing() as session:
            connection = session.connection()
            for one in ids[start:start + AT_ONCE]:
                here = [key == value for key, value in zip(keys, one, strict=True)]
                if (row := connection.execute(select(*columns).where(*here)).one_or_none()) is not None:
                    values = {column.name: value for column, value in zip(columns, row, strict=True)}
                    connection.execute(update(table).where(*here).values(values))
    return len(ids)


