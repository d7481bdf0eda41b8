"""A rule in plain words, for the QC lead who reads, checks and changes it: `tingjian rules show`.

Chinese first, English second. Beside every heading stands the field of the rule file that it comes from.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from rules.schema import Anchor, Condition, Decide, Example, Override, Part, Rule, Span, Unless, Where
from rules.slots import NAMES

if TYPE_CHECKING:
    from rules.learnt import Learnt

Language = Literal["zh", "en"]

KINDS = {"check": ("检查项", "check"), "taboo": ("服务禁忌", "taboo"), "signal": ("信号", "signal")}
WHO = {"agent": ("坐席", "agent"), "customer": ("客户", "customer"), "any": ("双方", "either side")}
STATUS = {"experimental": ("试行", "experimental"), "stable": ("启用", "stable"), "deprecated": ("停用中", "deprecated")}
SEVERITY = {"minor": ("轻微", "minor"), "major": ("一般", "major"), "fatal": ("致命", "fatal")}
SOURCES = {
    "S0": ("呼叫中心监控、考核与服务技能手册", "monitoring and service-skill handbook"),
    "S1": ("客服岗位职责与流程", "customer-service duties and procedures"),
    "S2": ("电话客服技巧", "telephone technique"), "S3": ("运营商呼叫中心运营手册", "operation manual of a carrier's centre"),
    "S4": ("投诉处理培训", "complaint-handling training")}
SLOTS = {
    "organisation": ("单位名称（通话自带，或设置 scoring.organisations）", "a name the agent answers for"),
    "staff_number": ("工号，如 8023", "staff number, 8023"), "staff_name": ("坐席姓名，如 小李、王芳", "the agent's name, 小李"),
    "customer_name": ("客户姓名，如 王、王建国", "the customer's name, 王建国"), "duration": ("时长，如 两三分钟、48小时", "a length, 两三分钟"),
    "date": ("日期，如 明天、11月3号", "a date, 明天"), "phone": ("电话号码，如 13800138000", "a phone number"),
    "number": ("数字", "any number"), "title": ("称谓，如 先生、女士、老师", "a form of address, 先生")}
VERDICTS = {"pass": ("通过", "pass"), "fail": ("不通过", "fail"), "not_applicable": ("不适用", "n/a"),
            "needs_review": ("待复核", "to review"), "found": ("有", "found"), "none": ("无", "none")}
OPERATORS = {
    "metadata_at_most": "话单里的一个数值不超过上限", "metadata_equals": "话单里的一个字段是指定的值之一",
    "long_silence": "超过上限的静默；事先请客户等待或事后致谢的不算",
    "together": "几条规则里做到几条", "both_speak": "双方都听得见", "holds": "找出每次请客户等待：请求、答应、中间告知、返回",
    "hold_permission": "每次等待都是征求同意，而不是通知", "hold_consent": "每次等待，客户在静默之前都答应了",
    "hold_reason": "每次等待都说明了原因和时长", "hold_check_back": "长时间等待中，坐席隔一会儿回来告知一次",
    "hold_return": "每次等待回来，都感谢或致歉", "unannounced_silence": "没有打招呼就长时间没有声音",
    "transfer": "说明了转到哪里或为什么转，客户也同意了", "name_asked": "不知道客户姓名时问了",
    "name_used": "有几句话用姓名称呼了客户", "name_wrong": "叫成别的姓，或称呼与性别不符",
    "identity_asked": "先核实是不是本人，并等对方回答", "introduced": "对方确认身份后再自我介绍",
    "purpose_said": "说明来电目的，或直接进入正题", "fits_the_day": "休息日、节假日的问候与当天相符",
    "silent_call": "无人应答：重复问候、无声话术、道别", "unclear_call": "听不清客户时，请客户大声或换电话",
    "speaking_rate": "坐席说话时每分钟的字数", "interruption": "客户还在说，坐席就抢话的次数",
    "dead_air": "等待之外最长的静默，以及静默所占比例", "talk_share": "客户说话所占比例",
    "answer_time": "从客户问完到坐席开口的中位时间", "own_loudness": "音量与坐席自己的中位音量相差太多的话",
    "pitch_spread": "语调的起伏", "call_length": "通话时长（话单，或最后一句的时间）",
    "to_a_question": "只算回答客户提问时说的", "hang_up": "扬言挂机，或打断还没说完的客户",
    "personal_numbers": "读出完整的个人号码（分段读也算）", "refusal_sandwich": "拒绝的前后有理解和替代办法",
    "calm_answer": "对辱骂冷静应对，或转交班长", "pretend_deaf": "客户说得清楚，坐席却说听不见"}
"""What the operators decide, in Chinese; `does` in rules/operators/ says it in English."""
LEGEND = ("{甲|乙} 其中之一；[甲] 可有可无；… 中间最多隔 8 个字，…… 最多 20 个；=甲 语气词也要一致",
          "{a|b} one of these; [a] may be missing; … a gap of at most 8 characters, …… 20; =a particles count")


class Passage(NamedTuple):
    """A heading with the field it comes from, and its lines; a line may begin with blanks, two a level."""

    heading: str
    field: str
    lines: list[str]


class Told(NamedTuple):
    """What a description needs beside the rule: titles of the others, the operators' English, what the layer knows."""

    titles: Mapping[str, str]
    does: Mapping[str, str]
    learnt: Learnt | None = None


def describe(rule: Rule, told: Told, language: Language = "zh") -> Iterator[Passage]:
    """The rule, passage by passage, empty ones left out."""
    words = _Words(told, language)
    passages = (
        Passage(words("为什么", "why"), "why", [rule.why, *words.sources(rule.source)]),
        Passage(words("何时适用", "applies"), "applies, effective", list(words.applies(rule))),
        Passage(words("看谁、看哪里", "whose words, where"), "who, where", list(
            words.where(rule.where, rule.who, bool(rule.decide and rule.decide.operator) and not rule.where.model_fields_set))),
        Passage(words("找什么", "looked for"), "find", list(words.find(rule))),
        Passage(words("例外", "unless"), "unless", list(words.unless(rule.unless))),
        Passage(words("怎么判", "decided"), "decide", list(words.decide(rule))),
        Passage(words("数值", "limits"), "limits", list(words.limits(rule))),
        Passage(words("业务线与单位的不同", "lines, organisations"), "lines", list(words.overrides(rule))),
        Passage(words("语义模型", "trained layer"), "meaning", list(words.layer(rule))),
        Passage(words("辅导", "coach"), "coach", [rule.coach] if rule.coach else []),
        Passage(words("说明", "notes"), "notes", [rule.notes] if rule.notes else []),
        Passage(words("例句", "examples"), "examples", list(words.examples(rule))))
    return (passage for passage in passages if passage.lines)


def headline(rule: Rule, language: Language = "zh") -> str:
    """`检查项 · 坐席 · 一般 · 启用`."""
    pairs = (KINDS[rule.kind], WHO[rule.who], SEVERITY[rule.severity], STATUS[rule.status])
    return " · ".join(pair[language == "en"] for pair in pairs)


class _Words:
    """Sentences about the parts of a rule, in one language."""

    def __init__(self, told: Told, language: Language) -> None:
        self.told, self.english = told, language == "en"

    def __call__(self, chinese: str, english: str) -> str:
        return english if self.english else chinese

    def of(self, table: Mapping[str, tuple[str, str]], word: str) -> str:
        pair = table.get(word)
        return pair[self.english] if pair else word

    def rule(self, rule: str) -> str:
        """`请客户等待 hold.request`."""
        return f"{self.told.titles.get(rule, '?')} {rule}"

    def sources(self, sources: list[str]) -> list[str]:
        named = [f"{one} {self.of(SOURCES, one)}" if one in SOURCES else one for one in sources]
        return [self("出处：", "source: ") + self("；", "; ").join(named)] if named else []

    # when and where
    def applies(self, rule: Rule) -> Iterator[str]:
        since, until = rule.effective.since, rule.effective.until
        if since:
            yield self(f"通话日期在 {since} 及以后", f"calls of {since} and later")
        if until:
            yield self(f"通话日期在 {until} 及以前", f"calls of {until} and earlier")
        for condition in rule.applies:
            yield self._condition(condition)

    def _condition(self, one: Condition) -> str:
        needs = []
        if one.direction:
            needs.append(self("只查呼出", "outbound only") if one.direction == "outbound" else self("只查呼入", "inbound only"))
        if one.has:
            needs.append(self(f"话单里要有 {'、'.join(one.has)}", f"needs {', '.join(one.has)} of the metadata"))
        if one.times:
            needs.append(self("要有每句话的时间", "needs the turns' times"))
        if one.rule:
            verdicts = "、".join(self.of(VERDICTS, verdict) for verdict in one.verdict or ("pass", "found"))
            needs.append(self(f"{self.rule(one.rule)} 的结论是 {verdicts}", f"{self.rule(one.rule)} comes out as {verdicts}"))
        if one.operator:
            needs.append(self._operator(one.operator))
        told = "；".join(needs)
        return told + (self(f"（否则：{one.reason}）", f" (else: {one.reason})") if one.reason else "")

    def where(self, where: Where, who: str, operated: bool = False) -> Iterator[str]:
        """The window; `operated`: an operator decides and no window is given."""
        speaker = self.of(WHO, who) if not self.english or who == "any" else f"the {who}"
        if where.window == "opening":
            yield self(f"{speaker}的前两句；有时间信息时，还须在开口后 15 秒之内",
                       f"the first 2 turns of {speaker}, within 15 s of the first word when times are known")
        elif where.window == "closing":
            yield self(f"{speaker}的最后三句", f"the last 3 turns of {speaker}")
        for name, span in (("first", where.first), ("last", where.last)):
            if span:
                side = self("开头", "first") if name == "first" else self("最后", "last")
                yield self(f"{speaker}{side}{self._span(span)}", f"the {side} {self._span(span)} of {speaker}")
        for side, anchor in (("after", where.after), ("before", where.before), ("around", where.around)):
            if anchor:
                yield self._anchor(side, anchor)
        if operated:
            yield self(f"{speaker}说的话；看哪几句由判断方法决定", f"the words of {speaker}; the way of deciding knows where")
        elif not where.model_fields_set or where.window == "anywhere":
            yield self(f"全程{speaker}说的话", f"anything {speaker} says")

    def _span(self, span: Span) -> str:
        parts = []
        if span.turns is not None:
            parts.append(self(f"{span.turns} 句", f"{span.turns} turns"))
        if span.seconds is not None:
            parts.append(self(f"{span.seconds:g} 秒", f"{span.seconds:g} s"))
        return self("且", " and ").join(parts) + self("之内", "")

    def _anchor(self, side: str, anchor: Anchor) -> str:
        which = {"first": ("第一次", "the first"), "last": ("最后一次", "the last"), "any": ("任一次", "any"), "every": ("每一次", "every")}
        hit = self.of(which, anchor.hit) if isinstance(anchor.hit, str) else self(f"第 {anchor.hit} 次", f"the {_ordinal(anchor.hit)}")
        place = {"after": ("之后", "after"), "before": ("之前", "before"), "around": ("前后", "around")}
        span = self(f" {self._span(anchor.within)}", f", within {self._span(anchor.within)}") if anchor.within else ""
        own = "" if anchor.same_turn else self("（不含那一句本身）", " (not in that very turn)")
        return self(f"{self.rule(anchor.rule)} {hit}{self.of(place, side)}{span}{own}",
                    f"{self.of(place, side)} {hit} hit of {self.rule(anchor.rule)}{span}{own}")

    # what
    def find(self, rule: Rule) -> Iterator[str]:
        if rule.find is None:
            return
        yield from self._part(rule.find, 0)
        slots = sorted(slot for slot in NAMES if f"{{{slot}}}" in str(rule.find) or f"'{slot}'" in str(rule.find))
        if slots:
            yield self("其中：", "where")
            yield from (f"  {{{slot}}} {self.of(SLOTS, slot)}" for slot in slots)
        if _has_phrases(rule.find):
            yield self.of({"": LEGEND}, "")

    def _part(self, part: Part, level: int) -> Iterator[str]:
        pad, traits = "  " * level, list(self._traits(part))
        named = " ".join(filter(None, (part.name or "", self(f"（{'；'.join(traits)}）", f"({', '.join(traits)})") if traits else "")))
        if part.any or part.all or part.none:
            for children, how in ((part.any, self._at_least(part)), (part.all, self("都要有：", "all of")),
                                  (part.none, self("不能有：", "none of"))):
                if children:
                    yield f"{pad}{named}{' ' if named else ''}{how}"
                    for child in children:
                        yield from self._part(child, level + 1)
            return
        if named:
            yield pad + named
            pad += "  "
        yield from (f"{pad}{phrase}" for phrase in part.phrases)
        if part.slots:
            yield pad + self("出现：", "a value of ") + "、".join(f"{{{slot}}}" for slot in part.slots)
        if part.regex:
            yield pad + self("正则：", "regex ") + part.regex
        if part.words:
            yield pad + self("词语句式（先要有：", "word patterns (where there is ") + "、".join(part.candidates) + self("）", ")")
            yield from (f"{pad}  {pattern}" for pattern in part.words)

    def _at_least(self, part: Part) -> str:
        if part.at_least and part.at_least > 1:
            return self(f"至少有其中 {part.at_least} 项：", f"at least {part.at_least} of")
        return self("有其一即可：", "any of")

    def _traits(self, part: Part) -> Iterator[str]:
        if part.weak:
            yield self("弱说法，得一半分", "weak: half points")
        if part.confidence is not None:
            yield self(f"把握 {part.confidence:g}", f"{part.confidence:g} sure")
        if part.who:
            yield self(f"由{self.of(WHO, part.who)}说", f"said by {self.of(WHO, part.who)}")
        if not part.sounds and part.phrases:
            yield self("不按读音找", "not by sound")

    def unless(self, unless: Unless) -> Iterator[str]:
        flags = ((unless.quoted, "是转述别人的话（您说、所谓、引号里）", "quoted: 您说, 所谓, quotation marks"),
                 (unless.negated, "前面有否定（不、没、别、无需）", "negated: 不, 没, 别, 无需"),
                 (unless.question, "是在提问（吗、呢、没有、？）", "part of a question"))
        yield from (self(chinese, english) for holds, chinese, english in flags if holds)
        listed = ((unless.before, "前面有：", "before it: "), (unless.after, "后面或其中有：", "after or inside it: "),
                  (unless.turn, "同一句里有：", "in its turn: "), (unless.previous, "上一句里有：", "in the turn before: "),
                  (unless.next, "下一句里有：", "in the turn after: "))
        yield from (self(chinese, english) + "、".join(phrases) for phrases, chinese, english in listed if phrases)
        if unless.hit_of:
            yield self("同一句也命中：", "its turn is a hit of ") + "、".join(map(self.rule, unless.hit_of))
        if repair := unless.repair:
            what = "、".join([*([self.rule(repair.rule)] if repair.rule else []), *repair.phrases])
            yield self(f"{self._span(repair.within)}补救了：{what}", f"taken back within {self._span(repair.within)} by {what}")

    # how
    def decide(self, rule: Rule) -> Iterator[str]:
        if rule.decide is None:
            told = {"check": ("找到一处就通过，找不到就不通过", "one hit passes, none fails"),
                    "taboo": ("出现一处就不通过，每处都是依据", "a hit fails, every hit is evidence"),
                    "signal": ("找到就报“有”，数值是次数", "a hit is found; the value is their number")}
            yield self.of(told, rule.kind)
            return
        yield self._decided(rule.decide)
        for name, value in rule.decide.params.items():
            values = value if isinstance(value, list) else [value]
            yield f"  {name}：" + "、".join(self.rule(one) if one in self.told.titles else str(one) for one in values)

    def _decided(self, how: Decide) -> str:
        if how.count:
            unit = self("句", "turns") if how.count.distinct == "turns" else self("处", "hits")
            parts = [self(f"至少 {how.count.at_least} {unit}", f"at least {how.count.at_least} {unit}")
                     if how.count.at_least is not None else "",
                     self(f"至多 {how.count.at_most} {unit}", f"at most {how.count.at_most} {unit}")
                     if how.count.at_most is not None else ""]
            return "，".join(filter(None, parts))
        if how.rate:
            review = self(f"，超过 {how.rate.review_from:g} 次请人复核", f", reviewed from {how.rate.review_from:g}") \
                if how.rate.review_from is not None else ""
            return self(f"每分钟至多 {how.rate.at_most:g} 次", f"at most {how.rate.at_most:g} a minute") + review
        if how.each:
            side = {"after": ("之后", "after"), "before": ("之前", "before"), "around": ("前后", "around")}
            return self(f"{self.rule(how.each.of)} 每出现一次，{self.of(side, how.each.side)} {self._span(how.each.within)}都要有",
                        f"one {self.of(side, how.each.side)} every hit of {self.rule(how.each.of)}, within "
                        f"{self._span(how.each.within)}")
        if how.sequence:
            steps = [self.rule(step.rule) + (f"（{self._span(step.within)}）" if step.within else "") for step in how.sequence]
            return self("依次：", "in this order: ") + " → ".join(steps)
        return self._operator(how.operator or "")

    def _operator(self, name: str) -> str:
        return (self.told.does.get(name, name) if self.english else OPERATORS.get(name, self.told.does.get(name, name))) \
            + f" [{name}]"

    def limits(self, rule: Rule) -> Iterator[str]:
        for name, value in rule.limits.items():
            yield f"{name} = {value:g}"
        if rule.limits:
            yield self(f"改数值：在 tingjian.toml 里写 [scoring.limits.\"{rule.id}\"]",
                       f"to change them: [scoring.limits.\"{rule.id}\"] in tingjian.toml")

    def overrides(self, rule: Rule) -> Iterator[str]:
        for scope, overrides in (self("业务线", "line"), rule.lines), (self("单位", "organisation"), rule.organisations):
            for name, override in overrides.items():
                yield f"{scope} {name}：{self._override(override, rule.who)}"

    def _override(self, override: Override, who: str) -> str:
        if not override.enabled:
            return self("不检查", "not checked")
        told = [f"{name} = {value:g}" for name, value in override.limits.items()]
        told += [self.of(SEVERITY, override.severity)] if override.severity else []
        told += list(self.where(override.where, who)) if override.where else []
        told += [self._decided(override.decide)] if override.decide else []
        return "；".join(told)

    def layer(self, rule: Rule) -> Iterator[str]:
        if rule.like:
            yield self("意思相近的说法：", "means the same: ") + "、".join(rule.like)
        if rule.unlike:
            yield self("看似相近、其实不算：", "only seems to: ") + "、".join(rule.unlike)
        known = self.told.learnt
        if known is None:
            yield self("不参与这条规则的判断", "not asked about this rule")
            return
        yield self(f"参与：换一种说法也能找到；一句话的概率到 {known.accept:.2f} 算命中，{known.doubt:.2f} 起请人复核",
                   f"asked: finds it in other words; a turn counts from probability {known.accept:.2f}, is reviewed from "
                   f"{known.doubt:.2f}")
        if known.sentences:
            yield self(f"学过 {known.sentences[0]} 句符合的、{known.sentences[1]} 句看似而不是的",
                       f"learnt from {known.sentences[0]} sentences that are it and {known.sentences[1]} that are not")
        for features, chinese, english in ((known.telling, "最能说明是：", "speaks for it: "),
                                           (known.against, "最能说明不是：", "speaks against it: ")):
            if features:
                yield self(chinese, english) + "、".join(features)

    def examples(self, rule: Rule) -> Iterator[str]:
        groups = {"signal": (("有", "found"), ("无", "none"))}.get(rule.kind, (("通过", "pass"), ("不通过", "fail")))
        for examples, (chinese, english) in ((rule.examples.passing, groups[0]), (rule.examples.failing, groups[1]),
                                             (rule.examples.known_miss, ("已知会判错", "known misses"))):
            if examples:
                yield self(chinese, english)
                for one in examples:
                    yield from (f"  {line}" for line in _said(one))


def _ordinal(number: int) -> str:
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10 * (number // 10 != 1), 'th')}"


def _has_phrases(part: Part) -> bool:
    return bool(part.phrases) or any(map(_has_phrases, (*part.any, *part.all, *part.none)))


def _said(example: str | Example) -> list[str]:
    """An example as lines: the other side's words around it and its metadata beside it; the first is marked."""
    if isinstance(example, str):
        return [f"· {example}"]
    lines = [line.strip() for line in example.say.splitlines() if line.strip()]
    if example.before:
        lines.insert(0, f"（对方：{example.before}）")
    if example.after:
        lines.append(f"（对方：{example.after}）")
    if example.call:
        lines.append("〔" + "，".join(f"{name} {value}" for name, value in example.call.items()) + "〕")
    return [f"{'·' if at == 0 else ' '} {line}" for at, line in enumerate(lines)]
