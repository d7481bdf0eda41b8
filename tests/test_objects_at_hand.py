"""Recordings in a store of objects are heard, cut, masked and copied as files are: fetched for it, within a size, and gone afterwards."""
from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.job import Job, run_batches
from pipeline.fetching import Fetching, NotHad, at_hand
from records import Call, Recording
from review.workbench.bench import Bench
from settings import Settings, Sources
from store import objects
from store.lake import Lake, Result
from tests import benches
from tests.benches import SAMPLES, Visitor
from tests.stand_ins import StubScorer
from tests.test_admission import SaysTheValue
from tests.test_admission import sound as samples_of
from tests.test_sources import bucket, store  # noqa: F401
from tingjian import app

CALL, GONE = "sample-002", "sample-003"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TINGJIAN_SOURCES__CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def bench(bucket: Any, cache: Path, tmp_path: Path) -> Iterator[Bench]:  # noqa: F811
    """Two calls whose recordings lie in the store, one of which is no longer there."""
    made = benches.bench(tmp_path / "w")
    bucket(n__two_wav=(SAMPLES / "recordings" / f"{CALL}.wav").read_bytes())
    results = []
    for call_id, key in ((CALL, "two"), (GONE, "gone")):
        said, known = made.lake.transcript(call_id), made.lake.known([call_id])[call_id]
        recording = Recording(call=Call.model_validate(said.model_dump()), path=f"s3://calls/n/{key}.wav")
        results.append(Result(recording, known.audio, known.transcriber_version, said, made.lake.draft(call_id), scorer_version=known.scorer_version))
    with made.lake.writing():
        made.lake.commit(results)
    made.settings = made.settings.model_copy(update={"sources": Sources(cache=cache)})
    yield made
    made.database.engine.dispose()


def left(cache: Path) -> list[Path]:
    return list(cache.rglob("*"))


def test_an_object_is_played_and_drawn_and_only_the_copy_for_the_browser_stays(bench: Bench, cache: Path) -> None:
    rui = Visitor(bench, "rui")
    peaks = rui.get(f"/calls/{CALL}/peaks")
    heard = rui.client.get(f"/calls/{CALL}/sound")
    assert peaks.status == heard.status_code == 200 and heard.content[:4] == b"\x1aE\xdf\xa3" and len(heard.content) > 10_000
    assert left(cache) == []
    objects.delete("s3://calls/n/two.wav")
    assert rui.client.get(f"/calls/{CALL}/sound").content == heard.content


@pytest.mark.parametrize(("call_id", "sources", "away", "status", "said"), [
    (GONE, {}, False, 404, "gone or broken"), (CALL, {"cache_gb": 1e-6}, False, 404, "too large"), (CALL, {}, True, 503, "try again")])
def test_what_cannot_be_had_is_one_message_without_the_address(
        call_id: str, sources: dict[str, Any], away: bool, status: int, said: str, bench: Bench, cache: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    bench.settings = bench.settings.model_copy(update={"sources": Sources(cache=cache, **sources)})
    if away:
        monkeypatch.setattr(objects, "TRIES", 0)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    rui = Visitor(bench, "rui")
    for path in ("sound", "peaks"):
        answer = rui.client.get(f"/calls/{call_id}/{path}")
        assert answer.status_code == status and said in answer.json()["message"] and "s3:" not in answer.text
    assert left(cache) == [] and left(bench.sounds) == []


def test_pages_and_masked_clips_are_made_of_objects(bench: Bench, cache: Path, tmp_path: Path) -> None:
    workspace, run = ["--workspace", str(bench.lake.root)], CliRunner()
    clip = run.invoke(app, ["mask", "--audio", CALL, *workspace, "--out", str(tmp_path / "clip.wav"), "--start", "1", "--end", "3"])
    with wave.open(str(tmp_path / "clip.wav")) as made:
        assert clip.exit_code == 0 and made.getnframes() == 2 * made.getframerate()
    gone = run.invoke(app, ["mask", "--audio", GONE, *workspace, "--out", str(tmp_path / "none.wav")])
    assert isinstance(gone.exception, NotHad) and "s3://calls/n/gone.wav could not be fetched: it is not in the store any more." in str(gone.exception)
    pages = run.invoke(app, ["page", CALL, GONE, *workspace, "--out", str(tmp_path / "pages")])
    assert pages.exit_code == 0 and "Its page has no sound." in pages.output, pages.output
    assert sorted(file.name for file in (tmp_path / "pages").iterdir() if file.stem != "index") == [
        f"{CALL}.html", f"{CALL}.webm", f"{GONE}.html"]
    assert left(cache) == []


def test_a_file_is_at_hand_as_it_is_and_a_copy_goes_also_when_its_use_fails(bucket: Any, cache: Path) -> None:  # noqa: F811
    bucket(n__a_wav=b"abc")
    with at_hand("/recordings/a.wav", Sources(cache=cache)) as file:
        assert file == Path("/recordings/a.wav")
    with pytest.raises(ZeroDivisionError), at_hand("s3://calls/n/a.wav", Sources(cache=cache)) as file:
        assert file.read_bytes() == b"abc" and file.parent.stat().st_mode & 0o077 == 0
        raise ZeroDivisionError
    with pytest.raises(NotHad, match="replaced"), at_hand("s3://calls/n/a.wav", Sources(cache=cache), state=1):
        pass
    assert left(cache) == []


@pytest.mark.parametrize("replaced", [False, True])
def test_a_copy_without_card_values_is_made_of_an_object(replaced: bool, bucket: Any, cache: Path, tmp_path: Path) -> None:  # noqa: F811
    body = io.BytesIO()
    with wave.open(body, "wb") as made:
        made.setparams((1, 2, 16000, 0, "NONE", ""))
        made.writeframes(np.random.default_rng(0).normal(0, 3000, 64000).astype("<i2").tobytes())
    bucket(n__c0_wav=body.getvalue())

    class Says(SaysTheValue):
        def run(self, *given: Any, **more: Any) -> Iterator[Any]:
            for outcome in super().run(*given, **more):
                if replaced:
                    bucket(n__c0_wav=body.getvalue() + b"\0\0")
                yield outcome

    settings = Settings.model_validate({"privacy": {"drop_cvv": True, "redacted": str(tmp_path / "copies")}, "monitoring": {"retries": 0}})
    with Job("s3://calls/n", tmp_path / "w", settings, load=lambda _: (Fetching(Says(), settings), StubScorer())) as job:
        done = run_batches(job, pause=0.0)
    if replaced:
        assert [(one.code, one.stage, one.retryable) for one in done.failures] == [("changed_while_read", "redaction", True)]
        assert Lake.open(tmp_path / "w").call_ids() == []
    else:
        copy = samples_of(tmp_path / "copies" / "c0.wav")
        assert not done.failures and len(copy) == 64000 and np.max(np.abs(copy[24000:30000])) < 0.101
    assert left(cache) == []
