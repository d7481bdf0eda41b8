"""A recording that crashes, floods, hangs or calls home from its decoder costs one call: decoding has processes of its own."""
from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pipeline import decode
from pipeline.decode import Refused
from pipeline.decoders import Decoders, Limits

SAMPLES = Path(__file__).parent.parent / "data" / "sample" / "recordings"
SOUND = SAMPLES / "sample-004.mp3"


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    with Decoders(Limits(memory=512)) as pool:
        yield pool


@pytest.fixture(scope="module")
def wild() -> Iterator[Decoders]:
    with Decoders(Limits(memory=512), program="tests.wild_decoder") as pool:
        yield pool


def pid(pool: Decoders) -> int:
    return pool._idle[-1].pid


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


KINDS = {path.suffix if path.stem.startswith("sample-0") else path.name: path for path in sorted(SAMPLES.iterdir())}


@pytest.mark.parametrize("path", KINDS.values(), ids=lambda path: path.name)
def test_a_process_of_its_own_gives_the_same_sound_header_or_refusal(decoders: Decoders, path: Path) -> None:
    try:
        expected = decode.decode(path, max_hours=1)
    except Refused as refused:
        with pytest.raises(Refused) as again:
            decoders.decode(path, max_hours=1, seconds=60)
        assert (again.value.code, str(again.value), again.value.retryable) == (refused.code, str(refused), refused.retryable)
        return
    with expected, decoders.decode(path, max_hours=1, seconds=60) as audio:
        for name in ("frames", "channels", "sha256", "codec", "source_rate", "warnings"):
            assert getattr(audio, name) == getattr(expected, name)
        assert all(np.array_equal(audio.read(channel), expected.read(channel)) for channel in range(audio.channels))
    assert decoders.probe(path) == decode.probe(path)


def test_long_sound_comes_back_from_the_disk_and_leaves_no_file(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.test_decode import write_wav

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    samples = np.random.default_rng(1).integers(-9000, 9000, 8000 * 1200, dtype="<i2")      # 38 MB once at 16 kHz
    with Decoders() as pool, pool.decode(write_wav(tmp_path / "a.wav", samples.tobytes()), max_hours=1, seconds=60) as audio:
        assert str(tmp_path) in str(Path(f"/proc/self/fd/{audio._store.fileno()}").readlink())
        assert audio.duration == pytest.approx(1200, abs=0.01) and np.abs(audio.read(0, 1100, 1200)).mean() > 0.05
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize(("name", "code", "retryable", "says"), [
    ("segfault", "decoder_crashed", False, "SIGSEGV"), ("abort", "decoder_crashed", False, "SIGABRT"),
    ("killed", "decoder_crashed", True, "short of memory"), ("hog", "decoder_memory", False, "512 MiB"),
    ("spins", "time_limit", True, "within 1 s"), ("hangs", "time_limit", True, "within 1 s")])
def test_a_recording_that_takes_its_decoder_down_is_refused_and_the_next_goes_on(
        wild: Decoders, tmp_path: Path, name: str, code: str, retryable: bool, says: str) -> None:
    poisoned, sound = (tmp_path / f"{name}.mp3", tmp_path / "sound.mp3")
    for path in (poisoned, sound):
        shutil.copy(SOUND, path)
    with pytest.raises(Refused) as refused:
        wild.decode(poisoned, max_hours=1, seconds=1)
    assert (refused.value.code, refused.value.retryable) == (code, retryable)
    assert poisoned.name in str(refused.value) and says in str(refused.value)
    with wild.decode(sound, max_hours=1, seconds=60) as audio:
        assert audio.duration > 60


def test_looking_at_a_header_is_limited_as_decoding_is(wild: Decoders, tmp_path: Path) -> None:
    for name, code in (("segfault", "decoder_crashed"), ("hangs", "time_limit")):
        shutil.copy(SOUND, tmp_path / f"{name}.mp3")
        with pytest.raises(Refused) as refused:
            wild.probe(tmp_path / f"{name}.mp3", seconds=0.5)
        assert refused.value.code == code


def test_a_decoder_that_dies_once_is_asked_again_and_nobody_notices(wild: Decoders, tmp_path: Path) -> None:
    shutil.copy(SOUND, tmp_path / "once.mp3")
    with wild.decode(tmp_path / "once.mp3", max_hours=1, seconds=60) as audio:
        assert audio.duration > 60


def test_a_decoder_writes_no_more_than_the_longest_recording(wild: Decoders, tmp_path: Path) -> None:
    shutil.copy(SOUND, tmp_path / "flood.mp3")
    with pytest.raises(RuntimeError, match="File too large"):
        wild.decode(tmp_path / "flood.mp3", max_hours=0.1, seconds=60)
    assert (tmp_path / "flood.flood").stat().st_size < 64 << 20


def test_a_fault_of_our_own_is_told_and_the_process_goes_on(wild: Decoders, tmp_path: Path) -> None:
    shutil.copy(SOUND, tmp_path / "bug.mp3")
    wild.probe(SOUND)
    before = pid(wild)
    with pytest.raises(RuntimeError, match="ZeroDivisionError: by zero"):
        wild.decode(tmp_path / "bug.mp3", max_hours=1, seconds=60)
    assert pid(wild) == before


def test_a_decoder_reaches_no_network_where_the_kernel_lets_it_be_cut_off(wild: Decoders, tmp_path: Path) -> None:
    wild.probe(SOUND)
    cut_off = not wild._idle[-1].network
    with socket.create_server(("127.0.0.1", 0)) as server:
        name = tmp_path / f"calls-{server.getsockname()[1]}.mp3"
        shutil.copy(SOUND, name)
        try:
            wild.decode(name, max_hours=1, seconds=60).close()
            connected = True
        except RuntimeError as fault:
            assert "unreachable" in str(fault)
            connected = False
    assert connected is not cut_off


def test_processes_serve_many_recordings_and_end_with_the_pool() -> None:
    with Decoders() as pool:
        with ThreadPoolExecutor(2) as threads:
            found = list(threads.map(lambda _: pool.probe(SOUND), range(40)))
        started = [process.pid for process in pool._idle]
        assert len(set(found)) == 1 and 1 <= len(started) <= 2
    until = time.monotonic() + 5
    while any(map(alive, started)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(map(alive, started))
    assert pool.probe(SOUND) == found[0], "a closed pool begins anew"
    pool.close()
