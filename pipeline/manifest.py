"""Stage 1: what there is to listen to. A folder or a manifest becomes recordings, and refusals with their reason.

Other kinds of source (a store of objects, a table, a manifest a day) are in sources.py and end here too. The manifest's columns are in columns.py and docs/recordings.md. A row that cannot be used is refused with file and line and
the others go on; only a source of which nothing can be used raises records.Problem.
"""
from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
import logging
import os
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

from pipeline.columns import REQUIRED, known_columns, read_cell
from records import Call, Failure, Problem, Recording
from store.objects import is_address

log = logging.getLogger(__name__)

# Taken from a folder without a manifest. Headerless kinds are among them, so that they are refused aloud, not passed over.
AUDIO = frozenset(
    f".{kind}" for kind in re.findall(r"\w+", """
    wav wave w64 rf64 mp3 mp2 m4a m4b mp4 mov 3gp 3g2 aac amr ogg oga opus spx flac webm mka mkv aif aiff aifc au snd caf wma
    asf gsm ulaw ul mulaw alaw al vox pcm raw sln g711 g722 g723 g726 g729"""))
MANIFESTS = (".csv", ".tsv", ".parquet")


class Listing(NamedTuple):
    """The calls of a source: those that may be listened to, and those that may not, in the order of the source. `waiting`
    are not ready yet, with the reason: no failures, the next run looks again."""

    recordings: list[Recording]
    refused: list[Failure]
    waiting: tuple[Failure, ...] = ()


class NotThere(Problem):
    """The folder or manifest does not exist."""


class Empty(Problem):
    """The source is there and names no call. For a scheduled run there is nothing to do, for a person a mistake."""


class Unusable(Exception):
    """A recording that a row names cannot be taken. `code` is a stable short word, `message` a sentence with the remedy."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
Locate = Callable[[str], str]
"""From the cell `recording` to an absolute path or an address; raises Unusable."""


class _Bad(Exception):
    """A row that cannot be used; `call_id` and `recording` as far as they could be read."""

    def __init__(self, code: str, message: str, call_id: str = "", recording: str = ""):
        super().__init__(message)
        self.code, self.message, self.call_id, self.recording = code, message, call_id, recording


def read_source(source: str | Path, still: float = 0.0) -> Listing:
    """The calls of a folder, of a manifest (.csv, .tsv, .parquet), or of one recording.

    A folder that holds `manifest.csv` or `manifest.parquet` is read by it; any other folder is searched for recordings at
    every depth, the file's stem being the `call_id`. A manifest written less than `still` seconds ago may not be whole: its last line
    waits if no line end closes it. Raises records.Problem when nothing of the source can be used.
    """
    path = Path(source).expanduser()
    try:
        if path.is_dir():
            found = [path / f"manifest{ending}" for ending in MANIFESTS if (path / f"manifest{ending}").is_file()]
            if len(found) > 1:
                names = " and ".join(one.name for one in found)
                raise Problem(f"{path} holds {names}; give the one that counts, or remove the other.")
            return read_manifest(found[0], still=still) if found else _read_folder(path)
        if not path.exists():
            raise NotThere(f"{path} does not exist; give a folder of recordings or a manifest (.csv, .parquet).")
        if path.suffix.lower() in MANIFESTS:
            return read_manifest(path, still=still)
    except OSError as fault:
        raise Problem(f"{path} cannot be read ({fault.strerror or fault}); check its permissions.") from fault
    if path.suffix.lower() in AUDIO:
        return Listing([Recording(call=Call(call_id=path.stem), path=str(path.absolute()))], [])
    raise Problem(f"{path} is neither a folder nor a manifest nor a recording; give a folder, a .csv or a .parquet.")


# A folder -------------------------------------------------------------------------------------------------------------

def _read_folder(folder: Path) -> Listing:
    recordings: dict[str, Recording] = {}
    refused: list[Failure] = []
    others: Counter[str] = Counter()
    for path in _files(folder):
        if path.suffix.lower() not in AUDIO:
            others[path.suffix.lower() or "no extension"] += 1
        elif first := recordings.get(path.stem):
            where = path.relative_to(folder)
            refused.append(Failure(
                call_id=path.stem, recording=str(path.absolute()), stage="manifest", code="call_id_duplicate",
                message=f"{where}: {Path(first.path).relative_to(folder.absolute())} already has the name “{path.stem}”, "
                        "which is the call_id; rename one of them or write a manifest."))
        else:
            recordings[path.stem] = Recording(call=Call(call_id=path.stem), path=str(path.absolute()))
    if others:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in others.most_common())
        log.info("%s: %d files are no recordings by their extension and were left aside (%s)", folder, others.total(), kinds)
    if not recordings:
        raise Empty(f"{folder} holds no recordings (.wav, .mp3, .m4a, .amr …) and no manifest; see docs/recordings.md.")
    return Listing(list(recordings.values()), refused)


def _files(folder: Path) -> Iterator[Path]:
    """Every visible file, depth first, names in code-point order, so that two runs see the same order."""
    for root, directories, names in os.walk(folder):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and (path := Path(root, name)).is_file():
                yield path


# A manifest -----------------------------------------------------------------------------------------------------------

def read_manifest(manifest: Path, locate: Locate | None = None, still: float = 0.0) -> Listing:
    """The calls of a manifest (.csv, .tsv, .parquet); `locate` finds its recordings, without it in its own folder. `still`: read_source."""
    locate = locate or below(manifest.parent, "the manifest's folder")
    if manifest.suffix.lower() == ".parquet":
        return read_rows(manifest.name, *_parquet(manifest), locate)
    fresh = time.time() - manifest.stat().st_mtime < still
    data = manifest.read_bytes()
    cut = fresh and not data.startswith(WIDE) and not data.endswith((b"\n", b"\r"))
    whole = data[:max(data.rfind(b"\n"), data.rfind(b"\r")) + 1] if cut else data
    if not whole and fresh:
        raise Empty(f"{manifest.name} is only being written; the next run reads it.")
    listing = read_rows(manifest.name, *_table(manifest.name, whole), locate)
    return listing._replace(waiting=(*listing.waiting, _being_written(manifest))) if cut else listing


def _being_written(manifest: Path) -> Failure:
    return Failure(call_id=f"({manifest.name})", recording=str(manifest), stage="manifest", code="not_ready", retryable=True,
                   message=f"{manifest.name} is being written and its last line not whole yet; the next run reads that.")


def read_rows(title: str, header: list[str], rows: Iterable[tuple[str, list[str]]], locate: Locate) -> Listing:
    """Rows of any table as recordings and refusals. `title` names the table in messages; a row is its place in it ("line 17")
    and its cells as text, in the order of `header`."""
    try:
        columns, unknown = known_columns(header)
    except ValueError as fault:
        raise Problem(f"{title}: {fault}.") from fault
    if missing := [name for name in REQUIRED if name not in columns.values()]:
        raise Problem(f"{title} has no column {' and no column '.join(missing)} (it has: {', '.join(header)}); "
                      "its first line must name the columns, docs/recordings.md lists them.")
    if unknown:
        log.warning("%s: columns that mean nothing here are left aside: %s", title, ", ".join(unknown))
    recordings: list[Recording] = []
    refused: list[Failure] = []
    seen: dict[str, str] = {}
    for place, cells in rows:
        try:
            recordings.append(_recording(title, place, columns, len(header), cells, seen, locate))
        except _Bad as bad:
            refused.append(Failure(call_id=bad.call_id or f"({place})", recording=bad.recording, stage="manifest",
                                   code=bad.code, message=f"{title} {place}: {bad.message}"))
    if not recordings and not refused:
        raise Empty(f"{title} has a header but no rows; write one line a call.")
    rest = _rest(len(recordings))
    return Listing(recordings, [one.model_copy(update={"message": one.message + rest}) for one in refused])


def _rest(count: int) -> str:
    return "" if not count else " The other call goes on." if count == 1 else f" The other {count} calls go on."


def _recording(title: str, place: str, columns: dict[int, str], width: int, cells: list[str],
               seen: dict[str, str], locate: Locate) -> Recording:
    """One row as a Recording; raises _Bad. `seen` remembers which call_id stood where, of refused rows too."""
    row = {column: cells[position] if position < len(cells) else "" for position, column in columns.items()}
    name, recording = row["call_id"].strip(), row["recording"].strip()

    def bad(code: str, message: str) -> _Bad:
        return _Bad(code, message, name, recording)

    if any(cell.strip() for cell in cells[width:]):
        raise bad("bad_row", "the row has more cells than the header; put quotes around a cell that holds the delimiter.")
    if not name:
        raise bad("call_id_missing", "call_id is empty; give every call a name of its own.")
    if name in seen:
        raise bad("call_id_duplicate", f"call_id “{name}” already stands in {seen[name]}; every call needs its own.")
    seen[name] = place
    values: dict[str, Any] = {}
    for column, text in row.items():
        try:
            values[column] = read_cell(column, text)
        except ValueError as fault:
            raise bad("bad_value", f'{column} is "{_quotable(text)}", {fault}.') from fault
    if not recording:
        raise bad("recording_missing", "recording is empty; write the path of the sound file, relative to the manifest.")
    if values.pop("consent", None) == "no":
        raise bad("no_consent", "consent is “no”: the customer has not agreed that this call is analysed, so it was not opened. What is "
                                "stored of it from before goes by `tingjian person erase`.")
    try:
        path = locate(recording)
    except Unusable as fault:
        raise bad(fault.code, fault.message) from fault
    channel = values.pop("agent_channel", None)
    del values["recording"]
    return Recording(call=Call(**values), path=path, agent_channel=channel, origin=f"{title} {place}")


def below(folder: Path, title: str) -> Locate:
    """Finds recordings in `folder` (`title` in messages) and in stores of objects."""
    return lambda recording: recording if is_address(recording) else str(_locate(folder, title, recording))


def below_path(recording: str, title: str) -> str:
    """A relative path as it is written in a manifest, with `/` between its parts; raises Unusable where it leads elsewhere."""
    if re.match(r"[a-z][a-z0-9+.-]+://", recording, re.IGNORECASE):
        raise Unusable("remote_recording", f"recording is the address {recording}, and only s3:// is read; mount the store or "
                                           "copy the recordings beside the manifest and write relative paths.")
    spelt = PurePosixPath(recording.replace("\\", "/"))
    if spelt.is_absolute() or PureWindowsPath(recording).drive or ".." in spelt.parts:
        raise Unusable("recording_outside", f"recording “{recording}” leaves {title}; write a path below it.")
    return str(spelt)


def _quotable(text: str) -> str:
    """A cell as a message may show it: a shifted column may hold a phone number, or a name, of which the first character stays."""
    from pipeline.masking import mask

    return re.sub(r"([\u3400-\u9fff])([\u3400-\u9fff]+)", lambda found: found[1] + "*" * len(found[2]), mask(text.strip()[:100]))


def _locate(folder: Path, title: str, recording: str) -> Path:
    """The file that a row names; it must lie in the folder, links followed. Raises Unusable."""
    spelt = below_path(recording, title)
    root = folder.resolve()
    # A manifest from another system may spell the same name with composed or with decomposed characters.
    for name in (recording, spelt, unicodedata.normalize("NFC", spelt), unicodedata.normalize("NFD", spelt)):
        path = folder / name
        try:
            if not path.exists():
                continue
            if not path.resolve().is_relative_to(root):
                raise Unusable("recording_outside", f"recording “{recording}” is a link that leads out of {title}; "
                                                     "copy the file to where the link is.")
        except (OSError, ValueError) as fault:
            raise Unusable("not_found", f"recording “{recording[:100]}” cannot be looked up ({fault}).") from fault
        if path.is_dir():
            raise Unusable("not_found", f"recording “{recording}” is a folder; name the sound file in it.")
        return path.absolute()
    raise Unusable("not_found", f"there is no “{recording}” in {folder.absolute()}; correct the path or copy the file.")


def _table(name: str, data: bytes) -> tuple[list[str], Iterator[tuple[str, list[str]]]]:
    """Header and rows of a CSV; a row's place is the line it begins on, counted as an editor counts."""
    text = _text(name, data)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(1 << 20)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)

    def rows() -> Iterator[tuple[str, list[str]]]:
        while True:
            begin = lines.line_num + 1
            try:
                cells = next(lines)
            except StopIteration:
                return
            except csv.Error as fault:
                raise Problem(f"{name} line {begin}: {fault}; look for a quote that is never closed.") from fault
            if any(cell.strip() for cell in cells):
                yield f"line {begin}", cells

    found = rows()
    _, header = next(found, ("", []))
    if not header:
        raise Problem(f"{name} is empty; its first line must name the columns, docs/recordings.md lists them.")
    return header, found


def _text(name: str, data: bytes) -> str:
    """A manifest's text: UTF-8 with or without BOM, UTF-16 with BOM, or GB18030 (which GBK and GB2312 are part of)."""
    for encoding in ("utf-16",) if data.startswith(WIDE) else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise Problem(f"{name} is not a text in UTF-8, UTF-16 or GB18030; save it as “CSV UTF-8”.")


def _parquet(manifest: Path) -> tuple[list[str], Iterator[tuple[str, list[str]]]]:
    import polars

    try:
        frame = polars.read_parquet(manifest)
    except (polars.exceptions.PolarsError, OSError) as fault:
        why = str(fault).splitlines()[0]
        raise Problem(f"{manifest.name} cannot be read as Parquet ({why}); write it again.") from fault
    rows = ((f"row {number}", [cell(value) for value in row]) for number, row in enumerate(frame.iter_rows(), 1))
    return frame.columns, rows


def cell(value: object) -> str:
    """A typed value as the text that a CSV would hold, so that both are judged by the same readers."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return ";".join(cell(one) for one in value)
    return str(value)
