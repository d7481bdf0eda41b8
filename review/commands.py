"""`tingjian show`, `tingjian page`, `tingjian export`: looking at results."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from review.masking import Unmasked, is_masked, masked, note_original

if TYPE_CHECKING:
    from polars import LazyFrame

    from records import Draft, Transcript
    from review.wording import Language
    from store.lake import Lake

Workspace = Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")]
English = Annotated[bool, typer.Option("--english", help="English headings instead of Chinese ones")]


def show(
    call: Annotated[str, typer.Argument(help="The call's id")],
    workspace: Workspace,
    english: English = False,
    unmasked: Unmasked = False,
    removals: Annotated[bool, typer.Option("--removed", help="What guards took out of the words, and why, instead")] = False,
) -> None:
    """A call's draft scorecard in the terminal, with what it rests on; or the text that guards removed from it."""
    from rich.console import Console

    from review.card import card, removed
    from review.handbook import Handbook
    from settings import Settings
    from store.lake import Lake

    settings = Settings()
    lake, hidden = Lake.open(workspace), is_masked(settings.privacy, unmasked)
    draft, transcript = masked(lake.draft(call), lake.transcript(call), hidden)
    if unmasked:
        note_original(lake, settings, "card.shown_in_full", call)
    shown = removed(transcript, _language(english)) if removals else card(draft, transcript, _language(english), Handbook.open())
    Console(highlight=False, markup=False).print(shown)


def page(
    workspace: Workspace,
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory for the pages and their sound")],
    calls: Annotated[list[str] | None, typer.Argument(help="Call ids; without any, all")] = None,
    english: English = False,
    unmasked: Unmasked = False,
) -> None:
    """One HTML page a call: the sound, who said what, and the card with its evidence marked; index.html lists them,
    the riskiest first. Opens without a server."""
    from pipeline.fetching import NotHad, at_hand
    from review.handbook import Handbook
    from review.index import row, write_index
    from review.page import file_name, write_page
    from review.sound import hidden_in
    from settings import Settings
    from store import exported
    from store.lake import Lake

    settings = Settings()
    lake, hidden = Lake.open(workspace), is_masked(settings.privacy, unmasked)
    paths = dict(lake.calls().select("call_id", "recording").collect().iter_rows())
    handbook, language = Handbook.open(), _language(english)
    for call in calls or list(paths):
        said = lake.transcript(call)
        draft, transcript = masked(lake.draft(call), said, hidden)
        if unmasked:
            note_original(lake, settings, "page.made_in_full", call)
        covered = hidden_in(said, hidden)
        try:
            with at_hand(paths[call], settings.sources) as recording:
                typer.echo(write_page(out, draft, transcript, recording, language, handbook, covered))
        except NotHad as fault:
            typer.echo(f"{fault} Its page has no sound.", err=True)
            typer.echo(write_page(out, draft, transcript, None, language, handbook, covered))
    exported.note(lake.root, "pages", out)
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
    corrections: Annotated[Path | None, typer.Option(help="Turns that reviewers corrected, machine's and theirs, as JSON Lines; - is standard output")] = None,
    masked_too: Annotated[bool, typer.Option("--masked", help="Hide personal data in JSON Lines and Parquet also where privacy.masking = \"display\" leaves them in")] = False,
    unmasked: Unmasked = False,
) -> None:
    """Drafts and transcripts for other programs, and for people with a spreadsheet; personal data are hidden.

    Programs that judge the words themselves (`tingjian score`, `evaluate`) want them in full: --unmasked, or
    privacy.masking = "display"."""
    from records import Problem
    from settings import Settings
    from store import exported
    from store.lake import Lake

    if not any((drafts, transcripts, excel, parquet, corrections)):
        raise Problem("Nothing to export: give at least one of --drafts, --transcripts, --excel, --parquet, --corrections.")
    if [str(drafts), str(transcripts), str(corrections)].count("-") > 1:
        raise Problem("Only one of --drafts, --transcripts and --corrections can go to standard output; give the others a file.")
    settings = Settings()
    hidden = is_masked(settings.privacy, unmasked)
    files = masked_too or (hidden and settings.privacy.masking == "everything")
    lake = Lake.open(workspace)
    if settings.privacy.masking != "off" and (not files or (excel and not hidden)):
        note_original(lake, settings, "exported_in_full")
    for kind, path in (("jsonl", drafts), ("jsonl", transcripts), ("jsonl", corrections), ("excel", excel)):
        if path:
            exported.note(lake.root, kind, path)
    if drafts:
        _lines(drafts, (one.model_dump_json() for one in ((draft for draft, _ in _masked(lake)) if files else lake.drafts())))
    if transcripts:
        _lines(transcripts, (one.model_dump_json() for one in (
            (transcript for _, transcript in _masked(lake)) if files else lake.transcripts())))
    if corrections:
        from review.heard_and_said import lines
        from store.reviews.database import Database

        _lines(corrections, lines(lake, Database.open(lake.root, settings.review.database), files))
    if excel:
        from review.handbook import Handbook
        from review.workbook import workbook

        _write(excel, workbook(_masked(lake, hidden or masked_too), Handbook.open()))
    if parquet:
        _parquet(lake, parquet, files)


def _masked(lake: Lake, wanted: bool = True) -> Iterator[tuple[Draft, Transcript]]:
    """Every call's records, with personal data hidden if `wanted`."""
    for draft, transcript in zip(lake.drafts(), lake.transcripts(), strict=True):
        yield masked(draft, transcript, wanted)


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
        part.touch(0o600)       # what is taken out of a workspace is as private as it
        part.write_bytes(content)
        part.replace(path)
    except OSError as fault:
        raise Problem(f"{path} cannot be written ({fault.strerror or fault}); name another file or close the program that "
                      "has it open.") from fault


def _parquet(lake: Lake, directory: Path, hidden: bool) -> None:
    from store import exported

    frames = {"calls": lake.calls(), "turns": lake.turns(), "items": lake.items(), "findings": lake.findings(), "hits": lake.rows("hits").sort("call_id", "rule"),
              "removed": lake.removed(), "failures": lake.failures()}
    for name, frame in (_masked_frames(lake, frames) if hidden else frames).items():
        import io

        buffer = io.BytesIO()
        frame.collect().write_parquet(buffer)
        _write(directory / f"{name}.parquet", buffer.getvalue())
        exported.note(lake.root, "parquet", directory / f"{name}.parquet")


def _masked_frames(lake: Lake, frames: dict[str, LazyFrame]) -> dict[str, LazyFrame]:
    """The tables made anew from masked records; `failures` tells of no words."""
    import polars as pl

    from store import tables

    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("turns", "removed", "items", "findings")}
    names: dict[str, str | None] = {}
    for draft, transcript in _masked(lake):
        names[transcript.call_id] = transcript.customer_name
        made = tables.recognition_rows(transcript, "") | tables.scoring_rows(draft, tables.day_of(transcript.started_at), "")
        for name, more in rows.items():
            more.extend(made[name])
    made_anew = {name: tables.frame(name, more).lazy().drop("batch_id") for name, more in rows.items()}
    calls = frames["calls"].with_columns(customer_name=pl.col("call_id").replace_strict(names, return_dtype=pl.String))
    return frames | made_anew | {"calls": calls}
