"""A workspace and a review database full of cards, copies of the sample calls under other names, for bench/workbench.py."""
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
from deltalake import WriterProperties, write_deltalake
from sqlalchemy import Table, insert

from pipeline.scorecard import Scorer
from records import Draft, Transcript
from review.workbench import intake
from settings import Settings
from store import compacting, tables
from store.lake import Lake
from store.reviews import people, said
from store.reviews.database import Database
from store.reviews.schema import Card, Hit, Item
from store.reviews.work_tables import Said

GOLD = Path(__file__).parents[1] / "data" / "sample" / "gold.jsonl"
PASSWORD = "a long enough phrase"
DAYS, LAST, AGENTS = 60, date(2026, 11, 24), 400
TEAMS = ("A1", "A2", "B1", "B2", "C1", "C2", "D1", "D2")
REVIEWED = 0.25         # share of the cards that are published
FILTERS: tuple[dict[str, str], ...] = (
    {}, {"picked": "random"}, {"picked": "any", "state": "done"}, {"team": "B2"}, {"rule": "taboo.refusal"}, {"agent": "8017"},
    {"since": "2026-11-20"}, {"band": "below_standard"}, {"state": "held", "picked": "any"})
AT_ONCE = 5000          # cards in one transaction


@dataclass(frozen=True)
class Model:
    """A sample call, ready to be copied."""

    transcript: Transcript
    draft: Draft
    turns: list[str]
    card: dict[str, Any]
    hits: dict[str, str]
    items: list[dict[str, Any]]
    row: dict[str, Any]         # of the lake's table `calls`


def logins(reviewers: int) -> list[str]:
    """The reviewers' names at the door; their password is PASSWORD."""
    return [f"r{number:02}" for number in range(reviewers)]


def fill(workspace: Path, url: str | None, cards: int, reviewers: int) -> None:
    """Makes both."""
    models = list(_models())
    lake = Lake.create(workspace)
    database = Database.open(workspace, url)
    with database.writing() as session:
        ids = []
        for login in logins(reviewers):
            person = people.add(session, "bench", login, f"质检员{login}", "reviewer")
            people.set_password(session, people.one_time_link(session, person), PASSWORD)
            ids.append(person.id)
    draw = Random(1)
    for start in range(0, cards, AT_ONCE):
        made = [_copy(models[number % len(models)], number, cards, draw, ids) for number in range(start, min(start + AT_ONCE, cards))]
        _into_lake(lake, made)
        _into_database(database, made)
    if database.engine.dialect.name == "postgresql":        # what its autovacuum does by itself; a SQLite file has no statistics
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")


def _models() -> Iterator[Model]:
    settings = Settings.model_validate({"scoring": {"meaning": False}})
    scorer = Scorer.from_settings(settings)
    titles = {rule.id: rule.title for rule in scorer.engine.pack.rules.values()}
    for line in GOLD.read_text("utf-8").splitlines():
        transcript = Transcript.model_validate(json.loads(line)["transcript"])
        draft = scorer.draft(transcript)
        form = scorer.forms[draft.form]
        lines = intake.lines_of(draft, form, titles)
        card = _values(intake.card(draft, transcript, 0.0))
        row = {**{name: getattr(transcript, name, None) for name in tables.CALLS}, **tables.draft_columns(draft),
               "turns": len(transcript.turns), "recording": "gone.wav", "audio_sha256": "", "transcriber_version": "bench",
               "scorer_version": "bench", "metadata_sha256": "", "finished_at": datetime.now(UTC),
               "recognition_batch": "bench", "scoring_batch": "bench"}
        yield Model(transcript, draft, intake.shown(transcript, True), card, intake.hits(draft),
                    [_values(item) for item in intake.stored_items(draft.call_id, lines, form)], row)


def _values(row: Any) -> dict[str, Any]:
    """A row's columns that are set; the others take what the table says."""
    return {column.key: getattr(row, column.key) for column in row.__table__.columns
            if column.key != "draft" and (getattr(row, column.key) is not None or column.nullable)}


@dataclass(frozen=True)
class Copy:
    model: Model
    call_id: str
    day: str
    card: dict[str, Any]
    published: bool


def _copy(model: Model, number: int, of: int, draw: Random, reviewers: list[int]) -> Copy:
    call_id, day = f"c-{number:07}", (LAST - timedelta(days=DAYS - 1 - number * DAYS // of)).isoformat()
    agent = draw.randrange(AGENTS)
    published = draw.random() < REVIEWED
    card = {**model.card, "call_id": call_id, "day": day, "agent_id": str(8000 + agent), "team": TEAMS[agent % len(TEAMS)],
            "triage": model.card["triage"] + draw.random() * 5, "picked": "random" if draw.random() < 0.05 else "risk"}
    if published:
        at = datetime.fromisoformat(day + "T18:00:00+08:00").astimezone(UTC)
        card |= {"state": "published", "reviewer_id": draw.choice(reviewers), "published_at": at, "due_at": at, "appeal_until": at,
                 "score": model.draft.score, "band": model.draft.band}
    return Copy(model, call_id, day, card, published)


def _into_lake(lake: Lake, made: list[Copy]) -> None:
    rows: dict[str, list[dict[str, Any]]] = {"calls": [], "transcripts": [], "drafts": []}
    for one in made:
        here = {"call_id": one.call_id, "day": one.day, "batch_id": "bench"}
        name, new = json.dumps(one.model.transcript.call_id), json.dumps(one.call_id)
        rows["calls"].append({**one.model.row, "call_id": one.call_id, "day": one.day, "agent_id": one.card["agent_id"], "team": one.card["team"]})
        rows["transcripts"].append({**here, "transcript": one.model.transcript.model_dump_json().replace(name, new, 1)})
        rows["drafts"].append({**here, "draft": one.model.draft.model_dump_json().replace(name, new, 1)})
    for table, listed in rows.items():
        frame = pl.DataFrame([{column: row.get(column) for column in tables.TABLES[table]} for row in listed], schema=tables.TABLES[table])
        write_deltalake(str(lake.root / table), frame, mode="append", partition_by=["day"],
                        writer_properties=WriterProperties(max_row_group_size=compacting.GROUP[table]))     # as compaction leaves them


def _into_database(database: Database, made: list[Copy]) -> None:
    with database.writing() as session:
        _insert(session, Card.__table__, [one.card for one in made])
        _insert(session, Hit.__table__, [{"call_id": one.call_id, "rule": rule, "verdict": verdict}
                                         for one in made for rule, verdict in one.model.hits.items()])
        _insert(session, Item.__table__, [_item(item, one) for one in made for item in one.model.items])
        words = {id(model): "\n".join(filter(None, map(said.plain, model.turns))) for model in {id(one.model): one.model for one in made}.values()}
        _insert(session, Said.__table__, [{"call_id": one.call_id, "text": words[id(one.model)]} for one in made])      # both databases keep the index themselves


def _item(item: dict[str, Any], copy: Copy) -> dict[str, Any]:
    human = (item["machine_verdict"] if item["machine_verdict"] != "needs_review" else "pass") if copy.published else item["human_verdict"]
    points = item["machine_points"] if copy.published else None
    return {**item, "call_id": copy.call_id, "human_verdict": human, "human_points": points,
            "final_verdict": human if copy.published else None, "final_points": points}


def _insert(session: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    assert isinstance(table, Table)
    columns = {key for row in rows for key in row}
    session.execute(insert(table), [{key: row.get(key) for key in columns} for row in rows])
