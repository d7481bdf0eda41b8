"""Words of the pages of the appraisal and of the sampling plan."""
from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "appraisal": ("绩效", "Appraisal"), "appraisal_month": ("{} 月度绩效", "Appraisal {}"), "month": ("月份", "Month"), "show": ("查看", "Show"),
    "assessment": ("考核", "Assessment"), "monitoring": ("监听", "Monitoring"), "monthly_result": ("绩效", "Result"), "grade": ("等级", "Grade"),
    "complaints_of_month": ("投诉", "Complaints"), "bonus": ("奖金", "Bonus"), "talk_points": ("通话时长", "Talk time"),
    "volume_points": ("话务量", "Volume"), "points_sum": ("得分", "Points"), "to_note": ("注意", "To note"),
    "grades_spread": ("等级分布", "Grades"), "expected": ("应为", "Expected"), "outside": ("不在范围", "outside"), "people_count": ("人数", "Agents"),
    "share_word": ("占比", "Share"), "complaint_indicators": ("投诉指标", "Complaint indicators"), "indicator": ("指标", "Indicator"),
    "target": ("目标", "Target"), "met": ("达标", "met"), "not_met": ("未达标", "not met"), "tier": ("客户级别", "Tier"), "case_count": ("个案", "Cases"),
    "tier_others": ("其他", "others"), "work_order": ("工单", "Work order"), "hours": ("小时", "Hours"), "refused_rows": ("未采用的行", "Rows that could not be used"),
    "files_note": ("考核、话务量、工单等文件放在 {} 下；现有：{}", "Files of assessments, volumes and work orders lie in {}; there: {}"),
    "no_files": ("无", "none"), "rests_on": ("依据", "What it rests on"), "figure_word": ("指标", "Figure"), "counts": ("计入", "counts"),
    "not_counted": ("不计", "not counted"), "calls_of_month": ("当月通话 {} 通，平均 {} 秒", "{} calls in the month, {} s on average"),
    "worked_out": ("计算", "Worked out"), "nobody_appraised": ("这个月没有可评的人", "Nobody to appraise in this month"),
    "sample": ("抽样", "Sample"), "sample_plan": ("抽样计划 {}", "Sampling plan {}"), "to_hear": ("应听", "To hear"), "heard": ("已听", "Heard"),
    "short": ("还差", "Short"), "risk_heard": ("风险录音", "Risk-picked"), "monitor": ("监听人", "Monitor"), "overdue": ("逾期", "Overdue"),
    "planned": ("分配", "Planned"), "sample_sum": ("随机录音应听 {}，已听 {}，还差 {}。", "{} random calls to hear, {} heard, {} short."),
    "sample_seed": ("种子 {}，总体校验码 {}：据此可重抽出同一计划。", "Seed {}, calls with SHA-256 {}: both give this plan again."),
    "no_plan": ("还没有抽样计划。tingjian sample --workspace … --into-queue 生成并保存。", "No plan is kept yet: tingjian sample --workspace … --into-queue makes one."),
    "why_more": ("多听的原因", "More, because"), "still_to_hear": ("还没听的", "Still to hear"), "picked_as": ("抽取方式", "Picked"), "check_on": ("应在", "Check on"),
    "estimates": ("由样本推算全部通话", "What the heard calls say of all"), "estimates_note": (
        "按抽中机会加权，风险录音各按一通计，挑选不造成偏差；括号内为 95% 区间。",
        "Weighed by chance, risk-picked calls by 1, so choosing biases nothing; in brackets the 95 % interval."),
    "estimate": ("推算", "Estimate"), "from_calls": ("依据通数", "From calls"), "random_alone": ("仅随机录音", "Random calls alone"),
    "picked_random": ("随机", "random"), "picked_risk": ("风险", "risk"), "picked_line": ("补业务", "line"),
}
