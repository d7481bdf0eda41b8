"""Phrases and the trained layer make one probability a rule and turn; what neither settles is left to a person."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.scorecard import Scorer
from records import Transcript, Turn
from rules.engine import Engine
from rules.operators.names import MISHEARD
from rules.pack import load
from rules.scanning import Hit
from rules.weighing import NOTE, pooled, reading
from settings import Scoring, Settings

PACK = """rules:
  - {id: t.thanks, title: 谢, kind: check, who: agent, why: 测, source: [S0], find: [感谢您的来电]}
  - {id: t.refuse, title: 拒, kind: taboo, who: agent, why: 测, source: [S0], find: [不知道],
     unless: {quoted: true, repair: {phrases: [帮您查], within: {turns: 2}}}}
  - {id: t.late, title: 末, kind: check, who: agent, why: 测, source: [S0], find: [再见], where: {last: {turns: 1}}}
  - {id: t.own, title: 独, kind: check, who: agent, why: 测, source: [S0], find: [工号一二三], meaning: false}
  - {id: t.signal, title: 投诉, kind: signal, who: customer, why: 测, source: [S0], find: [我要投诉]}
"""
RULES = ("t.thanks", "t.refuse", "t.late", "t.own", "t.signal")


class Layer:
    """Says of each turn what the test tells it: turn text → probability, for all rules."""

    version = "made up"
    column = {rule: at for at, rule in enumerate(RULES)}  # noqa: RUF012
    accept = np.full(len(RULES), 0.5, np.float32)
    doubt = np.full(len(RULES), 0.15, np.float32)

    def __init__(self, likely: dict[str, float]) -> None:
        self.likely, self.asked = likely, 0

    def call(self, turns):
        self.asked += 1
        return np.array([[self.likely.get(text, 0.0)] * len(RULES) for _, text in turns], np.float32).reshape(-1, len(RULES))

    def sentence(self, rule, text, who, before="", after=""):
        return self.likely.get(text, 0.0)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory):
    directory = Path(tmp_path_factory.mktemp("pack"))
    (directory / "t.yaml").write_text(PACK, encoding="utf-8")
    return load(directory)


def call(*said: str) -> Transcript:
    return Transcript(call_id="c", turns=tuple(Turn(speaker="agent" if s[0] == "A" else "customer", text=s[2:]) for s in said))


@pytest.mark.parametrize(("rule", "likely", "said", "verdict"), [
    ("t.thanks", 0.9, ["A:劳您打来", "C:好"], "pass"),
    ("t.thanks", 0.4, ["A:劳您打来", "C:好"], "needs_review"),
    ("t.thanks", 0.2, ["A:劳您打来", "C:好"], "fail"),
    ("t.refuse", 0.9, ["A:劳您打来", "C:好"], "fail"),
    ("t.refuse", 0.5, ["A:劳您打来", "C:好"], "needs_review"),  # an accusation wants more than an act
    ("t.refuse", 0.9, ["A:劳您打来，我帮您查", "C:好"], "pass"),  # exceptions hold for the layer too
    ("t.refuse", 0.9, ["A:劳您打来", "C:好", "A:帮您查"], "pass"),
    ("t.late", 0.9, ["A:劳您打来", "C:好", "A:嗯"], "fail"),  # and so do windows
    ("t.own", 0.9, ["A:劳您打来", "C:好"], "fail"),
    ("t.signal", 0.9, ["C:劳您打来", "A:好"], "found"),
    ("t.signal", 0.4, ["C:劳您打来", "A:好"], "none"),
])
def test_what_the_layer_makes_of_turns_without_a_phrase(pack, rule: str, likely: float, said: list[str], verdict: str) -> None:
    engine = Engine(pack, meaning=Layer({s[2:]: likely for s in said if "劳您打来" in s}))
    found = engine.view(call(*said))
    outcome = found.outcome(rule)
    assert outcome.verdict == verdict
    if verdict in ("found", "needs_review"):
        assert {(e.match, e.note) for e in found.finding(rule, outcome).evidence} == {("pattern", NOTE)}


def test_a_turn_whose_phrase_was_taken_back_is_not_asked_about(pack) -> None:
    engine = Engine(pack, meaning=Layer({"您刚才说不知道": 0.99}))
    assert engine.view(call("A:您刚才说不知道", "C:是")).outcome("t.refuse").verdict == "pass"


@pytest.mark.parametrize(("hit", "likely", "moves"), [
    (Hit(0, 0, 4, 0.97, "exact"), 0.0, 0), (Hit(0, 0, 4, 0.8, "homophone"), 0.99, 1), (Hit(0, 0, 4, 0.8, "homophone"), 0.01, -1),
    (Hit(0, 0, 4, 0.85, "exact", weak=True), 0.01, -1)])
def test_only_weak_hits_and_those_by_sound_are_moved(hit: Hit, likely: float, moves: int) -> None:
    assert np.sign(round(pooled(hit, likely, 0.5).confidence - hit.confidence, 6)) == moves


def test_a_surer_layer_reads_surer() -> None:
    read = [reading(likely / 20, 0.3) for likely in range(21)]
    assert read == sorted(read) and read[0] == 0 and read[-1] < 1


def test_the_layer_reads_a_call_once_and_only_if_asked(pack) -> None:
    layer = Layer({})
    engine = Engine(pack, meaning=layer)
    engine.findings(engine.view(call("A:您好", "C:好", "A:再见")))
    assert layer.asked == 1


def test_the_version_tells_the_layer_and_a_setting_turns_it_off() -> None:
    with_it, without = Scorer.from_settings(Settings()), Scorer.from_settings(Settings(scoring=Scoring(meaning=False)))
    assert with_it.version != without.version
    said = call("A:您好", "C:我要退票", "A:办好了，这样说您这边都听懂了没", "C:懂了", "A:再见")
    verdicts = [next(f.verdict for f in s.draft(said).findings if f.rule == "closing.understood") for s in (with_it, without)]
    assert verdicts[0] == "pass"


def test_probing_asks_the_layer_about_the_sentence_alone(pack) -> None:
    engine = Engine(pack, meaning=Layer({"劳您打来": 0.8, "天气不错": 0.3}))
    assert engine.probe("t.thanks", "agent", "劳您打来").label == 1
    assert engine.probe("t.thanks", "agent", "天气不错").label == 0
    assert engine.probe("t.own", "agent", "劳您打来").label == 0


@pytest.mark.parametrize(("said", "times"), [("王先声您好", 1), ("王县声您好", 1), ("网县声您好", 0), ("网先生您好", 1), ("李先声您好", 0)])
def test_titles_are_heard_by_sound_after_the_customers_name(said: str, times: int) -> None:
    engine = Engine.open()
    made = call(f"A:{said}", "C:好").model_copy(update={"customer_name": "王志强"})
    hits = engine.view(made).outcome("name.used").hits
    assert len(hits) == times and all(hit.confidence >= MISHEARD for hit in hits)
