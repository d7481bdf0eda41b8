"""The rights of a person: what a workspace holds of a customer or an agent, found, handed out, erased with a certificate.

A customer is found by the name that the manifest gave, or by a phone (or card, or ID) number that was said, in one piece or in
several, in digits or in words; an agent by the staff number. Calls in which a customer's name is only said are told apart
(`mentions`): they may be another's.
"""
from __future__ import annotations

import hashlib
import json
import os
import secrets
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl

from pipeline.masking.runs import runs
from pipeline.masking.signs import fold
from records import Problem, Transcript
from review.page import file_name
from store import exported, objects
from store.erasing import Erased, erase_calls
from store.holds import Holds
from store.lake import Lake
from store.plans import Plans
from store.reviews import audit, persons
from store.reviews.database import Database

Kind = Literal["customer", "phone", "agent"]
CERTIFICATES = "certificates"
UNREACHED = (
    ("备份和快照 backups and snapshots", "let them run out, or delete them there"),
    ("录音来源的清单、归档和随路数据 the source's manifests, archive and attached data", "erase there, or the next delivery brings them again"),
    ("导出文件的副本：邮件、网盘、下载、打印 copies of exports: mails, shared drives, downloads, prints", "ask everybody who was given them"),
    ("被改名或移走的导出 exports that were renamed or moved", "look for the call ids above in spreadsheets and folders"),
    ("规则里的例句，learn 和 backtest 写出的文件 examples in rule packs, files of learn and backtest", "search them for the words and take them out"),
    ("考核、工单等外来文件 delivered files of assessments, volumes, work orders", "erase at the system that delivers them"))
"""What erasing cannot reach, and what the operator does about each; the certificate and docs/privacy.md list them."""
LEAST = 7               # digits of a number that is looked for: fewer occur by chance


@dataclass(frozen=True)
class Who:
    """Whose data: a customer's name, a number that was said, or an agent's staff number."""

    kind: Kind
    value: str

    def __post_init__(self) -> None:
        if not self.value.strip() or (self.kind == "phone" and len(_digits(self.value)) < LEAST):
            raise Problem(f"--{self.kind}: give the whole name or number (a number has at least {LEAST} digits).")


@dataclass
class Found:
    """What there is: the person's calls, calls that only mention the name, recordings, cards and rows, exports."""

    who: Who
    calls: list[str] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    recordings: dict[str, str] = field(default_factory=dict)
    cards: int = 0
    exports: list[exported.Export] = field(default_factory=list)
    names: set[str] = field(default_factory=set)        # an agent's, which reports print


def find(lake: Lake, database: Database | None, who: Who, mentioned: bool = False) -> Found:
    """Everything of `who`; with `mentioned` calls that only say the name count among the person's."""
    found = Found(who)
    known = lake.calls().select("call_id", "customer_name", "agent_id", "agent_name", "recording").collect()
    if who.kind == "agent":
        mine = known.filter(pl.col("agent_id") == who.value.strip())
        found.calls, found.names = mine["call_id"].to_list(), {name for name in mine["agent_name"] if name and len(name) > 1}
    elif who.kind == "customer":
        name = fold(who.value.strip())
        found.calls = [row["call_id"] for row in known.iter_rows(named=True) if fold(row["customer_name"] or "") == name]
        found.mentions = [one.call_id for one in _others(lake, found.calls) if any(name in fold(turn.text) for turn in one.turns)]
        if mentioned:
            found.calls, found.mentions = sorted({*found.calls, *found.mentions}), []
    else:
        number = _digits(who.value)
        found.calls = [one.call_id for one in _others(lake, []) if says(one, number)]
    found.held = sorted(set(Holds(lake.root).covering(lake.calls()).collect()["call_id"]) & set(found.calls))
    paths = dict(known.select("call_id", "recording").iter_rows())
    found.recordings = {call_id: paths[call_id] for call_id in found.calls}
    found.cards = persons.cards_of(database, found.calls) if database else 0
    names = [file_name(call_id) for call_id in found.calls]
    found.exports = [one for one in exported.exports(lake.root) if found.calls and exported.holding(one, found.calls, names, found.names)]
    return found


def says(transcript: Transcript, number: str) -> bool:
    """Whether somebody says the digits: read one after the other by one speaker, however they were parted."""
    for speaker in {turn.speaker for turn in transcript.turns}:
        digits = "".join(atom.digits for turn in transcript.turns if turn.speaker == speaker for run in runs(fold(turn.text)) for atom in run.atoms)
        if number in digits:
            return True
    return False


def bundle(lake: Lake, database: Database | None, found: Found, to: Path, who: str) -> int:
    """Writes a zip of all that is held of a person and says in the log that it was made; how many files it has."""
    part = to.with_name(to.name + ".part")
    try:
        part.touch(0o600)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as made:
            contents = list(_contents(lake, database, found))
            made.writestr("README.txt", _readme(found, len(contents)))
            for name, content in contents:
                if isinstance(content, Path):
                    made.write(content, name)
                else:
                    made.writestr(name, content)
        part.replace(to)
    except OSError as fault:
        raise Problem(f"{to} cannot be written ({fault.strerror or fault}); name another file.") from fault
    if database is not None:
        with database.writing() as session:
            audit.note(session, who, "person.exported", _print(found.who), calls=len(found.calls))
    return len(contents) + 1


def erase(lake: Lake, database: Database | None, found: Found, who: str, reason: str) -> dict[str, Any]:
    """Deletes what is not on legal hold and gives the certificate, which is kept in `certificates/` of the workspace.

    The certificate tells the calls and hashes of what went, not whom it was about: that it names by a salted hash, which who has the
    request can check. Needs `lake.writing()`."""
    going = [call_id for call_id in found.calls if call_id not in set(found.held)]
    made: dict[str, Any] = {
        "certificate": secrets.token_hex(8), "at": datetime.now(UTC).isoformat(timespec="seconds"), "by": who, "reason": reason,
        "person": _print(found.who), "calls": [_proof(lake, call_id) for call_id in going]}
    names = [file_name(call_id) for call_id in going]
    cleaned = exported.clean(found.exports, going, names, lake.root, found.names) if going else exported.Cleaned([], [])
    gone = erase_calls(lake, going, who=who, reason=f"certificate {made['certificate']}", database=database) if going else Erased()
    if found.who.kind == "agent" and not found.held:
        gone.plan_rows += Plans(lake.root).forget((), found.who.value.strip())
    other = persons.erase_agent(database, found.who.value.strip(), who) if found.who.kind == "agent" and database and not found.held else {}
    made["erased"] = {"calls": len(going), "rows_of_the_lake": gone.lake_rows, "rows_of_the_review_database": gone.review_rows + sum(other.values()),
                      "recordings": gone.recordings, "playable_copies": gone.files, "rows_of_sampling_plans": gone.plan_rows, "files_of_exports": cleaned.files}
    made["kept"] = [*({"what": call_id, "why": "legal hold"} for call_id in found.held), *_always_kept(found),
                    *({"what": sentence, "why": "could not be changed here"} for sentence in (*gone.left, *cleaned.left))]
    _keep(lake.root / CERTIFICATES, made)
    if database is not None:
        with database.writing() as session:
            audit.note(session, who, "person.erased", made["certificate"], calls=len(going), held=len(found.held))
    return made


def readable(certificate: dict[str, Any]) -> str:
    """The certificate for a person to read, Chinese and English."""
    erased = certificate["erased"]
    lines = [f"删除证明 Certificate of erasure {certificate['certificate']}", "",
             f"时间 When: {certificate['at']} (UTC)", f"经办 By: {certificate['by']}", f"事由 Reason: {certificate['reason']}",
             f"当事人 Person (hash): {certificate['person']}", "", "已删除 Erased:",
             f"  通话 calls {erased['calls']}；录音 recordings {erased['recordings']}；数据湖 rows of the lake {erased['rows_of_the_lake']}；"
             f"评分库 rows of the review database {erased['rows_of_the_review_database']}；播放副本 playable copies {erased['playable_copies']}；"
             f"抽样计划 rows of sampling plans {erased.get('rows_of_sampling_plans', 0)}",
             *(f"  导出 export {file}" for file in erased["files_of_exports"]), "", "通话 Calls (SHA-256 of transcript / sound):",
             *(f"  {one['call_id']}  {one['transcript_sha256']} / {one['audio_sha256'] or '–'}" for one in certificate["calls"]), "", "保留 Kept:",
             *(f"  {one['what']}: {one['why']}" for one in certificate["kept"])]
    return "\n".join(lines) + "\n"


def _others(lake: Lake, known: Sequence[str]) -> Iterator[Transcript]:
    there = set(known)
    return (one for one in lake.transcripts() if one.call_id not in there)


def _digits(number: str) -> str:
    digits = "".join(character for character in fold(number) if character.isdigit() and character.isascii())
    return digits.removeprefix("86") if len(digits) == 13 and digits.startswith("861") else digits


def _print(who: Who) -> str:
    """The person as a hash with a salt of its own: a bare hash of a phone number is guessed in a minute."""
    salt = secrets.token_hex(8)
    return f"{who.kind}:{salt}:{hashlib.scrypt(who.value.strip().encode(), salt=salt.encode(), n=2 ** 14, r=8, p=1, dklen=16).hex()}"


def is_about(certificate: dict[str, Any], who: Who) -> bool:
    """Whether a certificate is about this person."""
    kind, salt, digest = certificate["person"].split(":")
    return kind == who.kind and hashlib.scrypt(who.value.strip().encode(), salt=salt.encode(), n=2 ** 14, r=8, p=1, dklen=16).hex() == digest


def _proof(lake: Lake, call_id: str) -> dict[str, Any]:
    held = lake.known([call_id])[call_id]
    return {"call_id": call_id, "transcript_sha256": hashlib.sha256(lake.transcript(call_id).model_dump_json().encode()).hexdigest(),
            "audio_sha256": held.audio.sha256}


def _contents(lake: Lake, database: Database | None, found: Found) -> Iterator[tuple[str, str | Path]]:
    for call_id in found.calls:
        folder = file_name(call_id)
        yield f"{folder}/transcript.json", lake.transcript(call_id).model_dump_json(indent=2)
        yield f"{folder}/draft.json", lake.draft(call_id).model_dump_json(indent=2)
        recording = found.recordings[call_id]
        if not objects.is_address(recording) and Path(recording).is_file():
            yield f"{folder}/recording{Path(recording).suffix.lower()}", Path(recording)
        else:
            yield f"{folder}/recording.txt", f"{recording} is not on this machine's disks.\n"
    if database is not None:
        yield "reviews.json", json.dumps(persons.rows_of(database, found.calls, found.who.value.strip() if found.who.kind == "agent" else None),
                                         ensure_ascii=False, indent=2, default=str)


def _readme(found: Found, files: int) -> str:
    lines = [f"{len(found.calls)} calls, {files} files: each call's transcript, draft scorecard and recording in a folder of its own; reviews.json: what "
             "people decided about them.", "Others who speak in these calls are heard and quoted too."]
    lines += [f"The name is also said in {call_id}, which may be another person's call." for call_id in found.mentions]
    return "\n".join(lines) + "\n"


def _always_kept(found: Found) -> list[dict[str, str]]:
    kept = [{"what": "call ids, days and reasons in deletions.jsonl, certificates/ and the audit log, without anybody's words", "why": "proof that it was done"},
            {"what": "holds.jsonl: what was put on legal hold and taken off, with the value it was held by", "why": "record of legal holds"},
            *({"what": what, "why": f"不在本产品所及之处 not within reach: {do}"} for what, do in UNREACHED)]
    if found.who.kind == "agent":
        kept.append({"what": "the agent's login in the audit log, as erased-N", "why": "record of who did what"})
    return kept


def _keep(folder: Path, certificate: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True, mode=0o700)
    for name, text in ((f"{certificate['certificate']}.json", json.dumps(certificate, ensure_ascii=False, indent=2)),
                       (f"{certificate['certificate']}.txt", readable(certificate))):
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
