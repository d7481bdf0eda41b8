"""Tables of the lake kept open, so that one call's words are found in milliseconds.

To open a Delta table is to read its whole log, which for a page of the workbench takes longer than all the rest. Here a table is
opened once; before each reading it takes in what was committed since, so nothing stale is read. It holds the names of files,
nothing of what was said.
"""
from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from threading import Lock

from deltalake import DeltaTable

_DAY = re.compile("/day=([^/]+)/")


class Opened:
    """One table that is partitioned by `day`; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path, self._log, self._alone = path, path / "_delta_log", Lock()
        self._table: DeltaTable | None = None
        self._next, self._checkpoint, self._files = self._log, (0, 0), dict[str, tuple[str, ...]]()

    def files(self, day: str) -> tuple[str, ...]:
        """The Parquet files of a day as the table stands now. Raises DeltaError or OSError where it cannot be read; it is opened anew
        the next time then."""
        with self._alone:
            table, self._table = self._table, None
            # A commit is the file of the next number. Where erasing has cleared that away again, it has left a checkpoint.
            checkpoint = self._last_checkpoint()
            if table is None or checkpoint != self._checkpoint:
                table = self._taken_in(DeltaTable(str(self._path)))
            elif self._next.exists():
                table.update_incremental()
                table = self._taken_in(table)
            self._table, self._checkpoint = table, checkpoint
            return self._files.get(day, ())

    def _taken_in(self, table: DeltaTable) -> DeltaTable:
        files = defaultdict[str, list[str]](list)
        for file in table.file_uris():
            if found := _DAY.search(file, len(str(self._path))):
                files[found[1]].append(file)
        self._files = {day: tuple(sorted(listed)) for day, listed in files.items()}
        self._next = self._log / f"{table.version() + 1:020}.json"
        return table

    def _last_checkpoint(self) -> tuple[int, int]:
        try:
            found = (self._log / "_last_checkpoint").stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns
