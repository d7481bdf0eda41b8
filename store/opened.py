"""Tables of the lake kept open, so that one call's words are found in milliseconds.

To open a Delta table is to read its whole log, which for a page of the workbench takes longer than all the rest. Here a table is
opened once; before each reading it takes in what was committed since (one look into the log's directory), so nothing stale is
read. It holds the names of files, nothing of what was said.
"""
from __future__ import annotations

from pathlib import Path
from threading import Lock

from deltalake import DeltaTable


class Opened:
    """One table that is partitioned by `day`; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path, self._alone = path, Lock()
        self._table: DeltaTable | None = None
        self._version, self._files = -1, dict[str, list[str]]()

    def files(self, day: str) -> list[str]:
        """The Parquet files of a day as the table stands now. Raises DeltaError or OSError where it cannot be read; it is opened anew
        the next time then."""
        with self._alone:
            table, self._table = self._table, None
            if table is None:
                table, self._version = DeltaTable(str(self._path)), -1
            else:
                table.update_incremental()
            if table.version() != self._version:
                self._version, self._files = table.version(), {}
            if day not in self._files:
                self._files[day] = table.file_uris(file_pruning_predicate=[("day", "=", day)])
            self._table = table
            return self._files[day]
