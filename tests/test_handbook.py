"""A reviewer is told what was heard, for which rule, how sure, and what to coach: on the card, the page and in the workbook."""
from __future__ import annotations

import io
from collections.abc import Callable
from html import unescape

import openpyxl
import pytest
from rich.console import Console

from records import Call, Draft, Evidence, Finding, Item, Transcript
from review.card import card
from review.handbook import Handbook
from review.page import page
from review.workbook import workbook
from rules.pack import load
from tests.stand_ins import draft, transcript

RULES = ("taboo.shirk", "taboo.refusal", "closing.thanks")
BOOK = Handbook({"taboo.shirk": "推诿", "taboo.refusal": "生硬拒绝", "closing.thanks": "感谢来电", "voice.rate": "语速"},
                ("taboo.shirk", "taboo.refusal"),
                {"taboo.shirk": "我给您转过去。", "closing.thanks": "感谢您的来电。", "voice.rate": "慢一些。", "taboo.refusal": "先说能做什么。"})


def said(rule: str, verdict: str = "fail") -> Finding:
    heard = Evidence(rule=rule, turn=1, start=65.0, text="投诉", speaker="agent", match="homophone", confidence=0.72, note="语气重")
    return Finding.model_validate({"rule": rule, "verdict": verdict, "evidence": [heard.model_dump()]})


def reviewed() -> tuple[Draft, Transcript]:
    """A broken taboo, a passed one, a failed check of the form, and a failed rule that no item has."""
    call = transcript(Call(call_id="a"))
    findings = (said("taboo.shirk"), said("taboo.refusal", "pass"), Finding(rule="closing.thanks", verdict="fail"),
                Finding(rule="voice.rate", verdict="fail"))
    items = (Item(id="attitude", title="态度", section="态度", mode="auto", verdict="fail", points=0, max_points=8,
                  rules=("taboo.shirk", "taboo.refusal"), evidence=findings[0].evidence),
             Item(id="closing", title="结束语", section="结束", mode="auto", verdict="fail", points=0, max_points=4,
                  rules=("closing.thanks",)))
    return draft(call).model_copy(update={"items": items, "findings": findings}), call


def terminal(language: str = "zh") -> str:
    console = Console(width=100, file=io.StringIO(), highlight=False, markup=False)
    console.print(card(*reviewed(), language, BOOK))  # type: ignore[arg-type]
    return console.file.getvalue()  # type: ignore[attr-defined]


def html() -> str:
    written = unescape(page(*reviewed(), None, "zh", BOOK))
    return written[written.index("<aside"):]


@pytest.mark.parametrize("shown", [terminal, html])
def test_what_to_coach_stands_once_beside_what_failed_and_not_beside_what_passed(shown: Callable[[], str]) -> None:
    text = shown()
    assert [text.count(words) for words in ("我给您转过去。", "感谢您的来电。", "慢一些。", "先说能做什么。")] == [1, 1, 1, 0]
    assert text.index("触犯服务禁忌") < text.index("我给您转过去。") < text.index("结束语") < text.index("感谢您的来电。")


@pytest.mark.parametrize("shown", [terminal, html])
def test_words_that_were_heard_come_with_their_rule_and_how_sure_they_are(shown: Callable[[], str]) -> None:
    text = shown()
    assert "语气重 · 推诿 · 同音 0.72" in text     # in an item of several rules
    assert "语气重 · 同音 0.72" in text            # under the rule's own title


def test_what_the_trained_layer_found_is_named_so() -> None:
    heard = Evidence(rule="taboo.shirk", text="您找别人吧", match="pattern", confidence=0.65, note="语义模型")
    assert (BOOK.origin(heard, True), BOOK.origin(heard, False, "en")) == ("推诿 · 语义模型 0.65", "trained layer 0.65")


def test_the_english_card_says_coach() -> None:
    assert "coach：感谢您的来电。" in terminal("en")


def test_the_workbook_has_what_to_coach_beside_items_and_rules() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook([reviewed()], BOOK)))
    items, findings = book["评分项"], book["规则结果"]
    assert [items.cell(1, 11).value, findings.cell(1, 9).value] == ["辅导", "辅导"]
    assert [items.cell(row, 11).value for row in (2, 3)] == ["推诿：我给您转过去。", "感谢您的来电。"]
    assert [findings.cell(row, 9).value for row in (2, 3, 4, 5)] == ["我给您转过去。", None, "感谢您的来电。", "慢一些。"]
    assert items["J2"].value == "01:05 坐席 投诉 （语气重 · 推诿 · 同音 0.72）"


def test_the_handbook_of_the_pack_names_taboos_gravest_first_and_coaches_every_one() -> None:
    book = Handbook.open()
    assert set(book.taboos[:3]) == {"taboo.abuse", "taboo.hang_up", "taboo.privacy"}
    assert [rule for rule in book.taboos if rule not in book.coach] == []
    on_trial = {rule.id for rule in load().rules.values() if rule.status == "experimental"}
    assert {rule for rule, title in book.titles.items() if title.endswith("（试行）")} == on_trial
