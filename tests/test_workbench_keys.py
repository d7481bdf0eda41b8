"""What the page of a call promises about its sound and its keys, in a real browser."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import benches, pictures

CALL = "sample-002"
# The element that plays is in no document: it is caught when it begins to.
CAUGHT = "const play = HTMLMediaElement.prototype.play; HTMLMediaElement.prototype.play = function () { window.played = this; return play.call(this); };"
PACE = """() => new Promise((done) => { const from = played.currentTime, at = performance.now();
  setTimeout(() => done((played.currentTime - from) * 1000 / (performance.now() - at)), 1500); })"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    bench = benches.bench(Path(tmp_path_factory.mktemp("keys")) / "w")
    with benches.served(bench) as address:
        yield address
    bench.database.engine.dispose()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pictures.browsing(["--autoplay-policy=no-user-gesture-required"]) as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """A call that its reviewer has in hand, its sound loaded."""
    page = pictures.opened(browser, site, "rui", "zh", (1280, 720))
    page.add_init_script(CAUGHT)
    page.goto(f"{site}/calls/{CALL}")
    if page.get_by_role("button", name="领取并评分").count():
        page.get_by_role("button", name="领取并评分").click()
    expect(page.locator("#wave canvas, #wave div").first).to_be_attached()
    page.wait_for_load_state("networkidle")
    yield page
    page.context.close()


def test_the_sound_keeps_its_pitch_and_runs_at_the_speed_that_was_chosen(page: Page) -> None:
    page.locator("#play").click()
    expect(page.locator("#clock")).not_to_contain_text("00:00 /")
    paces = {}
    for speed in ("0.75", "2"):
        page.select_option("#speed", speed)
        assert page.evaluate("[played.preservesPitch, played.paused, played.playbackRate]") == [True, False, float(speed)]
        paces[speed] = page.evaluate(PACE)
    assert paces["2"] / paces["0.75"] > 1.8


def test_a_sentence_that_is_clicked_is_heard_and_the_transcript_follows_the_sound(page: Page) -> None:
    turn = page.locator(".turn[data-start]").nth(3)
    turn.click()
    expect(page.locator("#play")).to_have_text("暂停")
    assert page.evaluate("played.currentTime") >= float(turn.get_attribute("data-start") or 0) - 0.3
    assert page.locator(".turn.now").get_attribute("id") == turn.get_attribute("id")
    page.select_option("#speed", "2")
    expect(page.locator(".turn.now")).not_to_have_attribute("id", turn.get_attribute("id") or "", timeout=30_000)
    heard, begins = page.evaluate("[played.currentTime, Number(document.querySelector('.turn.now').dataset.start)]")
    assert begins <= heard + 0.2


def test_both_channels_are_drawn_and_each_mark_is_a_region_in_its_colour_at_its_place(page: Page) -> None:
    marks = json.loads(page.locator("#wave").get_attribute("data-regions") or "[]")
    drawn = page.locator("#wave [part~=region]")
    expect(drawn).to_have_count(len(marks))
    shown = drawn.evaluate_all("(all) => all.map((one) => [parseFloat(one.style.left), getComputedStyle(one).backgroundColor])")
    whole = float(page.locator("#call").get_attribute("data-duration") or 0)
    assert marks and all(abs(left - 100 * mark["start"] / whole) < 1 for (left, _), mark in zip(shown, marks, strict=True))
    assert len({colour for _, colour in shown}) == len({mark["kind"] for mark in marks})
    lanes = page.locator("#wave canvas").evaluate_all("(all) => new Set(all.map((one) => Math.round(one.getBoundingClientRect().top))).size")
    assert lanes == 2


def test_every_key_that_the_list_names_does_what_it_says(page: Page) -> None:
    def seconds() -> float:
        minutes, rest = page.locator("#clock").inner_text().split(" / ")[0].split(":")
        return int(minutes) * 60 + int(rest)

    def pressed(key: str) -> None:
        page.keyboard.press(key)
        page.wait_for_timeout(300)

    def playing() -> bool:
        return page.locator("#play").inner_text() == "暂停"

    def now() -> str | None:
        return page.locator(".turn.now").get_attribute("id")

    def focused() -> str | None:
        return page.evaluate("document.activeElement.dataset.item")

    def plays() -> None:
        pressed("Space")
        assert playing()
        pressed("Space")
        assert not playing()

    def seeks() -> None:
        before = seconds()
        pressed("ArrowRight")
        assert seconds() - before in (5, 6)
        pressed("ArrowLeft")
        assert seconds() - before in (0, 1)

    def goes_by_turns() -> None:
        pressed("ArrowDown")
        first = now()
        pressed("ArrowDown")
        assert now() != first
        pressed("ArrowUp")
        assert now() == first

    def goes_by_items() -> None:
        pressed("Enter")
        first = focused()
        pressed("Enter")
        assert first and focused() not in (None, first)
        pressed("Shift+Enter")
        assert focused() == first

    def judges() -> None:
        box = page.locator(f"[data-item='{focused()}']")
        for key, verdict in (("1", "pass"), ("2", "fail"), ("3", "not_applicable")):
            box.focus()
            pressed(key)
            expect(box.locator(f"[data-verdict={verdict}]")).to_have_attribute("aria-checked", "true")
        page.evaluate("document.activeElement.blur()")

    def proves() -> None:
        page.evaluate("document.activeElement.blur()")
        pressed("e")
        assert now() and playing()
        pressed("Space")

    def changes_speed() -> None:
        speed = page.locator("#speed")
        pressed("+")
        assert speed.input_value() == "1.25"
        pressed("-")
        assert speed.input_value() == "1"

    def corrects() -> None:
        page.evaluate("document.activeElement.blur()")
        pressed("c")
        expect(page.locator("#correct textarea")).to_be_focused()
        pressed("Escape")
        expect(page.locator("#correct")).to_be_hidden()

    def joins() -> None:
        turns = page.locator(".turn").count()
        page.locator(".turn").nth(5).click()
        pressed("j")
        if page.locator("#correct output").inner_text():     # refused where the next sentence is another's or far away: said so, which is an answer
            pressed("Escape")
        else:
            expect(page.locator(".turn")).to_have_count(turns - 1)

    def helps() -> None:
        page.evaluate("document.activeElement.blur()")
        pressed("?")
        expect(page.locator("#help")).to_be_visible()
        page.keyboard.press("Escape")

    def confirms() -> None:
        page.evaluate("document.activeElement.blur()")
        before = int(page.locator("#undecided").inner_text())
        pressed("s")
        expect(page.locator("#saving")).to_have_text("已保存")
        assert int(page.locator("#undecided").inner_text()) < before

    def goes_to_what_is_undecided() -> None:
        pressed("Control+Enter")
        box = page.locator(f"[data-item='{focused()}']")
        assert box.count() == 1 and box.locator("[aria-checked=true]").count() == 0

    does: dict[str, Callable[[], None]] = {
        "空格": plays, "← →": seeks, "↑ ↓": goes_by_turns, "Enter": goes_by_items, "1 2 3": judges, "E": proves, "- +": changes_speed,
        "C": corrects, "?": helps, "J": joins, "S": confirms, "Ctrl Enter": goes_to_what_is_undecided}
    page.wait_for_timeout(500)
    assert set(page.locator("#help kbd").all_text_contents()) == does.keys()
    for act in does.values():
        act()


def test_a_card_that_is_not_ones_own_lists_no_keys_for_judging(browser: Browser, site: str) -> None:
    page = pictures.opened(browser, site, "boss", "en", (1280, 720))
    page.goto(f"{site}/calls/sample-004")
    assert set(page.locator("#help kbd").all_text_contents()) == {"Space", "← →", "↑ ↓", "T", "Enter", "E", "- +", "?"}
    page.keyboard.press("t")
    expect(page.locator("#publish")).to_be_visible()
    page.context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_head_of_a_call_takes_two_lines_and_no_way_out_of_it_is_broken(browser: Browser, site: str, language: str) -> None:
    page = pictures.opened(browser, site, "rui", language, (1280, 720))
    page.goto(f"{site}/calls/sample-012")                                   # every fact is known of it
    links = page.locator(".head a")
    assert links.count() and links.evaluate_all("(all) => all.every((one) => one.getClientRects().length === 1)")
    assert page.locator(".facts").evaluate("(line) => line.offsetHeight") < 30
    page.context.close()


@pytest.mark.parametrize(("language", "told"), [("zh", {"不通过", "识别到"}), ("en", {"fail", "found"})])
def test_a_legend_names_the_colours_of_the_waveform(browser: Browser, site: str, language: str, told: set[str]) -> None:
    page = pictures.opened(browser, site, "rui", language, (1280, 720))
    page.goto(f"{site}/calls/sample-003")
    assert set(page.locator(".legend i").all_text_contents()) == told
    page.context.close()


def test_english_marks_are_as_narrow_as_english(browser: Browser, site: str) -> None:
    page = pictures.opened(browser, site, "rui", "en", (1280, 720))
    page.goto(f"{site}/cases")
    mark, letter = page.evaluate("""() => { const box = document.body.appendChild(document.createElement("span"));
      return ["“”‘’…", "mmmmm"].map((text) => { box.textContent = text; return box.getBoundingClientRect().width; }); }""")
    assert mark < letter
    page.context.close()


@pytest.mark.parametrize(("motion", "behaviour"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_who_asked_for_less_motion_is_not_scrolled_about(browser: Browser, site: str, motion: Literal["reduce", "no-preference"], behaviour: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion=motion, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{site}/sign-in")
    page.fill("[name=login]", "rui")
    page.fill("[name=password]", benches.PASSWORD)
    page.click("form button.main")
    page.wait_for_url(lambda url: "sign-in" not in url)
    page.add_init_script("const scroll = Element.prototype.scrollIntoView; window.ways = []; Element.prototype.scrollIntoView = function (way) { ways.push(way.behavior); return scroll.call(this, way); };")
    page.goto(f"{site}/calls/{CALL}")
    page.wait_for_load_state("networkidle")
    page.locator(".proof[data-turn]").last.click()
    page.locator(".turn.now").wait_for(state="attached")
    assert page.evaluate("ways.filter((one) => one !== undefined)")[0] == behaviour
    moving = page.evaluate("[...document.querySelectorAll('*')].filter((one) => ['transitionDuration', 'animationDuration'].some((name) => parseFloat(getComputedStyle(one)[name]) > 0.01)).map((one) => one.tagName)")
    assert motion == "no-preference" or moving == []
    context.close()
