"""The tables that the code describes are those that the migrations make."""
from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

import store.reviews
from store.reviews.database import FILE, Database
from store.reviews.schema import Base, Card, Hit


def test_the_migrations_make_the_tables_that_the_code_describes(tmp_path: Path) -> None:
    for module in pkgutil.iter_modules(store.reviews.__path__):
        if module.name != "migrations":
            importlib.import_module(f"store.reviews.{module.name}")
    with Database.open(tmp_path).engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={
            "compare_type": False,      # the index of what was said is no table of ours but FTS5's (store/reviews/said.py)
            "include_name": lambda name, kind, _: kind != "table" or not str(name).startswith("said_pairs")})
        assert compare_metadata(context, Base.metadata) == []


def test_a_database_of_the_first_version_is_brought_up_with_everything_in_it(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(store.reviews.__path__[0]) / "migrations"))
    engine = create_engine(f"sqlite:///{tmp_path / FILE}")
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO card (call_id, day, form, draft_version, fatal, complaint, unsure, triage, reasons, picked, state, version, comment) "
            "VALUES ('a', '2026-11-20', 'inbound', '1', 0, 0, 0, 1.0, '[]', 'risk', 'open', 3, '')")
        connection.exec_driver_sql("INSERT INTO hit (call_id, rule, verdict) VALUES ('a', 'taboo.abuse', 'fail')")
    engine.dispose()
    with Database.open(tmp_path).reading() as session:
        card = session.get_one(Card, "a")
        assert (card.version, card.kind, card.assigned_to) == (3, "recording", None)
        assert session.get(Hit, ("a", "taboo.abuse")) is not None
