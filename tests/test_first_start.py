"""From `tingjian review` on a finished workspace to a signed-in browser: links, cookies behind a proxy, and the log's own command."""
from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import tingjian
from review.workbench.bench import Bench
from store.reviews.database import Database
from store.reviews.schema import Audit, Person
from tests import benches

FORM = {"login": "rui", "password": benches.PASSWORD}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def asked(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(tingjian.app, [str(one) for one in arguments])
    return done.exit_code, done.output


def test_the_first_start_prints_links_under_which_people_reach_it_and_opens_on_real_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benches.workspace(tmp_path / "w")
    (tmp_path / "tingjian.toml").write_text('[review]\nurl = "https://qc.example/"\n[scoring]\nmeaning = false\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    served: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr("uvicorn.run", lambda app, **options: served.append((app, options)))
    try:
        said = [asked("review", "--workspace", tmp_path / "w") for _ in range(2)]
        again = asked("review", "--workspace", tmp_path / "w", "--new-administrator")
    finally:
        gc.unfreeze()
    assert [code for code, _ in (*said, again)] == [0, 0, 0]
    links = re.findall(r"`(\w+)`: set a password at https://qc\.example/welcome/(\S+) ", said[0][1])
    assert [login for login, _ in links] == ["admin", "supervisor"] and "14 calls are new" in said[0][1]
    assert "/welcome/" in said[1][1], "nobody has set a password yet"
    assert served[0][1]["host"] == "127.0.0.1" and served[0][1]["port"] == 8710
    boss = TestClient(served[0][0], base_url="https://qc.example")
    link = re.findall(r"welcome/(\S+) ", again[1])[-1]
    page = boss.post(f"/welcome/{link}", data={"password": "long enough!", "again": "long enough!"})
    assert page.status_code == 200 and "admin" in page.text
    with Database.open(tmp_path / "w").reading() as session:
        logged = [(one.who, one.subject) for one in session.query(Audit).filter_by(action="link.made")]
        password = session.query(Person).filter_by(login="admin").one().password_hash
    assert ("tingjian", "supervisor") in logged and logged[-1] == ("tingjian", "admin"), "a new link opens an account, so it is in the log"
    assert (password or "").startswith("$argon2id$")


@pytest.mark.parametrize(("scheme", "secure"), [("https", True), ("http", False)])
def test_the_cookie_is_no_scripts_and_over_https_goes_nowhere_else(bench: Bench, scheme: str, secure: bool) -> None:
    answer = TestClient(benches.app_of(bench), base_url=f"{scheme}://qc.example").post("/sign-in", data=FORM, follow_redirects=False)
    parts = {one.strip().lower() for one in answer.headers["set-cookie"].split(";")}
    assert {"httponly", "samesite=lax"} <= parts and ("secure" in parts) == secure


def test_behind_a_proxy_on_this_machine_cookies_are_secure_and_the_log_says_who_came(bench: Bench) -> None:
    with benches.served(bench) as site:
        answer = httpx.post(f"{site}/sign-in", data=FORM, headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.1.2.3"})
    assert "secure" in answer.headers["set-cookie"].lower()
    with bench.database.reading() as session:
        assert "10.1.2.3" in session.query(Audit).filter_by(action="sign_in").order_by(Audit.id.desc()).limit(1).one().detail


def test_the_command_that_checks_the_log_says_whether_it_fits(bench: Bench) -> None:
    root = bench.lake.root
    code, whole = asked("audit", "--workspace", root)
    last = re.findall(r"last hash is (\w{64})", whole)
    assert code == 0 and last and asked("audit", "--workspace", root, "--known", last[0])[0] == 0
    code, unknown = asked("audit", "--workspace", root, "--known", "f" * 64)
    assert code == 1 and "no entry carries the hash" in unknown
    with bench.database.writing() as session:
        session.connection().exec_driver_sql("UPDATE audit SET who = 'rong' WHERE id = 3")
    code, broken = asked("audit", "--workspace", root)
    assert code == 1 and "entry 3 does not fit" in broken
