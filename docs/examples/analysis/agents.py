"""Which agents lose points by what? The rule that each agent breaks most often beyond the team's own share, in SQL.

    python agents.py WORKSPACE

DuckDB reads the Parquet files that the Delta log names; its delta extension is not needed.
"""
import sys

import duckdb
from deltalake import DeltaTable

workspace = sys.argv[1]
for table in ("calls", "hits"):
    files = DeltaTable(f"{workspace}/{table}").file_uris()
    duckdb.from_parquet(files, hive_partitioning=True, union_by_name=True).create_view(table)

duckdb.sql("""
    WITH agents AS (
        SELECT team, agent_id, any_value(agent_name) AS name, count(*) AS calls, round(avg(score), 1) AS score
        FROM calls WHERE agent_id IS NOT NULL GROUP BY team, agent_id HAVING count(*) >= 30
    ), broken AS (
        SELECT team, agent_id, rule, count(*) AS hit FROM hits WHERE verdict = 'fail' GROUP BY ALL
    ), teams AS (
        SELECT a.team, b.rule, sum(b.hit) / any_value(t.calls) AS share
        FROM agents a JOIN broken b USING (team, agent_id)
        JOIN (SELECT team, sum(calls) AS calls FROM agents GROUP BY team) t ON t.team = a.team GROUP BY a.team, b.rule
    )
    SELECT team, agent_id, name, calls, score, rule,
           round(1000 * hit / calls) AS a_thousand, round(1000 * share) AS of_team, round(hit / calls / share, 2) AS times
    FROM agents JOIN broken USING (team, agent_id) JOIN teams USING (team, rule)
    WHERE hit >= 5
    QUALIFY row_number() OVER (PARTITION BY team, agent_id ORDER BY hit / calls - share DESC) = 1
    ORDER BY times DESC, agent_id LIMIT 15
""").show(max_width=140)
