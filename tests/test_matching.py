"""What recognisers and speakers do to a phrase does not hide it, and the evidence is what was heard."""
from __future__ import annotations

from pathlib import Path

import pytest

from records import Transcript, Turn, Word
from rules.engine import Engine
from rules.pack import load
from rules.slots import alike
from rules.text import Text, key_of, light

PACK = """rules:
  - {id: t.hold, title: 等待, kind: signal, who: agent, why: 测, source: [S0], find: ["请您稍等", "请稍等"]}
  - {id: t.number, title: 工号, kind: signal, who: agent, why: 测, source: [S0], find: ["工号{staff_number}"]}
  - {id: t.clear, title: 清楚, kind: signal, who: agent, why: 测, source: [S0], find: ["您…{清楚|明白}吗"]}
  - {id: t.yes, title: 好的, kind: signal, who: customer, why: 测, source: [S0], find: ["=好的"]}
  - {id: t.refuse, title: 拒绝, kind: taboo, who: agent, why: 测, source: [S0], find: [不知道],
     unless: {quoted: true, question: true, repair: {phrases: [帮您查], within: {turns: 2}}}}
  - {id: t.promise, title: 承诺, kind: taboo, who: agent, why: 测, source: [S0], find: [保证解决], unless: {negated: true}}
  - {id: t.words, title: 词, kind: signal, who: agent, why: 测, source: [S0],
     find: {words: [[{TEXT: 办理}, {OP: "?"}, {TEXT: 业务}]], candidates: [业务]}}
  - {id: t.organisation, title: 单位, kind: signal, who: agent, why: 测, source: [S0], find: {slots: [organisation]}}
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    directory = Path(tmp_path_factory.mktemp("pack"))
    (directory / "t.yaml").write_text(PACK, encoding="utf-8")
    return Engine(load(directory))


def call(*turns: tuple[str, str] | Turn, **metadata: object) -> Transcript:
    made = [t if isinstance(t, Turn) else Turn(speaker=t[0], text=t[1]) for t in turns]  # type: ignore[arg-type]
    return Transcript.model_validate({"call_id": "c", "turns": made, **metadata})


@pytest.mark.parametrize(("heard", "key"), [
    ("您好，請稍等。", "您好请稍等"), ("ＡＢ１２", "ab12"), ("幺三八，八零二三", "1388023"), ("一三五 七九", "13579"),
    ("请请稍等", "请稍等"), ("谢谢谢您", "谢谢您"), ("好的了啊", "好"), ("等一下一下", "等一下一下"),
    ("一二得二", "一二得二"), ("好嘛", "好吗"), ("", ""), ("，。！", ""),
])
def test_text_is_folded_to_what_is_compared(heard: str, key: str) -> None:
    assert key_of(heard) == key


def test_words_that_look_like_particles_stay() -> None:
    assert len(key_of("了解")) == len(key_of("目的")) == len(key_of("的确")) == 2


@pytest.mark.parametrize("text", ["您好，請請稍等！", "😀您好\u200b 嗯呃", "ﷺ您好㍿", "a\nb", "İ您好"])
def test_offsets_lead_back_to_what_was_heard(text: str) -> None:
    assert len(light(text)) == len(text)
    made = Text([text, text], ["agent", "customer"])
    assert made.origin == sorted(set(made.origin))
    assert [light(made.raw[origin]) for origin in made.origin] == list(made.key)


@pytest.mark.parametrize(("rule", "heard", "match"), [
    ("t.hold", "请您稍等", "exact"), ("t.hold", "請您稍等", "exact"),
    ("t.hold", "请，您稍。等", "exact"), ("t.hold", "请请您稍等", "exact"),
    ("t.hold", "请您的稍呃等", "exact"), ("t.hold", "请您烧等", "homophone"), ("t.hold", "请您稍登", "homophone"),
    ("t.hold", "请稍登", "homophone"), ("t.number", "工号八零二三", "exact"), ("t.number", "工号 8023", "exact"),
    ("t.clear", "您这下都清楚吗", "exact"), ("t.clear", "您对我说的都明白了吗", "exact"),
    ("t.clear", "您这下清除吗", "homophone"),
    ("t.words", "办理这业务", "pattern"), ("t.organisation", "这里是嘟嘟驿站", "pattern"),
    ("t.organisation", "都都驿站", "homophone"),
])
def test_a_phrase_is_found_as_it_is_heard(engine: Engine, rule: str, heard: str, match: str) -> None:
    view = engine.view(call(("agent", heard), organisation="嘟嘟驿站"))
    hits = view.hits(rule)
    assert [h.match for h in hits] == [match]
    if match == "homophone":
        assert hits[0].confidence < 0.93


@pytest.mark.parametrize(("rule", "who", "heard"), [
    ("t.hold", "agent", "晴烧灯"), ("t.hold", "customer", "请您稍等"),
    ("t.hold", "unknown", "请您稍等"), ("t.hold", "ivr", "请您稍等"),
    ("t.clear", "agent", "您看一看这里有这么多很长很长的字以后才清楚吗"),
    ("t.yes", "customer", "好"), ("t.number", "agent", "工号"),
    ("t.words", "agent", "这业务不办理"),
])
def test_what_only_resembles_a_phrase_is_not_found(engine: Engine, rule: str, who: str, heard: str) -> None:
    assert engine.view(call((who, heard))).hits(rule) == ()


def test_a_phrase_cut_over_two_turns_of_one_speaker_is_found_in_the_first(engine: Engine) -> None:
    view = engine.view(call(("agent", "好，请您"), ("agent", "稍等")))
    evidence = view.evidence("t.hold", view.hits("t.hold")[0])
    assert (evidence.turn, evidence.text) == (0, "请您 稍等")


def test_a_phrase_never_runs_over_a_change_of_speaker(engine: Engine) -> None:
    view = engine.view(call(("agent", "请您"), ("customer", "稍等"), ("agent", "您"), ("customer", "清楚吗")))
    assert not view.hits("t.hold") and not view.hits("t.clear")


def test_particles_count_where_a_phrase_says_so(engine: Engine) -> None:
    assert engine.view(call(("customer", "嗯好的"))).hits("t.yes")


@pytest.mark.parametrize(("rule", "said", "label"), [
    ("t.refuse", "不知道", 1), ("t.refuse", "您刚才说不知道", 0), ("t.refuse", "您知不知道", 0),
    ("t.refuse", "不知道您方便吗", 0),
    ("t.refuse", "不知道，我帮您查一下", 0), ("t.promise", "我保证解决", 1), ("t.promise", "我不保证解决", 0),
])
def test_exceptions_take_hits_back(engine: Engine, rule: str, said: str, label: int) -> None:
    assert engine.probe(rule, "agent", said).label == label


def test_a_repair_in_the_agents_next_turn_takes_a_hit_back(engine: Engine) -> None:
    turns = [("agent", "不知道"), ("customer", "啊"), ("agent", "我帮您查")]
    assert engine.view(call(*turns)).outcome("t.refuse").verdict == "pass"
    assert engine.view(call(*turns[:2])).outcome("t.refuse").verdict == "fail"


def test_evidence_has_the_words_heard_and_their_times(engine: Engine) -> None:
    words = tuple(Word(text=c, start=float(i), end=i + 1.0) for i, c in enumerate(["您好", "请", "您", "稍等"]))
    view = engine.view(call(Turn(speaker="agent", text="您好，请您稍等", start=0, end=4, words=words)))
    evidence = view.evidence("t.hold", view.hits("t.hold")[0])
    assert (evidence.text, evidence.start, evidence.end) == ("请您稍等", 1.0, 4.0)


def test_without_words_times_are_shared_out_over_the_characters(engine: Engine) -> None:
    view = engine.view(call(Turn(speaker="agent", text="好请您稍等", start=10, end=15)))
    evidence = view.evidence("t.hold", view.hits("t.hold")[0])
    assert (evidence.start, evidence.end) == (11.0, 15.0)


def test_a_turn_that_was_hardly_understood_gives_weak_hits(engine: Engine) -> None:
    view = engine.view(call(Turn(speaker="agent", text="不知道", confidence=0.4)))
    assert view.outcome("t.refuse").verdict == "needs_review"


@pytest.mark.parametrize(("phrase", "heard", "low", "high"), [
    ("请您稍等", "请您稍等", 1, 1), ("请您稍等", "请您烧等", 0.8, 0.95),
    ("请您稍等", "情宁烧灯", 0, 0), ("再见", "在建", 0, 0),
    ("生活愉快", "身活愉快", 0.7, 0.95), ("为您服务", "为您父务", 0.8, 0.95), ("请问您贵姓", "请问您", 0, 0),
])
def test_likeness_of_sounds(phrase: str, heard: str, low: float, high: float) -> None:
    assert low <= alike(phrase, heard) <= high


def test_a_phrase_cut_over_two_turns_shows_the_words_of_both():
    call = Transcript(call_id="cut", turns=(
        Turn(speaker="agent", text="您好。", start=0.0, end=1.0), Turn(speaker="customer", text="这事归谁管", start=1.0, end=2.0),
        Turn(speaker="agent", text="这个不归", start=2.0, end=3.0), Turn(speaker="agent", text="我管。", start=4.0, end=5.0)))
    engine = Engine.open()
    view = engine.view(call)
    (finding,) = [f for f in engine.findings(view) if f.rule == "taboo.refusal"]
    (evidence,) = [e for e in finding.evidence if "不归" in e.text]
    assert evidence.turn == 2
    assert "我管" in evidence.text
    assert evidence.end is not None and evidence.end > 4.0
