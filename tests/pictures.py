"""Every page of the workbench as its reader sees it, in both languages and at two sizes, on the sample calls:

    python -m tests.pictures DIRECTORY [--only card queue] [--languages zh]

For looking at, and for docs/pictures. What each page is and who opens it stands in PAGES; the accessibility test reads it too.
"""
from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from review.workbench.bench import Bench
from store.reviews import blind, cards
from store.reviews.schema import Card, Item
from tests import benches
from tests.benches import Visitor, person
from tests.pictures_life import empty, rarer

SIZES = ((1280, 720), (1600, 900))
SLOPPY, RUDE = "sample-002", "sample-003"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class Shown(NamedTuple):
    """A page: its name, who opens it, where."""

    name: str
    login: str
    path: str


PAGES = (
    Shown("sign-in", "", "/sign-in"), Shown("queue", "rui", "/queue"), Shown("card", "rui", f"/calls/{RUDE}"),
    Shown("card-published", "boss", f"/calls/{SLOPPY}"), Shown("my-cards", "sun", "/mine"), Shown("my-card", "sun", f"/calls/{SLOPPY}"),
    Shown("appeals", "boss", "/appeals"), Shown("dashboard", "boss", "/dashboard"), Shown("people", "root", "/people"),
    Shown("tokens", "root", "/tokens"), Shown("log", "boss", "/log"), Shown("refused", "sun", "/queue"),
    Shown("trends", "boss", "/trends"), Shown("assignments", "boss", "/assignments"), Shown("follow-ups", "boss", "/followups"), Shown("follow-up", "boss", "/followups/1"),
    Shown("calibration", "boss", "/calibration"), Shown("reviewers", "boss", "/reviewers"), Shown("audits", "boss", "/audits"),
    Shown("rule-health", "boss", "/health"), Shown("cases", "boss", "/cases"), Shown("new-case", "boss", f"/cases/new?call={SLOPPY}"),
    Shown("week", "sun", "/week"), Shown("sample", "boss", "/sample"), Shown("appraisal", "boss", "/appraisal"), Shown("live", "rui", "/live"),
    Shown("card-corrected", "rui", "/calls/sample-012"), Shown("card-live", "rui", "/calls/{live}"), Shown("blind", "rui", "/blind/{blind}"),
    Shown("calibration-open", "boss", "/calibration/2"), Shown("calibration-closed", "boss", "/calibration/1"),
    Shown("case", "sun", "/cases/1"), Shown("follow-up-agent", "sun", "/followups/1"),
    # What a leader and an analyst see otherwise than a supervisor.
    Shown("leader-dashboard", "lead", "/dashboard"), Shown("leader-assignments", "lead", "/assignments"),
    Shown("analyst-dashboard", "ana", "/dashboard"), Shown("analyst-card", "ana", f"/calls/{RUDE}"))
# To look at alone: these are made of the same parts as others.
FURTHER = (
    Shown("queue-searched", "rui", "/queue?picked=&state=&text=宽带"), Shown("card-searched", "rui", "/calls/sample-001?text=宽带&rule=closing.farewell"),
    Shown("queue-done", "boss", "/queue?picked=&state=done"), Shown("queue-narrowed", "boss", "/queue?picked=&state=done&item=greeting&was=reviewed"),
    Shown("disagreements", "boss", "/health/item/greeting?was=reviewed"), Shown("appraisal-agent", "boss", "/appraisal/3105"),
    Shown("indicator", "boss", "/indicators/first_reply"), Shown("trend", "boss", "/trends?rule=closing.farewell&period=week&by=team"),
    Shown("root-log", "root", "/log"), Shown("leader-queue", "lead", "/queue"), Shown("leader-card", "lead", f"/calls/{SLOPPY}"),
    Shown("leader-follow-ups", "lead", "/followups"), Shown("leader-health", "lead", "/health"), Shown("leader-week", "lead", "/week"),
    Shown("leader-appraisal", "lead", "/appraisal"), Shown("leader-trends", "lead", "/trends"), Shown("leader-sample", "lead", "/sample"),
    Shown("analyst-queue", "ana", "/queue"), Shown("analyst-trends", "ana", "/trends"), Shown("analyst-cases", "ana", "/cases"),
    Shown("analyst-health", "ana", "/health"), Shown("my-follow-ups", "sun", "/followups"), Shown("agent-cases", "sun", "/cases"), Shown("no-cards", "other", "/mine"))
# On the first day, before the first call.
EMPTY = tuple(Shown(f"empty-{path}", login, f"/{path}") for login, path in (
    ("rui", "queue"), ("rui", "week"), ("boss", "dashboard"), ("boss", "assignments"), ("boss", "followups"), ("boss", "health"),
    ("boss", "calibration"), ("boss", "cases"), ("boss", "appeals"), ("boss", "trends"), ("boss", "sample")))


def lived_in(root: Path, bench: Bench | None = None) -> Bench:
    """A workbench with some life in it: a published card with an appeal, one in hand, a few more reviewed."""
    bench = bench or benches.bench(root)
    reviewer, agent = person(bench, "rui"), person(bench, "sun")
    with bench.database.reading() as session:
        calls = [card.call_id for card in session.query(Card).order_by(Card.call_id)]
    for number, call_id in enumerate([SLOPPY, *[one for one in calls if one not in (SLOPPY, RUDE)][:6]]):
        visitor = Visitor(bench, ("rui", "rong")[number % 2] if call_id != SLOPPY else "rui")
        visitor.get(f"/calls/{call_id}")
        visitor.post(f"/calls/{call_id}/claim")
        with bench.database.reading() as session:
            lines = cards.items(session, call_id)
        words = {one.item: {"verdict": _word(one, number), "reason": "听录音确认"} for one in lines if one.human_verdict is None}
        answer = visitor.judge(call_id, visitor.version(call_id), **words)
        visitor.post(f"/calls/{call_id}/publish", version=str(answer.body["version"]))
    with bench.database.reading() as session:
        failed = next(one for one in cards.items(session, SLOPPY) if one.human_verdict == "fail" and one.max_points)
    with bench.database.writing() as session:
        cards.appeal(session, session.merge(agent), SLOPPY, failed.item, "我在第二句里说了，可能没有听清。")
        session.query(Card).filter_by(state="published").order_by(Card.call_id.desc()).limit(1).one().published_at = datetime.now(UTC) - timedelta(days=8)
    with bench.database.reading() as session:
        draft = bench.draft(session.get_one(Card, RUDE)).model_dump_json()
    with bench.database.writing() as session:
        cards.claim(session, session.merge(reviewer), RUDE, draft)
    rarer(bench)
    return bench


def known(bench: Bench) -> dict[str, str]:
    """What stands in braces in the paths of PAGES."""
    with bench.database.reading() as session:
        live = session.query(Card).filter(Card.kind != "recording", Card.state == "claimed").one().call_id
        return {"live": live, "blind": str(blind.to_score(session, person(bench, "rui").id)[0][0].id)}


def _word(item: Item, number: int) -> str:
    """Mostly the machine's word, now and then another."""
    if item.machine_verdict == "needs_review":
        return "pass"
    return "pass" if item.machine_verdict == "fail" and (item.position + number) % 5 == 0 else item.machine_verdict


@contextmanager
def browsing(more: Sequence[str] = ()) -> Iterator[Browser]:
    """A browser; `more` are switches beside ARGUMENTS."""
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=benches.chromium(), args=[*ARGUMENTS, *more])
        yield opened
        opened.close()


def opened(browser: Browser, site: str, login: str, language: str, size: tuple[int, int]) -> Page:
    """A browser of somebody who has signed in, in their language."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="zh-CN" if language == "zh" else "en-GB")
    page = context.new_page()
    if login:
        page.goto(f"{site}/sign-in")
        page.fill("[name=login]", login)
        page.fill("[name=password]", benches.PASSWORD)
        page.click("form button.main")
        page.wait_for_url(lambda url: "sign-in" not in url)
        if page.locator(f"nav button[name=language][value={language}]").count():
            page.click(f"nav button[name=language][value={language}]")
    return page


def settled(page: Page, site: str, path: str) -> None:
    """The page, when its charts and waves are drawn: charts a frame after its scripts, waves when their sound has come."""
    page.goto(site + path)
    if page.locator("#wave").count():
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(400)
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--only", nargs="*", help="names of pages")
    parser.add_argument("--languages", nargs="*", default=["zh", "en"])
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, browsing() as browser:
        for bench, pages in ((lived_in(Path(home) / "w"), PAGES + FURTHER), (empty(Path(home) / "e"), EMPTY)):
            wanted = [shown for shown in pages if not options.only or shown.name in options.only]
            places = known(bench) if pages is not EMPTY else {}
            with benches.served(bench) as site:
                for language, size, login in product(options.languages, SIZES, dict.fromkeys(one.login for one in wanted)):
                    page = opened(browser, site, login, language, size)
                    for shown in wanted:
                        if shown.login == login:
                            settled(page, site, shown.path.format(**places))
                            page.screenshot(path=options.directory / f"{shown.name}-{language}-{size[0]}.png")
                    page.context.close()


if __name__ == "__main__":
    main()
