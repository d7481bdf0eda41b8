"""Rules of which nothing is heard cost nothing, and say the same as if they had been asked."""
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import rules.engine
from records import Transcript, Turn
from rules.engine import Engine
from rules.meaning.predict import TURN, Meaning
from rules.pack import BUILT_IN, load
from rules.text import Text

SAID = (("agent", "您好，云栖酒店，工号8023，请问有什么可以帮您？"), ("customer", "我想问一下账单，你们太慢了"),
        ("agent", "您稍等一下好吗，我帮您查询一下"), ("customer", "好的"), ("agent", "让您久等了，感谢您的等待"),
        ("agent", "请问还有其他可以帮您的吗"), ("customer", "没有了"), ("agent", "感谢您的来电，祝您生活愉快，再见"))
ONE_SIDED = tuple(one for one in SAID if one[0] == "agent")


@pytest.fixture(scope="module")
def engines(tmp_path_factory) -> tuple[Engine, Engine]:
    """The built-in rules, and with 300 further ones that nobody's words touch."""
    folder: Path = tmp_path_factory.mktemp("pack")
    for file in BUILT_IN.glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    kinds = ("signal", "check", "taboo")
    extra = [{"id": "pad." + "".join(chr(97 + int(digit)) for digit in f"{at:03d}"), "title": f"{at}", "kind": kinds[at % 3],
              "who": ("agent", "customer", "any")[at // 3 % 3], "why": "for tests", "source": ["tests"],
              "where": "closing" if at % 2 else "anywhere", "find": {"phrases": [f"鲲鹏展翅第{at}次"]}} for at in range(300)]
    (folder / "padding.yaml").write_text(yaml.safe_dump({"rules": extra}, allow_unicode=True), encoding="utf-8")
    return Engine(load(None)), Engine(load(folder))


def call(said, sure=None) -> Transcript:
    turns = [Turn.model_validate({"speaker": who, "text": text, "start": 5.0 * at, "end": 5.0 * at + 4,
                                  "confidence": None if sure is None else sure[at % len(sure)]})
             for at, (who, text) in enumerate(said)]
    return Transcript(call_id="c", direction="inbound", turns=tuple(turns))


CALLS = {"both sides": call(SAID), "recognised well and badly": call(SAID, (0.9, 0.3, None)), "hardly recognised": call(SAID, (0.1,)),
         "one side only": call(ONE_SIDED), "one side, recognised badly": call(ONE_SIDED, (0.4,)), "no words": call([("agent", "")]),
         "nothing": call([])}


@pytest.mark.parametrize("name", CALLS)
def test_a_rule_of_which_nothing_is_heard_says_what_it_says_when_asked(engines, name):
    for engine in engines:
        asked = engine.view(CALLS[name])
        expected = tuple(asked.finding(rule, asked.outcome(rule)) for rule in engine.pack.rules)
        assert engine.findings(engine.view(CALLS[name])) == expected


def test_with_more_rules_no_more_rules_are_asked(engines, monkeypatch):
    asked = []
    decide = rules.engine.decide
    monkeypatch.setattr(rules.engine, "decide", lambda view, pack, rule: asked.append(rule) or decide(view, pack, rule))
    numbers = []
    for engine in engines:
        asked.clear()
        assert len(engine.findings(engine.view(CALLS["both sides"]))) == len(engine.pack.rules)
        numbers.append(len(asked))
    assert numbers[0] == numbers[1] < len(engines[0].pack.rules)


def test_a_rule_that_is_heard_is_asked(engines):
    spoken = call((*SAID, ("agent", "鲲鹏展翅第10次"), ("customer", "鲲鹏展翅第10次")))
    found = {finding.rule: finding for finding in engines[1].findings(engines[1].view(spoken))}
    assert [(e.speaker, e.text) for e in found["pad.aba"].evidence] == [("agent", "鲲鹏展翅第10次")]
    assert not found["pad.abb"].evidence


def test_a_speakers_words_are_heard_by_themselves():
    text = Text(["您好", "好的，请", "请讲"], ["agent", "customer", "agent"])
    assert text.key == "您好\n好请\n请讲\n"
    assert [text.only("agent")[0], text.only("customer")[0]] == ["您好\n\n\n\n请讲", "\n\n\n好请\n\n\n"]
    assert [len(one) for one in text.only("agent")] == [8, 8]


def test_turns_folded_together_stay_apart():
    meaning = Meaning.load()
    turns = [("agent", "请问您贵姓，王"), ("customer", "先生您好12"), ("agent", f"345{TURN}号"), ("customer", "")]
    assert meaning._folded([text for _, text in turns]) == [meaning._folded([text])[0] for _, text in turns]
    assert meaning.call(turns).shape == (4, len(meaning.rules))
