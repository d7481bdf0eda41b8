"""Every page of the workbench by axe-core: controls that have names, text that stands out, order that a screen reader can follow."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests import benches, pictures, pictures_life

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    bench = pictures.lived_in(tmp_path_factory.mktemp("pages") / "w")
    with benches.served(bench) as address:
        yield address, pictures.known(bench)
    bench.database.engine.dispose()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pictures.browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    bench = pictures_life.empty(tmp_path_factory.mktemp("pages") / "e")
    with benches.served(bench) as address:
        yield address
    bench.database.engine.dispose()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("login", list(dict.fromkeys(one.login for one in pictures.PAGES)))
def test_every_page_can_be_used_by_who_does_not_see_it(browser: Browser, site: tuple[str, dict[str, str]], login: str, language: str) -> None:
    address, places = site
    page = pictures.opened(browser, address, login, language, (1280, 720))
    assert found_on(page, address, [one._replace(path=one.path.format(**places)) for one in pictures.PAGES if one.login == login]) == []


@pytest.mark.parametrize("login", list(dict.fromkeys(one.login for one in pictures.EMPTY)))
def test_a_page_without_calls_can_be_used_too(browser: Browser, first_day: str, login: str) -> None:
    page = pictures.opened(browser, first_day, login, "en", (1280, 720))
    assert found_on(page, first_day, [one for one in pictures.EMPTY if one.login == login]) == []


@pytest.mark.parametrize("login", ["rui", "boss", "sun"])
def test_at_twice_the_size_no_way_around_is_out_of_sight(
        browser: Browser, site: tuple[str, dict[str, str]], login: str) -> None:
    """200 % of 1280×720 is a window of 640×360."""
    address, places = site
    page = pictures.opened(browser, address, login, "en", (640, 360))
    wide = []
    for shown in [one for one in pictures.PAGES if one.login == login]:
        pictures.settled(page, address, shown.path.format(**places))
        hidden = page.locator("nav.top a, nav.top button").evaluate_all("(all) => all.filter((one) => one.getBoundingClientRect().right > innerWidth + 1).length")
        wide += [f"{shown.name}: {hidden} ways out of sight"] if hidden else []
    page.context.close()
    assert wide == []


def found_on(page: Page, address: str, pages: list[pictures.Shown]) -> list[str]:
    """What axe-core finds wrong with the pages, and how far they are wider than the window; closes the browser of `page`."""
    found = []
    for shown in pages:
        pictures.settled(page, address, shown.path)
        for broken in Axe().run(page, options=RULES).response["violations"]:
            found += [f"{shown.name}: {broken['id']} ({broken['help']}) at {node['html'][:140]}" for node in broken["nodes"][:3]]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{shown.name}: {wide} px wider than the window"] if wide > 0 else []
    page.context.close()
    return found
