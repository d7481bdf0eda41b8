"""Prefect's own server and worker, started as an operator starts them, on this machine: docs/operations.md, "With a Prefect server"."""
from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from settings import QUIET
from store.lake import Lake
from tests.faults.lakes import ROOT

SAMPLES = ROOT / "data" / "sample" / "recordings"
CALLS = ("sample-009.flac", "sample-014.wav", "sample-015.wav")     # 42 and 26 seconds of speech, and one that is no recording
PATIENCE = 600.0        # seconds that a server, a worker or a run may take on a busy machine; a dead run is noticed after 180


def run_by_worker(folder: Path, thorough: bool) -> str:
    """`prefect server start`, `tingjian deploy`, `prefect worker start`; a run asked for with `prefect deployment run` fills the
    workspace with the real recogniser. The worker is killed with its run, another takes the next: nothing is lost or done twice."""
    source, workspace = folder / "calls", folder / "w"
    source.mkdir()
    for name in CALLS:
        shutil.copy(SAMPLES / name, source)
    (folder / "tingjian.toml").write_text(f'[schedule]\nsource = "{source}"\nworkspace = "{workspace}"\nnightly = ""\npickup = ""\n'
                                          "[sources]\nsettle_seconds = 0\nunreadable_after = 0\n")
    with _server(folder) as environment:
        deployed = _command(folder, environment, "tingjian", "deploy")
        assert "made  monitor-calls/nightly" in deployed, deployed
        with _worker(folder, environment, "first") as worker:
            _command(folder, environment, "prefect", "deployment", "run", "monitor-calls/nightly")
            _until("a run that recognises", lambda: (workspace / "runs").is_dir() and any((workspace / "runs").glob("*.json")))
            for process in [worker.pid, *_below(worker.pid)]:
                os.kill(process, signal.SIGKILL)
        left = _done(workspace)
        with _worker(folder, environment, "second"):
            watched = _command(folder, environment, "prefect", "deployment", "run", "monitor-calls/nightly", "--watch",
                               "--watch-timeout", f"{PATIENCE:.0f}")
        assert "Completed" in watched or "COMPLETED" in watched, watched
    lake = Lake.open(workspace)
    assert lake.call_ids() == ["sample-009", "sample-014"], lake.call_ids()
    assert [one.failure.call_id for one in lake.failed()] == ["sample-015"]
    assert all(transcript.turns for transcript in lake.transcripts()) and len(list(lake.drafts())) == 2
    assert not list((workspace / "journal").glob("*"))
    return f"the worker was killed with {left} calls done; the next worker's run completed: 2 calls done, 1 listed with its reason"


def _below(process: int) -> list[int]:
    """A process's children and theirs: the worker starts runs in sessions of their own, but a machine takes all down."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [child for child, parent in parents.items() if parent == process]
    return found + [one for child in found for one in _below(child)]


def _done(workspace: Path) -> int:
    return len(Lake.open(workspace).call_ids()) if (workspace / "version").is_file() else 0


@contextmanager
def _server(folder: Path) -> Iterator[Mapping[str, str]]:
    """Prefect's server with its schedules, telemetry off; gives the environment of those who use it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = own | QUIET | {
        "PREFECT_HOME": str(folder / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "PYTHONPATH": str(ROOT), "TINGJIAN_SETTINGS": str(folder / "tingjian.toml")}
    started = _started(folder, environment, "server", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
    with started as server:
        def answers() -> bool:
            assert server.poll() is None, (folder / "server.log").read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5):
                    return True
            except OSError:
                return False

        _until("Prefect's server", answers)
        yield environment


@contextmanager
def _worker(folder: Path, environment: Mapping[str, str], name: str) -> Iterator[subprocess.Popen[bytes]]:
    with _started(folder, environment, name, "prefect", "worker", "start", "--pool", "tingjian", "--name", name) as worker:
        yield worker
        assert worker.poll() in (None, -signal.SIGKILL), (folder / f"{name}.log").read_text()


@contextmanager
def _started(folder: Path, environment: Mapping[str, str], name: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, its output in a file; all of the session is killed at the end."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([str(Path(sys.executable).parent / command[0]), *command[1:]], cwd=folder, env=dict(environment),
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _command(folder: Path, environment: Mapping[str, str], *command: str) -> str:
    done = subprocess.run([str(Path(sys.executable).parent / command[0]), *command[1:]], cwd=folder, env=dict(environment), text=True,
                          capture_output=True, timeout=2 * PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _until(what: str, there: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end, f"{what} did not come within {PATIENCE:.0f} s"
        time.sleep(0.2)
