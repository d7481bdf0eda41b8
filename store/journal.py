"""What a batch is about to do, written down before it does it, so that a killed one can be put right.

A Delta table commits atomically, several tables together do not. A batch therefore leaves a note naming its id and the
rows it will replace; the note goes when the batch is complete. Whoever opens the workspace for writing next finds the notes
of the batches that died.
"""
from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel


class Note(BaseModel):
    """`replaced` lists the batches whose rows become void for these calls: [call_id, table kind, batch_id, day]."""

    batch_id: str
    days: list[str]
    replaced: list[tuple[str, str, str, str]] = []


class Journal:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def begin(self, note: Note) -> None:
        """Write the note in one step: a half-written one can never be found."""
        self.directory.mkdir(exist_ok=True)
        unfinished = self.directory / f"{note.batch_id}.part"
        unfinished.write_text(note.model_dump_json(), encoding="utf-8")
        unfinished.replace(self._file(note))

    def end(self, note: Note) -> None:
        self._file(note).unlink(missing_ok=True)

    def open_notes(self) -> list[Note]:
        """Notes of batches that did not come to their end."""
        if not self.directory.is_dir():
            return []
        for part in self.directory.glob("*.part"):
            part.unlink(missing_ok=True)
        return self.notes()

    def notes(self) -> list[Note]:
        """The open notes as they stand, for readers: a writer may be at work."""
        found = []
        for file in sorted(self.directory.glob("*.json")):
            with suppress(FileNotFoundError):       # ended meanwhile
                found.append(Note.model_validate(json.loads(file.read_text(encoding="utf-8"))))
        return found

    def _file(self, note: Note) -> Path:
        return self.directory / f"{note.batch_id}.json"
