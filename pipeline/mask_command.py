"""`tingjian mask FILE`: personal data in sentences, found and hidden, one JSON object a line; `--audio`: in the sound of a call."""
from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer


def mask(file: Annotated[Path | None, typer.Argument(help='JSON Lines of {"text"}; - is standard input')] = None,
         audio: Annotated[str | None, typer.Option(help="Instead: the sound of this call of --workspace, with a tone over its personal data")] = None,
         workspace: Annotated[str | None, typer.Option("--workspace", "-w", help="With --audio: the directory that `tingjian run` filled")] = None,
         out: Annotated[Path | None, typer.Option(help="With --audio: the WAV to write, 16 kHz, channels kept")] = None,
         start: Annotated[float, typer.Option(min=0, help="With --audio: seconds at which a clip begins")] = 0.0,
         end: Annotated[float | None, typer.Option(min=0, help="… and ends")] = None) -> None:
    """Print {"masked", "spans": [[start, end, kind], …]} for each line, in the order of the input.

    Offsets are in characters of the text, which the masked text keeps. A line may name "staff" whose names are not masked. A line that
    cannot be read is named on standard error, the others are masked, and the exit code is 1.
    """
    from records import Problem

    if audio is not None:
        if file or not workspace or not out:
            raise Problem("For sound: tingjian mask --audio CALL --workspace DIR --out FILE.wav, and no file of sentences.")
        return _sound(audio, workspace, out, start, end)
    if file is None:
        raise Problem("Nothing to mask: name a file of JSON Lines, - for standard input, or --audio CALL.")
    return _sentences(file)


def _sound(call_id: str, workspace: str, out: Path, start: float, end: float | None) -> None:
    from pipeline.decode import Refused, decode
    from pipeline.fetching import at_hand
    from pipeline.masking.sound import stretches, write_wav
    from records import Problem
    from settings import Settings
    from store.lake import Lake

    lake = Lake.open(workspace)
    covered = stretches(lake.transcript(call_id))
    held = lake.known([call_id])
    try:
        with at_hand(held[call_id].recording, Settings().sources) as file, decode(file, max_hours=24) as sound:
            write_wav(sound, covered, out, start, end)
    except Refused as refused:
        raise Problem(f"{call_id}: {refused.message}") from refused
    except OSError as fault:
        raise Problem(f"{out} cannot be written ({fault.strerror or fault}); name another file.") from fault
    guessed = sum(not one.sure for one in covered)
    told = f"; {guessed} of them by the share of characters, since their turns have no word times" if guessed else ""
    typer.echo(f"{out}: a tone over {len(covered)} stretches{told}", err=True)


def _sentences(file: Path) -> None:
    from pipeline.masking import find, masked

    broken = 0
    for number, line in _lines(file):
        try:
            text, staff = _asked(line)
        except ValueError as wrong:
            broken += 1
            typer.echo(f'{file} line {number}: {wrong}; write {{"text": "…"}}, one a line. The other lines go on.', err=True)
            continue
        spans = find(text, staff)
        _print({"masked": masked(text, spans), "spans": [list(span) for span in spans]})
    if broken:
        raise typer.Exit(1)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Line numbers and lines as they come, so that a pipe is answered line by line."""
    from records import Problem

    try:
        stream = sys.stdin.buffer if str(file) == "-" else file.open("rb")
    except OSError as fault:
        raise Problem(f"{file} cannot be read: {fault.strerror or fault}; name a file of JSON Lines, or - for standard input.") from fault
    with stream:
        for number, line in enumerate(io.BufferedReader(stream) if isinstance(stream, io.RawIOBase) else stream, 1):
            line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if line.strip():
                yield number, line


def _asked(line: bytes) -> tuple[str, list[str]]:
    """Text and staff of a line; ValueError says what is wrong with it."""
    try:
        raw = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except (ValueError, RecursionError) as wrong:
        raise ValueError(f"not JSON ({wrong})") from None
    text = raw.get("text") if isinstance(raw, dict) else None
    if not isinstance(text, str):
        raise ValueError('no object with a string "text"')
    staff = raw.get("staff") or []
    if not isinstance(staff, list) or not all(isinstance(one, str) for one in staff):
        raise ValueError('"staff" is no list of names')
    return text, staff


def _print(answer: dict[str, Any]) -> None:
    """One line at once; halves of characters, which UTF-8 cannot have, go out escaped."""
    line = json.dumps(answer, ensure_ascii=False)
    try:
        data = line.encode()
    except UnicodeEncodeError:
        data = json.dumps(answer).encode()
    sys.stdout.buffer.write(data + b"\n")
    sys.stdout.buffer.flush()
