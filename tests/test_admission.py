"""Calls that may not be analysed here are refused by name; copies without card values are made where the settings name a place."""
from __future__ import annotations

import wave
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from flows.job import Job, Summary, run_batches
from pipeline.manifest import read_source
from records import Recording, Transcript, Turn
from settings import Privacy, Settings
from store.lake import Lake
from tests.stand_ins import StubScorer, StubTranscriber


def manifest(folder: Path, heading: str, *cells: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(len(cells)):
        (folder / f"{number}.wav").write_bytes(bytes([65 + number]) * 50)
    rows = [f"c{number},{number}.wav,{cell}" for number, cell in enumerate(cells)]
    (folder / "manifest.csv").write_text("\n".join([f"call_id,recording,{heading}", *rows]), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("cell", "code"), [
    ("no", "no_consent"), ("否", "no_consent"), ("不同意", "no_consent"), ("撤回", "no_consent"), ("yes", None), ("同意", None), ("", None),
    ("maybe", "bad_value")])
@pytest.mark.parametrize("heading", ["consent", "客户同意"])
def test_who_has_not_agreed_is_never_opened(cell: str, code: str | None, heading: str, tmp_path: Path) -> None:
    listing = read_source(manifest(tmp_path / "calls", heading, cell, "yes"))
    assert [one.code for one in listing.refused] == ([code] if code else [])
    assert len(listing.recordings) == 2 - bool(code)


def run(source: Path, workspace: Path, privacy: Privacy, transcriber: StubTranscriber | None = None) -> Summary:
    used = transcriber or StubTranscriber()
    with Job(source, workspace, Settings(privacy=privacy), load=lambda _: (used, StubScorer())) as job:
        return run_batches(job, pause=0.0)


def test_a_line_kept_apart_goes_into_its_own_workspace_and_into_no_other(tmp_path: Path) -> None:
    source = manifest(tmp_path / "calls", "line", "cards", "broadband", "")
    privacy = Privacy(apart={"cards": tmp_path / "secure"})
    everyone, apart = run(source, tmp_path / "w", privacy), run(source, tmp_path / "secure", privacy)
    assert [(one.call_id, one.code) for one in everyone.failures] == [("c0", "line_apart")] and "secure" in everyone.failures[0].message
    assert Lake.open(tmp_path / "w").call_ids() == ["c1", "c2"] and Lake.open(tmp_path / "secure").call_ids() == ["c0"]
    assert [one.call_id for one in apart.failures] == ["c1", "c2"]


class SaysTheValue(StubTranscriber):
    def run(self, recordings: Sequence[Recording], *_: object, **__: object) -> Iterator[tuple[Recording, Transcript]]:
        for one in recordings:
            turns = (Turn(speaker="customer", text="安全码317", start=1.0, end=2.0, channel=0),)
            yield one, Transcript.model_validate(one.call.model_dump() | {"turns": turns, "duration": 4.0})


def sound(file: Path) -> np.ndarray:
    with wave.open(str(file)) as given:
        return np.frombuffer(given.readframes(-1), "<i2") / 32768


def test_a_copy_without_card_values_is_made_and_the_recording_stays(tmp_path: Path) -> None:
    source = manifest(tmp_path / "calls", "line", "cards")
    with wave.open(str(tmp_path / "calls" / "0.wav"), "wb") as made:
        made.setparams((1, 2, 16000, 0, "NONE", ""))
        made.writeframes((np.random.default_rng(0).normal(0, 3000, 64000)).astype("<i2").tobytes())
    before = (tmp_path / "calls" / "0.wav").read_bytes()
    done = run(source, tmp_path / "w", Privacy(drop_cvv=True, redacted=tmp_path / "copies"), SaysTheValue())
    copy = tmp_path / "copies" / "c0.wav"
    assert not done.failures and (tmp_path / "calls" / "0.wav").read_bytes() == before
    assert np.max(np.abs(sound(copy)[24000:30000])) < 0.101 and np.allclose(sound(copy)[:8000], sound(tmp_path / "calls" / "0.wav")[:8000], atol=1e-3)
    assert copy.stat().st_mode & 0o077 == 0 and Lake.open(tmp_path / "w").transcript("c0").turns[0].text == "安全码***"


def test_a_call_whose_copy_cannot_be_made_is_not_stored(tmp_path: Path) -> None:
    source = manifest(tmp_path / "calls", "line", "cards")
    (tmp_path / "copies").write_text("a file is in the way")
    done = run(source, tmp_path / "w", Privacy(drop_cvv=True, redacted=tmp_path / "copies"), SaysTheValue())
    assert [one.code for one in done.failures] == ["not_redacted"] and Lake.open(tmp_path / "w").call_ids() == []
