"""`tingjian doctor` says what will be used and why, and ends with 2 only when the main job cannot run."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models import doctor, machine
from settings import Models, Settings, Speech
from tingjian import app

CPU = machine.Machine(8, 16_000_000_000, (), "a processor")
GPU = CPU._replace(gpus=("CUDA device 0",))


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TINGJIAN_MODELS__CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TINGJIAN_MODELS__DIRECTORY", raising=False)
    return tmp_path


@pytest.mark.parametrize(("here", "models", "speech", "expected"), [
    (CPU, {}, {}, ("cpu", "int8", 8, 1, 1)),
    (GPU, {}, {}, ("cuda", "float16", 1, 1, 16)),
    (GPU, {"device": "cpu"}, {}, ("cpu", "int8", 8, 1, 1)),
    (CPU, {"compute_type": "float32"}, {"workers": 3}, ("cpu", "float32", 3, 1, 1)),
])
def test_the_plan_follows_from_the_machine_and_the_settings(
        here: machine.Machine, models: dict[str, str], speech: dict[str, int], expected: tuple[object, ...]) -> None:
    plan = machine.plan(Models(**models), Speech(**speech), here, 150_000_000)  # pyright: ignore[reportArgumentType]
    assert plan[:5] == expected
    assert plan.why


def test_little_memory_is_said() -> None:
    assert "speech.workers" in machine.plan(Models(), Speech(), CPU._replace(memory=700_000_000), 150_000_000).why


def test_missing_weights_that_can_be_fetched_are_advice_with_the_command(bare: Path) -> None:
    report = doctor.examine(Settings())
    assert report["problems"] == []
    assert any("tingjian models fetch whisper-base" in line for line in report["advice"])


@pytest.mark.parametrize(("name", "value", "told"), [
    ("TINGJIAN_MODELS__SOURCES", "[]", "tingjian models fetch whisper-base --into models"),
    ("TINGJIAN_MODELS__RECOGNISER", "whisper-huge", "whisper-base"),
    ("TINGJIAN_MODELS__RECOGNISER", "ecapa", "recognises no speech"),
])
def test_what_stops_the_main_job_is_a_problem_and_exit_code_2(
        bare: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str) -> None:
    monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 2
    assert told in " ".join(json.loads(result.output)["problems"])


def test_wrong_files_are_shown_as_refused(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / "own" / "whisper-base").mkdir(parents=True)
    (bare / "own" / "whisper-base" / "model.bin").write_bytes(b"something else")
    monkeypatch.setenv("TINGJIAN_MODELS__DIRECTORY", str(bare / "own"))
    report = doctor.examine(Settings())
    assert report["models"]["whisper-base"]["state"] == "refused"
    assert any("not the whisper-base" in line for line in report["problems"])


def test_without_pytorch_the_weaker_diariser_is_named(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models import diariser
    monkeypatch.setattr(diariser, "find_spec", lambda name: None)
    report = doctor.examine(Settings())
    assert report["diariser"]["name"] == "clustering"
    assert report["diariser"]["embedding"] == "timbre"
    assert any("tingjian[diarize]" in line for line in report["advice"])


def test_the_table_names_every_model_and_ends_well(bare: Path) -> None:
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0, result.output
    for name in ("whisper-base", "pyannote", "ecapa", "ctranslate2", "ffmpeg is not needed"):
        assert name in result.output
