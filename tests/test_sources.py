"""Sources of every kind: what is still being written waits, a missing day is told, objects and rows become recordings."""
from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import time
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread
from typing import Any

import pytest

from flows.job import Job, run_batches
from pipeline import sources, sources_days, sources_table
from pipeline.fetching import Fetching
from pipeline.manifest import Empty, Listing, NotThere, read_rows
from pipeline.settling import settled
from records import Call, Problem, Recording
from settings import Settings
from store import objects
from store.lake import Lake
from tests.stand_ins import StubScorer, StubTranscriber

NOW = 1_700_000_000.0


def told(**sections: Any) -> Settings:
    return Settings.model_validate(sections)


def sound(path: Path, seconds: float = 0.2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(os.urandom(int(16000 * seconds)))
    return path


# What is still being written ------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("age", "content", "taken", "why"), [
    (5.0, None, False, "written 5 s ago"), (120.0, None, True, ""), (120.0, b"RIFF", False, "header cannot be read yet"),
    (4000.0, b"RIFF", True, ""), (-500.0, None, True, "")])
def test_a_file_is_taken_when_it_has_stood_still_and_its_header_decodes(
        age: float, content: bytes | None, taken: bool, why: str, tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav") if content is None else tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    os.utime(path, (NOW, NOW))      # a copying program sets the old time; that the file was changed just now shows all the same
    now = path.stat().st_ctime + age
    listing = settled(Listing([Recording(call=Call(call_id="a"), path=str(path))], []), 60.0, 3600.0, now)
    assert [one.call.call_id for one in listing.recordings] == (["a"] if taken else [])
    assert listing.refused == [] and len(listing.waiting) == (not taken)
    assert all(one.code == "not_ready" and why in one.message for one in listing.waiting)


def test_a_run_leaves_a_growing_file_for_the_next_one_and_calls_nothing_failed(tmp_path: Path) -> None:
    sound(tmp_path / "calls" / "a.wav")

    def run(settle: float) -> Any:
        with Job(tmp_path / "calls", tmp_path / "w", told(sources={"settle_seconds": settle}),
                 load=lambda _: (StubTranscriber(), StubScorer())) as job:
            return run_batches(job, pause=0.0)

    first = run(3600.0)
    assert (first.done, first.failures, [one.call_id for one in first.waiting]) == (0, [], ["a"])
    assert Lake.open(tmp_path / "w").failed() == []
    assert run(0.0).done == 1


# A manifest a day -----------------------------------------------------------------------------------------------------

TODAY = dt.date(2026, 11, 25)


def days_of(folder: Path, **section: Any) -> Listing:
    settings = told(sources=section)
    return sources_days.read(f"{folder}/{{date:%Y%m%d}}.csv", settings, sources._read, TODAY)


def manifest(folder: Path, day: str, *call_ids: str) -> None:
    for one in call_ids:
        (folder / f"{one}.wav").write_bytes(b"sound")
    (folder / f"{day}.csv").write_text("call_id,recording\n" + "".join(f"{one},{one}.wav\n" for one in call_ids), "utf-8")


def test_the_last_days_manifests_are_read_and_a_missing_day_is_told(tmp_path: Path) -> None:
    manifest(tmp_path, "20261122", "a", "b")
    manifest(tmp_path, "20261124", "b", "c")        # a call over midnight stands in both
    listing = days_of(tmp_path, days=3)
    assert [one.call.call_id for one in listing.recordings] == ["a", "b", "c"]
    (failure,) = listing.refused
    assert failure.code == "manifest_missing" and "20261123.csv does not exist" in failure.message and failure.retryable
    noted = days_of(tmp_path, days=3, missing_day="note")
    assert noted.refused == [] and [one.code for one in noted.waiting] == ["manifest_missing"]


def test_todays_manifest_may_be_missing_and_a_day_without_calls_is_none_missing(tmp_path: Path) -> None:
    manifest(tmp_path, "20261123")
    manifest(tmp_path, "20261124", "a")
    listing = days_of(tmp_path, days=2)
    assert listing.refused == [] and [one.code for one in listing.waiting] == ["no_calls"]
    manifest(tmp_path, "20261125", "z")
    assert [one.call.call_id for one in days_of(tmp_path, days=2).recordings] == ["a", "z"]


def test_no_manifest_at_all_is_a_problem_that_names_the_pattern(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match="is the folder mounted"):
        days_of(tmp_path)
    with pytest.raises(Problem, match="may stand in braces"):
        sources.read(f"{tmp_path}/{{date}}-{{hour}}.csv", told())


def test_a_days_manifest_that_cannot_be_read_holds_up_no_other_days_calls(tmp_path: Path) -> None:
    manifest(tmp_path, "20261124", "a")
    (tmp_path / "20261123.csv").write_text("call,file\nb,b.wav\n", "utf-8")
    listing = days_of(tmp_path, days=2)
    assert [one.call.call_id for one in listing.recordings] == ["a"]
    (failure,) = listing.refused
    assert failure.code == "manifest_unreadable" and "20261123.csv has no column" in failure.message and failure.retryable
    (tmp_path / "20261124.csv").unlink()
    with pytest.raises(Problem, match="has no column"):
        days_of(tmp_path, days=2)


@pytest.mark.parametrize(("last", "ready", "told_of"), [
    ("b,b.wav,王芳\n", ["a", "b"], []), ("b,b.wav,王", ["a"], ["not_ready"]), ("b,b", ["a"], ["not_ready"])])
def test_a_manifest_that_is_being_written_gives_its_whole_lines(last: str, ready: list[str], told_of: list[str], tmp_path: Path) -> None:
    for name in "ab":
        sound(tmp_path / f"{name}.wav")
    whole = "call_id,recording,customer_name\na,a.wav,李明\n"
    file = tmp_path / "manifest.csv"
    file.write_bytes((whole + last).encode()[:-1 if told_of else None])     # cut within a character
    listing = sources.manifest.read_source(tmp_path, still=60.0)
    assert [one.call.call_id for one in listing.recordings] == ready and listing.refused == []
    assert [one.code for one in listing.waiting] == told_of and listing.recordings[0].call.customer_name == "李明"
    file.write_text(whole + "b,b.wav,王芳", "utf-8")
    os.utime(file, (NOW, NOW))
    assert [one.call.call_id for one in sources.manifest.read_source(tmp_path, still=60.0).recordings] == ["a", "b"], "it stands still"
    file.write_text("call_id,rec", "utf-8")
    with pytest.raises(Empty, match="only being written"):
        sources.manifest.read_source(tmp_path, still=60.0)


# Any source -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("source", "said"), [
    ("ftp://host/calls", "no source that can be read"), ("postgresql://qc:secret@host/crm", "holds a password"),
    ("/nowhere/at/all", "does not exist")])
def test_a_source_of_no_use_is_one_clear_problem(source: str, said: str) -> None:
    with pytest.raises(Problem, match=said) as problem:
        sources.read(source, told())
    assert "secret" not in str(problem.value)


# A store of objects ---------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    """An S3 server on this machine with a bucket `calls`; gives its client."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "cn-north-1",
                            "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
        client.create_bucket(Bucket="calls")
        yield client
    server.stop()


@pytest.fixture
def bucket(store: Any) -> Iterator[Any]:
    """Puts objects by key, and empties the bucket afterwards."""
    def put(**bodies: bytes) -> None:
        for key, body in bodies.items():
            store.put_object(Bucket="calls", Key=key.replace("__", "/").replace("_wav", ".wav").replace("_csv", ".csv"), Body=body)

    yield put
    for one in store.list_objects_v2(Bucket="calls").get("Contents", []):
        store.delete_object(Bucket="calls", Key=one["Key"])


def test_everything_below_a_prefix_is_taken_with_size_and_etag(bucket: Any) -> None:
    bucket(night__a_wav=b"abc", night__x__b_wav=b"defg", night__notes=b"x", other__c_wav=b"c", night__y__b_wav=b"again")
    listing = sources.read("s3://calls/night", told())
    assert [(one.call.call_id, one.path, one.size) for one in listing.recordings] == [
        ("a", "s3://calls/night/a.wav", 3), ("b", "s3://calls/night/x/b.wav", 4)]
    assert [one.code for one in listing.refused] == ["call_id_duplicate"]
    state = listing.recordings[0].state
    bucket(night__a_wav=b"abd")
    assert sources.read("s3://calls/night", told()).recordings[0].state != state is not None
    with pytest.raises(Empty, match="holds no recordings"):
        sources.read("s3://calls/nothing", told())


def test_a_manifest_in_the_store_and_one_on_disk_lead_to_objects(bucket: Any, tmp_path: Path) -> None:
    bucket(night__a_wav=b"abc", night__x__b_wav=b"defg",
           night__manifest_csv="call_id,recording,agent_name\n1,a.wav,李娜\n2,x\\b.wav,\n3,gone.wav,\n4,../a.wav,\n".encode())
    for source in ("s3://calls/night", "s3://calls/night/manifest.csv"):
        listing = sources.read(source, told())
        assert [(one.call.call_id, one.path, one.size, one.call.agent_name) for one in listing.recordings] == [
            ("1", "s3://calls/night/a.wav", 3, "李娜"), ("2", "s3://calls/night/x/b.wav", 4, None)]
        assert [(one.call_id, one.code) for one in listing.refused] == [("4", "recording_outside"), ("3", "not_found")]
    (tmp_path / "m.csv").write_text("call_id,recording\n1,s3://calls/night/a.wav\n")
    assert [one.size for one in sources.read(tmp_path / "m.csv", told()).recordings] == [3]
    with pytest.raises(NotThere):
        sources.read("s3://calls/night/other.csv", told())


def test_objects_are_fetched_for_their_batch_kept_small_and_recognised_again_when_replaced(bucket: Any, tmp_path: Path) -> None:
    bucket(n__a_wav=b"one" * 50, n__b_wav=b"two" * 50, n__c_wav=b"bad" * 50, n__d_wav=b"four" * 50)
    settings = told(sources={"cache": str(tmp_path / "cache"), "cache_gb": 3.2e-7})     # a call at a time, the next one coming
    asked: list[str] = []

    def run() -> Any:
        stub = StubTranscriber()
        most: list[int] = []
        whole = stub._outcome

        def looked(one: Recording) -> Any:
            most.append(sum(1 for path in (tmp_path / "cache").rglob("*.wav")))
            return whole(one)

        stub._outcome = looked      # type: ignore[method-assign]
        with Job("s3://calls/n", tmp_path / "w", settings, load=lambda _: (Fetching(stub, settings), StubScorer())) as job:
            summary = run_batches(job, pause=0.0)
        asked[:] = stub.asked
        assert max(most, default=0) <= 2 and list((tmp_path / "cache").iterdir()) == []
        return summary

    first = run()
    assert (first.done, [(one.code, one.recording) for one in first.failures]) == (3, [("not_audio", "s3://calls/n/c.wav")])
    lake = Lake.open(tmp_path / "w")
    assert "oneone" in lake.transcript("a").turns[0].text
    assert lake.calls().collect()["recording"].to_list()[0] == "s3://calls/n/a.wav"
    again = run()
    assert (again.done, again.finished_before, asked, len(again.failures)) == (0, 3, [], 1)
    bucket(n__b_wav=b"new" * 50, n__c_wav=b"good" * 50)
    assert (run().done, sorted(asked)) == (2, ["b", "c"])


def test_an_object_that_goes_between_listing_and_fetching_is_a_failure_with_its_reason(bucket: Any, tmp_path: Path) -> None:
    settings = told(sources={"cache": str(tmp_path)})
    recording = Recording(call=Call(call_id="a"), path="s3://calls/n/a.wav", size=3, state=1)
    ((_, gone),) = Fetching(StubTranscriber(), settings).run([recording])
    bucket(n__a_wav=b"abc")
    ((_, changed),) = Fetching(StubTranscriber(), settings).run([recording])
    assert (gone.code, gone.retryable, changed.code, changed.retryable) == ("not_found", False, "changed_while_read", True)    # type: ignore[union-attr]


def test_an_erased_object_is_gone_from_the_store(bucket: Any) -> None:
    bucket(n__a_wav=b"abc")
    assert objects.delete("s3://calls/n/a.wav") and not objects.delete("s3://calls/n/a.wav")


def test_a_bucket_that_is_not_there_is_named(store: Any) -> None:
    with pytest.raises(Problem, match="There is no bucket elsewhere"):
        sources.read("s3://elsewhere/night", told())


@pytest.mark.parametrize("source", ["s3://calls/night", "s3://calls/night/m.csv"])
def test_a_store_that_forbids_says_what_to_set(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Forbids(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(403)

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Forbids) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        with pytest.raises(Problem, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
            sources.read(source, told())
        server.shutdown()


def test_a_store_that_does_not_answer_is_tried_again_and_then_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "WITHIN", dt.timedelta(seconds=1))
    monkeypatch.setattr(objects, "TRIES", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    began = time.monotonic()
    with pytest.raises(Problem, match="does not answer"):
        sources.read("s3://calls/night", told())
    assert time.monotonic() - began < 10


# A table of PostgreSQL ------------------------------------------------------------------------------------------------

def test_rows_of_a_table_become_recordings_as_a_manifests_do(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    section = told(sources={"recordings": str(tmp_path)}).sources
    zone = dt.timezone(dt.timedelta(hours=8))
    values = [("1", "a.wav", 8023, dt.datetime(2026, 11, 20, 9, 12, tzinfo=zone), "呼入"), ("2", "/etc/passwd", None, None, None),
              ("3", "s3://calls/x.wav", None, None, "sideways")]
    header = ["call_id", "recording", "agent_id", "started_at", "direction"]
    listing = read_rows("table recordings", header, sources_table.rows(values[:1], values[1:]), sources_table._locate(section))
    call = listing.recordings[0].call
    assert (call.agent_id, call.started_at, call.direction) == ("8023", "2026-11-20T09:12:00+08:00", "inbound")
    assert [(one.call_id, one.code) for one in listing.refused] == [("2", "recording_outside"), ("3", "bad_value")]
    assert listing.refused[0].message.startswith("table recordings row 2: ")


def test_paths_of_a_table_lead_nowhere_until_their_folder_is_set() -> None:
    listing = read_rows("table r", ["call_id", "recording"], sources_table.rows([("1", "a.wav")], []),
                        sources_table._locate(told().sources))
    assert listing.recordings == [] and "[sources] recordings" in listing.refused[0].message


@pytest.mark.parametrize("named", ["a.b.c", "a..b"])
def test_what_names_no_table_is_refused_before_it_reaches_the_server(named: str) -> None:
    with pytest.raises(Problem, match="names no table"):
        sources_table._question(named, told().sources)


SERVERS = [binary] if (binary := shutil.which("postgres")) else []


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A PostgreSQL of this test's own, reached through a socket."""
    home = Path(mkdtemp(prefix="tj-pg-", dir="/tmp"))
    user: dict[str, Any] = {}
    if os.geteuid() == 0:       # it does not run as root
        import pwd

        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
    tools = Path(SERVERS[0]).resolve().parent
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "cwd": home, **user}
    subprocess.run([tools / "initdb", "-D", home / "data", "-U", "qc", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"], **quiet)
    subprocess.run([tools / "pg_ctl", "-D", home / "data", "-w", "-l", home / "log", "-o",
                    f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off", "start"], **quiet)
    yield f"postgresql://qc@/postgres?host={home}"
    subprocess.run([tools / "pg_ctl", "-D", home / "data", "-m", "immediate", "stop"], **quiet)
    shutil.rmtree(home)


@pytest.mark.parametrize("server", SERVERS)
def test_a_table_a_view_and_a_query_of_a_real_server_are_read(server: str, address: str, tmp_path: Path) -> None:
    import psycopg

    for name in ("a", "b"):
        (tmp_path / f"{name}.wav").write_bytes(b"x")
    with psycopg.connect(address) as connection:
        connection.execute("CREATE SCHEMA quality")
        connection.execute("CREATE TABLE quality.recordings (call_id int, recording text, started_at timestamptz, agent_name text)")
        connection.execute("INSERT INTO quality.recordings VALUES (1, 'a.wav', '2026-11-20 09:12+08', '李娜'), (2, 'b.wav', NULL, NULL), "
                           "(3, 'gone.wav', NULL, NULL)")
        connection.execute("CREATE VIEW tonight AS SELECT * FROM quality.recordings WHERE call_id = 2")
    section = {"recordings": str(tmp_path), "table": "tonight"}
    listing = sources.read(f"{address}#quality.recordings", told(sources=section))
    assert [(one.call.call_id, one.call.agent_name) for one in listing.recordings] == [("1", "李娜"), ("2", None)]
    assert [one.code for one in listing.refused] == ["not_found"]
    assert [one.call.call_id for one in sources.read(address, told(sources=section)).recordings] == ["2"]
    query = section | {"query": "SELECT call_id, recording FROM quality.recordings WHERE call_id < 2"}
    assert [one.call.call_id for one in sources.read(address, told(sources=query)).recordings] == ["1"]
    with pytest.raises(Problem, match="cannot be read"):
        sources.read(f"{address}#nowhere", told(sources=section))
    with pytest.raises(Problem, match="cannot be read"):
        sources.read(address, told(sources=section | {"query": "DELETE FROM quality.recordings"}))
