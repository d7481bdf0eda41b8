"""The lake: everything that is known of finished calls, in a workspace of Delta tables (store/tables.py).

A batch becomes visible at once although several tables are written. Its rows go first into the detail tables, marked with
the batch's id; the rows of `calls`, written last in one Delta commit, name the batches that hold for each call. Readers take
only rows of those batches, so what a killed run left behind is invisible, and the next run removes it (store/journal.py).
Read the tables through this module, or join them on `batch_id` yourself.
"""
from __future__ import annotations

import errno
import hashlib
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from records import Draft, Failure, Problem, Recording, Transcript
from store import sealing, tables
from store.failures import AudioFile, Failed, Failures
from store.journal import Journal, Note
from store.lock import Turn, alone, side_by_side
from store.opened import Opened

VERSION = "1"


@dataclass(frozen=True)
class Result:
    """One call done: its transcript and draft, or its failure. `recognised` is false when the stored transcript was only
    scored again. `scorer_version` and `form_asked` say what made the draft, `transcriber_version` what made the words.
    `metadata_sha256` keeps the stored one where nobody has told anew about the call; empty: taken from `recording`."""

    recording: Recording
    audio: AudioFile
    transcriber_version: str
    transcript: Transcript | None = None
    draft: Draft | None = None
    failure: Failure | None = None
    scorer_version: str = ""
    form_asked: str | None = None
    recognised: bool = True
    metadata_sha256: str = ""


@dataclass(frozen=True)
class Known:
    """What the lake holds of a call: enough to decide whether it must be recognised or scored again."""

    recording: str
    agent_channel: str | None
    audio: AudioFile
    transcriber_version: str
    scorer_version: str
    form_asked: str | None
    metadata_sha256: str


def metadata_sha256(recording: Recording) -> str:
    """Changes when what is told about the call changes, apart from its sound: the draft must then be made anew."""
    return hashlib.sha256(recording.call.model_dump_json().encode()).hexdigest()


def first_day(since: str | None) -> str | None:
    """A day as the tables write it (2026-11-20), to compare with their column `day`; Problem for what is no day."""
    try:
        return date.fromisoformat(since).isoformat() if since else None
    except ValueError:
        raise Problem(f"--since {since}: not a day; write it as 2026-11-20.") from None


class Lake:
    """One workspace. Open it with `Lake.open` to read, `Lake.create` to read or begin one, `writing()` to change it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.keys = sealing.of_workspace(root)
        self._journal, self._failures, self._turn = Journal(root / "journal"), Failures(root, self.keys), Turn(root)
        self._opened: dict[str, Opened] = {}

    @classmethod
    def open(cls, workspace: str | Path) -> Lake:
        """An existing workspace; `Problem` when there is none or another version of Tingjian made it."""
        root = _directory(workspace)
        if not (root / "version").is_file():
            raise Problem(f"{root} is no workspace: `tingjian run SOURCE --workspace {workspace}` makes one.")
        _check_version(root)
        return cls(root)

    @classmethod
    def create(cls, workspace: str | Path) -> Lake:
        """The workspace, begun with empty tables where there is none yet."""
        root = _directory(workspace)
        if (root / "version").is_file():
            return cls.open(root)
        with _mendable(root, "made"):
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            foreign = sorted({entry.name for entry in root.iterdir()} - set(tables.TABLES) - {"version.part", "prefect"})
            if foreign:
                raise Problem(f"{root} is no workspace and is not empty ({foreign[0]} …): name an empty or a new directory.")
            for name in tables.TABLES:
                partitions = None if name == "failures" else ["day"]
                write_deltalake(str(root / name), tables.frame(name, []), mode="ignore", partition_by=partitions)
            (root / "version.part").write_text(VERSION + "\n", encoding="utf-8")
            (root / "version.part").replace(root / "version")
        return cls(root)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the workspace as its only writer, and first put right what a killed run left; `Problem` when it is taken."""
        with ExitStack() as held:
            with _mendable(self.root, "written"):
                held.enter_context(alone(self.root))
            with self.committing():
                pass
            yield

    @contextmanager
    def running(self, work: str) -> Iterator[None]:
        """Hold the workspace together with other runs, which wait for each other only while they commit; `Problem` when one
        has it for itself (`writing`), or when the same `work` (the name of a source) is being done already."""
        with ExitStack() as held:
            with _mendable(self.root, "written"):
                held.enter_context(side_by_side(self.root, work))
            with self.committing():
                pass
            yield

    @contextmanager
    def committing(self) -> Iterator[None]:
        """One writer's turn to commit; what a killed one has left is put right first, for now nobody else is at it. Needs
        `writing()` or `running()`; may be entered again inside."""
        with _mendable(self.root, "written"), self._turn as outermost:
            if outermost:
                sealing.note_use(self.root, self.keys)
                self._begin_hits()
                for note in self._journal.open_notes():
                    self._settle(note)
            yield

    # -- writing -----------------------------------------------------------------------------------------------------

    def commit(self, results: Sequence[Result], source: str = "") -> None:
        """Keep a batch: all of it becomes visible together, or none. Needs `writing()` or `running()`.

        A call that is there already is replaced. Failures of calls that are now done go (where the call was only scored
        again, those of scoring); new ones are kept with `source`.
        """
        done = [result for result in results if result.transcript is not None and result.draft is not None]
        tried = {(result.recording.call.call_id, result.recording.path): result.recognised for result in results}
        with self.committing():
            if done:
                self._commit_calls(done)
            self._failures.tried(tried, [Failed(result.failure, source, result.audio, result.transcriber_version)
                                         for result in results if result.failure is not None])

    def settle_failures(self, source: str, listed: Sequence[Failed]) -> None:
        """Make `listed` all the failures of `source`: what was mended or left the source since is forgotten."""
        with self.committing():
            self._failures.settle(source, listed)

    def ask_again(self, wanted: Callable[[Failed], bool]) -> list[Failed]:
        """The next run tries again the failures that `wanted` is true of, also hopeless ones; returns them."""
        with self.committing():
            return self._failures.ask_again(wanted)

    def _commit_calls(self, done: Sequence[Result]) -> None:
        batch_id = uuid.uuid4().hex
        held = self._held({result.recording.call.call_id for result in done})
        rows, replaced = self._rows(done, batch_id, held)
        days = sorted({row["day"] for row in rows["calls"]})
        note = Note(batch_id=batch_id, days=days, replaced=replaced)
        self._journal.begin(note)
        for name in [*tables.OF_RECOGNITION, *tables.OF_SCORING]:
            if rows[name]:
                self._append(name, rows[name])
        if held:
            call_ids = _sql_list(row["call_id"] for row in rows["calls"])
            write_deltalake(str(self.root / "calls"), self._frame("calls", rows["calls"]), mode="overwrite",
                            predicate=f"call_id IN ({call_ids})")
        else:
            self._append("calls", rows["calls"])
        self._settle(note)

    def _rows(self, done: Sequence[Result], batch_id: str, held: dict[str, dict[str, Any]],
              ) -> tuple[tables.Rows, list[tuple[str, str, str, str]]]:
        rows: tables.Rows = {name: [] for name in tables.TABLES}
        replaced = []
        for result in done:
            assert result.transcript is not None and result.draft is not None
            old = held.get(result.transcript.call_id)
            day = tables.day_of(result.transcript.started_at)
            made = tables.scoring_rows(result.draft, day, batch_id)
            made["hits"] = tables.hit_rows(result.draft, result.transcript, day, batch_id)
            recognition_batch = batch_id
            if old and not result.recognised:
                recognition_batch = old["recognition_batch"]
            else:
                made |= tables.recognition_rows(result.transcript, batch_id)
            if old:
                here = (result.transcript.call_id, "scoring", old["scoring_batch"], old["day"])
                replaced.append(here)
                if recognition_batch == batch_id:
                    replaced.append((here[0], "recognition", old["recognition_batch"], old["day"]))
            for name, more in made.items():
                rows[name].extend(more)
            rows["calls"].append(_call_row(result, day) | {
                "recognition_batch": recognition_batch, "scoring_batch": batch_id})
        return rows, replaced

    def _settle(self, note: Note) -> None:
        """Bring a batch to its end: rows it replaced go if it is visible, its own rows go if it is not."""
        visible = self._visible(note)
        if not visible:
            for name in [*tables.OF_RECOGNITION, *tables.OF_SCORING]:
                self._delete(name, f"day IN ({_sql_list(note.days)}) AND batch_id = '{note.batch_id}'")
        for kind, names in (("recognition", tables.OF_RECOGNITION), ("scoring", tables.OF_SCORING)):
            void = [(call_id, batch, day) for call_id, what, batch, day in note.replaced if what == kind]
            if visible and void:
                calls, batches, days = (_sql_list({row[column] for row in void}) for column in range(3))
                for name in names:
                    self._delete(name, f"day IN ({days}) AND batch_id IN ({batches}) AND call_id IN ({calls})")
        self._journal.end(note)

    def _visible(self, note: Note) -> bool:
        return not self._scan("calls").filter(pl.col("scoring_batch") == note.batch_id).head(1).collect().is_empty()

    def _append(self, name: str, rows: list[dict[str, Any]]) -> None:
        """New columns join a table that an earlier Tingjian made; they are null in its rows."""
        write_deltalake(str(self.root / name), self._frame(name, rows), mode="append", schema_mode="merge")

    def _frame(self, name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
        return self.keys.sealed(name, tables.frame(name, rows))

    def _delete(self, name: str, predicate: str) -> None:
        DeltaTable(str(self.root / name)).delete(predicate)

    def _begin_hits(self) -> None:
        """A workspace that an earlier Tingjian made has no table `hits`: it is made of what the findings say."""
        if not (self.root / "hits" / "_delta_log").is_dir():
            write_deltalake(str(self.root / "hits"), self._hits_of_findings().collect(engine="streaming"), mode="overwrite",
                            partition_by=["day"])

    def _hits_of_findings(self) -> pl.LazyFrame:
        told = self._scan("calls").select("call_id", "agent_id", "team", "line", "customer_tier", batch_id="scoring_batch")
        pieces = pl.max_horizontal(pl.col("evidence").list.len().fill_null(0), pl.lit(1)).cast(pl.Int32)
        telling = self._scan("findings").filter(pl.col("verdict").is_in(tables.TELLING)).with_columns(hits=pieces)
        return telling.join(told, on=["call_id", "batch_id"]).select(*tables.HITS)

    def _held(self, call_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        rows = self._scan("calls").filter(pl.col("call_id").is_in(list(call_ids))).collect()
        return {row["call_id"]: row for row in rows.iter_rows(named=True)}

    # -- reading -----------------------------------------------------------------------------------------------------

    def known(self, call_ids: Collection[str]) -> dict[str, Known]:
        """What is held of these calls, by call_id; calls that are not finished are missing."""
        return {call_id: Known(
            row["recording"], row["agent_channel"], AudioFile(row["audio_sha256"], row["audio_size"], row["audio_mtime_ns"]),
            row["transcriber_version"], row["scorer_version"], row["form_asked"], row["metadata_sha256"])
            for call_id, row in self._held(call_ids).items()}

    def calls(self) -> pl.LazyFrame:
        """One row per finished call, by call_id."""
        return self._scan("calls").drop("recognition_batch", "scoring_batch").sort("call_id")

    def turns(self) -> pl.LazyFrame:
        return self._details("turns", "turn")

    def removed(self) -> pl.LazyFrame:
        """Text that a guard took out, kept for audit."""
        return self._details("removed", "start")

    def items(self) -> pl.LazyFrame:
        return self._details("items", "position")

    def findings(self) -> pl.LazyFrame:
        return self._details("findings", "position")

    def rows(self, name: str) -> pl.LazyFrame:
        """The rows of a table that hold, in no order: for questions over millions of calls. Filters on `day` and on columns
        reach the files; the table is joined with nothing but what a batch that is not at its end has left in it."""
        if name == "calls":
            return self._scan("calls").drop("recognition_batch", "scoring_batch")
        if name == "hits" and not (self.root / "hits" / "_delta_log").is_dir():
            return self._hits_of_findings().drop("batch_id")
        kind = "recognition" if name in tables.OF_RECOGNITION else "scoring"
        rows = self._scan(name)
        for note in self._journal.notes():
            if self._visible(note):
                void = [(call_id, batch) for call_id, what, batch, _ in note.replaced if what == kind]
                gone = pl.LazyFrame(void, schema={"call_id": pl.String, "batch_id": pl.String}, orient="row")
                rows = rows.join(gone, on=["call_id", "batch_id"], how="anti")
            else:
                rows = rows.filter(pl.col("batch_id") != note.batch_id)
        return rows.drop("batch_id")

    def failures(self) -> pl.LazyFrame:
        """One row per recording that could not be done."""
        with _mendable(self.root, "read"):
            return self._failures.scan()

    def failed(self) -> list[Failed]:
        """The stored failures as records."""
        with _mendable(self.root, "read"):
            return self._failures.listed()

    def transcripts(self, call_ids: Sequence[str] | None = None) -> Iterator[Transcript]:
        """Every transcript as it was committed, by call_id, with its words; or those of `call_ids`."""
        for text in self._texts("transcripts", "transcript", call_ids):
            yield Transcript.model_validate_json(text)

    def drafts(self, call_ids: Sequence[str] | None = None) -> Iterator[Draft]:
        """Every draft as it was committed, by call_id; or those of `call_ids`."""
        for text in self._texts("drafts", "draft", call_ids):
            yield Draft.model_validate_json(text)

    def transcript(self, call_id: str, day: str | None = None) -> Transcript:
        """One call's transcript, sooner found with its `day`; `Problem` with near matches for a call that is not there."""
        return Transcript.model_validate_json(self._text("transcripts", "transcript", call_id, day))

    def draft(self, call_id: str, day: str | None = None) -> Draft:
        """One call's draft, sooner found with its `day`; `Problem` with near matches for a call that is not there."""
        return Draft.model_validate_json(self._text("drafts", "draft", call_id, day))

    def call_ids(self) -> list[str]:
        return self._scan("calls").select("call_id").collect()["call_id"].sort().to_list()

    def _scan(self, name: str) -> pl.LazyFrame:
        with _mendable(self.root, "read"):
            return self.keys.opened(name, pl.scan_delta(str(self.root / name)))

    def _details(self, name: str, order: str, here: pl.Expr | None = None) -> pl.LazyFrame:
        """Rows that the table `calls` vouches for, of those `here` says."""
        marks = "recognition_batch" if name in tables.OF_RECOGNITION else "scoring_batch"
        calls, rows = (self._scan(one) if here is None else self._scan(one).filter(here) for one in ("calls", name))
        valid = calls.select("call_id", batch_id=pl.col(marks))
        rows = rows.join(valid, on=["call_id", "batch_id"], how="semi")
        return rows.drop("batch_id").sort("call_id", order, maintain_order=True)

    def _texts(self, name: str, column: str, call_ids: Sequence[str] | None) -> Iterator[str]:
        """JSON of the calls in order, a hundred calls in memory at a time; only the partitions of their days are read."""
        days = dict(self._scan("calls").select("call_id", "day").collect().iter_rows())
        wanted = sorted(days if call_ids is None else days.keys() & set(call_ids))
        for start in range(0, len(wanted), 100):
            some = wanted[start:start + 100]
            here = pl.col("day").is_in({days[call_id] for call_id in some}) & pl.col("call_id").is_in(some)
            yield from self._details(name, "call_id").filter(here).collect()[column]

    def _text(self, name: str, column: str, call_id: str, day: str | None = None) -> str:
        """A call that was told another day since is found without it."""
        if day and (text := self._near(name, column, call_id, day)) is not None:
            return text
        this = pl.col("call_id") == call_id
        for here in [this & (pl.col("day") == day), this] if day else [this]:
            found = self._details(name, "call_id", here).collect()
            if not found.is_empty():
                return found[column][0]
        raise self._unknown(call_id)

    def _near(self, name: str, column: str, call_id: str, day: str) -> str | None:
        """The same from the files of its day alone. None where it is not there, or where a file went between two looks (erased, put
        together with others): then the table is read in the ordinary way."""
        try:
            vouching, files = [self._opened.setdefault(one, Opened(self.root / one)).files(day) for one in ("calls", name)]
            batches = _batches(vouching, call_id) if vouching and files else None
            if batches is None:
                return None
            this = (pl.col("call_id") == call_id) & (pl.col("batch_id") == batches[name not in tables.OF_RECOGNITION])
            found = self.keys.opened(name, pl.scan_parquet(list(files)).filter(this).select(column)).collect()
        except (OSError, DeltaError, pl.exceptions.PolarsError):
            return None
        return found[column][0] if len(found) else None

    def _unknown(self, call_id: str) -> Problem:
        for failed in self.failed():
            if failed.failure.call_id == call_id:
                return Problem(f"{call_id} has no card, it failed: {failed.failure.message}")
        near = get_close_matches(call_id, self.call_ids(), n=3, cutoff=0.4) or self.call_ids()[:3]
        hint = f" Near it: {', '.join(near)}." if near else ""
        return Problem(f"No call {call_id} in {self.root}.{hint}")


@lru_cache(maxsize=1024)
def _batches(files: tuple[str, ...], call_id: str) -> tuple[str, str] | None:
    """The batches of a call's recognition and scoring, from files of the table `calls`: a file of a Delta table never changes."""
    found = pl.scan_parquet(list(files)).filter(pl.col("call_id") == call_id).select("recognition_batch", "scoring_batch").collect()
    return found.row(0) if len(found) else None


def _call_row(result: Result, day: str) -> dict[str, Any]:
    transcript, draft = result.transcript, result.draft
    assert transcript is not None and draft is not None
    told = transcript.model_dump(exclude={"turns", "removed", "recognition"})
    return told | tables.draft_columns(draft) | {
        "day": day, "organisation": list(transcript.organisation), "recording": result.recording.path,
        "agent_channel": result.recording.agent_channel, "turns": len(transcript.turns),
        "audio_sha256": result.audio.sha256, "audio_size": result.audio.size, "audio_mtime_ns": result.audio.mtime_ns,
        "transcriber_version": result.transcriber_version, "scorer_version": result.scorer_version,
        "form_asked": result.form_asked, "metadata_sha256": result.metadata_sha256 or metadata_sha256(result.recording),
        "finished_at": datetime.now(UTC)}


def _sql_list(values: Any) -> str:
    return ", ".join("'" + str(value).replace("'", "''") + "'" for value in sorted(values))


def _directory(workspace: str | Path) -> Path:
    if "://" in str(workspace):
        raise Problem(f"{workspace}: a workspace must be a directory for now; object stores cannot be written to yet.")
    return Path(workspace).expanduser().absolute()


def _check_version(root: Path) -> None:
    version = (root / "version").read_text(encoding="utf-8").strip()
    if version != VERSION:
        raise Problem(f"{root} was made by another Tingjian (lake version {version}, this one reads {VERSION}): "
                      "use that version, or run again into a new workspace.")


@contextmanager
def _mendable(root: Path, what: str) -> Iterator[None]:
    """Faults of the disk as a `Problem` that says what to do; nothing half-written is ever visible."""
    try:
        yield
    except (OSError, DeltaError) as fault:
        text = ": ".join(line.split("↳")[-1].removeprefix("\x1b[0m").strip() for line in str(fault).splitlines() if line.strip())
        text = text or type(fault).__name__
        number = getattr(fault, "errno", None)
        if number in (errno.ENOSPC, errno.EDQUOT) or "No space left" in text:
            remedy = "the disk is full. Make room"
        elif number in (errno.EACCES, errno.EPERM, errno.EROFS) or "ermission denied" in text or "ead-only" in text:
            remedy = "it may not be written or read by this user. Change its permissions or name another directory"
        else:
            remedy = "see the fault above. Check the disk and the path"
        raise Problem(f"The workspace {root} could not be {what}: {text}: {remedy}, then run the same command again; "
                      "finished batches are kept.") from fault
