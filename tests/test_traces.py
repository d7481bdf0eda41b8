"""What customers say about themselves stands in the workspace and nowhere else: no log, message, record of Prefect or metric tells it."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import faults

ROOT = Path(__file__).parent.parent
SECRETS = ("司马建国", "建国", "13912345678", "139123", "110101199003074530")
CARD_VALUE = re.compile(r"(?<![\d.:,+-])317(?!\d)")        # three digits that times and ids hold by chance, too
ROWS = """call_id,recording,customer_name,customer_gender,started_at
good,good.wav,司马建国,男,2026-11-20 09:00
broken,broken.wav,司马建国,男,2026-11-20 09:00
unscored,unscored.wav,司马建国,男,2026-11-20 09:00
shifted,good.wav,男,司马建国13912345678,2026-11-20 09:00
when,good.wav,司马建国,男,13912345678
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the run printed, and the folder with everything it left outside its workspace."""
    home = tmp_path_factory.mktemp("traces")
    (home / "calls").mkdir()
    (home / "calls" / "manifest.csv").write_text(ROWS, encoding="utf-8")
    for name in ("good", "broken", "unscored"):
        (home / "calls" / f"{name}.wav").write_text(f"{name} 司马建国 13912345678", encoding="utf-8")
    told = os.environ | {
        "PYTHONPATH": str(ROOT), "PREFECT_HOME": str(home / "left" / "prefect"), "TINGJIAN_MONITORING__RETRIES": "0", "PREFECT_LOGGING_LEVEL": "DEBUG",
        "TINGJIAN_OBSERVING__TEXTFILE": str(home / "left" / "metrics.prom"), "TINGJIAN_OBSERVING__LOG": "json", "HOME": str(home / "left")}
    told.pop("PREFECT_API_URL", None)
    (home / "left").mkdir()
    done = subprocess.run([sys.executable, "-m", "tests.telling_run", str(home / "calls"), str(home / "w")], cwd=ROOT, env=told, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr, home


def test_neither_output_nor_logs_quote_a_call(run: tuple[str, Path]) -> None:
    printed, _ = run
    assert "internal_error" in printed and "bad_value" in printed and "call.done" in printed
    assert [secret for secret in SECRETS if secret in printed] == [] and not CARD_VALUE.search(printed)


def test_prefects_records_metrics_and_status_files_hold_none_of_it(run: tuple[str, Path]) -> None:
    _, home = run
    files = [file for file in [*(home / "left").rglob("*"), *(home / "w" / "status").rglob("*")] if file.is_file()]
    assert any(file.suffix == ".db" for file in files) and any("status" in file.parts for file in files)
    for file in files:
        content = file.read_bytes()
        held = [secret for secret in SECRETS for form in (secret.encode(), secret.encode("unicode_escape")) if form in content]
        assert held == [], file


def test_it_was_there_to_be_found(run: tuple[str, Path]) -> None:
    from store.lake import Lake

    assert all(secret in Lake.open(run[1] / "w").transcript("good").turns[0].text for secret in SECRETS)


def test_a_fault_is_told_by_kind_and_place() -> None:
    def fails() -> None:
        raise ValueError("13912345678")

    with pytest.raises(ValueError) as caught:
        fails()
    assert faults.told(caught.value).startswith("ValueError in tests/test_traces.py line ")
    assert "13912345678" not in faults.trace(caught.value) and "in fails" in faults.trace(caught.value)
    assert faults.told(KeyError("13912345678")) == "KeyError"
