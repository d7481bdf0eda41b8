"""The reference pages name every setting and every column there is."""
from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from records import Draft, Evidence, Finding, Item, Transcript, Turn
from settings import Settings
from store.tables import TABLES

DOCS = Path(__file__).parent.parent / "docs"


def test_every_setting_is_documented_with_its_default_and_no_other() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    documented = {}
    for part in text.split("\n## [")[1:]:
        section = part.split("]")[0]
        for name, default in re.findall(r"^\| `(\w+)` \| (.+?) \|", part, re.MULTILINE):
            documented[f"{section}.{name}"] = default.strip("`")
    existing = {f"{section}.{name}": _written(field.default)
                for section, table in Settings.model_fields.items()
                for name, field in table.annotation.model_fields.items()}
    assert documented == existing


def _written(default: object) -> str:
    if default is None:
        return "–"
    if isinstance(default, list):
        return "[" + ", ".join(f'"{one}"' for one in default) + "]"
    if isinstance(default, bool):
        return str(default).lower()
    return f'"{default}"' if isinstance(default, str | Path) else str(default)


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_the_lake_is_documented(table: str) -> None:
    text = (DOCS / "formats.md").read_text(encoding="utf-8")
    row = [line for line in text.splitlines() if line.startswith(f"| `{table}` |")][-1]
    told = set(Transcript.model_fields) if table == "calls" else set()
    columns = set(TABLES[table]) - {"call_id", "day"} - told | ({"turns"} & set(TABLES[table]))
    assert {column for column in columns if f"`{column}`" not in row} == set()


@pytest.mark.parametrize("record", [Transcript, Turn, Draft, Item, Finding, Evidence])
def test_every_field_of_the_published_json_is_documented(record: type[BaseModel]) -> None:
    text = (DOCS / "formats.md").read_text(encoding="utf-8")
    assert {name for name in record.model_fields if f"`{name}`" not in text and f'"{name}"' not in text} == set()
