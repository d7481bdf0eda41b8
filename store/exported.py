"""The register of what was taken out of a workspace: which file, what kind, when; so that a person's data are found there too.

`exports.jsonl` is only appended to and names no calls and no people. What somebody copies on from there no register knows.
"""
from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import polars as pl

FILE = "exports.jsonl"
REPORTS = "reports"     # where `tingjian report` writes unless told otherwise


OUTSIDE = ("（在工作区之外，仍写有这些通话：请删除它和它的副本，或删除后重新导出）outside the workspace, still tells of these calls: "
           "delete it and every copy of it, or make it again")


class Export(NamedTuple):
    """A file (jsonl, parquet, excel, or `file`: a report, a sample, figures …) or a folder of pages."""

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
    """What was taken out and is still there, each place once; reports in the workspace's own folder too, noted or not."""
    found = {str(file.absolute()): Export(file.absolute(), "file", "") for file in sorted((workspace / REPORTS).glob("*")) if file.is_file()}
    try:
        lines = (workspace / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    found |= {told["path"]: Export(Path(told["path"]), told["kind"], told["at"]) for told in map(json.loads, lines)}
    return [one for one in found.values() if one.path.exists()]


def holding(export: Export, call_ids: Collection[str], names: Collection[str], words: Collection[str] = ()) -> bool:
    """Whether an export tells of these calls. `names` are the file names that pages give them, `words` are looked for too in files
    that are no table (an agent's name). A PDF cannot be searched: it tells what its sheet or page of the same name tells."""
    wanted = set(call_ids)
    if export.kind == "pages":
        return any((export.path / f"{name}.html").exists() for name in names)
    if export.kind == "jsonl":
        return any(_call(line) in wanted for line in export.path.read_text(encoding="utf-8").splitlines())
    if export.kind == "parquet":
        return not pl.scan_parquet(export.path).filter(pl.col("call_id").is_in(wanted)).head(1).collect().is_empty()
    if export.path.suffix == ".pdf":
        beside = [file for ending in (".html", ".xlsx") if (file := export.path.with_suffix(ending)).is_file()]
        return not beside or any(_says(file, {*call_ids, *words}) for file in beside)
    return _says(export.path, {*call_ids, *words})


def _says(file: Path, words: Collection[str]) -> bool:
    """Whether a file has one of the words, as HTML and the parts of a workbook write them."""
    wanted = [form.encode() for word in words for form in {word, escape(word), escape(word, {"'": "&#39;", '"': "&#34;"})}]
    return any(word in part for part in _parts(file) for word in wanted)


def _parts(file: Path) -> Iterator[bytes]:
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as made:
            yield from (made.read(name) for name in made.namelist())
    else:
        yield file.read_bytes()


def clean(found: Collection[Export], call_ids: Collection[str], names: Collection[str], workspace: Path, words: Collection[str] = ()) -> Cleaned:
    """Takes the calls out of the exports that hold them: lines and rows of JSON Lines and Parquet wherever they lie, pages; any other
    file is deleted within the workspace and told of (`left`) elsewhere, since somebody may have put it to use."""
    done = Cleaned([], [])
    inside = workspace.absolute()
    found = [one for one in found if holding(one, call_ids, names, words)]
    for one in found:
        own = one.path.is_relative_to(inside)
        if one.kind == "pages":
            for name in names:
                for file in (one.path / f"{name}.html", one.path / f"{name}.webm"):
                    if file.exists():
                        file.unlink()
                        done.files.append(str(file))
            _drop(one.path / "index.html", own, done)
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
            _drop(one.path, own, done)
    return done


def _drop(file: Path, own: bool, done: Cleaned) -> None:
    if own and file.exists():
        file.unlink()
        done.files.append(str(file))
    elif file.exists():
        done.left.append(f"{file} {OUTSIDE}")


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
