"""What a reviewer judged reaches the card, however the page was left, and a card is published as it looks; in a real browser."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from review.workbench.bench import Bench
from store.reviews import cards
from store.reviews.schema import Card
from tests import benches, pictures

CALL = "sample-002"
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pictures.browsing() as opened:
        yield opened


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


@pytest.fixture
def site(bench: Bench) -> Iterator[str]:
    with benches.served(bench) as address:
        yield address


def taken(browser: Browser, site: str, language: str = "zh") -> Page:
    page = pictures.opened(browser, site, "rui", language, (1280, 720))
    page.goto(f"{site}/calls/{CALL}?claim=1")
    page.wait_for_load_state("networkidle")
    return page


def verdicts(bench: Bench) -> dict[str, str | None]:
    with bench.database.reading() as session:
        return {one.item: one.human_verdict for one in cards.items(session, CALL)}


def decided(bench: Bench, *, but: str = "") -> None:
    """Every item by the machine's word, a pass where it has none; `but` one."""
    with bench.database.writing() as session:
        rui = session.merge(benches.person(bench, "rui"))
        words = {one.item: ("pass" if one.machine_verdict == "needs_review" else one.machine_verdict, None, "")
                 for one in cards.items(session, CALL) if one.bonus is None and one.item != but}
        cards.judge(session, rui, CALL, session.get_one(Card, CALL).version, words)


def test_what_is_judged_while_a_save_is_on_its_way_takes_nothing_from_it(browser: Browser, site: str, bench: Bench) -> None:
    page = taken(browser, site)
    page.route("**/judge", lambda route: None)               # the line hangs: neither an answer nor a fault
    lines = page.locator(".item[data-machine=needs_review]")
    first, second = (lines.nth(number).get_attribute("data-item") or "" for number in range(2))
    page.locator(f"[data-item='{first}'] [data-verdict=pass]").click()
    expect(page.locator("#saving")).to_have_text("保存中…")
    page.locator(f"[data-item='{second}'] [data-verdict=pass]").click()
    page.close(run_before_unload=False)
    again = page.context.new_page()
    again.goto(f"{site}/calls/{CALL}")
    expect(again.locator("#saving")).to_have_text("已保存")
    assert [verdicts(bench)[one] for one in (first, second)] == ["pass", "pass"]
    again.context.close()


def test_who_signs_in_next_at_the_same_workplace_saves_nobody_elses_words(browser: Browser, site: str, bench: Bench) -> None:
    page = taken(browser, site)
    page.route("**/judge", lambda route: route.abort())
    page.locator("[data-item=handling] [data-verdict=pass]").click()
    expect(page.locator("#saving")).to_have_text("未保存，重试中…")
    page.close(run_before_unload=False)
    with bench.database.writing() as session:
        cards.release(session, session.merge(benches.person(bench, "rui")), CALL)
    next_one = page.context.new_page()
    next_one.goto(f"{site}/queue")
    next_one.get_by_role("button", name="退出").click()
    next_one.fill("[name=login]", "rong")
    next_one.fill("[name=password]", benches.PASSWORD)
    next_one.click("form button.main")
    next_one.wait_for_url("**/queue*")
    next_one.goto(f"{site}/calls/{CALL}?claim=1")
    next_one.wait_for_load_state("networkidle")
    assert verdicts(bench)["handling"] is None
    next_one.context.close()


def test_who_lost_the_call_before_the_line_came_back_is_told_what_was_not_saved(browser: Browser, site: str, bench: Bench) -> None:
    page = taken(browser, site)
    page.route("**/judge", lambda route: route.abort())
    page.locator("[data-item=handling] [data-verdict=pass]").click()
    expect(page.locator("#saving")).to_have_text("未保存，重试中…")
    page.close(run_before_unload=False)
    with bench.database.writing() as session:
        cards.release(session, session.merge(benches.person(bench, "rui")), CALL)
        cards.claim(session, session.merge(benches.person(bench, "rong")), CALL, bench.draft(session.get_one(Card, CALL)).model_dump_json())
    again = page.context.new_page()
    again.goto(f"{site}/calls/{CALL}")
    expect(again.locator("#left")).to_contain_text("没存上的判定")
    again.get_by_role("button", name="丢弃").click()
    again.reload()
    again.wait_for_load_state("networkidle")
    expect(again.locator("#left")).to_be_hidden()
    again.context.close()


def test_an_override_without_its_reason_keeps_the_card_from_being_published(browser: Browser, site: str, bench: Bench) -> None:
    page = taken(browser, site)
    decided(bench)
    page.reload()
    page.wait_for_load_state("networkidle")
    item = page.locator(".item[data-machine=pass]").first
    item.locator("[data-verdict=fail]").click()
    other = page.locator(".item[data-machine=needs_review]").first
    other.locator("[data-verdict=fail]").click()             # a save in between takes back neither the choice nor the question
    expect(page.locator("#saving")).to_have_text("已保存")
    expect(item.locator("[data-verdict=fail]")).to_have_attribute("aria-checked", "true")
    page.get_by_role("button", name="完成并公布").click()
    expect(item.locator(".why input")).to_be_focused()
    with bench.database.reading() as session:
        assert session.get_one(Card, CALL).state == "claimed"
    page.keyboard.type("客户问了两遍")
    page.get_by_role("button", name="完成并公布").click()
    page.wait_for_url("**/queue?picked=risk")
    assert verdicts(bench)[item_of(bench, "客户问了两遍")] == "fail"
    page.context.close()


def item_of(bench: Bench, reason: str) -> str:
    with bench.database.reading() as session:
        return next(one.item for one in cards.items(session, CALL) if one.reason == reason)


def test_publishing_upon_an_unsaved_word_saves_it_and_goes_on_by_itself(browser: Browser, site: str, bench: Bench) -> None:
    page = taken(browser, site)
    decided(bench)
    page.reload()
    page.wait_for_load_state("networkidle")
    page.get_by_label("总评").fill("语气要缓和")
    page.get_by_role("button", name="完成并公布").click()
    page.wait_for_url("**/queue?picked=risk")
    with bench.database.reading() as session:
        card = session.get_one(Card, CALL)
        assert (card.state, card.comment) == ("published", "语气要缓和")


def test_a_card_is_published_and_the_next_one_begun_from_the_keyboard(browser: Browser, site: str, bench: Bench) -> None:
    page = taken(browser, site)
    decided(bench)
    page.reload()
    page.wait_for_load_state("networkidle")
    page.get_by_label("总评").click()
    page.keyboard.type("语气要缓和")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: "/calls/" in url and CALL not in url)
    expect(page.locator("#publish")).to_be_visible()
    with bench.database.reading() as session:
        card = session.get_one(Card, CALL)
        assert (card.state, card.comment) == ("published", "语气要缓和")
        assert session.query(Card).filter_by(holder_id=benches.person(bench, "rui").id, state="claimed").one().call_id in page.url
    page.context.close()


def test_a_correction_waits_for_the_judgement_that_is_on_its_way(browser: Browser, site: str, bench: Bench) -> None:
    page = taken(browser, site)
    held: list[Route] = []
    page.route("**/judge", lambda route: held.append(route))
    page.locator("[data-item=handling] [data-verdict=pass]").click()
    expect(page.locator("#saving")).to_have_text("保存中…")
    page.locator("#turn-2").click()
    page.keyboard.press("c")
    page.get_by_label("实际说的话").fill("好的，谢谢。")
    page.get_by_label("实际说的话").press("Control+Enter")
    expect(page.locator("#correct output")).to_have_text("保存中…")
    held[0].continue_()
    expect(page.locator(".heard")).to_contain_text("机器听作")
    assert verdicts(bench)["handling"] == "pass"
    page.context.close()


def test_who_comes_second_is_told_in_their_language(browser: Browser, site: str, bench: Bench) -> None:
    with bench.database.writing() as session:
        cards.claim(session, session.merge(benches.person(bench, "rong")), CALL, bench.draft(session.get_one(Card, CALL)).model_dump_json())
    page = taken(browser, site, "en")
    told = page.get_by_role("alert").first.inner_text()
    assert told and not any("\u4e00" <= one <= "\u9fff" for one in told)
    page.context.close()
