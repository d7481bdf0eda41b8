"""The command line: quick, exit codes as published, mistakes answered in one message."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def tingjian(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tingjian", *map(str, arguments)], cwd=cwd or ROOT, text=True,
                          capture_output=True, env=os.environ | {"PYTHONPATH": str(ROOT)} | environment, timeout=120)


def test_help_lists_the_commands_and_imports_nothing_heavy() -> None:
    """What is imported decides how soon it answers; a clock would tell of the machine that runs the tests."""
    done = tingjian("--help", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0 and all(name in done.stdout for name in ("run", "show", "page", "export", "score", "rules"))
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "typer" in imported, done.stderr
    assert imported.isdisjoint(("polars", "prefect", "faster_whisper", "torch", "spacy", "numpy", "jieba", "sklearn", "sqlalchemy", "dask"))


@pytest.mark.parametrize(("arguments", "message"), [
    (["run", "{tmp}/nowhere", "--workspace", "{tmp}/w"], "nowhere does not exist"),
    (["show", "c-1", "--workspace", "{tmp}/nothing"], "is no workspace"),
    (["export", "--workspace", "{tmp}"], "Nothing to export"),
    (["page", "--workspace", "{tmp}/nothing", "--out", "{tmp}"], "is no workspace"),
    (["run", "{tmp}", "--workspace", "s3://bucket/w"], "must be a directory"),
    (["run"], "Missing argument"),
    (["export", "--workspace", "{tmp}", "--drafts", "-", "--transcripts", "-"], "Only one of"),
])
def test_a_mistake_is_one_message_and_exit_code_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = tingjian(*[argument.format(tmp=tmp_path) for argument in arguments])
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("toml", "message"), [
    ("[models]\nrecognizer = 'x'\n", "models.recognizer: there is no such setting"),
    ("[speech]\nbeam_size = 99\n", "speech.beam_size"),
    ("[speech\n", "is not TOML"),
    ('[review]\ndatabase = "postgresql+psycopg://qc:hunter2@host/qc"\n', "TINGJIAN_REVIEW__DATABASE"),
    ('[notify]\nurls = ["mailtos://x"]\n', "TINGJIAN_NOTIFY__URLS"),
])
def test_a_mistake_in_the_settings_names_the_key(toml: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "tingjian.toml").write_text(toml)
    done = tingjian("run", tmp_path, "--workspace", tmp_path / "w", cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr and "hunter2" not in done.stderr


def test_prefects_helper_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = "import sys, time; from flows.engine import Server; from settings import Settings\n" \
              "with Server(Settings()) as server:\n    print(server._process.pid, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                              env=os.environ | {"PREFECT_HOME": str(tmp_path)})
    assert parent.stdout is not None
    helper = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    for _ in range(100):
        if not Path(f"/proc/{helper}").exists() or "Z" in Path(f"/proc/{helper}/stat").read_text().split()[2]:
            return
        time.sleep(0.1)
    os.kill(helper, signal.SIGKILL)
    raise AssertionError("the helper lives on")
