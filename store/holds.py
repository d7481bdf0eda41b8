"""Legal hold: calls that must not be deleted whatever their age, by call, customer, agent or line, each with its reason.

`holds.jsonl` in the workspace is only ever appended to: who put what on hold when, who took it off when. What holds now is what
was put and not taken off. The file may name customers, so only its owner may read it.
"""
from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import polars as pl

from records import Problem

FILE = "holds.jsonl"
Kind = Literal["call", "customer", "agent", "line"]
COLUMNS: dict[Kind, str] = {"call": "call_id", "customer": "customer_name", "agent": "agent_id", "line": "line"}


class Hold(NamedTuple):
    """What is held: a `kind` of value, the value as the lake writes it, why, by whom and since when (UTC)."""

    kind: Kind
    value: str
    reason: str
    by: str
    at: str


class Holds:
    """The holds of one workspace."""

    def __init__(self, workspace: Path):
        self._file = workspace / FILE

    def current(self) -> list[Hold]:
        """What holds now, in the order in which it was put on hold."""
        held: dict[tuple[str, str], Hold] = {}
        for event, hold in self._events():
            if event == "add":
                held.setdefault((hold.kind, hold.value), hold)
            else:
                held.pop((hold.kind, hold.value), None)
        return list(held.values())

    def add(self, kind: str, value: str, reason: str, by: str) -> bool:
        """Puts on hold; False where it is held already. Raises Problem for an unknown kind, no value or no reason."""
        hold = _checked(kind, value, reason, by)
        if any((one.kind, one.value) == (hold.kind, hold.value) for one in self.current()):
            return False
        self._append("add", hold)
        return True

    def remove(self, kind: str, value: str, reason: str, by: str) -> bool:
        """Takes off hold; False where it was not held."""
        hold = _checked(kind, value, reason, by)
        if not any((one.kind, one.value) == (hold.kind, hold.value) for one in self.current()):
            return False
        self._append("remove", hold)
        return True

    def add_file(self, file: Path, by: str) -> int:
        """Puts on hold what a CSV with the columns kind, value and reason lists; how many were new. Raises Problem, with the
        line, before anything is put on hold."""
        rows = list(_rows(file, by))
        return sum(self.add(one.kind, one.value, one.reason, one.by) for one in rows)

    def covering(self, calls: pl.LazyFrame) -> pl.LazyFrame:
        """The `call_id`s among `calls` (a frame with the lake's columns) that are on hold, each once."""
        held = self.current()
        chosen = pl.lit(False)
        for kind, column in COLUMNS.items():
            if values := [one.value for one in held if one.kind == kind]:
                chosen = chosen | pl.col(column).is_in(values).fill_null(False)
        return calls.filter(chosen).select("call_id").unique()

    def _events(self) -> Iterator[tuple[str, Hold]]:
        try:
            text = self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        for line in text.splitlines():
            told = json.loads(line)
            yield told.pop("event"), Hold(**told)

    def _append(self, event: str, hold: Hold) -> None:
        line = json.dumps({"event": event, **hold._asdict()}, ensure_ascii=False) + "\n"
        handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(line)


def _checked(kind: str, value: str, reason: str, by: str) -> Hold:
    if kind not in get_args(Kind):
        raise Problem(f"There is no hold by {kind}; there are {', '.join(get_args(Kind))}.")
    if not value.strip() or not reason.strip():
        raise Problem("A hold names what is held and why: tingjian hold add customer 王建国 --reason “case 2026-118”.")
    return Hold(kind, value.strip(), reason.strip(), by, datetime.now(UTC).isoformat(timespec="seconds"))      # type: ignore[arg-type]


def _rows(file: Path, by: str) -> Iterator[Hold]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table: Sequence[dict[str, str]] = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError) as fault:
        raise Problem(f"{file} cannot be read ({fault}); give a CSV in UTF-8 with the columns kind, value, reason.") from fault
    for number, row in enumerate(table, 2):
        if missing := [name for name in ("kind", "value", "reason") if name not in row]:
            raise Problem(f"{file.name} has no column {missing[0]}; its first line must be kind,value,reason.")
        try:
            yield _checked(row["kind"] or "", row["value"] or "", row["reason"] or "", by)
        except Problem as fault:
            raise Problem(f"{file.name} line {number}: {fault} Nothing was put on hold.") from fault
