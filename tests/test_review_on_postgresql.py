"""One setting moves the workbench to PostgreSQL: all that is done and shown on SQLite is done and shown there too."""
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.workbench import postgresql
from review.workbench.bench import Bench
from store.reviews.audit import verify
from store.reviews.schema import Card
from tests import benches, pictures
from tests.benches import Visitor

SERVERS = [binary] if (binary := shutil.which("postgres")) else []


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A workbench with some life in it, over a PostgreSQL of this test's own: cards taken, judged, published, appealed, corrected, scored
    blind, kept as a case, followed up."""
    data = Path(tempfile.mkdtemp(prefix="tj-data-", dir="/tmp"))
    root = tmp_path_factory.mktemp("pg") / "w"
    with postgresql(data) as (address, _):
        benches.workspace(root)
        made = benches.over(root, database=address)
        assert made.database.engine.dialect.name == "postgresql" and made.fill_queue() == 14
        benches.peopled(made)
        yield pictures.lived_in(root, made)
        made.database.engine.dispose()
    shutil.rmtree(data)


@pytest.mark.parametrize("server", SERVERS)
def test_every_page_opens_for_its_reader(server: str, bench: Bench) -> None:
    places, visitors = pictures.known(bench), {}
    broken = []
    for shown in (*pictures.PAGES, *pictures.FURTHER):
        visitor = visitors.get(shown.login) or visitors.setdefault(shown.login, Visitor(bench, shown.login or None))
        status = visitor.get(shown.path.format(**places)).status
        broken += [f"{shown.name}: {status}"] if status != (403 if shown.name == "refused" else 200) else []
    assert broken == []


@pytest.mark.parametrize("server", SERVERS)
def test_what_was_said_is_found_and_an_appeal_is_decided_there(server: str, bench: Bench) -> None:
    assert 'href="/calls/sample-001?' in Visitor(bench, "rui").get("/queue?picked=&state=&text=宽带").text
    boss = Visitor(bench, "boss")
    boss.get("/appeals")
    assert boss.post("/appeals/1", verdict="pass", answer="听了录音，成立").status == 303
    with bench.database.reading() as session:
        assert session.get_one(Card, pictures.SLOPPY).state == "final" and verify(session).broken_at is None


@pytest.mark.parametrize("server", SERVERS)
def test_of_two_saves_upon_one_version_the_second_is_refused(server: str, bench: Bench) -> None:
    visitor = Visitor(bench, "rong")
    assert visitor.get("/calls/sample-014?claim=1").status in (200, 409)
    version = visitor.version("sample-014")
    assert [visitor.judge("sample-014", version, handling={"verdict": word}).status for word in ("pass", "fail")] == [200, 409]
