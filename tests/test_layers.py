"""The import direction of docs/architecture.md, held."""
import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ["flows", "review", "pipeline", "insight", "models", "rules", "store"]


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_rooms_import_downwards_only():
    linter = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_the_lowest_modules_import_nothing_of_ours():
    for module in ("records.py", "settings.py"):
        assert not imported(ROOT / module) & {*ROOMS, "tingjian", "records", "settings"}


def test_the_calendar_imports_the_settings_alone():
    assert imported(ROOT / "days.py") & {*ROOMS, "tingjian", "records", "settings"} == {"settings"}


def test_nobody_imports_the_front_door():
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            assert "tingjian" not in imported(path), path
