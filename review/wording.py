"""What the pages, workbooks and the terminal call things, in Chinese and English."""
from __future__ import annotations

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
    "rule_title": ("规则名称", "title"),
    "card": ("评分草稿", "draft scorecard"), "score": ("得分", "score"), "band": ("等级", "band"),
    "fatal": ("致命项", "fatal"), "items": ("评分项", "items"), "findings": ("规则结果", "findings"),
    "transcript": ("通话文本", "transcript"), "points": ("分数", "points"),
    "confidence": ("把握", "confidence"), "evidence": ("依据", "evidence"), "rule": ("规则", "rule"),
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
    "removed": ("已剔除文本", "text removed"),
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


def number(value: float | None) -> str:
    """91.5, 8, and nothing for None."""
    return "" if value is None else f"{value:g}"
