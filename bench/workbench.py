"""How quick the workbench is with a full database and everybody at work: `python -m bench.workbench` (`make bench-review`).

It fills a workspace with cards made of the sample calls (each with its transcript, draft, lines, hits and words said), starts
`tingjian review` over it, once on SQLite and once on PostgreSQL (this machine's, started by the bench; left out with a line that
says so where there is none), and lets reviewers work at once: open the queue with filters, search what was said, take the
next call, judge its lines one by one, publish. They come within a minute, and each waits some seconds between two clicks, as a quick
person does. Printed:
median and 95th percentile by kind of request, requests a second, and saves that the server had confirmed but the database
does not hold. Server and reviewers share this machine.

Then one reviewer goes on alone without pausing, and what each kind of request costs the processors is counted (bench/workbench_cost.py):
milliseconds of the server and of PostgreSQL together. That tells a slow product from a busy machine, which the times do not.

    python -m bench.workbench                                 200,000 cards, 50 reviewers, 60 + 120 s each database
    python -m bench.workbench --cards 2000 --reviewers 5 --seconds 20 --only sqlite
    python -m bench.workbench --keep /tmp/full                keeps what was filled there; found there, nothing is filled
"""
from __future__ import annotations

import argparse
import asyncio
import os
import pwd
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from bench import workbench_cost, workbench_data
from bench.throughput import machine
from store.reviews.database import Database
from store.reviews.schema import Card, Item

PORT = 8765
KINDS = ("queue", "search", "call page", "save", "publish")
AIM = 300           # milliseconds, 95th percentile
WORDS = ("投诉", "宽带", "稍等", "身份证", "退款")


class Reviewer:
    """Somebody at work: a browser of their own, its requests timed, what was confirmed remembered."""

    def __init__(self, login: str, address: str, pause: float, seed: int) -> None:
        self.login, self.pause, self.draw = login, pause, random.Random(seed)
        self.client = httpx.AsyncClient(base_url=address, timeout=60, follow_redirects=True)
        self.took: dict[str, list[float]] = defaultdict(list)
        self.cost: dict[str, list[float]] = defaultdict(list)
        self.watched: list[int] = []        # processes whose time on the processors is read before and after each request
        self.saved: dict[tuple[str, str], str] = {}
        self.published: set[str] = set()
        self.refused: list[str] = []

    async def sign_in(self) -> None:
        answer = await self.client.post("/sign-in", data={"login": self.login, "password": workbench_data.PASSWORD})
        answer.raise_for_status()

    async def work(self, until: float, within: float = 0.0) -> None:
        """Comes within so many seconds and works to the end."""
        await asyncio.sleep(self.draw.random() * within)
        while time.monotonic() < until:
            await self.ask("queue", "GET", "/queue", params=self.draw.choice(workbench_data.FILTERS))
            if self.draw.random() < 0.3:
                await self.ask("search", "GET", "/queue", params={"picked": "any", "text": self.draw.choice(WORDS)})
            picked = self.draw.choice(("risk", "random"))
            page = await self.ask("call page", "GET", f"/next?picked={picked}")
            if page is None or "/calls/" not in page.url.path:
                continue
            await self.review(page.url.path.removeprefix("/calls/"), page.text, until)

    async def review(self, call_id: str, page: str, until: float) -> None:
        version, csrf = re.search(r'data-version="(\d+)"', page), re.search(r'name="csrf" value="([^"]+)"', page)
        items = list(dict.fromkeys(re.findall(r'data-item="([^"]+)"', page)))
        if not version or not csrf or not items:
            self.refused.append(f"page of {call_id}: no card to judge")
            return
        at, headers = int(version[1]), {"X-CSRF": csrf[1]}
        for item in items:
            if time.monotonic() > until:
                return
            verdict = self.draw.choice(("pass", "pass", "fail"))
            answer = await self.ask("save", "POST", f"/calls/{call_id}/judge", headers=headers,
                                    json={"version": at, "items": {item: {"verdict": verdict, "reason": "bench"}}})
            if answer is None:
                return
            at = answer.json()["version"]
            self.saved[call_id, item] = verdict
        done = await self.ask("publish", "POST", f"/calls/{call_id}/publish", data={"csrf": csrf[1], "version": str(at)})
        if done is not None:
            self.published.add(call_id)

    async def ask(self, kind: str, method: str, path: str, **more: Any) -> httpx.Response | None:
        """A request, timed, and the pause after it; None where the server refused."""
        spent, began = self._spent(), time.perf_counter()
        answer = await self.client.request(method, path, **more)
        self.took[kind].append((time.perf_counter() - began) * 1000)
        if spent is not None and (now := self._spent()) is not None:
            self.cost[kind].append(now - spent)
        await asyncio.sleep(self.pause * (0.5 + self.draw.random()))
        if answer.is_error:
            self.refused.append(f"{kind}: {answer.status_code} {answer.text[:120]}")
            return None
        return answer

    def _spent(self) -> float | None:
        return workbench_cost.of_processes(self.watched) if self.watched else None


async def at_work(people: list[Reviewer], seconds: float, arrive: float) -> None:
    for person in people:
        await person.sign_in()
    until = time.monotonic() + arrive + seconds
    await asyncio.gather(*(person.work(until, arrive) for person in people))
    for person in people:
        await person.client.aclose()


async def alone(person: Reviewer, seconds: float, watched: list[int]) -> None:
    """One reviewer without a pause, the cost of each request counted."""
    await person.sign_in()
    await person.work(time.monotonic() + seconds / 6)       # what is only paid once (compiled templates, full caches) is over
    person.watched = watched
    await person.work(time.monotonic() + seconds)
    await person.client.aclose()


@contextmanager
def server(workspace: Path, url: str | None) -> Iterator[tuple[str, int]]:
    """`tingjian review` in a process of its own: its address and process id."""
    environment = {**os.environ, "TINGJIAN_SCORING__MEANING": "false"} | ({"TINGJIAN_REVIEW__DATABASE": url} if url else {})
    command = [sys.executable, "tingjian.py", "review", "-w", str(workspace), "--port", str(PORT)]
    log = workspace / "server.log"
    with log.open("w") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        address = f"http://127.0.0.1:{PORT}"
        try:
            for _ in range(600):
                try:
                    httpx.get(f"{address}/sign-in", timeout=5)
                    break
                except httpx.HTTPError as fault:
                    if process.poll() is not None:
                        raise SystemExit(f"tingjian review ended at once: {log.read_text()[-2000:]}") from fault
                    time.sleep(0.2)
            yield address, process.pid
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def postgresql(data: Path) -> Iterator[tuple[str, int]]:
    """A PostgreSQL of the bench's own over the directory `data`, begun where there is nothing: its address and process id."""
    tools, home = _tools(), Path(tempfile.mkdtemp(prefix="tj-pg-", dir="/tmp"))
    assert tools is not None
    user: dict[str, Any] = {}
    if os.geteuid() == 0:           # it does not run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        subprocess.run(["chown", "-R", f"{nobody.pw_uid}:{nobody.pw_gid}", data], check=True)
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "cwd": home, **user}
    if not (data / "PG_VERSION").exists():
        subprocess.run([tools / "initdb", "-D", data, "-U", "qc", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"], **quiet)
    subprocess.run([tools / "pg_ctl", "-D", data, "-w", "-l", home / "log", "-o",
                    f"-c listen_addresses='' -c unix_socket_directories={home} -c max_connections=200 -c shared_buffers=512MB",
                    "start"], **quiet)
    try:
        yield f"postgresql+psycopg://qc@/postgres?host={home}", int((data / "postmaster.pid").read_text().split()[0])
    finally:
        subprocess.run([tools / "pg_ctl", "-D", data, "-w", "-m", "fast", "stop"], **quiet)
        shutil.rmtree(home, ignore_errors=True)


def _tools() -> Path | None:
    """Where PostgreSQL's programs are."""
    found = shutil.which("initdb") or next(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    return Path(found).resolve().parent if found else None


def lost(database: Database, people: list[Reviewer]) -> tuple[int, int]:
    """(saves confirmed, saves that the database does not hold)."""
    saved = {key: verdict for person in people for key, verdict in person.saved.items()}
    calls = sorted({call_id for call_id, _ in saved})
    missing = 0
    with database.reading() as session:
        for start in range(0, len(calls), 500):
            some = calls[start:start + 500]
            held = {(item.call_id, item.item): item.human_verdict for item in session.scalars(select(Item).where(Item.call_id.in_(some)))}
            missing += sum(held.get(key) != verdict for key, verdict in saved.items() if key[0] in set(some))
        done = set().union(*(person.published for person in people))
        states = dict(session.execute(select(Card.call_id, Card.state).where(Card.call_id.in_(sorted(done)))).tuples().all())
        missing += sum(states.get(call_id) != "published" for call_id in done)
    return len(saved) + len(done), missing


def show(name: str, people: list[Reviewer], seconds: float, kept: tuple[int, int], cost: dict[str, list[float]]) -> None:
    print(f"\n{name}: {len(people)} reviewers for {seconds:.0f} s")
    print(f"{'':12}{'requests':>10}{'median ms':>11}{'95 % ms':>9}{'max ms':>9}{'CPU ms':>9}")
    total = 0
    for kind in KINDS:
        took = sorted(one for person in people for one in person.took[kind])
        total += len(took)
        if took:
            worst = took[min(len(took) - 1, int(len(took) * 0.95))]
            spent = f"{statistics.fmean(cost[kind]):9.1f}" if cost.get(kind) else f"{'–':>9}"
            print(f"{kind:12}{len(took):10}{statistics.median(took):11.0f}{worst:9.0f}{took[-1]:9.0f}{spent}"
                  + ("" if worst <= AIM else f"   over the aim of {AIM}"))
    refused = [one for person in people for one in person.refused]
    print(f"{total / seconds:.1f} requests a second; {kept[0]} saves confirmed, {kept[1]} lost; {len(refused)} requests refused"
          + (f", such as {refused[0]}" if refused else ""), flush=True)


@contextmanager
def database(home: Path, on_postgresql: bool) -> Iterator[tuple[str | None, list[int]]]:
    """The setting that names the review database, None for SQLite, and the processes behind it."""
    if not on_postgresql:
        yield None, []
        return
    data = home / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    home.chmod(0o711)
    with postgresql(data) as (url, process):
        yield url, [process]


def filled(home: Path, name: str, on_postgresql: bool, options: argparse.Namespace) -> None:
    """Fills the workspace `home`/w and its database."""
    began = time.perf_counter()
    with database(home, on_postgresql) as (url, _):
        workbench_data.fill(home / "w", url, options.cards, options.reviewers)
    print(f"\n{name}: {options.cards:,} cards made in {time.perf_counter() - began:.0f} s", flush=True)


def measure(name: str, on_postgresql: bool, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="tj-review-", dir=options.directory) as folder:
        home = Path(folder)
        if options.keep is None:
            filled(home, name, on_postgresql, options)
        else:
            kept = options.keep / f"{name.lower()}-{options.cards}-{options.reviewers}"
            if not (kept / "whole").exists():
                shutil.rmtree(kept, ignore_errors=True)
                kept.mkdir(parents=True, mode=0o711)
                filled(kept, name, on_postgresql, options)
                (kept / "whole").touch()
            shutil.copytree(kept, home, dirs_exist_ok=True)
        with database(home, on_postgresql) as (url, processes):
            _measured(name, home / "w", url, processes, options)


def _measured(name: str, workspace: Path, url: str | None, processes: list[int], options: argparse.Namespace) -> None:
    with server(workspace, url) as (address, process):
        people = [Reviewer(login, address, options.pause, number) for number, login in enumerate(workbench_data.logins(options.reviewers))]
        asyncio.run(at_work(people, options.seconds, options.arrive))
        one = Reviewer(people[0].login, address, 0.0, len(people))
        asyncio.run(alone(one, options.alone, [process, *processes]))
    show(name, people, options.arrive + options.seconds, lost(Database.open(workspace, url), [*people, one]), one.cost)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.workbench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cards", type=int, default=200_000)
    parser.add_argument("--reviewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120.0, help="at work once all are there, each database")
    parser.add_argument("--arrive", type=float, default=60.0,
                        help="seconds within which the reviewers come; each one's day is handed out with the first call asked for")
    parser.add_argument("--pause", type=float, default=4.0, help="seconds between two clicks of a reviewer, on average")
    parser.add_argument("--alone", type=float, default=12.0, help="seconds for which the cost of a request is counted afterwards")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--directory", type=Path, default=Path("/tmp"), help="where the workspace is made (some 2 GB)")
    parser.add_argument("--keep", type=Path, help="keep what was filled in this directory, and measure on a copy of it")
    options = parser.parse_args()
    print(machine())
    if options.only != "postgresql":
        measure("SQLite", False, options)
    if options.only != "sqlite":
        if _tools() is None:
            print("\nPostgreSQL is not installed here (apt-get install postgresql): left out.")
        else:
            measure("PostgreSQL", True, options)


if __name__ == "__main__":
    main()
