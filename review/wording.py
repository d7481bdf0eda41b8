"""What the pages, workbooks and the terminal call things, in Chinese and English."""
from __future__ import annotations

from datetime import datetime
from typing import Literal

Language = Literal["zh", "en"]

WORDS: dict[str, tuple[str, str]] = {
    "pass": ("通过", "pass"), "fail": ("不通过", "fail"), "not_applicable": ("不适用", "n/a"),
    "needs_review": ("待复核", "to review"), "found": ("有", "found"), "none": ("无", "none"),
    "excellent": ("优秀", "excellent"), "good": ("良好", "good"),
    "needs_improvement": ("需改进", "needs improvement"), "below_standard": ("未达标", "below standard"),
    "agent": ("坐席", "agent"), "customer": ("客户", "customer"), "unknown": ("未知", "unknown"),
    "ivr": ("语音播报", "announcement"), "auto": ("自动", "auto"), "assist": ("辅助", "assisted"),
    "human": ("人工", "human"), "exact": ("原词", "exact"), "homophone": ("同音", "by sound"),
    "pattern": ("句式", "pattern"), "timing": ("时间", "timing"), "metadata": ("话单", "metadata"),
    "inbound": ("呼入", "inbound"), "outbound": ("呼出", "outbound"), "complaint": ("投诉", "complaint"),
    "draft": ("草稿", "draft"), "true": ("是", "yes"), "false": ("否", "no"), "call": ("通话", "call"),
    "rule_title": ("规则名称", "title"), "other_findings": ("其他规则结果", "other findings"),
    "taboos": ("服务禁忌", "taboos"), "taboos_hit": ("触犯服务禁忌", "taboos broken"), "overview": ("通话一览", "calls"),
    "filter": ("筛选：工号、姓名、班组、禁忌……", "filter: agent, team, taboo …"), "to_judge": ("人工评定", "for a person"),
    "not_done": ("未能处理的录音", "recordings that could not be done"), "length": ("时长", "length"),
    "open_share": ("待人工分值", "points open"), "back": ("通话一览", "all calls"), "sort_note": ("点表头排序，点通话编号打开", "click a heading to sort, a call to open it"),
    "card": ("评分草稿", "draft scorecard"), "score": ("得分", "score"), "band": ("等级", "band"),
    "fatal": ("致命项", "fatal"), "items": ("评分项", "items"), "findings": ("规则结果", "findings"),
    "transcript": ("通话文本", "transcript"), "points": ("分数", "points"),
    "confidence": ("把握", "confidence"), "evidence": ("依据", "evidence"), "rule": ("规则", "rule"), "by_layer": ("语义模型", "trained layer"), "broken": ("触犯", "broken"),
    "more": ("… 另有 {} 处", "… {} more"), "times": ("{} 处", "{} ×"), "coach": ("辅导", "coach"),
    "verdict": ("结论", "verdict"), "reason": ("理由", "reason"), "section": ("类别", "section"),
    "title": ("项目", "item"), "summary": ("汇总", "summary"), "mode": ("方式", "mode"),
    "call_id": ("通话编号", "call"), "agent_id": ("工号", "agent id"), "agent_name": ("坐席姓名", "agent"),
    "team": ("班组", "team"), "line": ("业务", "line"), "direction": ("方向", "direction"),
    "started_at": ("开始时间", "started at"), "duration": ("时长（秒）", "seconds"), "form": ("评分表", "form"),
    "review_items": ("待复核项", "to review"), "failed_items": ("不通过项", "failed items"),
    "max_points": ("满分", "of"), "value": ("数值", "value"), "customer_name": ("客户", "customer"),
    "organisation": ("单位", "organisation"), "play": ("播放", "play"), "pause": ("暂停", "pause"),
    "silence": ("静音", "silence"), "no_sound": ("录音不在原处，无法播放", "the recording is gone: no sound"),
    "keys": ("空格 播放／暂停 · ← → 五秒 · ↑ ↓ 上一句／下一句", "space play/pause · ← → 5 s · ↑ ↓ previous/next turn"),
    "open_points": ("分待人工评定，得分只按其余各项折算", "points wait for a person; the score is that of the other items"),
    "draft_note": ("机器预填的草稿，经人工确认后才生效", "prefilled by rules; counts only once a person has confirmed it"),
    "all_passed": ("其余规则均通过或不适用", "all other rules passed or do not apply"),
    "backtest": ("规则回测", "rules on trial"), "pack": ("新规则", "changed rules"), "workspace": ("工作区", "workspace"),
    "since": ("起始日期", "since"), "calls": ("通话", "calls"), "calls_changed": ("有变化的通话", "calls that change"),
    "findings_changed": ("规则结果变化", "findings that change"), "up": ("得分上升", "score up"),
    "down": ("得分下降", "score down"), "mean": ("平均分", "mean score"), "newly_fatal": ("新增致命", "newly fatal"),
    "no_longer_fatal": ("不再致命", "no longer fatal"), "other_form": ("换了评分表", "on another form"),
    "undated": ("无日期未计入", "without a day, left out"), "no_rule": ("无此规则", "no such rule"),
    "not_scored": ("未评分", "not scored"), "by_rule": ("按规则", "by rule"), "by_agent": ("按坐席", "by agent"),
    "shifted": ("得分变动最大的通话", "calls whose score moves most"), "bands_moved": ("等级变动", "bands that change"),
    "hits": ("命中通话", "calls hit"), "before": ("现行", "now"), "after": ("改后", "changed"), "change": ("变化", "change"),
    "no_change": ("没有任何变化", "nothing changes"), "no_agent": ("未注明坐席", "no agent named"), "call_count": ("通话数", "calls"),
    "measured": ("次数或数值", "count or value"), "shift": ("变动", "moves"), "examples": ("例子", "examples"),
    "backtest_note": ("只比较，不改动任何已存结果；命中＝检查项不通过、禁语出现或信号出现",
                      "a comparison only: no stored result is touched; a hit is a rule that fails or a signal that is found"),
    "removed": ("已剔除文本", "text removed"), "measures": ("语音指标（在范围内）", "voice and time, within limits"),
    "time": ("时间", "time"), "channel": ("声道", "channel"), "left": ("左", "left"), "right": ("右", "right"),
    "removed_no_voice": ("无人声处", "no voice there"), "removed_loop": ("循环重复", "a loop"),
    "removed_guess": ("识别器自己也不信", "a guess"), "removed_foreign": ("外文", "another language"),
    "removed_impossible_rate": ("快得不可能", "faster than speech"), "removed_after_voice": ("话音已落", "after the voice"),
    "removed_bleed": ("对方声道串音", "the other channel leaking in"), "removed_subtitle": ("字幕套话", "a subtitle phrase"),
    "removed_music": ("等待音乐", "hold music"), "removed_boilerplate": ("英文套话", "boilerplate"), "removed_prompt": ("提示词回声", "the prompt echoed"),
    "removed_note": ("识别后被判为凭空生成而剔除，留作核查", "taken out after recognition as invented; kept for audit"),
}


def say(word: str | None, language: Language = "zh") -> str:
    """A word of the records in the reader's language; what has no translation stays as it is."""
    if word is None:
        return ""
    pair = WORDS.get(word)
    return pair[language == "en"] if pair else word


def clock(seconds: float | None) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on; empty for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(max(int(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def moment(started_at: str | None) -> str:
    """The local day and minute, 2026-11-20 09:12; what is no ISO 8601 stays as it was delivered."""
    try:
        return f"{datetime.fromisoformat(started_at or ''):%Y-%m-%d %H:%M}"
    except ValueError:
        return started_at or ""


def number(value: float | None) -> str:
    """91.5, 8, and nothing for None."""
    return "" if value is None else f"{value:g}"
