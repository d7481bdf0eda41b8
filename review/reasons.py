"""The engine's reasons in English, for pages read in English.

Drafts keep the Chinese sentences that the rules made (rules/deciding.py, rules/operators/), which the API and exports give as they are.
A page in English takes them apart by the patterns below; a sentence that none fits is shown as it stands. What was heard stays Chinese.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from records import Draft, Finding, Item

EMPTY: Mapping[str, str] = MappingProxyType({})
VERDICTS = {"pass": "pass", "fail": "fail", "needs_review": "to review", "not_applicable": "n/a"}
PLAIN = {("pass", "已做到"): "done", ("fail", "没有找到"): "not done", ("pass", "没有发现"): "none found"}
"""As `said` of pipeline/scorecard.py puts them."""
COUNTED = "calls|holds|hits|times|silences|questions|interruptions|places|turns|items"

PATTERNS: tuple[tuple[str, str], ...] = (
    # rules/engine.py, rules/deciding.py
    ("倾向{}，把握只有 {}", "leaning to {}, but only {} sure"),
    ("通过", "pass"), ("不通过", "fail"), ("不适用", "n/a"), ("待复核", "to review"), ("没有出现", "did not occur"), ("出现了", "occurred"),
    ("说法较弱，得一半分", "weak wording, half the points"), ("已做到", "done"), ("没有找到", "not found"), ("没有发现", "none found"),
    ("可能有，把握不足，请人听一下", "perhaps, but not sure enough: please listen"), ("由质检员判断", "for the reviewer to judge"),
    ("业务线 {} 不检查此项", "not checked on the line {}"), ("单位 {} 不检查此项", "not checked for {}"),
    ("规则已停用", "the rule is no longer used"), ("规则在 {} 不生效", "the rule is not in force on {}"),
    ("没有坐席的话", "the agent says nothing"), ("没有客户的话", "the customer says nothing"), ("只有坐席的话，但像是正常通话，客户声道可能没有录到",
     "only the agent is heard, yet it looks like an ordinary call: the customer's channel may be missing"),
    ("只查呼出电话", "outbound calls only"), ("只查呼入电话", "inbound calls only"), ("无声电话由坐席挂机", "the agent ends a silent call"),
    ("没有时间信息", "no times are known"), ("{} 处，要求至少 {} 处", "{} hits, at least {} needed"), ("{} 处，要求至多 {} 处", "{} hits, at most {} allowed"),
    ("{} 处", "{} hits"), ("每分钟 {} 次，上限 {} 次", "{} a minute, limit {}"), ("每分钟 {} 次，上限 {} 次，接近上限", "{} a minute, limit {}: close to it"),
    ("{} {} 次，{} 次没有做到", "{}: {} times, {} of them not done"), ("{} {} 次，都做到了", "{}: {} times, done each time"),
    ("步骤齐全，顺序正确", "all steps, in the right order"),
    # operators/general.py, metadata.py
    ("{} 项中做到 {} 项", "{1} of {0} done"), ("不该有：{}", "should not be there: {}"), ("缺：{}", "missing: {}"), ("缺少：{}", "missing: {}"),
    ("{} 处静默超过 {} 秒", "{} silences over {} s"), ("没有超过 {} 秒的静默", "no silence over {} s"), ("此前静默 {} 秒", "after {} s of silence"),
    ("没有{}数据", "not known: {}"), ("{} {} 秒，上限 {} 秒", "{} {} s, limit {} s"), ("坐席先挂机", "the agent hung up first"),
    ("客户先挂机", "the customer hung up first"), ("呼入电话", "an inbound call"), ("呼出电话", "an outbound call"),
    ("客户是男性", "the customer is a man"), ("客户是女性", "the customer is a woman"), ("振铃时长", "ringing time"), ("挂机方", "who hung up"),
    ("通话时长", "length of the call"), ("客户姓名", "the customer's name"), ("通话时间", "time of the call"), ("客户性别", "the customer's gender"),
    ("客户等级", "the customer's tier"), ("工号", "staff number"), ("坐席姓名", "the agent's name"), ("班组", "team"), ("业务", "line"),
    ("单位", "organisation"), ("通话方向", "direction"),
    # operators/calendar.py
    ("没有通话时间", "the time of the call is not known"), ("{} 是工作日", "{} is a working day"), ("问候与当天（{}）相符", "the greeting fits the day ({})"),
    ("当天是{}，问候的不是这一天", "the day is {}, and the greeting names another"), ("当天是{}，开头没有应景的问候", "the day is {}, and no greeting fits it"),
    ("不知道 {} 年的放假和调休安排，不能判断 {} 是不是休息日：{}",
     "the holidays of {} are not known, so nobody can tell whether {} is a day off: update chinesecalendar, or write them into [calendar.years.{0}] of tingjian.toml"),
    ("周末", "the weekend"), ("元旦", "New Year's Day"), ("春节", "the Spring Festival"), ("清明", "Qingming"), ("劳动节", "Labour Day"), ("五一", "Labour Day"),
    ("端午", "the Dragon Boat Festival"), ("中秋", "the Mid-Autumn Festival"), ("国庆", "National Day"), ("节日快乐", "a holiday"),
    # operators/names.py
    ("询问了称呼", "asked for the name"), ("已知客户姓名", "the customer's name is known"), ("客户自己说了姓名", "the customer gave the name unasked"),
    ("客户随即报了姓名，应是询问了称呼", "the customer gives the name right after: it was probably asked for"),
    ("可能问了称呼，没听清，请人听一下", "the name may have been asked for, but was not heard clearly: please listen"),
    ("不知道客户姓名，也没有询问", "the name is not known and was not asked for"), ("没有客户姓名，客户也没有说", "no name is known, nor did the customer give one"),
    ("{} 次以姓名称呼客户，要求至少 {} 次", "addressed by name {} times, at least {} needed"), ("另有 {} 处只称先生、女士，不计", "{} times only sir or madam, which does not count"),
    ("不知道客户姓名和性别", "neither name nor gender is known"), ("没有叫错", "no wrong address"), ("称“{}”，客户说姓{}", "addressed as “{}”, the customer said the name is {}"),
    ("称“{}”，客户是男性", "addressed as “{}”, the customer is a man"), ("称“{}”，客户是女性", "addressed as “{}”, the customer is a woman"),
    ("称“{}”，客户姓{}", "addressed as “{}”, the customer's name is {}"),
    # operators/holds.py
    ("{} 次请客户等待", "asked to wait {} times"), ("没有请客户等待", "no hold was asked for"), ("{} 次等待，其中 {} 次{}", "{} holds, in {} of them: {}"),
    ("{} 次等待，没有听清怎样请客户等待", "{} holds, how the customer was asked to wait was not heard"),
    ("客户同意后静默，回来致谢", "the customer agreed, nobody spoke, then came the thanks"), ("{} 次等待，{}：{}", "{} holds: {} ({})"), ("{} 次等待都{}：{}", "{} holds: {} ({})"), ("{} 次等待，{}", "{} holds: {}"), ("{} 次等待都{}", "{} holds: {}"),
    ("征求了同意", "asked leave"), ("没有征求同意", "did not ask leave"), ("得到了客户同意", "the customer agreed"), ("没有得到客户同意", "the customer did not agree"),
    ("说明了原因和时长", "said why and how long"), ("没有说全原因和时长", "did not say both why and how long"),
    ("没有超过 {} 秒的等待", "no hold over {} s"), ("等待 {} 秒，没有回来告知一次", "a hold of {} s without coming back once"),
    ("最长 {} 秒没有告知进展，最多隔 {} 秒", "up to {} s without a word, limit {} s"), ("每隔 {} 秒以内告知一次进展", "came back within {} s each time"),
    ("第 {} 秒回来告知", "came back at {} s"), ("等待 {} 秒", "a hold of {} s"), ("等待之后坐席没有再说话", "the agent says nothing after the hold"),
    ("回来时感谢或致歉了", "thanked or apologised on return"), ("回来时没有感谢或致歉", "neither thanked nor apologised on return"),
    ("感谢等待", "thanked for waiting"), ("为等待致歉", "apologised for the wait"), ("等待前的应答", "a word before the hold"), ("其后静默", "silence follows"),
    ("{} 处没有说明的静默，最长 {} 秒", "{} silences not announced, the longest {} s"),
    ("轮到坐席说话时没有超过 {} 秒又未说明的静默", "no unannounced silence over {} s on the agent's turn"),
    ("没有转接", "no transfer"), ("没有说明转到哪里、为什么转", "neither said where to nor why"), ("说明了转接的去向或原因，客户同意", "said where to or why, and the customer agreed"),
    ("客户同意后转接，并说明了去向", "transferred once the customer agreed, and said where to"), ("没有等客户同意就转接", "transferred without waiting for the customer's yes"),
    # operators/conduct.py, personal.py, outbound.py, special.py
    ("客户的话没有说完", "the customer had not finished"), ("拒绝前后都有体谅和出路", "the refusal stands between understanding and another way"),
    ("拒绝时没有先表示理解、再给出办法", "the refusal has no understanding before it, or no way out after it"), ("没有拒绝客户的要求", "nothing was refused"),
    ("客户没有辱骂", "the customer was not abusive"), ("客户辱骂后冷静应对", "answered the abuse calmly"),
    ("客户辱骂后没有安抚，也没有请班长接手", "neither calmed the customer after the abuse nor handed over to the team leader"),
    ("先核实了客户身份", "verified the identity first"), ("问了却没有等回答就往下说", "asked, but went on without waiting for the answer"),
    ("没有先核实是不是客户本人", "did not first verify that it is the customer"), ("在核实客户身份之前自我介绍", "introduced themselves before verifying the identity"),
    ("没有报全单位、部门和工号", "did not give organisation, department and staff number in full"),
    ("核实身份后报了单位、部门和工号", "gave organisation, department and staff number once the identity was verified"),
    ("说明了来电目的", "said why they call"), ("没有说明为什么打来", "did not say why they call"), ("第 {} 句直接说到业务，没有明说来意", "came straight to the point in turn {}, without saying why they call"),
    ("没有坐席的声音", "the agent is not heard"), ("没有客户的声音", "the customer is not heard"), ("客户的声音听不清", "the customer is hard to hear"),
    ("不是无声电话", "not a silent call"), ("是无声电话，不是听不清", "a silent call, not one that is hard to hear"), ("没有听不清的情况", "nobody was hard to hear"),
    ("问候两遍", "greeting twice"), ("无声话术（请客户换话机再打）", "the words for a silent line (call again from another phone)"), ("道别", "goodbye"),
    ("问候、无声话术、道别都有", "greeted, said the words for a silent line and goodbye"),
    ("听不清时没有礼貌地请客户大声些或换个地方", "did not politely ask the customer to speak up or move"),
    ("礼貌地请客户大声些、换个地方或换话机", "politely asked the customer to speak up, move or change phones"),
    ("请客户大声之后仍听不清，没有请客户换话机再打", "still not clear after asking to speak up, and did not ask to call from another phone"),
    # operators/voice.py
    ("坐席说话不足 {} 秒", "the agent speaks for less than {} s"), ("每分钟 {} 字，要求 {}–{} 字", "{} characters a minute, wanted {}–{}"),
    ("客户 {} 字，相差 {} 字", "the customer {}, difference {}"), ("打断客户 {} 次，上限 {} 次", "{} interruptions, limit {}"),
    ("抢话 {} 秒，客户停下了", "spoke over the customer for {} s, who stopped"), ("抢话 {} 秒，客户继续说", "spoke over the customer for {} s, who went on"),
    ("最长静默 {} 秒，上限 {} 秒", "longest silence {} s, limit {} s"), ("静默占全程 {}%", "silence is {} % of the call"),
    ("客户说话占 {}%，坐席占 {}%", "the customer speaks {} %, the agent {} %"), ("客户没有提问", "the customer asked nothing"),
    ("{} 次提问，回答间隔中位数 {} 秒，上限 {} 秒", "{} questions, median time to the answer {} s, limit {} s"), ("等了 {} 秒", "waited {} s"),
    ("没有足够的音量数据", "too little is known of the level"), ("没有音高数据", "the pitch is not known"), ("没有通话时长", "the length of the call is not known"),
    ("与自身中位音量最多相差 {} dB，上限 ±{} dB", "at most {} dB from the own median level, limit ±{} dB"), ("相差 {} dB", "{} dB apart"),
    ("音高起伏 {} 个半音，平淡（界线 {}）", "pitch spreads over {} semitones: flat (line at {})"),
    ("音高起伏 {} 个半音，有起伏（界线 {}）", "pitch spreads over {} semitones: lively (line at {})"),
    ("{} 秒，目标 {} 秒，上限 {} 秒", "{} s, aim {} s, limit {} s"),
    ("客户的话清楚可辨，坐席却说听不到（{} 处）", "the customer is clearly heard, yet the agent says they cannot hear ({} times)"),
    ("语义模型", "trained layer"), ("{}：{}", "{}: {}"))


class Translator:
    """Sentences by patterns; `named` has names that may stand in the place of a {}. `of` gives the English of a sentence, or the sentence
    itself where no pattern fits."""

    def __init__(self, patterns: Sequence[tuple[str, str]], named: Mapping[str, str] = EMPTY) -> None:
        self._exact = {**named, **{chinese: english for chinese, english in patterns if "{}" not in chinese}}
        # The most particular first; a reason's parts are told apart by ；, which no figure or name holds.
        self._shaped: list[tuple[Callable[[str], re.Match[str] | None], str]] = [
            (re.compile("([^；]+?)".join(map(re.escape, chinese.split("{}")))).fullmatch, english)
            for chinese, english in sorted(patterns, key=lambda pair: -len(pair[0].replace("{}", ""))) if "{}" in chinese]
        self.of = lru_cache(maxsize=1 << 13)(self._of)

    def _of(self, text: str) -> str:
        if known := self._exact.get(text):
            return known
        for fits, english in self._shaped:
            if found := fits(text):
                told = english.format(*map(self._of, found.groups()))
                return re.sub(rf"\b1 ({COUNTED})\b", lambda one: one[0].removesuffix("s"), told)
        for mark, between in (("；", "; "), ("、", ", ")):
            if mark in text:
                return between.join(map(self._of, text.split(mark)))
        return text


class Reasons(Translator):
    """Puts reasons and notes of evidence into English; `titles` gives the Chinese and English title of rules by id."""

    def __init__(self, titles: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(PATTERNS, dict(titles.values()))
        self.titles = titles

    def item(self, line: Item, draft: Draft) -> str:
        """A line's reason from its rules' findings, as the scorecard put it together in Chinese."""
        findings = {one.rule: one for one in draft.findings if one.rule in line.rules}
        if not findings or not line.reason:
            return self.of(line.reason)
        applying = [findings[rule] for rule in line.rules if rule in findings and findings[rule].verdict != "not_applicable"]
        if applying:
            return "; ".join(map(self._said, applying))
        return "; ".join(dict.fromkeys(self.of(one.reason) for one in findings.values() if one.reason))

    def _said(self, one: Finding) -> str:
        title = self.titles.get(one.rule, ("", one.rule))[1]
        plain = PLAIN.get((one.verdict, one.reason))
        if plain is None and one.verdict == "fail" and one.reason.removesuffix(" 处").isdigit():
            plain = self.of(one.reason)
        told = f" ({self.of(one.reason)})" if one.reason else ""
        return f"{title}: {plain or VERDICTS.get(one.verdict, one.verdict) + told}"
