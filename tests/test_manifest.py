"""A source is read into recordings, each unusable row refused with its place, reason and remedy."""

import datetime as dt
from pathlib import Path

import polars
import pytest

from pipeline.manifest import read_source
from records import Problem

HEADER = (
    "call_id,recording,organisation,agent_id,customer_gender,direction,started_at,answered_after,released_by,agent_channel\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "子目录").mkdir()
    for name in ("a.wav", "b.mp3", "子目录/录音 1.wav"):
        (tmp_path / name).write_bytes(b"sound")
    return tmp_path


def listing(folder: Path, text: str, encoding: str = "utf-8"):
    (folder / "calls.csv").write_bytes(text.encode(encoding))
    return read_source(folder / "calls.csv")


def test_a_folder_is_taken_as_it_is_in_a_stable_order(folder):
    for name in ("notes.txt", "calls.csv", ".hidden.wav", "子目录/a.opus"):
        (folder / name).write_bytes(b"x")
    found = read_source(folder)
    assert [one.call.call_id for one in found.recordings] == ["a", "b", "录音 1"]
    assert [(one.call_id, one.code) for one in found.refused] == [("a", "call_id_duplicate")]
    assert all(Path(one.path).is_absolute() for one in found.recordings)


def test_a_folder_with_a_manifest_is_read_by_it(folder):
    (folder / "manifest.csv").write_text("call_id,recording\nfirst,b.mp3\n", "utf-8")
    assert [one.call.call_id for one in read_source(folder).recordings] == ["first"]
    (folder / "manifest.parquet").write_bytes(b"")
    with pytest.raises(Problem, match=r"manifest\.csv and manifest\.parquet"):
        read_source(folder)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_found_out(folder, encoding, delimiter):
    cells = ["Call ID", "录音文件", "Customer-Name", "agent_name"], ["c1", "子目录/录音 1.wav", "王建国", "李娜"]
    found = listing(folder, "\r\n".join(delimiter.join(row) for row in cells), encoding)
    assert not found.refused
    assert (found.recordings[0].call.customer_name, found.recordings[0].origin) == ("王建国", "calls.csv line 2")


def test_a_row_is_read_and_normalised(folder):
    found = listing(folder, HEADER + "c1,a.wav,嘟嘟驿站；二部,8023,女,呼入,2026/11/20 9:12,4.2,客户,左\n")
    one, call = found.recordings[0], found.recordings[0].call
    assert call.organisation == ("嘟嘟驿站", "二部")
    assert (call.customer_gender, call.direction, call.released_by, one.agent_channel) == (
        "female",
        "inbound",
        "customer",
        "left",
    )
    assert (call.started_at, call.answered_after) == ("2026-11-20T09:12:00+08:00", 4.2)


@pytest.mark.parametrize(
    "text, iso",
    [
        ("2026-11-20T09:12:00+08:00", "2026-11-20T09:12:00+08:00"),
        ("2026-11-20T01:12:00Z", "2026-11-20T01:12:00+00:00"),
        ("2026-11-20 09:12:00", "2026-11-20T09:12:00+08:00"),
        ("2026/11/20 9:12", "2026-11-20T09:12:00+08:00"),
        ("2026年11月20日 9:12", "2026-11-20T09:12:00+08:00"),
        ("20261120091200", "2026-11-20T09:12:00+08:00"),
        ("46346.5", "2026-11-20T12:00:00+08:00"),
        ("2026-11-20T09:12:00.5-03:30", "2026-11-20T09:12:00.500000-03:30"),
    ],
)
def test_the_ways_of_writing_a_time_are_understood(folder, text, iso):
    found = listing(folder, f"call_id,recording,started_at\nc1,a.wav,{text}\n")
    assert found.recordings[0].call.started_at == iso


@pytest.mark.parametrize(
    "row, code, said",
    [
        (
            "c2,a.wav,,,,,2026/13/2,,,",
            "bad_value",
            'calls.csv line 3: started_at is "2026/13/2", not a date; write 2026-11-20T09:12',
        ),
        ("c2,a.wav,,,,,,soon,,", "bad_value", 'answered_after is "soon", not a number of seconds'),
        ("c2,a.wav,,,,,,-1,,", "bad_value", "not a number of seconds"),
        ("c2,a.wav,,,,sideways,,,,", "bad_value", 'direction is "sideways", none of inbound, outbound'),
        ("c2,a.wav,,,robot,,,,,", "bad_value", "customer_gender"),
        ("c2,a.wav,,,,,,,nobody,", "bad_value", "released_by"),
        ("c2,a.wav,,,,,,,,middle", "bad_value", "agent_channel"),
        ("1.2E+17,a.wav,,,,,,,,", "bad_value", "Excel"),
        ("../c2,a.wav,,,,,,,,", "bad_value", "call_id"),
        ("c1,a.wav,,,,,,,,", "call_id_duplicate", "line 2"),
        (",a.wav,,,,,,,,", "call_id_missing", "line 3"),
        ("c2,,,,,,,,,", "recording_missing", "line 3"),
        ("c2,gone.wav,,,,,,,,", "not_found", "gone.wav"),
        ("c2,子目录,,,,,,,,", "not_found", "is a folder"),
        ("c2,../a.wav,,,,,,,,", "recording_outside", "../a.wav"),
        ("c2,/etc/hostname,,,,,,,,", "recording_outside", "/etc/hostname"),
        (r"c2,C:\calls\a.wav,,,,,,,,", "recording_outside", "calls"),
        ("c2,link.wav,,,,,,,,", "recording_outside", "link"),
        ("c2,ftp://bucket/a.wav,,,,,,,,", "remote_recording", "mount"),
        ("c2,a.wav,,,,,,,,,left", "bad_row", "more cells"),
    ],
)
def test_a_bad_row_is_refused_with_its_place_and_the_others_go_on(folder, row, code, said):
    (folder / "link.wav").symlink_to("/etc/hostname")
    found = listing(folder, f"{HEADER}c1,a.wav,,,,,,,,\n{row}\nc3,b.mp3,,,,,,,,\n")
    assert [one.call.call_id for one in found.recordings] == ["c1", "c3"]
    (failure,) = found.refused
    assert (failure.code, failure.retryable) == (code, False)
    assert failure.message.startswith("calls.csv line 3: ") and said in failure.message
    assert failure.message.endswith(" The other 2 calls go on.")


def test_line_numbers_count_lines_not_rows(folder):
    found = listing(folder, 'call_id,recording,team\nc1,a.wav,"two\nlines"\n\nc2,gone.wav,\n')
    assert found.refused[0].message.startswith("calls.csv line 5: ")


def test_paths_of_windows_and_of_a_mac_are_found(folder):
    (folder / "é.wav").write_bytes(b"x")
    found = listing(folder, "call_id,recording\nc1,子目录\\录音 1.wav\nc2,e\u0301.wav\n")
    assert not found.refused


def test_parquet_is_read_with_its_types(folder):
    polars.DataFrame(
        {
            "call_id": ["c1", "c2"],
            "recording": ["a.wav", "gone.wav"],
            "agent_id": [8023.0, None],
            "answered_after": [4.2, None],
            "organisation": [["甲", "乙"], []],
            "started_at": [dt.datetime(2026, 11, 20, 9, 12), None],
        }
    ).write_parquet(folder / "calls.parquet")
    found = read_source(folder / "calls.parquet")
    call = found.recordings[0].call
    assert (call.agent_id, call.answered_after, call.organisation) == ("8023", 4.2, ("甲", "乙"))
    assert call.started_at == "2026-11-20T09:12:00+08:00"
    assert found.refused[0].message.startswith("calls.parquet row 2: ")


def test_columns_that_mean_nothing_are_named_once(folder, caplog):
    assert len(listing(folder, "call_id,recording,mood\nc1,a.wav,x\nc2,b.mp3,y\n").recordings) == 2
    assert sum("mood" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "is empty"),
        (b"call_id,recording\n", "no rows"),
        (b"c1,a.wav\n", "no column call_id"),
        (b"call_id\nc1\n", "no column recording"),
        (b"call_id,recording,Call ID\nc1,a.wav,c1\n", "twice"),
        (b"\xff\xff\xff\x00\x01", "UTF-8"),
        (b"call_id,recording\n\x00\xff", "UTF-8"),
    ],
)
def test_a_manifest_of_no_use_is_one_clear_problem(folder, content, said):
    (folder / "calls.csv").write_bytes(content)
    with pytest.raises(Problem, match=said):
        read_source(folder / "calls.csv")


@pytest.mark.parametrize(
    "source, said",
    [
        ("nowhere", "does not exist"),
        ("notes.txt", "neither"),
        ("empty", "no recordings"),
        ("bad.parquet", "Parquet"),
    ],
)
def test_a_source_of_no_use_is_one_clear_problem(folder, source, said):
    (folder / "notes.txt").write_text("x")
    (folder / "bad.parquet").write_text("x")
    (folder / "empty").mkdir()
    with pytest.raises(Problem, match=said):
        read_source(source if "://" in source else folder / source)


def test_one_recording_is_a_source_too(folder):
    assert read_source(folder / "a.wav").recordings[0].call.call_id == "a"
