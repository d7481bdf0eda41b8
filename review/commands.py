"""`tingjian show`, `tingjian page`, `tingjian export`: looking at results."""
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from review.wording import Language
    from store.lake import Lake

Workspace = Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")]
English = Annotated[bool, typer.Option("--english", help="English headings instead of Chinese ones")]


def show(call: Annotated[str, typer.Argument(help="The call's id")], workspace: Workspace, english: English = False) -> None:
    """A call's draft scorecard in the terminal, with what it rests on."""
    from rich.console import Console

    from review.card import card
    from review.handbook import Handbook
    from store.lake import Lake

    lake = Lake.open(workspace)
    shown = card(lake.draft(call), lake.transcript(call), _language(english), Handbook.open())
    Console(highlight=False, markup=False).print(shown)


def page(
    workspace: Workspace,
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory for the pages and their sound")],
    calls: Annotated[list[str] | None, typer.Argument(help="Call ids; without any, all")] = None,
    english: English = False,
) -> None:
    """One HTML page a call: the sound, who said what, and the card with its evidence marked; index.html lists them,
    the riskiest first. Opens without a server."""
    from review.handbook import Handbook
    from review.index import row, write_index
    from review.page import file_name, write_page
    from store.lake import Lake

    lake = Lake.open(workspace)
    paths = dict(lake.calls().select("call_id", "recording").collect().iter_rows())
    handbook, language = Handbook.open(), _language(english)
    for call in calls or list(paths):
        draft, transcript = lake.draft(call), lake.transcript(call)
        typer.echo(write_page(out, draft, transcript, Path(paths[call]), language, handbook))
    listed = [call for call in sorted(paths) if (out / f"{file_name(call)}.html").exists()]
    rows = [row(draft, transcript, handbook)
            for draft, transcript in zip(lake.drafts(listed), lake.transcripts(listed), strict=True)]
    typer.echo(write_index(out, rows, [failed.failure for failed in lake.failed()], language))


def export(
    workspace: Workspace,
    drafts: Annotated[Path | None, typer.Option(help="Drafts as JSON Lines; - is standard output")] = None,
    transcripts: Annotated[Path | None, typer.Option(help="Transcripts as JSON Lines; - is standard output")] = None,
    excel: Annotated[Path | None, typer.Option(help="Workbook (.xlsx) with summary, items and findings")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Directory for calls, turns, items … as Parquet")] = None,
) -> None:
    """Drafts and transcripts for other programs, and for people with a spreadsheet."""
    from records import Problem
    from store.lake import Lake

    if not any((drafts, transcripts, excel, parquet)):
        raise Problem("Nothing to export: give at least one of --drafts, --transcripts, --excel, --parquet.")
    if [str(drafts), str(transcripts)] == ["-", "-"]:
        raise Problem("Only one of --drafts and --transcripts can go to standard output; give the other a file.")
    lake = Lake.open(workspace)
    if drafts:
        _lines(drafts, (one.model_dump_json() for one in lake.drafts()))
    if transcripts:
        _lines(transcripts, (one.model_dump_json() for one in lake.transcripts()))
    if excel:
        from review.handbook import Handbook
        from review.workbook import workbook

        _write(excel, workbook(zip(lake.drafts(), lake.transcripts(), strict=True), Handbook.open()))
    if parquet:
        _parquet(lake, parquet)


def _language(english: bool) -> Language:
    return "en" if english else "zh"


def _lines(path: Path, lines: Iterable[str]) -> None:
    """JSON Lines to a file that appears when it is complete, or to standard output."""
    import sys

    if str(path) == "-":
        for line in lines:
            sys.stdout.buffer.write(line.encode() + b"\n")
        sys.stdout.buffer.flush()
        return
    _write(path, "".join(f"{line}\n" for line in lines).encode())


def _write(path: Path, content: bytes) -> None:
    from records import Problem

    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as fault:
        raise Problem(f"{path} cannot be written ({fault.strerror or fault}); name another file or close the program that "
                      "has it open.") from fault


def _parquet(lake: Lake, directory: Path) -> None:
    frames = {"calls": lake.calls(), "turns": lake.turns(), "items": lake.items(), "findings": lake.findings(),
              "removed": lake.removed(), "failures": lake.failures()}
    for name, frame in frames.items():
        import io

        buffer = io.BytesIO()
        frame.collect().write_parquet(buffer)
        _write(directory / f"{name}.parquet", buffer.getvalue())
