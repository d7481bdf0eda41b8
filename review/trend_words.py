"""The words of trends and reports in Chinese and English; what is not here is looked up in review/wording.py."""
from __future__ import annotations

from review.wording import Language
from review.wording import say as say_elsewhere

WORDS: dict[str, tuple[str, str]] = {
    "trends": ("趋势", "Trends"), "day": ("日", "Day"), "week": ("周", "Week"), "month": ("月", "Month"), "period": ("周期", "Period"),
    "group": ("分组", "Group"), "team": ("班组", "Team"), "agent": ("坐席", "Agent"), "line": ("业务", "Line"), "tier": ("客户等级", "Tier"),
    "calls": ("通话", "Calls"), "with_it": ("含此项", "With it"), "hits": ("次数", "Hits"), "per_thousand": ("每千通", "Per 1,000 calls"),
    "interval": ("95% 区间", "95 % interval"), "hits_a_call": ("每通次数", "Hits a call"), "before": ("上期每千通", "Before"),
    "ratio": ("倍数", "Times"), "h": ("效应量 h", "Cohen's h"), "q": ("校正后 q", "Adjusted q"), "p": ("p", "p"), "change": ("变化", "Change"),
    "up": ("上升", "up"), "down": ("下降", "down"), "same": ("无显著变化", "no change"), "few": ("通话太少", "too few"),
    "first": ("首期", "first"),
    "new": ("新出现", "new"), "examples": ("可听的通话", "Calls to hear"), "partial": ("未满", "not over"),
    "not_told": ("（未注明）", "(not told)"), "together": ("同时出现", "Together with"), "low_score": ("低分（<80）", "score under 80"),
    "complaint": ("投诉", "complaint"), "long_call": ("超过 5 分钟", "over 5 minutes"), "share": ("占比", "Share"), "usual": ("总体占比", "Of all calls"),
    "lift": ("提升度", "Lift"), "rising": ("新升话术", "Phrases that rose"), "phrase": ("话术", "Phrase"), "now": ("本期通话", "Calls now"),
    "then": ("之前通话", "Calls before"), "variants": ("同类说法", "Also said"), "z": ("z", "z"), "what_changed": ("规则变化", "Rules that changed"),
    "said_by_customer": ("客户所说", "said by customers"), "said_by_agent": ("坐席所说", "said by agents"), "said_by_any": ("双方所说", "said by either"),
    "no_rise": ("没有显著上升的话术。", "No phrase rose beyond chance."), "nothing_changed": ("没有显著变化的规则。", "No rule changed beyond chance."),
    "trend_note": ("灰色为 95% 区间；只有双方周期各不少于 30 通、经多重比较校正后仍显著（q<0.05）且相差 1.2 倍以上，才算变化。",
                   "Grey: 95 % interval. A change is told only where both periods have 30 calls, it survives the correction (q < 0.05) and is 1.2 times or more."),
    "change_note": ("双方周期各不少于 30 通、经多重比较校正后仍显著（q<0.05）且相差 1.2 倍以上，才算变化。",
                    "A change is told only where both periods have 30 calls, it survives the correction (q < 0.05) and is 1.2 times or more."),
    "lift_note": ("提升度：含此项的通话中，该结果是总体的几倍；不说明因果。", "Lift: how many times as often as in all calls; it says nothing of causes."),
    "rising_note": ("按通话计数，与之前几期比较；个人信息已排除。", "Counted by calls, against the periods before; personal data left out."),
    "click_point": ("点数据点，看背后的通话。", "Click a point to see the calls behind it."), "all_rules": ("全部规则", "All rules"),
    "by_sound": ("含同音", "by sound too"), "show": ("查看", "Show"), "what": ("看什么", "What"), "by_what": ("按什么分", "By"),
    "phrase_or_rule": ("规则或话术", "Rule or phrase"), "words_said": ("说了什么", "Words said"), "who_said": ("谁说的", "Who"),
    "no_calls_there": ("这段时间没有通话。", "No calls in these days."), "more_rows": ("另有 {} 行没有显著变化", "{} more rows without a change"),
    "any": ("双方", "either"), "whole_centre": ("全中心", "The centre"), "series_hidden": ("图例中可打开其余分组", "Others can be switched on in the legend"),
    # reports
    "daily": ("质检日报", "Daily report"), "weekly": ("质检周报", "Weekly report"), "monthly": ("质检月报", "Monthly report"),
    "centre": ("全中心", "The centre"), "mean_score": ("平均机评分", "Mean draft score"), "mean_talk": ("平均时长（秒）", "Mean length (s)"),
    "low_share": ("低分率", "Under 80"), "fatal_calls": ("致命项通话", "Fatal calls"), "complaint_calls": ("投诉通话", "Complaints"),
    "to_act": ("明天要处理的通话", "To act on tomorrow"), "why": ("为什么", "Why"), "common": ("共性问题", "Common problems"),
    "problem": ("问题", "Problem"), "say_instead": ("怎么说更好", "Say instead"), "by_team": ("各班组", "By team"), "by_agent": ("各坐席", "By agent"),
    "volume": ("通话量与平均分", "Calls and mean score"), "bands": ("等级分布", "Bands"), "draft_based": ("按机器草稿统计；人工确认的结果见工作台看板。",
                   "From the machine's drafts; what people confirmed is on the workbench's dashboard."),
    "vs_before": ("上期", "before:"), "vs_week_ago": ("上周同日", "a week ago:"), "none_to_act": ("没有要处理的通话。", "Nothing to act on."), "made_at": ("制作于", "made"),
    "worst_items": ("失分最多的规则", "Rules broken most"), "silence": ("长静默", "long silence"), "figures": ("主要数字", "Main figures"),
    "need": ("需要什么", "Who needs what"), "top_problem": ("最突出的问题", "Foremost problem"), "times_of_centre": ("为其余的倍数", "Times the rest"),
}


def say(word: str | None, language: Language = "zh") -> str:
    """A word in the reader's language; what has no translation stays as it is."""
    pair = WORDS.get(word or "")
    return pair[language == "en"] if pair else say_elsewhere(word, language)
