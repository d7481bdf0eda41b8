"""Every page of the workbench by axe-core: controls that have names, text that stands out, order that a screen reader can follow."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests import benches, pictures

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


@pytest.mark.parametrize("login", list(dict.fromkeys(one.login for one in pictures.PAGES)))
def test_every_page_can_be_used_by_who_does_not_see_it(browser: Browser, site: tuple[str, dict[str, str]], login: str) -> None:
    address, places = site
    page = pictures.opened(browser, address, login, "zh", (1280, 720))
    found = []
    for shown in [one for one in pictures.PAGES if one.login == login]:
        pictures.settled(page, address, shown.path.format(**places))
        for broken in Axe().run(page, options=RULES).response["violations"]:
            found += [f"{shown.name}: {broken['id']} ({broken['help']}) at {node['html'][:140]}" for node in broken["nodes"][:3]]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{shown.name}: {wide} px wider than the window"] if wide > 0 else []
    page.context.close()
    assert found == []
