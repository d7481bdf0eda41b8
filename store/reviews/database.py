"""Opening the review database, and bringing it to the newest version (Alembic) before anything reads it."""
from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from alembic import command
from alembic.config import Config
from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from records import Problem
from store.reviews import sealed
from store.reviews.said import line_of_pairs

FILE = "reviews.sqlite"
BUSY_SECONDS = 20       # SQLite has one writer at a time; others wait this long for their turn


class Database:
    """The review database of one workspace: `reading()` to look, `writing()` to change all of a thing or nothing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(tingjian_writes=True)
        self._turn = Lock()

    @classmethod
    def open(cls, workspace: Path, url: str | None = None) -> Database:
        """The database at `url` (postgresql+psycopg://…), or the SQLite file of the workspace; made and migrated where
        needed. Raises Problem where it cannot be reached."""
        if not url:
            url = f"sqlite:///{workspace / FILE}"
            _owners_only(workspace / FILE)
        engine = create_engine(url, pool_size=20, max_overflow=40, pool_pre_ping=not url.startswith("sqlite"))
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _sqlite)
            event.listen(engine, "begin", _sqlite_begin)
        else:
            event.listen(engine, "connect", _postgresql)
        try:
            sealed.use(workspace)
            with FileLock(workspace / "reviews.lock", timeout=60):
                _migrate(engine)
        except (OperationalError, OSError) as fault:
            where = engine.url.render_as_string(hide_password=True)
            cause = str(getattr(fault, "orig", fault)).splitlines()[0]
            raise Problem(f"The review database {where} cannot be opened ({cause}): check [review] database in tingjian.toml "
                          "and that the server runs, or that the workspace may be written to.") from fault
        return cls(engine)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database; what it changes is thrown away."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session in one transaction, alone among writers: committed at its end, rolled back when anything is raised.

        Alone, because the audit log's entries are chained and two savers of one card must see each other. Writes are short
        (a card is some thirty rows), so waiting costs less than trying again would."""
        with self._in_turn(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            if self.engine.dialect.name == "postgresql":
                session.connection().exec_driver_sql("SELECT pg_advisory_xact_lock(7213)")
            yield session

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Lets SQLite's writers of this process wait for each other here. SQLite itself has who waits look again every 0.1 s, so that who
        came last often goes first. Who has waited too long goes on and is told by SQLite what it thinks of it."""
        mine = self.engine.dialect.name == "sqlite" and self._turn.acquire(timeout=BUSY_SECONDS)
        try:
            yield
        finally:
            if mine:
                self._turn.release()


def _owners_only(file: Path) -> None:
    """A new database file that nobody else may read; SQLite gives its log files the same rights."""
    with suppress(OSError):         # what is wrong with the place is told when the database is opened
        file.touch(0o600)


def _postgresql(connection: Any, _: object) -> None:
    """No compiling of queries: it takes longer (0.2 to 0.8 s measured) than the short ones here run."""
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")
    connection.commit()


def _sqlite(connection: sqlite3.Connection, _: object) -> None:
    """Write-ahead log (readers never wait for the writer), foreign keys held, and transactions begun by us, not by Python."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("char_pairs", 1, line_of_pairs, deterministic=True)


def _sqlite_begin(connection: Connection) -> None:
    """A writer takes the write lock at its beginning: one that read first would fail later instead of waiting."""
    writes = connection.get_execution_options().get("tingjian_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except OperationalError:
            raise
        except SQLAlchemyError as fault:
            raise Problem(f"The review database could not be brought to this version ({fault}): nothing was changed. "
                          "Was it written by a newer Tingjian?") from fault
