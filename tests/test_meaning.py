"""The trained layer: what it promises of its numbers, that its model is fresh, and that it knows wordings it never saw."""
import random
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from records import Problem, Transcript, Turn
from rules.commands import app
from rules.engine import Engine
from rules.meaning import data, embedding, train
from rules.meaning.examples import Examples
from rules.meaning.predict import MODEL, Meaning
from rules.pack import load

CALL = [("agent", "您好，云栖酒店，工号三零二七，请问有什么可以帮您"), ("customer", "我想问下明天还有没有大床房"),
        ("agent", "我给您看一下房态，一分钟左右，您别挂，等我一下行吗"), ("customer", "行"),
        ("agent", "让您久等了，还有两间"), ("customer", "那订一间"), ("agent", "订好了，您看还有别的需要吗"),
        ("customer", "没有了"), ("agent", "感谢您的来电，祝您入住愉快，再见")]

# My own wordings, checked not to stand in the data: rule, who, what was said before, text, is it so?
SAID = [
    ("closing.anything_else", "agent", "", "那除了这件事，您还有哪块需要我帮着处理的没有", True),
    ("closing.anything_else", "agent", "", "这台机器除了漏水还有没有异响", False),
    ("closing.understood", "agent", "", "我刚刚这么讲，您这边听懂了没有", True),
    ("hold.request", "agent", "", "您先别挂断，我进系统翻一下记录马上回来", True),
    ("hold.request", "agent", "", "短信稍等会儿就发到您手机上", False),
    ("hold.permission", "agent", "", "我要查个一分钟，麻烦您等我一下可以不", True),
    ("hold.return", "agent", "", "抱歉耽误您这么长时间，刚查到结果了", True),
    ("outbound.convenient", "agent", "", "您这会儿讲电话方不方便呀", True),
    ("taboo.impatience", "agent", "", "我都讲了三遍了你怎么还在问", True),
    ("taboo.sarcasm", "agent", "", "连这么简单的东西都不会，您念过书没有", True),
    ("taboo.refusal", "agent", "那我这钱怎么办", "这个我们管不了，没办法", True),
    ("taboo.refusal", "agent", "什么时候能修好", "师傅下午两点到您家，修好给您回电话", False),
    ("taboo.hang_up", "agent", "", "你要是再这么骂，我就把电话挂了", True),
    ("complaint.raised", "customer", "", "再不给我处理我就去消费者协会告你们", True),
    ("complaint.raised", "customer", "", "我想查一下上个月的话费", False),
    ("customer.abusive", "customer", "", "你他妈的到底会不会办事", True),
    ("customer.abusive", "customer", "", "麻烦你帮我办一下挂失", False),
    ("complaint.empathy", "agent", "", "换了我碰上这种事，心里也肯定不好受", True),
]


@pytest.fixture(scope="module")
def meaning() -> Meaning:
    return Meaning.load()


def test_the_model_was_made_of_the_data_and_code_beside_it(meaning):
    own = data.of_pack(load(None).rules)
    assert meaning.version == data.fingerprint(own), "stale: run python -m rules.meaning.train"
    assert not data.unlearnt(load(None).rules, meaning.learnt)


def test_the_model_stays_small():
    assert MODEL.stat().st_size < 6_000_000


def test_probabilities_are_probabilities_and_foreign_speakers_have_none(meaning):
    table = meaning.call(CALL)
    assert table.shape == (len(CALL), len(meaning.rules))
    assert ((table >= 0) & (table <= 1)).all()
    for column, rule in enumerate(meaning.rules):
        for turn, (who, _) in enumerate(CALL):
            assert who == data.speaker(rule) or table[turn, column] == 0, (rule, turn)
    assert not meaning.call([("unknown", "感谢您的来电"), ("ivr", "请稍等，正在为您转接")]).any()


def test_a_plain_call_is_read_as_a_reviewer_reads_it(meaning):
    table = meaning.call(CALL)
    for rule, turn in [("greeting.salutation", 0), ("greeting.organisation", 0),
                       ("greeting.identity", 0), ("greeting.offer", 0),
                       ("hold.request", 2), ("hold.permission", 2), ("hold.reason", 2), ("hold.consent", 3),
                       ("hold.return", 4), ("closing.anything_else", 6), ("closing.thanks", 8), ("closing.farewell", 8)]:
        column = meaning.column[rule]
        assert table[turn, column] >= meaning.accept[column], (rule, table[turn, column])
    taboos = [column for column, rule in enumerate(meaning.rules) if rule.startswith("taboo.")]
    assert (table[:, taboos] < meaning.accept[taboos]).all()


def test_the_wordings_below_were_never_learnt():
    learnt = {sentence.text for sentence in data.sentences()} | {text for call in data.calls() for _, text in call.turns}
    assert not learnt & {text for _, _, _, text, _ in SAID}


@pytest.mark.parametrize(("rule", "who", "before", "text", "so"), SAID)
def test_wordings_it_never_saw(meaning, rule, who, before, text, so):
    assert (meaning.sentence(rule, text, who, before) >= 0.5) == so


def test_the_other_speaker_s_words_do_not_count(meaning):
    assert meaning.sentence("taboo.abuse", "你他妈的", "customer") == 0
    assert meaning.sentence("customer.abusive", "你他妈的", "agent") == 0


def test_the_turn_before_decides_whether_yes_is_consent(meaning):
    asked = meaning.sentence("hold.consent", "好的", "customer", before="请您稍等一分钟，我查一下好吗")
    told = meaning.sentence("hold.consent", "好的", "customer", before="快递明天下午送到您家")
    assert asked > told + 0.2


ODD = ["", " ", "，。！？", "😀🙏" * 50, "\u202e反\u0000的", "啊" * 100_000, "𠮷野家" * 3, "\ud800"]


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_give_numbers(meaning, text):
    table = meaning.call([("agent", text), ("customer", text)])
    assert np.isfinite(table).all()
    assert 0 <= meaning.sentence("taboo.refusal", text, "agent") <= 1


def test_no_turns_give_no_rows(meaning):
    assert meaning.call([]).shape == (0, len(meaning.rules))


def test_writing_does_not_matter(meaning):
    said = "请您稍等，我查一下，大概30秒好吗"
    table = meaning.call([("agent", said)])
    for other in ("請您稍等，我查一下，大概３０秒好嗎",
                  "请您稍等我查一下大概三十秒好吗", " 请您稍等 我查一下 大概30秒好吗。"):
        assert np.allclose(meaning.call([("agent", other)]), table, atol=1e-5), other


def test_a_call_is_judged_as_its_turns_are(meaning):
    """Turns far from each other do not touch: the vectorised call and a window of it agree but for the place in the call."""
    texts = [text for _, text in CALL]
    together = meaning._scores(texts)
    for row, text in enumerate(texts):
        assert np.allclose(together[row], meaning._scores([text])[0], atol=1e-4)


def test_the_strongest_features_explain_a_sentence(meaning):
    strongest = meaning.explain("closing.thanks", "感谢您的来电")
    assert strongest[0][1] > 0
    assert any("来电" in name or "感谢" in name for name, _ in strongest)


def test_training_twice_gives_the_same_model():
    chance = random.Random(1)
    rules = {"hold.request", "taboo.abuse"}
    sentences = [row for row in data.sentences() if row.rule in rules]
    calls = chance.sample(data.calls(), 24)
    first, second = (train.train(Examples(sentences, calls, rules), "test").whole for _ in range(2))
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert np.array_equal(values, second[name]), name
    small = Meaning(first)
    asked, done = (small.sentence("hold.request", text, "agent") for text in ("请您稍等一下", "已经给您办好了"))
    assert asked > done


OWN_RULE = """rules:
  - id: site.application
    title: 推荐应用
    kind: check
    who: agent
    why: 让客户知道可以自己办。
    source: [site]
    severity: minor
    status: experimental
    find: [下载我们的应用]
    like: [手机上装个应用就能查, 建议您扫码下载客户端, 您有没有装我们的手机客户端, 您可以在应用商店搜我们的软件, 下个软件自己就能办]
    unlike: [应用商店在一楼, 系统应用更新了, 软件园在城东, 您的手机号是多少]
    examples:
      pass: [您可以下载我们的应用, 下载我们的应用吧, 请下载我们的应用, 先下载我们的应用]
      fail: [您好, 再见, 请稍等, 应用题怎么做]
"""
WORDED_OTHERWISE = "您扫个码装一下我们的手机客户端就行"


@pytest.fixture
def little_data(monkeypatch):
    """So few labelled sentences and calls that a layer is learnt in a second."""
    some = [row for row in data.sentences() if row.rule in {"hold.request", "closing.thanks"}]
    calls = random.Random(1).sample(data.calls(), 24)
    calls = [call._replace(hits={rule: turns for rule, turns in call.hits.items() if rule in {"hold.request", "closing.thanks"}},
                           doubtful_from={}, skip={}) for call in calls]
    monkeypatch.setattr(data, "sentences", lambda: some)
    monkeypatch.setattr(data, "calls", lambda: calls)
    monkeypatch.setattr(train, "KEPT", 10_000)


def test_like_and_unlike_teach_the_layer_a_rule_of_ones_own(tmp_path, little_data, monkeypatch):
    (tmp_path / "own.yaml").write_text(OWN_RULE, "utf-8")
    assert Engine.open(tmp_path, meaning=Meaning.of_pack(tmp_path)).probe("site.application", "agent", WORDED_OTHERWISE).label == 0
    told = CliRunner().invoke(app, ["train", "--pack", str(tmp_path)])
    assert told.exit_code == 0, told.output
    assert "9 new sentences learnt" in told.output
    engine = Engine.open(tmp_path, meaning=Meaning.of_pack(tmp_path))
    assert engine.probe("site.application", "agent", WORDED_OTHERWISE).label == 1
    assert engine.probe("site.application", "agent", "软件园在城东").label == 0
    call = Transcript(call_id="t", turns=tuple(Turn(speaker=who, text=text) for who, text in CALL))
    assert engine.view(call).outcome("site.application").verdict != "pass"
    again = CliRunner().invoke(app, ["train", "--pack", str(tmp_path)])
    assert "nothing to learn" in again.output


def test_sentences_that_a_pack_has_not_taught_yet_are_named(tmp_path):
    (tmp_path / "own.yaml").write_text(OWN_RULE, "utf-8")
    told = CliRunner().invoke(app, ["test", "--pack", str(tmp_path)])
    assert told.exit_code == 0
    assert f"9 like and unlike sentences are not learnt yet (site.application): tingjian rules train --pack {tmp_path}" in told.output


def test_the_built_in_rules_are_not_trained_by_a_lead():
    told = CliRunner().invoke(app, ["train"])
    assert told.exit_code != 0
    assert "cp -r rules/zh my-rules" in str(told.exception)


@pytest.fixture
def encoder(monkeypatch):
    """Counts two characters instead of asking a neural network."""
    def counts(texts):
        found = np.array([[text.count("应"), text.count("软"), 1] for text in texts], np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    monkeypatch.setattr(embedding, "Encoder", lambda directory: counts)
    return counts


def test_embeddings_stand_behind_the_same_interface_and_only_sentences_are_weighed_by_them(meaning, encoder, tmp_path):
    said = [data.Sentence("closing.thanks", place % 2, "agent", ("应该" if place % 2 else "软件") + str(place), "", "", "x-0")
            for place in range(60)]
    heads = embedding.teach(said, np.full(60, 0.5, np.float32), encoder([one.text for one in said]), np.ones(60, np.bool_))
    np.savez(tmp_path / embedding.HEADS, rules=np.array(list(heads.weights)), version=meaning.version,
             weights=np.array(list(heads.weights.values())), offsets=np.array(list(heads.offsets.values())))
    embedded = embedding.Embedded.open(meaning, tmp_path)
    assert embedded.sentence("closing.thanks", "应该的", "agent") > embedded.sentence("closing.thanks", "软件呢", "agent")
    assert embedded.sentence("taboo.abuse", "应该的", "agent") == meaning.sentence("taboo.abuse", "应该的", "agent")
    assert np.array_equal(embedded.call(CALL), meaning.call(CALL))
    assert Engine.open(meaning=embedded).probe("closing.thanks", "agent", "感谢您的来电").label == 1


@pytest.mark.parametrize(("version", "told"), [(None, "heads.npz is missing"), ("old", "belongs to another trained layer")])
def test_heads_of_another_layer_are_refused(meaning, encoder, tmp_path, version, told):
    if version:
        np.savez(tmp_path / embedding.HEADS, rules=np.array(["closing.thanks"]), version=version, weights=np.zeros((1, 4)),
                 offsets=np.zeros(1))
    with pytest.raises(Problem, match=told):
        embedding.Embedded.open(meaning, tmp_path)


def test_a_directory_without_an_encoder_is_refused(tmp_path):
    with pytest.raises(Problem, match="no sentence encoder"):
        embedding.Encoder(tmp_path)


def test_looking_for_an_encoder_leaves_the_diarisers_libraries_loadable(tmp_path):
    known = sys.modules.get("torchaudio", "not loaded")
    with pytest.raises(Problem):
        embedding.Encoder(tmp_path)
    assert sys.modules.get("torchaudio", "not loaded") is known
