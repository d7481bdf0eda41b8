"""Recordings named by a table or view of PostgreSQL with the columns of a manifest: the centre's own call records.

    postgresql://reader@host:5432/crm#quality.recordings      a table or view after the #, else `[sources] table` or `query`

The password comes from the environment (PGPASSWORD, or the file that PGPASSFILE names) and never stands in the address, which
is shown and stored. Rows are read through a cursor of the server, a thousand at a time, in a transaction that only reads.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pipeline.manifest import Listing, Locate, Unusable, below, cell, read_rows
from records import Problem
from settings import Settings
from settings import Sources as Section
from store.objects import is_address

AT_ONCE = 1000          # rows fetched together
WITHIN = 15             # seconds to connect


def read(source: str, settings: Settings) -> Listing:
    """The calls that the table's rows tell, judged as a manifest's are. Raises Problem where the database cannot be read."""
    import psycopg

    address, _, table = source.partition("#")
    if urlsplit(address).password is not None:
        raise Problem("The address of the database holds a password. Addresses are shown and stored: leave it out, and set "
                      "PGPASSWORD, or PGPASSFILE with a file that only this user may read.")
    shown = f"{address}{'#' + table if table else ''}"
    try:
        with psycopg.connect(address, connect_timeout=WITHIN, application_name="tingjian") as connection:
            connection.read_only = True
            with connection.cursor(name="tingjian") as cursor:
                cursor.itersize = AT_ONCE
                cursor.execute(_question(unquote(table), settings.sources))
                first = cursor.fetchmany(1)
                header = [column.name for column in cursor.description or ()]
                return read_rows(_title(unquote(table), settings.sources), header, rows(first, cursor), _locate(settings.sources))
    except psycopg.Error as fault:
        raise Problem(f"{shown} cannot be read ({_one_line(fault)}). Is the server up, PGPASSWORD set, the table named after # or in "
                      "[sources] table, and may this user SELECT from it?") from fault


def rows(first: Iterable[Sequence[Any]], more: Iterable[Sequence[Any]]) -> Iterator[tuple[str, list[str]]]:
    """Rows of values as places ("row 17") and cells of text, as a manifest has them."""
    for number, values in enumerate(chain(first, more), 1):
        yield f"row {number}", [cell(value) for value in values]


def _question(table: str, section: Section) -> Any:
    from psycopg import sql

    if not table and section.query:
        return sql.SQL(section.query)       # type: ignore[arg-type]
    return sql.SQL("SELECT * FROM {}").format(sql.Identifier(*_named(table, section).split(".")))


def _named(table: str, section: Section) -> str:
    named = table or section.table
    if not re.fullmatch(r"[^.]+(\.[^.]+)?", named):
        raise Problem(f"“{named}” names no table; write table or schema.table after the # of the address, or in [sources] table.")
    return named


def _title(table: str, section: Section) -> str:
    return "the query of [sources]" if not table and section.query else f"table {_named(table, section)}"


def _locate(section: Section) -> Locate:
    """Addresses as they are; paths below `[sources] recordings`, without which a table's paths lead nowhere."""
    if section.recordings is not None:
        return below(Path(section.recordings).expanduser(), "the folder of [sources] recordings")

    def locate(recording: str) -> str:
        if is_address(recording):
            return recording
        raise Unusable("recording_outside", f"recording “{recording[:100]}” is a path, and [sources] recordings does not say below which "
                                            "folder; set it.")

    return locate


def _one_line(fault: Exception) -> str:
    return " ".join(str(fault).split())[:300]
