"""`tingjian score FILE…`: drafts from finished transcripts, whatever recogniser made them."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Draft scorecards from finished transcripts.")


class Broken(Exception):
    """A transcript that cannot be scored: where it stands and why."""


@app.command()
def score(
    files: Annotated[list[Path], typer.Argument(help="JSON files of one transcript, or JSON Lines")],
    form: Annotated[str | None, typer.Option(help="Form to fill instead of the one that the call chooses")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One draft a line, in the order of the input")] = False,
) -> None:
    """Print the draft of each transcript: one JSON object for one transcript, an array for several; see --jsonl.

    A broken transcript is named on standard error, the others are scored, and the exit code is 1.
    """
    from pipeline.scorecard import Scorer
    from settings import Settings

    scorer = Scorer.from_settings(Settings())
    if form is not None:
        scorer.form(form)
    drafts: list[str] = []
    broken = 0
    for found in transcripts(files):
        if isinstance(found, Broken):
            broken += 1
            typer.echo(f"{found}. The other calls go on.", err=True)
            continue
        draft = scorer.draft(found, form)
        if jsonl:
            typer.echo(draft.model_dump_json())
        else:
            drafts.append(draft.model_dump_json(indent=2))
    if drafts:
        typer.echo(drafts[0] if len(drafts) == 1 else "[\n" + ",\n".join(drafts) + "\n]")
    if broken:
        raise typer.Exit(1)


def transcripts(files: list[Path]) -> Iterator[Any]:
    """Transcripts and, in the place of broken ones, Broken, in the order of files and lines."""
    from pydantic import ValidationError

    from records import Transcript

    for path in files:
        for where, raw in _objects(path):
            if isinstance(raw, Broken):
                yield raw
                continue
            try:
                yield Transcript.model_validate(raw)
            except ValidationError as error:
                first = error.errors()[0]
                field = ".".join(map(str, first["loc"])) or "the line"
                yield Broken(f"{where}: {field}: {first['msg']}; see docs/formats.md for what a transcript has")


def _objects(path: Path) -> Iterator[tuple[str, Any]]:
    """(place, JSON value or Broken) for a file of one object (or an array of them) or of JSON Lines, told by its content."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        yield str(path), Broken(f"{path}: cannot be read: {error}; give a UTF-8 file of JSON or JSON Lines")
        return
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2 or (not _is_json(lines[0][1]) and not _is_json(lines[-1][1])):
            yield str(path), Broken(f"{path}: not JSON: {error}; give one transcript, or one a line")
            return
        for number, line in lines:
            where = f"{path} line {number}"
            try:
                yield where, json.loads(line)
            except (ValueError, RecursionError) as wrong:
                yield where, Broken(f"{where}: not JSON: {wrong}; write one transcript a line")
        return
    if isinstance(whole, list):
        for number, one in enumerate(whole, 1):
            yield f"{path} entry {number}", one
    else:
        yield str(path), whole


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
