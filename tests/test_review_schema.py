"""The tables that the code describes are those that the migrations make."""
from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import store.reviews
from store.reviews.database import Database
from store.reviews.schema import Base


def test_the_migrations_make_the_tables_that_the_code_describes(tmp_path: Path) -> None:
    for module in pkgutil.iter_modules(store.reviews.__path__):
        if module.name != "migrations":
            importlib.import_module(f"store.reviews.{module.name}")
    with Database.open(tmp_path).engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={
            "compare_type": False,      # the index of what was said is no table of ours but FTS5's (store/reviews/said.py)
            "include_name": lambda name, kind, _: kind != "table" or not str(name).startswith("said_pairs")})
        assert compare_metadata(context, Base.metadata) == []
