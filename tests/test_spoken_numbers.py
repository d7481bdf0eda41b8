"""A staff number counts however it was said or written; the text that is shown stays what was heard."""
from __future__ import annotations

import pytest

from records import Transcript, Turn
from rules.engine import Engine


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.open()


@pytest.mark.parametrize("number", ["8023", "八零二三", "八〇二三", "八洞二三", "80 23", "８０２３", "八零23", "8 0 2 3"])
def test_the_agents_number_is_found_in_every_writing(engine: Engine, number: str) -> None:
    text = f"您好，嘟嘟驿站客服中心，{number}号为您服务，请问有什么可以帮您？"
    call = Transcript(call_id="x", agent_id="8023", organisation=("嘟嘟驿站",), turns=(Turn(speaker="agent", text=text),))
    finding = next(each for each in engine.findings(engine.view(call)) if each.rule == "greeting.identity")
    assert finding.verdict == "pass" and number in finding.evidence[0].text


def test_a_greeting_without_a_number_names_nobody(engine: Engine) -> None:
    call = Transcript(call_id="x", turns=(Turn(speaker="agent", text="您好，请问有什么可以帮您？"),))
    finding = next(each for each in engine.findings(engine.view(call)) if each.rule == "greeting.identity")
    assert finding.verdict != "pass"
