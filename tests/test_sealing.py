"""A sealed workspace shows nothing of what was said to who has no key, and everything to who has; keys can be changed."""
from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import tingjian
from records import Draft, Problem, Transcript
from review.workbench.bench import Bench
from store import resealing, sealing
from store.lake import AudioFile, Lake, Result
from store.reviews import sealed
from store.sealing import MARK, Ring, new_key
from tests.benches import Visitor, over, workspace
from tests.stand_ins import draft, recording, transcript

SECRETS = ("我要投诉", "客服中心", "王建国", "请订阅", "没有道别")


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    sealed._keys, sealed._searchable = Ring(), True


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    new_key(tmp_path / "key")
    monkeypatch.setenv("TINGJIAN_ENCRYPTION__KEY_FILE", str(tmp_path / "key"))
    return tmp_path / "key"


def records(call_id: str, folder: Path) -> Result:
    one = recording(folder, call_id, customer_name="王建国", agent_id="8023", started_at="2026-11-20T09:00:00+08:00")
    said = transcript(one.call)
    return Result(one, AudioFile("sha", 1, 2), "stub-1", said, draft(said), scorer_version="r")


def filled(root: Path) -> tuple[list[Transcript], list[Draft]]:
    lake = Lake.create(root)
    made = [records(call_id, root.parent / "calls") for call_id in ("a", "b")]
    with lake.writing():
        lake.commit(made)
    return [one.transcript for one in made if one.transcript], [one.draft for one in made if one.draft]


def told(root: Path, words: tuple[str, ...] = SECRETS) -> set[str]:
    """Which words stand in the clear anywhere in a folder: in bytes of files, and in Parquet, which compresses."""
    found = set()
    for file in root.rglob("*"):
        if file.is_file():
            whole = file.read_bytes().decode("utf-8", "ignore")
            if file.suffix == ".parquet" and "_delta_log" not in file.parts:
                whole += str(pl.read_parquet(file).to_dicts())
            found |= {word for word in words if word in whole or word.encode("unicode_escape").decode() in whole}
    return found


def test_without_a_key_all_is_as_it_was(tmp_path: Path) -> None:
    filled(tmp_path / "w")
    assert told(tmp_path / "w") == set(SECRETS) and not (tmp_path / "w" / "keys.json").exists()


def test_a_sealed_workspace_tells_nothing_and_gives_back_everything(key: Path, tmp_path: Path) -> None:
    transcripts, drafts = filled(tmp_path / "w")
    lake = Lake.open(tmp_path / "w")
    assert told(tmp_path / "w") == set()
    assert list(lake.transcripts()) == transcripts and list(lake.drafts()) == drafts
    assert lake.turns().collect()["text"].to_list() == ["您好，嘟嘟客服中心", "我要投诉"] * 2
    assert lake.items().collect()["evidence"][0][0]["text"] == "您好" and lake.removed().collect()["text"][0] == "请订阅"
    assert lake.calls().collect()["customer_name"].to_list() == ["王建国"] * 2


def test_ids_verdicts_and_times_are_joined_and_counted_without_the_key(key: Path, tmp_path: Path) -> None:
    filled(tmp_path / "w")
    calls, findings, turns = (pl.read_delta(str(tmp_path / "w" / name)) for name in ("calls", "findings", "turns"))
    joined = calls.join(findings, on="call_id").filter(pl.col("verdict") == "fail")
    assert joined.select("agent_id", "rule").rows() == [("8023", "closing.farewell")] * 2
    assert turns["start"].to_list() == [0.8, 5.0] * 2 and all(text.startswith(MARK) for text in turns["text"])


def test_the_same_words_are_sealed_otherwise_each_time_and_only_for_their_column(key: Path) -> None:
    ring = sealing.ring()
    one, other = ring.seal("投诉", "turns.text"), ring.seal("投诉", "turns.text")
    assert one != other and ring.unseal(one, "turns.text") == "投诉" and ring.seal("", "turns.text") == ""
    with pytest.raises(Problem, match="changed or damaged"):
        ring.unseal(one, "removed.text")
    with pytest.raises(Problem, match="changed or damaged"):
        ring.unseal(one[:-6] + ("A" if one[-6] != "A" else "B") + one[-5:], "turns.text")


@pytest.mark.parametrize("text", ["长" * 500, "\ud83d", "tj1.", "a\0b", "=1+1"])
def test_any_text_comes_back(text: str, key: Path) -> None:
    ring = sealing.ring()
    assert ring.unseal(ring.seal(text, "c"), "c") == text


def test_a_missing_or_wrong_key_is_one_message(key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path / "w")
    print_ = sealing.ring().current
    monkeypatch.delenv("TINGJIAN_ENCRYPTION__KEY_FILE")
    with pytest.raises(Problem, match=f"sealed with the key {print_}.*key_file"):
        Lake.open(tmp_path / "w")
    new_key(tmp_path / "other")
    monkeypatch.setenv("TINGJIAN_ENCRYPTION__KEY_FILE", str(tmp_path / "other"))
    with pytest.raises(Problem, match=f"sealed with the key {print_}"):
        over(tmp_path / "w")


@pytest.mark.parametrize(("content", "message"), [("", "holds no key"), ("x" * 44, "holds no key"), (None, "cannot be read"), ("键", "cannot be read")])
def test_a_file_that_is_no_key_is_told(content: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if content is not None:
        (tmp_path / "no-key").write_text(content, encoding="utf-8")
    monkeypatch.setenv("TINGJIAN_ENCRYPTION__KEY_FILE", str(tmp_path / "no-key"))
    with pytest.raises(Problem, match=message):
        sealing.ring()


def test_a_key_is_never_overwritten_and_read_by_its_owner_only(key: Path) -> None:
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Problem, match="never overwritten"):
        new_key(key)


def test_the_key_may_come_from_a_program_whose_words_are_never_told_on(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seals = sealing.ring().seal("投诉", "c")
    monkeypatch.delenv("TINGJIAN_ENCRYPTION__KEY_FILE")
    prints = f"print(open({str(key)!r}).read())"
    for program, works in ((prints, True), (f"{prints}; raise SystemExit(1)", False)):
        monkeypatch.setenv("TINGJIAN_ENCRYPTION__KEY_COMMAND", json.dumps([sys.executable, "-c", program]))
        if works:
            assert sealing.ring().unseal(seals, "c") == "投诉"
            continue
        with pytest.raises(Problem, match="exit code 1") as told:
            sealing.ring()
        assert key.read_text().split()[1] not in str(told.value)


def rotated(old: Path, new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_key(new)
    monkeypatch.setenv("TINGJIAN_ENCRYPTION__KEY_FILE", str(new))
    monkeypatch.setenv("TINGJIAN_ENCRYPTION__OLD_KEY_FILES", f'["{old}"]')


def test_a_key_is_changed_and_the_old_one_then_opens_nothing(key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcripts, _ = filled(tmp_path / "w")
    before = sealing.ring().current or ""
    rotated(key, tmp_path / "new", monkeypatch)
    assert list(Lake.open(tmp_path / "w").transcripts()) == transcripts      # both keys together read what one of them sealed
    tingjian.app(["key", "rotate", "-w", str(tmp_path / "w")], standalone_mode=False)
    monkeypatch.delenv("TINGJIAN_ENCRYPTION__OLD_KEY_FILES")
    assert list(Lake.open(tmp_path / "w").transcripts()) == transcripts
    assert told(tmp_path / "w", (f"{MARK}{before}", *SECRETS)) == set()


def test_a_rotation_that_was_killed_in_the_middle_is_finished_by_the_next(key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcripts, drafts = filled(tmp_path / "w")
    rotated(key, tmp_path / "new", monkeypatch)
    lake, real = Lake.open(tmp_path / "w"), resealing.purge

    def killed(table: Path) -> None:
        if table.name == "turns":
            raise KeyboardInterrupt
        real(table)

    monkeypatch.setattr(resealing, "purge", killed)
    with pytest.raises(KeyboardInterrupt), lake.writing():
        resealing.reseal(lake, None)
    lake = Lake.open(tmp_path / "w")
    assert list(lake.transcripts()) == transcripts and list(lake.drafts()) == drafts and len(sealing.used(lake.root)) == 2
    monkeypatch.setattr(resealing, "purge", real)
    with lake.writing():
        resealing.reseal(lake, None)
    assert sealing.used(lake.root) == [lake.keys.current] and list(Lake.open(lake.root).drafts()) == drafts


def test_a_workspace_is_sealed_later_and_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcripts, _ = filled(tmp_path / "w")
    new_key(tmp_path / "key")
    monkeypatch.setenv("TINGJIAN_ENCRYPTION__KEY_FILE", str(tmp_path / "key"))
    tingjian.app(["key", "rotate", "-w", str(tmp_path / "w")], standalone_mode=False)
    assert told(tmp_path / "w") == set() and list(Lake.open(tmp_path / "w").transcripts()) == transcripts
    monkeypatch.delenv("TINGJIAN_ENCRYPTION__KEY_FILE")
    monkeypatch.setenv("TINGJIAN_ENCRYPTION__OLD_KEY_FILES", f'["{tmp_path / "key"}"]')
    tingjian.app(["key", "rotate", "-w", str(tmp_path / "w")], standalone_mode=False)
    monkeypatch.delenv("TINGJIAN_ENCRYPTION__OLD_KEY_FILES")
    assert list(Lake.open(tmp_path / "w").transcripts()) == transcripts and told(tmp_path / "w") == set(SECRETS)


@pytest.fixture
def bench(key: Path, tmp_path: Path) -> Bench:
    """A workbench over the sealed samples, with a reviewer who has said something to a card."""
    from store.reviews import people
    from tests.benches import PASSWORD

    workspace(tmp_path / "w")
    made = over(tmp_path / "w")
    made.fill_queue()
    with made.database.writing() as session:
        person = people.add(session, "test", "rui", "Rui", "reviewer", None, None)
        people.set_password(session, people.one_time_link(session, person), PASSWORD)
    return made


def test_what_reviewers_write_and_hear_is_sealed_too(bench: Bench) -> None:
    visitor = Visitor(bench, "rui")
    visitor.get("/calls/sample-002")
    visitor.post("/calls/sample-002/claim")
    version = visitor.version("sample-002")
    item = next(line.id for line in bench.lake.draft("sample-002").items if line.verdict == "fail")
    done = visitor.judge("sample-002", version, **{item: {"verdict": "pass", "reason": "王先生的情况特殊"}})
    assert done.status == 200 and done.body["items"][item]["reason"] == "王先生的情况特殊"
    whole = visitor.client.get("/calls/sample-002/sound")
    part = visitor.client.get("/calls/sample-002/sound", headers={"range": "bytes=1000-1999"})
    assert whole.content[:4] == b"\x1aE\xdf\xa3" and part.status_code == 206 and part.content == whole.content[1000:2000]
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole.content)}"
    [copy] = bench.sounds.glob("*.webm")
    assert copy.read_bytes().startswith(MARK.encode()) and copy.stat().st_mode & 0o077 == 0
    bench.database.engine.dispose()
    assert told(bench.lake.root, ("情况特殊", "您好，天岚通信", "王建军")) == set()
    with sqlite3.connect(bench.lake.root / "reviews.sqlite") as database:
        assert database.execute("SELECT count(*) FROM said").fetchone() == (0,)


def test_the_files_of_a_workspace_are_its_owners_only(tmp_path: Path) -> None:
    workspace(tmp_path / "w")
    over(tmp_path / "w").fill_queue()
    assert (tmp_path / "w").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "w").glob("reviews.sqlite*")} == {0o600}
