"""Words of the pages of the appraisal and of the sampling plan."""
from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "appraisal": ("绩效", "appraisal"), "appraisal_month": ("{} 月度绩效", "appraisal {}"), "month": ("月份", "month"), "show": ("查看", "show"),
    "assessment": ("考核", "assessment"), "monitoring": ("监听", "monitoring"), "monthly_result": ("绩效", "result"), "grade": ("等级", "grade"),
    "complaints_of_month": ("投诉", "complaints"), "bonus": ("奖金", "bonus"), "talk_points": ("通话时长", "talk time"),
    "volume_points": ("话务量", "volume"), "points_sum": ("得分", "points"), "to_note": ("注意", "to note"),
    "grades_spread": ("等级分布", "grades"), "expected": ("应为", "expected"), "outside": ("不在范围", "outside"), "people_count": ("人数", "agents"),
    "share_word": ("占比", "share"), "complaint_indicators": ("投诉指标", "complaint indicators"), "indicator": ("指标", "indicator"),
    "target": ("目标", "target"), "met": ("达标", "met"), "not_met": ("未达标", "not met"), "tier": ("客户级别", "tier"), "case_count": ("个案", "cases"),
    "work_order": ("工单", "work order"), "hours": ("小时", "hours"), "refused_rows": ("未采用的行", "rows that could not be used"),
    "files_note": ("考核、话务量、工单等文件放在 {} 下；现有：{}", "Files of assessments, volumes and work orders lie in {}; there: {}"),
    "no_files": ("无", "none"), "rests_on": ("依据", "what it rests on"), "figure_word": ("指标", "figure"), "counts": ("计入", "counts"),
    "not_counted": ("不计", "not counted"), "calls_of_month": ("当月通话 {} 通，平均 {} 秒", "{} calls in the month, {} s on average"),
    "worked_out": ("计算", "worked out"), "nobody_appraised": ("这个月没有可评的人", "nobody to appraise in this month"),
    "sample": ("抽样", "sample"), "sample_plan": ("抽样计划 {}", "sampling plan {}"), "to_hear": ("应听", "to hear"), "heard": ("已听", "heard"),
    "short": ("还差", "short"), "risk_heard": ("风险录音", "risk-picked"), "monitor": ("监听人", "monitor"), "overdue": ("逾期", "overdue"),
    "planned": ("分配", "planned"), "sample_sum": ("随机录音应听 {}，已听 {}，还差 {}。", "{} random calls to hear, {} heard, {} short."),
    "sample_seed": ("种子 {}，总体校验码 {}：据此可重抽出同一计划。", "Seed {}, calls with SHA-256 {}: both give this plan again."),
    "no_plan": ("还没有抽样计划。tingjian sample --workspace … --into-queue 生成并保存。", "No plan is kept yet: tingjian sample --workspace … --into-queue makes one."),
    "why_more": ("多听的原因", "more, because"), "still_to_hear": ("还没听的", "still to hear"), "picked_as": ("抽取方式", "picked"), "check_on": ("应在", "check on"),
    "estimates": ("由样本推算全部通话", "what the heard calls say of all"), "estimates_note": (
        "按抽中机会加权，风险录音各按一通计，挑选不造成偏差；括号内为 95% 区间。",
        "Weighed by chance, risk-picked calls by 1, so choosing biases nothing; in brackets the 95 % interval."),
    "estimate": ("推算", "estimate"), "from_calls": ("依据通数", "from calls"), "random_alone": ("仅随机录音", "random calls alone"),
    "picked_random": ("随机", "random"), "picked_risk": ("风险", "risk"), "picked_line": ("补业务", "line"),
}
