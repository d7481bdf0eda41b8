"""The register of what was taken out of a workspace: which file, what kind, when; so that a person's data are found there too.

`exports.jsonl` is only appended to and names no calls and no people. What somebody copies on from there no register knows.
"""
from __future__ import annotations

import json
import os
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl

FILE = "exports.jsonl"


class Export(NamedTuple):
    """A file (jsonl, parquet, excel) or a folder of pages."""

    path: Path
    kind: str
    at: str


class Cleaned(NamedTuple):
    """Files of exports that were changed or deleted, and what may still tell of a call, each a sentence."""

    files: list[str]
    left: list[str]


def note(workspace: Path, kind: str, path: Path) -> None:
    """Remembers an export; standard output ("-") is nobody's file."""
    if str(path) == "-":
        return
    line = json.dumps({"path": str(path.absolute()), "kind": kind, "at": datetime.now(UTC).isoformat(timespec="seconds")}, ensure_ascii=False)
    with os.fdopen(os.open(workspace / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as file:
        file.write(line + "\n")


def exports(workspace: Path) -> list[Export]:
    """What was taken out and is still there, each place once."""
    try:
        lines = (workspace / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    found = {told["path"]: Export(Path(told["path"]), told["kind"], told["at"]) for told in map(json.loads, lines)}
    return [one for one in found.values() if one.path.exists()]


def holding(export: Export, call_ids: Collection[str], names: Collection[str]) -> bool:
    """Whether an export tells of these calls. `names` are the file names that pages give them."""
    wanted = set(call_ids)
    if export.kind == "pages":
        return any((export.path / f"{name}.html").exists() for name in names)
    if export.kind == "jsonl":
        return any(_call(line) in wanted for line in export.path.read_text(encoding="utf-8").splitlines())
    if export.kind == "parquet":
        return not pl.scan_parquet(export.path).filter(pl.col("call_id").is_in(wanted)).head(1).collect().is_empty()
    return True


def clean(found: Collection[Export], call_ids: Collection[str], names: Collection[str]) -> Cleaned:
    """Takes the calls out of the exports that hold them."""
    done = Cleaned([], [])
    for one in found:
        if not holding(one, call_ids, names):
            continue
        if one.kind == "pages":
            for name in names:
                for file in (one.path / f"{name}.html", one.path / f"{name}.webm"):
                    if file.exists():
                        file.unlink()
                        done.files.append(str(file))
            if (one.path / "index.html").exists():
                done.left.append(f"{one.path / 'index.html'} lists call ids and scores: make the pages again")
        elif one.kind == "jsonl":
            kept = [line for line in one.path.read_text(encoding="utf-8").splitlines(keepends=True) if _call(line) not in set(call_ids)]
            _replace(one.path, "".join(kept).encode())
            done.files.append(str(one.path))
        elif one.kind == "parquet":
            part = one.path.with_name(one.path.name + ".part")
            part.touch(0o600)
            pl.read_parquet(one.path).filter(~pl.col("call_id").is_in(list(call_ids))).write_parquet(part)
            part.replace(one.path)
            done.files.append(str(one.path))
        else:
            done.left.append(f"{one.path} may tell of them: export it again or delete it")
    return done


def _call(line: str) -> str:
    try:
        told = json.loads(line)
    except ValueError:
        return ""
    return str(told.get("call_id", "")) if isinstance(told, dict) else ""


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.touch(0o600)
    part.write_bytes(content)
    part.replace(path)
