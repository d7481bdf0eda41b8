"""People: a list of them added at once, changed when their team or role changes, found among many."""
from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from review.workbench import staff
from review.workbench.bench import Bench
from store.reviews.schema import Audit, Person
from tests import benches
from tests.benches import Visitor, person

LIST = "账号\t姓名\t角色\t班组\t工号\nli.na\t李娜\t坐席\tA2\t8023\n\nzhang.wei\t张伟\t班组长\tA2\nwang，王芳，QC\n"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def root_of(bench: Bench) -> Visitor:
    root = Visitor(bench, "root")
    root.get("/people")
    return root


def logins(bench: Bench) -> set[str]:
    with bench.database.reading() as session:
        return {one.login for one in session.query(Person)}


def test_a_list_adds_everybody_with_a_link_of_their_own(bench: Bench) -> None:
    page = root_of(bench).post("/people/list", rows=LIST.replace("QC", "reviewer"))
    links = re.findall(r"/welcome/([\w-]+)", page.text)
    assert page.status == 200 and len(set(links)) == 3
    assert [(one.name, one.role, one.team, one.agent_id) for one in (person(bench, login) for login in ("li.na", "zhang.wei", "wang"))] == [
        ("李娜", "agent", "A2", "8023"), ("张伟", "team_leader", "A2", None), ("王芳", "reviewer", None, None)]
    assert Visitor(bench).client.post(f"/welcome/{links[1]}", data={"password": benches.PASSWORD, "again": benches.PASSWORD}).status_code == 303


@pytest.mark.parametrize(("rows", "told"), [
    (LIST, "第 5 行：没有“QC”这个角色"), ("new,新人,reviewer\nrui,又一个,reviewer", "第 2 行：账号“rui”已经有人用"),
    ("new,新人,reviewer\nnew,新人,reviewer", "第 2 行：账号“new”已经有人用"), ("new,,reviewer", "第 1 行：要有账号和姓名"),
    ("new,新人,坐席", "第 1 行：班组长要有班组，坐席要有工号"), (f"new,{'长' * 65},reviewer", "第 1 行：账号、姓名、班组、工号最长 64 字")])
def test_a_wrong_line_adds_nobody_names_the_line_and_keeps_what_was_typed(bench: Bench, rows: str, told: str) -> None:
    before = logins(bench)
    page = root_of(bench).post("/people/list", rows=rows)
    assert page.status == 400 and told in re.sub("&#34;", '"', page.text) and rows.split("\n")[0] in page.text
    assert logins(bench) == before


def test_a_leader_who_changes_teams_sees_the_other_team_at_once(bench: Bench) -> None:
    lead, root = Visitor(bench, "lead"), root_of(bench)
    assert lead.get("/calls/sample-002").status == 200 and lead.get("/calls/sample-001").status != 200
    root.post(f"/people/{person(bench, 'lead').id}/change", name="Lead", role="team_leader", team="A1")
    assert lead.get("/calls/sample-001").status == 200 and lead.get("/calls/sample-002").status != 200
    with bench.database.reading() as session:
        entry = session.query(Audit).filter_by(action="person.changed").one()
    assert entry.subject == "lead" and '"team"' in entry.detail and "role" not in entry.detail


def test_nobody_is_changed_into_what_sees_nothing_and_nobody_changes_their_own_role(bench: Bench) -> None:
    root = root_of(bench)
    assert root.post(f"/people/{person(bench, 'rui').id}/change", name="Rui", role="team_leader").status == 409
    assert root.post(f"/people/{person(bench, 'root').id}/change", name="Root", role="reviewer").status == 409
    assert (person(bench, "rui").role, person(bench, "root").role) == ("reviewer", "administrator")
    assert root.post("/people/9999/change", name="x", role="reviewer").status == 403


def test_people_are_found_by_name_team_or_number_and_the_page_says_how_many_there_are(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    root = root_of(bench)

    def found(asked: str) -> set[str]:
        return set(re.findall(r"<tr><td>([\w.]+)</td>", root.get(f"/people?find={asked}").text))
    assert found("B2") == {"lead", "sun"} and found("3105") == {"sun"} and found("Rui") == {"rui"} and found("%") == set()
    monkeypatch.setattr(staff, "SHOWN", 2)
    assert "只列前 2 条，共 8 条" in root.get("/people").text


def test_only_administrators_change_people(bench: Bench) -> None:
    boss = Visitor(bench, "boss")
    boss.get("/queue")
    assert boss.post("/people/list", rows="new,新人,reviewer").status == 403 and "new" not in logins(bench)
    assert boss.post(f"/people/{person(bench, 'rui').id}/change", name="x", role="administrator").status == 403


def test_a_lead_gives_a_call_to_somebody_from_its_page(bench: Bench) -> None:
    boss, rui = Visitor(bench, "boss"), person(bench, "rui")
    assert 'action="/assignments/sample-003"' in boss.get("/calls/sample-003").text
    assert 'action="/assignments/' not in Visitor(bench, "rui").get("/calls/sample-003").text
    boss.post("/assignments/sample-003", to=str(rui.id))
    assert "分给 Rui" in Visitor(bench, "rong").get("/queue").text
    assert Visitor(bench, "rui").get("/next").to.startswith("/calls/sample-003")
