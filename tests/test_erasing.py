"""What is erased is gone: rows, files, bytes; the rest stays, the audit log holds, and a kill in the middle is put right."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select

from store import erasing
from store.erasing import deletions, erase_calls, erased_ids, finish
from store.lake import AudioFile, Failed, Lake, Result
from store.reviews import audit, cards
from store.reviews.database import Database
from store.reviews.redaction import erase_rows
from store.reviews.schema import Appeal, Audit, Card, Item, Person
from store.reviews.work_tables import Followup
from tests.benches import bench as made_bench
from tests.stand_ins import draft, recording, transcript

SECRET = "机密张三丰"


def lake_of(root: Path, *call_ids: str) -> Lake:
    """A workspace of calls, each with words of its own, each kept by a commit of its own as nights would."""
    lake = Lake.create(root / "workspace")
    with lake.writing():
        for one in call_ids:
            told = recording(root / "calls", one, customer_name=f"{SECRET}-{one}", started_at="2026-11-20T09:12:00+08:00")
            words = transcript(told.call, f"您好，我是{SECRET}-{one}，请讲")
            lake.commit([Result(told, AudioFile("0" * 64, 1, 1), "stub", words, draft(words), scorer_version="s")])
    return lake


def traces(root: Path, words: str) -> list[str]:
    """Files below `root` that hold the words, in UTF-8 or as JSON escapes them; Parquet of this size is not compressed
    beyond recognition, since a value that stands once is kept as it is."""
    wanted = (words.encode(), json.dumps(words)[1:-1].encode())
    return [path.name for path in root.rglob("*") if path.is_file() and any(one in path.read_bytes() for one in wanted)]


def test_the_bytes_of_an_erased_call_are_gone_and_the_others_stay(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, "a", "b", "c")
    assert traces(lake.root, f"{SECRET}-b"), "they can be found before"
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "b.html").write_text("page")
    (lake.root / "sounds").mkdir()
    (lake.root / "sounds" / f"{hashlib.sha256(b'b').hexdigest()[:32]}.full.webm").write_bytes(b"sound")
    (exports / "drafts.jsonl").write_text('{"call_id": "a"}\n{"call_id": "b"}\n')
    (exports / "cards.xlsx").write_bytes(b"x")
    with lake.writing():
        erased = erase_calls(lake, ["b"], who="test", reason="asked for", exports=[exports])
    assert (erased.calls, erased.recordings, erased.files, erased.review_rows) == (1, 1, 3, 0)
    assert erased.lake_rows == 1 + 1 + 2 + 1 + 1 + 3 + len([*lake.findings().filter(call_id="a").collect()["rule"]]) + _hits(lake)
    assert lake.call_ids() == ["a", "c"] and len(list(lake.transcripts())) == 2
    assert traces(lake.root, f"{SECRET}-b") == [] and traces(lake.root, f"{SECRET}-a")
    assert not (tmp_path / "calls" / "b.wav").exists() and (tmp_path / "calls" / "a.wav").exists()
    assert (exports / "drafts.jsonl").read_text() == '{"call_id": "a"}\n' and not (exports / "b.html").exists()
    assert [told for told in erased.left if "cards.xlsx" in told]
    assert [(one["call_id"], one["reason"]) for one in deletions(lake)] == [("b", "asked for")]
    assert erased_ids(lake) == {"b"}
    with lake.writing():        # and the tables can be written as before
        told = recording(tmp_path / "calls", "d")
        words = transcript(told.call)
        lake.commit([Result(told, AudioFile("0" * 64, 1, 1), "stub", words, draft(words), scorer_version="s")])
    assert lake.call_ids() == ["a", "c", "d"]


def _hits(lake: Lake) -> int:
    return pl.scan_delta(str(lake.root / "hits")).filter(call_id="a").collect().height


@pytest.mark.parametrize(("what", "calls", "transcripts", "sound", "listed"), [
    ({"recordings"}, ["a", "b"], 2, False, set()), ({"words"}, ["a", "b"], 1, True, {"b"}), ({"cards"}, ["a"], 1, True, {"b"})])
def test_each_kind_goes_by_itself(what: set[str], calls: list[str], transcripts: int, sound: bool, listed: set[str],
                                  tmp_path: Path) -> None:
    lake = lake_of(tmp_path, "a", "b")
    with lake.writing():
        erase_calls(lake, ["b"], what=what, who="test", reason="time is over")
    assert lake.call_ids() == calls and len(list(lake.transcripts())) == transcripts
    assert (tmp_path / "calls" / "b.wav").exists() == sound
    assert erased_ids(lake) == listed


def test_a_failure_that_names_an_erased_call_goes_too(tmp_path: Path) -> None:
    from records import Failure

    lake = lake_of(tmp_path, "a")
    with lake.writing():
        lake.settle_failures("here", [Failed(Failure(call_id="x", code="not_audio", message=SECRET), "here", AudioFile(), "")])
        erase_calls(lake, ["x"], who="test", reason="asked for")
    assert lake.failed() == [] and traces(lake.root / "failures", SECRET) == []


class Killed(BaseException):
    """As kill -9 would: nothing after the step is done."""


@pytest.mark.parametrize("step", ["_recordings", "_rows", "purge", "_log"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_in_the_middle_the_next_run_completes_it(step: str, after: bool, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lake_of(tmp_path, "a", "b")
    whole = getattr(erasing, step)

    def dies(*given: object) -> None:
        if after:
            whole(*given)
        raise Killed

    monkeypatch.setattr(erasing, step, dies)
    with pytest.raises(Killed), lake.writing():
        erase_calls(lake, ["b"], who="test", reason="asked for")
    monkeypatch.setattr(erasing, step, whole)
    with lake.writing():
        assert finish(lake) == 1 and finish(lake) == 0
    assert lake.call_ids() == ["a"] and traces(lake.root, f"{SECRET}-b") == []
    assert not (tmp_path / "calls" / "b.wav").exists()
    assert [one["call_id"] for one in deletions(lake)] == ["b"], "noted once"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A review database with a card that was judged, overridden with a reason, published and appealed, and an untouched one."""
    bench = made_bench(tmp_path / "bench")
    with bench.database.writing() as session:
        rui = session.scalars(select(Person).where(Person.login == "rui")).one()
        sun = session.scalars(select(Person).where(Person.login == "sun")).one()
        card = cards.claim(session, rui, "sample-002", f'{{"said": "{SECRET}"}}')
        lines = cards.items(session, "sample-002")
        for line in lines:
            verdict = "fail" if line is lines[0] else "pass" if line.bonus is None else "not_applicable"
            cards.judge(session, rui, "sample-002", card.version, {line.item: (verdict, None, f"{SECRET} 说得对")})
        cards.comment(session, rui, "sample-002", card.version, SECRET)
        cards.publish(session, rui, "sample-002", card.version, 90.0, "good", card.held_until)      # type: ignore[arg-type]
        cards.appeal(session, sun, "sample-002", lines[0].item, f"{SECRET} 不是这样")
    yield bench.database
    bench.database.engine.dispose()


def test_rows_of_the_workbench_database_go_and_the_audit_log_stays_whole_without_what_was_written(
        database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    with database.reading() as session:
        before = audit.verify(session)
        others = session.query(Card).where(Card.call_id != "sample-002").count()
    database.engine.dispose()
    assert traces(folder, SECRET)
    lake = Lake.open(folder)
    with lake.writing():
        erased = erase_calls(lake, ["sample-002"], what={"words", "cards"}, who="boss", reason="asked for", database=database)
    assert erased.review_rows > 10
    with database.reading() as session:
        for table in (Card, Item, Appeal):
            assert session.scalars(select(table).where(table.call_id == "sample-002")).all() == []
        assert session.query(Card).count() == others > 0
        told = [entry.action for entry in session.scalars(select(Audit).where(Audit.subject == "sample-002"))]
        assert {"card.claimed", "item.judged", "card.published", "appeal.made", "call.erased"} <= set(told)
        after = audit.verify(session, known=before.last)
        assert after.broken_at is None and after.entries > before.entries
    assert [name for name in traces(folder, SECRET) if name.startswith("reviews")] == []


def test_an_agents_follow_up_stays_without_the_call_it_rested_on(database: Database) -> None:
    now = datetime.now(UTC)
    with database.writing() as session:
        session.add(Followup(agent_id="3105", item="greeting", title="开头语", call_id="sample-002", opened_at=now, since=now, due_on="2026-12-01"))
    erase_rows(database, ["sample-002"], "test")
    with database.reading() as session:
        assert [one.call_id for one in session.scalars(select(Followup))] == [None]
        assert session.get(Card, "sample-002") is None


def test_an_entry_changed_without_a_witness_is_still_found(database: Database) -> None:
    with database.writing() as session:
        entry = session.scalars(select(Audit).where(Audit.action == "item.judged")).first()
        assert entry is not None
        entry.detail = json.dumps({audit.REDACTED: True})
        number = entry.id
    with database.reading() as session:
        assert audit.verify(session).broken_at == number
