"""Words around the numbers that open their calls."""
from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "teams_and_agents": ("班组与坐席", "Teams and agents"), "groups_note": ("{} 以来的通话，未达标占比高的在前；均分只算随机抽样。", "Calls since {}; the largest share below standard first. Means are over the random sample alone."),
    "first_of_agents": ("只列前 {} 人，共 {} 人。", "The first {} of {} agents."), "all_agents_word": ("全部列出", "List all"),
    "load_note": ("{} 起公布的评分；改判率按最近 {} 次评分计算。", "Cards published since {}; the share overridden is that of the last {} reviews."),
    "as_table": ("数字表", "As a table"), "week_of": ("周（周一）", "Week from"), "own_team": ("本组", "own team"), "yours_to_see": ("您可看", "yours to see"),
    "was_fail": ("不通过", "failed"), "was_judged": ("判为通过或不通过", "passed or failed"), "narrowed_to": ("只看：", "Only:"),
    "without_filter": ("去掉", "Without"), "published_from": ("公布自", "published from"), "published_before": ("公布早于", "published before"),
    "was_alarm": ("误报", "false alarms"), "was_missed": ("漏报", "missed"), "was_agreed": ("一致", "agreed"), "was_overruled": ("改判", "overruled"),
    "outcome_low_score": ("机评低于 80 分", "draft under 80"), "outcome_complaint": ("有投诉", "with a complaint"), "outcome_long_call": ("超过 5 分钟", "over 5 minutes"),
    "was_decided": ("机器已判", "machine decided"), "was_reviewed": ("全部", "all reviews"),
}
