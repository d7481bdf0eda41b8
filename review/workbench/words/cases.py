"""Words of the case library, the week's problems and the audits."""
from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "cases": ("案例库", "Cases"), "week_problems": ("本周共性问题", "This week's problems"), "keep_case": ("存为案例", "Keep as a case"),
    "good_case": ("好案例", "Good example"), "bad_case": ("差案例", "Bad example"),
    "case_kind": ("好或差", "Kind"), "case_rule": ("规则", "Rule"), "case_tag": ("标签", "Tag"), "tags": ("标签", "Tags"),
    "tags_hint": ("用空格分开，如：安抚 新人培训", "parted by blanks"), "case_title": ("标题", "Title"), "case_why": ("为什么值得听", "Why it is worth hearing"),
    "from_turn": ("从这句", "From"), "to_turn": ("到这句", "To"), "whole_call": ("整通", "the whole call"),
    "share_all": ("给所有坐席看（隐去姓名和工号）", "Share with all agents (without names)"), "case_shared": ("全员可见", "shared"),
    "share": ("公开给全员", "Share with all"), "unshare": ("改为内部", "No longer share"), "withdraw": ("撤下", "Withdraw"),
    "no_cases": ("还没有这样的案例。在通话页点“存为案例”。", "No such cases yet. Choose “Keep as a case” on a call's page."),
    "no_cases_shared": ("还没有公开的案例。", "No cases have been shared yet."),
    "kept_by": ("收录", "Kept by"), "clip_of": ("片段", "Clip"),
    "case_note": ("个人信息在文字和录音里都已遮住。", "Personal data are hidden in the words and under a tone."),
    "likely_rules": ("这通不通过的规则", "Rules that failed here"), "other_rules": ("其他规则", "Other rules"), "no_rule": ("不限规则", "no rule"),
    "week_note": ("{} 起一周公布的评分，不含姓名；包括按风险挑出的通话，所以比例偏高，重在看哪一项。", "Cards published in the week of {}, without names. Risk-picked calls are in, so shares are high: look at which, not at how many."),
    "failed_calls": ("不通过", "Failed"), "week_before": ("上周", "Week before"), "change": ("变化", "Change"), "how_to_say": ("怎样说更好", "How to say it"),
    "examples": ("案例", "Examples"), "no_failures": ("这一周没有不通过的项。", "Nothing failed this week."), "earlier_week": ("上一周", "week before"),
    "later_week": ("下一周", "next week"),
    "audit_note": ("同一问题、不同坐席、不同月份：挑一项，对照各人各月的不通过，打开通话核对大家的尺度是否一致。近六个月。", "Same problem, different agents and months: choose an item, compare, and open the calls to see whether all measure alike. Last six months."),
    "audit_item": ("问题（评分项）", "Problem (item)"), "all_agents": ("全部", "All"), "audit_calls": ("不通过的通话", "Calls on which it failed"),
    "no_audit": ("近六个月还没有评过的通话。", "No reviewed calls in the last six months."),
    "case.kept": ("收录案例", "kept a case"), "case.seen": ("查看案例", "saw a case"), "case.heard": ("听案例", "heard a case"),
    "case.shared": ("公开案例", "shared a case"), "case.unshared": ("案例改为内部", "unshared a case"), "case.withdrawn": ("撤下案例", "withdrew a case"),
}
