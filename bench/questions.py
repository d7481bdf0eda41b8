"""Questions over a year of calls: Tingjian beside pandas and DuckDB, over the same Delta tables, each in a process of its own.

    python bench/questions.py [--calls 10000000] [--spoken 35] [--cores 2] [--keep DIR] [--dense 200000]

A lake is generated (bench/generated_lake.py) under the temporary directory and removed at the end; `--keep` uses or leaves one.
Three questions, the same answers asked of each: a year's trend of a rule by week and team with a call behind each point; the phrases
that rose in the last week against the four before (10,000 calls of each side, the same ones); the appraisal of a month. Printed are seconds
from the open table to the answer, CPU seconds, and the whole process's peak memory. `--dense` calls are generated a second time
with all forty findings a call, to see what asking `findings` costs where `hits` would do; 0 leaves that out.
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

RULE, SINCE, UNTIL = "taboo.refusal", "2025-11-24", "2026-11-22"
NOW, THEN, MONTH = ("2026-11-16", "2026-11-22"), ("2026-10-19", "2026-11-15"), "2026-10"
SAMPLE = 10_000
Answer = list[tuple[Any, ...]]


# -- Tingjian ------------------------------------------------------------------------------------------------------------


def trend_tingjian(lake: Path, started: Callable[[], None]) -> Answer:
    from insight.trends import Question, trend
    from insight.wanted import Span, Wanted
    from store.lake import Lake

    started()
    table = trend(Lake.open(lake), Question(Wanted("", rules=(RULE,)), Span(SINCE, UNTIL), "week", "team"))
    return sorted((str(row["period"]), row["group"], row["calls"], row["with_it"], row["hits"]) for row in table.iter_rows(named=True))


def rising_tingjian(lake: Path, started: Callable[[], None]) -> Answer:
    from insight.rising import rising
    from insight.wanted import Span
    from review.trends import hidden
    from store.lake import Lake

    started()
    return [(one.phrase, one.now, one.before) for one in rising(Lake.open(lake), Span(*NOW), Span(*THEN), hidden, most_calls=SAMPLE)]


def appraisal_tingjian(lake: Path, started: Callable[[], None]) -> Answer:
    import polars as pl

    from insight.appraisal import Month, appraise, gather
    from settings import Appraisal
    from store.lake import Lake

    started()
    sources, _ = gather(Lake.open(lake).rows("calls"), pl.read_parquet(lake / "cards.parquet"), {"assessments": lake / "assessments.csv"})
    table = appraise(sources, Month.of(MONTH), Appraisal())
    return _appraised(table.select("agent_id", "result", "grade", "calls", "volume_points", "talk_points").rows())


# -- DuckDB --------------------------------------------------------------------------------------------------------------


def _duckdb(lake: Path, *tables: str) -> Any:
    import duckdb
    from deltalake import DeltaTable

    connection = duckdb.connect(config={"threads": len(os.sched_getaffinity(0))})
    for table in tables:
        files = ", ".join(f"'{file}'" for file in DeltaTable(str(lake / table)).file_uris())
        connection.execute(f"CREATE VIEW {table} AS FROM read_parquet([{files}], hive_partitioning = true, hive_types = {{'day': VARCHAR}})")
    return connection


def trend_duckdb(lake: Path, started: Callable[[], None]) -> Answer:
    import deltalake  # noqa: F401
    import duckdb  # noqa: F401

    started()
    found = _duckdb(lake, "calls", "hits").execute("""
        WITH c AS (SELECT date_trunc('week', day::DATE) AS week, team, count(*) AS calls FROM calls WHERE day BETWEEN $since AND $until GROUP BY ALL),
             h AS (SELECT date_trunc('week', day::DATE) AS week, team, count(*) AS with_it, sum(hits) AS hits, arg_max(call_id, hits, 3) AS examples
                   FROM hits WHERE rule = $rule AND day BETWEEN $since AND $until GROUP BY ALL)
        SELECT week::DATE::VARCHAR, team, calls, coalesce(with_it, 0), coalesce(hits, 0), examples FROM c LEFT JOIN h USING (week, team)""",
        {"rule": RULE, "since": SINCE, "until": UNTIL}).fetchall()
    return sorted((week[:10], team, calls, with_it, int(hits)) for week, team, calls, with_it, hits, _ in found)


def rising_duckdb(lake: Path, started: Callable[[], None]) -> Answer:
    """The counting and weighing in SQL; the words are cut by rjieba, as DuckDB has no Chinese. Nothing is folded or masked."""
    import duckdb  # noqa: F401
    import pandas as pd
    import rjieba  # noqa: F401

    started()
    connection = _duckdb(lake, "turns")
    connection.register("sample", _sample(lake).to_pandas())
    texts = connection.execute("""SELECT s.call, s.recent, string_agg(t.text, chr(10)) AS text FROM turns t JOIN sample s USING (call_id)
        WHERE t.speaker = 'customer' AND t.day BETWEEN $since AND $until GROUP BY ALL""", {"since": THEN[0], "until": NOW[1]}).fetchall()
    frame = pd.DataFrame({"call": [row[0] for row in texts], "recent": [row[1] for row in texts], "word": [_cut(row[2]) for row in texts]})
    connection.register("cut", frame)
    return connection.execute("""
        WITH words AS (SELECT call, recent, unnest(word) AS w, generate_subscripts(word, 1) AS pos FROM cut),
        ahead AS (SELECT call, recent, w, lead(w) OVER o AS w2, lead(w, 2) OVER o AS w3, lead(w, 3) OVER o AS w4 FROM words WINDOW o AS (PARTITION BY call ORDER BY pos)),
        grams AS (SELECT DISTINCT call, recent, g FROM (SELECT call, recent, unnest([w, w || w2, w || w2 || w3, w || w2 || w3 || w4]) AS g FROM ahead)
                  WHERE g NOT LIKE '%|%' AND length(g) BETWEEN 2 AND 12),
        n AS (SELECT count(DISTINCT call) FILTER (recent) AS n1, count(DISTINCT call) FILTER (NOT recent) AS n0 FROM cut),
        counts AS (SELECT g, count(*) FILTER (recent) AS y1, count(*) FILTER (NOT recent) AS y0 FROM grams GROUP BY g HAVING y1 >= 5),
        p AS (SELECT g, y1, y0, n1, n0, 100.0 * (y1 + y0) / (n1 + n0) AS a FROM counts, n)
        SELECT g, y1, y0 FROM p ORDER BY (ln((y1 + a) / (n1 + 100.5 - y1 - a)) - ln((y0 + a) / (n0 + 100.5 - y0 - a))) / sqrt(1 / (y1 + a) + 1 / (y0 + a)) DESC, g
        LIMIT 20""").fetchall()


def appraisal_duckdb(lake: Path, started: Callable[[], None]) -> Answer:
    import deltalake  # noqa: F401
    import duckdb  # noqa: F401

    started()
    return _appraised(_duckdb(lake, "calls").execute(f"""
        WITH work AS (SELECT agent_id, count(*) AS calls, round(avg(duration) + 1e-8, 2) AS talk FROM calls WHERE day BETWEEN '{MONTH}-01' AND '{MONTH}-31' GROUP BY agent_id),
        mean AS (SELECT round(avg(calls) + 1e-8, 2) AS calls, round(sum(talk * calls) / sum(calls) + 1e-8, 2) AS talk FROM work),
        cards AS (SELECT agent_id, round(avg(score) + 1e-8, 2) AS monitoring FROM read_parquet('{lake}/cards.parquet')
                  WHERE picked = 'random' AND day BETWEEN '{MONTH}-01' AND '{MONTH}-31' GROUP BY agent_id),
        assessed AS (SELECT agent_id, score FROM read_csv('{lake}/assessments.csv', types={{'agent_id': 'VARCHAR', 'month': 'VARCHAR'}}) WHERE month = '{MONTH}'),
        r AS (SELECT agent_id, round((score + monitoring) / 2 + 1e-8, 2) AS result FROM cards JOIN assessed USING (agent_id))
        SELECT w.agent_id, result, CASE WHEN result >= 95 THEN 'A' WHEN result >= 85 THEN 'B' WHEN result >= 80 THEN 'C' WHEN result IS NOT NULL THEN 'D' END, w.calls,
               CASE WHEN m.calls - w.calls <= 0 THEN 10 WHEN m.calls - w.calls <= 100 THEN 6 WHEN m.calls - w.calls <= 200 THEN 2 ELSE 0 END,
               CASE WHEN w.talk - m.talk <= 0 THEN 5 WHEN w.talk - m.talk <= 40 THEN 3 WHEN w.talk - m.talk <= 80 THEN 1 ELSE 0 END
        FROM work w LEFT JOIN r USING (agent_id), mean m""").fetchall())


# -- pandas --------------------------------------------------------------------------------------------------------------


def _pandas(lake: Path, table: str, columns: list[str], days: tuple[str, str], only: tuple[str, str] | None = None) -> Any:
    """The files of the days asked for, the columns asked for, of each file only the rows asked for (its Parquet reader has no filter
    for the string views that Delta writes)."""
    import pandas as pd
    from deltalake import DeltaTable

    files = DeltaTable(str(lake / table)).file_uris()
    wanted = [file for file in files if days[0] <= file.split("day=")[1].split("/")[0] <= days[1]]
    parts = []
    for file in wanted:
        part = pd.read_parquet(file, columns=[*columns, *only[:1]] if only else columns, partitioning=None)
        part = part[part[only[0]] == only[1]][columns] if only else part
        parts.append(part.assign(day=file.split("day=")[1].split("/")[0]))
    return pd.concat(parts, ignore_index=True)


def trend_pandas(lake: Path, started: Callable[[], None]) -> Answer:
    import deltalake  # noqa: F401
    import pandas as pd

    started()
    calls = _pandas(lake, "calls", ["team"], (SINCE, UNTIL))
    hits = _pandas(lake, "hits", ["call_id", "team", "hits"], (SINCE, UNTIL), ("rule", RULE))
    for frame in (calls, hits):
        days = pd.to_datetime(frame["day"])
        frame["week"] = days - pd.to_timedelta(days.dt.weekday, unit="D")
    table = calls.groupby(["week", "team"]).size().to_frame("calls")
    best = hits.sort_values("hits", ascending=False).groupby(["week", "team"])
    table = table.join(best.agg(with_it=("hits", "size"), hits=("hits", "sum"), examples=("call_id", lambda ids: list(ids[:3]))))
    table[["with_it", "hits"]] = table[["with_it", "hits"]].fillna(0).astype(int)
    return sorted((str(week.date()), team, int(row.calls), int(row.with_it), int(row.hits)) for (week, team), row in table.iterrows())


def rising_pandas(lake: Path, started: Callable[[], None]) -> Answer:
    import numpy as np
    import pandas as pd
    import rjieba  # noqa: F401

    started()
    sample = _sample(lake).to_pandas()
    turns = _pandas(lake, "turns", ["call_id", "text"], (THEN[0], NOW[1]), ("speaker", "customer")).merge(sample, on="call_id")
    texts = turns.groupby(["call", "recent"])["text"].agg("\n".join).reset_index()
    words = texts.assign(w=[_cut(text) for text in texts["text"]])[["call", "recent", "w"]].explode("w", ignore_index=True)
    grams = []
    for length in range(1, 5):
        gram, same = words["w"].copy(), pd.Series(True, index=words.index)
        for at in range(1, length):
            gram = gram + words["w"].shift(-at)
            same &= words["call"].shift(-at) == words["call"]
        found = words.assign(g=gram)[same & gram.notna()]
        found = found[~found["g"].str.contains("|", regex=False) & found["g"].str.len().between(2, 12)]
        grams.append(found[["call", "recent", "g"]].drop_duplicates())
    counts = pd.concat(grams).groupby("g")["recent"].agg(y1="sum", y0=lambda recent: (~recent.astype(bool)).sum())
    counts = counts[counts["y1"] >= 5].astype(float)
    n1, n0 = (texts["recent"].sum(), (~texts["recent"]).sum())
    prior = 100 * (counts["y1"] + counts["y0"]) / (n1 + n0)
    odds1 = np.log((counts["y1"] + prior) / (n1 + 100.5 - counts["y1"] - prior))
    odds0 = np.log((counts["y0"] + prior) / (n0 + 100.5 - counts["y0"] - prior))
    counts["z"] = (odds1 - odds0) / np.sqrt(1 / (counts["y1"] + prior) + 1 / (counts["y0"] + prior))
    best = counts.reset_index().sort_values(["z", "g"], ascending=[False, True]).head(20)
    return [(row.g, int(row.y1), int(row.y0)) for row in best.itertuples()]


def appraisal_pandas(lake: Path, started: Callable[[], None]) -> Answer:
    import numpy as np
    import pandas as pd

    started()
    def rounded(values: Any) -> Any:
        return np.round(values + 1e-8, 2)
    calls = _pandas(lake, "calls", ["agent_id", "duration"], (f"{MONTH}-01", f"{MONTH}-31"))
    work = calls.groupby("agent_id").agg(calls=("duration", "size"), talk=("duration", "mean"))
    work["talk"] = rounded(work["talk"])
    cards = pd.read_parquet(lake / "cards.parquet")
    cards = cards[(cards["picked"] == "random") & cards["day"].str.startswith(MONTH)].groupby("agent_id")["score"].mean()
    assessed = pd.read_csv(lake / "assessments.csv", dtype={"agent_id": str, "month": str})
    assessed = assessed[assessed["month"] == MONTH].set_index("agent_id")["score"]
    work["result"] = rounded((rounded(cards) + assessed) / 2)
    work["grade"] = pd.cut(work["result"], [-1, 80, 85, 95, 101], right=False, labels=list("DCBA")).astype(object)
    under = rounded(work["calls"].mean()) - work["calls"]
    over = work["talk"] - rounded((work["talk"] * work["calls"]).sum() / work["calls"].sum())
    work["volume"] = np.select([under <= 0, under <= 100, under <= 200], [10, 6, 2], 0)
    work["talk_points"] = np.select([over <= 0, over <= 40, over <= 80], [5, 3, 1], 0)
    return _appraised([(row.Index, row.result, row.grade, row.calls, row.volume, row.talk_points) for row in work.itertuples()])


# -- what all of them use ------------------------------------------------------------------------------------------------


def _sample(lake: Path) -> Any:
    """The same calls for all three: those that Tingjian's hash draws, read from the file that `prepare` left."""
    import polars as pl

    return pl.read_parquet(lake / "sample.parquet")


def _cut(text: str) -> list[str]:
    from insight.rising import _clauses

    return _clauses(text)


def _appraised(rows: list[tuple[Any, ...]]) -> Answer:
    return sorted((agent, None if result is None or result != result else round(float(result), 2), grade if isinstance(grade, str) else None, int(calls), int(volume), int(talk))
                  for agent, result, grade, calls, volume, talk in rows)


def prepare(lake: Path) -> None:
    """Reviewed cards and assessments for the appraisal, and the calls in which phrases are looked for."""
    import polars as pl

    from insight.rising import _sampled
    from insight.wanted import Span
    from store.lake import Lake

    opened = Lake.open(lake)
    calls = opened.rows("calls").filter(pl.col("day").is_between(pl.lit("2026-09-01"), pl.lit("2026-10-31")))
    cards = calls.filter(pl.col("call_id").hash(1) % 200 == 0).select("call_id", "day", "agent_id", "agent_name", "team", "score", picked=pl.lit("random"), state=pl.lit("published"))
    cards.collect(engine="streaming").write_parquet(lake / "cards.parquet")
    agents = opened.rows("calls").select("agent_id").unique().collect(engine="streaming")["agent_id"].sort()
    pl.DataFrame({"agent_id": agents, "month": [MONTH] * len(agents), "score": [75 + hash_ % 26 for hash_ in range(len(agents))]}).write_csv(lake / "assessments.csv")
    sample = pl.concat([_sampled(opened, Span(*span), (), SAMPLE).with_columns(recent=pl.lit(recent)) for span, recent in ((NOW, True), (THEN, False))])
    sample.with_row_index("call").select("call", "call_id", "recent").write_parquet(lake / "sample.parquet")


QUESTIONS = {"trend": "a year's trend, week × team", "rising": "phrases that rose", "appraisal": "a month's appraisal"}
CONTESTANTS = ("tingjian", "duckdb", "pandas")


def child(name: str, lake: Path, answer: Path) -> None:
    """One question by one contestant; what it took as JSON on standard output, the answer to a file."""
    began: list[float] = []

    def started() -> None:
        began.extend((time.perf_counter(), time.process_time()))
    found = globals()[name](lake, started)
    took, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    answer.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    print(json.dumps({"seconds": took, "cpu": cpu, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "rows": len(found)}))


def ask(name: str, lake: Path, cores: int) -> tuple[dict[str, float] | None, Any]:
    """The child's figures and answer; None where it ended in a fault, which is printed."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        ran = subprocess.run([sys.executable, __file__, "--child", name, "--lake", str(lake), "--answer", str(answer)], capture_output=True, text=True,
                             env=os.environ | {"POLARS_MAX_THREADS": str(cores), "OMP_NUM_THREADS": str(cores)},
                             preexec_fn=lambda: os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores]))
        if ran.returncode:
            print(f"  {name}: ended with {ran.returncode}: {ran.stderr.strip().splitlines()[-1] if ran.stderr.strip() else 'no message (out of memory?)'}")
            return None, None
        return json.loads(ran.stdout.splitlines()[-1]), json.loads(answer.read_text(encoding="utf-8"))


def compare(lake: Path, cores: int) -> bool:
    """All questions by all contestants; whether the countable answers agree."""
    agree = True
    print(f"\n{'question':34}{'by':10}{'seconds':>9}{'CPU s':>8}{'peak MB':>9}{'rows':>7}  answer")
    for question, words in QUESTIONS.items():
        ours: Any = None
        for contestant in CONTESTANTS:
            figures, answer = ask(f"{question}_{contestant}", lake, cores)
            if figures is None:
                continue
            ours = answer if contestant == "tingjian" else ours
            told = "" if contestant == "tingjian" else _told(question, ours, answer)
            agree = agree and not told.startswith("differs")
            print(f"{words:34}{contestant:10}{figures['seconds']:9.2f}{figures['cpu']:8.2f}{figures['peak_mb']:9.0f}{figures['rows']:7.0f}  {told}")
    return agree


def _told(question: str, ours: Any, answer: Any) -> str:
    if question == "rising":
        return f"unfolded, unmasked; ours is among them: {bool(ours) and ours[0][0] in {row[0] for row in answer}}"
    different = sum(one != other for one, other in zip(ours, answer, strict=False)) + abs(len(ours) - len(answer))
    return "the same" if not different else f"differs in {different} rows"


def dense(calls: int, cores: int, root: Path) -> None:
    """A year's trend from `hits` and from the full table of findings, and what each takes on the disk."""
    from bench.generated_lake import ALL_RULES, Plan, generate

    generate(root, Plan(calls, findings=True))
    sizes = {table: sum(file.stat().st_size for file in (root / table).rglob("*.parquet")) / 1e6 for table in ("calls", "hits", "findings")}
    print(f"\n{calls:,} calls with all {ALL_RULES} findings each: " + ", ".join(f"{table} {size:,.0f} MB" for table, size in sizes.items()))
    for name in ("trend_tingjian", "trend_of_findings"):
        figures, _ = ask(name, root, cores)
        if figures:
            print(f"  {name:20}{figures['seconds']:8.2f} s {figures['cpu']:8.2f} CPU s {figures['peak_mb']:8.0f} MB")


def trend_of_findings(lake: Path, started: Callable[[], None]) -> Answer:
    """The same trend where there is no table of hits: it is made of findings and calls."""
    shutil.rmtree(lake / "hits")
    return trend_tingjian(lake, started)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--calls", type=int, default=1_000_000)
    options.add_argument("--spoken", type=int, default=35, help="last days whose turns are generated")
    options.add_argument("--cores", type=int, default=2)
    options.add_argument("--keep", type=Path)
    options.add_argument("--dense", type=int, default=200_000)
    options.add_argument("--child")
    options.add_argument("--lake", type=Path)
    options.add_argument("--answer", type=Path)
    asked = options.parse_args()
    if asked.child:
        child(asked.child, asked.lake, asked.answer)
        return 0
    with tempfile.TemporaryDirectory(prefix="tingjian-insight-") as folder:
        lake = asked.keep or Path(folder) / "lake"
        free = shutil.disk_usage(lake.parent if lake.parent.exists() else folder).free / 1e9
        print(f"{platform.processor() or platform.machine()}, {asked.cores} of {os.cpu_count()} cores, {platform.python_version()}, {free:.0f} GB free, {date.today()}")
        if not (lake / "version").is_file():
            from bench.generated_lake import Plan, generate

            began = time.perf_counter()
            generate(lake, Plan(asked.calls, spoken=asked.spoken))
            print(f"generated in {time.perf_counter() - began:.0f} s")
        if not (lake / "sample.parquet").is_file():
            prepare(lake)
        size = sum(file.stat().st_size for file in lake.rglob("*.parquet")) / 1e9
        from store.lake import Lake

        opened = Lake.open(lake)
        import polars as pl

        calls, hits, turns = (opened.rows(table).select(pl.len()).collect().item() for table in ("calls", "hits", "turns"))
        print(f"{calls:,} calls over a year, {hits:,} hits (of 40 rules a call {hits / calls:.1f} told anything), {turns:,} turns of the last {asked.spoken} days, {size:.2f} GB")
        agree = compare(lake, asked.cores)
        if asked.dense:
            dense(asked.dense, asked.cores, Path(folder) / "dense")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
