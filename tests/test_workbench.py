"""The workbench by its routes: who may what, nothing lost or overwritten, an appeal's way, the log that cannot be mended."""
from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from review.workbench.bench import Bench
from review.workbench.commands import _first_links
from store.reviews.audit import verify
from store.reviews.cards import items
from store.reviews.schema import Audit, Card, Item
from tests import benches
from tests.benches import Visitor

SLOPPY = "sample-002"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """For tests that only look."""
    return benches.bench(tmp_path_factory.mktemp("workbench") / "w")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def take(bench: Bench, login: str = "rui", call_id: str = SLOPPY) -> Visitor:
    visitor = Visitor(bench, login)
    visitor.get(f"/calls/{call_id}")
    assert visitor.post(f"/calls/{call_id}/claim").status == 303
    return visitor


def review(bench: Bench, login: str = "rui", call_id: str = SLOPPY, more: dict[str, dict[str, str]] | None = None) -> Visitor:
    """Takes the call, follows the machine where it decided, passes the rest but for `more`, publishes."""
    visitor = take(bench, login, call_id)
    with bench.database.reading() as session:
        lines = items(session, call_id)
    words = {one.item: {"verdict": "pass" if one.machine_verdict == "needs_review" else one.machine_verdict}
             for one in lines if one.human_verdict is None} | (more or {})
    answer = visitor.judge(call_id, visitor.version(call_id), **words)
    assert answer.status == 200 and answer.body["undecided"] == 0
    assert visitor.post(f"/calls/{call_id}/publish", version=str(answer.body["version"])).status == 303
    return visitor


def card(bench: Bench, call_id: str = SLOPPY) -> Card:
    with bench.database.reading() as session:
        return session.get_one(Card, call_id)


@pytest.mark.parametrize(("login", "open_", "shut"), [
    ("rui", ["/queue", "/calls/sample-001", "/calls/sample-001/peaks"], ["/dashboard", "/people", "/log", "/appeals", "/mine"]),
    ("lead", ["/queue", "/calls/sample-002"], ["/calls/sample-001", "/calls/sample-001/sound", "/people", "/appeals"]),
    ("ana", ["/queue", "/calls/sample-001"], ["/calls/sample-001/sound", "/calls/sample-001/peaks", "/next", "/people"]),
    ("sun", ["/mine"], ["/queue", "/calls/sample-002", "/calls/sample-002/sound", "/people", "/log"]),
    ("boss", ["/queue", "/dashboard", "/appeals", "/log"], ["/people", "/mine"]),
    ("root", ["/people", "/log"], ["/queue", "/calls/sample-001", "/calls/sample-001/sound", "/appeals"]),
])
def test_each_role_opens_its_pages_and_no_others(shared: Bench, login: str, open_: list[str], shut: list[str]) -> None:
    visitor = Visitor(shared, login)
    assert {path: visitor.get(path).status for path in open_} == dict.fromkeys(open_, 200)
    assert {path: visitor.get(path).status for path in shut} == dict.fromkeys(shut, 403)


@pytest.mark.parametrize("path", ["/queue", "/calls/sample-001", "/calls/sample-001/sound", "/calls/sample-001/peaks", "/log"])
def test_nobody_sees_or_hears_anything_before_signing_in(shared: Bench, path: str) -> None:
    visitor = Visitor(shared)
    assert (visitor.get(path).status, visitor.get(path).to) == (303, f"/sign-in?to={path}")
    assert visitor.get(path, headers={"range": "bytes=100-200"}).status == 303


def test_a_call_that_is_not_there_looks_like_one_that_is_forbidden(shared: Bench) -> None:
    leader = Visitor(shared, "lead")
    missing, forbidden = leader.get("/calls/no-such-call"), leader.get("/calls/sample-001")
    assert missing.status == forbidden.status == 403 and missing.text == forbidden.text.replace("sample-001", "no-such-call")


@pytest.mark.parametrize("query", ["picked=any", "state=any", "picked=<script>&state=..", "page=0", "since=x&until=y", "reviewer=x", "was=x&item=y",
                                   "page=30308812854819200958464", "reviewer=99999999999999999999", "reviewer=²"])
def test_an_address_with_values_that_there_are_none_of_breaks_no_page(shared: Bench, query: str) -> None:
    assert Visitor(shared, "rui").get(f"/queue?{query}").status in (200, 403, 422)


def test_a_change_without_the_pages_token_is_refused(bench: Bench) -> None:
    visitor = Visitor(bench, "rui")
    visitor.get("/queue")
    visitor.csrf = "forged"
    assert visitor.post(f"/calls/{SLOPPY}/claim").status == 403
    assert card(bench).state == "open"


def test_signing_in_leads_only_to_pages_of_ours(shared: Bench) -> None:
    for to, led in [("/queue?page=2", "/queue?page=2"), ("https://elsewhere.example", "/"), ("//elsewhere.example", "/"),
                    ("/\\elsewhere.example", "/")]:
        answer = Visitor(shared).client.post("/sign-in", data={"login": "rui", "password": benches.PASSWORD, "to": to})
        assert answer.headers["location"] == led


def test_the_first_start_opens_on_real_cards_for_a_supervisor_and_only_once(tmp_path: Path) -> None:
    benches.workspace(tmp_path / "w")
    first = benches.over(tmp_path / "w")
    links = {login: secret for login, _, secret in _first_links(first, again=False)}
    first.fill_queue()
    assert set(links) == {"admin", "supervisor"}
    for login, shown in (("supervisor", "sample-002"), ("admin", "supervisor")):
        visitor = Visitor(first)
        answer = visitor.client.post(f"/welcome/{links[login]}", data={"password": "long enough!", "again": "long enough!"})
        page = visitor.client.get(answer.headers["location"], follow_redirects=True)
        assert page.status_code == 200 and shown in page.text
    assert _first_links(first, again=False) == []
    assert [login for login, _, _ in _first_links(first, again=True)] == ["admin"]


def test_guessing_passwords_shuts_the_door_for_that_name(bench: Bench) -> None:
    answers = [Visitor(bench, "rui", "wrong").signed_in.status_code for _ in range(9)]
    assert answers == [401] * 8 + [429]
    assert Visitor(bench, "rui").signed_in.status_code == 429


def test_a_one_time_link_works_once_and_a_short_password_does_not_use_it_up(bench: Bench) -> None:
    root = Visitor(bench, "root")
    root.get("/people")
    page = root.post("/people", login="new", name="New", role="reviewer")
    link = page.text.split("/welcome/")[1].split("<")[0]
    assert root.client.post(f"/welcome/{link}", data={"password": "short", "again": "short"}).status_code == 400
    assert root.client.post(f"/welcome/{link}", data={"password": "long enough!", "again": "long enough!"}).status_code == 303
    assert root.client.post(f"/welcome/{link}", data={"password": "another one!", "again": "another one!"}).status_code == 410
    assert root.client.get("/queue").status_code == 200, "who has set a password is signed in"
    used = root.client.get(f"/welcome/{link}")
    assert used.status_code == 410 and 'type="password"' not in used.text
    assert Visitor(bench, "new", "long enough!").get("/queue").status == 200


def test_a_deactivated_person_is_out_at_once(bench: Bench) -> None:
    reviewer, root = Visitor(bench, "rui"), Visitor(bench, "root")
    root.get("/people")
    assert reviewer.get("/queue").status == 200
    root.post(f"/people/{benches.person(bench, 'rui').id}/off")
    assert reviewer.get("/queue").to.startswith("/sign-in") and Visitor(bench, "rui").signed_in.status_code == 401


def test_the_riskiest_call_stands_first(shared: Bench) -> None:
    with shared.database.reading() as session:
        rows = session.query(Card).order_by(Card.triage.desc()).all()
    assert rows[0].fatal and [row.fatal for row in rows] == sorted((row.fatal for row in rows), reverse=True)
    calm = [row.complaint for row in rows if not row.fatal]
    assert calm == sorted(calm, reverse=True)
    assert Visitor(shared, "rui").get("/next").to == f"/calls/{rows[0].call_id}?claim=1"


def test_the_random_sample_stands_apart_and_does_not_change_with_what_was_found(tmp_path: Path) -> None:
    made = benches.over(benches.workspace(tmp_path / "w").root, random_share=0.5)
    assert made.fill_queue() == 14
    with made.database.reading() as session:
        first = {row.call_id: row.picked for row in session.query(Card)}
        for row in session.query(Card):
            row.draft_version = "older"
        session.commit()
    assert made.fill_queue() == 0 and benches.over(made.lake.root, random_share=0.5).fill_queue() == 14
    with made.database.reading() as session:
        assert {row.call_id: row.picked for row in session.query(Card)} == first
    assert set(first.values()) == {"risk", "random"}


@pytest.mark.parametrize(("asked", "calls"), [
    ("rule=taboo.privacy", {"sample-011"}), ("team=B2", {SLOPPY}), ("text=宽带", {"sample-001"}), ("agent=6217", {"sample-001"}),
    ("text=没有人说过这句", set()), ("since=2027-01-01", set())])
def test_the_queue_is_narrowed_to_what_is_asked(shared: Bench, asked: str, calls: set[str]) -> None:
    page = Visitor(shared, "rui").get(f"/queue?{asked}").text
    assert {f"sample-{n:03}" for n in range(1, 15) if re.search(f'href="/calls/sample-{n:03}["?]', page)} == calls


def test_a_claimed_call_is_nobody_elses_until_the_claim_runs_out(bench: Bench) -> None:
    take(bench, "rui")
    second = Visitor(bench, "rong")
    assert "Rui" in second.get(f"/calls/{SLOPPY}?claim=1").text
    assert second.post(f"/calls/{SLOPPY}/claim").status == 409
    with bench.database.writing() as session:
        session.get_one(Card, SLOPPY).held_until = datetime.now(UTC) - timedelta(minutes=1)
    assert second.post(f"/calls/{SLOPPY}/claim").status == 303


def test_a_save_upon_an_older_card_is_refused_and_changes_nothing(bench: Bench) -> None:
    visitor = take(bench)
    version = visitor.version(SLOPPY)
    assert visitor.judge(SLOPPY, version, handling={"verdict": "pass"}).status == 200
    late = visitor.judge(SLOPPY, version, handling={"verdict": "fail"})
    assert late.status == 409 and "刷新" in late.body["message"]
    with bench.database.reading() as session:
        assert {one.item: one.human_verdict for one in items(session, SLOPPY)}["handling"] == "pass"


def test_an_override_needs_a_reason_and_none_of_the_save_is_kept_without(bench: Bench) -> None:
    visitor = take(bench)
    with bench.database.reading() as session:
        wrong = next(one for one in items(session, SLOPPY) if one.machine_verdict == "fail" and one.max_points)
    both = {"handling": {"verdict": "pass"}, wrong.item: {"verdict": "pass"}}
    assert visitor.judge(SLOPPY, visitor.version(SLOPPY), **both).status == 409
    with bench.database.reading() as session:
        assert {one.item: one.human_verdict for one in items(session, SLOPPY)}["handling"] is None
    both[wrong.item]["reason"] = "客户先挂断"
    answer = visitor.judge(SLOPPY, visitor.version(SLOPPY), **both)
    assert answer.status == 200 and answer.body["items"][wrong.item] == {
        "verdict": "pass", "points": wrong.max_points, "overridden": True, "reason": "客户先挂断"}


def test_a_card_with_an_undecided_item_is_not_published(bench: Bench) -> None:
    visitor = take(bench)
    assert visitor.post(f"/calls/{SLOPPY}/publish", version=str(visitor.version(SLOPPY))).status == 409
    assert card(bench).state == "claimed"


def test_a_confirmed_fatal_line_makes_the_score_zero(bench: Bench) -> None:
    visitor = take(bench, call_id="sample-001")
    answer = visitor.judge("sample-001", visitor.version("sample-001"),
                           **{"fatal.taboo.abuse": {"verdict": "fail", "reason": "01:02 骂人"}, "handling": {"verdict": "pass"}})
    assert (answer.body["score"], answer.body["band"], answer.body["fatal"]) == (0.0, "below_standard", True)


def test_an_appeal_goes_its_way_and_all_three_values_stay(bench: Bench) -> None:
    review(bench)
    before = card(bench)
    agent, boss = Visitor(bench, "sun"), Visitor(bench, "boss")
    with bench.database.reading() as session:
        failed = next(one for one in items(session, SLOPPY) if one.human_verdict == "fail" and one.max_points)
    assert agent.get(f"/calls/{SLOPPY}").status == 200 and Visitor(bench, "other").get(f"/calls/{SLOPPY}").status == 403
    agent.post(f"/calls/{SLOPPY}/acknowledge")
    assert agent.post(f"/calls/{SLOPPY}/appeal", item=failed.item, text="我说的是另一件事").status == 303
    assert agent.post(f"/calls/{SLOPPY}/appeal", item=failed.item, text="再申诉一次").status == 409
    boss.get("/appeals")
    assert Visitor(bench, "rui").post("/appeals/1", verdict="pass", answer="x").status == 403
    assert boss.post("/appeals/1", verdict="pass", answer="听了录音，成立").status == 303
    assert boss.post("/appeals/1", verdict="upheld", answer="改主意").status == 409
    after = card(bench)
    with bench.database.reading() as session:
        item = next(one for one in items(session, SLOPPY) if one.item == failed.item)
    assert (item.machine_verdict, item.human_verdict, item.final_verdict) == (failed.machine_verdict, "fail", "pass")
    assert '人工 <b class="fail">不通过</b> 最终 <b class="pass">通过</b>' in agent.get(f"/calls/{SLOPPY}").text
    assert after.state == "final" and after.seen_at and (after.score or 0) > (before.score or 0)


def test_an_appeal_after_two_days_comes_too_late(bench: Bench) -> None:
    review(bench)
    with bench.database.writing() as session:
        session.get_one(Card, SLOPPY).appeal_until = datetime.now(UTC) - timedelta(seconds=1)
    agent = Visitor(bench, "sun")
    agent.get(f"/calls/{SLOPPY}")
    answer = agent.post(f"/calls/{SLOPPY}/appeal", item="handling", text="不同意")
    assert answer.status == 409 and "申诉期已过" in answer.text


def test_the_dashboards_figures_open_the_calls_behind_them(bench: Bench) -> None:
    review(bench)
    review(bench, call_id="sample-001")
    with bench.database.reading() as session:
        wrong = next(one for one in items(session, SLOPPY) if one.machine_verdict == "fail" and one.max_points)
    with bench.database.writing() as session:
        changed = session.get_one(Item, (SLOPPY, wrong.item))
        changed.human_verdict = changed.final_verdict = "pass"
    boss = Visitor(bench, "boss")
    page = boss.get("/dashboard").text

    def opens(was: str) -> tuple[str, str]:
        """The number of that kind on the dashboard, and the page that it opens."""
        found = re.search(rf'href="(/queue\?[^"]*item={wrong.item}&amp;was={was}(?:&amp;[^"]*)?)">(\d+)(?: ?%)?</a>', page)
        assert found, was
        return found[2], boss.get(found[1].replace("&amp;", "&")).text

    number, behind = opens("alarm")
    assert number == "1"
    assert f'href="/calls/{SLOPPY}#item-{wrong.item}"' in behind and 'href="/calls/sample-001' not in behind, "it opens at the item"
    for was, calls in {"reviewed": {SLOPPY, "sample-001"}, "agreed": {"sample-001"}}.items():
        assert set(re.findall(r'href="/calls/([^"#]+)#', opens(was)[1])) == calls
    leader = Visitor(bench, "lead").get("/dashboard").text
    assert "3105" in leader and "6217" not in leader


def test_the_dashboard_sets_teams_and_agents_side_by_side_for_who_may_see_them(bench: Bench) -> None:
    review(bench)
    review(bench, call_id="sample-001")
    with bench.database.writing() as session:
        for call_id in (SLOPPY, "sample-001"):
            session.get_one(Card, call_id).day = date.today().isoformat()
    seen = {}
    for login in ("boss", "lead", "ana"):
        visitor = Visitor(bench, login)
        tables = "".join(re.findall(r'<table class="calls groups">.*?</table>', visitor.get("/dashboard").text, re.DOTALL))
        seen[login] = {name for name in ("B2", "3105", "6217") if name in tables}
        for address in re.findall(r'href="([^"]+)"', tables):
            behind = set(re.findall(r'href="/calls/([^"]+)"', visitor.get(address.replace("&amp;", "&")).text))
            assert behind == ({SLOPPY} if "team=B2" in address else {"sample-001"}), address
    assert seen == {"boss": {"B2", "3105", "6217"}, "lead": {"B2", "3105"}, "ana": {"B2"}}


def test_reviewers_names_are_not_the_analysts_to_see(bench: Bench) -> None:
    review(bench)
    assert "Rui" not in Visitor(bench, "ana").get("/dashboard").text


def test_new_rules_leave_a_card_that_somebody_has_begun_as_it_was_shown(bench: Bench) -> None:
    take(bench)
    with bench.database.writing() as session:
        for row in session.query(Card):
            row.draft_version = "older"
    assert bench.fill_queue() == 13
    assert card(bench).draft_version == "older" and card(bench, "sample-001").draft_version != "older"


def test_sound_is_served_in_ranges_and_hearing_it_is_in_the_log(bench: Bench) -> None:
    visitor = Visitor(bench, "rui")
    whole = visitor.client.get("/calls/sample-001/sound")
    part = visitor.client.get("/calls/sample-001/sound", headers={"range": "bytes=1000-1999"})
    assert whole.headers["content-type"] == "audio/webm" and len(whole.content) > 50_000
    assert part.status_code == 206 and part.content == whole.content[1000:2000]
    peaks = visitor.client.get("/calls/sample-001/peaks").json()
    assert len(peaks["channels"]) == 2 and abs(peaks["duration"] - 87.4) < 0.5 and max(map(max, peaks["channels"])) > 0.1
    with bench.database.reading() as session:
        heard = session.query(Audit).filter_by(action="sound.heard").all()
    assert [(one.who, one.subject) for one in heard] == [("rui", "sample-001")]


def test_personal_data_are_hidden_but_for_who_may_ask_and_is_logged(bench: Bench) -> None:
    secret, path = "三三零幺零二幺九八五零三幺二零零幺七", "/calls/sample-011"
    assert secret in bench.lake.transcript("sample-011").turns[4].text
    assert secret not in Visitor(bench, "rui").get(f"{path}?original=1").text       # the setting does not allow it
    bench.settings.privacy.unmasked = True
    assert secret not in Visitor(bench, "rui").get(path).text and secret in Visitor(bench, "rui").get(f"{path}?original=1").text
    assert secret not in Visitor(bench, "ana").get(f"{path}?original=1").text
    with bench.database.reading() as session:
        assert [one.who for one in session.query(Audit).filter_by(action="card.seen_in_full")] == ["rui"]


def test_the_sound_hides_personal_data_but_for_who_may_ask_and_is_logged(bench: Bench) -> None:
    path = "/calls/sample-011/sound"
    masked = Visitor(bench, "rui").client.get(path).content
    assert Visitor(bench, "rui").client.get(f"{path}?original=1").content == masked      # the setting does not allow it
    bench.settings.privacy.unmasked = True
    assert Visitor(bench, "rui").client.get(path).content == masked
    assert Visitor(bench, "rui").client.get(f"{path}?original=1").content != masked
    assert 'data-original="?original=1"' in Visitor(bench, "rui").get("/calls/sample-011?original=1").text
    with bench.database.reading() as session:
        assert [one.who for one in session.query(Audit).filter_by(action="sound.heard_in_full")] == ["rui"]
        assert session.query(Audit).filter_by(action="sound.heard").count() == 3
    assert {file.name.split(".")[1][:4] for file in bench.sounds.glob("*.webm")} == {"mask", "full"}


@pytest.mark.parametrize("tamper", ["UPDATE audit SET who = 'rong' WHERE id = 5", "DELETE FROM audit WHERE id = 5",
                                    "UPDATE audit SET at = '2026-01-01' WHERE id = 5"])
def test_a_changed_or_missing_entry_of_the_log_is_found(bench: Bench, tamper: str) -> None:
    with bench.database.reading() as session:
        whole = verify(session)
    assert whole.broken_at is None and whole.entries > 8
    with bench.database.writing() as session:
        session.connection().exec_driver_sql(tamper)
    with bench.database.reading() as session:
        assert verify(session).broken_at == 5
        assert verify(session, whole.last).broken_at is not None


def test_a_log_built_anew_does_not_hold_an_earlier_hash(bench: Bench) -> None:
    with bench.database.reading() as session:
        assert verify(session, "f" * 64).broken_at == 1


def test_pages_forbid_foreign_scripts_and_frames(shared: Bench) -> None:
    for path in ("/sign-in", "/queue", "/calls/sample-001"):
        headers = Visitor(shared, "rui").get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"] and "unsafe-inline'; img" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"] and headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("asked", ["bytes=1-", "bytes=-5000", "bytes=100-20000"])
def test_no_part_of_a_recording_is_heard_without_an_entry_in_the_log(bench: Bench, asked: str) -> None:
    visitor = Visitor(bench, "rui")
    for _ in range(3):
        assert visitor.get("/calls/sample-001/sound", headers={"Range": asked}).status == 206
    with bench.database.reading() as session:
        assert [one.who for one in session.query(Audit).filter_by(action="sound.heard", subject="sample-001")] == ["rui"]


@pytest.mark.parametrize(("asked", "word"), [("en-GB,en;q=0.9", "Password"), ("zh-CN,zh;q=0.9,en;q=0.8", "密码"), ("", "密码"), ("ja", "密码")])
def test_who_has_not_signed_in_is_met_in_the_browsers_language_chinese_first(shared: Bench, asked: str, word: str) -> None:
    assert word in Visitor(shared).get("/sign-in", headers={"accept-language": asked}).text


def test_only_what_cost_points_is_appealed_a_deduction_too(bench: Bench) -> None:
    with bench.database.reading() as session:
        lines = items(session, SLOPPY)
        passed = next(one.item for one in lines if one.max_points and one.machine_verdict == "needs_review")
        deduction = next(one.item for one in lines if one.bonus is not None and one.bonus < 0)
    review(bench, more={deduction: {"verdict": "pass"}, passed: {"verdict": "pass"}})
    before = card(bench)
    agent, boss = Visitor(bench, "sun"), Visitor(bench, "boss")
    agent.get(f"/calls/{SLOPPY}")
    assert agent.post(f"/calls/{SLOPPY}/appeal", item=passed, text="给我加分").status == 409
    assert agent.post(f"/calls/{SLOPPY}/appeal", item=deduction, text="客户没有升级投诉").status == 303
    assert "升级投诉" in boss.get("/appeals").text
    assert boss.post("/appeals/1", verdict="fail", answer="x").status == 409
    assert boss.post("/appeals/1", verdict="not_applicable", answer="确实没有").status == 303
    assert (card(bench).score or 0) > (before.score or 0)


def test_a_floor_behind_one_proxy_is_not_shut_out_by_a_few_who_mistype(bench: Bench) -> None:
    for number in range(20):
        Visitor(bench, f"somebody{number}", "wrong")
    assert Visitor(bench, "rui").signed_in.status_code == 303
    for number in range(80):
        Visitor(bench, f"guess{number}", "wrong")
    assert Visitor(bench, "rong").signed_in.status_code == 429


def test_a_fault_of_the_server_is_told_in_words_and_nothing_of_it_is_shown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the server")
    monkeypatch.setattr("store.reviews.figures.weeks", broken)
    boss = Visitor(bench, "boss")
    boss.client = TestClient(benches.app_of(bench), follow_redirects=False, raise_server_exceptions=False, cookies=boss.client.cookies)
    page = boss.get("/dashboard")
    assert page.status == 500 and "出错了" in page.text and "secret" not in page.text
    told = boss.client.get("/dashboard", headers={"Accept": "application/json"})
    assert told.status_code == 500 and "服务器出错" in told.json()["message"]
