"""Who is the agent, from what is said."""
import pytest

from pipeline.roles import announced, cast, persons_and_machine
from pipeline.sides import by_sound
from records import Word


def voice(text, start=0.0):
    return [Word(text=letter, start=start + index * 0.2, end=start + (index + 1) * 0.2) for index, letter in enumerate(text)]


AGENT = "您好，嘟嘟驿站客服中心，8023号为您服务，请问有什么可以帮您？我帮您查一下，请您稍等。祝您生活愉快，再见。"
CUSTOMER = "你好，我想问一下我的快递怎么还没到，你们能不能帮我催一下，行吧，没有了。"


@pytest.mark.parametrize("agent", [0, 1])
def test_the_agent_is_found_on_either_channel(agent):
    found = cast({agent: voice(AGENT), 1 - agent: voice(CUSTOMER, 5)}, "inbound")
    assert found.roles == {agent: "agent", 1 - agent: "customer"} and found.confidence > 0.9


@pytest.mark.parametrize(("agent", "customer"), [
    ("您号您使用公浩玲玲为您服物请文有什么可已帮您", "我想文一下我得话费为神么你们多扣了"),      # misheard, same sounds
    ("先生您看这样可以吗给您登记一下", "不行我要投诉你们凭什么"),
])
def test_roles_survive_misheard_characters(agent, customer):
    assert cast({0: voice(customer), 1: voice(agent, 3)}, None).roles == {0: "customer", 1: "agent"}


def test_the_manifest_decides_when_it_names_the_channel():
    found = cast({0: voice(CUSTOMER), 1: voice(AGENT)}, "inbound", given=1)
    assert found.roles == {0: "customer", 1: "agent"} and found.confidence == 1.0 and "manifest names" in found.reason


def test_swapped_channels_are_believed_as_the_manifest_says_but_reported():
    found = cast({0: voice(AGENT), 1: voice(CUSTOMER)}, "inbound", given=1)
    assert found.roles == {0: "customer", 1: "agent"}
    assert found.confidence < 0.05 and "agent_channel" in found.reason


def test_little_that_is_said_is_no_contradiction():
    assert cast({0: voice("嗯好的"), 1: voice("对对对", 2)}, "inbound", given=1).confidence == 1.0


def test_a_single_voice_is_judged_by_itself():
    assert cast({0: voice(AGENT), 1: []}, None).roles[0] == "agent"
    assert cast({0: [], 1: voice(CUSTOMER)}, None).roles[1] == "customer"


def test_a_silent_call_has_no_roles():
    found = cast({0: [], 1: []}, "inbound")
    assert found.confidence == 0.5 and found.roles == {}


def test_little_evidence_gives_little_confidence():
    assert cast({0: voice("喂"), 1: voice("啊", 2)}, None).confidence < 0.6


def test_an_announcement_before_the_greeting_is_nobodys():
    words = [*voice("欢迎致电嘟嘟驿站普通话服务请按一", 0), *voice(AGENT, 8)]
    found = cast({0: words, 1: voice(CUSTOMER, 30)}, "inbound")
    assert found.speaker(0, words[3]) == "ivr" and found.speaker(0, words[-1]) == "agent"
    assert found.roles[0] == "agent"


@pytest.mark.parametrize("announcement", [
    "歡迎志電北權水務為了保證服務質量您的通話可能被錄影",        # as base heard sample-010
    "您好欢迎致电汇通银行，普通话服务请按一，英文服务请按二", "座席全忙，正在为您转接人工服务，请不要挂机", "为了提高服务支量，本次通话将北路音",
])
def test_announcements_are_known_by_sound_and_place_however_misheard(announcement):
    persons, machine = persons_and_machine([*voice(announcement), *voice(AGENT, 20)])
    assert "".join(word.text for word in machine) == announcement and machine[-1].end < persons[0].start
    found = cast({0: [*voice(announcement), *voice(AGENT, 20)], 1: voice(CUSTOMER, 40)}, None)
    assert {found.speaker(0, word) for word in machine} == {"ivr"} and found.roles[0] == "agent"


@pytest.mark.parametrize("opening", [
    "您好，请问有什么可以帮您？", "您好，我是客服小李，本次通话会被录音", "喂？为了保证服务质量是什么意思", "您好，欢迎致电汇通银行。",
])
def test_a_persons_opening_is_no_announcement(opening):
    assert persons_and_machine(voice(opening))[1] == []


def test_what_is_announced_after_somebody_spoke_stays_with_its_speaker():
    words = [*voice("您好，请问您要办什么业务吗"), *voice("普通话服务请按一", 10)]
    assert persons_and_machine(words)[1] == []
    assert announced({0: voice("普通话服务请按一", 10), 1: voice("喂你好", 2)}) == ()


def test_an_agent_who_speaks_of_the_recording_is_no_announcement():
    words = voice("您好，我跟您说一下这个通话会被录音的可以吗")
    assert cast({0: words, 1: voice(CUSTOMER, 20)}, None).announcements == ()


def test_sounds_are_compared_without_tones_and_accents():
    assert by_sound("公浩") == by_sound("工号") and by_sound("狮子") == by_sound("四字")
