"""docs/tables.md says what is in the lake, column by column, and its three worked questions run as they stand."""
from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from bench.generated_lake import Plan, generate
from store.lake import Lake
from store.tables import TABLES
from tests.test_lake import done

DOCS = Path(__file__).parents[1] / "docs"
PRIMITIVE = re.compile(r"PrimitiveType\(.?(\w+)")
EXAMPLES = DOCS / "examples" / "analysis"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    yield generate(tmp_path_factory.mktemp("tables") / "w", Plan(calls=3_000, days=35, agents=16, spoken=7, turns=6))


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_documented_with_its_type_as_it_is_written(table: str, lake: Lake, tmp_path: Path) -> None:
    part = (DOCS / "tables.md").read_text(encoding="utf-8").split(f"### `{table}`")[1].split("\n### ")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| ([\w\[\]]+) \| \S", part, re.MULTILINE))
    fresh = Lake.create(tmp_path / "w")
    with fresh.writing():
        fresh.commit([done(tmp_path, "a", started_at="2026-11-20T09:00:00+08:00")])
    for root in (lake.root, fresh.root):
        written = {field.name: _type(field.type) for field in DeltaTable(str(root / table)).schema().fields}
        assert told == written


def test_the_page_lists_each_table_once_and_no_other() -> None:
    assert re.findall(r"^### `(\w+)`", (DOCS / "tables.md").read_text(encoding="utf-8"), re.MULTILINE) == list(TABLES)


@pytest.mark.parametrize(("script", "told"), [
    ("weekly_trend.py", "B2"), ("agents.py", "closing"), ("silence.py", "0–3 s")])
def test_a_worked_question_runs_as_it_stands_and_finds_what_is_there(script: str, told: str, lake: Lake) -> None:
    ran = subprocess.run([sys.executable, EXAMPLES / script, lake.root], capture_output=True, text=True, encoding="utf-8")
    assert ran.returncode == 0 and told in ran.stdout, ran.stderr
    assert script in (DOCS / "tables.md").read_text(encoding="utf-8")
    assert "tingjian" not in re.sub(r"`tingjian \w+`", "", (EXAMPLES / script).read_text(encoding="utf-8")), "an analyst needs Delta alone"


def test_the_trend_of_the_example_is_that_of_the_command(lake: Lake) -> None:
    ran = subprocess.run([sys.executable, EXAMPLES / "weekly_trend.py", lake.root, "taboo.refusal"], capture_output=True, text=True, encoding="utf-8")
    from insight.trends import Question, span_of, trend
    from insight.wanted import Wanted
    table = trend(lake, Question(Wanted("", rules=("taboo.refusal",)), span_of(lake, "week"), "week", "team"))
    now = table.filter(pl.col("group") == "B2", pl.col("period") == table["period"].max()).row(0, named=True)
    assert f" {round(now['per_thousand'], 1)} " in next(line for line in ran.stdout.splitlines() if "B2" in line)


def test_duckdb_and_polars_read_the_same_rows_as_the_product(lake: Lake) -> None:
    files = DeltaTable(str(lake.root / "hits")).file_uris()
    by_rule = duckdb.sql("SELECT rule, count(*), sum(hits) FROM read_parquet($files, hive_partitioning = true) GROUP BY rule ORDER BY rule", params={"files": files}).fetchall()
    ours = lake.rows("hits").group_by("rule").agg(pl.len(), pl.col("hits").sum()).sort("rule").collect()
    assert by_rule == ours.rows()


def _type(kind: object) -> str:
    text = str(kind)
    if "ArrayType" in text:
        return "list[struct]" if "StructType" in text else f"list[{PRIMITIVE.findall(text)[0]}]"
    found = PRIMITIVE.findall(text)[0]
    return {"integer": "int"}.get(found, found)
